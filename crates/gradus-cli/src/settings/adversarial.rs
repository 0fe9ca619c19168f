//! Adversarial training, as far as it is settings: `adversarial` and what is beside it in `[training]`.

use super::training::Training;
use crate::error::{CliError, Result};
use gradus::see::attack::{Pgd, Start};

/// By which attacks pictures to train on are made.
pub const HARDENING: &[&str] = &["pgd", "fgsm"];
/// How far pixels go, and how many steps pgd takes, if nobody says.
const EPSILON: f64 = 8.0 / 255.0;
const STEPS: usize = 7;

impl Training {
    /// States what an adversarial training goes by, so that the run goes on with it whatever later versions have for usual.
    pub fn state_adversarial(&mut self) {
        let Some(attack) = self.adversarial.as_deref() else { return };
        let epsilon = *self.epsilon.get_or_insert(EPSILON);
        if attack == "pgd" {
            let steps = *self.attack_steps.get_or_insert(STEPS);
            self.attack_step_size.get_or_insert(2.5 * epsilon / steps.max(1) as f64);
        }
    }

    /// Refuses values that cannot work.
    pub(super) fn check_adversarial(&self) -> Result<()> {
        let refuse = |what: String| Err(CliError::Usage(what));
        let Some(attack) = self.adversarial.as_deref() else {
            let lone = [
                ("epsilon", self.epsilon),
                ("attack-steps", self.attack_steps.map(|n| n as f64)),
                ("attack-step-size", self.attack_step_size),
            ];
            return match lone.into_iter().find_map(|(name, x)| Some((name, x?))) {
                Some((name, x)) => refuse(format!(
                    "{name}: found {x} without adversarial, expected it with adversarial pgd or fgsm"
                )),
                None => Ok(()),
            };
        };
        if !HARDENING.contains(&attack) {
            return Err(crate::suggest::unknown("attack to train by", attack, HARDENING));
        }
        if let Some(x) = self.epsilon.filter(|x| !(*x > 0.0 && *x <= 1.0)) {
            return refuse(format!("epsilon: found {x}, expected a number above 0 and up to 1"));
        }
        if self.attack_steps == Some(0) {
            return refuse("attack-steps: found 0, expected at least 1".into());
        }
        if let Some(x) = self.attack_step_size.filter(|x| !(*x > 0.0 && x.is_finite())) {
            return refuse(format!("attack-step-size: found {x}, expected a number above 0"));
        }
        if attack == "fgsm" && (self.attack_steps.is_some() || self.attack_step_size.is_some()) {
            return refuse("attack-steps: fgsm is one step of epsilon; pgd takes several".into());
        }
        Ok(())
    }

    /// What pictures to train on are attacked by, if they are.
    pub fn attack(&self) -> Option<Pgd> {
        let attack = self.adversarial.as_deref()?;
        let epsilon = self.epsilon.unwrap_or(EPSILON);
        let pgd = Pgd::within(epsilon);
        Some(match attack {
            "fgsm" => Pgd { steps: 1, step_size: Some(epsilon), start: Start::Picture, ..pgd },
            _ => Pgd {
                steps: self.attack_steps.unwrap_or(STEPS),
                step_size: self.attack_step_size,
                ..pgd
            },
        })
    }
}
