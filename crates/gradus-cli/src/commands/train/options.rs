//! Options of `gradus train` that put settings over those of the model or recipe: how steps are taken, when training ends.

use crate::aim::default_metrics;
use crate::error::{CliError, Result};
use crate::settings::{ClassWeights, GroupSettings, Settings};
use gradus::nn::losses::LOSSES;
use gradus::train::metrics::METRICS;

/// The names of what there is.
fn names(all: impl Iterator<Item = &'static str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

/// `conv1=0.1`
fn rate_scale(text: &str) -> std::result::Result<(String, f64), String> {
    let parsed = text.split_once('=').and_then(|(path, x)| Some((path, x.parse::<f64>().ok()?)));
    match parsed.filter(|(path, x)| !path.is_empty() && *x >= 0.0 && x.is_finite()) {
        Some((path, x)) => Ok((path.to_owned(), x)),
        None => Err("expected a layer and a factor of 0 or more, such as conv1=0.1".into()),
    }
}

/// How steps are taken and when training ends.
#[derive(clap::Args)]
#[command(next_help_heading = "How steps are taken, when training ends")]
pub struct Options {
    #[arg(long, value_name = "NAME", help = format!(
        "What is minimised: {} [default: cross_entropy; with --target mse]", names(LOSSES.iter().map(|l| l.name))))]
    loss: Option<String>,
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help = format!(
        "What is measured beside it: some of {} [default: what is usual for the loss]",
        names(METRICS.iter().map(|m| m.name))))]
    metrics: Option<Vec<String>>,
    /// Decay of weights, λ; biases and norms do not decay
    #[arg(long, value_name = "X")]
    weight_decay: Option<f64>,
    /// The momentum of sgd or rmsprop
    #[arg(long, value_name = "X")]
    momentum: Option<f64>,
    /// Nesterov's look-ahead for sgd
    #[arg(long)]
    nesterov: bool,
    /// Epochs of linear warm-up before the schedule
    #[arg(long, value_name = "EPOCHS")]
    warm_up: Option<u64>,
    /// Epochs between drops (step), to the first restart (cosine-restarts), or without improvement (plateau)
    #[arg(long, value_name = "EPOCHS")]
    drop_every: Option<u64>,
    /// The factor of a drop (step, milestones, plateau) or of every epoch (exponential)
    #[arg(long, value_name = "X")]
    drop_factor: Option<f64>,
    /// The epochs after which the rate drops (milestones)
    #[arg(long, value_name = "EPOCHS", value_delimiter = ',')]
    milestones: Option<Vec<u64>>,
    /// Let the momentum (sgd's μ, Adam's β₁) fall from 0.95 to 0.85 while the rate rises, and come back (one-cycle)
    #[arg(long)]
    cycle_momentum: bool,
    /// Bound the norm of all gradients together
    #[arg(long, value_name = "X")]
    clip_norm: Option<f64>,
    /// Bound every element of the gradients
    #[arg(long, value_name = "X", conflicts_with = "clip_norm")]
    clip_value: Option<f64>,
    /// Add X times the sum of the weights' absolute values to the loss
    #[arg(long, value_name = "X")]
    l1: Option<f64>,
    /// Average the gradients of N batches for each step
    #[arg(long, value_name = "N")]
    accumulate: Option<usize>,
    /// Keep averages of the weights, of which BETA remains after a step, and test them: 0.999 averages 1,000 steps
    #[arg(long, value_name = "BETA")]
    ema: Option<f64>,
    /// Let rare classes count more
    #[arg(long, value_name = "RULE")]
    class_weights: Option<ClassWeights>,
    /// The same as --class-weights balanced
    #[arg(long)]
    balance_classes: bool,
    /// Compute activations again in the backward pass instead of keeping them: less memory for more time, the same result
    #[arg(long)]
    recompute: bool,
    /// Layers that stay as they are, such as conv1,conv2; backbone means all but the classifier (feature extraction)
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    freeze: Option<Vec<String>>,
    /// Gradual unfreezing: begin with the last block of layers; after every N epochs the block before joins
    #[arg(long, value_name = "N")]
    unfreeze_every: Option<u64>,
    /// Discriminative learning rates: each block learns at X times the rate of the block after it
    #[arg(long, value_name = "X")]
    layer_decay: Option<f64>,
    /// Rates of single layers, as factors: conv1=0.1,fc=10
    #[arg(long, value_name = "LAYER=X", value_delimiter = ',', value_parser = rate_scale)]
    rate_scale: Option<Vec<(String, f64)>>,
    /// End training after so many epochs without a lower validation loss (needs --validation)
    #[arg(long, value_name = "PATIENCE")]
    early_stopping: Option<u64>,
    /// Steps between checkpoints within an epoch
    #[arg(long, value_name = "N")]
    checkpoint_steps: Option<u64>,
    /// One batch of training, validation and test: does everything fit together?
    #[arg(long, conflicts_with_all = ["epochs", "limit_batches"])]
    fast_dev_run: bool,
    /// Write no events for TensorBoard
    #[arg(long)]
    no_tensorboard: bool,
    /// Do not look inside for dead units, vanishing gradients and the like
    #[arg(long)]
    no_diagnosis: bool,
}

