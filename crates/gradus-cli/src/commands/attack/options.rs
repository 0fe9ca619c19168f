//! Which attack, and how strong.

use super::Args;
use crate::epsilon::distance;
use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::see::attack::{
    Apgd, Attack, AutoAttack, Boundary, CarliniWagner, DeepFool, Fgsm, Norm, Pgd, Square,
};

/// The names of the attacks.
pub const KINDS: &[&str] =
    &["fgsm", "pgd", "pgd-l2", "apgd-ce", "apgd-t", "square", "auto", "deepfool", "cw", "boundary"];

/// An attack by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Steps along the gradient within a distance in L∞, or one.
    Fgsm,
    Pgd,
    PgdL2,
    ApgdCe,
    ApgdT,
    /// Several of them in turn.
    Auto,
    DeepFool,
    CarliniWagner,
    Square,
    Boundary,
}

impl Kind {
    /// The one of this name.
    ///
    /// # Errors
    /// When there is none; the nearest is named.
    pub fn named(name: &str) -> Result<Kind> {
        match name {
            "fgsm" => Ok(Kind::Fgsm),
            "pgd" => Ok(Kind::Pgd),
            "pgd-l2" => Ok(Kind::PgdL2),
            "apgd-ce" => Ok(Kind::ApgdCe),
            "apgd-t" => Ok(Kind::ApgdT),
            "auto" => Ok(Kind::Auto),
            "deepfool" => Ok(Kind::DeepFool),
            "cw" => Ok(Kind::CarliniWagner),
            "square" => Ok(Kind::Square),
            "boundary" => Ok(Kind::Boundary),
            _ => Err(unknown("attack", name, KINDS)),
        }
    }
    /// Whether it looks for the least change, instead of staying within one that is given.
    pub fn is_of_least_change(self) -> bool {
        matches!(self, Kind::DeepFool | Kind::CarliniWagner | Kind::Boundary)
    }
    /// Whether it can go to a class that is given.
    pub fn takes_a_target(self) -> bool {
        !matches!(self, Kind::DeepFool | Kind::Boundary | Kind::ApgdT)
    }
    /// Whether its distances are changes of single pixels.
    pub fn is_linf(self) -> bool {
        !self.is_of_least_change() && self != Kind::PgdL2
    }
    /// Whether it has steps of a length that can be chosen.
    fn has_step_size(self) -> bool {
        matches!(self, Kind::Pgd | Kind::PgdL2 | Kind::CarliniWagner)
    }
}

/// An attack and its distances.
pub struct Strength {
    /// Which.
    pub kind: Kind,
    /// How far pictures may go; of an attack that looks for the least change there may be none.
    pub epsilons: Vec<Epsilon>,
    steps: Option<usize>,
    step_size: Option<f64>,
    restarts: usize,
}

/// A distance, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Epsilon {
    /// As it was written.
    pub text: String,
    /// What it comes to.
    pub value: f64,
}

impl Strength {
    /// What the options say.
    pub fn of(args: &Args, kind: Kind) -> Result<Strength> {
        let refuse = |what: String| Err(CliError::Usage(what));
        let mut written: Vec<&str> = args.epsilon.iter().map(String::as_str).collect();
        if written.is_empty() && !kind.is_of_least_change() {
            written.push(if kind == Kind::PgdL2 { "0.5" } else { "8/255" });
        }
        let mut epsilons = vec![];
        for text in written {
            epsilons.push(Epsilon {
                text: text.trim().into(),
                value: distance_of("epsilon", text, kind.is_linf())?,
            });
        }
        let name = &args.with;
        if args.step_size.is_some() && !kind.has_step_size() {
            return refuse(format!("--step-size: {name} has none, pgd, pgd-l2 and cw have"));
        }
        if args.restarts > 1 && !matches!(kind, Kind::Pgd | Kind::PgdL2) {
            return refuse(format!(
                "--restarts: {name} begins once, pgd and pgd-l2 begin as often as wanted"
            ));
        }
        if args.steps.is_some_and(|n| n > 1) && kind == Kind::Fgsm {
            return refuse("--steps: fgsm is one step; pgd takes several".into());
        }
        let steps = args.steps.map(|n| n as usize);
        let step_size = args
            .step_size
            .as_deref()
            .map(|text| distance_of("step-size", text, false))
            .transpose()?;
        Ok(Strength { kind, epsilons, steps, step_size, restarts: args.restarts as usize })
    }

    /// The attack at a distance.
    pub fn attack(&self, epsilon: f64) -> Box<dyn Attack> {
        let (steps, restarts, step_size) = (self.steps, self.restarts, self.step_size);
        let pgd = Pgd { steps: steps.unwrap_or(20), restarts, step_size, ..Pgd::within(epsilon) };
        let apgd = |apgd: Apgd| Apgd { steps: steps.unwrap_or(apgd.steps), ..apgd };
        match self.kind {
            Kind::ApgdCe => Box::new(apgd(Apgd::within(epsilon))),
            Kind::ApgdT => Box::new(apgd(Apgd::targeted(epsilon))),
            Kind::Auto => {
                let auto = AutoAttack::within(epsilon);
                Box::new(AutoAttack { steps: steps.unwrap_or(auto.steps), ..auto })
            }
            Kind::Fgsm => Box::new(Fgsm { epsilon }),
            Kind::Pgd => Box::new(pgd),
            Kind::PgdL2 => Box::new(Pgd { norm: Norm::L2, ..pgd }),
            Kind::Square => {
                let square = Square::within(epsilon);
                Box::new(Square { steps: steps.unwrap_or(square.steps), ..square })
            }
            Kind::DeepFool => {
                let fool = DeepFool::default();
                Box::new(DeepFool { steps: steps.unwrap_or(fool.steps), ..fool })
            }
            Kind::CarliniWagner => {
                let cw = CarliniWagner::default();
                Box::new(CarliniWagner {
                    steps: steps.unwrap_or(cw.steps),
                    step_size: step_size.unwrap_or(cw.step_size),
                    ..cw
                })
            }
            Kind::Boundary => {
                let walk = Boundary::default();
                Box::new(Boundary { steps: steps.unwrap_or(walk.steps), ..walk })
            }
        }
    }
}

/// A distance that an option says.
fn distance_of(option: &str, text: &str, of_a_pixel: bool) -> Result<f64> {
    distance(text, of_a_pixel).map_err(|what| CliError::Usage(format!("--{option}: {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_attack_that_says_so() {
        for name in KINDS {
            let kind = Kind::named(name).unwrap();
            let strength =
                Strength { kind, epsilons: vec![], steps: None, step_size: None, restarts: 1 };
            assert_eq!(strength.attack(0.1).name(), *name);
        }
        assert!(Kind::named("pdg").unwrap_err().to_string().contains("did you mean \"pgd\"?"));
    }
}
