//! A look inside the steps of a loss.

use super::Objectives;
use crate::Result;
use gradus_base::Error;
use gradus_tensor::Tensor;

impl Objectives {
    /// Has steps of the loss of this name keep the outputs of the layers at these paths, or what layers show there
    /// ([`Context::show`](gradus_nn::Context::show)), without a second pass: [`Objectives::seen`] has them. No path ends it.
    ///
    /// ```
    /// use gradus_nn::{Init, Layer, Sequential, layers::*};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Batch, Objectives, Pace, Task, Updater, optim::Sgd};
    /// use std::sync::Arc;
    /// let model = Arc::new(Sequential::new([2], &Init::new(0)).add(dense(3)).add(relu()).add(dense(1)));
    /// let own = model.clone();
    /// let mut task = Objectives::new(0).module("model", model).minimize(
    ///     "loss",
    ///     Updater::new(Sgd::new(0.1)),
    ///     &["model"],
    ///     move |batch, cx| (own.forward(&batch["x"], cx) - &batch["t"]).square().into(),
    /// );
    /// task.watch("loss", ["relu1"])?;
    /// task.train_step(&Batch::pair(&Tensor::randn([4, 2], 1), &Tensor::ones([4, 1]))?, &Pace::CONSTANT)?;
    /// let (path, y) = &task.seen("loss")[0];
    /// assert_eq!((path.as_str(), y.shape()), ("relu1", [4, 3].into()));
    /// # Ok::<(), gradus_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no loss of that name.
    pub fn watch<'p>(
        &mut self,
        loss: &str,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<()> {
        let Some(part) = self.parts.iter_mut().find(|part| part.name == loss) else {
            let there: Vec<&str> = self.parts.iter().map(|part| &*part.name).collect();
            let what = format!("there is no loss {loss}; there are {}", there.join(", "));
            return Err(Error::value("watch", what).into());
        };
        part.objective.watch(paths.into_iter().map(str::to_owned).collect());
        self.suits.clear();
        Ok(())
    }
    /// What was watched in the last step of the loss of this name, by path.
    pub fn seen(&self, loss: &str) -> &[(String, Tensor)] {
        let part = self.parts.iter().find(|part| part.name == loss);
        part.map_or(&[], |part| part.objective.seen())
    }
}
