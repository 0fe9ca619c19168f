//! A number of a set does not depend on how the set is cut into batches; and a run in a folder that is stopped and gone on with is the
//! run that was never stopped, whatever callbacks it has.

use gradus_nn::layers::{dense, tanh};
use gradus_nn::losses::CrossEntropy;
use gradus_nn::{Init, Layer, Sequential, parameters};
use gradus_tensor::{DType, Tensor};
use gradus_train::callbacks::{BestWeights, EarlyStopping, GradualUnfreezing};
use gradus_train::optim::{Adam, Optimizer, Sgd};
use gradus_train::schedule::Schedule;
use gradus_train::{
    Arrays, Batch, Fit, Learner, Measured, Objectives, Pace, Progress, Recipe, Task, Updater,
    metrics, weights,
};
use std::sync::Arc;

fn model() -> Sequential {
    Sequential::new([2], &Init::new(3)).add(dense(6)).add(tanh()).add(dense(2))
}

fn learner(recipe: Recipe, optimizer: impl Optimizer + 'static) -> Learner {
    Learner::with(model().into(), Box::new(optimizer), recipe, 0)
}

#[test]
fn ignored_labels_weigh_nothing_in_any_batch() {
    let x = Tensor::randn([6, 2], 1);
    let t = Tensor::from([1i64, 0, 1, 1, 0, 0]);
    for ignored in [0, -100] {
        let loss = CrossEntropy { ignore_index: Some(ignored), ..CrossEntropy::default() };
        // Labels 1 and 0, or 1 and −100.
        let t = if ignored == 0 { t.clone() } else { &t * 101.0 - 100.0 };
        let metrics = vec![metrics::accuracy(), metrics::macro_f1()];
        let mut learner =
            learner(Recipe { loss: loss.into(), metrics, ..Recipe::default() }, Sgd::new(0.1));
        let of = |learner: &mut Learner, size: usize| {
            let result = learner.evaluate(&Arrays::new(&x, &t, size).unwrap()).unwrap();
            [result.loss, result.metrics[0], result.metrics[1]]
        };
        let whole = of(&mut learner, 6);
        for size in [1, 2, 4] {
            let cut = of(&mut learner, size);
            let off = whole.iter().zip(&cut).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(
                off < 1e-6 && whole[0].is_finite(),
                "{whole:?} and {cut:?} in batches of {size}"
            );
        }
        // Training on batches in which nothing counts neither ends nor moves anything.
        let data = Arrays::new(&x, &t, 1).unwrap();
        let progress = learner.fit(&data, 2).unwrap();
        assert!(progress.history[1].loss.is_finite());
    }
}

#[test]
fn weights_and_lengths_weigh_across_batches() {
    let (x, t) = (Tensor::randn([4, 2], 2), Tensor::from([1i64, 0, 0, 1]));
    let given = Tensor::from([3.0f32, 1.0, 0.0, 0.0]);
    let mut learner = learner(Recipe::default(), Sgd::new(0.1));
    let fields = [("x", &x), ("t", &t), ("weights", &given)];
    let mut of = |size| {
        let data = Arrays::named(fields, size).unwrap();
        gradus_train::measure(&mut learner, &data).unwrap()[0]
    };
    let whole = of(4);
    assert!((whole - of(2)).abs() < 1e-6 && (whole - of(1)).abs() < 1e-6);
}

#[test]
fn metrics_come_in_the_recipes_order() {
    let recipe = Recipe {
        loss: gradus_nn::losses::mean_squared.into(),
        metrics: vec![metrics::r2(), metrics::mean_absolute_error()],
        ..Recipe::default()
    };
    let mut learner = learner(recipe, Sgd::new(0.1));
    let x = Tensor::randn([8, 2], 1);
    let result = learner.evaluate(&Arrays::new(&x, &x, 3).unwrap()).unwrap();
    let y = learner.predict_batch(&x).unwrap();
    let error = (&y - &x).abs().mean(..).item();
    assert!((result.metrics[1] - error).abs() < 1e-6, "{:?}, {error}", result.metrics);
    assert_eq!(learner.metric_names(), ["r2", "mean_absolute_error"]);
}

/// A momentum that begins or ends to be cycled takes no larger step than before.
#[test]
fn momentum_may_begin_late() {
    let (x, t) = (Tensor::randn([16, 2], 1), Tensor::randn([16, 2], 2));
    let recipe = Recipe { loss: gradus_nn::losses::mean_squared.into(), ..Recipe::default() };
    let mut learner = learner(recipe, Adam::new(1e-3));
    let largest = |momentum: Option<f64>, learner: &mut Learner| {
        let before = parameters(&**learner.model())[0].1.variable().value();
        learner.set_momentum(momentum).unwrap();
        learner.train_batch(&x, &t, 1e-3).unwrap();
        (parameters(&**learner.model())[0].1.tensor() - before).abs().max(..).item()
    };
    for _ in 0..100 {
        largest(None, &mut learner);
    }
    let usual = largest(None, &mut learner);
    let with = largest(Some(0.9), &mut learner);
    let again = largest(None, &mut learner);
    assert!(with < 1.2 * usual && again < 1.2 * usual, "{usual}, {with}, {again}");
}

