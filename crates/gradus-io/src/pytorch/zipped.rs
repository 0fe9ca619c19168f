//! The zip archive: `NAME/data.pkl` and the storages `NAME/data/KEY`.

use super::storage::{StorageId, array};
use crate::pickle::{Tensor, Tensors, Value, arrays, parse_values};
use crate::zip::{Archive, Member};
use crate::{Error, NamedArray, Result};
use std::borrow::Cow;
use std::collections::HashMap;

const MAX_MEMBERS: usize = 1 << 20;

pub(super) fn parse(bytes: &[u8], limit: usize) -> Result<Vec<NamedArray>> {
    let archive = Archive::parse(bytes, MAX_MEMBERS)?;
    let members = archive.members();
    let pickle = members.iter().find(|member| {
        member.name == "data.pkl"
            || member.name.split_once('/').is_some_and(|(_, n)| n == "data.pkl")
    });
    let pickle = pickle.ok_or_else(|| {
        Error::format("a zip archive, but not PyTorch's: it has no member data.pkl")
    })?;
    let root = pickle.name.strip_suffix("data.pkl").expect("it was looked for");
    let find = |name: &str| members.iter().find(|member| member.name == format!("{root}{name}"));
    // PyTorch stores its members; one that is packed must not unpack to more than the limit.
    if let Some(order) = find("byteorder")
        && &*archive.unpack(order, 16)? != b"little"
    {
        return Err(Error::format("the file is big endian; save it on a little-endian machine"));
    }
    let data = archive.unpack(pickle, limit)?;
    let pickle = parse_values(&data)?;
    let by_key: HashMap<&str, &Member> = members
        .iter()
        .filter_map(|m| Some((m.name.strip_prefix(root)?.strip_prefix("data/")?, m)))
        .collect();
    let mut storages = Storages {
        archive: &archive,
        values: &pickle.values,
        by_key,
        unpacked: HashMap::new(),
        left: limit,
    };
    arrays(&pickle, &mut storages, limit)
}

struct Storages<'a, 'p> {
    archive: &'p Archive<'a>,
    values: &'p [Value<'p>],
    by_key: HashMap<&'p str, &'p Member>,
    /// Those used so far; what lies unpacked in the file is only borrowed.
    unpacked: HashMap<String, Cow<'a, [u8]>>,
    /// What packed members may still unpack to.
    left: usize,
}

impl Tensors for Storages<'_, '_> {
    fn array(&mut self, name: &str, tensor: &Tensor, limit: usize) -> Result<NamedArray> {
        let id = StorageId::of(self.values, tensor.storage)?;
        if !self.unpacked.contains_key(&id.key) {
            let member = self.by_key.get(id.key.as_str()).ok_or_else(|| {
                Error::format(format!(
                    "tensor `{name}`: the archive lacks its storage data/{}",
                    id.key
                ))
            })?;
            let data = self.archive.unpack(member, self.left)?;
            if let Cow::Owned(data) = &data {
                self.left -= data.len();
            }
            if id.len.checked_mul(id.stored.size()) != Some(data.len()) {
                return Err(Error::format(format!(
                    "tensor `{name}`: its storage data/{} has {} bytes, {} elements of {} were \
                     announced",
                    id.key,
                    data.len(),
                    id.len,
                    id.stored.size()
                )));
            }
            self.unpacked.insert(id.key.clone(), data);
        }
        array(name, tensor, &id, &self.unpacked[&id.key], limit)
    }
}
