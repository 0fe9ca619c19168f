//! Work to measure, by a clock of the caller's.

use crate::cases::Tiny;
use gradus::prelude::*;

/// Takes so many steps with a tiny network; gives the last loss.
pub(crate) fn train(steps: usize) -> f64 {
    let mut net = Tiny::new();
    (0..steps).map(|_| net.step()).last().unwrap_or_default()
}

/// Multiplies matrices of n × n so many times; gives the sum of all elements.
pub(crate) fn multiply(n: usize, times: usize) -> f64 {
    let (a, b) = (Tensor::randn([n, n], 1), Tensor::randn([n, n], 2));
    let mut product = compile(|x: &[Tensor]| gradus::Step::new().read(&x[0].matmul(&x[1]).sum(..)));
    (0..times).map(|_| product.run(&[&a, &b]).expect("a product").item(0)).sum()
}
