//! The part of a run's settings that says how steps are taken and when training ends: `[training]` in a recipe.

use super::STEPS;
use crate::aim::{self, Aim};
use crate::epsilon::of_a_pixel;
use crate::error::{CliError, Result};
use crate::layers::{BACKBONE, decaying_rates, is_below, layer_of};
use clap::ArgAction;
use gradus::nn::losses::LOSSES;
use gradus::nn::{Module, parameters};
use gradus::train::metrics::METRICS;
use gradus::train::optim::{Clip, Ema};
use gradus::train::{Group, Recipe};
use serde::{Deserialize, Deserializer, Serialize};

/// How steps are taken and when training ends, beside optimiser and schedule. What a recipe leaves out is as in the default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = STEPS)]
pub struct Training {
    /// What is minimised, one of [`LOSSES`]; if not stated, cross_entropy of classes and mse of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "NAME", help = format!(
        "What is minimised: {} [default: cross_entropy; with --target mse]", names(LOSSES.iter().map(|l| l.name))))]
    pub loss: Option<String>,
    /// What is measured beside it, some of [`METRICS`]; if not stated, what is usual for the loss.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "aim::names")]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help = format!(
        "What is measured beside it: some of {} [default: what is usual for the loss]",
        names(METRICS.iter().map(|m| m.name))))]
    pub metrics: Vec<String>,
    /// Average the gradients of N batches for each step; the last step of an epoch is of those that are left
    #[arg(long, value_name = "N")]
    pub accumulate: usize,
    /// Bound the norm of all gradients together
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "X")]
    pub clip_norm: Option<f64>,
    /// Bound every element of the gradients
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "X", conflicts_with = "clip_norm")]
    pub clip_value: Option<f64>,
    /// Add X times the sum of the weights' absolute values to the loss
    #[arg(long, value_name = "X")]
    pub l1: f64,
    /// Keep averages of the weights, of which BETA remains after a step, and test them: 0.999 averages 1,000 steps
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "BETA")]
    pub ema: Option<f64>,
    // Older files have `balance_classes = true`.
    /// Let rare classes count more
    #[serde(
        alias = "balance_classes",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "class_weights"
    )]
    #[arg(long, value_name = "RULE")]
    pub class_weights: Option<ClassWeights>,
    /// Learn from pictures that fool the network as it is, made of each batch by pgd or fgsm; beside the accuracy that under this attack is tested
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "ATTACK")]
    pub adversarial: Option<String>,
    /// How far a pixel of such a picture may go, of 0 to 1: 0.1 or 8/255 [default: 8/255]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "E", value_parser = of_a_pixel, allow_hyphen_values = true)]
    pub epsilon: Option<f64>,
    /// So many steps of pgd make it [default: 7]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub attack_steps: Option<usize>,
    /// How long each of them is [default: 2.5 epsilon / steps]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "X", value_parser = of_a_pixel, allow_hyphen_values = true)]
    pub attack_step_size: Option<f64>,
    /// Compute activations again in the backward pass instead of keeping them: less memory for more time, the same result
    #[arg(long)]
    pub recompute: bool,
    /// Layers that stay as they are, such as conv1,conv2; backbone means all but the classifier (feature extraction)
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    pub freeze: Vec<String>,
    /// Gradual unfreezing: begin with the last block of layers; after every N epochs the block before joins
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub unfreeze_every: Option<u64>,
    /// Discriminative learning rates: each block learns at X times the rate of the block after it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "X")]
    pub layer_decay: Option<f64>,
    /// End training after so many epochs without a lower validation loss (needs --validation)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "PATIENCE")]
    pub early_stopping: Option<u64>,
    /// Steps between checkpoints within an epoch
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub checkpoint_steps: Option<u64>,
    /// So many batches of validation and test data at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(skip)]
    pub limit_evaluation: Option<usize>,
    /// Whether TensorBoard's events are written.
    #[arg(long = "no-tensorboard", action = ArgAction::SetFalse, help = "Write no events for TensorBoard")]
    pub tensorboard: bool,
    /// Whether the run is looked into for what ails it.
    #[arg(long = "no-diagnosis", action = ArgAction::SetFalse,
          help = "Do not look inside for dead units, vanishing gradients and the like")]
    pub diagnose: bool,
    /// Rates and decays of their own, by path; the last that fits counts.
    #[arg(skip)]
    pub groups: Vec<GroupSettings>,
}

