//! Losses against PyTorch's values and gradients.

use gradus_nn::losses::*;
use gradus_tensor::{Tensor, grad};
use gradus_testkit::{GoldenCase, read_golden};

/// Outputs were computed in f64 and rounded to f32.
const TOLERANCE: f64 = 1e-6;

pub(crate) fn input(case: &GoldenCase, name: &str) -> Tensor {
    let (shape, values) = case.input(name);
    let wide: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
    Tensor::from_slice(&wide, shape)
}

pub(crate) fn ints(case: &GoldenCase, name: &str) -> Tensor {
    let (shape, values) = case.ints(name);
    Tensor::from_slice(&values, shape)
}

pub(crate) fn compare(case: &GoldenCase, name: &str, found: &Tensor) {
    let (shape, want) = case.output(name);
    assert_eq!(*found.shape(), *shape, "{name} of {case}");
    let found = found.to_vec::<f64>();
    let top = want.iter().fold(1e-3, |top, w| f64::from(w.abs()).max(top));
    let errors = found.iter().zip(want).map(|(f, &w)| (f - f64::from(w)).abs());
    let worst = errors.fold(0.0, f64::max);
    assert!(worst <= TOLERANCE * top, "{name} is off by {worst} in {case}");
}

fn cross_entropy_with_options(case: &GoldenCase, x: &Tensor) -> Tensor {
    let loss = CrossEntropy {
        label_smoothing: case.number("label_smoothing"),
        class_weights: case.has_input("class_weight").then(|| input(case, "class_weight")),
        ignore_index: (case.op() == "cross_entropy").then(|| case.number("ignore_index") as i64),
    };
    if case.op() == "cross_entropy_soft" {
        return loss.mean(x, &input(case, "t").softmax(1));
    }
    loss.mean(x, &ints(case, "target"))
}

/// The mean over the batch of what the case's loss gives.
fn mean(case: &GoldenCase, x: &Tensor) -> Option<Tensor> {
    let real = || input(case, "target");
    let label = || ints(case, "target");
    let each = match case.op() {
        "cross_entropy" | "cross_entropy_soft" => return Some(cross_entropy_with_options(case, x)),
        "nll" => nll(x, &label()),
        "mse" => mean_squared(x, &real()),
        "l1" => mean_absolute(x, &real()),
        "huber" => huber(x, &real(), case.number("delta")),
        "smooth_l1" => smooth_l1(x, &real(), case.number("beta")),
        "bce_with_logits" => {
            let pos_weight = case.has_input("pos_weight").then(|| input(case, "pos_weight"));
            BinaryCrossEntropy { pos_weight }.per_sample(x, &real())
        }
        "hinge" => hinge(x, &label()),
        "squared_hinge" => squared_hinge(x, &label()),
        // PyTorch divides by the number of classes.
        "multi_margin" => multi_class_hinge(x, &label()) / x.size(1) as f64,
        _ => return None,
    };
    Some(each.mean(..))
}

#[test]
fn means_agree_with_pytorch() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors");
    let mut known = 0;
    for case in &read_golden(file) {
        if !case.to_string().contains("mean") || case.op() == "kl_div" || !case.has_input("x") {
            continue;
        }
        let x = input(case, "x");
        let Some(y) = mean(case, &x) else { continue };
        compare(case, "y", &y);
        compare(case, "dx", &grad(&y, [&x])[0]);
        known += 1;
    }
    assert_eq!(known, 38);
}

#[test]
fn kl_divergence_agrees_with_pytorch() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors");
    let cases = read_golden(file);
    let batchmean = |c: &&GoldenCase| c.op() == "kl_div" && c.text("reduction") == "batchmean";
    let case = cases.iter().find(batchmean).unwrap();
    let x = input(case, "x");
    let y = kl_divergence(&x.log_softmax(1), &input(case, "t").softmax(1)).mean(..);
    compare(case, "y", &y);
    compare(case, "dx", &grad(&y, [&x])[0]);
}

