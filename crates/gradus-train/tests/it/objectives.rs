//! Tasks of several losses: what is wrong is said by name, the weights are as before, and training goes on.

use gradus_nn::layers::{dense, tanh};
use gradus_nn::{Context, Init, Layer, Module, Sequential};
use gradus_tensor::{DType, Tensor, Variable};
use gradus_train::callbacks::{TerminateOnNan, load_checkpoint, save_checkpoint};
use gradus_train::optim::{Adam, Clip, Ema, Sgd};
use gradus_train::schedule::Schedule;
use gradus_train::{
    Arrays, Batch, Fields, Fit, Learner, Measured, Objectives, Pace, Progress, Task, TrainError,
    Updater, weights,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn model(seed: u64) -> Arc<Sequential> {
    Arc::new(Sequential::new([2], &Init::new(seed)).add(dense(4)).add(tanh()).add(dense(1)))
}

fn square(
    model: &Arc<Sequential>,
) -> impl Fn(&Fields<'_>, &Context<'_>) -> Measured + Send + Sync + use<> {
    let model = model.clone();
    move |batch, cx| (model.forward(&batch["x"], cx) - &batch["t"]).square().into()
}

fn batch(n: usize) -> Batch {
    let x = Tensor::randn([n, 2], 1);
    Batch::pair(&x, &(x.sum(1).unsqueeze(1))).unwrap()
}

/// Two networks with a loss each.
fn two() -> (Objectives, [Arc<Sequential>; 2]) {
    let [a, b] = [model(1), model(2)];
    let (of_a, of_b) = (square(&a), square(&b));
    let task = Objectives::new(0)
        .module("a", a.clone())
        .module("b", b.clone())
        .minimize("first", Updater::new(Adam::new(0.01)), &["a"], of_a)
        .minimize("second", Updater::new(Sgd::new(0.1)).every(3), &["b"], of_b);
    (task, [a, b])
}

fn refused(task: &mut Objectives, batch: &Batch, parts: &[&str]) {
    let error = task.train_step(batch, &Pace::CONSTANT).unwrap_err().to_string();
    parts.iter().for_each(|part| assert!(error.contains(part), "{part:?} is not in {error}"));
}

#[test]
fn batches_that_do_not_suit() {
    let (mut task, [a, b]) = two();
    let before = [weights(&*a), weights(&*b)];
    let x = Tensor::randn([4, 2], 1);
    let lacking = Batch::new([("x", x.clone())]).unwrap();
    refused(&mut task, &lacking, &["no field t; there are x f32 [4, 2]", "in the loss first"]);
    let wide = Batch::pair(&Tensor::ones([4, 3]), &Tensor::ones([4, 1])).unwrap();
    refused(&mut task, &wide, &["matmul", "in a batch of x f32 [4, 3] and t f32 [4, 1]"]);
    assert!([weights(&*a), weights(&*b)] == before, "a weight has changed");
    assert_eq!(task.train_step(&batch(4), &Pace::CONSTANT).unwrap().samples, 4);
    let error = |fields: Vec<(&'static str, Tensor)>| Batch::new(fields).unwrap_err().to_string();
    assert!(error(vec![("x", x.clone()), ("x", x)]).contains("two fields named x"));
    assert!(error(vec![]).contains("found no field"));
    assert!(error(vec![("x", Tensor::ones([0, 2]))]).contains("at least one sample"));
}

#[test]
fn ragged_rows_that_do_not_fit() {
    let error = |x: Vec<Vec<f32>>, t: Vec<Vec<f32>>| {
        Batch::ragged([("x", x), ("t", t)]).unwrap_err().to_string()
    };
    let found = error(vec![vec![1.0, 2.0]], vec![vec![1.0]]);
    assert!(found.contains("the rows of t are [1] long, those of x [2]"), "{found}");
    assert!(error(vec![vec![], vec![1.0]], vec![]).contains("row 0 is empty"));
}

#[test]
fn two_updaters_over_one_parameter() {
    let shared = model(1);
    let mut task = Objectives::new(0)
        .module("net", shared.clone())
        .minimize("up", Updater::new(Sgd::new(0.1)), &["net"], square(&shared))
        .minimize("down", Updater::new(Sgd::new(0.1)), &["net"], square(&shared));
    refused(&mut task, &batch(4), &["up and down both move net.dense1.weight"]);
}

/// The second loss has a NaN: the weights of both are as before, what ended training is named, and the run can go on.
#[test]
fn one_loss_of_two_is_not_finite() {
    let [a, b] = [model(1), model(2)];
    let (of_a, of_b) = (square(&a), b.clone());
    let mut task = Objectives::new(0)
        .module("a", a.clone())
        .module("b", b.clone())
        .minimize("first", Updater::new(Sgd::new(0.01)), &["a"], of_a)
        .minimize("second", Updater::new(Sgd::new(0.01)), &["b"], move |batch, cx| {
            of_b.forward(&batch["x"], cx).ln().into() // of a negative number
        });
    let before = [weights(&*a), weights(&*b)];
    let data = Arrays::new(&Tensor::randn([8, 2], 1), &Tensor::ones([8, 1]), 8).unwrap();
    let mut fit = Fit { epochs: 3, callbacks: vec![Box::new(TerminateOnNan)], ..Fit::default() };
    let error = fit.run(&mut task, &data, None, &mut Progress::default()).unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, TrainError::Diverged { ref number, .. } if number == "second"));
    assert!(told.contains("the second is NaN at step 1"), "{told}");
    assert!(told.contains("in the loss second the first op that is not finite is"), "{told}");
    assert!([weights(&*a), weights(&*b)] == before, "a weight has changed");
}

