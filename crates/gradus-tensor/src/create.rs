//! Making tensors from numbers.

use crate::Tensor;
use gradus_base::Buffer;
use gradus_base::{DType, Element, Error, Shape};
use gradus_graph::{Meta, constant, data, report};
use std::sync::Arc;

impl Tensor {
    /// A tensor of the given elements, row-major.
    ///
    /// **Shape** `shape`, which holds as many elements as there are `values`.
    ///
    /// # Panics
    /// If the shape holds another number of elements.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1i64, 2, 3, 4, 5, 6], [2, 3]);
    /// assert_eq!(x.shape().to_string(), "[2, 3]");
    /// ```
    #[track_caller]
    #[doc(alias("from_numpy", "as_tensor", "array"))]
    pub fn from_slice<T: Element>(values: &[T], shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        if shape.len() != values.len() {
            let what =
                format!("{} values for shape {shape}, which holds {}", values.len(), shape.len());
            return Tensor::refuse(Error::shape("from_slice", what));
        }
        let buffer = Arc::new(Buffer::from_slice(values));
        Tensor(data(Meta::new(shape, T::DTYPE), buffer))
    }

    /// Replaces the elements; shape and type stay. They are written in place if nobody else holds
    /// this tensor, so that an argument that changes with every step costs no allocation.
    ///
    /// **Shape** `[..] -> [..]`, as many `values` as there are elements.
    ///
    /// # Panics
    /// If the number or the type of the elements differs.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let mut rate = Tensor::from([0.1f32]);
    /// let before = rate.clone();
    /// rate.refill(&[0.2f32]);
    /// assert_eq!((before.item(), rate.item()), (0.1f32.into(), 0.2f32.into()));
    /// ```
    #[track_caller]
    pub fn refill<T: Element>(&mut self, values: &[T]) {
        if T::DTYPE != self.dtype() || values.len() != self.len() {
            let what = format!("{} values of {} for {:?}", values.len(), T::DTYPE, self.0.meta());
            return report(Error::shape("refill", what));
        }
        match self.0.value_mut() {
            Some(buffer) => buffer.as_mut_slice()[..values.len()].copy_from_slice(values),
            None => *self = Tensor::from_slice(values, self.shape()),
        }
    }

    /// A tensor over the bytes of a buffer, row-major.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// If the buffer is too small for the shape.
    ///
    /// ```
    /// use gradus_tensor::{Buffer, DType, Tensor};
    /// let buffer = Buffer::from_slice(&[1.0f32, 2.0, 3.0, 4.0]);
    /// let x = Tensor::from_buffer(buffer, [2, 2], DType::F32);
    /// assert_eq!(x.sum(1).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    pub fn from_buffer(buffer: Buffer, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        let meta = Meta::new(shape, dtype);
        let takes = meta.shape.len() * dtype.size();
        if buffer.bytes() < takes {
            let what = format!("{} bytes for {meta}, which takes {takes}", buffer.bytes());
            return Tensor::refuse(Error::shape("from_buffer", what));
        }
        Tensor(data(meta, Arc::new(buffer)))
    }

    /// A tensor without axes that holds one number.
    ///
    /// **Shape** `[]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::scalar(2.5f64);
    /// assert_eq!((x.rank(), x.item()), (0, 2.5));
    /// ```
    #[track_caller]
    pub fn scalar<T: Element>(value: T) -> Tensor {
        Tensor::from_slice(&[value], ())
    }

    /// `value` everywhere, in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// If f32 does not hold `value` even nearly: a finite number beyond ±3.4e38.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::full([2], 0.5).to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: f64) -> Tensor {
        Tensor::full_of(shape, value, DType::F32)
    }
    /// `value` everywhere, in the given type: of floats the nearest number to it.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// If the type does not hold the value ([`DType::number`]): a fraction in an integer, 300 in
    /// u8, a million in f16.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor, try_build};
    /// assert_eq!(Tensor::full_of([2], 7.0, DType::U8).to_vec::<u8>(), [7, 7]);
    /// let e = try_build(|| Tensor::full_of([2], 300.0, DType::U8)).unwrap_err().to_string();
    /// assert!(e.starts_with("full: 300 is no u8, which holds whole numbers from 0 to 255"));
    /// ```
    #[track_caller]
    pub fn full_of(shape: impl Into<Shape>, value: f64, dtype: DType) -> Tensor {
        filled("full", value, Meta::new(shape.into(), dtype))
    }
    /// 0 everywhere, in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([1, 2]).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "empty")]
    pub fn zeros(shape: impl Into<Shape>) -> Tensor {
        Tensor::full(shape, 0.0)
    }
    /// 1 everywhere, in f32.
    ///
    /// **Shape** `shape`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([1, 2]).to_vec::<f32>(), [1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Tensor {
        Tensor::full(shape, 1.0)
    }
    /// `value` everywhere, in the shape and type of this tensor.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the type does not hold the value, as in [`Tensor::full_of`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2]).full_like(7.0).to_vec::<i64>(), [7, 7]);
    /// ```
    #[track_caller]
    pub fn full_like(&self, value: f64) -> Tensor {
        filled("full", value, self.0.meta())
    }
    /// 0 everywhere, in the shape and type of this tensor.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2]).zeros_like().to_vec::<i64>(), [0, 0]);
    /// ```
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        self.full_like(0.0)
    }
    /// 1 everywhere, in the shape and type of this tensor.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([5i64, 2]).ones_like().to_vec::<i64>(), [1, 1]);
    /// ```
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        self.full_like(1.0)
    }
    /// The integers 0 … len − 1, in i64.
    ///
    /// **Shape** `[len]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::arange(3).to_vec::<i64>(), [0, 1, 2]);
    /// ```
    #[track_caller]
    pub fn arange(len: usize) -> Tensor {
        let values: Vec<i64> = (0..len as i64).collect();
        Tensor::from_slice(&values, [len])
    }
    /// `len` evenly spaced numbers from `start` to `end`, both included, in f32.
    ///
    /// **Shape** `[len]`.
    ///
    /// # Panics
    /// If f32 does not hold `start` or `end` even nearly: a finite number beyond ±3.4e38.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::linspace(0.0, 1.0, 3).to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn linspace(start: f64, end: f64, len: usize) -> Tensor {
        for bound in [start, end] {
            filled("linspace", bound, Meta::new((), DType::F32));
        }
        let step = if len > 1 { (end - start) / (len - 1) as f64 } else { 0.0 };
        let values: Vec<f32> = (0..len).map(|i| (start + step * i as f64) as f32).collect();
        Tensor::from_slice(&values, [len])
    }
    /// The identity matrix, in f32.
    ///
    /// **Shape** `[size, size]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::eye(2).to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "identity")]
    pub fn eye(size: usize) -> Tensor {
        let mut values = vec![0.0f32; size * size];
        values.iter_mut().step_by(size + 1).for_each(|v| *v = 1.0);
        Tensor::from_slice(&values, [size, size])
    }
}

/// `value` everywhere, for an op of that name.
///
/// # Panics
/// If the type does not hold the value.
#[track_caller]
pub(crate) fn filled(op: &str, value: f64, meta: Meta) -> Tensor {
    if let Err(e) = meta.dtype.number(value) {
        return Tensor::refuse(Error { op: op.into(), ..e });
    }
    Tensor(constant(value, meta))
}
