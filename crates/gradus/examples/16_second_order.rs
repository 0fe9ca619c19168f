//! Gradients are graph, so they have gradients in turn: Hessian-vector products and a gradient penalty.

use gradus::prelude::*;
use gradus::{Key, Step};

fn normal(stream: u64, shape: &[usize]) -> Tensor {
    Key::new(5).stream(stream).normal_of(shape, DType::F64)
}

/// H·v without the Hessian H: the gradient of ∇f·v.   Pearlmutter 1994
fn hessian_times(f: impl Fn(&Tensor) -> Tensor, x: &Tensor, v: &Tensor) -> Tensor {
    let [slope] = grad(&f(x), [x]);
    let [product] = grad(&(slope * v).sum(..), [x]);
    product
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max(..).item()
}

/// On ½xᵀAx with A symmetric the Hessian is A; on a network, compare with differences of gradients.
fn hessian_vector_products() {
    let (x, v) = (normal(1, &[6, 1]), normal(2, &[6, 1]));
    let half = normal(3, &[6, 6]);
    let a = &half + half.t();
    let quadratic = |x: &Tensor| x.t().matmul(&a.matmul(x)).sum(..) * 0.5;
    let error = largest(&(hessian_times(quadratic, &x, &v) - a.matmul(&v)));
    println!("quadratic form: H·v = A·v to {error:.1e}");
    assert!(error < 1e-12);

    let (w1, w2) = (normal(4, &[8, 6]), normal(5, &[1, 8]));
    let network = |x: &Tensor| w2.matmul(&w1.matmul(x).tanh()).sum(..);
    let exact = hessian_times(network, &x, &v);
    let h = 1e-5;
    let slope = |x: Tensor| grad(&network(&x), [&x])[0].clone();
    let numeric = (slope(&x + &v * h) - slope(&x - &v * h)) / (2.0 * h);
    let error = largest(&(&exact - numeric)) / largest(&exact);
    println!("network: H·v agrees with differences of gradients to {error:.1e}");
    assert!(error < 1e-7);
}

/// Teaches a critic that its gradient with respect to its input has length 1 everywhere, as a Wasserstein GAN asks of it: the update
/// needs the derivative of a gradient.   Gulrajani et al. 2017, arXiv:1704.00028 eq. 3
fn gradient_penalty() {
    let init = Init::new(2).of(DType::F64);
    let critic = Sequential::new([3], &init)
        .add(dense(32))
        .add(Activation::new("tanh", Tensor::tanh))
        .add(dense(1).bias(false));
    let weights: Vec<Variable> =
        parameters(&critic).iter().map(|(_, p)| p.variable().clone()).collect();
    let lengths = |x: &Tensor| {
        let y = critic.forward(x, &Context::eval()).sum(..);
        let [dx] = grad(&y, [x]); // [N, 3]
        dx.square().sum(1).sqrt() // [N]
    };
    let mut step = compile(|arguments: &[Tensor]| {
        let penalty = (lengths(&arguments[0]) - 1.0).square().mean(..);
        let values: Vec<Tensor> = weights.iter().map(Variable::tensor).collect();
        let slopes = gradus::gradients(&penalty, &values).expect("twice differentiable");
        let next = values.iter().zip(slopes).map(|(w, dw)| w - dw.expect("a gradient") * 0.1);
        Step::new().read(&penalty).updates(weights.iter().cloned().zip(next))
    });
    let x = normal(6, &[64, 3]);
    let before = step.run(&[&x]).expect("a step").item(0);
    for _ in 0..500 {
        step.run(&[&x]).expect("a step");
    }
    let after = step.run(&[&x]).expect("a step").item(0);
    println!("gradient penalty: {before:.4} before, {after:.6} after 500 steps");
    assert!(before > 0.01 && after < 0.1 * before);
}

fn main() {
    hessian_vector_products();
    gradient_penalty();
}