/// The names of what there is.
fn names(all: impl Iterator<Item = &'static str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

/// What classes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Rare ones more: each by samples / (classes · its samples).
    Balanced,
}

/// Of `class_weights = "balanced"`, or of the `balance_classes = true` of before.
fn class_weights<'d, D: Deserializer<'d>>(d: D) -> Result<Option<ClassWeights>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected \"balanced\"")]
    enum Stated {
        Named(ClassWeights),
        Before(bool),
    }
    Ok(match Stated::deserialize(d)? {
        Stated::Named(weights) => Some(weights),
        Stated::Before(balanced) => balanced.then_some(ClassWeights::Balanced),
    })
}

/// Parameters with a rate or a decay of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSettings {
    /// A layer's or parameter's path.
    pub path: String,
    /// What the rate is multiplied with.
    #[serde(default = "one")]
    pub rate_scale: f64,
    /// Their weight decay, if not the optimiser's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

fn one() -> f64 {
    1.0
}

impl Default for Training {
    fn default() -> Training {
        Training {
            loss: None,
            metrics: vec![],
            accumulate: 1,
            clip_norm: None,
            clip_value: None,
            l1: 0.0,
            ema: None,
            class_weights: None,
            adversarial: None,
            epsilon: None,
            attack_steps: None,
            attack_step_size: None,
            recompute: false,
            freeze: vec![],
            unfreeze_every: None,
            layer_decay: None,
            early_stopping: None,
            checkpoint_steps: None,
            limit_evaluation: None,
            tensorboard: true,
            diagnose: true,
            groups: vec![],
        }
    }
}

