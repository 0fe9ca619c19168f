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
        if batch.result.loss.is_finite() {
            return Ok(Flow::Continue);
        }
        let cause = moment.learner.first_not_finite(&batch.x, &batch.t)?;
        Err(TrainError::Diverged {
            loss: batch.result.loss,
            step: moment.learner.step(),
            epoch: moment.progress.epoch + 1,
            rate: batch.rate,
            moved: moment.learner.steps_before() > 0,
            cause,
        })
    }
}
