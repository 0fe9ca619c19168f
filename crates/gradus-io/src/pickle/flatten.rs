//! From a pickle's values to named arrays: dictionaries, lists and modules become paths.

use super::calls::as_text;
use super::machine::Pickle;
use super::value::{Array, Id, Object, Tensor, Value};
use crate::numpy::parse_descriptor;
use crate::strided::{column_major, gather};
use crate::{Error, NamedArray, Result, byte_len};
use std::collections::{HashMap, HashSet};

/// Nested deeper than this, a file is not a state dict.
const MAX_DEPTH: usize = 64;
/// A longer path is not a parameter's.
const MAX_NAME_BYTES: usize = 1024;
/// Under which keys training scripts put the weights beside optimiser, epoch and options.
const STATE_KEYS: [&str; 9] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "params",
    "weights",
];

/// Makes an array of a tensor, which may use so many bytes; `None` for what is not kept.
pub(crate) trait Tensors {
    /// The array of `tensor`.
    fn array(&mut self, name: &str, tensor: &Tensor, limit: usize) -> Result<NamedArray>;
}

/// The arrays below the pickle's root, each under its path, at most `limit` bytes of them.
pub(crate) fn arrays(
    pickle: &Pickle<'_>,
    tensors: &mut dyn Tensors,
    limit: usize,
) -> Result<Vec<NamedArray>> {
    let mut walk = Walk {
        values: &pickle.values,
        tensors,
        limit,
        // Shared values are visited again; a pickle that nests them to grow is stopped.
        visits: 4 * pickle.values.len() + 64,
        arrays: vec![],
    };
    let root = walk.state_dict(pickle.root);
    walk.visit("", root, 0)?;
    if walk.arrays.is_empty() {
        return Err(Error::format(format!(
            "the pickle holds no arrays: it is {}",
            describe(&pickle.values, pickle.root)
        )));
    }
    Ok(walk.arrays)
}

struct Walk<'a, 'p> {
    values: &'p [Value<'a>],
    tensors: &'p mut dyn Tensors,
    limit: usize,
    visits: usize,
    arrays: Vec<NamedArray>,
}

impl Walk<'_, '_> {
    /// The part of a checkpoint that holds the weights, where it is under one of the usual keys.
    fn state_dict(&self, root: Id) -> Id {
        let mut at = root;
        // One key may lie under another; a pickle that contains itself ends at the limit.
        for _ in 0..MAX_DEPTH {
            let entries = self.entries_of(at);
            let under = |wanted: &str| {
                let found =
                    entries.iter().rev().find(|(key, _)| self.key(*key).as_deref() == Some(wanted));
                found.map(|&(_, value)| value).filter(|&value| self.holds_arrays(value))
            };
            match STATE_KEYS.iter().find_map(|key| under(key)) {
                Some(below) => at = below,
                None => break,
            }
        }
        at
    }

