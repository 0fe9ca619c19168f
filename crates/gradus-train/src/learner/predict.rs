//! What a learner's model gives, on the learner's thread or beside it.

use super::{Learner, NAMES, padding, traced};
use crate::Result as TrainResult;
use crate::batch::{Batch, Fields, Name};
use crate::faults::{Told, in_batch};
use crate::objective::Trace;
use gradus_base::Result;
use gradus_nn::{Context, Layer, parameters};
use gradus_tensor::{Compiled, Step, Tensor};
use std::sync::Arc;

impl Learner {
    /// What the model gives for a batch.
    ///
    /// # Errors
    /// When the batch does not suit the model, or computing meets a bad value.
    #[track_caller]
    #[doc(alias("model", "predict_on_batch"))]
    pub fn predict_batch(&mut self, x: &Tensor) -> Result<Tensor> {
        match self.predict.run(&[x]) {
            Ok(out) => Ok(out.tensor(0)),
            Err(error) => Err(self.in_batch(error, &[x])).told(),
        }
    }

    /// What the model gives for a batch that has more than `x`: `lengths`, or a `mask`.
    ///
    /// # Errors
    /// As [`Learner::predict_batch`].
    #[track_caller]
    pub fn predict_on(&mut self, batch: &Batch) -> TrainResult<Tensor> {
        let x = batch.get("x").told()?;
        let Some((name, told)) = padding::of_inputs(&batch.fields()) else {
            return Ok(self.predict_batch(x)?);
        };
        padding::check_inputs(batch).told()?;
        let names = [Name::Borrowed("x"), Name::Borrowed(name)];
        match self.predict_padded.run(&names, &[x, told], self.objective.key()) {
            Ok(out) => Ok(out.tensor(0)),
            Err(error) => {
                let error = in_batch(error, &batch.fields(), &self.objective.moves());
                Err(error.into()).told()
            }
        }
    }

    /// Something that predicts with this learner's model, beside it: each thread may have one of its own, and none waits for
    /// another.
    ///
    /// ```
    /// # use gradus_nn::{Init, Sequential, layers::dense};
    /// # use gradus_tensor::Tensor;
    /// # use gradus_train::{Learner, optim::Sgd};
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(3));
    /// let mut learner = Learner::new(model.into(), Sgd::new(0.1));
    /// let x = Tensor::randn([4, 2], 1);
    /// let own = learner.predict_batch(&x)?.to_vec::<f32>();
    /// let threads: Vec<_> = (0..3)
    ///     .map(|_| {
    ///         let (mut predictor, x) = (learner.predictor(), x.clone());
    ///         std::thread::spawn(move || predictor.predict(&x).unwrap().to_vec::<f32>())
    ///     })
    ///     .collect();
    /// assert!(threads.into_iter().all(|thread| thread.join().unwrap() == own));
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    pub fn predictor(&self) -> Predictor {
        let predict = traced(&self.supervised, |s, args| {
            Step::new().read(&s.model.forward(&args[0], &Context::eval()))
        });
        Predictor { model: self.model.clone(), predict }
    }
}

/// Predicts with a learner's model: see [`Learner::predictor`].
pub struct Predictor {
    model: Arc<dyn Layer>,
    predict: Compiled<Trace>,
}

impl Predictor {
    /// What the model gives for a batch `x [B, ..]`.
    ///
    /// # Errors
    /// When the batch does not suit the model, or computing meets a bad value.
    #[track_caller]
    pub fn predict(&mut self, x: &Tensor) -> Result<Tensor> {
        match self.predict.run(&[x]) {
            Ok(out) => Ok(out.tensor(0)),
            Err(error) => {
                let fields = [x.clone()];
                let fields = Fields::new(&NAMES[..1], &fields);
                Err(in_batch(error, &fields, &parameters(&*self.model))).told()
            }
        }
    }
}
