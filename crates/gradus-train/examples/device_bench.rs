//! Milliseconds of a training step of LeNet-5 on each device, in one thread, and how many times the
//! processor's that is; best of many.
//!
//! `cargo run --release -p gradus-train --example device_bench [images]`

use gradus_nn::layers::{conv2d, dense, flatten, max_pool2d, relu};
use gradus_nn::{Init, Sequential};
use gradus_tensor::{Device, Tensor};
use gradus_train::Learner;
use gradus_train::optim::Sgd;
use std::time::Instant;

fn lenet() -> Sequential {
    Sequential::new([1, 28, 28], &Init::new(0))
        .add(conv2d(6, 5).pad(2))
        .add(relu())
        .add(max_pool2d(2))
        .add(conv2d(16, 5))
        .add(relu())
        .add(max_pool2d(2))
        .add(flatten())
        .add(dense(120))
        .add(relu())
        .add(dense(84))
        .add(relu())
        .add(dense(10))
}

fn main() {
    gradus_cpu::set_threads(1);
    let images = std::env::args().nth(1).map_or(64, |n| n.parse().expect("how many images"));
    let x = Tensor::rand([images, 1, 28, 28], 1);
    let t = Tensor::from_slice(&(0..images as i64).map(|i| i % 10).collect::<Vec<_>>(), [images]);
    let mut learners: Vec<Learner> =
        Device::ALL.iter().map(|_| Learner::new(lenet().into(), Sgd::new(0.01))).collect();
    let mut best = vec![f64::INFINITY; learners.len()];
    // Alternating, so that what else the machine does hits all.
    for _ in 0..10 {
        for ((device, learner), best) in Device::ALL.iter().zip(&mut learners).zip(&mut best) {
            device.scope(|| {
                let start = Instant::now();
                learner.train_batch(&x, &t, 0.01).expect("a step");
                *best = best.min(start.elapsed().as_secs_f64());
            });
        }
    }
    for (device, best_of) in Device::ALL.iter().zip(&best) {
        println!("{device:10} {:9.2} ms   {:6.1}", best_of * 1e3, best_of / best[0]);
    }
}
