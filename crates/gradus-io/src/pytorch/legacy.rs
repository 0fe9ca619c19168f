//! The format of before PyTorch 1.6: pickles of a magic number, a version, facts about the machine,
//! the object and the storages' keys; then each storage, its number of elements before its bytes.

use super::storage::{StorageId, array};
use crate::pickle::{Pickle, Tensor, Tensors, Value, arrays, as_text, parse_values};
use crate::{Error, NamedArray, Result};
use std::collections::HashMap;

/// 0x1950a86a20f9469cfc6c as its pickle holds it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Whether `bytes` start like such a file: protocol, from protocol 4 on the length of a frame, `LONG1` of ten bytes, the
/// magic number.
pub(crate) fn is_legacy(bytes: &[u8]) -> bool {
    let Some((&[0x80, _], rest)) = bytes.split_first_chunk() else { return false };
    let rest = if rest.first() == Some(&0x95) { rest.get(9..).unwrap_or_default() } else { rest };
    rest.strip_prefix(&[0x8a, 10]).is_some_and(|rest| rest.starts_with(&MAGIC))
}

pub(super) fn parse(bytes: &[u8], limit: usize) -> Result<Vec<NamedArray>> {
    let mut rest = bytes;
    let mut next = || -> Result<Pickle<'_>> {
        let pickle = parse_values(rest)?;
        rest = &rest[pickle.len..];
        Ok(pickle)
    };
    next()?; // the magic number, which is_legacy has seen
    let version = next()?;
    if !matches!(version.values[version.root.index()], Value::Int(1001)) {
        return Err(Error::format("a PyTorch file of an unknown version, expected 1001"));
    }
    let machine = next()?;
    check_byte_order(&machine)?;
    let pickle = next()?;
    let keys = next()?;
    let storages = Storages { values: &pickle.values, data: split(&pickle, &keys, rest)? };
    arrays(&pickle, &mut { storages }, limit)
}

fn check_byte_order(machine: &Pickle<'_>) -> Result<()> {
    let values = &machine.values;
    let Value::Dict(entries) = &values[machine.root.index()] else {
        return Err(Error::format("the facts about the machine are missing"));
    };
    let little = entries
        .iter()
        .find(|(key, _)| as_text(&values[key.index()]).as_deref() == Some("little_endian"));
    match little.map(|(_, value)| &values[value.index()]) {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err(Error::format("the file is big endian; save it on a little-endian machine")),
    }
}

/// The bytes of each storage, in the order of the keys.
fn split<'a>(
    pickle: &Pickle<'_>,
    keys: &Pickle<'_>,
    mut rest: &'a [u8],
) -> Result<HashMap<String, &'a [u8]>> {
    let truncated = |key: &str, len: usize| {
        Error::format(format!("truncated: the storage {key} needs {len} bytes"))
    };
    let mut sizes = HashMap::new();
    for value in &pickle.values {
        if let Value::Tensor(tensor) = value {
            let id = StorageId::of(&pickle.values, tensor.storage)?;
            sizes.insert(id.key, id.stored.size());
        }
    }
    let Value::List(list) = &keys.values[keys.root.index()] else {
        return Err(Error::format("the list of storages is missing"));
    };
    let mut data = HashMap::new();
    for key in list {
        let key = as_text(&keys.values[key.index()])
            .ok_or_else(|| Error::format("the key of a storage is no text"))?;
        let (len, behind) = rest.split_first_chunk::<8>().ok_or_else(|| truncated(&key, 8))?;
        // A storage without a tensor has no known type, so what follows it cannot be found.
        let Some(&size) = sizes.get(&*key) else {
            return Err(Error::format(format!("no tensor uses the storage {key}")));
        };
        let len = usize::try_from(u64::from_le_bytes(*len)).ok();
        let len = len.and_then(|len| len.checked_mul(size)).unwrap_or(usize::MAX);
        let (storage, behind) = behind.split_at_checked(len).ok_or_else(|| truncated(&key, len))?;
        data.insert(key.into_owned(), storage);
        rest = behind;
    }
    Ok(data)
}

struct Storages<'a, 'p> {
    values: &'p [Value<'p>],
    data: HashMap<String, &'a [u8]>,
}

impl Tensors for Storages<'_, '_> {
    fn array(&mut self, name: &str, tensor: &Tensor, limit: usize) -> Result<NamedArray> {
        let id = StorageId::of(self.values, tensor.storage)?;
        let data = self.data.get(&id.key).ok_or_else(|| {
            Error::format(format!("tensor `{name}`: the file lacks its storage {}", id.key))
        })?;
        array(name, tensor, &id, data, limit)
    }
}