impl Training {
    /// Refuses values that cannot work; `held_out` says whether there will be validation data.
    pub fn check(&self, held_out: bool) -> Result<()> {
        let refuse = |what: String| Err(CliError::Usage(what));
        let positive = [("clip-norm", self.clip_norm), ("clip-value", self.clip_value)];
        for (name, bound) in positive {
            if let Some(x) = bound.filter(|x| !(*x > 0.0 && x.is_finite())) {
                return refuse(format!("{name}: found {x}, expected a positive number"));
            }
        }
        if self.clip_norm.is_some() && self.clip_value.is_some() {
            return refuse("clip-norm and clip-value: found both, expected one of them".into());
        }
        if let Some(beta) = self.ema.filter(|b| !(0.0..1.0).contains(b)) {
            return refuse(format!("ema: found {beta}, expected a number from 0 to below 1"));
        }
        if !(self.l1 >= 0.0 && self.l1.is_finite()) {
            return refuse(format!("l1: found {}, expected 0 or more", self.l1));
        }
        if let Some(x) = self.layer_decay.filter(|x| !(*x > 0.0 && *x <= 1.0)) {
            return refuse(format!(
                "layer-decay: found {x}, expected a number above 0 and up to 1"
            ));
        }
        if self.unfreeze_every.is_some() && self.freezes_backbone() {
            let what = "unfreeze-every: found freeze backbone, too; it begins with a frozen backbone by itself";
            return refuse(what.into());
        }
        let counts = [
            ("accumulate", Some(self.accumulate as u64)),
            ("early-stopping", self.early_stopping),
            ("unfreeze-every", self.unfreeze_every),
            ("checkpoint-steps", self.checkpoint_steps),
            ("limit-evaluation", self.limit_evaluation.map(|n| n as u64)),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, n)| *n == Some(0)) {
            return refuse(format!("{name}: found 0, expected at least 1"));
        }
        self.check_adversarial()?;
        if self.early_stopping.is_some() && !held_out {
            let what = "early-stopping: there is no validation data to watch; add --validation 0.1";
            return refuse(what.into());
        }
        Ok(())
    }

    /// What a learner of a model is told that has this aim, for training data with so many samples of each class.
    pub fn recipe(&self, model: &dyn Module, aim: &Aim, counts: &[usize]) -> Recipe {
        let (samples, classes) = (counts.iter().sum::<usize>() as f64, counts.len() as f64);
        let weight = |&n: &usize| if n == 0 { 0.0 } else { samples / (classes * n as f64) };
        let weights = |ClassWeights::Balanced| counts.iter().map(weight).collect();
        Recipe {
            loss: aim.loss(),
            metrics: aim.learner_metrics(),
            groups: self.groups(model),
            class_weights: self.class_weights.map(weights),
            ..self.plain_recipe()
        }
    }

    /// What of it holds for any learner, whatever it learns.
    pub fn plain_recipe(&self) -> Recipe {
        Recipe {
            clip: self.clip_norm.map(Clip::Norm).or(self.clip_value.map(Clip::Value)),
            l1: self.l1,
            accumulate: self.accumulate,
            ema: self.ema.map(Ema::new),
            recompute: self.recompute,
            ..Recipe::default()
        }
    }

    /// Rates and decays of their own: those that follow from the order of blocks, then those that are stated.
    fn groups(&self, model: &dyn Module) -> Vec<Group> {
        let decaying = self.layer_decay.map(|decay| decaying_rates(model, decay));
        decaying.into_iter().flatten().chain(self.groups.iter().map(GroupSettings::group)).collect()
    }

    /// Whether all but the classifier stays as it is.
    pub fn freezes_backbone(&self) -> bool {
        self.freeze.iter().any(|path| path == BACKBONE)
    }

    /// Freezes what is to stay, and refuses paths that the model does not have. `head` are the classifier's parameters.
    pub fn apply(&self, model: &dyn Module, head: &[String]) -> Result<()> {
        let all = parameters(model);
        let layers: Vec<&str> = all.iter().map(|(path, _)| layer_of(path)).collect();
        let paths = self.freeze.iter().chain(self.groups.iter().map(|g| &g.path));
        for path in paths.filter(|path| *path != BACKBONE) {
            if !all.iter().any(|(name, _)| is_below(name, path)) {
                let mut known = layers.clone();
                known.dedup();
                known.push(BACKBONE);
                return Err(crate::suggest::unknown("layer", path, &known));
            }
        }
        let frozen = |name: &str| {
            let backbone = |path: &str| path == BACKBONE && !head.iter().any(|h| h == name);
            self.freeze.iter().any(|path| is_below(name, path) || backbone(path))
        };
        all.iter().filter(|(name, _)| frozen(name)).for_each(|(_, p)| p.freeze(true));
        if all.iter().all(|(_, p)| p.is_frozen()) && !all.is_empty() {
            return Err(CliError::Usage(
                "freeze: every parameter is frozen; nothing is left to train".into(),
            ));
        }
        Ok(())
    }
}

impl GroupSettings {
    fn group(&self) -> Group {
        let GroupSettings { path, rate_scale, weight_decay } = self.clone();
        Group { path, rate_scale, weight_decay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus::nn::{Init, Sequential};

    #[test]
    fn rare_classes_count_more() {
        let weights = Some(ClassWeights::Balanced);
        let training = Training { class_weights: weights, ..Training::default() };
        let model = Sequential::new([1], &Init::new(0));
        assert_eq!(
            training.recipe(&model, &aim::CLASSES, &[1, 3, 0]).class_weights,
            Some(vec![4.0 / 3.0, 4.0 / 9.0, 0.0])
        );
        let read = |text: &str| toml::from_str::<Training>(text).map(|t| t.class_weights);
        assert_eq!(read("class_weights = \"balanced\""), Ok(weights));
        assert_eq!(read("balance_classes = true"), Ok(weights), "as before");
        assert_eq!((read("balance_classes = false"), read("")), (Ok(None), Ok(None)));
        assert!(read("class_weights = \"even\"").unwrap_err().to_string().contains("balanced"));
    }
}
