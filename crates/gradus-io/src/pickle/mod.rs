//! Python's pickles, read without running them: only containers, numbers, texts, NumPy arrays and
//! PyTorch tensors are built, and a pickle that asks for anything else is refused by name.
//!
//! A pickle is a program for a stack machine that may call any function of any module. The machine
//! here knows no functions; the dozen calls that arrays need are values with a meaning.

mod calls;
mod flatten;
mod machine;
mod value;

pub(crate) use calls::{as_text, torch_dtype};
pub(crate) use flatten::{Tensors, arrays, too_much};
pub(crate) use machine::{Pickle, parse as parse_values};
pub(crate) use value::{Id, Tensor, Value};

use crate::{Error, NamedArray, Result};
use std::path::Path;

/// Reads a file of NumPy arrays in dicts, lists and tuples.
///
/// # Errors
/// When the file cannot be read, breaks the format, or its pickle wants to call something.
pub fn read(path: &Path) -> Result<Vec<NamedArray>> {
    let bytes = crate::read_file(path)?;
    parse(&bytes).map_err(|error| error.in_file(path))
}

/// Parses a pickle in memory. An array's name is its path: the dict `{"conv1": [w, b]}` gives
/// `conv1.0` and `conv1.1`. What is no array is left out.
///
/// ```
/// // pickle.dumps({"x": os.system}) is inert; calling it is refused.
/// let error = gradus_io::pickle::parse(b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.").unwrap_err();
/// assert!(error.to_string().starts_with("the pickle calls posix.system"));
/// ```
pub fn parse(bytes: &[u8]) -> Result<Vec<NamedArray>> {
    let pickle = parse_values(bytes)?;
    // An array's data lie in the pickle; sharing them may double that.
    arrays(&pickle, &mut NoTensors, bytes.len().saturating_mul(2))
}

struct NoTensors;

impl Tensors for NoTensors {
    fn array(&mut self, name: &str, _: &Tensor, _: usize) -> Result<NamedArray> {
        Err(Error::format(format!(
            "array `{name}`: a PyTorch tensor without its storage; torch.save writes both"
        )))
    }
}
