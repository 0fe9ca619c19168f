//! Reading: protobuf messages into [`Model`]. Nothing is allocated on a file's word alone: every length is that of bytes that are
//! there, and graphs nest only so deep.

use super::external::{Beside, Folder, Nowhere};
use super::tensor::{array, element_number};
use super::{Attribute, AttributeValue, Graph, Model, Node, Size, ValueInfo};
use crate::wire::{Field, fields};
use crate::{Error, NamedArray, Result};
use std::path::Path;

/// Graphs within graphs, at most.
const DEPTH: usize = 16;

/// Reads a model file, and what of it lies in other files of its folder: see [`parse_model`].
///
/// Those must be in the folder itself or below it, links followed; sizes and, where the model states them, checksums must be right.
///
/// # Errors
/// When a file cannot be read or breaks the format, or the model names a place that is not in its folder.
pub fn read_model(path: &Path) -> Result<Model> {
    let bytes = crate::read_file(path)?;
    parse(&bytes, &mut Folder::of(path)).map_err(|error| error.in_file(path))
}

/// The model in a file's bytes.
///
/// # Errors
/// When they break the format, hold no graph, or leave elements in another file, as only [`read_model`] can follow.
pub fn parse_model(bytes: &[u8]) -> Result<Model> {
    parse(bytes, &mut Nowhere)
}

fn parse(bytes: &[u8], beside: &mut dyn Beside) -> Result<Model> {
    let mut model = Model::default();
    let mut found = false;
    let read = fields(bytes, |number, field| {
        match number {
            1 => model.ir_version = field.int()?,
            2 => model.producer = field.text()?,
            3 => model.producer_version = field.text()?,
            7 => {
                found = true;
                model.graph = graph(field.bytes()?, 0, beside)?;
            }
            8 => model.opsets.push(opset(field.bytes()?)?),
            14 => model.properties.push(property(field.bytes()?)?),
            25 => model.functions.push(first_text(field.bytes()?)?),
            _ => {}
        }
        Ok(())
    });
    match read {
        Ok(()) if found => Ok(model),
        Ok(()) => Err(Error::format("not an ONNX model: it holds no graph")),
        // What a graph's own parts say is more to the point.
        Err(error) if found && model.ir_version > 0 => Err(error),
        Err(error) => Err(Error { what: format!("not an ONNX model: {}", error.what), ..error }),
    }
}

/// The array in the bytes of a tensor file, as ONNX's test data has them.
///
/// # Errors
/// When they break the format.
pub fn parse_tensor(bytes: &[u8]) -> Result<NamedArray> {
    array(bytes, &mut Nowhere).map(|(array, _)| array)
}

