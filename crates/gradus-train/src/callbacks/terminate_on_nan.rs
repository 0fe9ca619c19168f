//! Ends training when the loss is no longer a number, naming the first op that gave it.

use super::{Callback, Flow, Moment};
use crate::{Result, TrainError};

/// Ends training as a failure when a batch's loss is NaN or infinite. The batch is evaluated once more, step by step, to name
/// the first op whose result was not finite.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminateOnNan;

impl Callback for TerminateOnNan {
    fn name(&self) -> &'static str {
        "terminate_on_nan"
    }
    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(batch) = moment.batch else { return Ok(Flow::Continue) };
        let names = moment.task.numbers();
        let Some(at) = batch.not_finite(&names) else { return Ok(Flow::Continue) };
        let cause = moment.task.first_not_finite(&batch.batch)?;
        let number = moment.task.numbers().into_iter().nth(at);
        Err(TrainError::Diverged {
            number: number.map_or("loss".into(), |number| number.name.into_owned()),
            loss: batch.numbers.means[at].value,
            step: moment.task.steps(),
            epoch: moment.progress.epoch + 1,
            rate: batch.rate,
            moved: moment.task.steps_before() > 0,
            cause,
        })
    }
}
