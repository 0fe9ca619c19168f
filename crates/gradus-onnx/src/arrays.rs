//! Arrays of files as tensors, and back.

use crate::Result;
use gradus_io::{ElementType, NamedArray};
use gradus_tensor::{Buffer, DType, Element, Shape, Tensor, bf16, f16};

/// The element type of a tensor that holds what `dtype` holds.
pub(crate) fn dtype_of(dtype: ElementType) -> DType {
    match dtype {
        ElementType::F32 => DType::F32,
        ElementType::F64 => DType::F64,
        ElementType::F16 => DType::F16,
        ElementType::BF16 => DType::BF16,
        ElementType::I32 => DType::I32,
        ElementType::I64 => DType::I64,
        ElementType::U8 => DType::U8,
        ElementType::Bool => DType::Bool,
    }
}

/// An array's elements as a tensor.
///
/// ```
/// use gradus_io::NamedArray;
/// let array = NamedArray::from_f32("x", [2], &[1.0, 2.0]).unwrap();
/// assert_eq!(gradus_onnx::tensor_of(&array).unwrap().to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Errors
/// When its shape has more axes than tensors have.
pub fn tensor_of(array: &NamedArray) -> Result<Tensor> {
    let shape = Shape::try_new(&array.shape)?;
    Ok(Tensor::from_buffer(Buffer::from_slice(&array.data), shape, dtype_of(array.dtype)))
}

/// A tensor's elements as an array.
///
/// # Errors
/// When computing them meets a bad value.
pub fn array_of(name: &str, tensor: &Tensor) -> Result<NamedArray> {
    fn bytes<T: Element, const N: usize>(t: &Tensor, f: fn(T) -> [u8; N]) -> Result<Vec<u8>> {
        Ok(t.try_to_vec::<T>()?.into_iter().flat_map(f).collect())
    }
    let (dtype, data) = match tensor.dtype() {
        DType::F32 => (ElementType::F32, bytes(tensor, f32::to_le_bytes)?),
        DType::F64 => (ElementType::F64, bytes(tensor, f64::to_le_bytes)?),
        DType::F16 => (ElementType::F16, bytes(tensor, f16::to_le_bytes)?),
        DType::BF16 => (ElementType::BF16, bytes(tensor, bf16::to_le_bytes)?),
        DType::I32 => (ElementType::I32, bytes(tensor, i32::to_le_bytes)?),
        DType::I64 => (ElementType::I64, bytes(tensor, i64::to_le_bytes)?),
        DType::U8 => (ElementType::U8, bytes(tensor, u8::to_le_bytes)?),
        DType::Bool => (ElementType::Bool, bytes(tensor, |b: bool| [u8::from(b)])?),
    };
    Ok(NamedArray::new(name, dtype, tensor.shape().to_vec(), data)?)
}

/// The element type of a number in files.
pub(crate) fn dtype_numbered(number: i64) -> Result<DType> {
    Ok(match number {
        1 => DType::F32,
        2 => DType::U8,
        6 => DType::I32,
        7 => DType::I64,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        16 => DType::BF16,
        other => {
            let name = gradus_io::onnx::element_name(other);
            return Err(crate::Error::new(format!("element type {name} ({other}) is not there")));
        }
    })
}
