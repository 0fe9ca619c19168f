//! LeNet-5: counts of its layers, and one forward and backward pass against PyTorch.

use gradus_models::{Design, lenet, lenet_original};
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Context, Init, Layer, parameters};
use gradus_tensor::{DType, Tensor, grad, gradients};
use gradus_testkit::{GoldenCase, read_golden};

#[test]
fn the_original_counts_as_published_layer_by_layer() {
    for size in [28, 32] {
        let model = lenet_original(&Design::new([1, size, size], 10), &Init::new(0));
        let rows = model.summary().rows;
        let counts: Vec<usize> = rows.iter().map(|r| r.parameters).filter(|&n| n > 0).collect();
        assert_eq!(counts, [156, 12, 1_516, 32, 48_120, 10_164]);
    }
}

#[test]
fn the_original_learns() {
    let init = Init::new(0).of(DType::F64);
    let model = lenet_original(&Design::new([1, 28, 28], 10), &init);
    let x = Tensor::rand([2, 1, 28, 28], 1).cast(DType::F64);
    let t = Tensor::from([3i64, 8]);
    let loss = || cross_entropy(&model.forward(&x, &Context::eval()), &t).mean(..);
    let (before, state) = (loss(), parameters(&model));
    let ws: Vec<Tensor> = state.iter().map(|(_, p)| p.tensor()).collect();
    let grads = gradients(&before, &ws).unwrap();
    let step = |((_, p), g): (&(String, gradus_nn::Parameter), &Option<Tensor>)| {
        let g = g.as_ref().expect("every parameter has a gradient");
        assert!(g.abs().max(..).item() > 0.0);
        (p.variable().clone(), p.tensor() - g * 1e-4)
    };
    let steps: Vec<_> = state.iter().zip(&grads).map(step).collect();
    gradus_tensor::update(&[&before], &steps).unwrap();
    assert!(loss().item() < before.item());
}

/// PyTorch's dense weights are [out, in].
fn stored(case: &GoldenCase, name: &str) -> Tensor {
    let (shape, values) = case.input(name);
    let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    let w = Tensor::from_slice(&wide, shape);
    if w.rank() == 2 { w.t() } else { w }
}

fn compare(case: &GoldenCase, name: &str, found: &Tensor) {
    let found =
        if found.rank() == 2 && name.starts_with("dfc") { found.t() } else { found.clone() };
    let (shape, want) = case.output(name);
    assert_eq!(*found.shape(), *shape, "{name}");
    let top = want.iter().fold(1e-3, |top, w| f64::from(w.abs()).max(top));
    let found = found.to_vec::<f64>();
    let worst = found.iter().zip(want).map(|(f, &w)| (f - f64::from(w)).abs()).fold(0.0, f64::max);
    assert!(worst <= 1e-6 * top, "{name} is off by {worst}");
}

#[test]
fn the_modern_one_agrees_with_pytorch() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/lenet.safetensors");
    let cases = read_golden(file);
    let case = &cases[0];
    let init = Init::new(0).of(DType::F64);
    let model = lenet(&Design::new([1, 28, 28], 10), &init);
    let names = ["conv1", "conv2", "fc1", "fc2", "fc3"];
    let names: Vec<String> =
        names.iter().flat_map(|n| [format!("{n}_w"), format!("{n}_b")]).collect();
    let state = parameters(&model);
    assert_eq!(state.len(), names.len());
    for ((_, parameter), name) in state.iter().zip(&names) {
        parameter.variable().set(&stored(case, name)).unwrap();
    }
    let (shape, labels) = case.ints("target");
    let x = stored(case, "x");
    let logits = model.forward(&x, &Context::eval());
    let loss = cross_entropy(&logits, &Tensor::from_slice(&labels, shape)).mean(..);
    compare(case, "y", &loss);
    compare(case, "logits", &logits);
    compare(case, "dx", &grad(&loss, [&x])[0]);
    for ((_, parameter), name) in state.iter().zip(&names) {
        compare(case, &format!("d{name}"), &grad(&loss, [&parameter.tensor()])[0]);
    }
}
