//! Numbers that would look right and not be: metrics of shapes that broadcast, batch norm of one value a channel, labels that do not
//! count, class weights of smoothed labels.

use gradus_nn::layers::{batch_norm, dense};
use gradus_nn::losses::CrossEntropy;
use gradus_nn::{Init, Sequential, parameters};
use gradus_tensor::{DType, Tensor, try_build};
use gradus_testkit::read_golden;
use gradus_train::optim::{Adam, Sgd};
use gradus_train::{Arrays, Learner, Recipe, metrics};

#[test]
fn metrics_refuse_shapes_that_would_broadcast() {
    let (column, row) = (Tensor::from([[1.0f32], [2.0], [3.0]]), Tensor::from([1.0f32, 2.0, 3.0]));
    let refused = |m: metrics::Metric, x: &Tensor, t: &Tensor| {
        try_build(|| m.of(x, t)).map(|_| ()).unwrap_err().to_string()
    };
    let e = refused(metrics::mean_absolute_error(), &column, &row);
    let want = "mean_absolute_error: the model gives [3, 1], the target is [3]";
    assert!(e.starts_with(want) && e.contains("tests/it/numbers.rs:"), "{e}");
    assert!(refused(metrics::mean_absolute_error(), &row, &column).contains("[3], the target"));
    let scores = Tensor::zeros([3, 4]);
    for (t, shown) in [
        (Tensor::from([[0i64], [1], [2]]), "i64 [3, 1]"),
        (Tensor::from([0i64]), "i64 [1]"),
        (Tensor::from([0i32, 1, 2]), "i32 [3]"),
    ] {
        for (m, name) in [(metrics::accuracy(), "accuracy"), (metrics::top_k::<2>(), "top_k")] {
            let e = refused(m, &scores, &t);
            let want = format!(
                "{name}: the model gives f32 [3, 4], the labels are {shown}; expected [B, classes, ..]"
            );
            assert!(e.starts_with(&want), "{e}");
        }
    }
    // In a learner it is an error of the batch.
    let recipe = Recipe {
        loss: (|x: &Tensor, _: &Tensor| x.mean(1)).into(),
        metrics: vec![metrics::mean_absolute_error()],
        ..Recipe::default()
    };
    let model = Sequential::new([1], &Init::new(0)).add(dense(1));
    let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0);
    let e = learner.train_batch(&column, &row, 0.1).unwrap_err().to_string();
    assert!(e.starts_with(want), "{e}");
}

/// Batches of one, of which PyTorch says that it expected more than one value per channel.
#[test]
fn batch_norm_of_single_rows_is_an_error_of_the_learner() {
    let x = Tensor::randn([5, 2], 3);
    let t = x.select(1, 0).gt(0.0).cast(DType::I64);
    let learner = || {
        let net = Sequential::new([2], &Init::new(0)).add(dense(3)).add(batch_norm()).add(dense(2));
        Learner::new(net.into(), Adam::new(1e-3))
    };
    let state = |learner: &Learner| -> Vec<Vec<f32>> {
        learner.state().iter().map(|(_, v)| v.value().to_vec()).collect()
    };
    let mut single = learner();
    let before = state(&single);
    let e = single.fit(&Arrays::new(&x, &t, 1).unwrap(), 1).map(|_| ()).unwrap_err().to_string();
    let want = "batch_norm: the input is [1, 3]: training needs more than one value a channel";
    assert!(e.contains(want) && e.contains("batch_norm1"), "{e}");
    assert_eq!(state(&single), before);
    // One row is enough to predict and to evaluate.
    assert!(single.evaluate_batch(&x.slice(0, ..1), &t.slice(0, ..1)).unwrap().loss.is_finite());
    assert!(learner().fit(&Arrays::new(&x.slice(0, ..4), &t.slice(0, ..4), 2).unwrap(), 1).is_ok());
}

