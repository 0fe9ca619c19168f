//! `Sample`: the fields of one sample while it is read. Each goes straight to where the batch has it.

use std::ops::Range;
use std::sync::Arc;

use gradus_base::Element;

use crate::error::Result;
use crate::field::{self, FieldSpec};
use crate::values::Values;

/// The fields of one sample. [`Records::read`](crate::Records::read) writes each once, by its number among the fields; what was written
/// is seen by name. What a batch needs of it lies in the batch's own buffers: nothing is copied when it is complete.
///
/// ```
/// use gradus_data::{DType, FieldSpec, Sample};
/// let fields = [FieldSpec::ragged("tokens", DType::I64, &[]), FieldSpec::new("t", DType::F32, &[2])];
/// let mut sample = Sample::new(&fields)?;
/// sample.put(0, &[5i64, 2, 7])?;
/// sample.room::<f32>(1, 2)?.fill(0.5); // written in place
/// assert_eq!(sample.get::<i64>("tokens")?, [5, 2, 7]);
/// assert_eq!((sample.length(0), sample.get::<f32>("t")?), (3, &[0.5, 0.5][..]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// What is not as declared is refused with the field, the sample, what was found and what was expected:
///
/// ```
/// # use gradus_data::{DType, FieldSpec, Sample};
/// let mut sample = Sample::new(&[FieldSpec::new("x", DType::F32, &[2, 2])])?;
/// let error = sample.put(0, &[1.0f64; 4]).unwrap_err().to_string();
/// assert_eq!(error, "field x, sample 0: found f64, expected x f32 [2, 2]");
/// let error = sample.put(0, &[1.0f32; 3]).unwrap_err().to_string();
/// assert_eq!(error, "field x, sample 0: found 3 elements, expected 4 for x f32 [2, 2]");
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sample {
    fields: Arc<[FieldSpec]>,
    pub(crate) columns: Vec<Column>,
    index: usize,
}

/// A field of the sample at hand, behind those of the samples before it in a batch.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Longer than what is written where an older batch had more.
    pub(crate) values: Values,
    /// The first element of the sample at hand, and the one after its last.
    start: usize,
    end: usize,
    written: bool,
    /// Rows of each sample that is complete.
    pub(crate) lengths: Vec<usize>,
}

impl Column {
    fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl Sample {
    /// A sample of these fields, nothing of it read yet.
    ///
    /// # Errors
    /// When there is no field, two have one name, or a size is 0.
    pub fn new(fields: &[FieldSpec]) -> Result<Sample> {
        field::check(fields)?;
        Ok(Sample::of(&fields.into()))
    }

    /// The same of fields that were checked.
    pub(crate) fn of(fields: &Arc<[FieldSpec]>) -> Sample {
        let column = |field: &FieldSpec| Column {
            values: Values::empty(field.dtype()),
            start: 0,
            end: 0,
            written: false,
            lengths: vec![],
        };
        Sample { fields: fields.clone(), columns: fields.iter().map(column).collect(), index: 0 }
    }

    /// What the fields are.
    pub fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }

    /// Which sample this is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The number of a field.
    ///
    /// # Errors
    /// When there is none of that name; the error lists those there are.
    pub fn find(&self, name: &str) -> Result<usize> {
        field::find(&self.fields, name)
    }

    /// Writes a field, by its number.
    ///
    /// # Errors
    /// When the type or the number of elements is not that of the field, or it was written before.
    pub fn put<T: Element>(&mut self, field: usize, elements: &[T]) -> Result<()> {
        self.room(field, elements.len())?.copy_from_slice(elements);
        Ok(())
    }

    /// Room for the elements of a field, by its number, to be written by the caller: every one, since others may have been there.
    ///
    /// # Errors
    /// As [`Sample::put`].
    pub fn room<T: Element>(&mut self, field: usize, elements: usize) -> Result<&mut [T]> {
        self.open(field, elements)?;
        let (spec, column) = (&self.fields[field], &mut self.columns[field]);
        if spec.dtype() != T::DTYPE {
            return Err(spec.wrong_in(self.index, T::DTYPE.name(), spec.to_string()));
        }
        column.written = true;
        column.end = column.start + elements;
        column.values.grow(column.end);
        let range = column.range();
        Ok(&mut column.values.vec_mut::<T>().expect("checked above")[range])
    }

    /// Copies a field, by its number, from a sample that has it under the same name.
    ///
    /// # Errors
    /// As [`Sample::put`]; and when the other sample has no such field.
    pub fn copy(&mut self, field: usize, from: &Sample) -> Result<()> {
        let other = from.find(self.fields[field].name())?;
        let range = from.columns[other].range();
        self.take(field, &from.columns[other].values, range)
    }

    /// Copies every field that was not written from a sample that has it.
    pub(crate) fn keep(&mut self, from: &Sample) -> Result<()> {
        for field in 0..self.fields.len() {
            let name = self.fields[field].name();
            let there = from.fields.iter().any(|other| other.name() == name);
            if there && !self.columns[field].written {
                self.copy(field, from)?;
            }
        }
        Ok(())
    }

