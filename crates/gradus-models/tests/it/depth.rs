//! Depth: a thousand layers build, run and learn, and dropping them does not overflow the stack.

use gradus_models::{Design, Shortcut, cifar_resnet};
use gradus_nn::layers::*;
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Context, Init, Layer, Sequential, parameters};
use gradus_tensor::{Tensor, gradients, read, update};

/// Loss and every parameter's gradient, which must be there and finite.
fn step(model: &Sequential, x: &Tensor, t: &Tensor, rate: f64) -> f64 {
    let cx = Context::train(&Tensor::from([0i64, 0]));
    let loss = cross_entropy(&model.forward(x, &cx), t).mean(..);
    let parameters = parameters(model);
    let ws: Vec<Tensor> = parameters.iter().map(|(_, p)| p.tensor()).collect();
    let grads = gradients(&loss, &ws).unwrap();
    let moved: Vec<_> = parameters
        .iter()
        .zip(grads)
        .map(|((path, p), g)| {
            let g = g.unwrap_or_else(|| panic!("{path} has no gradient"));
            (p.variable().clone(), p.tensor() - g * rate)
        })
        .collect();
    read([&loss]);
    update(&[&loss], &moved).unwrap();
    loss.item()
}

#[test]
fn a_residual_mlp_of_a_thousand_layers_learns() {
    let mut model = Sequential::new([2], &Init::new(1)).add(dense(8)).add(tanh());
    for _ in 0..500 {
        // Fixup: blocks that start at 0 leave x as it is.
        let zero = gradus_nn::Initializer::Constant(0.0);
        model = model.add(residual(move |p| p.add(dense(8)).add(relu()).add(dense(8).init(zero))));
    }
    let model = model.add(dense(2));
    let x = Tensor::rand([16, 2], 3) * 2.0 - 1.0;
    let t = (&x.slice(1, 0..1) * x.slice(1, 1..2))
        .gt(0.0)
        .cast(gradus_tensor::DType::I64)
        .reshape([16]);
    read([&x, &t]);
    let losses: Vec<f64> = (0..6).map(|_| step(&model, &x, &t, 3e-4)).collect();
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
}

#[test]
fn resnet_1202_takes_a_step() {
    let design = Design::new([3, 8, 8], 10).width(0.125);
    let model = cifar_resnet(1202, Shortcut::Identity, &design, &Init::new(0));
    let x = Tensor::rand([2, 3, 8, 8], 5);
    let loss = step(&model, &x, &Tensor::from([3i64, 7]), 0.1);
    assert!(loss.is_finite() && loss > 0.0, "{loss}");
    assert!(parameters(&model).iter().all(|(_, p)| p.tensor().abs().max(..).item().is_finite()));
}
