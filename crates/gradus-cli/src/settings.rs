//! What a training run is made of: model, data, optimiser, schedule. A recipe states some of them; a run's `config.toml`
//! holds all, so that a run can be continued or repeated.

use crate::aim::{self, Aim};
use crate::augmentation::{self, Evaluation};
use crate::datasets;
use crate::error::{CliError, Result};
use crate::model_file::Network;
use crate::suggest::unknown;
use crate::training::Training;
use gradus::data::Split;
use gradus::models::ZOO;
use gradus::train::optim::{Adadelta, Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd};
use gradus::train::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// The version of `config.toml` that this program writes; it reads all up to it.
pub const VERSION: u32 = 1;

/// Names of optimisers.
pub const OPTIMIZERS: &[&str] =
    &["sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop", "windowgrad"];
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

/// All settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The version of this format.
    pub version: u32,
    /// The recipe it was made from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// A network of the zoo.
    pub model: String,
    /// The trained model to begin with: a run, a file, or the name of an imported network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A named data set or a path.
    pub data: String,
    /// The column of a CSV file that holds the label, by name or by number from 1, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The columns of a CSV file whose numbers are to be learned instead of a label, by name or by number from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "aim::names")]
    pub target: Vec<String>,
    /// Which samples are held out to test, of data that bring no test part: see [`gradus::data::Split`]. Without it they are
    /// those that a new run holds out, or in a run of before, which had no such entry, those of fixed places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Passes over the training data.
    pub epochs: u64,
    /// Samples in a batch.
    pub batch: usize,
    /// The seed of weights, order and dropout.
    pub seed: u64,
    /// Where it is computed.
    pub device: String,
    /// The share of the training data held out to choose the best epoch; 0 for none.
    pub validation_split: f64,
    /// So many batches of each epoch at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_batches: Option<usize>,
    /// Whether to train on one batch again and again.
    pub overfit_one_batch: bool,
    /// Seconds between checkpoints within an epoch.
    pub checkpoint_every: u64,
    /// Random changes of training images: see [`crate::augmentation`].
    pub augment: Vec<String>,
    /// What images are tested on, if not as they are: see [`crate::augmentation`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluate: Vec<String>,
    /// How the network differs from the published one.
    #[serde(default, skip_serializing_if = "Network::is_published")]
    pub network: Network,
    /// How the parameters move.
    pub optimizer: OptimizerSettings,
    /// The rate over the steps.
    pub schedule: ScheduleSettings,
    /// How steps are taken and when training ends.
    #[serde(default)]
    pub training: Training,
}

/// An optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// One of [`OPTIMIZERS`].
    pub name: String,
    /// The base rate.
    pub learning_rate: f64,
    /// λ, decay of weights.
    pub weight_decay: f64,
    /// μ of `sgd` and `rmsprop`.
    pub momentum: f64,
    /// Nesterov's look-ahead, of `sgd`.
    #[serde(default)]
    pub nesterov: bool,
}

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

impl Settings {
    /// Settings that work for a network of the zoo on the embedded digits.
    pub fn of_model(name: &str) -> Result<Settings> {
        known_model(name)?;
        let mut optimizer = default_optimizer("adam");
        // Few weights, each shared by many places, bear larger steps.
        match name {
            "convnetjs" => optimizer.learning_rate = 0.01,
            name if name.starts_with("lenet") => optimizer.learning_rate = 0.005,
            _ => {}
        }
        Ok(Settings {
            version: VERSION,
            recipe: None,
            model: name.into(),
            from: None,
            data: "mnist-5k".into(),
            label: None,
            target: vec![],
            split: None,
            epochs: 15,
            batch: 32,
            seed: 0,
            device: "cpu".into(),
            validation_split: 0.0,
            limit_batches: None,
            overfit_one_batch: false,
            checkpoint_every: 60,
            augment: default_augment("mnist-5k"),
            evaluate: vec![],
            network: Network::default(),
            optimizer,
            schedule: ScheduleSettings {
                name: "one-cycle".into(),
                warm_up: 0,
                every: 10,
                milestones: vec![],
                gamma: 0.1,
                cycle_momentum: false,
            },
            training: Training::default(),
        })
    }

    /// Changes what suits other data better than the embedded digits. What a recipe states holds for other data, too.
    pub fn suit(&mut self, data: &str) {
        self.data = data.into();
        (self.label, self.target, self.split) = (None, vec![], None);
        if self.recipe.is_some() {
            return;
        }
        self.augment = default_augment(data);
        // With many more samples there are steps enough for larger batches, whose gradients are less noisy, or for smaller steps.
        match &*self.model {
            "lenet" if data != "mnist-5k" => {
                (self.batch, self.optimizer.learning_rate) = (128, 0.004);
            }
            "convnetjs" if data != "mnist-5k" => self.optimizer.learning_rate = 0.003,
            _ => {}
        }
    }

