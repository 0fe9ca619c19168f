//! A network's numbers and its arithmetic, as in the original: outputs forwards, derivatives backwards, sample by sample, added up
//! until they are applied. Everything is in f64 and in one order, so that the same settings give the same bits everywhere.

use super::activation::Activation;
use super::data::Sample;
use super::settings::{Loss, Problem, Settings};
use crate::exact::{exp, ln, sigmoid, softplus, tanh};
use crate::wire::Wire;

/// How outputs come from sums, and what is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// tanh, and half the square of the error: one for two classes, or one for each class.
    Tanh,
    /// The sum itself, and half the square of the error.
    Linear,
    /// 2p − 1, where p is the probability of the class 1; cross-entropy.
    Logistic,
    /// The probabilities of the classes; cross-entropy.
    Softmax,
}

impl Output {
    /// What the settings ask for.
    pub(super) fn of(settings: &Settings) -> Output {
        match (settings.problem, settings.loss, settings.outputs()) {
            (Problem::Regression, ..) => Output::Linear,
            (_, Loss::Squared, _) => Output::Tanh,
            (_, Loss::CrossEntropy, 1) => Output::Logistic,
            (_, Loss::CrossEntropy, _) => Output::Softmax,
        }
    }
}

/// Where a layer's numbers lie: weights unit by unit, then biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LayerAt {
    pub(super) inputs: usize,
    pub(super) units: usize,
    /// Where the weights begin.
    pub(super) weights: usize,
    /// Where the biases begin.
    pub(super) biases: usize,
}

/// What of a network changes while it learns.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct State {
    /// Weights and biases of all layers.
    pub(super) numbers: Vec<f64>,
    /// Which links are dead.
    pub(super) dead: Vec<bool>,
    /// Derivatives added up since the last update.
    pub(super) sums: Vec<f64>,
    /// Of how many samples.
    pub(super) pending: u32,
    /// Mean derivatives of the last update.
    pub(super) gradients: Vec<f64>,
    /// What the optimiser remembers of each number: a velocity, a mean of squares.
    pub(super) first: Vec<f64>,
    /// Adam's mean of squares, Adadelta's of steps.
    pub(super) second: Vec<f64>,
    /// Updates so far.
    pub(super) updates: u32,
}

/// A network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) layers: Vec<LayerAt>,
    pub(super) activation: Activation,
    pub(super) output: Output,
    pub(super) state: State,
    /// Sums, outputs and derivatives of one sample, column by column.
    scratch: Scratch,
}

#[derive(Clone, Debug, Default)]
struct Scratch {
    sums: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    derivatives: Vec<Vec<f64>>,
}

/// Where the numbers of layers of these sizes lie, and how many there are.
fn lay_out(sizes: &[usize]) -> (Vec<LayerAt>, usize) {
    let mut count = 0;
    let place = |pair: &[usize]| {
        let (inputs, units) = (pair[0], pair[1]);
        let (weights, biases) = (count, count + inputs * units);
        count = biases + units;
        LayerAt { inputs, units, weights, biases }
    };
    let layers = sizes.windows(2).map(place).collect();
    (layers, count)
}

impl Network {
    /// A network whose weights are drawn from −½ to ½ and whose biases are 0.1; or all are zero.
    pub(super) fn new(settings: &Settings, draw: &mut super::random::Random) -> Network {
        let sizes = settings.sizes();
        let (layers, count) = lay_out(&sizes);
        let mut numbers = vec![0.0; count];
        for layer in &layers {
            for weight in &mut numbers[layer.weights..layer.biases] {
                *weight = draw.next() - 0.5;
            }
            numbers[layer.biases..][..layer.units].fill(0.1);
        }
        if settings.init_zero {
            numbers.fill(0.0);
        }
        let zeros = || vec![0.0; count];
        let state = State {
            numbers,
            dead: vec![false; count],
            sums: zeros(),
            pending: 0,
            gradients: zeros(),
            first: zeros(),
            second: zeros(),
            updates: 0,
        };
        Network::with(settings, state)
    }

    /// A network as it was.
    pub(super) fn with(settings: &Settings, state: State) -> Network {
        let sizes = settings.sizes();
        let (layers, _) = lay_out(&sizes);
        let columns: Vec<_> = sizes.iter().map(|&units| vec![0.0; units]).collect();
        let scratch =
            Scratch { sums: columns.clone(), outputs: columns.clone(), derivatives: columns };
        let (activation, output) = (settings.activation, Output::of(settings));
        Network { layers, activation, output, state, scratch }
    }

