//! `Values`: elements of one type side by side, which is what a field holds.

use std::any::Any;
use std::ops::Range;

use gradus_base::{DType, Element, bf16, f16};

/// Elements of one type, known at run time. A vector of any element type becomes such by `from`.
///
/// ```
/// use gradus_data::{DType, Values};
/// let tokens = Values::from(vec![5i64, 2, 7]);
/// assert_eq!((tokens.dtype(), tokens.len()), (DType::I64, 3));
/// assert_eq!(tokens.as_slice::<i64>(), Some(&[5, 2, 7][..]));
/// assert_eq!(tokens.as_slice::<f32>(), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    Bool(Vec<bool>),
}

/// The same expression for the vector of each type.
macro_rules! each {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            Values::F32($v) => $body,
            Values::F64($v) => $body,
            Values::F16($v) => $body,
            Values::BF16($v) => $body,
            Values::I32($v) => $body,
            Values::I64($v) => $body,
            Values::U8($v) => $body,
            Values::Bool($v) => $body,
        }
    };
}

impl<T: Element> From<Vec<T>> for Values {
    fn from(elements: Vec<T>) -> Values {
        let mut values = Values::empty(T::DTYPE);
        *values.vec_mut::<T>().expect("made for this type") = elements;
        values
    }
}

impl Values {
    /// No element yet.
    pub fn empty(dtype: DType) -> Values {
        match dtype {
            DType::F32 => Values::F32(vec![]),
            DType::F64 => Values::F64(vec![]),
            DType::F16 => Values::F16(vec![]),
            DType::BF16 => Values::BF16(vec![]),
            DType::I32 => Values::I32(vec![]),
            DType::I64 => Values::I64(vec![]),
            DType::U8 => Values::U8(vec![]),
            DType::Bool => Values::Bool(vec![]),
        }
    }

    /// The elements' type.
    pub fn dtype(&self) -> DType {
        fn of<T: Element>(_: &[T]) -> DType {
            T::DTYPE
        }
        each!(self, v => of(v))
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, if they are of this type.
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        each!(self, v => (v as &dyn Any).downcast_ref::<Vec<T>>().map(Vec::as_slice))
    }

    /// The vector, if it is of this type.
    pub(crate) fn vec_mut<T: Element>(&mut self) -> Option<&mut Vec<T>> {
        each!(self, v => (v as &mut dyn Any).downcast_mut::<Vec<T>>())
    }

    /// Leaves the first `len` elements.
    pub(crate) fn truncate(&mut self, len: usize) {
        each!(self, v => v.truncate(len));
    }

    /// Room for `len` elements at least, whatever they are.
    pub(crate) fn grow(&mut self, len: usize) {
        fn grow<T: Element>(v: &mut Vec<T>, len: usize) {
            if v.len() < len {
                v.resize(len, T::default());
            }
        }
        each!(self, v => grow(v, len));
    }

    /// Writes elements of another one of the same type from `to` on. Panics if the types differ.
    pub(crate) fn copy_from(&mut self, to: usize, other: &Values, range: Range<usize>) {
        fn copy<T: Element>(v: &mut [T], to: usize, other: &Values, range: Range<usize>) {
            let from = &other.as_slice::<T>().expect("the same type")[range];
            v[to..to + from.len()].copy_from_slice(from);
        }
        each!(self, v => copy(v, to, other, range));
    }

    /// The sum of elements.
    pub(crate) fn sum(&self, range: Range<usize>) -> f64 {
        each!(self, v => v[range].iter().map(|&x| Element::to_f64(x)).sum())
    }

