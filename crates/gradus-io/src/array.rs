//! An array as files hold it: a name, an element type, a shape, and little-endian bytes.

use crate::strided::{column_major, gather};
use crate::{Error, Result};
use gradus_base::DType;
use half::{bf16, f16};

/// Bytes that an array of this type and shape takes, or `None` where that overflows.
pub fn byte_len(dtype: DType, shape: &[usize]) -> Option<usize> {
    // A size of zero makes the array empty however large the others are.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(dtype.size(), |len, &size| len.checked_mul(size))
}

/// A named array in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedArray {
    /// The name, such as `fc1.weight`.
    pub name: String,
    /// The type of the elements.
    pub dtype: DType,
    /// The sizes of the axes; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, little endian.
    pub data: Vec<u8>,
}

impl NamedArray {
    /// An array whose bytes fit its type and shape, or an error that says why they do not.
    pub fn new(
        name: impl Into<String>,
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        data: Vec<u8>,
    ) -> Result<NamedArray> {
        let array = NamedArray { name: name.into(), dtype, shape: shape.into(), data };
        array.check()?;
        Ok(array)
    }

    /// An array of f32 values.
    pub fn from_f32(
        name: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        values: &[f32],
    ) -> Result<NamedArray> {
        let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        NamedArray::new(name, DType::F32, shape, data)
    }

    /// The values, where the array holds f32.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        let (words, rest) = self.data.as_chunks::<4>();
        (self.dtype == DType::F32 && rest.is_empty())
            .then(|| words.iter().map(|&word| f32::from_le_bytes(word)).collect())
    }

    /// The array with its axes in another order: axis i of the result is axis `axes[i]`.
    ///
    /// ```
    /// use gradus_io::NamedArray;
    /// let x = NamedArray::from_f32("x", [2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
    /// assert_eq!(x.permuted(&[1, 0]).to_f32().unwrap(), [1., 4., 2., 5., 3., 6.]);
    /// ```
    ///
    /// # Panics
    /// If `axes` does not name every axis once.
    #[must_use]
    pub fn permuted(&self, axes: &[usize]) -> NamedArray {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..self.shape.len()), "{axes:?} of {:?}", self.shape);
        let reversed: Vec<usize> = self.shape.iter().rev().copied().collect();
        let mut strides = column_major(&reversed).expect("the array is in memory");
        strides.reverse();
        let strides: Vec<usize> = axes.iter().map(|&axis| strides[axis]).collect();
        let shape: Vec<usize> = axes.iter().map(|&axis| self.shape[axis]).collect();
        let data = gather(&self.data, self.dtype.size(), 0, &shape, &strides)
            .expect("the same elements in another order");
        NamedArray { name: self.name.clone(), dtype: self.dtype, shape, data }
    }

    /// The array with its elements as another type of float: the nearest numbers.
    ///
    /// # Errors
    /// When `dtype` is no float (integers become floats, not the other way round), or a finite number would become infinite.
    pub fn cast(&self, dtype: DType) -> Result<NamedArray> {
        if dtype == self.dtype {
            return Ok(self.clone());
        }
        let (from, name) = (self.dtype, &self.name);
        let held = match dtype {
            DType::F32 => |x: f64| f64::from(x as f32),
            DType::F64 => |x: f64| x,
            DType::F16 => |x: f64| f16::from_f64(x).to_f64(),
            DType::BF16 => |x: f64| bf16::from_f64(x).to_f64(),
            _ => {
                let what = format!("array `{name}`: {from} cannot become {dtype}");
                return Err(Error::value(what));
            }
        };
        let elements = || self.data.chunks_exact(from.size()).map(|bytes| to_f64(from, bytes));
        let beyond = |&(_, x): &(usize, f64)| x.is_finite() && !held(x).is_finite();
        if let Some((at, x)) = elements().enumerate().find(beyond) {
            let what = format!("array `{name}`: element {at} is {x:e}, more than {dtype} holds");
            return Err(Error::value(what));
        }
        let data = match dtype {
            DType::F32 => elements().flat_map(|x| (x as f32).to_le_bytes()).collect(),
            DType::F16 => elements().flat_map(|x| f16::from_f64(x).to_le_bytes()).collect(),
            DType::BF16 => elements().flat_map(|x| bf16::from_f64(x).to_le_bytes()).collect(),
            _ => elements().flat_map(f64::to_le_bytes).collect(),
        };
        NamedArray::new(self.name.clone(), dtype, self.shape.clone(), data)
    }

    /// Checks what [`NamedArray::new`] checks, for arrays built field by field.
    pub fn check(&self) -> Result<()> {
        let NamedArray { name, dtype, shape, data } = self;
        if byte_len(*dtype, shape) != Some(data.len()) {
            return Err(Error::format(format!(
                "array `{name}`: {dtype} {shape:?} does not fit {} bytes of data",
                data.len()
            )));
        }
        if *dtype != DType::Bool {
            return Ok(());
        }
        match data.iter().position(|&byte| byte > 1) {
            Some(i) => Err(Error::format(format!(
                "array `{name}`: element {i} of a bool array is the byte {}, expected 0 or 1",
                data[i]
            ))),
            None => Ok(()),
        }
    }
}

/// An element's value; `bytes` has its size.
fn to_f64(dtype: DType, bytes: &[u8]) -> f64 {
    fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
        *bytes.first_chunk().expect("an element has its size")
    }
    match dtype {
        DType::F32 => f32::from_le_bytes(fixed(bytes)).into(),
        DType::F64 => f64::from_le_bytes(fixed(bytes)),
        DType::F16 => f16::from_le_bytes(fixed(bytes)).into(),
        DType::BF16 => bf16::from_le_bytes(fixed(bytes)).into(),
        DType::I32 => i32::from_le_bytes(fixed(bytes)).into(),
        DType::I64 => i64::from_le_bytes(fixed(bytes)) as f64,
        DType::U8 | DType::Bool => bytes[0].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_rounds_and_never_makes_infinities() {
        let x = |values: &[f64]| {
            let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            NamedArray::new("w", DType::F64, [values.len()], data).unwrap()
        };
        let inf = f64::INFINITY;
        let cast = x(&[0.1, -inf, 1e-60]).cast(DType::F32).unwrap();
        assert_eq!(cast.to_f32().unwrap(), [0.1, -f32::INFINITY, 0.0]);
        let beyond = [
            (DType::F32, -1e300, "-1e300, more than f32 holds"),
            (DType::F16, 65520.0, "6.552e4, more than f16 holds"),
            (DType::BF16, 3.4e38, "3.4e38, more than bf16 holds"),
        ];
        for (dtype, value, said) in beyond {
            let e = x(&[1.0, value]).cast(dtype).unwrap_err().to_string();
            assert!(e.contains(&format!("array `w`: element 1 is {said}")), "{e}");
        }
        assert!(x(&[1.0]).cast(DType::I64).is_err());
    }
}
