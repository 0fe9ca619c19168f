//! Training as a whole: it learns, resumes bit by bit, and says what went wrong.

use gradus_data::{Loader, LoaderOptions, Normalization, mnist_5k_split};
use gradus_nn::layers::{dense, flatten, relu};
use gradus_nn::{Init, Sequential};
use gradus_train::callbacks::{BestWeights, Callback, Checkpoints, Flow, Moment, load_checkpoint};
use gradus_train::optim::Adam;
use gradus_train::{Fit, Learner, Progress, Recipe, TrainError, evaluate, metrics};
use std::sync::Arc;

pub(crate) fn loaders() -> (Loader, Loader) {
    let (train, test) = mnist_5k_split().unwrap();
    let options = |shuffle| LoaderOptions {
        batch_size: 50,
        shuffle,
        seed: 3,
        normalization: Some(Normalization::new(&[0.1307], &[0.3081]).unwrap()),
        ..LoaderOptions::default()
    };
    let train = Loader::new(Arc::new(train), options(true)).unwrap();
    (train, Loader::new(Arc::new(test), options(false)).unwrap())
}

pub(crate) fn learner() -> Learner {
    let model = Sequential::new([1, 28, 28], &Init::new(1))
        .add(flatten())
        .add(dense(32))
        .add(relu())
        .add(dense(10));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    Learner::with(Arc::new(model), Box::new(Adam::new(2e-3)), recipe, 9)
}

fn weights(learner: &Learner) -> Vec<Vec<f32>> {
    learner.state().iter().map(|(_, v)| v.value().to_vec::<f32>()).collect()
}

#[test]
fn a_small_network_learns_digits() {
    let (train, test) = loaders();
    let mut learner = learner();
    let mut progress = Progress::default();
    let mut fit = Fit { epochs: 2, ..Fit::default() };
    fit.run(&mut learner, &train, Some(&test), &mut progress).unwrap();
    let result = evaluate(&mut learner, &test).unwrap();
    assert!(result.metrics[0] > 0.85, "{progress:?}");
    assert_eq!(progress.history[1].val_metrics["accuracy"], result.metrics[0]);
}

#[test]
fn a_resumed_run_has_the_same_bits() {
    let (train, test) = loaders();
    let folder = tempfile::tempdir().unwrap();
    let run = |learner: &mut Learner, progress: &mut Progress, limit: u64| {
        let mut fit = Fit { epochs: 2, ..Fit::default() };
        fit.callbacks.push(Box::new(Checkpoints::new(folder.path()).every_steps(7)));
        if limit > 0 {
            let stop = fit.interrupt.clone();
            fit.callbacks.push(Box::new(StopAt(limit, stop)));
        }
        fit.run(learner, &train, Some(&test), progress).unwrap();
    };
    let (mut whole, mut p) = (learner(), Progress::default());
    Fit { epochs: 2, ..Fit::default() }.run(&mut whole, &train, Some(&test), &mut p).unwrap();
    let (mut first, mut q) = (learner(), Progress::default());
    run(&mut first, &mut q, 100);
    assert_eq!(q.stopped.as_deref(), Some("interrupted"));
    drop(first);
    let mut second = learner();
    let pair = gradus_train::Source::from(&train, 0, 0).next().unwrap().unwrap();
    gradus_train::Task::prepare(&mut second, &pair, &gradus_train::Pace::CONSTANT).unwrap();
    let newest = Checkpoints::newest(folder.path()).unwrap().unwrap();
    let (mut q, _) = load_checkpoint(&newest, &mut second).unwrap();
    run(&mut second, &mut q, 0);
    assert_eq!(weights(&whole), weights(&second));
    let losses = |p: &Progress| p.history.iter().map(|e| (e.loss, e.val_loss)).collect::<Vec<_>>();
    assert_eq!(losses(&p), losses(&q));
}

struct StopAt(u64, Arc<std::sync::atomic::AtomicBool>);
impl gradus_train::callbacks::Callback for StopAt {
    fn name(&self) -> &'static str {
        "stop_at"
    }
    fn after_batch(
        &mut self,
        m: &mut gradus_train::callbacks::Moment<'_>,
    ) -> gradus_train::Result<gradus_train::callbacks::Flow> {
        if m.task.steps() == self.0 {
            self.1.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(gradus_train::callbacks::Flow::Continue)
    }
}

