//! The schedule of a run's learning rate, by name: `[schedule]` in a recipe.

use super::{STEPS, known, require};
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSettings {
    /// One of [`SCHEDULES`].
    #[arg(id = "schedule", long, value_name = "NAME",
          help = format!("The learning rate's schedule: {}", SCHEDULES.join(", ")))]
    pub name: String,
    /// Epochs of linear warm-up before the schedule
    #[arg(long, value_name = "EPOCHS", help_heading = STEPS)]
    pub warm_up: u64,
    /// Epochs between drops (step), to the first restart (cosine-restarts), or without improvement (plateau)
    #[arg(id = "drop-every", long, value_name = "EPOCHS", help_heading = STEPS)]
    pub every: u64,
    /// The epochs after which the rate drops (milestones)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "EPOCHS", value_delimiter = ',', help_heading = STEPS)]
    pub milestones: Vec<u64>,
    /// The factor of a drop (step, milestones, plateau) or of every epoch (exponential)
    #[arg(id = "drop-factor", long, value_name = "X", help_heading = STEPS)]
    pub gamma: f64,
    /// Let the momentum (sgd's μ, Adam's β₁) fall from 0.95 to 0.85 while the rate rises, and come back (one-cycle)
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[arg(id = "cycle-momentum", long, help_heading = STEPS)]
    pub cycle_momentum: bool,
}

/// Options that only some schedules look at, by their ids.
pub const LOOKED_AT_BY: &[(&str, &[&str])] = &[
    ("drop-every", &["step", "cosine-restarts", "plateau"]),
    ("drop-factor", &["step", "milestones", "plateau", "exponential"]),
    ("milestones", &["milestones"]),
    ("cycle-momentum", &["one-cycle"]),
];

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

    /// Refuses milestones that are not in their order. A run of before goes on with them in any order.
    pub fn check_order(&self) -> Result<()> {
        let found: Vec<String> = self.milestones.iter().map(u64::to_string).collect();
        let rising = self.milestones.is_sorted();
        require(rising, "milestones", &found.join(", "), "epochs in rising order")
    }

    /// The schedule, for so many epochs of so many batches, of which a step takes `accumulate`.
    pub fn build(&self, epochs: u64, batches: u64, accumulate: u64) -> Schedule {
        let ScheduleSettings { name, warm_up, every, milestones, gamma, cycle_momentum } = self;
        // Each epoch ends with a step, of the batches that are left.
        let each = batches.div_ceil(accumulate);
        let after = |epochs: u64| epochs.saturating_mul(each);
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
            "exponential" => Schedule::Exponential { gamma: gamma.powf(1.0 / each.max(1) as f64) },
            name => unreachable!("{name} was checked"),
        };
        if warm_up > 0 { schedule.warm_up(warm_up) } else { schedule }
    }
}
