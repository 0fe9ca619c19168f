//! Weights of classes and samples, the rate finder, splits, metrics.

use crate::fit::{learner, loaders};
use gradus_data::{Dataset, mnist_5k_split};
use gradus_nn::layers::{dense, flatten, relu};
use gradus_nn::{Init, Sequential, parameters};
use gradus_tensor::{DType, Tensor};
use gradus_train::optim::Sgd;
use gradus_train::{
    Arrays, Confusion, Group, Learner, Recipe, Source, Sweep, evaluate, metrics, overfit_one_batch,
    validation_split,
};
use std::sync::Arc;

fn batch() -> (Tensor, Tensor) {
    let batch = Source::from(&loaders().0, 0, 0).next().unwrap().unwrap();
    let (x, t) = batch.xt().unwrap();
    (x.clone(), t.clone())
}

fn plain(recipe: Recipe) -> Learner {
    Learner::with(learner().model().clone(), Box::new(Sgd::new(0.1)), recipe, 9)
}

fn values(learner: &Learner) -> Vec<f32> {
    parameters(&**learner.model())
        .iter()
        .flat_map(|(_, p)| p.variable().value().to_vec::<f32>())
        .collect()
}

fn close(a: &[f32], b: &[f32]) {
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(a.len() == b.len() && worst < 1e-6, "{worst}");
}

/// Samples of weight 0 do not count: half a batch, once cut off and once weighted away.
#[test]
fn samples_of_weight_zero_do_not_count() {
    let (x, t) = batch();
    let mut cut = plain(Recipe::default());
    cut.train_batch(&x.slice(0, ..25), &t.slice(0, ..25), 0.1).unwrap();
    let weights: Vec<f32> = (0..50).map(|i| if i < 25 { 2.0 } else { 0.0 }).collect();
    let mut weighted = plain(Recipe::default());
    let w = Tensor::from_slice(&weights, [50]);
    weighted.train_weighted(&x, &t, Some(&w), 0.1).unwrap();
    close(&values(&cut), &values(&weighted));
}

/// Weighting a class is weighting its samples, and equal weights change nothing.
#[test]
fn class_weights_weigh_their_samples() {
    let (x, t) = batch();
    let classes: Vec<f64> = (0..10).map(|c| 0.5 + c as f64).collect();
    let samples: Vec<f32> = t.to_vec::<i64>().iter().map(|&c| 0.5 + c as f32).collect();
    let recipe = Recipe { class_weights: Some(classes), ..Recipe::default() };
    let (mut by_class, mut by_sample) = (plain(recipe), plain(Recipe::default()));
    by_class.train_batch(&x, &t, 0.1).unwrap();
    by_sample.train_weighted(&x, &t, Some(&Tensor::from_slice(&samples, [50])), 0.1).unwrap();
    close(&values(&by_class), &values(&by_sample));
    let equal = Recipe { class_weights: Some(vec![3.0; 10]), ..Recipe::default() };
    let loss = |recipe| plain(recipe).evaluate_batch(&x, &t).unwrap().loss;
    assert!((loss(equal) - loss(Recipe::default())).abs() < 1e-6);
}

/// Activations that are computed again are the same, and need not be kept.
#[test]
fn recomputing_changes_memory_and_nothing_else() {
    let (x, t) = batch();
    let runs = [false, true].map(|recompute| {
        let start = Sequential::new([1, 28, 28], &Init::new(1)).add(flatten());
        let deep = (0..16).fold(start, |net, _| net.add(dense(64)).add(relu()));
        let recipe = Recipe { recompute, ..Recipe::default() };
        let mut learner =
            Learner::with(Arc::new(deep.add(dense(10))), Box::new(Sgd::new(0.1)), recipe, 9);
        let arena = learner.prepare(&x, &t).unwrap().arena_bytes();
        let losses: Vec<u64> =
            (0..3).map(|_| learner.train_batch(&x, &t, 0.1).unwrap().loss.to_bits()).collect();
        (arena, losses, values(&learner))
    });
    let [kept, again] = runs;
    assert_eq!((kept.1, kept.2), (again.1, again.2));
    assert!(again.0 < kept.0, "kept {}, recomputed {}", kept.0, again.0);
}

