//! safetensors: an eight-byte length, a JSON header, then the arrays' bytes without gaps.
//! Format: <https://github.com/huggingface/safetensors#format>.
//!
//! The parser is own because it must be stricter than the usual one: a duplicate name, a hole, an
//! overlap or an unknown field is an error that names the array, never a silent choice.

mod header;
mod read;
mod write;

pub use header::{Entry, Header, MAX_HEADER_BYTES};
pub use read::{Reader, parse, read};
pub(crate) use write::{check, write_checked};
pub use write::{save, write};

use crate::{DType, NamedArray};
use std::collections::BTreeMap;

/// The text entries of a header, `__metadata__` in the file.
pub type Metadata = BTreeMap<String, String>;

/// A whole file in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The text entries.
    pub metadata: Metadata,
    /// The arrays, in the order of their bytes.
    pub arrays: Vec<NamedArray>,
}

/// Each element type with its name in the header.
const DTYPES: [(DType, &str); 8] = [
    (DType::F32, "F32"),
    (DType::F64, "F64"),
    (DType::F16, "F16"),
    (DType::BF16, "BF16"),
    (DType::I32, "I32"),
    (DType::I64, "I64"),
    (DType::U8, "U8"),
    (DType::Bool, "BOOL"),
];