#[test]
fn the_best_weights_come_back_unless_training_goes_on() {
    let (train, test) = loaders();
    let folder = tempfile::tempdir().unwrap();
    let run = |epochs, keep: Option<BestWeights>, stop: u64| {
        let (mut learner, mut progress) = (learner(), Progress::default());
        let mut fit = Fit { epochs, limit_batches: Some(4), ..Fit::default() };
        let interrupt = fit.interrupt.clone();
        fit.callbacks.push(Box::new(StopAt(stop, interrupt)));
        fit.callbacks.extend(keep.map(|k| Box::new(k) as Box<_>));
        fit.run(&mut learner, &train, Some(&test), &mut progress).map(|()| weights(&learner))
    };
    // The loss falls in each epoch: taken for a number that should be large, the first is the best.
    let keep = |watch| {
        let path = folder.path().join("best.safetensors");
        Some(BestWeights::new(path, watch).maximize(true))
    };
    let (first, last) = (run(1, None, 0).unwrap(), run(3, None, 0).unwrap());
    let best = run(3, keep("val_loss"), 0).unwrap();
    assert_eq!(first[..4], best[..4]);
    assert_eq!(last, run(3, keep("val_loss").map(|k| k.restore_best(false)), 0).unwrap());
    assert_eq!(last, run(4, keep("val_loss"), 12).unwrap(), "an interrupted run");
    let e = run(3, keep("val_top5"), 0).unwrap_err().to_string();
    assert!(e.contains("no `val_top5` to watch; there are loss, accuracy, val_loss"), "{e}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (train, _) = loaders();
    let run = |threads| {
        gradus_cpu::set_threads(threads);
        let (mut l, mut p) = (learner(), Progress::default());
        Fit { limit_batches: Some(20), ..Fit::default() }
            .run(&mut l, &train, None, &mut p)
            .unwrap();
        weights(&l)
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(one, run(threads), "{threads} threads");
    }
}

#[test]
fn a_label_out_of_range_is_named_and_nothing_changes() {
    let mut learner = learner();
    let before = weights(&learner);
    let x = gradus_tensor::Tensor::zeros([2, 1, 28, 28]);
    let t = gradus_tensor::Tensor::from([3i64, 12]);
    let e = learner.train_batch(&x, &t, 0.1).unwrap_err().to_string();
    assert!(e.contains("12") && e.contains("0..10"), "{e}");
    assert_eq!(before[..4], weights(&learner)[..4]);
}

#[test]
fn accumulated_batches_equal_one_large_batch() {
    let (train, _) = loaders();
    let pairs: Vec<_> =
        gradus_train::Source::from(&train, 0, 0).take(2).map(Result::unwrap).collect();
    let x = gradus_tensor::Tensor::concat(&[pairs[0].xt().unwrap().0, pairs[1].xt().unwrap().0], 0);
    let t = gradus_tensor::Tensor::concat(&[pairs[0].xt().unwrap().1, pairs[1].xt().unwrap().1], 0);
    let mut whole = learner();
    whole.train_batch(&x, &t, 1e-3).unwrap();
    let model = learner().model().clone();
    let recipe = Recipe { accumulate: 2, ..Recipe::default() };
    let mut parts = Learner::with(model, Box::new(Adam::new(2e-3)), recipe, 9);
    for (x, t) in pairs.iter().map(|pair| pair.xt().unwrap()) {
        parts.train_batch(x, t, 1e-3).unwrap();
    }
    assert_eq!(parts.step(), 1);
    let of = |l: &Learner| gradus_nn::parameters(&**l.model());
    for ((name, a), (_, b)) in of(&whole).into_iter().zip(of(&parts)) {
        let (a, b) = (a.variable().value().to_vec::<f32>(), b.variable().value().to_vec::<f32>());
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: {worst}");
    }
}

#[test]
fn divergence_names_its_cause() {
    let (train, _) = loaders();
    let mut learner = learner();
    let (_, p) = gradus_nn::parameters(&**learner.model()).remove(0);
    let start = p.variable().value();
    let mut ended = || {
        p.variable().set(&start.full_like(f64::INFINITY)).unwrap();
        let mut fit = Fit::default();
        fit.callbacks.push(Box::new(gradus_train::callbacks::TerminateOnNan));
        fit.run(&mut learner, &train, None, &mut Progress::default()).unwrap_err()
    };
    let error = ended();
    assert!(matches!(error, TrainError::Diverged { step: 1, moved: false, .. }), "{error:?}");
    let cause = "the parameter dense1.weight is not finite, and no step has changed it yet";
    assert!(error.to_string().ends_with(cause), "{error}");
    let error = ended();
    assert!(matches!(error, TrainError::Diverged { step: 2, moved: true, .. }), "{error:?}");
    assert!(error.to_string().contains("dense1.weight is no longer finite: the rate"), "{error}");
}

/// ln of outputs of which some are 0: the loss is −∞, its gradient NaN.
fn log_of_relu(y: &gradus_tensor::Tensor, _: &gradus_tensor::Tensor) -> gradus_tensor::Tensor {
    y.relu().ln().mean(1)
}

#[test]
fn a_loss_that_is_no_number_changes_nothing_and_is_named() {
    let (train, _) = loaders();
    for accumulate in [1, 2] {
        let recipe = Recipe { loss: log_of_relu.into(), accumulate, ..Recipe::default() };
        let model = learner().model().clone();
        let mut learner = Learner::with(model, Box::new(Adam::new(2e-3)), recipe, 9);
        let before = weights(&learner);
        let mut fit = Fit::default();
        fit.callbacks.push(Box::new(gradus_train::callbacks::TerminateOnNan));
        let e = fit.run(&mut learner, &train, None, &mut Progress::default());
        let e = e.unwrap_err().to_string();
        assert!(e.contains("the loss is -inf at step"), "{e}");
        // The line above: its logarithm and its mean are one loop.
        assert!(e.contains("the first op that is not finite is") && e.contains("fit.rs"), "{e}");
        assert_eq!(before, weights(&learner)[..before.len()]);
        assert!(weights(&learner)[before.len()..].iter().flatten().all(|&v| v == 0.0));
    }
}

/// What only training does is found, too: the variance of the batch is 0, and ε as well.
#[test]
fn a_loss_that_is_a_number_only_when_predicting_is_named() {
    use gradus_nn::layers::batch_norm;
    let model = Sequential::new([1, 2, 2], &Init::new(1))
        .add(batch_norm().eps(0.0))
        .add(flatten())
        .add(dense(2));
    let mut learner = Learner::new(Arc::new(model), Adam::new(1e-3));
    let (x, t) =
        (gradus_tensor::Tensor::ones([3, 1, 2, 2]), gradus_tensor::Tensor::from([0i64, 1, 0]));
    let before = weights(&learner);
    assert!(learner.train_batch(&x, &t, 1e-3).unwrap().loss.is_nan());
    assert_eq!(before, weights(&learner)[..before.len()], "running statistics stay, too");
    let cause = learner.first_not_finite(&x, &t).unwrap();
    assert!(cause.starts_with("predicting, every op is finite; training, the first"), "{cause}");
    assert!(cause.contains("BatchNorm"), "{cause}");
}

#[test]
fn what_is_not_finite_survives_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let mut learner = learner();
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let log = gradus_train::EpochLog {
        loss: nan,
        metrics: [("accuracy".to_owned(), -inf)].into(),
        val_loss: Some(inf),
        ..Default::default()
    };
    let kept =
        Progress { sums: vec![nan, inf, -inf, 0.1], history: vec![log], ..Default::default() };
    gradus_train::callbacks::save_checkpoint(&path, &learner, &kept, &Default::default()).unwrap();
    let (found, _) = load_checkpoint(&path, &mut learner).unwrap();
    assert_eq!(format!("{found:?}"), format!("{kept:?}"));
}

