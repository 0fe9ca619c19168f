//! The one error of the engine: what is wrong, in which op, at which line of the user's, in which layer.

use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The family an error belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Shapes, axes or ranks that do not fit together.
    Shape,
    /// Element types that do not fit together.
    DType,
    /// A value outside what the op accepts (an index, a label, an option).
    Value,
    /// A gradient that does not exist.
    Gradient,
    /// A device that is absent or failed.
    Device,
    /// The engine contradicted itself: a bug in Gradus.
    Internal,
}

/// An error of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The family.
    pub kind: Kind,
    /// The op that found it, as users write it: `matmul`.
    pub op: String,
    /// What is wrong, with every shape by name; may span lines.
    pub what: String,
    /// `file:line` in the user's program, when known.
    pub at: Option<String>,
    /// The layer's path and type, such as `fc2 (Dense)`, when known.
    pub scope: Option<String>,
}

impl Error {
    /// An error of `kind` found by `op`.
    pub fn new(kind: Kind, op: impl Into<String>, what: impl Into<String>) -> Error {
        Error { kind, op: op.into(), what: what.into(), at: None, scope: None }
    }
    /// A mismatch of shapes.
    pub fn shape(op: impl Into<String>, what: impl Into<String>) -> Error {
        Error::new(Kind::Shape, op, what)
    }
    /// A mismatch of element types.
    pub fn dtype(op: impl Into<String>, what: impl Into<String>) -> Error {
        Error::new(Kind::DType, op, what)
    }
    /// A value that is not accepted.
    pub fn value(op: impl Into<String>, what: impl Into<String>) -> Error {
        Error::new(Kind::Value, op, what)
    }
    /// Adds the user's line, unless one is there already.
    #[must_use]
    pub fn at(mut self, location: &std::panic::Location<'_>) -> Error {
        self.at.get_or_insert_with(|| format!("{}:{}", location.file(), location.line()));
        self
    }
    /// Puts another line in the place of one in `file`, or in Rust's own library, through which functions that are values are called:
    /// what a library calls for its user is told at the user's line.
    #[must_use]
    pub fn moved(mut self, file: &str, to: &std::panic::Location<'_>) -> Error {
        let is_no_users = |path: &str| path == file || path.ends_with("/core/src/ops/function.rs");
        let line = self.at.as_deref().and_then(|at| at.rsplit_once(':'));
        if line.is_some_and(|(path, _)| is_no_users(path)) {
            self.at = Some(format!("{}:{}", to.file(), to.line()));
        }
        self
    }
    /// Adds the layer's path, unless one is there already.
    #[must_use]
    pub fn in_scope(mut self, scope: Option<&str>) -> Error {
        if self.scope.is_none() {
            self.scope = scope.map(str::to_owned);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.op, self.what)?;
        match (&self.at, &self.scope) {
            (Some(at), Some(scope)) => write!(f, "\n  at {at}, in layer {scope}"),
            (Some(at), None) => write!(f, "\n  at {at}"),
            (None, Some(scope)) => write!(f, "\n  in layer {scope}"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_in_which_layer() {
        let e = Error::shape("matmul", "the inner sizes differ\n  a [32, 784]   b [512, 10]")
            .at(std::panic::Location::caller())
            .in_scope(Some("fc2 (Dense)"));
        let text = e.to_string();
        assert!(text.starts_with("matmul: the inner sizes differ\n  a [32, 784]"));
        assert!(text.contains("error.rs:") && text.ends_with("in layer fc2 (Dense)"));
    }
}
