//! Writing safetensors: the header first, then each array's bytes as they are.

use super::{DTYPES, Metadata};
use crate::{DType, Disk, Error, NamedArray, Result, atomic_write_on};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

/// Writes a file whole or not at all.
pub fn save(path: &Path, metadata: &Metadata, arrays: &[NamedArray]) -> Result<()> {
    check(arrays).map_err(|error| error.in_file(path))?;
    atomic_write_on(&Disk, path, |w| write_checked(w, metadata, arrays))
}

/// Writes a file's bytes to `w`, after checking that every array fits its shape.
///
/// Wider elements come first, so that every array is aligned for readers that map the file; among
/// arrays of one width the caller's order stays.
pub fn write(w: &mut dyn Write, metadata: &Metadata, arrays: &[NamedArray]) -> Result<()> {
    check(arrays)?;
    write_checked(w, metadata, arrays).map_err(|error| Error::io("cannot write", &error))
}

/// Refuses arrays that do not fit their shape and names the format cannot hold.
pub(crate) fn check(arrays: &[NamedArray]) -> Result<()> {
    let mut names = HashSet::new();
    for array in arrays {
        array.check()?;
        if array.name == "__metadata__" {
            return Err(Error::value("safetensors keeps the name `__metadata__` to itself"));
        }
        if !names.insert(&array.name) {
            return Err(Error::value(format!("two arrays are called `{}`", array.name)));
        }
    }
    Ok(())
}

pub(crate) fn write_checked(
    w: &mut dyn Write,
    metadata: &Metadata,
    arrays: &[NamedArray],
) -> io::Result<()> {
    let mut order: Vec<&NamedArray> = arrays.iter().collect();
    order.sort_by_key(|array| std::cmp::Reverse(array.dtype.size()));
    let header = header(metadata, &order);
    w.write_all(&(header.len() as u64).to_le_bytes())?;
    w.write_all(header.as_bytes())?;
    order.iter().try_for_each(|array| w.write_all(&array.data))
}

fn header(metadata: &Metadata, order: &[&NamedArray]) -> String {
    let mut fields = Vec::with_capacity(order.len() + 1);
    if !metadata.is_empty() {
        fields.push(format!("\"__metadata__\":{}", json!(metadata)));
    }
    let mut start = 0;
    for array in order {
        let end = start + array.data.len();
        let entry = json!({
            "dtype": dtype_text(array.dtype), "shape": array.shape, "data_offsets": [start, end],
        });
        fields.push(format!("{}:{entry}", Value::from(array.name.as_str())));
        start = end;
    }
    let mut header = format!("{{{}}}", fields.join(","));
    // Spaces up to a multiple of eight keep the data aligned.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    header
}

fn dtype_text(dtype: DType) -> &'static str {
    let (_, text) = DTYPES.iter().find(|(known, _)| *known == dtype).expect("every type is listed");
    text
}
