//! Training the bare way: tensors, a gradient, a compiled step and a loop. What `fit` does, by hand.
//!
//! 4,000 of the embedded MNIST digits train a 784-128-10 network; the other 1,000 test it.

use gradus::data::{Dataset, labels_of, mnist_5k_split};
use gradus::prelude::*;
use gradus::{Key, Step};

const BATCH: usize = 50;
const EPOCHS: u64 = 6;
const RATE: f64 = 0.02;
const MOMENTUM: f64 = 0.9;

/// A parameter, and the velocity that momentum gives it.
struct Weight {
    value: Variable,
    velocity: Variable,
}

impl Weight {
    fn new(name: &str, start: Tensor) -> Weight {
        Weight {
            velocity: Variable::new("velocity", &start.zeros_like()),
            value: Variable::new(name, &start),
        }
    }
}

/// Images `[N, 784]`, brought to mean 0 and deviation 1, and labels `[N]`.
fn tensors(set: &dyn Dataset) -> (Tensor, Tensor) {
    let mut pixels = vec![0.0; set.len() * 784];
    for (i, image) in pixels.chunks_mut(784).enumerate() {
        set.read(i, image).expect("an embedded image");
    }
    let x = (Tensor::from_slice(&pixels, [set.len(), 784]) - 0.1307) / 0.3081;
    (x, Tensor::from_slice(&labels_of(set), [set.len()]))
}

/// He et al. 2015: with deviation √(2/in), ReLU layers keep the size of what passes through.
fn he(stream: u64, inputs: usize, outputs: usize) -> Tensor {
    Key::new(0).stream(stream).normal([inputs, outputs]) * (2.0 / inputs as f64).sqrt()
}

fn main() {
    let (train, test) = mnist_5k_split().expect("embedded digits");
    let ((x, t), (x_test, t_test)) = (tensors(&train), tensors(&test));

    let weights = [
        Weight::new("w1", he(1, 784, 128)),
        Weight::new("b1", Tensor::zeros([128])),
        Weight::new("w2", he(2, 128, 10)),
        Weight::new("b2", Tensor::zeros([10])),
    ];
    let logits = |x: &Tensor| {
        let [w1, b1, w2, b2] = weights.each_ref().map(|w| w.value.tensor());
        let hidden = (x.matmul(&w1) + b1).relu(); // [B, 128]
        hidden.matmul(&w2) + b2 // [B, 10]
    };

    // Forward, backward and update are one graph, planned at the first call.
    let mut step = compile(|arguments: &[Tensor]| {
        let [x, t] = arguments else { unreachable!("called with images and labels") };
        let loss = losses::cross_entropy(&logits(x), t).mean(..);
        let values = weights.each_ref().map(|w| w.value.tensor());
        let mut step = Step::new().read(&loss);
        for ((w, value), slope) in weights.iter().zip(&values).zip(grad(&loss, values.each_ref())) {
            let velocity = w.velocity.tensor() * MOMENTUM + slope;
            step =
                step.update(&w.value, &(value - &velocity * RATE)).update(&w.velocity, &velocity);
        }
        step
    });

    let mut accuracy = 0.0;
    for epoch in 0..EPOCHS {
        // Every epoch in another order; the same seed, the same orders.
        let order = Tensor::permutation(x.size(0), epoch);
        let mut total = 0.0;
        for start in (0..x.size(0)).step_by(BATCH) {
            let rows = order.slice(0, start..start + BATCH);
            let batch = [x.index_select(0, &rows), t.index_select(0, &rows)];
            total += step.run(&[&batch[0], &batch[1]]).expect("a step").item(0);
        }
        let right = logits(&x_test).argmax(1).eq(&t_test).cast(DType::F32);
        accuracy = right.mean(..).item();
        let mean = total * BATCH as f64 / x.size(0) as f64;
        println!("epoch {}: loss {mean:.4}, test accuracy {accuracy:.3}", epoch + 1);
    }
    assert!(accuracy >= 0.92, "test accuracy {accuracy}");
}
