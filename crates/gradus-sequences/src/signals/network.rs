//! The network: a recurrent net from both ends, and what it says of a sequence or of each step.

use std::sync::Arc;

use gradus_base::{Error, Result, Shape};
use gradus_nn::layers::{Dense, Merge, Recurrent, dense, dropout, gru, lstm};
use gradus_nn::{Context, Init, Layer, Module, Padding, State, Visitor};
use gradus_tensor::{Tensor, try_build};
use gradus_train::Recipe;
use gradus_train::optim::{Adam, Clip};
use serde::{Deserialize, Serialize};

use super::Signals;
use crate::{Mode, Steps, Unrolled};

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Long short-term memory.   Hochreiter and Schmidhuber 1997
    Lstm,
    /// Gated recurrent units.   Cho et al. 2014, arXiv:1406.1078
    Gru,
}

pub use crate::text::Pooling;

/// What a network of labelled signals is and how numbers become its inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalModel {
    /// What happens at a step.
    pub cell: Cell,
    /// Units of each direction.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// What is kept of the units along a sequence that has one label.
    pub pooling: Pooling,
    /// With what probability units are dropped while training.
    pub dropout: f64,
    /// Whether each step has a label.
    pub steps: bool,
    /// What the classes are called.
    pub classes: Vec<String>,
    /// What the numbers of a step are called.
    pub channels: Vec<String>,
    /// What is taken from each channel before it is divided: the means of what is learned.
    pub mean: Vec<f64>,
    /// What each channel is divided by: the deviations of what is learned.
    pub deviation: Vec<f64>,
}

/// No network of these is larger.
const MOST_UNITS: usize = 1 << 14;
const MOST_LAYERS: usize = 64;
const MOST_NAMES: usize = 1 << 20;

impl SignalModel {
    /// A network for labelled signals, of a size that learns some hundred in a minute on two cores.
    pub fn new(cell: Cell, signals: &Signals) -> SignalModel {
        let (mean, deviation) = signals.moments();
        SignalModel {
            cell,
            hidden: 64,
            layers: 1,
            pooling: Pooling::Mean,
            dropout: 0.3,
            steps: signals.has_labelled_steps(),
            classes: signals.classes().to_vec(),
            channels: signals.channels().to_vec(),
            mean,
            deviation,
        }
    }

    /// How it learns unless something else is asked for.
    pub fn training(&self, seed: u64) -> Steps {
        let recipe = Recipe { clip: Some(Clip::Norm(1.0)), ..Recipe::default() };
        Steps { optimizer: Box::new(Adam::new(5e-3)), recipe, batch: 16, seed }
    }

    /// The network over its steps: one answer at the end, or one at each step.
    pub fn unrolled(&self) -> Unrolled {
        let mode = if self.steps { Mode::Synced } else { Mode::ManyToOne };
        let name = if self.cell == Cell::Lstm { "LSTM" } else { "GRU" };
        let cells = (0..self.layers).map(|_| format!("{name} {}", self.hidden));
        let drawn = cells.fold(Unrolled::new(mode), |drawn, name| drawn.layer(name, true));
        drawn.both_ways().layer("scores", false)
    }

    /// The network, its weights as `init` makes them.
    ///
    /// # Errors
    /// When the description is of no network: a file may say anything.
    pub fn build(&self, init: &Init) -> Result<Arc<dyn Layer>> {
        Ok(self.network(init)?)
    }

    /// The same, as what reads signals.
    ///
    /// # Errors
    /// As [`SignalModel::build`].
    pub fn network(&self, init: &Init) -> Result<Arc<SignalNetwork>> {
        self.check()?;
        let (width, units, layers) = (self.channels.len(), self.hidden, self.layers);
        let between = if layers > 1 { self.dropout } else { 0.0 };
        let all = self.steps || self.pooling != Pooling::Last;
        try_build(|| {
            let recurrent = match self.cell {
                Cell::Lstm => lstm(units)
                    .layers(layers)
                    .dropout(between)
                    .bidirectional(Merge::Concat)
                    .return_sequences(all)
                    .build(width, init),
                Cell::Gru => gru(units)
                    .layers(layers)
                    .dropout(between)
                    .bidirectional(Merge::Concat)
                    .return_sequences(all)
                    .build(width, init),
            };
            Arc::new(SignalNetwork {
                recurrent,
                out: dense(self.classes.len()).build(2 * units, init),
                pooling: (!self.steps).then_some(self.pooling),
                dropout: self.dropout,
            })
        })
    }

    /// Refuses what no network can be built of.
    pub(crate) fn check(&self) -> Result<()> {
        let sizes = [
            ("hidden", self.hidden, 1, MOST_UNITS),
            ("layers", self.layers, 1, MOST_LAYERS),
            ("classes", self.classes.len(), 2, MOST_NAMES),
            ("channels", self.channels.len(), 1, MOST_NAMES),
        ];
        for (name, found, least, most) in sizes {
            if !(least..=most).contains(&found) {
                let what = format!("found {found}, expected {least} to {most}");
                return Err(Error::value(name, what));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let what = format!("found {}, expected 0 to below 1", self.dropout);
            return Err(Error::value("dropout", what));
        }
        let fits = self.mean.len() == self.channels.len()
            && self.deviation.len() == self.channels.len()
            && self.mean.iter().all(|x| x.is_finite())
            && self.deviation.iter().all(|x| x.is_finite() && *x > 0.0);
        if !fits {
            let what = format!(
                "expected a finite mean and a deviation above 0 for each of {} channels",
                self.channels.len()
            );
            return Err(Error::value("normalization", what));
        }
        Ok(())
    }

    /// What the network reads of the numbers of steps: each centred and divided; what is missing all along is the mean, 0.
    pub(super) fn normalized(&self, sample: &[f64]) -> Vec<f32> {
        let width = self.channels.len();
        let each = sample.iter().enumerate().map(|(at, x)| {
            let channel = at % width;
            let z = (x - self.mean[channel]) / self.deviation[channel];
            if z.is_nan() { 0.0 } else { z as f32 }
        });
        each.collect()
    }
}

/// A network that reads signals `[B, T, C]` → scores `[B, K]`, or of each step `[B, T, K]`.
pub struct SignalNetwork {
    recurrent: Recurrent,
    out: Dense,
    /// What is kept along a sequence; `None` where each step has a label.
    pooling: Option<Pooling>,
    dropout: f64,
}

impl Module for SignalNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("recurrent", State::Child(&self.recurrent));
        visitor("out", State::Child(&self.out));
    }
}

impl Layer for SignalNetwork {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        let y = cx.run("recurrent", &self.recurrent, x); // [B, T, 2H], or [B, 2H]
        let kept = match self.pooling {
            None | Some(Pooling::Last) => y,
            Some(pooling) => pooling.of(&y, x, cx),
        };
        let kept = if self.dropout > 0.0 {
            cx.run("dropout", &dropout(self.dropout), &kept)
        } else {
            kept
        };
        cx.run("out", &self.out, &kept)
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        let of = if self.pooling.is_none() { " of each step" } else { "" };
        format!("SignalLabels({}{of})", self.recurrent.describe())
    }
}
