//! Arrays of files as tensors, and back.

use crate::Result;
use gradus_graph::read;
use gradus_io::NamedArray;
use gradus_io::onnx::element_number;
use gradus_tensor::{Buffer, DType, Element, Meta, Shape, Tensor};

/// The number of an element type in files.
pub(crate) fn number_of(dtype: DType) -> i64 {
    element_number(dtype)
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
    Ok(Tensor::from_buffer(Buffer::from_slice(&array.data), shape, array.dtype))
}

/// A tensor of elements by their places, made where they stay: no list of them lies beside it.
///
/// # Errors
/// When the system refuses the memory, or the shape has more axes than tensors have.
pub(crate) fn listed<T: Element>(shape: &[usize], value: impl Fn(usize) -> T) -> Result<Tensor> {
    let shape = Shape::try_new(shape)?;
    let bytes = shape.len() * T::DTYPE.size();
    let Some(mut buffer) = Buffer::try_zeroed(bytes) else {
        let gigabytes = bytes as f64 / 1e9;
        let what =
            format!("{} {shape} would take {gigabytes:.1} GB, which the system refuses", T::DTYPE);
        return Err(crate::Error::new(what));
    };
    let elements = buffer.as_mut_slice::<T>().iter_mut().enumerate();
    elements.for_each(|(i, element)| *element = value(i));
    Ok(Tensor::from_buffer(buffer, shape, T::DTYPE))
}

/// That there is no room for elements.
fn refused(dtype: DType, shape: Shape) -> crate::Error {
    let gigabytes = (shape.len() * dtype.size()) as f64 / 1e9;
    let what = format!("{dtype} {shape} would take {gigabytes:.1} GB, which the system refuses");
    crate::Error::new(what)
}

/// A tensor's elements as an array.
///
/// # Errors
/// When computing them meets a bad value.
pub fn array_of(name: &str, tensor: &Tensor) -> Result<NamedArray> {
    let buffer = read(std::slice::from_ref(tensor.node()), &[])?.remove(0);
    array_in(name, tensor.node().meta(), &buffer)
}

/// Computed elements as an array.
pub(crate) fn array_in(name: impl Into<String>, meta: Meta, buffer: &Buffer) -> Result<NamedArray> {
    let bytes = meta.shape.len() * meta.dtype.size();
    let mut data = vec![];
    if data.try_reserve_exact(bytes).is_err() {
        return Err(refused(meta.dtype, meta.shape));
    }
    data.extend_from_slice(&buffer.as_bytes()[..bytes]);
    Ok(NamedArray::new(name, meta.dtype, meta.shape.to_vec(), data)?)
}

/// The type that holds the elements of a number in files: narrow and unsigned integers that Gradus has no type for are held in wider
/// ones, as [`parse_tensor`](gradus_io::onnx::parse_tensor) reads them.
pub(crate) fn held_in(number: i64) -> Option<DType> {
    match number {
        3..=5 | 21 | 22 | 25 | 26 => Some(DType::I32),
        12 | 13 => Some(DType::I64),
        17..=20 | 23 | 24 => Some(DType::F32),
        number => dtype_numbered(number).ok(),
    }
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
