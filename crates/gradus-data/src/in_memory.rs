//! Records held in memory, made of rows.

use gradus_base::Element;

use crate::error::{Result, count};
use crate::field::{FieldSpec, Name};
use crate::records::Records;
use crate::sample::Sample;
use crate::values::Values;

/// Samples held in memory, field by field: lists of your own in a line each.
///
/// ```
/// use gradus_data::{InMemory, Records};
/// let sentences = InMemory::new()
///     .ragged("x", [vec![5i64, 2, 7], vec![7, 7]])? // token numbers, as many as there are
///     .field("t", &[], &[0i64, 1])?; // a label for each sentence
/// assert_eq!((sentences.len(), sentences.sample(1)?.get::<i64>("x")?), (2, &[7, 7][..]));
/// // Any number of fields of any type.
/// let seen = InMemory::new()
///     .field("picture", &[1, 2, 2], &[0.0f32; 8])? // two pictures of 1×2×2
///     .field("mask", &[2, 2], &[0u8; 8])?
///     .ragged_rows("boxes", &[4], [vec![0.0f32, 0.0, 1.0, 2.0], vec![]])? // none in the second one
///     .text("caption", ["a box", "nothing"])?;
/// assert_eq!(seen.sample(0)?.text("caption")?, "a box");
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    fields: Vec<FieldSpec>,
    columns: Vec<Column>,
    len: usize,
}

/// A field of all samples.
#[derive(Debug, Clone)]
struct Column {
    values: Values,
    /// Where the elements of each sample end.
    ends: Vec<usize>,
}

impl InMemory {
    /// Without a field; the first one says how many samples there are.
    pub fn new() -> InMemory {
        InMemory::default()
    }

    /// A field of one shape, the samples' elements one after the other.
    ///
    /// # Errors
    /// When the elements are not those of whole samples, as many as the other fields have; or there is a field of that name.
    pub fn field<T: Element>(
        self,
        name: impl Into<Name>,
        shape: &[usize],
        elements: &[T],
    ) -> Result<InMemory> {
        let field = FieldSpec::new(name, T::DTYPE, shape);
        let width = field.width();
        if width == 0 || !elements.len().is_multiple_of(width) {
            let found = count(elements.len(), "element");
            return Err(field.wrong(found, format!("whole samples of {field}")));
        }
        let ends = (1..=elements.len() / width).map(|sample| sample * width).collect();
        self.with(field, Column { values: elements.to_vec().into(), ends })
    }

    /// A field `[T]` with the elements of each sample.
    ///
    /// # Errors
    /// When there are not as many samples as the other fields have, or there is a field of that name.
    pub fn ragged<T: Element>(
        self,
        name: impl Into<Name>,
        rows: impl IntoIterator<Item = impl AsRef<[T]>>,
    ) -> Result<InMemory> {
        self.ragged_rows(name, &[], rows)
    }

    /// A field `[T, …row]` with the elements of each sample, row by row.
    ///
    /// # Errors
    /// As [`InMemory::ragged`]; and when a sample's elements are not those of whole rows.
    pub fn ragged_rows<T: Element>(
        self,
        name: impl Into<Name>,
        row: &[usize],
        samples: impl IntoIterator<Item = impl AsRef<[T]>>,
    ) -> Result<InMemory> {
        let field = FieldSpec::ragged(name, T::DTYPE, row);
        let (mut all, mut ends) = (vec![], vec![]);
        for (index, elements) in samples.into_iter().enumerate() {
            let elements = elements.as_ref();
            if field.width() == 0 || !elements.len().is_multiple_of(field.width()) {
                let found = count(elements.len(), "element");
                return Err(field.wrong_in(index, found, format!("whole rows of {field}")));
            }
            all.extend_from_slice(elements);
            ends.push(all.len());
        }
        self.with(field, Column { values: all.into(), ends })
    }

    /// A field of texts: their UTF-8, u8 `[T]`.
    ///
    /// # Errors
    /// As [`InMemory::ragged`].
    pub fn text(
        self,
        name: impl Into<Name>,
        texts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<InMemory> {
        let bytes = |text: &dyn AsRef<str>| text.as_ref().as_bytes().to_vec();
        self.ragged(name, texts.into_iter().map(|text| bytes(&text)))
    }

    /// NaN and infinite numbers of the field that was added last are let through.
    #[must_use]
    pub fn allow_nan(mut self) -> InMemory {
        if let Some(field) = self.fields.pop() {
            self.fields.push(field.allow_nan());
        }
        self
    }

    fn with(mut self, field: FieldSpec, column: Column) -> Result<InMemory> {
        let samples = column.ends.len();
        if let Some(first) = self.fields.first().filter(|_| samples != self.len) {
            let expected = format!("{}, as many as {} has", self.len, first.name());
            return Err(field.wrong(count(samples, "sample"), expected));
        }
        self.len = samples;
        self.fields.push(field);
        self.columns.push(column);
        crate::field::check(&self.fields)?;
        Ok(self)
    }
}

impl Column {
    fn range(&self, index: usize) -> std::ops::Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }
}

impl Records for InMemory {
    fn len(&self) -> usize {
        self.len
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        let mut columns = self.columns.iter().enumerate();
        columns.try_for_each(|(at, column)| sample.take(at, &column.values, column.range(index)))
    }
    fn length(&self, index: usize, field: usize) -> Result<usize> {
        Ok(self.columns[field].range(index).len() / self.fields[field].width())
    }
}

impl From<InMemory> for std::sync::Arc<dyn Records> {
    fn from(records: InMemory) -> std::sync::Arc<dyn Records> {
        std::sync::Arc::new(records)
    }
}
