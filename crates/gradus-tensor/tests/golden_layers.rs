//! Softmaxes, norms, embeddings, resizing and padding against PyTorch's values and gradients.

use gradus_tensor::{LocalResponse, PadMode, Tensor, grad};
use gradus_testkit::{GoldenCase, read_golden};

/// Outputs were computed in f64 and rounded to f32.
const TOLERANCE: f64 = 1e-6;

fn input(case: &GoldenCase, name: &str) -> Tensor {
    let (shape, values) = case.input(name);
    let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    Tensor::from_slice(&wide, shape)
}

fn ints(case: &GoldenCase, name: &str) -> Tensor {
    let (shape, values) = case.ints(name);
    Tensor::from_slice(&values, shape)
}

fn compare(case: &GoldenCase, name: &str, found: &Tensor) {
    let (shape, want) = case.output(name);
    assert_eq!(*found.shape(), *shape, "{name} of {case}");
    let found = found.to_vec::<f64>();
    let top = want.iter().fold(1e-3, |top, w| f64::from(w.abs()).max(top));
    let errors = found.iter().zip(want).map(|(f, &w)| (f - f64::from(w)).abs());
    let worst = errors.fold(0.0, f64::max);
    assert!(worst <= TOLERANCE * top, "{name} is off by {worst} in {case}");
}

/// Checks y and the gradient of Σ y·c, or of a scalar y, by each of the named inputs.
fn check(case: &GoldenCase, xs: &[(&str, &Tensor)], y: &Tensor) {
    compare(case, "y", y);
    let loss = if case.has_input("c") { (y * input(case, "c")).sum(..) } else { y.clone() };
    for (name, x) in xs {
        let name = format!("d{name}");
        if case.outputs().any(|output| output == name) {
            compare(case, &name, &grad(&loss, [x])[0]);
        }
    }
}

/// What a case's op makes of its inputs, for the ops of one input `x`.
fn of_one(case: &GoldenCase, x: &Tensor) -> Option<Tensor> {
    let axis = || case.size("axis") as isize;
    let y = match case.op() {
        "softmax" => x.softmax(axis()),
        "log_softmax" => x.log_softmax(axis()),
        "upsample" => upsample(case, x),
        "pad" => pad(case, x),
        "lrn" => {
            let [alpha, beta, k] = ["alpha", "beta", "k"].map(|n| case.number(n));
            x.local_response_norm(LocalResponse::of_mean(case.size("window"), alpha, beta, k))
        }
        _ => return None,
    };
    Some(y)
}

fn upsample(case: &GoldenCase, x: &Tensor) -> Tensor {
    match (case.text("mode"), &case.sizes("size")[..]) {
        ("nearest", &[w]) => x.upsample_nearest([w]),
        ("nearest", &[h, w]) => x.upsample_nearest([h, w]),
        (_, &[w]) => x.upsample_linear([w], case.flag("align_corners")),
        (_, &[h, w]) => x.upsample_linear([h, w], case.flag("align_corners")),
        _ => panic!("{case}"),
    }
}

fn pad(case: &GoldenCase, x: &Tensor) -> Tensor {
    let mode = match case.text("mode") {
        "constant" => PadMode::Constant(0.0),
        "reflect" => PadMode::Reflect,
        "replicate" => PadMode::Replicate,
        "circular" => PadMode::Circular,
        _ => panic!("{case}"),
    };
    let pairs = case.pairs("padding");
    (2..).zip(pairs).fold(x.clone(), |x, (axis, (a, b))| x.pad_with(axis, a, b, mode))
}

fn norm(case: &GoldenCase, [x, w, b]: [&Tensor; 3]) -> Option<Tensor> {
    let eps = || case.number("eps");
    let y = match case.op() {
        "layer_norm" => x.layer_norm(w, b, eps()),
        "group_norm" => x.group_norm(case.size("groups"), w, b, eps()),
        "instance_norm" => x.instance_norm(w, b, eps()),
        "batch_norm" if case.flag("training") => x.batch_norm(w, b, eps()).0,
        "batch_norm" => x.batch_norm_with(&input(case, "mean"), &input(case, "var"), w, b, eps()),
        _ => return None,
    };
    Some(y)
}

/// Runs every case of a file that this test knows; how many.
fn check_file(file: &str) -> usize {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut known = 0;
    for case in &read_golden(format!("{path}/{file}")) {
        if case.op() == "embedding" && !case.to_string().contains("padding_idx") {
            let table = input(case, "w");
            check(case, &[("w", &table)], &table.embedding(&ints(case, "ids")));
        } else if case.op().ends_with("_norm") {
            let [x, w, b] = ["x", "w", "b"].map(|name| input(case, name));
            let Some(y) = norm(case, [&x, &w, &b]) else { continue };
            check(case, &[("x", &x), ("w", &w), ("b", &b)], &y);
        } else if ["softmax", "log_softmax", "upsample", "pad", "lrn"].contains(&case.op()) {
            let x = input(case, "x");
            let Some(y) = of_one(case, &x) else { continue };
            check(case, &[("x", &x)], &y);
        } else {
            continue;
        }
        known += 1;
    }
    known
}

#[test]
fn layers_agree_with_pytorch() {
    assert_eq!(check_file("gradus-nn/tests/fixtures/layers.safetensors"), 77);
}

#[test]
fn local_response_norms_agree_with_pytorch() {
    assert!(check_file("gradus-tensor/tests/fixtures/conv.safetensors") > 0);
}
