//! Settings as an address holds them: `activation=tanh&batchSize=10&…`, with the names and values of the original, and further
//! ones of our own.

use super::settings::{FEATURES, MOST_CLASSES, MOST_LAYERS, MOST_UNITS, Settings};

/// What an address ends the name of a control with that is hidden.
const HIDE: &str = "_hide";
/// The longest seed or name of a tutorial.
const LONGEST_TEXT: usize = 64;

/// An enum whose variants have names in an address.
pub(super) trait Named: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// As an address has it.
    fn name(self) -> &'static str;
}

/// The names of all settings, in the original's order, then ours.
const NAMES: [&str; 35] = [
    "activation",
    "regularization",
    "batchSize",
    "dataset",
    "regDataset",
    "learningRate",
    "regularizationRate",
    "noise",
    "networkShape",
    "seed",
    "showTestData",
    "discretize",
    "percTrainData",
    "x",
    "y",
    "xTimesY",
    "xSquared",
    "ySquared",
    "cosX",
    "sinX",
    "cosY",
    "sinY",
    "collectStats",
    "tutorial",
    "problem",
    "initZero",
    "hideText",
    "classes",
    "loss",
    "optimizer",
    "schedule",
    "scheduleEpochs",
    "momentum",
    "weightDecay",
    "draw",
];

impl Settings {
    /// Changes one.
    ///
    /// # Errors
    /// An unknown name, or a value that it cannot have: what is wrong, and what is allowed.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let at = At { name, value };
        match name {
            "activation" => self.activation = at.choice()?,
            "regularization" => self.regularization = at.choice()?,
            "batchSize" => self.batch_size = at.whole(1, 10_000)?,
            "dataset" => self.dataset = at.choice()?,
            "regDataset" => self.reg_dataset = at.choice()?,
            "learningRate" => self.learning_rate = at.number(0.0, 100.0)?,
            "regularizationRate" => self.regularization_rate = at.number(0.0, 100.0)?,
            "noise" => self.noise = at.number(0.0, 80.0)?,
            "networkShape" => self.network_shape = at.layers()?,
            "seed" => self.seed = at.text()?,
            "showTestData" => self.show_test_data = at.flag()?,
            "discretize" => self.discretize = at.flag()?,
            "percTrainData" => self.perc_train_data = at.number(1.0, 100.0)?,
            "cosX" => self.cosines[0] = at.flag()?,
            "cosY" => self.cosines[1] = at.flag()?,
            "collectStats" => self.collect_stats = at.flag()?,
            "tutorial" => self.tutorial = at.text()?,
            "problem" => self.problem = at.choice()?,
            "initZero" => self.init_zero = at.flag()?,
            "hideText" => self.hide_text = at.flag()?,
            "classes" => self.classes = at.whole(2, u32::from(MOST_CLASSES))? as u8,
            "loss" => self.loss = at.choice()?,
            "optimizer" => self.optimizer = at.choice()?,
            "schedule" => self.schedule = at.choice()?,
            "scheduleEpochs" => self.schedule_epochs = at.whole(1, 1_000_000)?,
            "momentum" => self.momentum = at.number(0.0, 0.9999)?,
            "weightDecay" => self.weight_decay = at.number(0.0, 10.0)?,
            "draw" => self.draw = at.whole(0, u32::MAX - 1)?,
            _ => return self.set_by_list(at),
        }
        Ok(())
    }

    /// Features, and controls that are hidden.
    fn set_by_list(&mut self, at: At<'_>) -> Result<(), String> {
        if let Some(feature) = FEATURES.iter().position(|name| *name == at.name) {
            let used = at.flag()?;
            let mut features = self.features;
            features[feature] = used;
            if !features.contains(&true) {
                return Err(format!("{}=false would leave the network without a feature", at.name));
            }
            self.features = features;
            return Ok(());
        }
        let Some(control) = at.name.strip_suffix(HIDE).filter(|name| name.len() <= LONGEST_TEXT)
        else {
            return Err(format!("{:?} is no setting of the Playground", at.name));
        };
        let is_hidden = at.flag()?;
        self.hidden.retain(|name| name != control);
        if is_hidden && self.hidden.len() < LONGEST_TEXT {
            self.hidden.push(control.to_owned());
        }
        Ok(())
    }

    /// The value of a setting as an address has it.
    fn get(&self, name: &str) -> String {
        match name {
            "activation" => self.activation.name().into(),
            "regularization" => self.regularization.name().into(),
            "batchSize" => self.batch_size.to_string(),
            "dataset" => self.dataset.name().into(),
            "regDataset" => self.reg_dataset.name().into(),
            "learningRate" => self.learning_rate.to_string(),
            "regularizationRate" => self.regularization_rate.to_string(),
            "noise" => self.noise.to_string(),
            "networkShape" => {
                let units: Vec<_> = self.network_shape.iter().map(u8::to_string).collect();
                units.join(",")
            }
            "seed" => self.seed.clone(),
            "showTestData" => self.show_test_data.to_string(),
            "discretize" => self.discretize.to_string(),
            "percTrainData" => self.perc_train_data.to_string(),
            "cosX" => self.cosines[0].to_string(),
            "cosY" => self.cosines[1].to_string(),
            "collectStats" => self.collect_stats.to_string(),
            "tutorial" => self.tutorial.clone(),
            "problem" => self.problem.name().into(),
            "initZero" => self.init_zero.to_string(),
            "hideText" => self.hide_text.to_string(),
            "classes" => self.classes.to_string(),
            "loss" => self.loss.name().into(),
            "optimizer" => self.optimizer.name().into(),
            "schedule" => self.schedule.name().into(),
            "scheduleEpochs" => self.schedule_epochs.to_string(),
            "momentum" => self.momentum.to_string(),
            "weightDecay" => self.weight_decay.to_string(),
            "draw" => self.draw.to_string(),
            _ => {
                let feature = FEATURES.iter().position(|feature| *feature == name);
                feature.is_some_and(|at| self.features[at]).to_string()
            }
        }
    }

    /// All as an address, but a tutorial that there is not.
    pub(super) fn address(&self) -> String {
        let pairs = NAMES.iter().map(|name| (*name, self.get(name)));
        let said = pairs.filter(|(name, value)| *name != "tutorial" || !value.is_empty());
        let mut all: Vec<_> = said.map(|(name, value)| format!("{name}={value}")).collect();
        all.extend(self.hidden.iter().map(|control| format!("{control}{HIDE}=true")));
        all.join("&")
    }

    /// What differs from other settings, each pair after `before`.
    pub(super) fn difference(&self, from: &Settings, before: &str) -> Vec<String> {
        let differ = NAMES.iter().filter(|name| self.get(name) != from.get(name));
        differ.map(|name| format!("{before}{name}={}", self.get(name))).collect()
    }
}

