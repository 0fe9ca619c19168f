//! Vanishing and exploding gradients: what reaches the first of ten hidden layers, against what reaches the last.
//!
//! By the chain rule a gradient is multiplied by f'(z)·W once per layer. Logistic slopes are at most ¼, so it vanishes; large
//! weights make it explode; Xavier's and He's initialisations keep its size.   Glorot & Bengio 2010; He et al. 2015,
//! arXiv:1502.01852
//!
//! The network is 784-30-…-30-1 without biases, its input a random picture. The width of the input matters to one case only,
//! logistic units with N(0, 1) weights: 784 inputs drive the first layer far into saturation, where its slopes are near 0, and 30
//! or 2 do not. The last lines show it.

use gradus::nn::Initializer::{self, GlorotNormal, HeNormal, Normal};
use gradus::prelude::*;
use gradus::{Key, gradients};

const WIDTH: usize = 30;
const LAYERS: usize = 10;
const PIXELS: usize = 784;
const NETWORKS: u64 = 100;

/// How a network starts.
#[derive(Clone, Copy)]
struct Start {
    activation: fn(&Tensor) -> Tensor,
    /// The initialiser of a layer with so many inputs.
    weights: fn(usize) -> Initializer,
}

const LOGISTIC: Start = Start { activation: Tensor::sigmoid, weights: |_| Normal(1.0) };

/// |dJ/dz_l| for each hidden layer l, z being what goes into the activation.
fn flow(start: Start, inputs: usize, seed: u64) -> Vec<f64> {
    let init = Init::new(seed).of(DType::F64);
    let layer = |units: usize, inputs: usize| {
        dense(units).init((start.weights)(inputs)).bias(false).build(inputs, &init)
    };
    let mut a = Key::new(seed).uniform_of([1, inputs], DType::F64);
    let mut sums = vec![];
    for _ in 0..LAYERS {
        let z = layer(WIDTH, a.size(1)).forward(&a, &Context::eval()); // [1, 30]
        a = (start.activation)(&z);
        sums.push(z);
    }
    let loss = layer(1, WIDTH).forward(&a, &Context::eval()).sum(..);
    let slopes = gradients(&loss, &sums).expect("a differentiable network");
    let norm =
        |dz: &Option<Tensor>| dz.as_ref().expect("on the way").square().sum(..).sqrt().item();
    slopes.iter().map(norm).collect()
}

/// The first layer's gradient over the last one's, mean of many networks.
fn ratio(start: Start, inputs: usize) -> f64 {
    let one = |seed| {
        let norms = flow(start, inputs, seed);
        norms[0] / norms[LAYERS - 1]
    };
    (0..NETWORKS).map(one).sum::<f64>() / NETWORKS as f64
}

fn main() {
    let narrow = |inputs: usize| Normal(1.0 / (inputs as f64).sqrt());
    let start = |activation, weights| Start { activation, weights };
    let cases = [
        ("logistic, N(0, 1/n)", start(Tensor::sigmoid, narrow), 2e-6),
        ("logistic, N(0, 1)", LOGISTIC, 1.2e-2),
        ("tanh, Xavier", start(Tensor::tanh, |_| GlorotNormal), 0.54),
        ("ReLU, He", start(Tensor::relu, |_| HeNormal), 1.03),
        ("ReLU, N(0, 1)", start(Tensor::relu, |_| Normal(1.0)), 1.5e5),
    ];
    println!(
        "gradient at the first of {LAYERS} layers over that at the last, mean of {NETWORKS} networks"
    );
    for (name, start, expected) in cases {
        let mean = ratio(start, PIXELS);
        println!("{name:<20} {mean:>10.2e}   expected about {expected:.1e}");
        assert!((mean / expected).ln().abs() < 3f64.ln(), "{name}: {mean}");
    }

    println!("logistic units with N(0, 1) weights, by the number of inputs");
    let by_width = [2, WIDTH, PIXELS].map(|inputs| (inputs, ratio(LOGISTIC, inputs)));
    for (inputs, mean) in by_width {
        println!("{inputs:>4} inputs {mean:>10.2e}");
    }
    assert!(by_width.windows(2).all(|pair| pair[0].1 > 1.4 * pair[1].1));
}