    /// The place in `range` and the value of the first NaN or infinite number.
    pub(crate) fn first_not_finite(&self, range: Range<usize>) -> Option<(usize, f64)> {
        fn first<T: Element>(v: &[T], is_finite: impl Fn(T) -> bool) -> Option<(usize, f64)> {
            // `fold` rather than `any`: without an early exit the loop is a few vector instructions.
            if v.iter().fold(true, |finite, &x| finite & is_finite(x)) {
                return None;
            }
            let at = v.iter().position(|&x| !is_finite(x))?;
            Some((at, v[at].to_f64()))
        }
        match self {
            Values::F32(v) => first(&v[range], f32::is_finite),
            Values::F64(v) => first(&v[range], f64::is_finite),
            Values::F16(v) => first(&v[range], f16::is_finite),
            Values::BF16(v) => first(&v[range], bf16::is_finite),
            Values::I32(_) | Values::I64(_) | Values::U8(_) | Values::Bool(_) => None,
        }
    }

    /// Little-endian bytes, the same on every platform.
    pub(crate) fn bytes(&self, range: Range<usize>) -> Vec<u8> {
        fn all<T: Copy, const N: usize>(v: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
            v.iter().flat_map(|&x| bytes(x)).collect()
        }
        match self {
            Values::F32(v) => all(&v[range], f32::to_le_bytes),
            Values::F64(v) => all(&v[range], f64::to_le_bytes),
            Values::F16(v) => all(&v[range], f16::to_le_bytes),
            Values::BF16(v) => all(&v[range], bf16::to_le_bytes),
            Values::I32(v) => all(&v[range], i32::to_le_bytes),
            Values::I64(v) => all(&v[range], i64::to_le_bytes),
            Values::U8(v) => v[range].to_vec(),
            Values::Bool(v) => all(&v[range], |x| [u8::from(x)]),
        }
    }

    /// Rows of `row` elements that follow each other, `lengths` of them a sample, become `longest` for each sample: behind its own
    /// stands `value`. It is done in place.
    ///
    /// With lengths 2 and 1 and a longest of 3: `a b c` becomes `a b · c · ·`.
    pub(crate) fn pad(&mut self, lengths: &[usize], longest: usize, row: usize, value: f64) {
        fn pad<T: Element>(v: &mut Vec<T>, lengths: &[usize], longest: usize, row: usize, x: T) {
            let mut end = lengths.iter().sum::<usize>() * row;
            v.resize(lengths.len() * longest * row, x);
            // From the last on: no sample moves over one that has not moved yet.
            for (sample, len) in lengths.iter().enumerate().rev() {
                let (start, to) = (end - len * row, sample * longest * row);
                v.copy_within(start..end, to);
                v[to + len * row..to + longest * row].fill(x);
                end = start;
            }
        }
        each!(self, v => pad(v, lengths, longest, row, Element::from_f64(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_padded_in_place() {
        let mut values = Values::from(vec![1i32, 2, 3, 4, 5, 6]);
        values.pad(&[2, 0, 1], 3, 2, -1.0);
        let rows = [1, 2, 3, 4, -1, -1, -1, -1, -1, -1, -1, -1, 5, 6, -1, -1, -1, -1];
        assert_eq!(values, Values::from(rows.to_vec()));
        // What is full already stays.
        let mut values = Values::from(vec![true, false]);
        values.pad(&[1, 1], 1, 1, 1.0);
        assert_eq!(values, Values::from(vec![true, false]));
    }

    #[test]
    fn every_type_is_itself() {
        for dtype in DType::ALL {
            let mut values = Values::empty(dtype);
            assert_eq!(values.dtype(), dtype);
            values.grow(2);
            values.pad(&[1, 1], 2, 1, 1.0);
            assert_eq!((values.sum(0..4), values.sum(0..1)), (2.0, 0.0), "{dtype}");
            assert_eq!(values.bytes(0..4).len(), 4 * dtype.size());
            assert_eq!(values.first_not_finite(0..4), None);
        }
        let values = Values::from(vec![f16::ONE, f16::NEG_INFINITY]);
        assert_eq!(values.first_not_finite(1..2), Some((0, f64::NEG_INFINITY)));
    }
}
