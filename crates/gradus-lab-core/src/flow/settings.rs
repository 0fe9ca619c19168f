//! Settings of a run, as an address holds them.

use super::messages::FlowSettings as Settings;
use gradus::Tensor;
use gradus::nn::Initializer;
use gradus::train::optim::{Adagrad, Adam, Optimizer, RmsProp, Sgd};

/// The data by name: the embedded digits, and sets of points in the plane.
pub(super) const DATA: [&str; 7] =
    ["digits", "circle", "xor", "gauss", "spiral", "moons", "spiral3"];

/// An activation.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) function: fn(&Tensor) -> Tensor,
    /// Its upper level and where its middle lies, if it levels off.
    pub(super) level: Option<(f64, f64)>,
    /// Whether a unit may be 0 for ever.
    pub(super) dies: bool,
}

impl Function {
    const fn of(name: &'static str, function: fn(&Tensor) -> Tensor) -> Function {
        Function { name, function, level: None, dies: false }
    }
    const fn levels(self, top: f64, middle: f64) -> Function {
        Function { level: Some((top, middle)), ..self }
    }
    const fn dies(self) -> Function {
        Function { dies: true, ..self }
    }
    /// How weights should start, by name.
    pub(super) fn fitting(&self) -> &'static str {
        if self.level.is_some() { "xavier" } else { "he" }
    }
}

/// The activations by name.
pub(super) const FUNCTIONS: [Function; 9] = [
    Function::of("logistic", Tensor::sigmoid).levels(0.5, 0.5),
    Function::of("tanh", Tensor::tanh).levels(1.0, 0.0),
    Function::of("lecun-tanh", Tensor::lecun_tanh).levels(1.7159, 0.0),
    Function::of("relu", Tensor::relu).dies(),
    Function::of("leaky", |z| z.leaky_relu(0.01)),
    Function::of("elu", |z| z.elu(1.0)),
    Function::of("softplus", |z| z.softplus(1.0)),
    Function::of("gelu", Tensor::gelu),
    Function::of("silu", Tensor::silu),
];

/// How weights start, by name: a layer's inputs and whether its activation is of the kind of ReLU give the initialiser.
pub(super) const INITS: [&str; 6] = ["n01", "n1n", "xavier", "he", "orthogonal", "zeros"];
/// Names of optimisers.
pub(super) const OPTIMIZERS: [&str; 5] = ["sgd", "momentum", "adam", "rmsprop", "adagrad"];
const BATCHES: [u32; 5] = [8, 16, 32, 64, 128];
/// The most hidden layers, and units of each.
pub(super) const DEEPEST: u32 = 50;
pub(super) const WIDEST: u32 = 128;
const RATES: std::ops::RangeInclusive<f64> = 1e-6..=100.0;

impl Settings {
    /// Ten logistic layers that hardly pass a gradient.
    pub(super) fn begin() -> Settings {
        Settings {
            data: "digits".into(),
            depth: 10,
            width: 30,
            activation: "logistic".into(),
            init: "n1n".into(),
            norm: false,
            residual: false,
            optimizer: "sgd".into(),
            rate: 0.1,
            clip: 0.0,
            batch: 32,
            seed: 0,
        }
    }

