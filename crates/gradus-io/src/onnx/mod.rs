//! ONNX model files: graphs of operators with their weights, in protobuf.   <https://onnx.ai/onnx/repo-docs/IR.html>
//!
//! This is the format alone; crate gradus-onnx gives operators their meaning.

mod external;
mod read;
mod small;
mod tensor;
mod write;

pub use read::{parse_model, parse_tensor, read_model};
pub use small::{is_small_float, rounded, small_range};
pub use write::{model_bytes, tensor_bytes, write_model, write_model_within};

use crate::{DType, NamedArray};
use std::collections::BTreeMap;

/// A model: a graph, and the versions of the operator sets it is written for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The version of the format.
    pub ir_version: i64,
    /// Who wrote it.
    pub producer: String,
    /// The version of who wrote it.
    pub producer_version: String,
    /// (domain, version); the empty domain is ONNX's own.
    pub opsets: Vec<(String, i64)>,
    /// The network.
    pub graph: Graph,
    /// Names of functions that the model defines for itself.
    pub functions: Vec<String>,
    /// Free-form properties, by name.
    pub properties: Vec<(String, String)>,
}

/// Nodes in the order of computing, and what goes in and comes out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The graph's name.
    pub name: String,
    /// The operators' uses.
    pub nodes: Vec<Node>,
    /// Weights and constants, by name.
    pub initializers: Vec<NamedArray>,
    /// The numbers of the element types of those initializers that are held in a wider type, by name: 3 for int8, which is held in
    /// i32. A written model has the wider type.
    pub narrow: BTreeMap<String, i64>,
    /// What goes in; old files list the initializers too.
    pub inputs: Vec<ValueInfo>,
    /// What comes out.
    pub outputs: Vec<ValueInfo>,
}

/// One use of an operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its name, perhaps empty.
    pub name: String,
    /// The operator, such as `Conv`.
    pub op: String,
    /// The operator's domain; empty for ONNX's own.
    pub domain: String,
    /// The values it reads; an empty name is an input left out.
    pub inputs: Vec<String>,
    /// The values it gives; an empty name is an output nobody wants.
    pub outputs: Vec<String>,
    /// Its settings.
    pub attributes: Vec<Attribute>,
}

impl Node {
    /// The graphs among its settings: branches, and bodies of loops.
    pub fn graphs(&self) -> impl Iterator<Item = &Graph> {
        self.attributes.iter().filter_map(|a| match &a.value {
            AttributeValue::Graph(graph) => Some(&**graph),
            _ => None,
        })
    }
}

/// A named setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Such as `strides`.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
}

impl Attribute {
    /// An integer.
    ///
    /// ```
    /// use gradus_io::onnx::{Attribute, AttributeValue};
    /// assert_eq!(Attribute::int("axis", 1).value, AttributeValue::Int(1));
    /// ```
    pub fn int(name: impl Into<String>, value: i64) -> Attribute {
        Attribute { name: name.into(), value: AttributeValue::Int(value) }
    }
    /// Integers.
    pub fn ints(name: impl Into<String>, values: impl IntoIterator<Item = i64>) -> Attribute {
        Attribute { name: name.into(), value: AttributeValue::Ints(values.into_iter().collect()) }
    }
    /// A float, in f32 as files have it.
    pub fn float(name: impl Into<String>, value: f64) -> Attribute {
        Attribute { name: name.into(), value: AttributeValue::Float(value as f32) }
    }
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A float.
    Float(f32),
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
    /// An array.
    Tensor(NamedArray),
    /// An array whose elements are held in a wider type, and the number of their own.
    Narrow(NamedArray, i64),
    /// A graph, of a loop or a branch.
    Graph(Box<Graph>),
    /// Floats.
    Floats(Vec<f32>),
    /// Integers.
    Ints(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
    /// A kind that is not read here, by its number in the format.
    Other(i64),
}

/// A value's name, type and shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueInfo {
    /// The name.
    pub name: String,
    /// The number of its element type; 0 if it is no tensor or none is given. 1 is f32, 7 i64: see [`element_name`].
    pub element: i64,
    /// The axes; `None` if nothing is said.
    pub shape: Option<Vec<Size>>,
}

/// The size of an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Size {
    /// Fixed.
    Is(i64),
    /// Open, perhaps with a name such as `N`.
    Open(String),
}

/// How many bits an element of this type takes in files; `None` of a type that is not read.
///
/// ```
/// use gradus_io::onnx::element_bits;
/// assert_eq!((element_bits(1), element_bits(3), element_bits(8)), (Some(32), Some(8), None));
/// ```
pub fn element_bits(number: i64) -> Option<u64> {
    tensor::element_bits(number)
}

/// The number of an element type in files.
///
/// ```
/// assert_eq!(gradus_io::onnx::element_number(gradus_io::DType::F16), 10);
/// ```
pub fn element_number(dtype: DType) -> i64 {
    tensor::element_number(dtype)
}

/// The name of an element type's number.
///
/// ```
/// assert_eq!(gradus_io::onnx::element_name(10), "float16");
/// ```
pub fn element_name(number: i64) -> &'static str {
    const NAMES: [&str; 27] = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
        "float8e8m0",
        "uint2",
        "int2",
    ];
    usize::try_from(number).ok().and_then(|n| NAMES.get(n)).copied().unwrap_or("an unknown type")
}
