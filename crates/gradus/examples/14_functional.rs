//! A network that is no chain: any Rust function of tensors is one. Here a layer is used three times, on two branches that meet again.
//!
//! Its gradient is the sum over its uses. To check that, the same network is built with three layers of equal weights, and their gradients
//! are added up.

use gradus::Key;
use gradus::prelude::*;

/// An encoder for two inputs, which are compared in its space, and a head.
struct Twins<'m> {
    encoders: [&'m Dense; 3],
    head: &'m Dense,
}

impl Twins<'_> {
    fn forward(&self, left: &Tensor, right: &Tensor) -> Tensor {
        let cx = Context::eval();
        let [first, second, third] = self.encoders;
        let a = first.forward(left, &cx).tanh(); // [N, 6]
        let b = second.forward(right, &cx).tanh(); // [N, 6]
        let again = third.forward(&(&a * &b), &cx).tanh(); // [N, 6]
        let joined = Tensor::concat(&[&(a - b).square(), &again], 1); // [N, 12]
        self.head.forward(&joined, &cx).sigmoid() // [N, 1]
    }

    /// The gradient of the mean output for each weight, and for each bias.
    fn slopes(&self, left: &Tensor, right: &Tensor) -> [Vec<Vec<f64>>; 2] {
        let y = self.forward(left, right).mean(..);
        let weights = self.encoders.map(|e| e.weight.tensor());
        let biases = self.encoders.map(|e| e.bias.as_ref().expect("a bias").tensor());
        [weights, biases].map(|all| grad(&y, all.each_ref()).map(|d| d.to_vec::<f64>()).to_vec())
    }
}

/// A dense layer with the same weights, in variables of its own.
fn copy(layer: &Dense, init: &Init) -> Dense {
    let twin = dense(6).build(6, init);
    twin.weight.variable().set(&layer.weight.tensor()).expect("the same shape");
    twin
}

fn main() {
    let init = Init::new(3).of(DType::F64);
    let (encoder, head) = (dense(6).build(6, &init), dense(1).build(12, &init));
    let [left, right] =
        [1, 2].map(|stream| Key::new(9).stream(stream).normal_of([5, 6], DType::F64));

    let shared = Twins { encoders: [&encoder; 3], head: &head };
    let copies = [copy(&encoder, &init), copy(&encoder, &init), copy(&encoder, &init)];
    let apart = Twins { encoders: copies.each_ref(), head: &head };
    let difference = (shared.forward(&left, &right) - apart.forward(&left, &right)).abs().max(..);
    assert!(difference.item() < 1e-15, "the networks differ");

    let mut worst = 0.0f64;
    for (once, three) in shared.slopes(&left, &right).into_iter().zip(apart.slopes(&left, &right)) {
        for (i, &total) in once[0].iter().enumerate() {
            let sum: f64 = three.iter().map(|part| part[i]).sum();
            assert!(three.iter().any(|part| part[i] != 0.0), "no gradient at {i}");
            worst = worst.max((total - sum).abs());
        }
    }
    println!("the shared layer's gradient is the sum over its three uses, to {worst:.1e}");
    assert!(worst < 1e-7);
}
