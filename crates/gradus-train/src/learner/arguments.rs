//! What a training step is given besides its batch: the optimiser's numbers and the random key, rewritten in place for each step.

use super::Learner;
use crate::optim::SCALARS;
use gradus_base::{Error, Result};
use gradus_nn::{Module, parameters};
use gradus_tensor::{DType, Tensor};

/// The arguments that change from step to step.
pub(super) struct Arguments {
    /// The optimiser's numbers, in the parameters' type; then the momentum, if a schedule cycles it.
    pub(super) scalars: Tensor,
    /// The momentum of the next step, if a schedule cycles it.
    pub(super) momentum: Option<f64>,
    /// (seed, number of the batch), from which random numbers are drawn.
    pub(super) key: Tensor,
}

impl Arguments {
    pub(super) fn new(model: &dyn Module) -> Arguments {
        let dtype = parameters(model).first().map(|(_, p)| p.variable().dtype());
        let scalars = match dtype {
            Some(DType::F64) => Tensor::from([0f64; SCALARS]),
            _ => Tensor::from([0f32; SCALARS]),
        };
        Arguments { scalars, momentum: None, key: Tensor::from([0i64, 0]) }
    }
}

impl Learner {
    /// The momentum of the steps to come, in place of the optimiser's own: sgd's μ, Adam's β₁. An argument of the step, as the rate
    /// is: only beginning or ending to give one plans the step anew. [`Fit`](crate::Fit) sets what its schedule says.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense, parameters};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Learner, optim::Sgd};
    /// let model = Sequential::new([1], &Init::new(0)).add(dense(1));
    /// let mut learner = Learner::new(model.into(), Sgd::new(0.1));
    /// learner.set_momentum(Some(0.95))?;
    /// learner.train_batch(&Tensor::ones([1, 1]), &Tensor::from([0i64]), 0.1)?;
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the optimiser has no momentum that can be given.
    pub fn set_momentum(&mut self, momentum: Option<f64>) -> Result<()> {
        let optimizer = self.optimizer_name();
        if momentum.is_some() && self.core.borrow().optimizer.momentum().is_none() {
            let what = format!(
                "{optimizer} has none that changes from step to step; sgd, adam and adamw have"
            );
            return Err(Error::value("momentum", what));
        }
        if momentum.is_some() != self.arguments.momentum.is_some() {
            let numbers = vec![0.0; SCALARS + usize::from(momentum.is_some())];
            let dtype = self.arguments.scalars.dtype();
            self.arguments.scalars = Tensor::from_slice(&numbers, [numbers.len()]).cast(dtype);
        }
        self.arguments.momentum = momentum;
        Ok(())
    }

    /// Writes the arguments of the next batch.
    pub(super) fn write_arguments(&mut self, rate: f64) {
        let core = self.core.borrow();
        let mut values = [self.arguments.momentum.unwrap_or(0.0); SCALARS + 1];
        values[..SCALARS].copy_from_slice(&core.optimizer.scalars(self.step + 1, rate));
        let given = self.arguments.scalars.len();
        match self.arguments.scalars.dtype() {
            DType::F64 => self.arguments.scalars.refill(&values[..given]),
            _ => self.arguments.scalars.refill(&values.map(|v| v as f32)[..given]),
        }
        let draw = self.step * core.recipe.accumulate.max(1) as u64 + self.micro as u64;
        self.arguments.key.refill(&[self.seed as i64, draw as i64]);
    }
}
