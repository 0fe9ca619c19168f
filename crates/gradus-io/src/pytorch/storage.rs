//! Storages: the buffers that tensors are views of.

use crate::pickle::{Id, Tensor, Value, as_text, too_much, torch_dtype};
use crate::strided::gather;
use crate::{DType, Error, NamedArray, Result, byte_len};

/// How a storage's elements lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// As an array will have them.
    As(DType),
    /// 8-bit signed integers, which become i32.
    I8,
    /// 16-bit signed integers, which become i32.
    I16,
    /// Bytes of any type: each tensor says which.
    Untyped,
}

impl Stored {
    /// Bytes an element takes in the file.
    pub(super) fn size(self) -> usize {
        match self {
            Stored::As(dtype) => dtype.size(),
            Stored::I8 | Stored::Untyped => 1,
            Stored::I16 => 2,
        }
    }
}

/// What a persistent id says about a storage.
#[derive(Clone, Debug)]
pub(super) struct StorageId {
    pub(super) key: String,
    pub(super) stored: Stored,
    /// The number of elements.
    pub(super) len: usize,
    /// Where a storage is a piece of another one: its first element there. Only old files have it.
    pub(super) view_start: usize,
}

impl StorageId {
    /// Reads `('storage', type, key, device, len[, view])`.
    pub(super) fn of(values: &[Value<'_>], storage: Id) -> Result<StorageId> {
        let bad = || Error::format("a tensor's storage is not described as PyTorch does");
        let Value::Persistent(id) = values[storage.index()] else { return Err(bad()) };
        let Value::Tuple(fields) = &values[id.index()] else { return Err(bad()) };
        let [tag, class, key, _, len, view @ ..] = &fields[..] else { return Err(bad()) };
        let text = |id: &Id| as_text(&values[id.index()]).map(|text| text.into_owned());
        let size = |id: &Id| match values[id.index()] {
            Value::Int(n) => usize::try_from(n).map_err(|_| bad()),
            _ => Err(bad()),
        };
        if text(tag).as_deref() != Some("storage") {
            return Err(bad());
        }
        let Value::Global(class) = &values[class.index()] else { return Err(bad()) };
        let view_start = match view.first().map(|view| &values[view.index()]) {
            None | Some(Value::None) => 0,
            Some(Value::Tuple(view)) if view.len() == 3 => size(&view[1])?,
            _ => return Err(bad()),
        };
        let key = text(key).ok_or_else(bad)?;
        Ok(StorageId { key, stored: stored(class)?, len: size(len)?, view_start })
    }
}

fn stored(class: &str) -> Result<Stored> {
    let kind = class.rsplit('.').next().unwrap_or(class);
    Ok(Stored::As(match kind {
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "IntStorage" => DType::I32,
        "LongStorage" => DType::I64,
        "ByteStorage" => DType::U8,
        "BoolStorage" => DType::Bool,
        "CharStorage" => return Ok(Stored::I8),
        "ShortStorage" => return Ok(Stored::I16),
        "UntypedStorage" => return Ok(Stored::Untyped),
        _ => match torch_dtype(class) {
            Some(dtype) => dtype,
            None => {
                return Err(Error::format(format!(
                    "a storage of type {class}: f32, f64, f16, bf16, integers and bool are read"
                )));
            }
        },
    }))
}

/// The array of a tensor, from its storage's bytes.
pub(super) fn array(
    name: &str,
    tensor: &Tensor,
    id: &StorageId,
    data: &[u8],
    limit: usize,
) -> Result<NamedArray> {
    let bad = |what: String| Error::format(format!("tensor `{name}`: {what}"));
    let (size, dtype) = match (id.stored, tensor.dtype) {
        (Stored::As(dtype), None) => (dtype.size(), dtype),
        (Stored::Untyped, Some(dtype)) => (dtype.size(), dtype),
        (Stored::I8 | Stored::I16, None) => (id.stored.size(), DType::I32),
        _ => return Err(bad("its type is not that of its storage".into())),
    };
    let shape = &tensor.shape;
    let len =
        byte_len(dtype, shape).ok_or_else(|| bad(format!("the shape {shape:?} is too large")))?;
    if len > limit {
        return Err(too_much());
    }
    let offset = tensor.offset.saturating_add(id.view_start);
    let picked = gather(data, size, offset, shape, &tensor.strides).ok_or_else(|| {
        bad(format!(
            "the view of shape {shape:?}, strides {:?} and offset {offset} reaches beyond its \
             storage of {} elements",
            tensor.strides,
            data.len() / size
        ))
    })?;
    let picked = match id.stored {
        Stored::I8 => picked.iter().flat_map(|&b| i32::from(b as i8).to_le_bytes()).collect(),
        Stored::I16 => {
            let (pairs, _) = picked.as_chunks::<2>();
            pairs
                .iter()
                .flat_map(|&pair| i32::from(i16::from_le_bytes(pair)).to_le_bytes())
                .collect()
        }
        _ => picked,
    };
    NamedArray::new(name, dtype, shape.clone(), picked)
}