#[test]
fn a_closure_that_panics_is_an_error() {
    let a = model(1);
    let mut task = Objectives::new(0).module("a", a.clone()).minimize(
        "loss",
        Updater::new(Sgd::new(0.1)),
        &["a"],
        move |batch, _| {
            assert!(batch["x"].size(0) != 5, "five is too many");
            (a.forward(&batch["x"], &Context::eval()) - &batch["t"]).square().into()
        },
    );
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        task.train_step(&batch(5), &Pace::CONSTANT).map(|_| ())
    }));
    assert!(panicked.is_err() || panicked.is_ok_and(|result| result.is_err()));
    task.train_step(&batch(4), &Pace::CONSTANT).unwrap();
}

#[test]
fn checkpoints_of_another_task() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step-1.safetensors");
    let (mut task, _) = two();
    task.train_step(&batch(4), &Pace::CONSTANT).unwrap();
    save_checkpoint(&path, &task, &Progress::default(), &BTreeMap::new()).unwrap();
    let mut learner = Learner::new(model(1), Sgd::new(0.1));
    let before = weights(&**learner.model());
    let error = load_checkpoint(&path, &mut learner).unwrap_err().to_string();
    assert!(error.contains("model.dense1.weight"), "{error}");
    assert!(weights(&**learner.model()) == before);
    // Of the same kind it is taken.
    let (mut again, [a, _]) = two();
    again.prepare(&batch(4), &Pace::CONSTANT).unwrap();
    load_checkpoint(&path, &mut again).unwrap();
    assert_eq!(again.counters(), task.counters());
    assert!(weights(&*a) != weights(&*model(1)));
}

/// An updater's parts work as those of a learner do: a step of one loss by `Objectives` is a learner's step.
#[test]
fn a_single_objective_is_a_learners_step() {
    let [a, b] = [model(1), model(1)];
    let recipe = gradus_train::Recipe {
        loss: gradus_nn::losses::mean_squared.into(),
        clip: Some(Clip::Norm(0.1)),
        ema: Some(Ema::new(0.5)),
        accumulate: 2,
        l1: 0.01,
        ..gradus_train::Recipe::default()
    };
    let mut learner = Learner::with(a.clone(), Box::new(Adam::new(0.1)), recipe, 0);
    let updater = Updater::new(Adam::new(0.1)).clip(Clip::Norm(0.1)).ema(Ema::new(0.5));
    let updater = updater.accumulate(2).l1(0.01);
    let mut task = Objectives::new(0).module("model", b.clone()).minimize(
        "loss",
        updater,
        &["model"],
        square(&b),
    );
    for n in [4, 4, 6, 4] {
        let numbers = Task::train_step(&mut learner, &batch(n), &Pace::CONSTANT).unwrap();
        assert_eq!(task.train_step(&batch(n), &Pace::CONSTANT).unwrap(), numbers);
    }
    assert!(weights(&*a) == weights(&*b) && weights(&*a) != weights(&*model(1)));
    let averages = |task: &dyn Task| -> Vec<Vec<f32>> {
        task.averages().iter().map(|(_, v)| v.value().to_vec::<f32>()).collect()
    };
    assert_eq!(averages(&task), averages(&learner));
}