/// What an address asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Address {
    /// Of the first run.
    pub(super) first: Settings,
    /// Of the second run, if there is one.
    pub(super) second: Option<Settings>,
    /// Epochs to learn at once.
    pub(super) step: u32,
    /// What could not be taken, and has its default.
    pub(super) remarks: Vec<String>,
}

impl Address {
    /// Reads the text behind the #. What is unknown or out of range is told, and keeps its default.
    pub(super) fn read(text: &str) -> Address {
        let (mut first, mut step, mut remarks) = (Settings::default(), 0, vec![]);
        let pairs = text.trim_start_matches('#').split('&').filter(|pair| !pair.is_empty());
        let (others, own): (Vec<&str>, Vec<&str>) = pairs.partition(|pair| pair.starts_with("b."));
        for (name, value) in in_order(&own) {
            // As in the original, an empty value is none, but for an empty list of layers.
            if value.trim().is_empty() && name != "networkShape" {
                continue;
            }
            let done = match name {
                "step" => At { name, value }.whole(0, 1_000_000).map(|read| step = read),
                _ => first.set(name, value),
            };
            remarks.extend(done.err());
        }
        let mut second = (!others.is_empty()).then(|| first.clone());
        let pairs: Vec<_> =
            others.iter().map(|pair| &pair[2..]).filter(|p| !p.is_empty()).collect();
        for (name, value) in in_order(&pairs) {
            let done = second.iter_mut().try_for_each(|settings| settings.set(name, value));
            remarks.extend(done.err().map(|what| format!("second run: {what}")));
        }
        Address { first, second, step, remarks }
    }
}

/// Names and values, those that switch a feature on first: so the network never is without one on the way.
fn in_order<'a>(pairs: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let split = pairs.iter().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<_> = split.collect();
    pairs.sort_by_key(|(name, value)| FEATURES.contains(name) && *value == "false");
    pairs
}

/// A setting's name and the value it is to have.
#[derive(Clone, Copy)]
struct At<'a> {
    name: &'a str,
    value: &'a str,
}

impl At<'_> {
    fn refuse(self, allowed: &str) -> String {
        let shown: String = self.value.chars().take(LONGEST_TEXT).collect();
        format!("{}={shown}: {allowed}", self.name)
    }

    fn choice<T: Named>(self) -> Result<T, String> {
        let found = T::ALL.iter().find(|variant| variant.name() == self.value);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = T::ALL.iter().map(|variant| variant.name()).collect();
            self.refuse(&format!("it can be {}", names.join(", ")))
        })
    }

    fn flag(self) -> Result<bool, String> {
        self.value.parse().map_err(|_| self.refuse("it can be true or false"))
    }

    fn number(self, least: f64, most: f64) -> Result<f64, String> {
        let number = self.value.trim().parse().ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.refuse(&format!("a number from {least} to {most} is expected")))
    }

    fn whole(self, least: u32, most: u32) -> Result<u32, String> {
        let number = self.value.trim().parse().ok();
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            self.refuse(&format!("a whole number from {least} to {most} is expected"))
        })
    }

    fn text(self) -> Result<String, String> {
        let is_plain = self.value.chars().all(|c| !c.is_control() && c != '&' && c != '#');
        if is_plain && self.value.chars().count() <= LONGEST_TEXT {
            return Ok(self.value.to_owned());
        }
        Err(self.refuse(&format!("a text of {LONGEST_TEXT} characters at most is expected")))
    }

    fn layers(self) -> Result<Vec<u8>, String> {
        if self.value.trim().is_empty() {
            return Ok(vec![]);
        }
        let units = self.value.split(',').map(|units| units.trim().parse().ok());
        let layers: Option<Vec<u8>> = units.collect();
        let fits = |layers: &Vec<u8>| {
            layers.len() <= MOST_LAYERS
                && layers.iter().all(|units| (1..=MOST_UNITS).contains(units))
        };
        layers.filter(fits).ok_or_else(|| {
            self.refuse(&format!(
                "up to {MOST_LAYERS} layers of 1 to {MOST_UNITS} units are expected, as in 4,2"
            ))
        })
    }
}
