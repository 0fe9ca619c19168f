//! What a training run is made of: model, data, optimiser, schedule. A recipe states some of them; a run's `config.toml`
//! holds all, so that a run can be continued or repeated. Each is written once: a field here, or in a table below, is an entry of
//! these files and, where it says `#[arg(long)]`, an option of `gradus train`, whose help is the field's first lines.

mod adversarial;
mod optimizer;
mod schedule;
mod sequence;
mod size;
mod systems;
mod training;

use crate::aim::{self, Aim};
use crate::augmentation::{self, Augmentation, Evaluation, Shown};
use crate::columns;
use crate::computing::device_of;
use crate::error::{CliError, Result};
use crate::network::{Network, is_definition};
use crate::suggest::{unknown, unknown_model};
use crate::table_form::{Cells, DecimalIs, HeaderIs, MissingRule};
use gradus::data::Split;
use gradus::models::ZOO;
use gradus::train::optim::Optimizer;
use gradus::train::schedule::Schedule;
pub use optimizer::{OptimizerSettings, default_optimizer};
pub use schedule::{LOOKED_AT_BY, ScheduleSettings};
pub use sequence::SequenceSettings;
use serde::{Deserialize, Serialize};
pub use size::{BySize, SMALL_BATCH};
pub use systems::{GENERATED, Known, SYSTEMS, find_system};
pub use training::{ClassWeights, GroupSettings, Training};

/// The version of `config.toml` that this program writes; it reads all up to it. Before 2 changes of images were texts.
pub const VERSION: u32 = 2;

/// The heading of options that are not needed every day.
pub const STEPS: &str = "How steps are taken, when training ends";

/// All settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The version of this format.
    #[arg(skip)]
    pub version: u32,
    /// The recipe it was made from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(skip)]
    pub recipe: Option<String>,
    /// A network of the zoo, or the file of one.
    #[arg(skip)]
    pub model: String,
    /// Begin with the weights of a trained model: a run, a model's file, or the name of a network that was imported. For other
    /// classes its classifier is made anew
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "RUN|MODEL_FILE|NAME")]
    pub from: Option<String>,
    /// A data set's name (see `gradus data list`), a folder or a CSV file; - reads one from stdin [default: mnist-5k]
    #[arg(long, value_name = "NAME|DIR|CSV")]
    pub data: String,
    /// The column of a CSV file that holds the label: its name, or its number from 1 [default: the one called label, class or
    /// target, or else the last]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Columns of a CSV file whose numbers are to be learned instead of a label: names, or numbers from 1, with commas between them.
    /// With --loss bce each is a yes (1) or no (0) of its own
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "aim::names")]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = trimmed)]
    pub target: Vec<String>,
    /// Columns of a CSV file that it does not learn from, such as names: names, or numbers from 1, with commas between them
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "aim::names")]
    #[arg(long, visible_alias = "drop", value_name = "COLUMNS", value_delimiter = ',', value_parser = trimmed)]
    pub leave_out: Vec<String>,
    /// Whether the first line of a CSV file is a header [default: it is, if it holds no number or its numbers only count on]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "YES|NO")]
    pub header: Option<HeaderIs>,
    /// What becomes of rows of a CSV file that lack a value (empty, NA, NaN, ?, null): drop leaves them out, mean puts the mean of
    /// the column there, over the rows that are trained on [default: they are refused]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "DROP|MEAN")]
    pub missing: Option<MissingRule>,
    /// Texts that stand for a missing value in a CSV file beside those, with commas between them: -999,unknown
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "aim::names")]
    #[arg(long, value_name = "TEXTS", value_delimiter = ',', allow_hyphen_values = true, value_parser = trimmed)]
    pub missing_values: Vec<String>,
    /// Which mark is before decimals in a CSV file [default: what its numbers show]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "COMMA|POINT")]
    pub decimal: Option<DecimalIs>,
    /// Leave out pictures of a folder that cannot be read (each is decoded once before training) and rows of a CSV file with another
    /// number of fields; the run keeps which they are [default: they are refused]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[arg(long)]
    pub skip_unreadable: bool,
    // Without it they are those that a new run holds out, or in a run of before, which had no such entry, those of fixed places.
    /// Which samples are held out to test, of data without a test part: hash (a fifth, by what a sample holds: another file's order or
    /// more rows move none), position (a fifth of each class, by place), time (the last fifth; time:COLUMN goes by a column),
    /// group:COLUMN (rows of one value stay together) or file:PATH (another CSV file, or a list of pictures) [default: hash]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "RULE")]
    pub split: Option<String>,
    /// Passes over the training data [default: 15; of a small table as many as make 1,200 steps, up to 200]
    #[arg(long, value_name = "N")]
    pub epochs: u64,
    /// Samples in a batch [default: 32; of a table 16 for up to 1,000 rows to train on, 8 for up to 100]
    #[arg(long, value_name = "N")]
    pub batch: usize,
    /// The seed of weights, order and dropout: same seed, same bits
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// Where to compute (see `gradus devices`)
    #[arg(long, value_name = "DEVICE")]
    pub device: String,
    /// Hold out this share of the training data and keep the epoch that is best on it
    #[arg(long, visible_alias = "validation", value_name = "SHARE", num_args = 0..=1,
          default_missing_value = "0.1")]
    pub validation_split: f64,
    /// Only so many batches of each epoch: a quick trial run
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub limit_batches: Option<usize>,
    /// Train on one batch again and again: a network that cannot learn it has a mistake
    #[arg(long, visible_alias = "overfit-batch")]
    pub overfit_one_batch: bool,
    /// Seconds between checkpoints within an epoch
    #[arg(long, value_name = "SECS")]
    pub checkpoint_every: u64,
    /// Random changes of training images.
    #[serde(deserialize_with = "augmentation::entries")]
    #[arg(skip)]
    pub augment: Vec<Augmentation>,
    /// How images are shown to be tested, if not brought to the size of the training images.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "augmentation::entries"
    )]
    #[arg(skip)]
    pub evaluate: Vec<Shown>,
    /// How the network differs from the published one.
    #[serde(default, skip_serializing_if = "Network::is_published")]
    #[command(flatten)]
    pub network: Network,
    /// What a network of sequences is made of.
    #[serde(default, skip_serializing_if = "SequenceSettings::is_empty")]
    #[command(flatten)]
    pub sequence: SequenceSettings,
    /// How the parameters move.
    #[command(flatten)]
    pub optimizer: OptimizerSettings,
    /// The rate over the steps.
    #[command(flatten)]
    pub schedule: ScheduleSettings,
    /// How steps are taken and when training ends.
    #[serde(default)]
    #[command(flatten)]
    pub training: Training,
    /// Which of them nobody stated.
    #[serde(skip)]
    #[arg(skip)]
    pub by_size: BySize,
}

