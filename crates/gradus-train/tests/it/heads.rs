//! Heads that only training uses: what their losses add to the gradients, against derivatives worked out by hand in f64.

use gradus_nn::layers::{auxiliary, dense};
use gradus_nn::{Init, Sequential, parameters};
use gradus_tensor::{DType, Tensor};
use gradus_train::optim::Sgd;
use gradus_train::{Learner, Recipe};
use std::sync::Arc;

/// How much the head's loss counts.
const WEIGHT: f64 = 0.3;
const RATE: f64 = 0.5;
const CLASSES: usize = 3;

/// h = x·W₁ + b₁; the output is h·W₃ + b₃, the head beside it h·W₂ + b₂.
fn learner(recipe: Recipe) -> Learner {
    let model = Sequential::new([4], &Init::new(1))
        .add_named("body", dense(5))
        .add_named("aside", auxiliary(WEIGHT, |head| head.add_named("fc", dense(CLASSES))))
        .add_named("fc", dense(CLASSES));
    Learner::with(Arc::new(model), Box::new(Sgd::new(RATE)), recipe, 0)
}

fn data() -> (Tensor, Tensor) {
    (Tensor::randn([6, 4], 2), Tensor::from([0i64, 2, 1, 1, 0, 2]))
}

/// Parameters by path, f64.
type Values = Vec<(String, Tensor)>;

fn values(learner: &Learner) -> Values {
    let value = |p: &gradus_nn::Parameter| p.variable().value().cast(DType::F64);
    parameters(&**learner.model()).iter().map(|(path, p)| (path.clone(), value(p))).collect()
}

/// The loss of the output alone, and the gradients of it and WEIGHT times the head's, by hand.
fn by_hand(values: &Values, samples: &Tensor) -> (f64, Values) {
    let get = |path: &str| &values.iter().find(|(p, _)| p == path).expect("a parameter").1;
    let (x, t) = data();
    let x = x.cast(DType::F64); // [B, 4]
    let hot = t.one_hot(CLASSES).cast(DType::F64); // [B, C]
    let share = (samples / samples.sum(..)).unsqueeze(1); // [B, 1]
    let h = x.matmul(get("body.weight")) + get("body.bias"); // [B, 5]
    let softmax = |layer: &str| {
        let y = h.matmul(get(&format!("{layer}.weight"))) + get(&format!("{layer}.bias"));
        let e = y.exp();
        &e / e.sum(1).unsqueeze(1) // [B, C]
    };
    let p = softmax("fc");
    let loss = -((&p * &hot).sum(1).ln() * share.squeeze(1)).sum(..);
    // dL/dy = (softmax(y) − t)·share
    let dy = (p - &hot) * &share;
    let dz = (softmax("aside.head.fc") - &hot) * &share * WEIGHT;
    let dh = dy.matmul(&get("fc.weight").t()) + dz.matmul(&get("aside.head.fc.weight").t());
    let layer = |path: &str, x: &Tensor, dy: &Tensor| {
        [(format!("{path}.weight"), x.t().matmul(dy)), (format!("{path}.bias"), dy.sum(0))]
    };
    let grads =
        [layer("body", &x, &dh), layer("aside.head.fc", &h, &dz), layer("fc", &h, &dy)].concat();
    (loss.item(), grads)
}

fn close(found: &Values, expected: &Values) {
    assert_eq!(found.len(), expected.len());
    for ((path, a), (wanted, b)) in found.iter().zip(expected) {
        assert_eq!(path, wanted);
        let size = b.abs().max(..).item();
        let off = (a.cast(DType::F64) - b).abs().max(..).item();
        assert!(size > 1e-3 && off < 1e-6, "{path}: off by {off:e}, the largest is {size:e}");
    }
}

fn after_a_step(before: &Values, grads: &Values) -> Values {
    let moved =
        |((path, w), (_, g)): (&(String, Tensor), &(String, Tensor))| (path.clone(), w - g * RATE);
    before.iter().zip(grads).map(moved).collect()
}

/// The head's loss reaches its own parameters and those before it; what is reported is the loss of the output alone.
#[test]
fn a_step_adds_the_heads_losses() {
    let (x, t) = data();
    let all = [vec![1.0f32; 6], vec![1.0, 0.0, 2.0, 0.5, 0.0, 3.0]];
    for (samples, weighted) in all.iter().zip([false, true]) {
        let mut learner = learner(Recipe::default());
        let before = values(&learner);
        let samples = Tensor::from_slice(samples, [6]);
        let (loss, grads) = by_hand(&before, &samples.cast(DType::F64));
        let found =
            learner.train_weighted(&x, &t, weighted.then_some(&samples), RATE).expect("good data");
        assert!((found.loss - loss).abs() < 1e-6, "{} and {loss}", found.loss);
        close(&values(&learner), &after_a_step(&before, &grads));
        assert!(learner.unreached().is_empty());
    }
}

/// Half a batch after the other makes the same step; and the gradients one may look at are those of the step.
#[test]
fn halves_and_looks_see_the_heads_too() {
    let (x, t) = data();
    let mut learner = learner(Recipe { accumulate: 2, ..Recipe::default() });
    let before = values(&learner);
    let (_, grads) = by_hand(&before, &Tensor::ones([6]).cast(DType::F64));
    close(&learner.gradients(&x, &t).expect("good data"), &grads);
    for half in [0..3, 3..6] {
        let (x, t) = (x.slice(0, half.clone()), t.slice(0, half));
        learner.train_batch(&x, &t, RATE).expect("good data");
    }
    close(&values(&learner), &after_a_step(&before, &grads));
}

/// Nobody asks the head when the network predicts or is measured.
#[test]
fn predictions_know_no_heads() {
    let (x, t) = data();
    let mut learner = learner(Recipe::default());
    let (loss, _) = by_hand(&values(&learner), &Tensor::ones([6]).cast(DType::F64));
    let found = learner.evaluate_batch(&x, &t).expect("good data").loss;
    assert!((found - loss).abs() < 1e-6, "{found} and {loss}");
    for (path, p) in parameters(&**learner.model()) {
        if path.starts_with("aside") {
            p.variable().set(&(p.tensor() * f64::NAN)).expect("a parameter can be set");
        }
    }
    assert!(
        learner.predict_batch(&x).expect("good data").to_vec::<f32>().iter().all(|y| y.is_finite())
    );
}