    /// Whether a container has arrays in it, at any depth: a key like `model` may hold a name or options instead.
    fn holds_arrays(&self, container: Id) -> bool {
        let mut seen = HashSet::new();
        let mut waiting = vec![container];
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &self.values[id.0] {
                Value::Dict(entries) => waiting.extend(entries.iter().map(|&(_, value)| value)),
                Value::List(items) | Value::Tuple(items) => waiting.extend(items),
                Value::Object(object) => {
                    waiting.extend(object.entries.iter().map(|&(_, value)| value));
                    waiting.extend(object.items.iter().chain(&object.state));
                }
                Value::Tensor(_) | Value::Array(_) if id != container => return true,
                _ => {}
            }
        }
        false
    }

    /// What a dict, or an object of a class derived from it, holds.
    fn entries_of(&self, id: Id) -> &[(Id, Id)] {
        match &self.values[id.0] {
            Value::Dict(entries) => entries,
            Value::Object(object) => &object.entries,
            _ => &[],
        }
    }

    fn visit(&mut self, path: &str, id: Id, depth: usize) -> Result<()> {
        self.visits = self
            .visits
            .checked_sub(1)
            .ok_or_else(|| Error::format("the pickle nests the same values again and again"))?;
        if depth > MAX_DEPTH || path.len() > MAX_NAME_BYTES {
            return Err(Error::format(format!(
                "the pickle nests its values deeper than {MAX_DEPTH}, or their path exceeds \
                 {MAX_NAME_BYTES} bytes"
            )));
        }
        let values = self.values;
        match &values[id.0] {
            Value::Dict(entries) => self.entries(path, entries, depth),
            Value::List(items) | Value::Tuple(items) => self.items(path, items, depth),
            Value::Object(object) => self.object(path, object, depth),
            Value::Tensor(tensor) => {
                let array = self.tensors.array(path, tensor, self.limit)?;
                self.keep(array)
            }
            Value::Array(Some(array)) => {
                let array = self.numpy(path, array)?;
                self.keep(array)
            }
            _ => Ok(()),
        }
    }

    fn items(&mut self, path: &str, items: &[Id], depth: usize) -> Result<()> {
        let mut numbered = items.iter().enumerate();
        numbered.try_for_each(|(i, &item)| self.visit(&join(path, &i.to_string()), item, depth + 1))
    }

    /// Of keys that come twice the last one counts, as in Python.
    fn entries(&mut self, path: &str, entries: &[(Id, Id)], depth: usize) -> Result<()> {
        let mut last = HashMap::new();
        let named: Vec<_> =
            entries.iter().filter_map(|&(key, value)| Some((self.key(key)?, value))).collect();
        for (i, (key, _)) in named.iter().enumerate() {
            last.insert(key.clone(), i);
        }
        for (i, (key, value)) in named.iter().enumerate() {
            if last[key] == i {
                self.visit(&join(path, key), *value, depth + 1)?;
            }
        }
        Ok(())
    }

    /// What is derived from a dict or a list is that, whatever its attributes. A module keeps its parameters, buffers and
    /// children in three dictionaries; anything else keeps what it has as it is.
    fn object(&mut self, path: &str, object: &Object, depth: usize) -> Result<()> {
        if !object.entries.is_empty() {
            return self.entries(path, &object.entries, depth);
        }
        if !object.items.is_empty() {
            return self.items(path, &object.items, depth);
        }
        let Some(state) = object.state else { return Ok(()) };
        let Value::Dict(entries) = &self.values[state.0] else { return Ok(()) };
        let parts = ["_parameters", "_buffers", "_modules"].map(|part| {
            let found = entries.iter().find(|(key, _)| self.key(*key).as_deref() == Some(part));
            found.map(|&(_, value)| value)
        });
        if parts.iter().all(Option::is_none) {
            return self.entries(path, entries, depth);
        }
        for part in parts.into_iter().flatten() {
            if let Value::Dict(entries) = &self.values[part.0] {
                self.entries(path, entries, depth + 1)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, array: NamedArray) -> Result<()> {
        self.limit = self.limit.checked_sub(array.data.len()).ok_or_else(too_much)?;
        self.arrays.push(array);
        Ok(())
    }

    fn key(&self, id: Id) -> Option<String> {
        match &self.values[id.0] {
            Value::Int(n) => Some(n.to_string()),
            other => as_text(other).map(|text| text.into_owned()),
        }
    }

    fn numpy(&self, name: &str, array: &Array) -> Result<NamedArray> {
        let bad = |what: String| Error::format(format!("array `{name}`: {what}"));
        let Value::Dtype(letters) = &self.values[array.dtype.0] else {
            return Err(bad("its element type is no numpy.dtype".into()));
        };
        let data = match &self.values[array.data.0] {
            Value::Bytes(bytes) => bytes,
            other => return Err(bad(format!("its data are {}, expected bytes", other.kind()))),
        };
        let (dtype, big_endian) = parse_descriptor(letters).map_err(bad)?;
        let shape = &array.shape;
        if byte_len(dtype, shape) != Some(data.len()) {
            let len = data.len();
            return Err(bad(format!("{dtype} {shape:?} does not fit {len} bytes of data")));
        }
        if data.len() > self.limit {
            return Err(too_much());
        }
        let mut data = data.to_vec();
        if big_endian {
            data.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
        }
        if array.column_major && !data.is_empty() {
            data = column_major(shape)
                .and_then(|strides| gather(&data, dtype.size(), 0, shape, &strides))
                .ok_or_else(|| bad("its shape does not fit its data".into()))?;
        }
        NamedArray::new(name, dtype, shape.clone(), data)
    }
}

/// A file may share storages between tensors, but not to fill the memory with them.
pub(crate) fn too_much() -> Error {
    Error::format("the tensors together are far larger than the file that describes them")
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `a dict of the keys "epoch", "lr"`
fn describe(values: &[Value<'_>], id: Id) -> String {
    match &values[id.0] {
        Value::Dict(entries) => {
            let keys = entries.iter().filter_map(|(key, _)| as_text(&values[key.0]));
            let keys: Vec<String> = keys.take(8).map(|key| format!("{key:?}")).collect();
            format!("a dict of the keys {}", keys.join(", "))
        }
        Value::Object(object) => match &values[object.class.0] {
            Value::Global(name) => format!("an object of the class {name}"),
            _ => "an object".to_owned(),
        },
        other => other.kind().to_owned(),
    }
}