    /// Every unit's sum and output for one sample's features, column by column.
    pub(super) fn forward(&mut self, features: &[f64]) -> (&[Vec<f64>], &[Vec<f64>]) {
        let Scratch { sums, outputs, .. } = &mut self.scratch;
        outputs[0].copy_from_slice(features);
        let last = self.layers.len();
        for (at, layer) in self.layers.iter().enumerate() {
            let (before, after) = outputs.split_at_mut(at + 1);
            let (inputs, column) = (&before[at], &mut after[0]);
            let weights = self.state.numbers[layer.weights..].chunks(layer.inputs);
            let biases = &self.state.numbers[layer.biases..];
            for (unit, weights) in weights.take(layer.units).enumerate() {
                let products = weights.iter().zip(inputs);
                sums[at + 1][unit] = products.fold(biases[unit], |sum, (w, x)| sum + w * x);
            }
            if at + 1 == last {
                outputs_of(self.output, &sums[at + 1], column);
            } else {
                let pairs = column.iter_mut().zip(&sums[at + 1]);
                pairs.for_each(|(y, z)| *y = self.activation.value(*z));
            }
        }
        (sums, outputs)
    }

    /// Adds the derivatives of one sample's loss; [`forward`](Network::forward) came before.
    pub(super) fn backward(&mut self, label: f64) {
        let Scratch { sums, outputs, derivatives } = &mut self.scratch;
        let last = self.layers.len();
        derivative_of_loss(self.output, &sums[last], &outputs[last], label, &mut derivatives[last]);
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let (before, after) = derivatives.split_at_mut(at + 1);
            let column = &after[0];
            let total = &mut self.state.sums;
            for unit in 0..layer.units {
                total[layer.biases + unit] += column[unit];
                let from = layer.weights + unit * layer.inputs;
                let dead = &self.state.dead[from..from + layer.inputs];
                let links = total[from..from + layer.inputs].iter_mut().zip(&outputs[at]).zip(dead);
                for ((sum, x), dead) in links {
                    if !dead {
                        *sum += column[unit] * x;
                    }
                }
            }
            if at == 0 {
                break;
            }
            for (input, derivative) in before[at].iter_mut().enumerate() {
                let weights = self.state.numbers[layer.weights..].chunks(layer.inputs);
                let products = weights.zip(column).map(|(weights, d)| weights[input] * d);
                let d = products.fold(0.0, |sum, product| sum + product);
                *derivative = d * self.activation.slope(sums[at][input], outputs[at][input]);
            }
        }
        self.state.pending += 1;
    }

    /// Every unit's output for many samples at once: `columns` holds the features' values, `count` for each, and gets the units', column
    /// by column, unit by unit. The bits are those of one sample after the other.
    pub(super) fn forward_all(&self, columns: &mut Vec<f64>, count: usize) {
        self.forward_all_with(columns, count, |_, _| {});
    }

    /// The same, and shows the sums of each layer, unit by unit, before they become outputs.
    pub(super) fn forward_all_with(
        &self,
        columns: &mut Vec<f64>,
        count: usize,
        mut show: impl FnMut(usize, &[f64]),
    ) {
        let mut from = 0;
        let last = self.layers.len();
        for (at, layer) in self.layers.iter().enumerate() {
            let to = columns.len();
            columns.resize(to + layer.units * count, 0.0);
            let (inputs, outputs) = columns.split_at_mut(to);
            let inputs = &inputs[from..];
            for unit in 0..layer.units {
                let sums = &mut outputs[unit * count..(unit + 1) * count];
                sums.fill(self.state.numbers[layer.biases + unit]);
                for input in 0..layer.inputs {
                    let weight = self.state.numbers[layer.weights + unit * layer.inputs + input];
                    let x = &inputs[input * count..(input + 1) * count];
                    sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += weight * x);
                }
            }
            show(at, outputs);
            if at + 1 == last {
                outputs_of_all(self.output, outputs, count);
            } else {
                self.activation.apply(outputs);
            }
            from = to;
        }
    }

    /// The loss of the sample that went [`forward`](Network::forward).
    pub(super) fn loss(&self, label: f64) -> f64 {
        let last = self.layers.len();
        loss_of(self.output, &self.scratch.sums[last], &self.scratch.outputs[last], label)
    }

    /// Mean loss of samples, what part of them is classified rightly, and which units gave nothing for any of them.
    pub(super) fn score(
        &mut self,
        samples: &[Sample],
        features: &[[f64; 7]],
        used: &[usize],
    ) -> Score {
        let columns = self.scratch.outputs.iter().skip(1);
        let mut silent: Vec<Vec<bool>> = columns.map(|column| vec![true; column.len()]).collect();
        silent.pop();
        let (mut loss, mut right) = (0.0, 0);
        let mut input = vec![0.0; used.len()];
        for (sample, values) in samples.iter().zip(features) {
            input.iter_mut().zip(used).for_each(|(to, &from)| *to = values[from]);
            let (_, outputs) = self.forward(&input);
            for (silent, column) in silent.iter_mut().zip(&outputs[1..]) {
                silent.iter_mut().zip(column).for_each(|(silent, y)| *silent &= *y == 0.0);
            }
            let output = outputs.last().map_or(&[][..], Vec::as_slice);
            right += usize::from(class_of(output) == sample.label);
            loss += self.loss(sample.label);
        }
        let count = samples.len() as f64;
        let accuracy = match self.output {
            Output::Linear => f64::NAN,
            _ => right as f64 / count,
        };
        Score { loss: loss / count, accuracy, silent }
    }
}