impl Options {
    /// Refuses what the schedule would not look at.
    pub fn check(&self, schedule: &str) -> Result<()> {
        let given: [(bool, &str, &[&str]); 4] = [
            (self.drop_every.is_some(), "drop-every", &["step", "cosine-restarts", "plateau"]),
            (
                self.drop_factor.is_some(),
                "drop-factor",
                &["step", "milestones", "plateau", "exponential"],
            ),
            (self.milestones.is_some(), "milestones", &["milestones"]),
            (self.cycle_momentum, "cycle-momentum", &["one-cycle"]),
        ];
        for (given, option, schedules) in given {
            if given && !schedules.contains(&schedule) {
                let schedules = schedules.join(", ");
                let what = format!("{option}: found --schedule {schedule}, expected {schedules}");
                return Err(CliError::Usage(what));
            }
        }
        Ok(())
    }

    /// Puts loss and metrics over the settings. For numbers both are stated, so that the run goes on with them whatever later versions
    /// have for usual.
    fn apply_aim(&self, s: &mut Settings) {
        let t = &mut s.training;
        if self.loss.is_some() && self.loss != t.loss {
            // What is usual for another loss does not suit this one.
            (t.loss, t.metrics) = (self.loss.clone(), vec![]);
        }
        if let Some(metrics) = &self.metrics {
            t.metrics.clone_from(metrics);
        }
        if s.target.is_empty() {
            return;
        }
        let name = t.loss.get_or_insert_with(|| "mse".into());
        let known = LOSSES.iter().find(|known| known.name == *name);
        if let (Some(loss), true) = (known, t.metrics.is_empty()) {
            t.metrics = default_metrics(loss.target);
        }
    }

    /// Puts these over the settings.
    pub fn apply(&self, s: &mut Settings) {
        fn put<T: Clone>(into: &mut T, from: &Option<T>) {
            if let Some(value) = from {
                into.clone_from(value);
            }
        }
        put(&mut s.optimizer.weight_decay, &self.weight_decay);
        put(&mut s.optimizer.momentum, &self.momentum);
        s.optimizer.nesterov |= self.nesterov;
        put(&mut s.schedule.warm_up, &self.warm_up);
        put(&mut s.schedule.every, &self.drop_every);
        put(&mut s.schedule.gamma, &self.drop_factor);
        put(&mut s.schedule.milestones, &self.milestones);
        s.schedule.cycle_momentum |= self.cycle_momentum;
        self.apply_aim(s);
        let t = &mut s.training;
        if self.clip_norm.is_some() || self.clip_value.is_some() {
            (t.clip_norm, t.clip_value) = (self.clip_norm, self.clip_value);
        }
        put(&mut t.l1, &self.l1);
        put(&mut t.accumulate, &self.accumulate);
        t.ema = self.ema.or(t.ema);
        let balanced = self.balance_classes.then_some(ClassWeights::Balanced);
        t.class_weights = self.class_weights.or(balanced).or(t.class_weights);
        t.recompute |= self.recompute;
        put(&mut t.freeze, &self.freeze);
        t.unfreeze_every = self.unfreeze_every.or(t.unfreeze_every);
        t.layer_decay = self.layer_decay.or(t.layer_decay);
        for (path, rate_scale) in self.rate_scale.iter().flatten().cloned() {
            t.groups.push(GroupSettings { path, rate_scale, weight_decay: None });
        }
        t.early_stopping = self.early_stopping.or(t.early_stopping);
        t.checkpoint_steps = self.checkpoint_steps.or(t.checkpoint_steps);
        t.tensorboard &= !self.no_tensorboard;
        t.diagnose &= !self.no_diagnosis;
        if self.fast_dev_run {
            (s.epochs, s.limit_batches) = (1, Some(1));
            s.training.limit_evaluation = Some(1);
            // One batch tells nothing of a network's health.
            s.training.diagnose = false;
        }
    }
}
