//! The short forms that Keras has too: fit, evaluate, predict. [`Fit`] says more.

use super::{Fit, Progress};
use crate::Result;
use crate::callbacks::TerminateOnNan;
use crate::evaluate::evaluate;
use crate::faults::Told;
use crate::learner::{BatchResult, Learner};
use crate::source::Source;
use gradus_base::Error;
use gradus_tensor::Tensor;

impl Learner {
    /// Trains for so many epochs at the optimiser's rate, and gives their history; of 0 epochs there is none. It ends with
    /// [`TrainError::Diverged`](crate::TrainError::Diverged) when the loss is no longer a number: of the batch that gave it nothing is
    /// learned, and the message names the op. With a [`Fit`] of your own that is
    /// [`TerminateOnNan`](crate::callbacks::TerminateOnNan)'s to say.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::*};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Arrays, Learner, optim::Adam};
    /// let x = Tensor::randn([64, 2], 1);
    /// let labels = x.select(1, 0).gt(0.0).cast(gradus_tensor::DType::I64); // on which side of a line
    /// let data = Arrays::new(&x, &labels, 16)?.shuffle(0);
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(relu()).add(dense(2));
    /// let mut learner = Learner::new(model.into(), Adam::new(0.03));
    /// let history = learner.fit(&data, 20)?.series("loss");
    /// assert!(history[19].1 < 0.5 * history[0].1);
    /// assert!(learner.evaluate(&data)?.loss < 0.3);
    /// assert_eq!(learner.predict(&data)?.shape(), [64, 2].into());
    /// # Ok::<(), gradus_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// When data cannot be read or holds a bad value or one that does not suit the model or the loss, told at the line that calls this;
    /// or when the loss is no longer a number.
    #[doc(alias = "train")]
    #[track_caller]
    pub fn fit(&mut self, train: &dyn Source, epochs: u64) -> Result<Progress> {
        self.fit_on(train, None, epochs)
    }

    /// As [`Learner::fit`], and after each epoch the loss and the metrics are measured on validation data, from which nothing is
    /// learned: Keras's `validation_data`. What its `validation_split` does, [`Arrays::split`](crate::Arrays::split) does before. To stop
    /// when they no longer improve see [`EarlyStopping`](crate::callbacks::EarlyStopping).
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::*};
    /// use gradus_tensor::{DType, Tensor};
    /// use gradus_train::{Arrays, Learner, Recipe, metrics, optim::Adam};
    /// let x = Tensor::randn([80, 2], 1);
    /// let labels = x.select(1, 0).gt(0.0).cast(DType::I64);
    /// let (train, validation) = Arrays::new(&x, &labels, 16)?.shuffle(0).split(0.25, 0)?;
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(relu()).add(dense(2));
    /// let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    /// let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.03)), recipe, 0);
    /// let history = learner.fit_with(&train, &validation, 20)?;
    /// println!("{}", history.history[19]); // epoch 20  loss 0.0157  accuracy 1.0000  val_loss 0.0249  …
    /// assert_eq!(history.series("val_loss").len(), 20); // (epoch, number) of each epoch
    /// assert!(history.series("val_accuracy")[19].1 >= 0.9);
    /// let best = history.best("val_loss", false).unwrap();
    /// assert!(best.val_loss <= history.history[0].val_loss);
    /// # Ok::<(), gradus_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Learner::fit`], of both.
    #[track_caller]
    #[doc(alias("validation_data", "validation_split"))]
    pub fn fit_with(
        &mut self,
        train: &dyn Source,
        validation: &dyn Source,
        epochs: u64,
    ) -> Result<Progress> {
        self.fit_on(train, Some(validation), epochs)
    }

    #[track_caller]
    fn fit_on(
        &mut self,
        train: &dyn Source,
        validation: Option<&dyn Source>,
        epochs: u64,
    ) -> Result<Progress> {
        let mut progress = Progress::default();
        let mut fit = Fit { epochs, ..Fit::default() };
        fit.callbacks.push(Box::new(TerminateOnNan));
        fit.run(self, train, validation, &mut progress)?;
        Ok(progress)
    }

    /// [`evaluate`].
    ///
    /// # Errors
    /// When data cannot be read or holds a bad value, or one that does not suit the model or the loss.
    #[track_caller]
    #[doc(alias = "test_on_batch")]
    pub fn evaluate(&mut self, data: &dyn Source) -> Result<BatchResult> {
        evaluate(self, data)
    }

    /// What the model gives for the first epoch's samples, in its order: `[N, ..]`.
    ///
    /// # Errors
    /// When data cannot be read, or there is none.
    #[track_caller]
    pub fn predict(&mut self, data: &dyn Source) -> Result<Tensor> {
        self.predict_all(data).told()
    }

    fn predict_all(&mut self, data: &dyn Source) -> Result<Tensor> {
        let mut all = vec![];
        for batch in data.from(0, 0) {
            all.push(self.predict_on(&batch?)?);
        }
        let sample = |y: &Tensor| y.shape().without(0);
        if let Some(other) = all.iter().find(|y| sample(y) != sample(&all[0])) {
            let what = format!(
                "one batch gives {}, another {}: they make no single tensor; predict_on gives that of each",
                all[0].shape(),
                other.shape()
            );
            return Err(Error::shape("predict", what).into());
        }
        if all.is_empty() {
            return Err(Error::value("predict", "there are no samples to predict").into());
        }
        let all = Tensor::concat(&all.iter().collect::<Vec<_>>(), 0);
        all.try_read()?;
        Ok(all)
    }
}