/// A loss that is minimised on each third batch has a mean of its own; the others have theirs of all batches.
#[test]
fn numbers_are_means_of_the_batches_that_have_them() {
    let (mut task, _) = two();
    let x = Tensor::randn([12, 2], 5);
    let data = Arrays::new(&x, &x.sum(1).unsqueeze(1), 2).unwrap();
    let mut found = vec![];
    let mut progress = Progress::default();
    let watch =
        gradus_train::callbacks::Lambda::new(|moment: &mut gradus_train::callbacks::Moment<'_>| {
            found.push(moment.task.counters().to_string());
            Ok(gradus_train::callbacks::Flow::Continue)
        });
    let mut fit = Fit { epochs: 1, callbacks: vec![Box::new(watch)], ..Fit::default() };
    fit.run(&mut task, &data, None, &mut progress).unwrap();
    drop(fit);
    assert_eq!(found, [r#"{"batches":6,"updaters":[[6,0],[2,0]]}"#]);
    let log = &progress.history[0];
    assert!(log.loss == log.metrics["first"] && log.metrics["second"].is_finite(), "{log:?}");
    assert_ne!(log.metrics["first"], log.metrics["second"]);
}

#[test]
fn modules_may_be_any_state() {
    // A variable alone is a module: a counter that a step moves.
    let seen = gradus_tensor::Variable::new("seen", &Tensor::scalar(0.0f32));
    let (a, count) = (model(1), seen.clone());
    let of_a = square(&a);
    let mut task = Objectives::new(0)
        .module("a", a)
        .module("seen", Arc::new(seen.clone()) as Arc<dyn Module>)
        .minimize("loss", Updater::new(Sgd::new(0.01)), &["a"], move |batch, cx| {
            let samples = Tensor::full_of((), batch["x"].size(0) as f64, DType::F32);
            cx.update(&count, &(count.tensor() + samples));
            of_a(batch, cx)
        });
    for n in [4, 4, 2] {
        task.train_step(&batch(n), &Pace::CONSTANT).unwrap();
    }
    assert_eq!(seen.value().item(), 10.0);
    assert!(task.state().iter().any(|(name, _)| name == "seen"));
}

/// Three networks; the second loss looks up the class of each sample and takes the root of a number.
fn three(accumulate: usize) -> Objectives {
    let [a, b, c] = [model(1), model(2), model(3)];
    let (of_a, of_b, of_c) = (square(&a), b.clone(), square(&c));
    let updater = || Updater::new(Adam::new(0.01)).accumulate(accumulate);
    Objectives::new(0)
        .module("a", a)
        .module("b", b)
        .module("c", c)
        .minimize("first", updater(), &["a"], of_a)
        .minimize("second", updater(), &["b"], move |batch, cx| {
            let scale = Tensor::ones([2, 1]).embedding(&batch["class"]); // [B, 1]
            let y = of_b.forward(&batch["x"], cx) * scale;
            ((y - &batch["t"]).square() + batch["square"].sqrt()).into()
        })
        .minimize("third", updater(), &["c"], of_c)
}

fn classed(class: i64, square: f64) -> Batch {
    let x = Tensor::randn([4, 2], 1);
    let (t, class) = (x.sum(1).unsqueeze(1), Tensor::from([class; 4]));
    Batch::new([("x", x), ("t", t), ("class", class), ("square", Tensor::full([4, 1], square))])
        .unwrap()
}

fn state(task: &Objectives) -> Vec<(String, Vec<f32>)> {
    let cast = |v: gradus_tensor::Variable| v.value().cast(DType::F32).to_vec::<f32>();
    task.state().into_iter().map(|(path, v)| (path, cast(v))).collect()
}

/// However the second of three steps fails, the first is taken back and the third is not taken: weights and the optimisers' states are
/// those from before, and training goes on to the same bits as without that batch.
#[test]
fn the_steps_of_a_batch_are_taken_together() {
    let good = classed(1, 4.0);
    let step = |task: &mut Objectives, batch: &Batch| task.train_step(batch, &Pace::CONSTANT);
    for accumulate in [1, 2] {
        let (mut task, mut smooth) = (three(accumulate), three(accumulate));
        for _ in 0..3 {
            step(&mut task, &good).unwrap();
            step(&mut smooth, &good).unwrap();
        }
        let (before, counters) = (state(&task), task.counters());
        let error = step(&mut task, &classed(7, 4.0)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("in the loss second"), "{error}");
        assert!(state(&task) == before && task.counters() == counters, "{error}");
        step(&mut task, &good).unwrap();
        step(&mut smooth, &good).unwrap();
        assert!(state(&task) == state(&smooth));

        let before = state(&task);
        let numbers = step(&mut task, &classed(1, -1.0)).unwrap();
        let [first, second, third] = numbers.means[..] else { panic!("three losses") };
        assert!(first.value.is_finite() && second.value.is_nan() && third.units == 0.0);
        assert!(accumulate == 2 || state(&task) == before);
        assert!(weights_of(&task) == weights_of(&smooth), "a weight has moved");
        // It counts as a step, which moved nothing, of all three.
        let steps = |task: &Objectives| task.counters()["updaters"].clone();
        step(&mut smooth, &good).unwrap();
        assert_eq!(steps(&task), steps(&smooth));
    }
}

/// A state that two losses write in turn, before a third fails, is what it was: the last step is undone first.
#[test]
fn steps_are_undone_from_the_last() {
    let counter = Variable::new("counter", &Tensor::zeros([1]));
    let nets = [model(1), model(2), model(3)];
    let mut task = Objectives::new(0).module("counter", Arc::new(counter.clone()));
    for (at, net) in nets.iter().enumerate() {
        let name = ["first", "second", "third"][at];
        let (own, last, counter) = (square(net), net.clone(), counter.clone());
        let updater = Updater::new(Adam::new(0.01));
        task = task.module(name, net.clone()).minimize(name, updater, &[name], move |batch, cx| {
            if at < 2 {
                cx.update(&counter, &(counter.tensor() + 1.0));
                return own(batch, cx);
            }
            let scale = Tensor::ones([2, 1]).embedding(&batch["class"]);
            (last.forward(&batch["x"], cx) * scale + batch["square"].sqrt()).into()
        });
    }
    let count = |task: &mut Objectives, batch: &Batch| {
        let failed = task.train_step(batch, &Pace::CONSTANT).is_err();
        (failed, counter.value().to_vec::<f32>()[0])
    };
    assert_eq!(count(&mut task, &classed(1, 4.0)), (false, 2.0));
    assert_eq!(count(&mut task, &classed(7, 4.0)), (true, 2.0));
    assert_eq!(count(&mut task, &classed(1, -1.0)), (false, 2.0));
    assert_eq!(count(&mut task, &classed(1, 4.0)), (false, 4.0));
}

/// Where an epoch ends in the middle of a step, losses end it together: one that cannot leaves those before it as they were.
#[test]
fn steps_are_ended_together() {
    let fails = Arc::new(AtomicBool::new(false));
    let (a, b, now) = (model(1), model(2), fails.clone());
    let (of_a, of_b) = (square(&a), square(&b));
    let rate = move |base, _| if now.load(Ordering::Relaxed) { f64::NAN } else { base };
    let updater = || Updater::new(Adam::new(0.01)).accumulate(3);
    let second = updater().schedule(Schedule::custom(rate));
    let mut task = Objectives::new(0)
        .module("a", a)
        .module("b", b)
        .minimize("first", updater(), &["a"], of_a)
        .minimize("second", second, &["b"], of_b);
    for _ in 0..5 {
        task.train_step(&batch(4), &Pace::CONSTANT).unwrap();
    }
    let (before, weights, counters) = (state(&task), weights_of(&task), task.counters());
    fails.store(true, Ordering::Relaxed);
    let error = task.finish_step(&Pace::CONSTANT).unwrap_err().to_string();
    assert!(
        error.contains("found NaN as the rate of a step") && error.contains("second"),
        "{error}"
    );
    assert!(state(&task) == before && task.counters() == counters, "the first was not taken back");
    fails.store(false, Ordering::Relaxed);
    task.finish_step(&Pace::CONSTANT).unwrap();
    let moved = weights_of(&task).iter().zip(&weights).all(|(now, before)| now != before);
    assert!(moved, "both took their steps");
    assert_eq!(task.counters()["updaters"], serde_json::json!([[2, 0], [2, 0]]));
}

fn weights_of(task: &Objectives) -> Vec<Vec<f32>> {
    task.parameters().iter().map(|(_, p)| p.variable().value().to_vec()).collect()
}

/// What is minimised is no number while the loss that is reported is one: the step moves nothing.
#[test]
fn an_objective_that_is_no_number_changes_nothing() {
    let a = model(1);
    let of_a = a.clone();
    let mut task = Objectives::new(0).module("a", a.clone()).minimize(
        "loss",
        Updater::new(Sgd::new(0.1)),
        &["a"],
        move |batch, cx| {
            let loss = (&batch["t"] - 1.0).square();
            let of_a = (of_a.forward(&batch["x"], cx) - &batch["t"]).square().mean(..);
            let objective = of_a + batch["x"].sum(..).ln();
            Measured::new(&loss).minimizing(&objective)
        },
    );
    let before = weights(&*a);
    let x = -Tensor::ones([4, 2]);
    let numbers = task
        .train_step(&Batch::pair(&x, &Tensor::zeros([4, 1])).unwrap(), &Pace::CONSTANT)
        .unwrap();
    assert!(numbers.means[0].value.is_nan() && weights(&*a) == before);
    let good = Batch::pair(&Tensor::ones([4, 2]), &Tensor::zeros([4, 1])).unwrap();
    let numbers = task.train_step(&good, &Pace::CONSTANT).unwrap();
    assert!(numbers.means[0].value == 1.0 && weights(&*a) != before);
}
