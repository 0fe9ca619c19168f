//! Ten hidden layers, trained from the starts that example 07 compares: who learns?
//!
//! Each network 784-30-…-30-10 gets the same digits, the same number of steps of plain descent, and its best of four rates.
//! Where gradients vanish nothing is learned at any rate; where they explode, not even at the smallest. Batch norm saves both;
//! clipping keeps the numbers finite, and little is learned all the same.
//! Glorot & Bengio 2010; He et al. 2015, arXiv:1502.01852; Ioffe & Szegedy 2015, arXiv:1502.03167

use gradus::data::{Normalization, mnist_5k_split};
use gradus::nn::Initializer::{self, GlorotNormal, HeNormal, Normal};
use gradus::prelude::*;
use gradus::train::optim::Clip;
use std::error::Error;
use std::sync::Arc;

const WIDTH: usize = 30;
const LAYERS: usize = 10;
const EPOCHS: u64 = 8;
const RATES: [f64; 4] = [1e-3, 1e-2, 0.1, 1.0];

/// What goes with a start, to save it.
#[derive(Clone, Copy, PartialEq)]
enum Cure {
    None,
    BatchNorm,
    Clip,
}

/// How a network starts and is trained.
#[derive(Clone, Copy)]
struct Start {
    name: &'static str,
    activation: fn(&Tensor) -> Tensor,
    /// The initialiser of a layer with so many inputs.
    weights: fn(usize) -> Initializer,
    cure: Cure,
}

impl Start {
    fn network(&self, seed: u64) -> Sequential {
        let mut net = Sequential::new([1, 28, 28], &Init::new(seed)).add(flatten());
        for l in 0..LAYERS {
            let inputs = if l == 0 { 784 } else { WIDTH };
            net = net.add(dense(WIDTH).init((self.weights)(inputs)));
            if self.cure == Cure::BatchNorm {
                net = net.add(batch_norm());
            }
            net = net.add(Activation::new("act", self.activation));
        }
        net.add(dense(10).init((self.weights)(WIDTH)))
    }

    /// The test accuracy after training at `rate`.
    fn train(&self, rate: f64, data: &(Loader, Loader)) -> Result<f64, Box<dyn Error>> {
        let recipe = Recipe {
            metrics: vec![metrics::accuracy()],
            clip: (self.cure == Cure::Clip).then_some(Clip::Norm(1.0)),
            ..Recipe::default()
        };
        let net = Arc::new(self.network(0));
        let mut learner = Learner::with(net, Box::new(Sgd::new(rate)), recipe, 0);
        let mut fit = Fit { epochs: EPOCHS, ..Fit::default() };
        fit.run(&mut learner, &data.0, None, &mut Progress::default())?;
        Ok(evaluate(&mut learner, &data.1)?.metrics[0])
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (train, test) = mnist_5k_split()?;
    let normalization = Some(Normalization::of(&train)?);
    let options = LoaderOptions { batch_size: 50, normalization, ..LoaderOptions::default() };
    let shuffled = LoaderOptions { shuffle: true, ..options.clone() };
    let data = (Loader::new(train.into(), shuffled)?, Loader::new(test.into(), options)?);

    let narrow = |inputs: usize| Normal(1.0 / (inputs as f64).sqrt());
    let start = |name, activation, weights, cure| Start { name, activation, weights, cure };
    // Each with the range that its best accuracy must lie in.
    let starts = [
        (start("logistic, N(0, 1/n)", Tensor::sigmoid, narrow, Cure::None), 0.0..=0.15),
        (start("  with batch norm", Tensor::sigmoid, narrow, Cure::BatchNorm), 0.82..=1.0),
        (start("logistic, N(0, 1)", Tensor::sigmoid, |_| Normal(1.0), Cure::None), 0.15..=0.6),
        (start("tanh, Xavier", Tensor::tanh, |_| GlorotNormal, Cure::None), 0.87..=1.0),
        (start("ReLU, He", Tensor::relu, |_| HeNormal, Cure::None), 0.87..=1.0),
        (start("ReLU, N(0, 1)", Tensor::relu, |_| Normal(1.0), Cure::None), 0.0..=0.15),
        (start("  clipped", Tensor::relu, |_| Normal(1.0), Cure::Clip), 0.0..=0.6),
        (start("  with batch norm", Tensor::relu, |_| Normal(1.0), Cure::BatchNorm), 0.75..=1.0),
    ];
    println!("test accuracy after {EPOCHS} epochs, by learning rate");
    println!("{:<20} {:>7} {:>7} {:>7} {:>7}", "", RATES[0], RATES[1], RATES[2], RATES[3]);
    for (start, expected) in starts {
        print!("{:<20}", start.name);
        let mut best = 0.0f64;
        for rate in RATES {
            let accuracy = start.train(rate, &data)?;
            print!(" {accuracy:>7.3}");
            best = best.max(accuracy);
        }
        println!();
        assert!(expected.contains(&best), "{}: {best}, expected {expected:?}", start.name);
    }
    Ok(())
}