/// How a network does on samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Score {
    pub(super) loss: f64,
    pub(super) accuracy: f64,
    /// Hidden units that gave nothing, layer by layer.
    pub(super) silent: Vec<Vec<bool>>,
}

/// The class that outputs speak for: 1 or −1, or of more the one with the largest output.
pub(super) fn class_of(outputs: &[f64]) -> f64 {
    match outputs {
        [y] if *y >= 0.0 => 1.0,
        [_] => -1.0,
        _ => {
            let larger =
                |best: usize, at: usize| if outputs[at] > outputs[best] { at } else { best };
            (1..outputs.len()).fold(0, larger) as f64
        }
    }
}

/// What output k is to be.
fn target(label: f64, k: usize, outputs: usize) -> f64 {
    match outputs {
        1 => label,
        _ if label == k as f64 => 1.0,
        _ => -1.0,
    }
}

fn outputs_of(output: Output, sums: &[f64], outputs: &mut [f64]) {
    let each = |function: fn(f64) -> f64, outputs: &mut [f64]| {
        outputs.iter_mut().zip(sums).for_each(|(y, z)| *y = function(*z));
    };
    match output {
        Output::Tanh => each(tanh, outputs),
        Output::Linear => each(|z| z, outputs),
        Output::Logistic => each(|z| tanh(0.5 * z), outputs),
        Output::Softmax => {
            let most =
                sums.iter().fold(f64::NEG_INFINITY, |most, z| if *z > most { *z } else { most });
            outputs.iter_mut().zip(sums).for_each(|(y, z)| *y = exp(z - most));
            let total = outputs.iter().fold(0.0, |sum, y| sum + y);
            outputs.iter_mut().for_each(|y| *y /= total);
        }
    }
}

/// In place, unit by unit.
fn outputs_of_all(output: Output, columns: &mut [f64], count: usize) {
    match output {
        Output::Tanh => columns.iter_mut().for_each(|z| *z = tanh(*z)),
        Output::Linear => {}
        Output::Logistic => columns.iter_mut().for_each(|z| *z = tanh(0.5 * *z)),
        Output::Softmax => {
            let units = columns.len() / count.max(1);
            let mut of_one = vec![0.0; units];
            for at in 0..count {
                let sums: Vec<f64> = (0..units).map(|unit| columns[unit * count + at]).collect();
                outputs_of(output, &sums, &mut of_one);
                of_one.iter().enumerate().for_each(|(unit, y)| columns[unit * count + at] = *y);
            }
        }
    }
}

fn derivative_of_loss(output: Output, sums: &[f64], outputs: &[f64], label: f64, to: &mut [f64]) {
    let count = outputs.len();
    for (k, derivative) in to.iter_mut().enumerate() {
        *derivative = match output {
            Output::Tanh => {
                let slope = Activation::Tanh.slope(sums[k], outputs[k]);
                (outputs[k] - target(label, k, count)) * slope
            }
            Output::Linear => outputs[k] - target(label, k, count),
            Output::Logistic => sigmoid(sums[k]) - 0.5 * (label + 1.0),
            Output::Softmax => outputs[k] - f64::from(u8::from(label == k as f64)),
        };
    }
}

fn loss_of(output: Output, sums: &[f64], outputs: &[f64], label: f64) -> f64 {
    match output {
        Output::Tanh | Output::Linear => {
            let errors =
                outputs.iter().enumerate().map(|(k, y)| y - target(label, k, outputs.len()));
            errors.fold(0.0, |sum, error| sum + 0.5 * (error * error))
        }
        Output::Logistic => softplus(-label * sums[0]),
        Output::Softmax => {
            let most =
                sums.iter().fold(f64::NEG_INFINITY, |most, z| if *z > most { *z } else { most });
            let total = sums.iter().fold(0.0, |sum, z| sum + exp(z - most));
            ln(total) + most - sums.get(label as usize).copied().unwrap_or(f64::NAN)
        }
    }
}

/// The values of all seven features at a place.
pub(super) fn features_at(x: f64, y: f64) -> [f64; 7] {
    [x, y, x * x, y * y, x * y, crate::exact::sin(x), crate::exact::sin(y)]
}
