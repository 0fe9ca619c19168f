//! Writing: [`Model`] as protobuf messages.

use super::external::Place;
use super::{Attribute, AttributeValue, Graph, Model, Node, Size, ValueInfo, tensor};
use crate::sha1::Sha1;
use crate::wire::Message;
use crate::{Error, NamedArray, Result, atomic_write};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of the longest message that protobuf has.
const MOST: u64 = i32::MAX as u64;
/// Arrays of fewer bytes stay in the model: sizes and axes, which programs want to see before they load weights.
const SMALL: usize = 1024;
/// Arrays begin at multiples of this many bytes, so that they can be mapped into memory.
const PAGE: u64 = 4096;

/// Writes a model file, whole or not at all. A model of more than two gigabytes, which protobuf cannot hold, has the elements of
/// its arrays beside it, in `NAME.data`; that file's path is given back.
///
/// # Errors
/// When the operating system refuses.
pub fn write_model(path: &Path, model: &Model) -> Result<Option<PathBuf>> {
    write_model_within(path, model, MOST)
}

/// As [`write_model`], of at most so many bytes in the model file.
///
/// ```
/// use gradus_io::NamedArray;
/// use gradus_io::onnx::{Graph, Model, read_model, write_model_within};
/// let folder = std::env::temp_dir().join("gradus-onnx-beside");
/// std::fs::create_dir_all(&folder).unwrap();
/// let w = NamedArray::from_f32("w", [1000], &[0.5; 1000]).unwrap();
/// let model = Model { graph: Graph { initializers: vec![w], ..Graph::default() }, ..Model::default() };
/// let path = folder.join("net.onnx");
/// let data = write_model_within(&path, &model, 2000).unwrap();
/// assert_eq!(data, Some(folder.join("net.onnx.data")));
/// assert_eq!(read_model(&path).unwrap(), model);
/// ```
///
/// # Errors
/// When the operating system refuses, or the rest of the model alone is larger.
pub fn write_model_within(path: &Path, model: &Model, most: u64) -> Result<Option<PathBuf>> {
    let beside = beside(path)?;
    let mut places = places(&model.graph, &beside);
    let outside: u64 = places.iter().flatten().filter_map(|place| place.length).sum();
    let inside = bytes(model, &places).len() as u64;
    if inside + outside <= most {
        let written = atomic_write(path, |file| file.write_all(&model_bytes(model)));
        return written.map(|()| None);
    }
    if inside > most {
        let what = format!("the model without its weights has {inside} bytes, at most {most} fit");
        return Err(Error::value(what).in_file(path));
    }
    // The elements come first: should the model not follow, the checksum tells that they are not an older one's.
    let data = path.with_file_name(&beside);
    let checksum = atomic_write(&data, |file| write_elements(file, &model.graph, &places))?;
    places.iter_mut().flatten().for_each(|place| place.checksum = Some(checksum.clone()));
    atomic_write(path, |file| file.write_all(&bytes(model, &places)))?;
    Ok(Some(data))
}

/// The name of the file of elements beside a model.
fn beside(path: &Path) -> Result<String> {
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(format!("{name}.data")),
        None => Err(Error::value("the model's name cannot be written into it").in_file(path)),
    }
}

/// Where each array goes, if not into the model.
fn places(graph: &Graph, beside: &str) -> Vec<Option<Place>> {
    let mut end = 0u64;
    let place = |array: &NamedArray| {
        if array.data.len() < SMALL {
            return None;
        }
        let (offset, length) = (end.next_multiple_of(PAGE), array.data.len() as u64);
        end = offset + length;
        Some(Place { location: beside.into(), offset, length: Some(length), checksum: None })
    };
    graph.initializers.iter().map(place).collect()
}

/// Writes the elements at their places; gives the file's SHA-1.
fn write_elements(
    file: &mut dyn Write,
    graph: &Graph,
    places: &[Option<Place>],
) -> io::Result<String> {
    let (mut at, mut sha1) = (0, Sha1::default());
    for (array, place) in graph.initializers.iter().zip(places) {
        let Some(place) = place else { continue };
        let gap = vec![0; (place.offset - at) as usize];
        for bytes in [&gap, &array.data] {
            file.write_all(bytes)?;
            sha1.update(bytes);
        }
        at = place.offset + array.data.len() as u64;
    }
    Ok(sha1.hex())
}