/// Every loss gives `[B]`; zeros among the targets give 0, not NaN.
#[test]
fn one_number_per_sample() {
    let x = Tensor::from([[0.5f64, -1.0, 2.0], [0.0, 0.25, -3.0]]);
    let t = Tensor::from([[1.0f64, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    let losses: [fn(&Tensor, &Tensor) -> Tensor; 7] = [
        mean_squared,
        mean_absolute,
        squared,
        hinge,
        squared_hinge,
        kl_divergence,
        binary_cross_entropy_with_logits,
    ];
    for loss in losses {
        let y = loss(&x, &t);
        assert_eq!(y.shape().to_string(), "[2]");
        assert!(y.to_vec::<f64>().iter().all(|v| v.is_finite()));
    }
    assert_eq!(squared(&x, &t).to_vec::<f64>(), [0.5 * 5.25, 0.5 * 16.0625]);
    let labels = Tensor::from([0i64, 2]);
    assert_eq!(nll(&x, &labels).to_vec::<f64>(), [-0.5, 3.0]);
    assert_eq!(multi_class_hinge(&x, &labels).to_vec::<f64>(), [2.5, 4.0 + 4.25]);
    assert_eq!(CrossEntropy::default().per_sample(&x, &labels).shape().to_string(), "[2]");
}

/// An ignored place looks up class 0, whose chance there may be none at all.
#[test]
fn an_ignored_place_counts_nothing_whatever_its_scores() {
    let x = Tensor::from([[f64::NEG_INFINITY, 0.0, 1.0], [0.5, 0.25, -1.0]]);
    let t = Tensor::from([-1i64, 2]);
    for label_smoothing in [0.0, 0.1] {
        let loss = CrossEntropy { ignore_index: Some(-1), label_smoothing, ..Default::default() };
        let alone = loss.per_sample(&x.slice(0, 1..), &t.slice(0, 1..)).item();
        assert_eq!(loss.per_sample(&x, &t).to_vec::<f64>(), [0.0, alone]);
        assert_eq!(loss.mean(&x, &t).item(), alone);
        let dx = grad(&loss.mean(&x, &t), [&x])[0].to_vec::<f64>();
        assert!(
            dx[..3].iter().all(|&d| d == 0.0) && dx[3..].iter().all(|d| d.is_finite()),
            "{dx:?}"
        );
    }
}

/// Log-probabilities and their negative likelihood are cross-entropy in two steps: PyTorch's values with weights and an ignored
/// label are those of [`Nll`] too. Samples that count 1 each leave the mean as it is.
#[test]
fn options_agree_with_pytorch_on_every_way() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors");
    let mut known = (0, 0);
    for case in &read_golden(file) {
        if case.op() != "cross_entropy" || case.text("reduction") != "mean" {
            continue;
        }
        let (x, t) = (input(case, "x"), ints(case, "target"));
        let class_weights = case.has_input("class_weight").then(|| input(case, "class_weight"));
        let ignore_index = Some(case.number("ignore_index") as i64);
        let label_smoothing = case.number("label_smoothing");
        if label_smoothing == 0.0 {
            let loss = Nll { class_weights: class_weights.clone(), ignore_index };
            let y = loss.mean(&x.log_softmax(1), &t);
            compare(case, "y", &y);
            compare(case, "dx", &grad(&y, [&x])[0]);
            known.0 += 1;
        }
        let loss = CrossEntropy { label_smoothing, class_weights, ignore_index };
        let ones = Tensor::full_of([x.size(0)], 1.0, x.dtype());
        let y = loss.weighted_mean(&x, &t, &ones);
        compare(case, "y", &y);
        compare(case, "dx", &grad(&y, [&x])[0]);
        known.1 += 1;
    }
    assert_eq!(known, (12, 24));
}

/// A sample of weight 0 is none; one of weight 2 is there twice.
#[test]
fn samples_weigh_in_the_mean_as_often_as_they_count() {
    let x = Tensor::from([[0.5f64, -1.0, 2.0], [0.0, 0.25, -3.0], [1.5, 0.5, -0.5]]);
    let t = Tensor::from([2i64, -100, 0]);
    let class_weights = Some(Tensor::from([0.5f64, 1.0, 3.0]));
    let loss = CrossEntropy { label_smoothing: 0.2, class_weights, ignore_index: Some(-100) };
    let twice = Tensor::from([0i64, 0, 1, 2]);
    let want = loss.mean(&x.index_select(0, &twice), &t.index_select(0, &twice)).item();
    let found = loss.weighted_mean(&x, &t, &Tensor::from([2.0f64, 1.0, 1.0])).item();
    assert!((found - want).abs() < 1e-15, "{found} {want}");
    let alone = loss.mean(&x.slice(0, 2..), &t.slice(0, 2..)).item();
    let found = loss.weighted_mean(&x, &t, &Tensor::from([0.0f64, 5.0, 1.0])).item();
    assert!((found - alone).abs() < 1e-15, "{found} {alone}");
}

/// As PyTorch: the mean of nothing is NaN, a sum of nothing 0. Other labels than the ignored one must be classes.
#[test]
fn nothing_that_counts_has_no_mean_and_other_labels_are_classes() {
    let x = Tensor::from([[0.5f64, -1.0, 2.0], [0.0, 0.25, -3.0]]);
    let none = Tensor::from([-100i64, -100]);
    for label_smoothing in [0.0, 0.1] {
        let ignore_index = Some(-100);
        let loss = CrossEntropy { label_smoothing, ignore_index, ..Default::default() };
        assert!(loss.mean(&x, &none).item().is_nan());
        assert_eq!(loss.per_sample(&x, &none).to_vec::<f64>(), [0.0, 0.0]);
        for label in [-1, -99, 3] {
            let t = Tensor::from([-100i64, label]);
            let e = loss.mean(&x, &t).try_read().unwrap_err().to_string();
            assert!(e.contains(&format!(" {label} at ")) && e.contains("outside"), "{e}");
        }
    }
    let loss = Nll { ignore_index: Some(-100), ..Default::default() };
    assert!(loss.mean(&x, &none).item().is_nan());
    let e = loss.mean(&x, &Tensor::from([-1i64, -100])).try_read().unwrap_err().to_string();
    assert!(e.contains("index -1 at "), "{e}");
    // Unless one is named, none is ignored.
    let e = CrossEntropy::default().mean(&x, &none).try_read().unwrap_err().to_string();
    assert!(e.contains("label -100 at sample 0 is outside 0..3"), "{e}");
}

#[test]
fn a_shape_mistake_says_what_was_found() {
    let (x, t) = (Tensor::zeros([2, 3]), Tensor::zeros([3]));
    let e = gradus_tensor::try_build(|| nll(&x, &t)).err().unwrap().to_string();
    assert!(e.contains("scores are f32 [2, 3], labels f32 [3]"), "{e}");
}
