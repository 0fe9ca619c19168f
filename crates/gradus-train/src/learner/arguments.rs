//! What a training step is given besides its batch: the optimiser's numbers and the random key, rewritten in place for each step.

use super::Learner;
use crate::optim::SCALARS;
use gradus_nn::{Module, parameters};
use gradus_tensor::{DType, Tensor};

/// The arguments that change from step to step.
pub(super) struct Arguments {
    /// The optimiser's numbers, in the parameters' type.
    pub(super) scalars: Tensor,
    /// (seed, number of the batch), from which random numbers are drawn.
    pub(super) key: Tensor,
}

impl Arguments {
    pub(super) fn new(model: &dyn Module) -> Arguments {
        let scalars = match parameters(model).first().map(|(_, p)| p.variable().dtype()) {
            Some(DType::F64) => Tensor::from([0f64; SCALARS]),
            _ => Tensor::from([0f32; SCALARS]),
        };
        Arguments { scalars, key: Tensor::from([0i64, 0]) }
    }
}

impl Learner {
    /// Writes the arguments of the next batch.
    pub(super) fn write_arguments(&mut self, rate: f64) {
        let core = self.core.borrow();
        let values = core.optimizer.scalars(self.step + 1, rate);
        match self.arguments.scalars.dtype() {
            DType::F64 => self.arguments.scalars.refill(&values),
            _ => self.arguments.scalars.refill(&values.map(|v| v as f32)),
        }
        let draw = self.step * core.recipe.accumulate.max(1) as u64 + self.micro as u64;
        self.arguments.key.refill(&[self.seed as i64, draw as i64]);
    }
}
