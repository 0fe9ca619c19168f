//! The one error of this crate: which node, what was found, what was expected.

use gradus_io::printable;
use std::fmt;
use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a model cannot be read or run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The model's file, where it came from one.
    pub file: Option<PathBuf>,
    /// The node, as `Conv "conv1"`, where one is to blame.
    pub node: Option<String>,
    /// What was found and what was expected.
    pub what: String,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Error {
        Error { file: None, node: None, what: what.into() }
    }

    pub(crate) fn in_node(mut self, node: &gradus_io::onnx::Node) -> Error {
        self.node.get_or_insert_with(|| name_of(node));
        self
    }
}

/// A node as messages name it: by its name, or by what it gives.
pub(crate) fn name_of(node: &gradus_io::onnx::Node) -> String {
    let name = if node.name.is_empty() { node.outputs.first() } else { Some(&node.name) };
    format!("{} \"{}\"", node.op, name.map_or("", |n| n))
}

impl fmt::Display for Error {
    /// Names out of a file may be long or hold control characters: neither reaches a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        match &self.node {
            Some(node) => f.write_str(&printable(&format!("node {node}: {}", self.what))),
            None => f.write_str(&printable(&self.what)),
        }
    }
}

impl std::error::Error for Error {}

/// On one line, and without the line of this crate that built the op: the node says where it is.
impl From<gradus_tensor::Error> for Error {
    fn from(error: gradus_tensor::Error) -> Error {
        let lines = error.what.lines().map(str::trim);
        Error::new(format!("{}: {}", error.op, lines.collect::<Vec<_>>().join("; ")))
    }
}

impl From<gradus_io::Error> for Error {
    fn from(error: gradus_io::Error) -> Error {
        Error::new(error.to_string())
    }
}
