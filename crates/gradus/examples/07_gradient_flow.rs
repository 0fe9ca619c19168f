//! Vanishing and exploding gradients: what reaches the first of ten hidden layers, against what reaches the last.
//!
//! By the chain rule a gradient is multiplied by f'(z)·W once per layer. Logistic slopes are at most ¼, so it vanishes; large
//! weights make it explode; Xavier's and He's initialisations keep its size.   Glorot & Bengio 2010; He et al. 2015,
//! arXiv:1502.01852

use gradus::nn::Initializer::{self, GlorotNormal, HeNormal, Normal};
use gradus::prelude::*;
use gradus::{Key, gradients};

const WIDTH: usize = 30;
const LAYERS: usize = 10;
const NETWORKS: u64 = 100;

/// How a network starts.
struct Start {
    name: &'static str,
    activation: fn(&Tensor) -> Tensor,
    weights: Initializer,
    /// The deviation of the biases.
    biases: f64,
}

/// |dJ/dz_l| for each hidden layer l, z being what goes into the activation; one random input.
fn flow(start: &Start, seed: u64) -> Vec<f64> {
    let init = Init::new(seed).of(DType::F64);
    let normal = |stream, shape| Key::new(seed).stream(stream).normal_of(shape, DType::F64);
    let layer = |units: usize| dense(units).init(start.weights).bias(false).build(WIDTH, &init);
    let (mut a, mut sums) = (normal(0, [1, WIDTH]), vec![]);
    for l in 0..LAYERS {
        let bias = normal(1 + l as u64, [1, WIDTH]) * start.biases;
        let z = layer(WIDTH).forward(&a, &Context::eval()) + bias; // [1, 30]
        a = (start.activation)(&z);
        sums.push(z);
    }
    let loss = layer(1).forward(&a, &Context::eval()).sum(..);
    let slopes = gradients(&loss, &sums).expect("a differentiable network");
    let norm =
        |dz: &Option<Tensor>| dz.as_ref().expect("on the way").square().sum(..).sqrt().item();
    slopes.iter().map(norm).collect()
}

fn main() {
    let narrow = Normal(1.0 / (WIDTH as f64).sqrt());
    let start = |name, activation, weights, biases| Start { name, activation, weights, biases };
    let cases = [
        (start("logistic, N(0, 1/n)", Tensor::sigmoid, narrow, 0.0), 2e-6),
        // Nielsen's chapter 5 draws the biases like the weights.
        (start("logistic, N(0, 1)", Tensor::sigmoid, Normal(1.0), 1.0), 1.2e-2),
        (start("tanh, Xavier", Tensor::tanh, GlorotNormal, 0.0), 0.54),
        (start("ReLU, He", Tensor::relu, HeNormal, 0.0), 1.03),
        (start("ReLU, N(0, 1)", Tensor::relu, Normal(1.0), 0.0), 1.5e5),
    ];
    println!(
        "gradient at the first of {LAYERS} layers over that at the last, mean of {NETWORKS} networks"
    );
    for (start, expected) in cases {
        let ratio = |seed| {
            let norms = flow(&start, seed);
            norms[0] / norms[LAYERS - 1]
        };
        let mean = (0..NETWORKS).map(ratio).sum::<f64>() / NETWORKS as f64;
        println!("{:<20} {mean:>10.2e}   expected about {expected:.1e}", start.name);
        assert!((mean / expected).ln().abs() < 3f64.ln(), "{}: {mean}", start.name);
    }
}
