//! Evaluation: a task's numbers over all batches of a source.

use crate::faults::Told;
use crate::learner::{BatchResult, Learner};
use crate::source::Source;
use crate::task::{Gathered, Task};
use crate::{Result, TrainError};
use gradus_tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is not interrupted.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The error of a task whose evaluations give no numbers.
pub(crate) fn expect_evaluation(task: &dyn Task) -> Result<()> {
    if task.evaluates() {
        return Ok(());
    }
    let what = "this task evaluates nothing, expected numbers: Objectives::evaluate says which";
    Err(TrainError::Engine(gradus_base::Error::value("evaluate", what)))
}

/// Every number of a task over all batches of a source, in the order of [`Task::numbers`]; NaN for one that evaluations do not give:
/// [`measure_by_name`] leaves those out. A state that is carried from batch to batch
/// goes on within the source, and is afterwards as it was before.
///
/// # Errors
/// When data cannot be read or holds a bad value, or there are none, or the task evaluates nothing.
#[track_caller]
pub fn measure(task: &mut dyn Task, source: &dyn Source) -> Result<Vec<f64>> {
    let all = gathered(task, source, &NEVER).told()?;
    Ok(all.values(task).into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// The numbers that a task's evaluation gives over all batches of a source, by their names.
///
/// ```
/// use gradus_nn::{Init, Layer, Sequential, layers::dense};
/// use gradus_tensor::Tensor;
/// use gradus_train::{Arrays, Objectives, Updater, measure_by_name, optim::Sgd};
/// use std::sync::Arc;
/// let model = Arc::new(Sequential::new([1], &Init::new(0)).add(dense(1)));
/// let own = model.clone();
/// let mut task = Objectives::new(0)
///     .module("model", model)
///     .minimize("loss", Updater::new(Sgd::new(0.1)), &["model"], move |batch, cx| {
///         (own.forward(&batch["x"], cx) - &batch["t"]).square().into()
///     })
///     .evaluate(|batch, _| vec![("largest".into(), batch["t"].max(..))]);
/// let x = Tensor::from([[1f32], [2.0]]);
/// let numbers = measure_by_name(&mut task, &Arrays::new(&x, &x, 2)?)?;
/// assert_eq!(numbers, [("largest".into(), 2.0)]);
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
///
/// # Errors
/// As [`measure`].
#[track_caller]
pub fn measure_by_name(
    task: &mut dyn Task,
    source: &dyn Source,
) -> Result<Vec<(crate::Name, f64)>> {
    let all = gathered(task, source, &NEVER).told()?;
    let names = task.numbers().into_iter().map(|number| number.name);
    Ok(names.zip(all.values(task)).filter_map(|(name, value)| Some((name, value?))).collect())
}

/// The sums of all batches, or of those before `interrupt` was set.
pub(crate) fn gathered(
    task: &mut dyn Task,
    source: &dyn Source,
    interrupt: &AtomicBool,
) -> Result<Gathered> {
    expect_evaluation(task)?;
    let before: Vec<_> = task.state().into_iter().map(|(_, v)| (v.value(), v)).collect();
    let found = over_all(task, source, interrupt);
    let buffer = |t: &Tensor| t.node().value().map(Arc::as_ptr);
    for (own, variable) in before {
        if buffer(&own) != buffer(&variable.value()) {
            variable.set(&own)?;
        }
    }
    let all = found?;
    if all.samples == 0 && !interrupt.load(Ordering::Relaxed) {
        let what = "there are no samples to evaluate on".to_owned();
        return Err(TrainError::Engine(gradus_base::Error::value("evaluate", what)));
    }
    Ok(all)
}

fn over_all(task: &mut dyn Task, source: &dyn Source, interrupt: &AtomicBool) -> Result<Gathered> {
    let mut all = Gathered::default();
    for batch in source.from(0, 0) {
        if interrupt.load(Ordering::Relaxed) {
            break;
        }
        let batch = batch?;
        batch.check()?;
        all.add(task.evaluate_step(&batch)?);
    }
    Ok(all)
}

/// Mean loss and metrics over all batches of a source.
///
/// # Errors
/// When data cannot be read or holds a bad value.
#[track_caller]
pub fn evaluate(learner: &mut Learner, source: &dyn Source) -> Result<BatchResult> {
    let all = gathered(learner, source, &NEVER).told()?;
    let names = Task::numbers(learner).into_iter().map(|number| number.name);
    let values = all.values(learner).into_iter().map(|value| value.unwrap_or(f64::NAN));
    let numbers: Vec<_> = names.zip(values).collect();
    let number = |wanted: &str| numbers.iter().find(|(name, _)| name == wanted).map(|n| n.1);
    let named = |name: &crate::Name| number(name).unwrap_or(f64::NAN);
    let metrics = learner.metric_names().iter().map(named).collect();
    Ok(BatchResult { loss: numbers[0].1, metrics, samples: all.samples })
}