/// The bytes of a model; the same model gives the same bytes.
///
/// ```
/// use gradus_io::onnx::{Graph, Model, model_bytes, parse_model};
/// let graph = Graph { name: "net".into(), ..Graph::default() };
/// let model = Model { ir_version: 8, opsets: vec![(String::new(), 17)], graph, ..Model::default() };
/// assert_eq!(parse_model(&model_bytes(&model)).unwrap(), model);
/// ```
pub fn model_bytes(model: &Model) -> Vec<u8> {
    bytes(model, &[])
}

/// The bytes of a model whose arrays lie at places, if there is one for them.
fn bytes(model: &Model, places: &[Option<Place>]) -> Vec<u8> {
    Message::build(|m| {
        m.int(1, model.ir_version);
        if !model.producer.is_empty() {
            m.text(2, &model.producer);
        }
        if !model.producer_version.is_empty() {
            m.text(3, &model.producer_version);
        }
        m.message(7, |m| graph(&model.graph, places, m));
        for (domain, version) in &model.opsets {
            m.message(8, |m| {
                m.text(1, domain);
                m.int(2, *version);
            });
        }
        for (key, value) in &model.properties {
            m.message(14, |m| {
                m.text(1, key);
                m.text(2, value);
            });
        }
    })
}

/// The bytes of a tensor file.
pub fn tensor_bytes(array: &NamedArray) -> Vec<u8> {
    Message::build(|m| tensor::write(array, None, m))
}

fn graph(g: &Graph, places: &[Option<Place>], m: &mut Message) {
    g.nodes.iter().for_each(|n| m.message(1, |m| node(n, m)));
    m.text(2, &g.name);
    for (i, array) in g.initializers.iter().enumerate() {
        let place = places.get(i).and_then(Option::as_ref);
        m.message(5, |m| tensor::write(array, place, m));
    }
    g.inputs.iter().for_each(|v| m.message(11, |m| value_info(v, m)));
    g.outputs.iter().for_each(|v| m.message(12, |m| value_info(v, m)));
}

fn node(n: &Node, m: &mut Message) {
    n.inputs.iter().for_each(|name| m.text(1, name));
    n.outputs.iter().for_each(|name| m.text(2, name));
    m.text(3, &n.name);
    m.text(4, &n.op);
    n.attributes.iter().for_each(|a| m.message(5, |m| attribute(a, m)));
    if !n.domain.is_empty() {
        m.text(7, &n.domain);
    }
}

fn attribute(a: &Attribute, m: &mut Message) {
    m.text(1, &a.name);
    let kind = match &a.value {
        AttributeValue::Float(x) => {
            m.float(2, *x);
            1
        }
        AttributeValue::Int(x) => {
            m.int(3, *x);
            2
        }
        AttributeValue::Text(x) => {
            m.text(4, x);
            3
        }
        AttributeValue::Tensor(x) | AttributeValue::Narrow(x, _) => {
            m.message(5, |m| tensor::write(x, None, m));
            4
        }
        AttributeValue::Graph(x) => {
            m.message(6, |m| graph(x, &[], m));
            5
        }
        AttributeValue::Floats(xs) => {
            xs.iter().for_each(|x| m.float(7, *x));
            6
        }
        AttributeValue::Ints(xs) => {
            xs.iter().for_each(|x| m.int(8, *x));
            7
        }
        AttributeValue::Texts(xs) => {
            xs.iter().for_each(|x| m.text(9, x));
            8
        }
        AttributeValue::Other(kind) => *kind,
    };
    m.int(20, kind);
}

fn value_info(v: &ValueInfo, m: &mut Message) {
    m.text(1, &v.name);
    m.message(2, |m| {
        m.message(1, |m| {
            m.int(1, v.element);
            if let Some(shape) = &v.shape {
                m.message(2, |m| shape.iter().for_each(|s| m.message(1, |m| size(s, m))));
            }
        });
    });
}

fn size(s: &Size, m: &mut Message) {
    match s {
        Size::Is(n) => m.int(1, *n),
        Size::Open(name) => m.text(2, name),
    }
}
