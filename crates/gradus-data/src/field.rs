//! What the fields of samples are: names, element types, shapes, some with a first axis that differs from sample to sample.

use std::borrow::Cow;

use gradus_base::{DType, MAX_RANK};

use crate::error::{DataError, Result, quote};

/// The name of a field.
pub type Name = Cow<'static, str>;

/// What one field of every sample is: its name, its element type and its shape. The first axis of a *ragged* field differs
/// from sample to sample: words of a sentence, samples of a sound, boxes in a picture.
///
/// ```
/// use gradus_data::{DType, FieldSpec};
/// let picture = FieldSpec::new("x", DType::F32, &[3, 32, 32]);
/// let label = FieldSpec::new("t", DType::I64, &[]);
/// let tokens = FieldSpec::ragged("tokens", DType::I64, &[]);
/// let boxes = FieldSpec::ragged("boxes", DType::F32, &[4]);
/// let said = [picture, label, tokens, boxes].map(|field| field.to_string());
/// assert_eq!(said, ["x f32 [3, 32, 32]", "t i64 []", "tokens i64 [T]", "boxes f32 [T, 4]"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSpec {
    name: Name,
    dtype: DType,
    ragged: bool,
    shape: Vec<usize>,
    finite: bool,
}

impl FieldSpec {
    /// Of the same shape in every sample. Floats must be finite unless [`FieldSpec::allow_nan`] says otherwise.
    pub fn new(name: impl Into<Name>, dtype: DType, shape: &[usize]) -> FieldSpec {
        FieldSpec { name: name.into(), dtype, ragged: false, shape: shape.to_vec(), finite: true }
    }

    /// Of any number of rows, each of shape `row`: `[T, …row]`.
    pub fn ragged(name: impl Into<Name>, dtype: DType, row: &[usize]) -> FieldSpec {
        FieldSpec { ragged: true, ..FieldSpec::new(name, dtype, row) }
    }

    /// A text: the bytes of its UTF-8, u8 `[T]`.
    pub fn text(name: impl Into<Name>) -> FieldSpec {
        FieldSpec::ragged(name, DType::U8, &[])
    }

    /// NaN and infinite numbers are let through, such as targets that are not known.
    #[must_use]
    pub fn allow_nan(self) -> FieldSpec {
        FieldSpec { finite: false, ..self }
    }

    /// The name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether the first axis differs from sample to sample.
    pub fn is_ragged(&self) -> bool {
        self.ragged
    }

    /// The shape in one sample; of a ragged field that of one row.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether NaN and infinite numbers are refused.
    pub fn is_finite(&self) -> bool {
        self.finite
    }

    /// Elements of a sample; of a ragged field those of a row.
    pub(crate) fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// The same with another shape.
    pub(crate) fn with_shape(&self, shape: &[usize]) -> FieldSpec {
        FieldSpec { shape: shape.to_vec(), ..self.clone() }
    }

    /// Something is wrong with this field.
    pub(crate) fn wrong(&self, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        DataError::invalid(format!("field {}", self.name), found, expected)
    }

    /// Something is wrong with this field in a sample.
    pub(crate) fn wrong_in(
        &self,
        sample: usize,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> DataError {
        DataError::invalid(format!("field {}, sample {sample}", self.name), found, expected)
    }
}

impl std::fmt::Display for FieldSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own = self.shape.iter().map(usize::to_string);
        let sizes: Vec<String> =
            self.ragged.then(|| "T".to_owned()).into_iter().chain(own).collect();
        write!(f, "{} {} [{}]", self.name, self.dtype, sizes.join(", "))
    }
}

/// Where a field of a name stands; the error lists those there are.
pub(crate) fn find(fields: &[FieldSpec], name: &str) -> Result<usize> {
    fields.iter().position(|field| field.name == name).ok_or_else(|| {
        let there: Vec<String> = fields.iter().map(FieldSpec::to_string).collect();
        DataError::invalid(
            "field",
            format!("the name {}", quote(name)),
            format!("one of {}", there.join(", ")),
        )
    })
}

/// Refuses fields that cannot be told apart, and those without elements.
pub(crate) fn check(fields: &[FieldSpec]) -> Result<()> {
    if fields.is_empty() {
        return Err(DataError::invalid("fields", "none", "at least one"));
    }
    for (at, field) in fields.iter().enumerate() {
        if fields[..at].iter().any(|other| other.name == field.name) {
            let found = format!("two fields named {}", field.name);
            return Err(DataError::invalid("fields", found, "a name for each"));
        }
        if field.shape.contains(&0) {
            return Err(field.wrong(field.to_string(), "sizes of at least 1"));
        }
        // A batch adds an axis, and so does a ragged one.
        let most = MAX_RANK - 1 - usize::from(field.ragged);
        if field.shape.len() > most {
            return Err(field.wrong(field.to_string(), format!("at most {most} sizes")));
        }
    }
    Ok(())
}