/// Looks after each batch whether a checkpoint lies there, and takes it away.
struct Found(std::path::PathBuf, std::rc::Rc<std::cell::RefCell<Vec<bool>>>);
impl gradus_train::callbacks::Callback for Found {
    fn name(&self) -> &'static str {
        "found"
    }
    fn after_batch(
        &mut self,
        _: &mut gradus_train::callbacks::Moment<'_>,
    ) -> gradus_train::Result<gradus_train::callbacks::Flow> {
        let newest = Checkpoints::newest(&self.0)?;
        self.1.borrow_mut().push(newest.is_some());
        newest.map(std::fs::remove_file).transpose().unwrap();
        Ok(gradus_train::callbacks::Flow::Continue)
    }
}

#[test]
fn a_step_of_several_batches_is_saved_once() {
    let (train, _) = loaders();
    let folder = tempfile::tempdir().unwrap();
    let make = || {
        let recipe = Recipe { accumulate: 3, ..Recipe::default() };
        Learner::with(learner().model().clone(), Box::new(Adam::new(2e-3)), recipe, 9)
    };
    let found = std::rc::Rc::default();
    let run = |stop: bool| {
        let mut fit = Fit { limit_batches: Some(7), ..Fit::default() };
        fit.interrupt.store(stop, std::sync::atomic::Ordering::Relaxed);
        let checkpoints = Checkpoints::new(folder.path()).every_steps(1);
        fit.callbacks.push(Box::new(checkpoints));
        let looking = Found(folder.path().into(), std::rc::Rc::clone(&found));
        fit.callbacks.push(Box::new(looking));
        fit.run(&mut make(), &train, None, &mut Progress::default()).unwrap();
    };
    run(false);
    // The seventh is a step of its own, as the epoch ends with it.
    assert_eq!(*found.borrow(), [false, false, true, false, false, true, true]);
    // One that is stopped before its first step has the optimiser's state, too.
    run(true);
    let newest = Checkpoints::newest(folder.path()).unwrap().unwrap();
    let mut again = make();
    let pair = gradus_train::Source::from(&train, 0, 0).next().unwrap().unwrap();
    gradus_train::Task::prepare(&mut again, &pair, &gradus_train::Pace::CONSTANT).unwrap();
    load_checkpoint(&newest, &mut again).unwrap();
    assert_eq!(again.counters(), (0, 1));
}

