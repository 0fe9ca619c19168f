//! The optimiser of a run, by name: `[optimizer]` in a recipe.

use super::{STEPS, known, require};
use crate::error::Result;
use gradus::train::optim::{Adadelta, Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd};
use serde::{Deserialize, Serialize};

/// Names of optimisers.
pub const OPTIMIZERS: &[&str] =
    &["sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop", "windowgrad"];

/// An optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// One of [`OPTIMIZERS`].
    #[arg(id = "optimizer", long, value_name = "NAME", help = format!("The optimiser: {}", OPTIMIZERS.join(", ")))]
    pub name: String,
    /// The learning rate
    #[arg(id = "lr", long, value_name = "X", allow_negative_numbers = true)]
    pub learning_rate: f64,
    /// Decay of weights, λ; biases and norms do not decay
    #[arg(long, value_name = "X", help_heading = STEPS)]
    pub weight_decay: f64,
    /// The momentum of sgd or rmsprop
    #[arg(long, value_name = "X", help_heading = STEPS)]
    pub momentum: f64,
    /// Nesterov's look-ahead for sgd
    #[serde(default)]
    #[arg(long, help_heading = STEPS)]
    pub nesterov: bool,
}

impl OptimizerSettings {
    /// Refuses values that cannot work.
    pub fn check(&self) -> Result<()> {
        let OptimizerSettings { name, learning_rate: rate, weight_decay, momentum, nesterov } =
            self;
        known("optimizer", name, OPTIMIZERS)?;
        require(*rate > 0.0 && rate.is_finite(), "learning rate", rate, "a positive number")?;
        let decay_fits = *weight_decay >= 0.0 && weight_decay.is_finite();
        require(decay_fits, "weight-decay", weight_decay, "0 or more")?;
        require((0.0..1.0).contains(momentum), "momentum", momentum, "from 0 to below 1")?;
        let has_momentum = ["sgd", "rmsprop"].contains(&&**name);
        require(*momentum == 0.0 || has_momentum, "momentum", name, "sgd or rmsprop with it")?;
        require(!nesterov || name == "sgd", "nesterov", name, "sgd with it")?;
        let looks_ahead = !nesterov || *momentum > 0.0;
        require(looks_ahead, "nesterov", &"no momentum", "a momentum to look ahead along")
    }

    /// The optimiser.
    pub fn build(&self) -> Box<dyn Optimizer> {
        let OptimizerSettings { name, learning_rate, weight_decay, momentum, nesterov } = self;
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