    /// The rule by which samples are held out, if it is stated.
    pub fn rule(&self) -> Result<Option<Split>> {
        datasets::split(self.split.as_deref(), &self.data)
    }

    /// What is learned, by which loss, measured how.
    pub fn aim(&self) -> Result<Aim> {
        Aim::new(&self.target, self.training.loss.as_deref(), &self.training.metrics)
    }

    /// Refuses targets that these data or settings cannot have.
    fn check_target(&self) -> Result<()> {
        datasets::target(&self.target, &self.data)?;
        self.aim()?;
        let Some(first) = self.target.first() else { return Ok(()) };
        let found = |what: &str, found: &str, expected: &str| {
            let what =
                format!("{what}: found {found} with the target {first}, expected {expected}");
            Err(CliError::Usage(what))
        };
        match (&self.label, self.training.class_weights) {
            (Some(label), _) => found("label", label, "either a label or targets"),
            (_, Some(_)) => found("class-weights", "them", "classes to weigh"),
            _ => Ok(()),
        }
    }

    /// The TOML text.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are a table")
    }

    /// Refuses values that cannot work.
    pub fn check(&self) -> Result<()> {
        let require = |ok: bool, what: &str, found: &dyn std::fmt::Display, expected: &str| match ok
        {
            true => Ok(()),
            false => Err(CliError::Usage(format!("{what}: found {found}, expected {expected}"))),
        };
        require(
            (1..=VERSION).contains(&self.version),
            "version",
            &self.version,
            &format!("at most {VERSION}; a newer gradus wrote this"),
        )?;
        known_model(&self.model)?;
        known("optimizer", &self.optimizer.name, OPTIMIZERS)?;
        known("schedule", &self.schedule.name, SCHEDULES)?;
        device(&self.device)?;
        datasets::label(self.label.as_deref(), &self.data)?;
        self.check_target()?;
        self.rule()?;
        self.augment.iter().try_for_each(|a| augmentation::check(a))?;
        Evaluation::of(&self.evaluate)?;
        require(self.epochs > 0, "epochs", &self.epochs, "at least 1")?;
        require(self.batch > 0, "batch", &self.batch, "at least 1")?;
        require(self.limit_batches != Some(0), "limit-batches", &0, "at least 1")?;
        self.network.check(&self.model).map_err(CliError::Usage)?;
        let rate = self.optimizer.learning_rate;
        require(rate > 0.0 && rate.is_finite(), "learning rate", &rate, "a positive number")?;
        let OptimizerSettings { name, weight_decay, momentum, nesterov, .. } = &self.optimizer;
        let decay_fits = *weight_decay >= 0.0 && weight_decay.is_finite();
        require(decay_fits, "weight-decay", weight_decay, "0 or more")?;
        require((0.0..1.0).contains(momentum), "momentum", momentum, "from 0 to below 1")?;
        let has_momentum = ["sgd", "rmsprop"].contains(&&**name);
        require(*momentum == 0.0 || has_momentum, "momentum", name, "sgd or rmsprop with it")?;
        require(!nesterov || name == "sgd", "nesterov", name, "sgd with it")?;
        let looks_ahead = !nesterov || *momentum > 0.0;
        require(looks_ahead, "nesterov", &"no momentum", "a momentum to look ahead along")?;
        let ScheduleSettings { every, gamma, .. } = &self.schedule;
        require(*every > 0, "drop-every", every, "at least 1")?;
        require(*gamma > 0.0 && *gamma <= 1.0, "drop-factor", gamma, "above 0 and up to 1")?;
        let ScheduleSettings { name, milestones, .. } = &self.schedule;
        let drops = name != "milestones" || !milestones.is_empty();
        require(drops, "milestones", &"none", "the epochs after which the rate drops: 10,20")?;
        if self.schedule.cycle_momentum {
            require(name == "one-cycle", "cycle-momentum", name, "one-cycle with it")?;
            let optimizer = &self.optimizer.name;
            let cycles = ["sgd", "adam", "adamw"].contains(&&**optimizer);
            require(cycles, "cycle-momentum", optimizer, "sgd, adam or adamw with it")?;
        }
        let share = self.validation_split;
        require((0.0..1.0).contains(&share), "validation", &share, "a share from 0 to 1")?;
        self.training.check(share > 0.0)
    }

    /// The optimiser.
    pub fn optimizer(&self) -> Box<dyn Optimizer> {
        let OptimizerSettings { name, learning_rate, weight_decay, momentum, nesterov } =
            &self.optimizer;
        let (rate, decay) = (*learning_rate, *weight_decay);
        match &**name {
            "sgd" => {
                let sgd = Sgd::new(rate).momentum(*momentum).weight_decay(decay);
                Box::new(if *nesterov { sgd.nesterov() } else { sgd })
            }
            "adam" => Box::new(Adam::new(rate).weight_decay(decay)),
            "adamw" => Box::new(AdamW::new(rate).weight_decay(decay)),
            "adagrad" => Box::new(Adagrad::new(rate).weight_decay(decay)),
            "adadelta" => Box::new(Adadelta::new(rate).weight_decay(decay)),
            "rmsprop" => Box::new(RmsProp::new(rate).momentum(*momentum).weight_decay(decay)),
            "windowgrad" => Box::new(RmsProp::window_grad(rate).weight_decay(decay)),
            name => unreachable!("{name} was checked"),
        }
    }

    /// How images are shown to be tested: as stated, or brought to the size of the training images.
    pub fn shown(&self) -> Result<Vec<String>> {
        let (_, side) = augmentation::sides(&self.augment)?;
        let like_training = || side.map(|side| format!("resize({side})")).into_iter().collect();
        Ok(if self.evaluate.is_empty() { like_training() } else { self.evaluate.clone() })
    }

    /// The schedule, for epochs of so many batches.
    pub fn schedule(&self, batches: u64) -> Schedule {
        let ScheduleSettings { name, warm_up, every, milestones, gamma, cycle_momentum } =
            &self.schedule;
        // The steps of so many epochs: one may take batches of two.
        let accumulate = self.training.accumulate.max(1) as u64;
        let after = |epochs: u64| epochs.saturating_mul(batches) / accumulate;
        let warm_up = after(*warm_up);
        let steps = after(self.epochs).saturating_sub(warm_up).max(1);
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

/// An optimiser at a rate that suits it.
pub fn default_optimizer(name: &str) -> OptimizerSettings {
    let (learning_rate, momentum) = match name {
        "sgd" => (0.05, 0.9),
        "adagrad" => (0.01, 0.0),
        "adadelta" => (1.0, 0.0),
        "rmsprop" | "windowgrad" => (0.001, 0.0),
        _ => (0.003, 0.0),
    };
    let weight_decay = if name == "adamw" { 0.01 } else { 0.0 };
    OptimizerSettings { name: name.into(), learning_rate, weight_decay, momentum, nesterov: false }
}

/// Digits that are turned a little are still the same digits; of other data, whatever their file is called, that is not known.
fn default_augment(data: &str) -> Vec<String> {
    let digits = ["mnist", "mnist-5k"].contains(&data);
    let changes: &[&str] = if digits { &["affine"] } else { &[] };
    changes.iter().map(|&name| name.into()).collect()
}

/// Refuses a name that is not among those known.
fn known(kind: &str, name: &str, names: &[&str]) -> Result<()> {
    if names.contains(&name) { Ok(()) } else { Err(unknown(kind, name, names)) }
}

/// A network of the zoo, or a file that defines one.
fn known_model(name: &str) -> Result<()> {
    match crate::model_file::is_definition(name) {
        true => Ok(()),
        false => known("model", name, &ZOO.iter().map(|e| e.name).collect::<Vec<_>>()),
    }
}

/// Refuses a device that this program cannot compute on.
fn device(name: &str) -> Result<()> {
    known("device", name, &["cpu"])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step may take batches of two epochs: six epochs of three batches are nine steps of two.
    #[test]
    fn schedules_end_with_the_last_step() {
        let mut s = Settings::of_model("mlp").unwrap();
        (s.epochs, s.training.accumulate) = (6, 2);
        assert_eq!(s.schedule(3), Schedule::one_cycle(9));
        s.schedule.warm_up = 2;
        assert_eq!(s.schedule(3), Schedule::one_cycle(6).warm_up(3));
        (s.schedule.name, s.schedule.warm_up) = ("exponential".into(), 0);
        assert!((s.schedule(3).rate(1.0, 3) - 0.01).abs() < 1e-12, "two epochs");
        s.training.accumulate = 1;
        (s.schedule.name, s.schedule.cycle_momentum) = ("one-cycle".into(), true);
        assert_eq!(s.schedule(3).momentum(0), Some(0.95));
        assert!(s.check().is_ok());
        s.schedule.name = "cosine".into();
        assert!(s.check().unwrap_err().to_string().contains("expected one-cycle with it"));
        s.schedule.cycle_momentum = false;
        assert_eq!(s.schedule(3), Schedule::cosine(18));
    }

    #[test]
    fn a_warm_up_without_end() {
        let mut s = Settings::of_model("mlp").unwrap();
        s.schedule.warm_up = u64::MAX;
        let rate = s.schedule(1000).rate(1.0, 1_000_000);
        assert!((rate - 0.1).abs() < 1e-6, "still at its beginning: {rate}");
    }
}