/// A learner's loss of a batch is PyTorch's of the same: class weights weigh what smoothing spreads, and what is ignored counts
/// nowhere.
#[test]
fn a_batch_loss_with_options_is_that_of_pytorch() {
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-nn/tests/fixtures/layers.safetensors");
    let mut known = 0;
    for case in &read_golden(file) {
        if case.op() != "cross_entropy" || case.text("reduction") != "mean" {
            continue;
        }
        let ((shape, x), (labels, t)) = (case.input("x"), case.ints("target"));
        let (x, t) = (Tensor::from_slice(&x, &shape[..]), Tensor::from_slice(&t, &labels[..]));
        let weights = case.has_input("class_weight").then(|| case.input("class_weight").1);
        let loss = CrossEntropy {
            label_smoothing: case.number("label_smoothing"),
            ignore_index: Some(case.number("ignore_index") as i64),
            class_weights: None,
        };
        let recipe = Recipe {
            loss: loss.into(),
            class_weights: weights.map(|w| w.into_iter().map(f64::from).collect()),
            ..Recipe::default()
        };
        let model = Sequential::new(&shape[1..], &Init::new(0));
        let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0);
        let found = learner.evaluate_batch(&x, &t).unwrap().loss;
        let want = f64::from(case.output("y").1[0]);
        assert!((found - want).abs() < 1e-5 * want.abs().max(1.0), "{found} {want} in {case}");
        known += 1;
    }
    assert_eq!(known, 24);
}

/// A batch with rows that are ignored trains and measures as the batch without them.
#[test]
fn ignored_rows_count_neither_in_loss_nor_metrics_nor_gradients() {
    let x = Tensor::randn([6, 4], 5);
    let t = Tensor::from([0i64, -100, 2, 1, -100, 2]);
    let kept = Tensor::from([0i64, 2, 3, 5]);
    let learner = || {
        let loss = CrossEntropy { ignore_index: Some(-100), ..CrossEntropy::default() };
        let metrics = vec![metrics::accuracy(), metrics::top_k::<2>()];
        let recipe = Recipe { loss: loss.into(), metrics, ..Recipe::default() };
        let net = Sequential::new([4], &Init::new(1)).add(dense(3));
        Learner::with(net.into(), Box::new(Sgd::new(0.5)), recipe, 0)
    };
    let (mut all, mut without) = (learner(), learner());
    let (few, labels) = (x.index_select(0, &kept), t.index_select(0, &kept));
    let a = all.train_batch(&x, &t, 0.5).unwrap();
    let b = without.train_batch(&few, &labels, 0.5).unwrap();
    assert!((a.loss - b.loss).abs() < 1e-6, "{} {}", a.loss, b.loss);
    for (a, b) in a.metrics.iter().zip(&b.metrics) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    let weights = |learner: &Learner| parameters(&**learner.model())[0].1.variable().value();
    assert!((weights(&all) - weights(&without)).abs().max(..).item() < 1e-6);
    // Samples' weights go on top.
    let w = Tensor::from([1.0f32, 7.0, 0.0, 2.0, 9.0, 1.0]);
    let a = all.train_weighted(&x, &t, Some(&w), 0.5).unwrap().loss;
    let b = without.train_weighted(&few, &labels, Some(&w.index_select(0, &kept)), 0.5).unwrap();
    assert!((a - b.loss).abs() < 1e-6, "{a} {}", b.loss);
    // A label that is neither a class nor the ignored one is a bad value.
    let e = all.train_batch(&x.slice(0, ..1), &Tensor::from([-1i64]), 0.5).unwrap_err().to_string();
    assert!(e.contains("label -1 at sample 0 is outside 0..3"), "{e}");
    let e = all.train_weighted(&x, &t, Some(&w.slice(0, ..2)), 0.5).unwrap_err().to_string();
    assert!(e.starts_with("weights: there are [2], the losses are [6]"), "{e}");
    // Nothing that counts has no mean: such a batch changes nothing.
    let before = weights(&all).to_vec::<f32>();
    let none = Tensor::from([-100i64; 6]);
    assert!(all.train_batch(&x, &none, 0.5).unwrap().loss.is_nan());
    assert_eq!(weights(&all).to_vec::<f32>(), before);
}
