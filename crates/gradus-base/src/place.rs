//! `Place`: a line of somebody's program, of this one or of one in another language.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A file, a line and a column. Cloning copies a pointer.
///
/// A line of a Rust program is a [`Location`] and allocates nothing; a binding to another language makes a place of what
/// that language says.
///
/// ```
/// use gradus_base::Place;
/// let place = Place::new("train.py", 12, 5);
/// assert_eq!((place.file(), place.line(), place.column()), ("train.py", 12, 5));
/// assert_eq!(place.to_string(), "train.py:12");
/// ```
#[derive(Clone)]
pub struct Place(Origin);

#[derive(Clone)]
enum Origin {
    Rust(&'static Location<'static>),
    Other(Arc<Other>),
}

struct Other {
    file: Box<str>,
    line: u32,
    column: u32,
}

impl Place {
    /// A place in a program of any language; lines and columns count from 1, a column of 0 is not known.
    pub fn new(file: impl Into<Box<str>>, line: u32, column: u32) -> Place {
        Place(Origin::Other(Arc::new(Other { file: file.into(), line, column })))
    }
    /// The line that calls this.
    #[track_caller]
    pub fn here() -> Place {
        Location::caller().into()
    }
    /// The file, as its language names it.
    pub fn file(&self) -> &str {
        match &self.0 {
            Origin::Rust(location) => location.file(),
            Origin::Other(other) => &other.file,
        }
    }
    /// The line, counted from 1.
    pub fn line(&self) -> u32 {
        match &self.0 {
            Origin::Rust(location) => location.line(),
            Origin::Other(other) => other.line,
        }
    }
    /// The column, counted from 1; 0 if it is not known.
    pub fn column(&self) -> u32 {
        match &self.0 {
            Origin::Rust(location) => location.column(),
            Origin::Other(other) => other.column,
        }
    }
    /// Whether the file is one of Rust's own library: no user's line, but one through which functions that are values are
    /// called.
    pub fn is_rusts_own(&self) -> bool {
        let library = ["core", "alloc", "std"].map(|name| format!("/library/{name}/src/"));
        let file = self.file().replace('\\', "/");
        library.iter().any(|library| file.contains(library))
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Place {
        Place(Origin::Rust(location))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        let parts = |place: &Place| (place.line(), place.column());
        parts(self) == parts(other) && self.file() == other.file()
    }
}
impl Eq for Place {}

/// `file:line`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.line())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_alike_whoever_made_it() {
        let here = Location::caller();
        let place = Place::from(here);
        assert_eq!(place, Place::new(here.file(), here.line(), here.column()));
        assert_ne!(place, Place::new(here.file(), here.line() + 1, here.column()));
        assert_eq!(format!("{place:?}"), here.to_string());
        assert!(size_of::<Place>() <= 2 * size_of::<usize>());
    }

    #[test]
    fn no_line_of_rusts_own_library_is_a_users() {
        let through = |call: fn() -> &'static Location<'static>| call();
        let line = Place::from(through(Location::caller));
        assert!(line.is_rusts_own(), "{line}");
        assert!(!Place::here().is_rusts_own());
    }
}
