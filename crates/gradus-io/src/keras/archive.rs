//! The archive `.keras`: `config.json` and `model.weights.h5`, beside a `metadata.json` that matters to Keras alone.

use super::{Model, of_tree};
use crate::zip::Archive;
use crate::{Error, Result, hdf5};

/// A model of a hundred files of assets is an odd one.
const MOST_MEMBERS: usize = 1 << 16;
/// No description is longer.
const LONGEST_DESCRIPTION: usize = 64 << 20;
const WEIGHTS: &str = "model.weights.h5";
const DESCRIPTION: &str = "config.json";

/// Whether an archive is one of Keras's.
///
/// # Errors
/// When it is no archive.
pub(crate) fn is_keras(bytes: &[u8]) -> Result<bool> {
    let archive = Archive::parse(bytes, usize::MAX)?;
    let has = |name: &str| archive.members().iter().any(|member| member.name == name);
    Ok(has(DESCRIPTION) && (has("metadata.json") || has(WEIGHTS)))
}

pub(super) fn parse(bytes: &[u8], limit: usize) -> Result<Model> {
    let archive = Archive::parse(bytes, MOST_MEMBERS)?;
    let find = |name: &str| {
        let found = archive.members().iter().find(|member| member.name == name);
        found.ok_or_else(|| {
            Error::format(format!("a zip archive, but not Keras's: it has no member {name}"))
        })
    };
    let (description, weights) = (find(DESCRIPTION)?, find(WEIGHTS)?);
    let description = archive.unpack(description, limit.min(LONGEST_DESCRIPTION))?;
    let description = std::str::from_utf8(&description)
        .map_err(|_| Error::format(format!("the member `{DESCRIPTION}` is not UTF-8")))?;
    let weights = archive.unpack(weights, limit)?;
    // What data sets unpack to is justified by the archive, not by what the archive unpacks to.
    let in_member = |e: Error| Error { what: format!("the member `{WEIGHTS}`: {}", e.what), ..e };
    let tree = hdf5::parse_tree(&weights, limit).map_err(in_member)?;
    of_tree(tree, Some(description))
}
