//! Changes of whole samples, and normalisation as one of them.

use gradus_base::DType;

use crate::error::Result;
use crate::field::{self, FieldSpec, Name};
use crate::normalization::Normalization;
use crate::random::Rng;
use crate::sample::Sample;

/// A change of a sample, which may be random. The stream `rng` is keyed by (seed, epoch, sample, place in the list), so the
/// result does not depend on threads, on the batch, or on other changes.
///
/// ```
/// use gradus_data::{Result, Rng, Sample, Transform};
/// /// Forgets each token with a probability of 1 in 10: it becomes token 0.
/// struct WordDropout;
/// impl Transform for WordDropout {
///     fn apply(&self, input: &Sample, output: &mut Sample, rng: &mut Rng) -> Result<()> {
///         let own = input.get::<i64>("tokens")?;
///         let kept = own.iter().map(|&token| if rng.below(10) == 0 { 0 } else { token });
///         output.put(output.find("tokens")?, &kept.collect::<Vec<_>>())
///     }
/// }
/// ```
pub trait Transform: Send + Sync {
    /// What the fields are afterwards; an error if such samples cannot be changed. They stay what they are unless said otherwise.
    fn output_fields(&self, fields: &[FieldSpec]) -> Result<Vec<FieldSpec>> {
        Ok(fields.to_vec())
    }

    /// How many rows a ragged field has at most afterwards, if it has `length` before: as many, unless said otherwise. Samples are
    /// sorted into batches of like length ([`Bucketing`](crate::Bucketing)) by this, without being read; a transform that makes the
    /// field longer than it says is refused when it does.
    ///
    /// ```
    /// use gradus_data::{Result, Rng, Sample, Transform};
    /// /// Says each token twice.
    /// struct Twice;
    /// impl Transform for Twice {
    ///     fn max_length(&self, field: &str, length: usize) -> usize {
    ///         if field == "x" { 2 * length } else { length }
    ///     }
    ///     fn apply(&self, input: &Sample, output: &mut Sample, _: &mut Rng) -> Result<()> {
    ///         let twice: Vec<i64> = input.get("x")?.iter().flat_map(|&token| [token, token]).collect();
    ///         output.put(output.find("x")?, &twice)
    ///     }
    /// }
    /// assert_eq!((Twice.max_length("x", 3), Twice.max_length("t", 3)), (6, 3));
    /// ```
    fn max_length(&self, field: &str, length: usize) -> usize {
        let _ = field;
        length
    }

    /// Writes the changed fields of `input` into `output`, each once. A field that is not written stays as it is.
    fn apply(&self, input: &Sample, output: &mut Sample, rng: &mut Rng) -> Result<()>;
}

/// Normalises a field, f32 `[C, ..]`, by its channels.
///
/// ```
/// use gradus_data::{DatasetRecords, Normalization, Normalize, RecordLoader, RecordOptions, mnist_5k};
/// use std::sync::Arc;
/// let digits = Arc::new(mnist_5k()?);
/// let grey = Normalize::new("x", Normalization::of(&digits)?);
/// let options = RecordOptions { transforms: vec![Arc::new(grey)], ..RecordOptions::default() };
/// let loader = RecordLoader::new(DatasetRecords::new(digits), options)?;
/// let batch = loader.epoch(0).next().unwrap()?;
/// assert_eq!(batch.get("x")?.shape, [64, 1, 28, 28]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "Normalization")]
pub struct Normalize {
    field: Name,
    normalization: Normalization,
}

impl Normalize {
    /// This field by this.
    pub fn new(field: impl Into<Name>, normalization: Normalization) -> Normalize {
        Normalize { field: field.into(), normalization }
    }
}

impl Transform for Normalize {
    fn output_fields(&self, fields: &[FieldSpec]) -> Result<Vec<FieldSpec>> {
        let field = &fields[field::find(fields, &self.field)?];
        if field.dtype() != DType::F32 || field.is_ragged() {
            return Err(field.wrong(field.to_string(), "f32 [C, ..] to normalise"));
        }
        self.normalization.check(field.shape())?;
        Ok(fields.to_vec())
    }

    fn apply(&self, input: &Sample, output: &mut Sample, _: &mut Rng) -> Result<()> {
        let field = output.find(&self.field)?;
        output.copy(field, input)?;
        self.normalization.apply(output.elements_mut(field)?);
        Ok(())
    }
}
