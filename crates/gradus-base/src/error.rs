//! The one error of the engine: what is wrong, in which op, at which line of the user's, in which layer.

use crate::Place;
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
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// The family.
    pub kind: Kind,
    /// The op that found it, as users write it: `matmul`.
    pub op: String,
    /// What is wrong, with every shape by name; may span lines.
    pub what: String,
    /// The line in the user's program, when known.
    pub at: Option<Place>,
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
    /// Adds the user's line, unless one is there already. A line of Rust's own library is no user's: functions that are values are called
    /// through it.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Error {
        let place = place.into();
        if self.at.is_none() && !place.is_rusts_own() {
            self.at = Some(place);
        }
        self
    }
    /// Puts a line in the place of none, or of one in `file`: what a library calls for its user is told at the user's line.
    #[must_use]
    pub fn moved(mut self, file: &str, to: impl Into<Place>) -> Error {
        if self.at.as_ref().is_none_or(|at| at.file() == file) {
            self.at = Some(to.into());
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

/// As it is displayed: a program whose `main` returns it shows a message, not its parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_library_gives_way_to_the_users() {
        let through = |call: fn() -> &'static std::panic::Location<'static>| call();
        let line = through(std::panic::Location::caller);
        let error = Error::value("label", "found 3, expected 0..3").at(line);
        assert_eq!(error.to_string(), "label: found 3, expected 0..3");
        assert!(error.clone().moved("other.rs", Place::here()).to_string().contains("error.rs:"));
        assert_eq!(format!("{error:?}"), error.to_string());
        let moved = error.at(Place::new("train.py", 3, 1)).moved("train.py", Place::here());
        assert!(moved.to_string().contains("error.rs:"), "{moved}");
    }

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
