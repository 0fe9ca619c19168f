//! safetensors: an eight-byte length, a JSON header, then the arrays' bytes without gaps.
//! Format: <https://github.com/huggingface/safetensors#format>.
//!
//! Reader and writer are own because the usual crate (safetensors 0.8) is looser: of a name that comes twice it takes the last,
//! unknown fields it passes over. Here both are errors that name the array, as are holes and overlaps with their places. It also
//! writes the text entries in an order that changes from call to call; here equal contents are equal bytes.

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
