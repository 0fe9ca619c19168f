//! A multilayer perceptron and gradient descent in its three modes, from the formulas.
//!
//! a = tanh(x·W1 + b1), y = tanh(a·W2 + b2), loss ½(y − t)²; W ← W − α·dW. The modes differ in how many samples a step averages over:
//! one (the lecture's), a few, or all.

use gradus::data::toy;
use gradus::prelude::*;
use gradus::{Key, Step};

const SAMPLES: usize = 200;
const HIDDEN: usize = 16;

/// W1 [2, 16], b1 [16], W2 [16, 1], b2 [1], in f64.
fn weights(seed: u64) -> [Variable; 4] {
    let normal = |stream, shape: &[usize], scale: f64| {
        Key::new(seed).stream(stream).normal_of(shape, DType::F64) * scale
    };
    let zeros = |size: usize| Tensor::full_of([size], 0.0, DType::F64);
    [
        Variable::new("W1", &normal(1, &[2, HIDDEN], 1.0)),
        Variable::new("b1", &zeros(HIDDEN)),
        Variable::new("W2", &normal(2, &[HIDDEN, 1], 0.25)),
        Variable::new("b2", &zeros(1)),
    ]
}

fn predict([w1, b1, w2, b2]: &[Tensor; 4], x: &Tensor) -> Tensor {
    let a = (x.matmul(w1) + b1).tanh(); // [N, 16]
    (a.matmul(w2) + b2).tanh() // [N, 1]
}

fn loss(w: &[Tensor; 4], x: &Tensor, t: &Tensor) -> Tensor {
    (predict(w, x) - t).square().mean(..) * 0.5
}

/// Compares the gradient along a random direction with a central difference.
fn check_gradient(x: &Tensor, t: &Tensor) {
    let w = weights(7).map(|v| v.value());
    let along: [Tensor; 4] =
        std::array::from_fn(|i| Key::new(8).stream(i as u64).normal_of(w[i].shape(), DType::F64));
    let slopes = grad(&loss(&w, x, t), w.each_ref());
    let exact: f64 = slopes.iter().zip(&along).map(|(dw, d)| (dw * d).sum(..).item()).sum();
    let h = 1e-5;
    let moved = |h: f64| loss(&std::array::from_fn(|i| &w[i] + &along[i] * h), x, t).item();
    let numeric = (moved(h) - moved(-h)) / (2.0 * h);
    let error = (exact - numeric).abs() / exact.abs();
    println!("gradient check: exact {exact:.9}, numeric {numeric:.9}, relative error {error:.1e}");
    assert!(exact.abs() > 1e-3 && error < 1e-7);
}

/// Trains for some epochs with so many samples a step; gives the accuracy.
fn train(x: &Tensor, t: &Tensor, batch: usize, epochs: usize, rate: f64) -> f64 {
    let variables = weights(1);
    let mut step = compile(|arguments: &[Tensor]| {
        let w = variables.each_ref().map(Variable::tensor);
        let loss = loss(&w, &arguments[0], &arguments[1]);
        let slopes = grad(&loss, w.each_ref());
        let next = w.iter().zip(slopes).map(|(w, dw)| w - dw * rate);
        Step::new().read(&loss).updates(variables.iter().cloned().zip(next))
    });
    let batches: Vec<[Tensor; 2]> = (0..SAMPLES)
        .step_by(batch)
        .map(|start| [x, t].map(|a| a.slice(0, start..start + batch)))
        .collect();
    for _ in 0..epochs {
        for [x, t] in &batches {
            step.run(&[x, t]).expect("a step");
        }
    }
    let y = predict(&variables.each_ref().map(Variable::value), x);
    (y * t).gt(0.0).cast(DType::F64).mean(..).item()
}

fn main() {
    let moons = toy::moons(SAMPLES, 0.1, 3);
    // One random order, so that batches mix the classes.
    let order = Tensor::permutation(SAMPLES, 4);
    let x = Tensor::from_slice(moons.points.as_flattened(), [SAMPLES, 2]);
    let t = Tensor::from_slice(&moons.targets, [SAMPLES, 1]); // −1 or 1
    let [x, t] = [x, t].map(|a| a.cast(DType::F64).index_select(0, &order));

    check_gradient(&x, &t);
    for (mode, batch, epochs, rate) in [
        ("per sample", 1, 60, 0.1),
        ("mini-batch of 20", 20, 200, 0.5),
        ("full batch", SAMPLES, 1000, 1.0),
    ] {
        let accuracy = train(&x, &t, batch, epochs, rate);
        println!(
            "{mode:<16} {:>6} steps at rate {rate}: accuracy {accuracy:.3}",
            epochs * SAMPLES / batch
        );
        assert!(accuracy >= 0.98, "{mode}: {accuracy}");
    }
}
