//! The schedule of a run's learning rate, by name: `[schedule]` in a recipe.

use super::{known, require};
use crate::error::Result;
use gradus::train::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// Names of schedules.
pub const SCHEDULES: &[&str] = &[
    "constant",
    "one-cycle",
    "cosine",
    "cosine-restarts",
    "linear",
    "step",
    "milestones",
    "exponential",
    "plateau",
];

/// A schedule; it ends with the last epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// One of [`SCHEDULES`].
    pub name: String,
    /// Epochs of linear warm-up before it.
    pub warm_up: u64,
    /// Epochs between two drops of `step`, to the first restart of `cosine-restarts`, and without improvement before a drop of
    /// `plateau`.
    pub every: u64,
    /// The epochs after which `milestones` drops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<u64>,
    /// The factor of `step`, `milestones`, `plateau` and, per epoch, of `exponential`.
    pub gamma: f64,
    /// Whether `one-cycle` cycles the momentum, too: sgd's μ or Adam's β₁, from 0.95 to 0.85 and back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cycle_momentum: bool,
}

/// Lowest and highest momentum of a cycle, as in PyTorch.
const MOMENTA: (f64, f64) = (0.85, 0.95);

impl Default for ScheduleSettings {
    fn default() -> ScheduleSettings {
        ScheduleSettings {
            name: "one-cycle".into(),
            warm_up: 0,
            every: 10,
            milestones: vec![],
            gamma: 0.1,
            cycle_momentum: false,
        }
    }
}

impl ScheduleSettings {
    /// Refuses values that cannot work, or not with the optimiser of this name.
    pub fn check(&self, optimizer: &str) -> Result<()> {
        let ScheduleSettings { name, every, milestones, gamma, cycle_momentum, .. } = self;
        known("schedule", name, SCHEDULES)?;
        require(*every > 0, "drop-every", every, "at least 1")?;
        require(*gamma > 0.0 && *gamma <= 1.0, "drop-factor", gamma, "above 0 and up to 1")?;
        let drops = name != "milestones" || !milestones.is_empty();
        require(drops, "milestones", &"none", "the epochs after which the rate drops: 10,20")?;
        if *cycle_momentum {
            require(name == "one-cycle", "cycle-momentum", name, "one-cycle with it")?;
            let cycles = ["sgd", "adam", "adamw"].contains(&optimizer);
            require(cycles, "cycle-momentum", &optimizer, "sgd, adam or adamw with it")?;
        }
        Ok(())
    }

    /// The schedule, for so many epochs of so many batches, of which a step takes `accumulate`.
    pub fn build(&self, epochs: u64, batches: u64, accumulate: u64) -> Schedule {
        let ScheduleSettings { name, warm_up, every, milestones, gamma, cycle_momentum } = self;
        // The steps of so many epochs: one may take batches of two.
        let after = |epochs: u64| epochs.saturating_mul(batches) / accumulate;
        let warm_up = after(*warm_up);
        let steps = after(epochs).saturating_sub(warm_up).max(1);
        let schedule = match &**name {
            // Its rise and fall need a step each.
            "one-cycle" if steps >= 4 && *cycle_momentum => {
                Schedule::one_cycle(steps).cycle_momentum(MOMENTA.0, MOMENTA.1)
            }
            "one-cycle" if steps >= 4 => Schedule::one_cycle(steps),
            // A plateau is seen after an epoch, by a callback.
            "constant" | "one-cycle" | "plateau" => Schedule::Constant,
            "cosine-restarts" => {
                Schedule::CosineRestarts { first: after(*every), growth: 2, floor: 0.0 }
            }
            "cosine" => Schedule::cosine(steps),
            "linear" => Schedule::Polynomial { steps, power: 1.0 },
            "step" => Schedule::Step { every: after(*every), gamma: *gamma },
            "milestones" => {
                let milestones = milestones.iter().map(|&epoch| after(epoch)).collect();
                Schedule::MultiStep { milestones, gamma: *gamma }
            }
            "exponential" => Schedule::Exponential {
                gamma: gamma.powf(accumulate as f64 / batches.max(1) as f64),
            },
            name => unreachable!("{name} was checked"),
        };
        if warm_up > 0 { schedule.warm_up(warm_up) } else { schedule }
    }
}
