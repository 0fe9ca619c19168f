//! Numeric derivatives for the tests of kernel ops: first and second order in random directions, in f64.

use crate::ops::pointwise::{Pointwise, apply};
use crate::{DType, Key, Tensor, grad};
use gradus_base::Real;

struct Sine;
impl Pointwise<1> for Sine {
    const NAME: &'static str = "sine";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sin()
    }
}

/// Compares the gradients of Σ sin(w·f(x) + 0.3), w random, with central differences, and the gradients of those in turn. The sine
/// makes linear ops curved, so that neither derivative is 0.
pub(crate) fn check_gradients(shapes: &[&[usize]], f: impl Fn(&[Tensor]) -> Tensor) {
    let key = Key::new(77);
    let draw = |stream: u64, shape: &[usize]| key.stream(stream).normal_of(shape, DType::F64);
    let xs: Vec<Tensor> = (0..).zip(shapes).map(|(i, &s)| draw(i, s)).collect();
    check_gradients_at(&xs, f);
}

/// As [`check_gradients`], at given points.
pub(crate) fn check_gradients_at(xs: &[Tensor], f: impl Fn(&[Tensor]) -> Tensor) {
    let key = Key::new(78);
    let like = |stream: u64, x: &Tensor| key.stream(stream).normal_of(x.shape(), DType::F64);
    let along: Vec<Tensor> = (100..).zip(xs).map(|(i, x)| like(i, x)).collect();
    let across: Vec<Tensor> = (200..).zip(xs).map(|(i, x)| like(i, x)).collect();
    let weight = like(300, &f(xs));
    let wave = |y: &Tensor| apply(Sine, [&(y * &weight + 0.3)]).sum(..);
    let value = |xs: &[Tensor]| wave(&f(xs));
    // The slope along a direction is a function of x too: its own slope tests the second order.
    let slope = |xs: &[Tensor]| {
        let y = value(xs);
        let mut total = Tensor::scalar(0.0f64);
        for (x, d) in xs.iter().zip(&along) {
            total = total + (&grad(&y, [x])[0] * d).sum(..);
        }
        total
    };
    compare("first", &value, xs, &along);
    compare("second", &slope, xs, &across);
}

fn compare(order: &str, f: &dyn Fn(&[Tensor]) -> Tensor, xs: &[Tensor], direction: &[Tensor]) {
    let h = 1e-5;
    let moved = |t: f64| {
        let at: Vec<Tensor> = xs.iter().zip(direction).map(|(x, d)| x + d * t).collect();
        f(&at).item()
    };
    let numeric = (moved(h) - moved(-h)) / (2.0 * h);
    let y = f(xs);
    let slopes = xs.iter().zip(direction).map(|(x, d)| (&grad(&y, [x])[0] * d).sum(..).item());
    let exact: f64 = slopes.sum();
    assert!(
        numeric.abs() > 1e-6,
        "{order} order: the numeric derivative is {numeric}: a vacuous test"
    );
    let error = (exact - numeric).abs() / exact.abs().max(numeric.abs()).max(1.0);
    assert!(error < 1e-6, "{order} order: exact {exact}, numeric {numeric}");
}