    /// The activation.
    pub(super) fn function(&self) -> &'static Function {
        FUNCTIONS.iter().find(|known| known.name == self.activation).unwrap_or(&FUNCTIONS[0])
    }

    /// How the weights of a layer with so many inputs start.
    pub(super) fn initializer(&self, inputs: usize) -> Initializer {
        match self.init.as_str() {
            "n01" => Initializer::Normal(1.0),
            "n1n" => Initializer::Normal(1.0 / (inputs as f64).sqrt()),
            "xavier" => Initializer::GlorotNormal,
            "he" => Initializer::HeNormal,
            "orthogonal" => Initializer::Orthogonal(if self.function().level.is_some() {
                1.0
            } else {
                2f64.sqrt()
            }),
            _ => Initializer::Constant(0.0),
        }
    }

    /// The optimiser.
    pub(super) fn optimizer(&self) -> Box<dyn Optimizer> {
        match self.optimizer.as_str() {
            "momentum" => Box::new(Sgd::new(self.rate).momentum(0.9)),
            "adam" => Box::new(Adam::new(self.rate)),
            "rmsprop" => Box::new(RmsProp::new(self.rate)),
            "adagrad" => Box::new(Adagrad::new(self.rate)),
            _ => Box::new(Sgd::new(self.rate)),
        }
    }

    /// Takes one setting.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let whole = |least: u32, most: u32| {
            let found = value.parse().ok().filter(|n| (least..=most).contains(n));
            found.ok_or_else(|| format!("{key} {value:?}: expected {least} to {most}"))
        };
        let one_of = |known: &[&str]| match known.contains(&value) {
            true => Ok(value.to_owned()),
            false => Err(format!("{key} {value:?} is none of {}", known.join(", "))),
        };
        let on = || match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(format!("{key} {value:?} is neither on nor off")),
        };
        let number = |within: std::ops::RangeInclusive<f64>| {
            let found = value.parse().ok().filter(|x| within.contains(x));
            found.ok_or_else(|| {
                format!("{key} {value:?}: expected {} to {}", within.start(), within.end())
            })
        };
        match key {
            "data" => self.data = one_of(&DATA)?,
            "depth" => self.depth = whole(1, DEEPEST)?,
            "width" => self.width = whole(1, WIDEST)?,
            "activation" => self.activation = one_of(&FUNCTIONS.each_ref().map(|f| f.name))?,
            "init" => self.init = one_of(&INITS)?,
            "norm" => self.norm = on()?,
            "residual" => self.residual = on()?,
            "optimizer" => self.optimizer = one_of(&OPTIMIZERS)?,
            "rate" => self.rate = number(RATES)?,
            "clip" => self.clip = number(0.0..=1e6)?,
            "batch" => {
                self.batch = whole(BATCHES[0], BATCHES[BATCHES.len() - 1])?;
                if !BATCHES.contains(&self.batch) {
                    return Err(format!("batch {value:?} is none of 8, 16, 32, 64, 128"));
                }
            }
            "seed" => self.seed = whole(0, u32::MAX)?,
            _ => return Err(format!("{key:?} is no setting of this page")),
        }
        Ok(())
    }

    /// These with a change: settings as an address holds them. What cannot be taken is told, and left as it was.
    pub(super) fn with(&self, change: &str) -> (Settings, Vec<String>) {
        let (mut next, mut remarks) = (self.clone(), vec![]);
        for pair in change.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let mut tried = next.clone();
            match tried.set(key, value) {
                Ok(()) => next = tried,
                Err(what) => remarks.push(what),
            }
        }
        (next, remarks)
    }

    /// These with a change that must be all right.
    pub(super) fn changed(&self, change: &str) -> Result<Settings, String> {
        let (next, remarks) = self.with(change);
        if remarks.is_empty() { Ok(next) } else { Err(remarks.join("; ")) }
    }

    /// All settings by name, as an address holds them.
    fn all(&self) -> [(&'static str, String); 12] {
        let on = |on: bool| if on { "on" } else { "off" }.to_owned();
        [
            ("data", self.data.clone()),
            ("depth", self.depth.to_string()),
            ("width", self.width.to_string()),
            ("activation", self.activation.clone()),
            ("init", self.init.clone()),
            ("norm", on(self.norm)),
            ("residual", on(self.residual)),
            ("optimizer", self.optimizer.clone()),
            ("rate", self.rate.to_string()),
            ("clip", self.clip.to_string()),
            ("batch", self.batch.to_string()),
            ("seed", self.seed.to_string()),
        ]
    }

    /// As an address holds them.
    pub(super) fn address(&self) -> String {
        self.all().map(|(key, value)| format!("{key}={value}")).join("&")
    }

    /// What of another's settings differs from these, as an address holds them.
    pub(super) fn difference(&self, other: &Settings) -> String {
        let pairs = self.all().into_iter().zip(other.all());
        let others = pairs.filter(|(own, other)| own != other);
        others.map(|(_, (key, value))| format!("{key}={value}")).collect::<Vec<_>>().join("&")
    }

    /// Whether a run can take up the other's settings as it trains.
    pub(super) fn is_live(&self, other: &Settings) -> bool {
        let Settings { optimizer, rate, clip, .. } = other.clone();
        Settings { optimizer, rate, clip, ..self.clone() } == *other
    }
}

/// A change of settings in words.
pub(super) fn in_words(change: &str) -> String {
    let word = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            ("activation", name) => display(name).to_owned(),
            ("init", name) => display(name).to_owned(),
            ("norm", "on") => "batch norm".into(),
            ("norm", _) => "no batch norm".into(),
            ("residual", "on") => "residual connections".into(),
            ("residual", _) => "no residual connections".into(),
            ("clip", "0") => "no clipping".into(),
            ("clip", most) => format!("clipping at {most}"),
            (key, value) => format!("{key} {value}"),
        }
    };
    change.split('&').map(word).collect::<Vec<_>>().join(", ")
}

/// A name as it is read.
pub(super) fn display(name: &str) -> &str {
    match name {
        "relu" => "ReLU",
        "leaky" => "leaky ReLU",
        "lecun-tanh" => "LeCun's tanh",
        "elu" => "ELU",
        "gelu" => "GELU",
        "silu" => "SiLU",
        "n01" => "N(0, 1)",
        "n1n" => "N(0, 1/n)",
        "xavier" => "Xavier initialisation",
        "he" => "He initialisation",
        "orthogonal" => "orthogonal initialisation",
        other => other,
    }
}