/// What a callback is told, in order.
struct Told(Vec<String>);

impl Callback for Told {
    fn name(&self) -> &'static str {
        "told"
    }
    fn at_begin(&mut self, m: &mut Moment<'_>) -> gradus_train::Result<Flow> {
        self.0.push(format!("begin at {}", m.progress.epoch));
        Ok(Flow::Continue)
    }
    fn before_epoch(&mut self, m: &mut Moment<'_>) -> gradus_train::Result<Flow> {
        self.0.push(format!("before {}", m.progress.epoch));
        Ok(Flow::Continue)
    }
    fn after_batch(&mut self, m: &mut Moment<'_>) -> gradus_train::Result<Flow> {
        self.0.push(format!("batch {}", m.progress.batch));
        Ok(Flow::Continue)
    }
    fn after_epoch(&mut self, m: &mut Moment<'_>) -> gradus_train::Result<Flow> {
        self.0.push(format!("after {}", m.progress.epoch));
        Ok(if m.progress.epoch == 2 { Flow::Stop("enough".into()) } else { Flow::Continue })
    }
    fn at_end(&mut self, _: &mut Moment<'_>) -> gradus_train::Result<()> {
        self.0.push("end".into());
        let told = ["begin at 0", "before 0", "batch 1", "batch 2", "after 1"];
        let told = told.into_iter().chain(["before 1", "batch 1", "batch 2", "after 2", "end"]);
        assert!(self.0.iter().eq(told), "{:?}", self.0);
        Ok(())
    }
}

#[test]
fn callbacks_are_called_in_order() {
    let (train, _) = loaders();
    let mut fit = Fit { epochs: 5, limit_batches: Some(2), ..Fit::default() };
    fit.callbacks.push(Box::new(Told(vec![])));
    fit.run(&mut learner(), &train, None, &mut Progress::default()).unwrap();
}

#[test]
fn watching_what_is_not_there() {
    let (train, _) = loaders();
    let mut learner = learner();
    let batch = gradus_train::Source::from(&train, 0, 0).next().unwrap().unwrap();
    let (x, t) = batch.xt().unwrap();
    learner.watch(["conv9"]);
    let error = learner.train_batch(x, t, 0.1).unwrap_err().to_string();
    assert!(error.contains("nothing is shown at conv9; there are"), "{error}");
    learner.watch([]);
    assert!(learner.train_batch(x, t, 0.1).is_ok() && learner.seen().is_empty());
}

/// The same step of two batches, whether two were asked for or a hundred that never come: an epoch ends with a step.
#[test]
fn an_epoch_ends_with_a_step_of_the_batches_that_are_left() {
    let (train, _) = loaders();
    let trained = |accumulate: usize, limit: usize, epochs: u64| {
        let clip = Some(gradus_train::optim::Clip::Norm(0.5));
        let ema = Some(gradus_train::optim::Ema::new(0.5));
        let recipe = Recipe { accumulate, clip, ema, ..Recipe::default() };
        let model = learner().model().clone();
        let mut learner = Learner::with(model, Box::new(Adam::new(2e-3)), recipe, 9);
        let mut fit = Fit { epochs, limit_batches: Some(limit), ..Fit::default() };
        fit.run(&mut learner, &train, None, &mut Progress::default()).unwrap();
        learner
    };
    let weights = |learner: &Learner| -> Vec<f32> {
        let all = gradus_nn::parameters(&**learner.model());
        all.iter().flat_map(|(_, p)| p.variable().value().to_vec::<f32>()).collect()
    };
    let near = |a: &Learner, b: &Learner| {
        let (a, b) = (weights(a), weights(b));
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    };
    let (rest, whole) = (trained(100, 2, 3), trained(2, 2, 3));
    assert_eq!((rest.step(), whole.step()), (3, 3));
    near(&rest, &whole);
    // Of five batches, two for a step, the third step is of one; and of one it is no half step.
    assert_eq!(trained(2, 5, 2).step(), 6);
    let (alone, single) = (trained(2, 1, 2), trained(1, 1, 2));
    assert_eq!(alone.step(), 2);
    near(&alone, &single);
    assert_ne!(weights(&alone), weights(&learner()), "it has moved");
}
