//! `Array`: a shape and its elements in row-major order, whatever type and strides they have in memory.

use gradus_base::{DType, Shape, View, bf16, f16};

/// Elements in row-major order.
///
/// ```
/// use gradus_reference::{Array, Values};
/// let a = Array::new([2], vec![1.0, 2.0]);
/// assert_eq!(a.reals(), [1.0, 2.0]);
/// assert_eq!(a.values, Values::Real(vec![1.0, 2.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The sizes.
    pub shape: Shape,
    /// As many elements as the shape has.
    pub values: Values,
}

/// Numbers of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Of a float type.
    Real(Vec<f64>),
    /// Of an integer type or booleans, which are 0 and 1.
    Integer(Vec<i64>),
}

impl Array {
    /// Real numbers.
    ///
    /// # Panics
    /// If there are not as many as the shape has elements.
    pub fn new(shape: impl Into<Shape>, values: Vec<f64>) -> Array {
        let shape = shape.into();
        assert_eq!(values.len(), shape.len(), "values of shape {shape}");
        Array { shape, values: Values::Real(values) }
    }

    /// Integers.
    ///
    /// # Panics
    /// As [`Array::new`].
    pub fn integers_of(shape: impl Into<Shape>, values: Vec<i64>) -> Array {
        let shape = shape.into();
        assert_eq!(values.len(), shape.len(), "values of shape {shape}");
        Array { shape, values: Values::Integer(values) }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.shape.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of a float type.
    ///
    /// # Panics
    /// If they are integers.
    pub fn reals(&self) -> &[f64] {
        match &self.values {
            Values::Real(v) => v,
            Values::Integer(_) => panic!("integers where real numbers are expected"),
        }
    }

    /// The elements of an integer type.
    ///
    /// # Panics
    /// If they are real numbers.
    pub fn integers(&self) -> &[i64] {
        match &self.values {
            Values::Integer(v) => v,
            Values::Real(_) => panic!("real numbers where integers are expected"),
        }
    }

    /// The elements of a view of `bytes` whose first element's first byte is number `first`.
    ///
    /// # Panics
    /// If the view reaches outside of them.
    pub fn gather(dtype: DType, view: &View, bytes: &[u8], first: usize) -> Array {
        let places = Places::of(view, first, dtype.size());
        let values = match dtype {
            DType::F32 => Values::Real(read(bytes, places, |b| f64::from(f32::from_ne_bytes(b)))),
            DType::F64 => Values::Real(read(bytes, places, f64::from_ne_bytes)),
            DType::F16 => Values::Real(read(bytes, places, |b| f16::from_ne_bytes(b).to_f64())),
            DType::BF16 => Values::Real(read(bytes, places, |b| bf16::from_ne_bytes(b).to_f64())),
            DType::I32 => Values::Integer(read(bytes, places, |b| i32::from_ne_bytes(b).into())),
            DType::I64 => Values::Integer(read(bytes, places, i64::from_ne_bytes)),
            DType::U8 => Values::Integer(read(bytes, places, |[b]| b.into())),
            DType::Bool => Values::Integer(read(bytes, places, |[b]| i64::from(b != 0))),
        };
        Array { shape: view.shape, values }
    }

    /// Writes the elements to a view of `bytes` as the type holds them: real numbers go to integers truncated and saturated, NaN as
    /// 0, integers to smaller ones by their last bits; a boolean is whether a number is not 0. An empty view takes nothing.
    ///
    /// # Panics
    /// If the view has other elements than this, or reaches outside of the bytes.
    pub fn scatter(&self, dtype: DType, view: &View, bytes: &mut [u8], first: usize) {
        if view.shape.is_empty() {
            return;
        }
        assert_eq!(self.len(), view.shape.len(), "elements of {} for {}", self.shape, view.shape);
        let places = Places::of(view, first, dtype.size());
        match &self.values {
            Values::Real(v) => match dtype {
                DType::F32 => write(bytes, places, v, |x| (x as f32).to_ne_bytes()),
                DType::F64 => write(bytes, places, v, f64::to_ne_bytes),
                DType::F16 => write(bytes, places, v, |x| f16::from_f64(x).to_ne_bytes()),
                DType::BF16 => write(bytes, places, v, |x| bf16::from_f64(x).to_ne_bytes()),
                DType::I32 => write(bytes, places, v, |x| (x as i32).to_ne_bytes()),
                DType::I64 => write(bytes, places, v, |x| (x as i64).to_ne_bytes()),
                DType::U8 => write(bytes, places, v, |x| [x as u8]),
                DType::Bool => write(bytes, places, v, |x| [u8::from(x != 0.0)]),
            },
            Values::Integer(v) => match dtype {
                DType::F32 => write(bytes, places, v, |x| (x as f32).to_ne_bytes()),
                DType::F64 => write(bytes, places, v, |x| (x as f64).to_ne_bytes()),
                DType::F16 => write(bytes, places, v, |x| f16::from_f64(x as f64).to_ne_bytes()),
                DType::BF16 => write(bytes, places, v, |x| bf16::from_f64(x as f64).to_ne_bytes()),
                DType::I32 => write(bytes, places, v, |x| (x as i32).to_ne_bytes()),
                DType::I64 => write(bytes, places, v, i64::to_ne_bytes),
                DType::U8 => write(bytes, places, v, |x| [x as u8]),
                DType::Bool => write(bytes, places, v, |x| [u8::from(x != 0)]),
            },
        }
    }
}

/// The bytes at which the elements of a view begin, in row-major order.
struct Places {
    sizes: Vec<usize>,
    strides: Vec<isize>,
    index: Vec<usize>,
    at: isize,
    left: usize,
}

impl Places {
    fn of(view: &View, first: usize, size: usize) -> Places {
        let strides = view.strides().iter().map(|s| s * size as isize).collect();
        let index = vec![0; view.shape.rank()];
        let (sizes, left) = (view.shape.to_vec(), view.shape.len());
        Places { sizes, strides, index, at: first as isize, left }
    }
}

impl Iterator for Places {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let place = usize::try_from(self.at).expect("a view reaches before its bytes");
        for a in (0..self.sizes.len()).rev() {
            self.index[a] += 1;
            self.at += self.strides[a];
            if self.index[a] < self.sizes[a] {
                break;
            }
            self.at -= self.strides[a] * self.sizes[a] as isize;
            self.index[a] = 0;
        }
        Some(place)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

fn read<const N: usize, T>(bytes: &[u8], places: Places, of: impl Fn([u8; N]) -> T) -> Vec<T> {
    let element = |at: usize| of(bytes[at..at + N].try_into().expect("as many bytes"));
    places.map(element).collect()
}

fn write<const N: usize, T: Copy>(
    bytes: &mut [u8],
    places: Places,
    values: &[T],
    of: impl Fn(T) -> [u8; N],
) {
    for (at, &x) in places.zip(values) {
        bytes[at..at + N].copy_from_slice(&of(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_of_any_sign_are_followed() {
        let bytes: Vec<u8> = (0..6i32).flat_map(i32::to_ne_bytes).collect();
        let dense = View::dense(Shape::from([2, 3]));
        let view = dense.permute(&[1, 0]).slice(0, 2, -2, 2); // columns 2 and 0
        let a = Array::gather(DType::I32, &view, &bytes, view.offset * 4);
        assert_eq!(a.integers(), [2, 5, 0, 3]);
        let mut back = vec![0; bytes.len()];
        a.scatter(DType::I32, &view, &mut back, view.offset * 4);
        let want: Vec<u8> = [0i32, 0, 2, 3, 0, 5].into_iter().flat_map(i32::to_ne_bytes).collect();
        assert_eq!(back, want);
    }

    #[test]
    fn types_hold_what_they_can() {
        let (view, values) = (View::dense([3].into()), vec![-1.5, f64::NAN, 300.0]);
        let held = |dtype: DType| {
            let mut bytes = vec![0; 3 * dtype.size()];
            Array::new([3], values.clone()).scatter(dtype, &view, &mut bytes, 0);
            Array::gather(dtype, &view, &bytes, 0)
        };
        assert_eq!(held(DType::U8).integers(), [0, 0, 255]);
        assert_eq!(held(DType::I32).integers(), [-1, 0, 300]);
        assert_eq!(held(DType::Bool).integers(), [1, 1, 1]);
        assert_eq!(held(DType::BF16).reals()[2], 300.0);
    }
}
