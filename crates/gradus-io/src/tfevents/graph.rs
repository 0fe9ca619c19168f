//! The graph tab: TensorFlow's `GraphDef`, with the shapes that TensorBoard writes on the edges.

use crate::Result;
use crate::wire::{Message, fields};

/// A graph to draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The nodes, in any order.
    pub nodes: Vec<Node>,
}

/// A node of a [`Graph`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// A unique name; a slash opens a box that can be folded: `fc1/matmul`.
    pub name: String,
    /// The op: `matmul`.
    pub op: String,
    /// The names of the nodes it reads.
    pub inputs: Vec<String>,
    /// The sizes of its result, where known.
    pub shape: Option<Vec<usize>>,
    /// More to show, by key.
    pub attributes: Vec<(String, String)>,
}

/// The attribute in which TensorBoard looks for the shapes of a node's results.
const SHAPES: &str = "_output_shapes";

impl Graph {
    /// `GraphDef`: 1 node, 4 versions {1 producer}.
    pub(super) fn encode(&self) -> Vec<u8> {
        Message::build(|graph| {
            for node in &self.nodes {
                graph.message(1, |message| node.encode(message));
            }
            graph.message(4, |versions| versions.int(1, 22));
        })
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Graph> {
        let mut graph = Graph::default();
        fields(bytes, |number, field| {
            if number == 1 {
                graph.nodes.push(Node::parse(field.bytes()?)?);
            }
            Ok(())
        })?;
        Ok(graph)
    }
}

impl Node {
    /// `NodeDef`: 1 name, 2 op, 3 input, 5 attr (a map: 1 key, 2 value).
    /// `AttrValue`: 1 list, 2 s. Its list: 7 shape.
    fn encode(&self, message: &mut Message) {
        message.text(1, &self.name);
        message.text(2, &self.op);
        for input in &self.inputs {
            message.text(3, input);
        }
        for (key, value) in &self.attributes {
            message.message(5, |entry| {
                entry.text(1, key);
                entry.message(2, |attribute| attribute.text(2, value));
            });
        }
        if let Some(shape) = &self.shape {
            message.message(5, |entry| {
                entry.text(1, SHAPES);
                entry.message(2, |attribute| {
                    attribute.message(1, |list| list.message(7, |m| encode_shape(shape, m)));
                });
            });
        }
    }

    fn parse(bytes: &[u8]) -> Result<Node> {
        let mut node = Node::default();
        fields(bytes, |number, field| {
            match number {
                1 => node.name = field.text()?,
                2 => node.op = field.text()?,
                3 => node.inputs.push(field.text()?),
                5 => node.parse_attribute(field.bytes()?)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(node)
    }

    fn parse_attribute(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut key, mut value) = (String::new(), [].as_slice());
        fields(bytes, |number, field| {
            match number {
                1 => key = field.text()?,
                2 => value = field.bytes()?,
                _ => {}
            }
            Ok(())
        })?;
        fields(value, |number, field| {
            match (number, key.as_str()) {
                (1, SHAPES) => self.shape = parse_shapes(field.bytes()?)?,
                (2, _) => self.attributes.push((key.clone(), field.text()?)),
                _ => {}
            }
            Ok(())
        })
    }
}

/// `TensorShapeProto`: 2 dim {1 size}.
pub(super) fn encode_shape(shape: &[usize], message: &mut Message) {
    for &size in shape {
        message.message(2, |axis| axis.uint(1, size as u64));
    }
}

/// The first shape of a list.
fn parse_shapes(bytes: &[u8]) -> Result<Option<Vec<usize>>> {
    let mut first = None;
    fields(bytes, |number, field| {
        if number == 7 && first.is_none() {
            first = Some(parse_shape(field.bytes()?)?);
        }
        Ok(())
    })?;
    Ok(first)
}

fn parse_shape(bytes: &[u8]) -> Result<Vec<usize>> {
    let mut shape = Vec::new();
    fields(bytes, |number, field| {
        if number == 2 {
            let mut size = 0;
            fields(field.bytes()?, |number, field| {
                if number == 1 {
                    // -1 stands for an unknown size.
                    size = usize::try_from(field.int()?).unwrap_or(0);
                }
                Ok(())
            })?;
            shape.push(size);
        }
        Ok(())
    })?;
    Ok(shape)
}
