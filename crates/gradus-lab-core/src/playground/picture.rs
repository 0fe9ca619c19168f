//! The newest picture of a page.

use super::activation::Activation;
use super::data::Sample;
use super::messages::{Curve, Layer, Picture, Points, RunPicture, Thumbnail, View};
use super::run::Run;
use super::settings::Settings;
use super::{Playground, data, maps, regions, warp};

impl Playground {
    pub(super) fn drawn(&self) -> Picture {
        let view = self.view;
        Picture {
            epoch: self.runs.first().map_or(0, |run| run.epoch),
            oldest: self.oldest(),
            newest: self.newest(),
            runs: self.runs.iter().map(|run| run.drawn(view)).collect(),
        }
    }
}

impl Run {
    fn drawn(&self, view: View) -> RunPicture {
        let Run { network, used, settings, .. } = self;
        let wants_regions = view.regions || view.lines;
        RunPicture {
            settings: settings.address(),
            is_reproducible: self.timeline.is_reproducible(self.epoch),
            learning_rate: settings.rate(self.epoch),
            train_loss: self.train.loss,
            test_loss: self.test.loss,
            train_accuracy: self.train.accuracy,
            test_accuracy: self.test.accuracy,
            curve: self.curve(),
            points: points(&self.samples.all, self.samples.train),
            features: settings.features.map(u8::from).into(),
            layers: (0..network.layers.len()).map(|layer| self.layer(layer)).collect(),
            maps: maps::of_units(network, used, view.unit_side.into()),
            output: maps::large(network, used, view.output_side.into(), view.shown),
            regions: wants_regions.then(|| regions::of(network, used, view.regions, view.lines)),
            warp: view.warp.and_then(|column| warp::of(network, used, &self.features, column)),
        }
    }

    /// The losses so far, and those of now.
    fn curve(&self) -> Curve {
        let mut curve = self.losses.curve.clone();
        if curve.epochs.last().is_none_or(|last| *last < self.epoch) {
            curve.epochs.push(self.epoch);
            curve.train.push(self.train.loss as f32);
            curve.test.push(self.test.loss as f32);
        }
        curve
    }

    fn layer(&self, layer: usize) -> Layer {
        let state = &self.network.state;
        let at = self.network.layers[layer];
        let (weights, biases) = (at.weights..at.biases, at.biases..at.biases + at.units);
        let gradients = &state.gradients[at.weights..biases.end];
        let squares = gradients.iter().fold(0.0, |sum, g| sum + g * g);
        let silent = match self.network.activation {
            Activation::Relu => self.train.silent.get(layer).cloned().unwrap_or_default(),
            _ => vec![],
        };
        let is_dead = |unit: usize| silent.get(unit).copied().unwrap_or(false);
        let narrow = |g: &[f64]| g.iter().map(|g| *g as f32).collect();
        Layer {
            units: at.units as u8,
            inputs: at.inputs as u8,
            weights: state.numbers[weights.clone()].to_vec(),
            biases: state.numbers[biases.clone()].to_vec(),
            dead_links: state.dead[weights.clone()].iter().map(|dead| u8::from(*dead)).collect(),
            dead_units: (0..at.units).map(|unit| u8::from(is_dead(unit))).collect(),
            weight_gradients: narrow(&state.gradients[weights]),
            bias_gradients: narrow(&state.gradients[biases]),
            gradient_norm: squares.sqrt(),
        }
    }
}

fn points(samples: &[Sample], train: usize) -> Points {
    let of =
        |coordinate: fn(&Sample) -> f64| samples.iter().map(|s| coordinate(s) as f32).collect();
    Points { x: of(|s| s.x), y: of(|s| s.y), label: of(|s| s.label), train: train as u32 }
}

/// Small pictures of the data sets.
pub(super) fn thumbnails(settings: &Settings) -> Vec<Thumbnail> {
    let sets = data::thumbnails(settings).into_iter();
    sets.map(|(name, samples)| Thumbnail {
        name: name.into(),
        points: points(&samples, samples.len()),
    })
    .collect()
}