    /// Copies some rows of a ragged field, by its number, from a sample that has the same fields.
    pub(crate) fn take_rows(&mut self, field: usize, from: &Sample, rows: &[usize]) -> Result<()> {
        let (width, column) = (self.fields[field].width(), &from.columns[field]);
        let mut picked = Values::empty(column.values.dtype());
        picked.grow(rows.len() * width);
        for (to, row) in rows.iter().enumerate() {
            let start = column.start + row * width;
            picked.copy_from(to * width, &column.values, start..start + width);
        }
        self.take(field, &picked, 0..rows.len() * width)
    }

    /// Writes a field from elements of its type.
    pub(crate) fn take(&mut self, field: usize, from: &Values, range: Range<usize>) -> Result<()> {
        self.open(field, range.len())?;
        let (spec, column) = (&self.fields[field], &mut self.columns[field]);
        if spec.dtype() != from.dtype() {
            return Err(spec.wrong_in(self.index, from.dtype().name(), spec.to_string()));
        }
        column.written = true;
        column.end = column.start + range.len();
        column.values.grow(column.end);
        column.values.copy_from(column.start, from, range);
        Ok(())
    }

    /// Checks that a field can be written with so many elements.
    fn open(&self, field: usize, elements: usize) -> Result<()> {
        let Some(spec) = self.fields.get(field) else {
            let expected = format!("below {}, the number of fields", self.fields.len());
            return Err(crate::DataError::invalid("field", format!("number {field}"), expected));
        };
        if self.columns[field].written {
            return Err(spec.wrong_in(self.index, "a second row", "one"));
        }
        let width = spec.width();
        let expected = match spec.is_ragged() {
            true if elements.is_multiple_of(width) => return Ok(()),
            false if elements == width => return Ok(()),
            true => format!("a multiple of {width} for {spec}"),
            false => format!("{width} for {spec}"),
        };
        Err(spec.wrong_in(self.index, format!("{elements} elements"), expected))
    }

    /// The elements of a field.
    ///
    /// # Errors
    /// When there is no such field, or its elements are of another type.
    pub fn get<T: Element>(&self, name: &str) -> Result<&[T]> {
        self.elements(self.find(name)?)
    }

    /// The elements of a field by its number.
    pub(crate) fn elements<T: Element>(&self, field: usize) -> Result<&[T]> {
        let column = &self.columns[field];
        match column.values.as_slice::<T>() {
            Some(all) => Ok(&all[column.range()]),
            None => {
                let spec = &self.fields[field];
                Err(spec.wrong_in(self.index, spec.to_string(), T::DTYPE.name()))
            }
        }
    }

    /// The same to be changed.
    pub(crate) fn elements_mut<T: Element>(&mut self, field: usize) -> Result<&mut [T]> {
        let (spec, column) = (&self.fields[field], &mut self.columns[field]);
        let range = column.range();
        match column.values.vec_mut::<T>() {
            Some(all) => Ok(&mut all[range]),
            None => Err(spec.wrong_in(self.index, spec.to_string(), T::DTYPE.name())),
        }
    }

    /// The text of a field: its bytes as UTF-8.
    ///
    /// # Errors
    /// As [`Sample::get`]; and when the bytes are no UTF-8.
    pub fn text(&self, name: &str) -> Result<&str> {
        let field = self.find(name)?;
        std::str::from_utf8(self.elements::<u8>(field)?)
            .map_err(|error| self.fields[field].wrong_in(self.index, error.to_string(), "UTF-8"))
    }

    /// How many rows a field has, by its number; 1 unless it is ragged.
    pub fn length(&self, field: usize) -> usize {
        match self.fields[field].is_ragged() {
            true => self.columns[field].range().len() / self.fields[field].width(),
            false => 1,
        }
    }

    /// The elements of a field as bytes, by its number.
    pub(crate) fn bytes(&self, field: usize) -> Vec<u8> {
        self.columns[field].values.bytes(self.columns[field].range())
    }

    /// Forgets all samples, to begin anew with `index`.
    pub(crate) fn restart(&mut self, index: usize) {
        for column in &mut self.columns {
            (column.start, column.end, column.written) = (0, 0, false);
            column.lengths.clear();
        }
        self.index = index;
    }

    /// The next sample is `index`.
    pub(crate) fn begin(&mut self, index: usize) {
        for column in &mut self.columns {
            (column.start, column.written) = (column.end, false);
        }
        self.index = index;
    }

    /// The sample is complete: every field was written, with finite numbers where those are asked for.
    pub(crate) fn finish(&mut self) -> Result<()> {
        for (at, spec) in self.fields.iter().enumerate() {
            let column = &self.columns[at];
            if !column.written {
                return Err(spec.wrong_in(self.index, "nothing", spec.to_string()));
            }
            if let Some((element, value)) =
                column.values.first_not_finite(column.range()).filter(|_| spec.is_finite())
            {
                let found = format!("{value} at element {element}");
                return Err(spec.wrong_in(self.index, found, "finite numbers"));
            }
            let length = self.length(at);
            self.columns[at].lengths.push(length);
        }
        Ok(())
    }
}