/// A name without the blanks around it.
fn trimmed(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.trim().to_owned())
}

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
        let mut settings = Settings {
            version: VERSION,
            recipe: None,
            model: name.into(),
            from: None,
            data: "mnist-5k".into(),
            label: None,
            target: vec![],
            leave_out: vec![],
            header: None,
            missing: None,
            missing_values: vec![],
            decimal: None,
            skip_unreadable: false,
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
            sequence: SequenceSettings::default(),
            optimizer,
            schedule: ScheduleSettings::default(),
            training: Training::default(),
            by_size: BySize::default(),
        };
        if let Some(system) = find_system(name) {
            system.settle(&mut settings);
        }
        Ok(settings)
    }

    /// Changes what suits other data better than the embedded digits. What a recipe states holds for other data, too.
    pub fn suit(&mut self, data: &str) {
        self.data = data.into();
        (self.label, self.target, self.split) = (None, vec![], None);
        self.leave_out.clear();
        self.missing_values.clear();
        (self.header, self.missing, self.decimal) = (None, None, None);
        self.skip_unreadable = false;
        if self.recipe.is_some() || find_system(&self.model).is_some() {
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
        columns::split(self.split.as_deref(), &self.data)
    }

    /// How the cells of a table are read.
    pub fn cells(&self) -> Cells {
        let (header, missing, decimal) = (self.header, self.missing, self.decimal);
        Cells { header, missing, missing_values: self.missing_values.clone(), decimal }
    }

    /// What is learned, by which loss, measured how.
    pub fn aim(&self) -> Result<Aim> {
        Aim::new(&self.target, self.training.loss.as_deref(), &self.training.metrics)
    }

    /// Refuses targets that these data or settings cannot have.
    fn check_target(&self) -> Result<()> {
        columns::target(&self.target, &self.data)?;
        columns::leave_out(&self.leave_out, &self.data)?;
        columns::of_a_table(&self.cells(), &self.data)?;
        columns::of_pictures(self.skip_unreadable, &self.data)?;
        self.aim()?;
        let Some(first) = self.target.first() else { return Ok(()) };
        let found = |what: &str, found: &str, expected: &str| {
            let what =
                format!("{what}: found {found} with the target {first}, expected {expected}");
            Err(CliError::Usage(what))
        };
        match (&self.label, self.training.class_weights) {
            (Some(label), _) => found("label", label, "either a label or targets"),
            (_, Some(_)) => found(
                "class-weights",
                "balanced",
                "classes to weigh: leave it away, or give --label instead of --target",
            ),
            _ => Ok(()),
        }
    }

    /// The TOML text.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are a table")
    }

    /// Refuses values that cannot work.
    pub fn check(&self) -> Result<()> {
        require(
            (1..=VERSION).contains(&self.version),
            "version",
            &self.version,
            &format!("at most {VERSION}; a newer gradus wrote this"),
        )?;
        known_model(&self.model)?;
        device_of(&self.device)?;
        columns::label(self.label.as_deref(), &self.data)?;
        self.check_target()?;
        self.rule()?;
        Evaluation::of(&self.evaluate)?;
        require(self.epochs > 0, "epochs", &self.epochs, "at least 1")?;
        require(self.batch > 0, "batch", &self.batch, "at least 1")?;
        require(self.limit_batches != Some(0), "limit-batches", &0, "at least 1")?;
        if let Some(attack) = &self.training.adversarial {
            if find_system(&self.model).is_some() {
                let what = format!(
                    "adversarial: found {attack} with {}, expected a network that tells classes of pictures apart",
                    self.model
                );
                return Err(CliError::Usage(what));
            }
            require(
                Evaluation::of(&self.shown())?.views() == 1,
                "evaluate",
                &"ten views of each image",
                "one with adversarial",
            )?;
        }
        match find_system(&self.model) {
            Some(system) => system.check(self)?,
            None => {
                self.sequence.check(&self.model, &[])?;
                self.network.check(&self.model).map_err(CliError::Usage)?;
            }
        }
        self.optimizer.check()?;
        self.schedule.check(&self.optimizer.name)?;
        let share = self.validation_split;
        require((0.0..1.0).contains(&share), "validation", &share, "a share from 0 to 1")?;
        self.training.check(share > 0.0)
    }

    /// Refuses what no new run should begin with, though one of before goes on with it.
    pub fn check_new(&self) -> Result<()> {
        self.check()?;
        self.schedule.check_order()?;
        augmentation::check(&self.augment).map_err(|wrong| CliError::Usage(wrong.what))
    }

    /// The optimiser.
    pub fn optimizer(&self) -> Box<dyn Optimizer> {
        self.optimizer.build()
    }

    /// The schedule, for epochs of so many batches.
    pub fn schedule(&self, batches: u64) -> Schedule {
        self.schedule.build(self.epochs, batches, self.training.accumulate.max(1) as u64)
    }

    /// How images are shown to be tested: as stated, or brought to the size of the training images.
    pub fn shown(&self) -> Vec<Shown> {
        let (_, side) = augmentation::sides(&self.augment);
        let like_training = || side.map(|size| Shown::Resize { size }).into_iter().collect();
        if self.evaluate.is_empty() { like_training() } else { self.evaluate.clone() }
    }
}