fn opset(bytes: &[u8]) -> Result<(String, i64)> {
    let mut set = (String::new(), 0);
    fields(bytes, |number, field| {
        match number {
            1 => set.0 = field.text()?,
            2 => set.1 = field.int()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(set)
}

fn property(bytes: &[u8]) -> Result<(String, String)> {
    let mut pair = (String::new(), String::new());
    fields(bytes, |number, field| {
        match number {
            1 => pair.0 = field.text()?,
            2 => pair.1 = field.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(pair)
}

fn first_text(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    fields(bytes, |number, field| {
        if number == 1 {
            text = field.text()?;
        }
        Ok(())
    })?;
    Ok(text)
}

fn graph(bytes: &[u8], depth: usize, beside: &mut dyn Beside) -> Result<Graph> {
    if depth >= DEPTH {
        return Err(Error::format(format!("graphs nest deeper than {DEPTH}")));
    }
    let mut g = Graph::default();
    fields(bytes, |number, field| {
        match number {
            1 => g.nodes.push(node(field.bytes()?, depth, beside)?),
            2 => g.name = field.text()?,
            5 => {
                let (array, element) = array(field.bytes()?, beside)?;
                if element != element_number(array.dtype) {
                    g.narrow.insert(array.name.clone(), element);
                }
                g.initializers.push(array);
            }
            11 => g.inputs.push(value_info(field.bytes()?)?),
            12 => g.outputs.push(value_info(field.bytes()?)?),
            15 => return Err(Error::format("sparse initializers are not read")),
            _ => {}
        }
        Ok(())
    })?;
    Ok(g)
}

fn node(bytes: &[u8], depth: usize, beside: &mut dyn Beside) -> Result<Node> {
    let mut n = Node::default();
    fields(bytes, |number, field| {
        match number {
            1 => n.inputs.push(field.text()?),
            2 => n.outputs.push(field.text()?),
            3 => n.name = field.text()?,
            4 => n.op = field.text()?,
            5 => n.attributes.push(attribute(field.bytes()?, depth, beside)?),
            7 => n.domain = field.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(n)
}

/// Attributes say which kind they are; files of the first version do not, and have just one field set.
fn attribute(bytes: &[u8], depth: usize, beside: &mut dyn Beside) -> Result<Attribute> {
    let (mut name, mut kind, mut value) = (String::new(), None, None);
    let (mut floats, mut ints, mut texts) = (vec![], vec![], vec![]);
    let lossy = |field: Field<'_>| field.bytes().map(|b| String::from_utf8_lossy(b).into_owned());
    fields(bytes, |number, field| {
        match number {
            1 => name = field.text()?,
            2 => value = Some(AttributeValue::Float(field.float()?)),
            3 => value = Some(AttributeValue::Int(field.int()?)),
            4 => value = Some(AttributeValue::Text(lossy(field)?)),
            5 => {
                let (array, element) = array(field.bytes()?, beside)?;
                value = Some(match element == element_number(array.dtype) {
                    true => AttributeValue::Tensor(array),
                    false => AttributeValue::Narrow(array, element),
                });
            }
            6 => {
                value =
                    Some(AttributeValue::Graph(Box::new(graph(field.bytes()?, depth + 1, beside)?)))
            }
            7 => field.floats(&mut floats)?,
            8 => field.ints(&mut ints)?,
            9 => texts.push(lossy(field)?),
            20 => kind = Some(field.int()?),
            _ => {}
        }
        Ok(())
    })?;
    let value = match kind {
        Some(1) => value.or(Some(AttributeValue::Float(0.0))),
        Some(2) => value.or(Some(AttributeValue::Int(0))),
        Some(3) => value.or(Some(AttributeValue::Text(String::new()))),
        Some(6) => Some(AttributeValue::Floats(floats)),
        Some(7) => Some(AttributeValue::Ints(ints)),
        Some(8) => Some(AttributeValue::Texts(texts)),
        Some(other) => value.or(Some(AttributeValue::Other(other))),
        None if !floats.is_empty() => Some(AttributeValue::Floats(floats)),
        None if !texts.is_empty() => Some(AttributeValue::Texts(texts)),
        None => value.or(Some(AttributeValue::Ints(ints))),
    };
    Ok(Attribute { name, value: value.unwrap_or(AttributeValue::Other(0)) })
}

fn value_info(bytes: &[u8]) -> Result<ValueInfo> {
    let mut info = ValueInfo::default();
    fields(bytes, |number, field| {
        match number {
            1 => info.name = field.text()?,
            2 => type_of(field.bytes()?, &mut info)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(info)
}

fn type_of(bytes: &[u8], info: &mut ValueInfo) -> Result<()> {
    fields(bytes, |number, field| match number {
        1 => fields(field.bytes()?, |number, field| {
            match number {
                1 => info.element = field.int()?,
                2 => info.shape = Some(shape(field.bytes()?)?),
                _ => {}
            }
            Ok(())
        }),
        _ => Ok(()),
    })
}

fn shape(bytes: &[u8]) -> Result<Vec<Size>> {
    let mut sizes = vec![];
    fields(bytes, |number, field| {
        if number == 1 {
            let mut size = Size::Open(String::new());
            fields(field.bytes()?, |number, field| {
                match number {
                    1 => size = Size::Is(field.int()?),
                    2 => size = Size::Open(field.text()?),
                    _ => {}
                }
                Ok(())
            })?;
            sizes.push(size);
        }
        Ok(())
    })?;
    Ok(sizes)
}
