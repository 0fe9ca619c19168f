//! What `cargo test` leaves out because it takes minutes: every network of the zoo at full size goes forward and backward
//! once, and the gradients of all of them are compared with PyTorch's in f64.
//!
//! ```sh
//! cargo run --release -p gradus-models --example full_size              # everything
//! cargo run --release -p gradus-models --example full_size resnet       # networks whose names begin so
//! ```

#[path = "../tests/it/parity.rs"]
mod parity;

use gradus_models::{Entry, ZOO};
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Context, Init, Layer, parameters};
use gradus_tensor::{Step, Tensor, compile, gradients};
use std::time::Instant;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    for (network, expected) in parity::fixture() {
        if network.starts_with(&only) {
            parity::check_predictions(&network, &expected);
            parity::check_gradients(&network, &expected);
            println!("{network:<18} predicts and learns as PyTorch's does");
        }
    }
    ZOO.iter().filter(|entry| entry.name.starts_with(&only)).for_each(forward_and_backward);
}

/// Two pictures, loss and gradients in training; every parameter has one, and they are finite. In training, because what an
/// untrained network has for running statistics normalises nothing: twice as much leaves each block of a residual network as
/// enters it, and 600 blocks go beyond f32. Two, because a channel of one pixel in one picture has no variance.
fn forward_and_backward(entry: &Entry) {
    let start = Instant::now();
    let model = (entry.build)(&entry.design(), &Init::new(0));
    let built = start.elapsed().as_secs_f64();
    let (x, t) = (Tensor::rand(entry.design().input.inserted(0, 2), 1), Tensor::from([7i64, 3]));
    let mut step = compile(|args: &[Tensor]| {
        let cx = Context::train(&args[2]);
        let loss_of = |y: &Tensor| cross_entropy(y, &args[1]).mean(..);
        let loss = loss_of(&model.forward(&args[0], &cx));
        let heads = cx.take_auxiliary();
        let loss = heads.iter().fold(loss, |sum, (y, weight)| sum + loss_of(y) * *weight);
        let ws: Vec<Tensor> = parameters(&model).iter().map(|(_, p)| p.tensor()).collect();
        let grads = gradients(&loss, &ws).expect("every op has a gradient");
        assert!(grads.iter().all(Option::is_some), "{}: a parameter has no gradient", entry.name);
        let squares = grads.iter().flatten().map(|g| g.square().sum(..));
        let size = squares.reduce(|sum, g| sum + g).expect("there are parameters");
        Step::new().read(&loss).read(&size)
    });
    let start = Instant::now();
    let out = step.run(&[&x, &t, &Tensor::from([0i64, 0])]).expect("the labels are in range");
    let (name, loss, size) = (entry.name, out.item(0), out.item(1));
    assert!(loss.is_finite() && size.is_finite() && size > 0.0, "{name}: {loss}, {size}");
    let seconds = start.elapsed().as_secs_f64();
    println!("{name:<18} built in {built:.2} s, forward and backward in {seconds:.2} s");
}
