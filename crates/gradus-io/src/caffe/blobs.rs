//! `.caffemodel`: a network's weights in protobuf's binary form, in its old (`layers`) and new (`layer`) spelling.

use crate::wire::{Field, Message, fields};
use crate::{DType, Error, NamedArray, Result, atomic_write, byte_len};
use std::path::Path;

/// The number of an inner product among the old layer types.
const OLD_INNER_PRODUCT: i64 = 14;

/// Reads a file: see [`parse_caffemodel`].
///
/// # Errors
/// When the file cannot be read or breaks the format.
pub fn read_caffemodel(path: &Path) -> Result<Vec<NamedArray>> {
    let bytes = crate::read_file(path)?;
    parse_caffemodel(&bytes).map_err(|error| error.in_file(path))
}

/// The blobs of a file in memory, named after their layer and number: `conv1.0`, `conv1.1`.
///
/// Old files give every blob four axes; those that an inner product or a bias does not have are dropped.
pub fn parse_caffemodel(bytes: &[u8]) -> Result<Vec<NamedArray>> {
    let mut arrays = vec![];
    let mut layers = 0;
    fields(bytes, |number, field| {
        match number {
            2 => layer(field.bytes()?, &OLD, &mut arrays)?,
            100 => layer(field.bytes()?, &NEW, &mut arrays)?,
            _ => return Ok(()),
        }
        layers += 1;
        Ok(())
    })
    .map_err(in_model)?;
    match layers {
        0 => Err(Error::format("not a Caffe model: no layer is in it")),
        _ => Ok(arrays),
    }
}

/// The bytes of a model: each layer's name, type and blobs. The same layers give the same bytes.
///
/// ```
/// use gradus_io::NamedArray;
/// use gradus_io::caffe::{parse_caffemodel, write_caffemodel};
/// let bias = NamedArray::from_f32("conv1.0", [2], &[1.0, 2.0]).unwrap();
/// let bytes = write_caffemodel("net", &[("conv1", "Convolution", vec![bias.clone()])]).unwrap();
/// assert_eq!(parse_caffemodel(&bytes).unwrap(), [bias]);
/// ```
///
/// # Errors
/// When an array is not f32.
pub fn write_caffemodel(name: &str, layers: &[(&str, &str, Vec<NamedArray>)]) -> Result<Vec<u8>> {
    let blobs = layers.iter().flat_map(|(_, _, blobs)| blobs);
    for array in blobs {
        array.check()?;
        if array.dtype != DType::F32 {
            let (name, dtype) = (&array.name, array.dtype);
            return Err(Error::value(format!("array `{name}`: Caffe holds f32, not {dtype}")));
        }
    }
    Ok(Message::build(|net| {
        net.text(1, name);
        for (name, kind, blobs) in layers {
            net.message(100, |layer| {
                layer.text(1, name);
                layer.text(2, kind);
                for blob in blobs {
                    layer.message(7, |message| {
                        message.bytes(5, &blob.data);
                        message.message(7, |shape| {
                            let sizes = blob.shape.iter().map(|&size| size as u64);
                            shape.bytes(1, &Message::varints(sizes));
                        });
                    });
                }
            });
        }
    }))
}

/// [`write_caffemodel`] to a file, whole or not at all.
pub fn save_caffemodel(
    path: &Path,
    name: &str,
    layers: &[(&str, &str, Vec<NamedArray>)],
) -> Result<()> {
    let bytes = write_caffemodel(name, layers).map_err(|error| error.in_file(path))?;
    atomic_write(path, |w| w.write_all(&bytes))
}

/// The numbers of a layer's fields.
struct Numbers {
    name: u64,
    kind: u64,
    blobs: u64,
}

const OLD: Numbers = Numbers { name: 4, kind: 5, blobs: 6 };
const NEW: Numbers = Numbers { name: 1, kind: 2, blobs: 7 };

fn layer(bytes: &[u8], numbers: &Numbers, arrays: &mut Vec<NamedArray>) -> Result<()> {
    let (mut name, mut inner_product, mut blobs) = (String::new(), false, vec![]);
    fields(bytes, |number, field| {
        if number == numbers.name {
            name = field.text()?;
        } else if number == numbers.kind {
            inner_product = match field {
                Field::Varint(kind) => kind as i64 == OLD_INNER_PRODUCT,
                other => other.bytes()? == b"InnerProduct",
            };
        } else if number == numbers.blobs {
            blobs.push(field.bytes()?);
        }
        Ok(())
    })?;
    for (i, bytes) in blobs.into_iter().enumerate() {
        let rank = match (inner_product, i) {
            (true, 0) => 2,
            (false, 0) => 4,
            _ => 1,
        };
        arrays.push(blob(&format!("{name}.{i}"), bytes, rank)?);
    }
    Ok(())
}

/// A blob; one of an old file keeps its last `old_rank` axes, if the others are 1.
fn blob(name: &str, bytes: &[u8], old_rank: usize) -> Result<NamedArray> {
    let mut old = [None; 4];
    let (mut shape, mut data, mut wide) = (None, Vec::new(), Vec::new());
    fields(bytes, |number, field| {
        match number {
            1..=4 => old[number as usize - 1] = Some(size(field.int()?)?),
            5 => field.floats(&mut data)?,
            7 => shape = Some(sizes(field.bytes()?)?),
            8 => field.doubles(&mut wide)?,
            _ => {}
        }
        Ok(())
    })?;
    let shape: Vec<usize> = shape.unwrap_or_else(|| {
        let shape: Vec<usize> = old.iter().flatten().copied().collect();
        let extra = shape.len().saturating_sub(old_rank);
        match shape[..extra].iter().all(|&size| size == 1) {
            true => shape[extra..].to_vec(),
            false => shape,
        }
    });
    // Double precision is rare, and the weights of a network do not need it.
    data.extend(wide.iter().map(|&x| x as f32));
    if byte_len(DType::F32, &shape) != Some(4 * data.len()) {
        let what = format!("the blob `{name}` of shape {shape:?} has {} numbers", data.len());
        return Err(Error::format(what));
    }
    NamedArray::from_f32(name, shape, &data)
}

/// The sizes of a `BlobShape`.
fn sizes(bytes: &[u8]) -> Result<Vec<usize>> {
    let mut found = vec![];
    fields(bytes, |number, field| {
        if number == 1 {
            field.ints(&mut found)?;
        }
        Ok(())
    })?;
    if found.len() > 32 {
        return Err(Error::format(format!("a blob of {} axes", found.len())));
    }
    found.into_iter().map(size).collect()
}

fn size(value: i64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::format(format!("a blob's axis of size {value}")))
}

fn in_model(error: Error) -> Error {
    Error { what: format!("not a Caffe model, or a broken one: {}", error.what), ..error }
}