fn data() -> (Arrays, Arrays) {
    let x = Tensor::randn([64, 2], 1);
    let t = (x.select(1, 0) * x.select(1, 1)).gt(0.0).cast(DType::I64);
    Arrays::new(&x, &t, 8).unwrap().split(0.25, 0).unwrap()
}

/// What a run of so many epochs in a folder leaves, with callbacks made for a learner.
fn run(
    folder: Option<&std::path::Path>,
    epochs: u64,
    schedule: Schedule,
    mut learner: Learner,
    with: &dyn Fn(&Learner, &mut Fit<'_>),
) -> (Progress, Learner) {
    let (train, validation) = data();
    let mut fit = Fit { epochs, schedule, ..Fit::default() };
    with(&learner, &mut fit);
    let progress = fit.run_in(folder, &mut learner, &train, Some(&validation)).unwrap();
    (progress, learner)
}

fn stopped_and_whole(
    schedule: &Schedule,
    learner: &dyn Fn() -> Learner,
    with: &dyn Fn(&Learner, &mut Fit<'_>),
) {
    let folder = tempfile::tempdir().unwrap();
    run(Some(folder.path()), 3, schedule.clone(), learner(), with);
    let (went_on, a) = run(Some(folder.path()), 6, schedule.clone(), learner(), with);
    let (whole, b) = run(None, 6, schedule.clone(), learner(), with);
    assert_eq!(went_on.series("loss"), whole.series("loss"));
    assert_eq!(went_on.series("val_loss"), whole.series("val_loss"));
    assert!(weights(&**a.model()) == weights(&**b.model()));
}

#[test]
fn stopped_runs_go_on_whatever_their_callbacks() {
    let folder = tempfile::tempdir().unwrap();
    let best = folder.path().join("best.safetensors");
    let high = || learner(Recipe::default(), Sgd::new(2.0));
    stopped_and_whole(&Schedule::Constant, &high, &|_, fit| {
        fit.callbacks.push(Box::new(BestWeights::new(&best, "val_loss").restore_best(false)));
    });
    stopped_and_whole(&Schedule::Constant, &high, &|_, fit| {
        fit.callbacks.push(Box::new(BestWeights::new(&best, "val_loss")));
    });
    stopped_and_whole(&Schedule::Constant, &high, &|learner, fit| {
        let all = parameters(&**learner.model()).into_iter().map(|(_, p)| p);
        let groups: Vec<Vec<_>> =
            all.collect::<Vec<_>>().chunks(2).take(1).map(<[_]>::to_vec).collect();
        fit.callbacks.push(Box::new(GradualUnfreezing::new(groups, 2)));
    });
    let cycle = Schedule::one_cycle(40).cycle_momentum(0.85, 0.95);
    stopped_and_whole(&cycle, &|| learner(Recipe::default(), Adam::new(0.01)), &|_, _| {});
    stopped_and_whole(&cycle, &|| learner(Recipe::default(), Sgd::new(0.1)), &|_, _| {});
}

#[test]
fn a_run_that_a_callback_ended_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let go = || {
        let learner = learner(Recipe::default(), Sgd::new(1e-40));
        run(Some(folder.path()), 20, Schedule::Constant, learner, &|_, fit| {
            fit.callbacks.push(Box::new(EarlyStopping::new("val_loss", 2)));
        })
        .0
    };
    let first = go();
    assert!(first.history.len() < 20 && first.stopped.is_some());
    for _ in 0..3 {
        let again = go();
        assert_eq!((again.history.len(), &again.stopped), (first.history.len(), &first.stopped));
    }
}

/// Fields of other names are not those that were found to suit; a loss that is not due is no loss of 0.
#[test]
fn objectives_look_at_names_and_at_what_is_due() {
    let [a, b] = [1, 2].map(|seed| Arc::new(Sequential::new([2], &Init::new(seed)).add(dense(1))));
    let (of_a, of_b) = (a.clone(), b.clone());
    let mut task = Objectives::new(0)
        .module("a", a.clone())
        .module("b", b)
        .minimize("late", Updater::new(Sgd::new(0.1)).every(2), &["a"], move |batch, cx| {
            Measured::new(&of_a.forward(&batch["x"], cx).square())
        })
        .minimize("second", Updater::new(Sgd::new(0.1)), &["b"], move |batch, cx| {
            (of_b.forward(&batch["x"], cx) - &batch["t"]).square().into()
        });
    let (x, t) = (Tensor::randn([4, 2], 1), Tensor::ones([4, 1]));
    let good = Batch::pair(&x, &t).unwrap();
    for _ in 0..3 {
        task.train_step(&good, &Pace::CONSTANT).unwrap();
    }
    let before = weights(&*a);
    let other = Batch::new([("x", x), ("label", t)]).unwrap();
    let error = task.train_step(&other, &Pace::CONSTANT).unwrap_err().to_string();
    assert!(error.contains("no field t; there are x f32 [4, 2], label"), "{error}");
    assert!(weights(&*a) == before, "the first part has moved");
    let numbers = task.train_step(&good, &Pace::CONSTANT).unwrap();
    let next = task.train_step(&good, &Pace::CONSTANT).unwrap();
    assert!(numbers.means[0].units == 4.0 && next.means[0].units == 0.0);
}
