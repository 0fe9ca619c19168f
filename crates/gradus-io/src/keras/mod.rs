//! Keras's files: `.keras` (an archive of a description and weights), `.weights.h5` of Keras 3, and the `.h5` of before. What
//! comes out is the layers that have weights, as far as the file tells in the model's order, and how they are connected.
//!
//! - `.h5`: the attribute `layer_names` lists the layers in the model's order, `weight_names` the arrays of each.
//! - `.weights.h5`: groups are called by kind and number, `layers/conv2d_10/vars/0`; the order is told for each kind alone.
//! - `.keras`: `config.json` describes the model; its layers are the groups of `model.weights.h5`.

mod archive;
mod config;
mod legacy;
mod store;

pub(crate) use archive::is_keras;

use crate::{Budget, Error, NamedArray, Result, hdf5};
use std::path::Path;

/// The layers of a model that have weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The layers, in the order that [`Model::order`] says.
    pub layers: Vec<Layer>,
    /// How far the order of layers is the model's.
    pub order: Order,
    /// Whether [`Layer::inputs`] is known: the file describes the model.
    pub connected: bool,
    /// Groups with arrays that belong to no listed layer: they were not read.
    pub unlisted: Vec<String>,
}

/// What is known of the order of layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// It is the model's.
    Model,
    /// The layers of each kind are in the model's order; of two kinds it is not known.
    Kind,
    /// Nothing is known.
    #[default]
    Unknown,
}

/// A layer with weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// Its name in the model if the file tells it, else the path of its group: `conv2d_3`, `vgg16.block1_conv1`.
    pub name: String,
    /// The path of its group where that is another: `block1.layers.conv2d_1`.
    pub group: Option<String>,
    /// Its kind as Keras's groups are called, where known: `conv2d`, `batch_normalization`.
    pub kind: Option<String>,
    /// Its arrays, called `kernel` and `bias`, or `0` and `1`.
    pub parts: Vec<NamedArray>,
    /// The layers with weights whose outputs reach it without passing another one, by their places in [`Model::layers`].
    pub inputs: Vec<usize>,
    /// Whether the order of [`Layer::inputs`] is that of their channels: they are concatenated.
    pub concatenated: bool,
    /// What the model's description says of it.
    pub settings: Settings,
}

/// What a description says of a layer, and matters for its outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What a batch norm adds to the variance.
    pub epsilon: Option<f64>,
    /// From one output to the next, along height and width.
    pub strides: Option<[usize; 2]>,
    /// What is put around the input.
    pub padding: Option<Padding>,
}

/// What a convolution of Keras's puts around its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// So many zeros before and after, along height and width.
    Exact([(usize, usize); 2]),
    /// As many as it takes for ⌈size / stride⌉ outputs; of an odd number the last lies behind.
    Same,
}

impl Model {
    /// All arrays, called by their layers: `conv2d_3/kernel`.
    pub fn into_arrays(self) -> Vec<NamedArray> {
        let of_layer = |layer: Layer| {
            let Layer { name, parts, .. } = layer;
            parts
                .into_iter()
                .map(move |array| NamedArray { name: format!("{name}/{}", array.name), ..array })
        };
        self.layers.into_iter().flat_map(of_layer).collect()
    }
}

/// Reads a file: see [`parse`].
///
/// # Errors
/// When the file cannot be read, breaks its format, or its lists and its groups contradict each other.
pub fn read(path: &Path) -> Result<Model> {
    let bytes = crate::read_file(path)?;
    parse(&bytes).map_err(|error| error.in_file(path))
}

/// The layers of a file in memory, of whatever version of Keras; those of an HDF5 file of others in no known order.
///
/// ```
/// let error = gradus_io::keras::parse(b"hello").unwrap_err().to_string();
/// assert_eq!(error, "not a file of Keras: neither HDF5 nor an archive of .keras");
/// ```
pub fn parse(bytes: &[u8]) -> Result<Model> {
    parse_within(bytes, &Budget::default())
}

/// [`parse`] of a file that may unpack to so many bytes.
///
/// # Errors
/// As [`parse`]; and when it unpacks to more.
pub fn parse_within(bytes: &[u8], budget: &Budget) -> Result<Model> {
    let limit = budget.bytes(bytes.len());
    if hdf5::is_hdf5(bytes) {
        return of_tree(hdf5::parse_tree(bytes, limit)?, None);
    }
    match bytes.starts_with(b"PK") {
        true => archive::parse(bytes, limit),
        false => Err(Error::format("not a file of Keras: neither HDF5 nor an archive of .keras")),
    }
}

/// The layers of an HDF5 file, with the description that lies beside it.
fn of_tree(tree: hdf5::Tree, description: Option<&str>) -> Result<Model> {
    match legacy::root(&tree) {
        Some(root) => legacy::model(tree, &root),
        None => store::model(tree, description),
    }
}

/// Layers of which no order is known: arrays by the groups that hold them.
fn grouped(arrays: Vec<NamedArray>) -> Vec<Layer> {
    let mut places = std::collections::HashMap::new();
    let mut layers: Vec<Layer> = vec![];
    for array in arrays {
        let (group, part) = array.name.rsplit_once('/').unwrap_or(("", &array.name));
        let (group, part) = (group.replace('/', "."), part_name(part));
        let place = *places.entry(group.clone()).or_insert(layers.len());
        if place == layers.len() {
            layers.push(Layer { name: group, ..Layer::default() });
        }
        layers[place].parts.push(NamedArray { name: part, ..array });
    }
    layers
}

/// An array's own name: TensorFlow numbers the outputs of its variables.
fn part_name(name: &str) -> String {
    name.trim_end_matches(":0").to_owned()
}

/// `conv2d_10` → (`conv2d`, 10), `conv2d` → (`conv2d`, 0).
fn numbered(group: &str) -> (&str, u64) {
    let split = group.rsplit_once('_');
    let number = split.and_then(|(kind, number)| Some((kind, number.parse().ok()?)));
    number.filter(|(kind, _)| !kind.is_empty()).unwrap_or((group, 0))
}