#[test]
fn the_rate_finder_suggests_a_rate_that_learns_and_changes_nothing() {
    let (train, _) = loaders();
    let mut learner = learner();
    let state = |l: &Learner| -> Vec<Vec<f32>> {
        l.state().iter().map(|(_, v)| v.value().to_vec::<f32>()).collect()
    };
    let (x, t) = batch();
    learner.train_batch(&x, &t, 1e-3).unwrap();
    let before = (state(&learner), learner.counters());
    let curve = Sweep { low: 1e-6, high: 10.0, steps: 60 }.run(&mut learner, &train).unwrap();
    assert_eq!(before, (state(&learner), learner.counters()));
    let rate = curve.suggestion().unwrap();
    assert!(curve.steepest.unwrap() <= rate && rate <= curve.bottom.unwrap());
    assert!((1e-4..0.1).contains(&rate), "{rate} {:?}", curve.points);
    assert!(curve.points.len() < 60, "a rate of 10 is far too high for Adam");
}

#[test]
fn one_batch_is_learned_by_heart() {
    let (x, t) = batch();
    let losses = overfit_one_batch(&mut learner(), (&x, &t), 60).unwrap();
    assert!(losses[0] > 1.0 && losses[59] < 0.05, "{losses:?}");
}

fn refused(x: &Tensor, t: &Tensor, batch: usize) -> String {
    let error = Arrays::new(x, t, batch).err().expect("it cannot be trained on");
    error.to_string()
}

#[test]
fn arrays_say_what_is_wrong_with_them() {
    let (x, t) = (Tensor::ones([6, 2]), Tensor::ones([6]));
    let found = refused(&x, &Tensor::ones([5]), 3);
    assert!(
        found.contains("x [6, 2] has 6 rows, the targets [5] have 5, expected as many"),
        "{found}"
    );
    assert!(refused(&Tensor::ones([0, 2]), &Tensor::ones([0]), 3).contains("found no rows"));
    assert!(refused(&x, &t, 0).contains("found batches of 0 rows"));
    // A bad number, of any type of numbers: in the inputs or among the targets.
    let mut bad = [1.0f32; 12];
    bad[7] = f32::NAN;
    for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
        let found = refused(&Tensor::from_slice(&bad, [6, 2]).cast(dtype), &t, 3);
        let expected = "x: found NaN in row 3, element 1 (from 0), expected finite numbers";
        assert!(found.contains(expected), "{dtype:?}: {found}");
    }
    let infinite = Tensor::from_slice(&[0.0f32, 1.0, f32::INFINITY, 0.0, 0.0, 0.0], [6]);
    assert!(refused(&x, &infinite, 3).contains("targets: found inf in row 2, element 0"));
}

#[test]
fn a_split_of_arrays_is_a_partition() {
    let rows: Vec<f32> = (0..40).map(|i| i as f32).collect();
    let x = Tensor::from_slice(&rows, [20, 2]); // row i is 2i, 2i + 1
    let t = Tensor::from_slice(&(0..20).collect::<Vec<i64>>(), [20]);
    let all = Arrays::new(&x, &t, 3).unwrap().shuffle(4);
    let numbers = |part: &Arrays| {
        let mut found = vec![];
        for batch in part.from(0, 0) {
            let batch = batch.unwrap();
            let (x, t) = batch.xt().unwrap();
            let (x, t) = (x.to_vec::<f32>(), t.to_vec::<i64>());
            x.chunks(2)
                .zip(&t)
                .for_each(|(x, &t)| assert_eq!(x, [2.0 * t as f32, 2.0 * t as f32 + 1.0]));
            found.extend(t);
        }
        found
    };
    let (kept, held) = all.split(0.25, 1).unwrap();
    let (a, b) = (numbers(&kept), numbers(&held));
    assert_eq!((a.len(), b.len()), (15, 5));
    assert!(!a.is_sorted() && b.is_sorted(), "the first part is shuffled, the second is not");
    let mut both = [a, b.clone()].concat();
    both.sort_unstable();
    assert_eq!(both, (0..20).collect::<Vec<i64>>());
    assert_eq!(numbers(&all.split(0.25, 1).unwrap().1), b, "the same seed, the same rows");
    assert_ne!(numbers(&all.split(0.25, 2).unwrap().1), b);
    for part in [0.0, 0.01, 1.0, -1.0, f64::NAN] {
        assert!(all.split(part, 0).is_err(), "{part}");
    }
}

#[test]
fn a_split_keeps_the_shares_of_classes() {
    let set: Arc<dyn Dataset> = Arc::new(mnist_5k_split().unwrap().0);
    let (kept, held) = validation_split(&set, 0.1, 3).unwrap();
    assert_eq!(kept.len() + held.len(), set.len());
    assert_eq!(held.len(), set.len() / 10);
    assert!(
        validation_split(&set, 1.0, 3).is_err() && validation_split(&set, f64::NAN, 3).is_err()
    );
}

