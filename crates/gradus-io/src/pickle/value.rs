//! What a pickle holds, as inert values in an arena: sharing and cycles are just equal ids.

use crate::DType;
use std::borrow::Cow;

/// A value's place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(super) usize);

impl Id {
    /// The index of the value.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// One value. Nothing in here can run.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits.
    Long,
    Float,
    /// Bytes, or a text of Python 2, which did not tell them apart.
    Bytes(Cow<'a, [u8]>),
    Text(Cow<'a, str>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function by name, which is never looked up.
    Global(Cow<'a, str>),
    /// What a persistent id stands for: a storage of a PyTorch file.
    Persistent(Id),
    /// An object of an unknown class.
    Object(Object),
    /// A tensor: a view of a storage.
    Tensor(Tensor),
    /// The element type of a NumPy array, as its letters: `<f4`.
    Dtype(String),
    /// A NumPy array, once it has been given its state.
    Array(Option<Array>),
}

/// An object of a class that is not known, and of which nothing is run: what its pickle gave it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The class's name.
    pub(crate) class: Id,
    /// Its attributes.
    pub(crate) state: Option<Id>,
    /// What it holds as a dict, if its class is derived from one.
    pub(crate) entries: Vec<(Id, Id)>,
    /// What it holds as a list, if its class is derived from one.
    pub(crate) items: Vec<Id>,
    /// Whether the pickle calls the class by name and nothing was put into what came of it: only for a dict or a list is that
    /// harmless.
    pub(crate) called: bool,
}

impl Object {
    /// One that holds nothing yet.
    pub(crate) fn new(class: Id) -> Object {
        Object { class, state: None, entries: vec![], items: vec![], called: false }
    }
}

/// A tensor's view of a storage; offset and strides count elements.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) storage: Id,
    /// Where it differs from the storage's own.
    pub(crate) dtype: Option<DType>,
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

/// A NumPy array as its pickle describes it.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: Id,
    pub(crate) column_major: bool,
    pub(crate) data: Id,
}

impl Value<'_> {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) | Value::Long => "an integer",
            Value::Float => "a float",
            Value::Bytes(_) => "bytes",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Dict(_) => "a dict",
            Value::Global(_) => "a class or function",
            Value::Persistent(_) => "a storage",
            Value::Object(_) => "an object",
            Value::Tensor(_) => "a tensor",
            Value::Dtype(_) => "an element type",
            Value::Array(_) => "an array",
        }
    }
}
