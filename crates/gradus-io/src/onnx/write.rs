//! Writing: [`Model`] as protobuf messages.

use super::{Attribute, Graph, Model, Node, Size, Value, ValueInfo, tensor};
use crate::wire::Message;
use crate::{NamedArray, Result, atomic_write};
use std::path::Path;

/// Writes a model file, whole or not at all.
///
/// # Errors
/// When the operating system refuses.
pub fn write_model(path: &Path, model: &Model) -> Result<()> {
    atomic_write(path, |file| file.write_all(&model_bytes(model)))
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
    Message::build(|m| {
        m.int(1, model.ir_version);
        if !model.producer.is_empty() {
            m.text(2, &model.producer);
        }
        if !model.producer_version.is_empty() {
            m.text(3, &model.producer_version);
        }
        m.message(7, |m| graph(&model.graph, m));
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
    Message::build(|m| tensor::write(array, m))
}

fn graph(g: &Graph, m: &mut Message) {
    g.nodes.iter().for_each(|n| m.message(1, |m| node(n, m)));
    m.text(2, &g.name);
    g.initializers.iter().for_each(|a| m.message(5, |m| tensor::write(a, m)));
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
        Value::Float(x) => {
            m.float(2, *x);
            1
        }
        Value::Int(x) => {
            m.int(3, *x);
            2
        }
        Value::Text(x) => {
            m.text(4, x);
            3
        }
        Value::Tensor(x) => {
            m.message(5, |m| tensor::write(x, m));
            4
        }
        Value::Graph(x) => {
            m.message(6, |m| graph(x, m));
            5
        }
        Value::Floats(xs) => {
            xs.iter().for_each(|x| m.float(7, *x));
            6
        }
        Value::Ints(xs) => {
            xs.iter().for_each(|x| m.int(8, *x));
            7
        }
        Value::Texts(xs) => {
            xs.iter().for_each(|x| m.text(9, x));
            8
        }
        Value::Other(kind) => *kind,
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