/// Of equal logits the first counts, NaN is no hit, and the largest one is what accuracy means.
#[test]
fn ties_and_nan_are_no_hits() {
    let nan = f32::NAN;
    let rows = [
        [0.0f32, 0.0, 0.0, 0.0],
        [nan, nan, nan, nan],
        [1.0, nan, 3.0, 2.0],
        [-f32::INFINITY, 5.0, 5.0, f32::INFINITY],
    ];
    for label in 0..4 {
        let t = Tensor::from([label; 4]);
        let of = |m: metrics::Metric| m.of(&Tensor::from(rows), &t).to_vec::<f32>();
        let hit = |k: i64| {
            let equal = f32::from(u8::from(label < k));
            // In the third row NaN comes first, in the fourth ∞, then the fives in their order.
            let third = [3, 4, 1, 2][label as usize] < k;
            let fourth = [3, 1, 2, 0][label as usize] < k;
            [equal, 0.0, f32::from(u8::from(third)), f32::from(u8::from(fourth))]
        };
        assert_eq!(of(metrics::top_k::<1>()), hit(1), "label {label}");
        assert_eq!(of(metrics::accuracy()), hit(1), "label {label}");
        assert_eq!(of(metrics::top_k::<2>()), hit(2), "label {label}");
        assert_eq!(of(metrics::top_k::<3>())[0], hit(3)[0], "label {label}");
    }
}

#[test]
fn metrics_measure() {
    let x = Tensor::from_slice(&[0.1f32, 0.5, 0.4, 0.2, 0.3, 0.5], [2, 3]);
    let t = Tensor::from([2i64, 0]);
    let of = |m: metrics::Metric| m.of(&x, &t).to_vec::<f32>();
    assert_eq!(of(metrics::accuracy()), [0.0, 0.0]);
    assert_eq!(of(metrics::top_k::<2>()), [1.0, 0.0]);
    assert_eq!(of(metrics::top_k::<3>()), [1.0, 1.0]);
    let m = metrics::mean_absolute_error();
    let y = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2]);
    assert_eq!(m.of(&y, &y.zeros_like()).to_vec::<f32>(), [1.5, 3.5]);
}

#[test]
fn confusion_counts() {
    let mut c = Confusion::new(2);
    for (label, guess, times) in [(0, 0, 3), (0, 1, 1), (1, 1, 4), (1, 0, 2)] {
        (0..times).for_each(|_| c.add(label, guess).unwrap());
    }
    assert_eq!((c.accuracy(), c.precision(0), c.recall(0)), (0.7, 0.6, 0.75));
    assert!((c.f1(0) - 2.0 / 3.0).abs() < 1e-12 && c.macro_f1() > 0.66);
    assert!(c.add(2, 0).is_err());
    let (_, test) = loaders();
    let mut learner = learner();
    let found = Confusion::of(&mut learner, &test).unwrap();
    let accuracy = evaluate(&mut learner, &test).unwrap().metrics[0];
    assert!((found.accuracy() - accuracy).abs() < 1e-9);
}

/// A group's path is a whole name: `dense1` is not the beginning of `dense10`.
#[test]
fn groups_hold_layers_by_whole_names() {
    let model = (0..10).fold(Sequential::new([2], &Init::new(0)), |m, _| m.add(dense(2)));
    let frozen = Group { path: "dense1".into(), rate_scale: 0.0, weight_decay: None };
    let recipe = Recipe { groups: vec![frozen], ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0);
    let weights = |learner: &Learner| -> Vec<Vec<f32>> {
        let all = parameters(&**learner.model()).into_iter();
        let kept = all.filter(|(path, _)| path.ends_with("weight"));
        kept.map(|(_, p)| p.variable().value().to_vec()).collect()
    };
    let before = weights(&learner);
    learner.train_batch(&Tensor::ones([1, 2]), &Tensor::from([0i64]), 0.1).unwrap();
    let after = weights(&learner);
    assert!(before[0] == after[0] && before[9] != after[9], "{before:?} {after:?}");
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let (x, t) = batch();
    let refused = |recipe, weights: Option<&Tensor>, t: &Tensor| {
        let mut learner = plain(recipe);
        learner.train_weighted(&x, t, weights, 0.1).unwrap_err().to_string()
    };
    let e = refused(Recipe::default(), Some(&Tensor::ones([3])), &t);
    assert!(e.starts_with("weights: there are [3], the losses are [50]"), "{e}");
    let loss = |x: &Tensor, _: &Tensor| x.mean(1);
    let recipe =
        Recipe { class_weights: Some(vec![1.0; 10]), loss: loss.into(), ..Recipe::default() };
    let e = refused(recipe, None, &Tensor::ones([50]));
    assert!(e.starts_with("class weights: the targets are f32 [50], expected labels"), "{e}");
}
