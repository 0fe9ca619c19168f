//! Before a long run: a validation split, and whether the model can learn one batch by heart.

use crate::faults::Told;
use crate::{Learner, Result};
use gradus_base::Error;
use gradus_data::{Dataset, Subset, labels_of, stratified_split};
use gradus_tensor::Tensor;
use std::sync::Arc;

/// A training and a validation part of a labelled set, the latter `part` of it, with the same share of every class. The draw
/// depends on labels, part and seed only.
///
/// # Errors
/// When `part` is not between 0 and 1, or leaves one side empty.
#[doc(alias("random_split", "Subset", "split_dataset"))]
pub fn validation_split(set: &Arc<dyn Dataset>, part: f64, seed: u64) -> Result<(Subset, Subset)> {
    let held = (part * set.len() as f64).round();
    if !(held >= 1.0 && held < set.len() as f64) {
        let what = format!("{part} of {} samples leaves one side empty", set.len());
        return Err(Error::value("validation_split", what).into());
    }
    let (kept, held) = stratified_split(&labels_of(&**set), held as usize, seed)?;
    Ok((Subset::new(set.clone(), kept)?, Subset::new(set.clone(), held)?))
}

/// The losses of `steps` steps on one and the same batch. They should come near zero: a model that cannot learn one batch by heart,
/// with neither dropout nor augmentation, has a mistake somewhere.
///
/// # Errors
/// When the data holds a bad value.
#[track_caller]
pub fn overfit_one_batch(
    learner: &mut Learner,
    (x, t): (&Tensor, &Tensor),
    steps: usize,
) -> Result<Vec<f64>> {
    let rate = learner.learning_rate();
    let losses = (0..steps).map(|_| Ok(learner.train_batch(x, t, rate)?.loss));
    losses.collect::<Result<_>>().told()
}
