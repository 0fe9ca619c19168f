//! Averages of the weights, and the model as it is with them.

use super::Learner;
use gradus_base::Result;
use gradus_nn::parameters;
use gradus_tensor::Variable;

impl Learner {
    /// The average of the weights, by the parameters' paths, if the recipe keeps one.
    pub fn averages(&self) -> Vec<(String, Variable)> {
        let named = self.core.borrow().slots.named();
        named
            .into_iter()
            .filter_map(|(path, v)| path.strip_suffix(".ema").map(|p| (p.to_owned(), v.clone())))
            .collect()
    }

    /// Does something with the model as it is with the averages in place of the weights; then the weights are as before. Without
    /// averages it is done with the weights.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::optim::{Ema, Sgd};
    /// use gradus_train::{Learner, Recipe};
    /// let model = Sequential::new([1], &Init::new(0)).add(dense(2));
    /// let recipe = Recipe { ema: Some(Ema::new(0.9)), ..Recipe::default() };
    /// let mut learner = Learner::with(model.into(), Box::new(Sgd::new(1.0)), recipe, 0);
    /// let (x, t) = (Tensor::from([[1f32]]), Tensor::from([1i64]));
    /// learner.train_batch(&x, &t, 1.0)?;
    /// let now = learner.evaluate_batch(&x, &t)?.loss;
    /// let averaged = learner.with_averages(|learner| learner.evaluate_batch(&x, &t))??.loss;
    /// assert!(averaged > now, "an average lags behind");
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the averages are those of another model.
    pub fn with_averages<T>(&mut self, work: impl FnOnce(&mut Learner) -> T) -> Result<T> {
        let averages = self.averages();
        let own = parameters(&**self.model());
        let own = own.iter().filter_map(|(path, p)| {
            let average = averages.iter().find(|(name, _)| name == path)?;
            Some((p.variable().clone(), p.variable().value(), average.1.value()))
        });
        let own: Vec<_> = own.collect();
        for (variable, _, average) in &own {
            variable.set(average)?;
        }
        let result = work(self);
        for (variable, before, _) in &own {
            variable.set(before)?;
        }
        Ok(result)
    }
}
