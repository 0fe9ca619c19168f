//! One NaN or ∞, wherever it comes from, makes the loss of its batch no number, and then nothing that is learned has changed.

use gradus_nn::layers::*;
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Init, Sequential, parameters};
use gradus_tensor::{DType, Tensor};
use gradus_train::optim::{Adam, Ema};
use gradus_train::{Learner, Recipe, metrics};

fn learner(accumulate: usize) -> Learner {
    let model = Sequential::new([3], &Init::new(4))
        .add(dense(5))
        .add(batch_norm())
        .add(relu())
        .add(dense(4));
    let recipe = Recipe {
        loss: cross_entropy.into(),
        metrics: vec![metrics::accuracy()],
        accumulate,
        ema: Some(Ema::new(0.9)),
        ..Recipe::default()
    };
    Learner::with(model.into(), Box::new(Adam::new(0.01)), recipe, 1)
}

fn batch() -> (Tensor, Tensor) {
    let x = Tensor::from([[1.0f32, 2.0, 3.0], [0.5, 0.1, -1.0], [0.0, 4.0, 1.0]]);
    (x, Tensor::from([0i64, 2, 1]))
}

/// Everything learned, as bits: NaN is what it was, too.
fn bits(learner: &Learner) -> Vec<(String, Vec<u64>)> {
    let bits = |t: Tensor| t.to_vec::<f64>().into_iter().map(f64::to_bits).collect();
    learner.state().into_iter().map(|(name, v)| (name, bits(v.value()))).collect()
}

#[track_caller]
fn changes_nothing(learner: &mut Learner, x: &Tensor, t: &Tensor) {
    let (before, step) = (bits(learner), learner.step());
    assert!(before.len() > 12, "only {} numbers are watched", before.len());
    for _ in 0..2 {
        let result = learner.train_batch(x, t, 0.1).unwrap();
        assert!(result.loss.is_nan(), "the loss is {}", result.loss);
        assert!(result.metrics[0].is_nan());
    }
    assert!(learner.step() > step);
    assert_eq!(bits(learner), before);
}

/// A step on good numbers first: what is not to change then is not 0, averages and running statistics neither.
fn started(accumulate: usize) -> Learner {
    let mut learner = learner(accumulate);
    let (x, t) = batch();
    for _ in 0..accumulate {
        assert!(learner.train_batch(&x, &t, 0.1).unwrap().loss.is_finite());
    }
    learner
}

#[test]
fn a_bad_input_changes_nothing() {
    let (x, t) = batch();
    for accumulate in [1, 2] {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for place in 0..9 {
                let mut numbers = x.to_vec::<f64>();
                numbers[place] = bad;
                let x = Tensor::from_slice(&numbers, [3, 3]).cast(DType::F32);
                changes_nothing(&mut started(accumulate), &x, &t);
            }
        }
    }
}

/// A NaN or ∞ at one class of the last layer, which no sample has as its label or some have.
#[test]
fn a_bad_score_changes_nothing() {
    let (x, t) = batch();
    for bad in [f64::NAN, f64::INFINITY] {
        for class in 0..4 {
            let mut learner = started(1);
            let (name, bias) = parameters(&**learner.model()).pop().unwrap();
            assert!(name.ends_with("bias") && bias.variable().value().len() == 4, "{name}");
            let mut numbers = vec![0.0; 4];
            numbers[class] = bad;
            bias.variable().set(&Tensor::from_slice(&numbers, [4]).cast(DType::F32)).unwrap();
            changes_nothing(&mut learner, &x, &t);
        }
    }
}

/// −∞ is a score like others: the class has no chance, which costs nothing where it is no label.
#[test]
fn a_class_without_a_chance_is_learned_around() {
    let (x, t) = batch();
    let mut learner = learner(1);
    let bias = parameters(&**learner.model()).pop().unwrap().1;
    let numbers = Tensor::from([0.0f32, 0.0, 0.0, f32::NEG_INFINITY]);
    bias.variable().set(&numbers).unwrap();
    let before = bits(&learner);
    assert!(learner.train_batch(&x, &t, 0.1).unwrap().loss.is_finite());
    assert_ne!(bits(&learner)[..before.len()], before);
    let learned = bias.variable().value().to_vec::<f32>();
    assert!(learned[..3].iter().all(|b| b.is_finite()) && learned[3] == f32::NEG_INFINITY);
}
