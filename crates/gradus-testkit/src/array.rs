//! `Array`: dense f64 numbers with a shape, what cases and oracles are written in.

use crate::Device;
use gradus_base::Buffer;
use gradus_base::{DType, Element, Shape, bf16, f16};
use gradus_graph::{Meta, Node, data};
use std::sync::Arc;

/// Dense, row-major numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The shape.
    pub shape: Shape,
    /// The elements.
    pub values: Vec<f64>,
}

impl Array {
    /// The given elements in the given shape.
    ///
    /// # Panics
    /// If the shape asks for another number of elements.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, values: impl Into<Vec<f64>>) -> Array {
        let (shape, values) = (shape.into(), values.into());
        assert_eq!(shape.len(), values.len(), "{} values for shape {shape}", values.len());
        Array { shape, values }
    }

    /// `f` of every index of `shape`, in row-major order.
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> f64) -> Array {
        let shape = shape.into();
        let mut index = vec![0; shape.rank()];
        let mut values = Vec::with_capacity(shape.len());
        for _ in 0..shape.len() {
            values.push(f(&index));
            for a in (0..index.len()).rev() {
                index[a] += 1;
                if index[a] < shape[a] {
                    break;
                }
                index[a] = 0;
            }
        }
        Array { shape, values }
    }

    /// The element at `index`.
    pub fn at(&self, index: &[usize]) -> f64 {
        let place = index.iter().zip(self.shape.iter()).fold(0, |at, (&i, &size)| at * size + i);
        self.values[place]
    }

    /// Rows of the last axis.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        let size = self.shape.last().copied().unwrap_or(1);
        self.values.chunks(size.max(1))
    }

    /// The numbers a tensor of `dtype` holds when given these.
    pub(crate) fn rounded(&self, dtype: DType) -> Array {
        Array { shape: self.shape, values: elements(&self.buffer(dtype), dtype, self.values.len()) }
    }

    /// A leaf of the graph that holds these.
    pub(crate) fn node(&self, dtype: DType) -> Node {
        data(Meta::new(self.shape, dtype), Arc::new(self.buffer(dtype)))
    }

    fn buffer(&self, dtype: DType) -> Buffer {
        fn all<T: Element>(values: &[f64]) -> Buffer {
            Buffer::from_slice(&values.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>())
        }
        match dtype {
            DType::F32 => all::<f32>(&self.values),
            DType::F64 => all::<f64>(&self.values),
            DType::F16 => all::<f16>(&self.values),
            DType::BF16 => all::<bf16>(&self.values),
            DType::I32 => all::<i32>(&self.values),
            DType::I64 => all::<i64>(&self.values),
            DType::U8 => all::<u8>(&self.values),
            DType::Bool => all::<bool>(&self.values),
        }
    }

    /// Computes nodes together.
    pub(crate) fn read(device: Device, nodes: &[Node]) -> Result<Vec<Array>, String> {
        let buffers = device.read(nodes).map_err(|e| e.to_string())?;
        let one = |(n, b): (&Node, &Arc<Buffer>)| Array {
            shape: n.shape(),
            values: elements(b, n.dtype(), n.shape().len()),
        };
        Ok(nodes.iter().zip(&buffers).map(one).collect())
    }
}

fn elements(buffer: &Buffer, dtype: DType, len: usize) -> Vec<f64> {
    fn all<T: Element>(buffer: &Buffer, len: usize) -> Vec<f64> {
        buffer.as_slice::<T>()[..len].iter().map(|x| x.to_f64()).collect()
    }
    match dtype {
        DType::F32 => all::<f32>(buffer, len),
        DType::F64 => all::<f64>(buffer, len),
        DType::F16 => all::<f16>(buffer, len),
        DType::BF16 => all::<bf16>(buffer, len),
        DType::I32 => all::<i32>(buffer, len),
        DType::I64 => all::<i64>(buffer, len),
        DType::U8 => all::<u8>(buffer, len),
        DType::Bool => all::<bool>(buffer, len),
    }
}