/// Digits that are turned a little are still the same digits; of other data, whatever their file is called, that is not known.
fn default_augment(data: &str) -> Vec<Augmentation> {
    let digits = ["mnist", "mnist-5k"].contains(&data);
    if digits { vec![Augmentation::affine()] } else { vec![] }
}

/// Refuses what does not hold, with what was found and what is expected.
fn require(ok: bool, what: &str, found: &dyn std::fmt::Display, expected: &str) -> Result<()> {
    match ok {
        true => Ok(()),
        false => Err(CliError::Usage(format!("{what}: found {found}, expected {expected}"))),
    }
}

/// Refuses a name that is not among those known.
fn known(kind: &str, name: &str, names: &[&str]) -> Result<()> {
    if names.contains(&name) { Ok(()) } else { Err(unknown(kind, name, names)) }
}

/// A network of the zoo, or a file that defines one.
fn known_model(name: &str) -> Result<()> {
    match is_definition(name) {
        true => Ok(()),
        false => {
            let systems = SYSTEMS.iter().map(|system| system.name);
            let names: Vec<&str> = ZOO.iter().map(|entry| entry.name).chain(systems).collect();
            if names.contains(&name) { Ok(()) } else { Err(unknown_model(name, &names)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each epoch ends with a step: six epochs of three batches are twelve steps of two batches and of one.
    #[test]
    fn schedules_end_with_the_last_step() {
        let mut s = Settings::of_model("mlp").unwrap();
        (s.epochs, s.training.accumulate) = (6, 2);
        assert_eq!(s.schedule(3), Schedule::one_cycle(12));
        s.schedule.warm_up = 2;
        assert_eq!(s.schedule(3), Schedule::one_cycle(8).warm_up(4));
        (s.schedule.name, s.schedule.warm_up) = ("exponential".into(), 0);
        assert!((s.schedule(3).rate(1.0, 4) - 0.01).abs() < 1e-12, "two epochs");
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
