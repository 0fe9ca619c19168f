//! One operator at a time, by hand: what tests of families share.

use gradus_io::onnx::{Attribute, AttributeValue, Graph, Model, Node, ValueInfo};
use gradus_onnx::Network;
use gradus_tensor::Tensor;

/// A setting.
pub(crate) fn set(name: &str, value: AttributeValue) -> Attribute {
    Attribute { name: name.into(), value }
}

pub(crate) fn int(name: &str, n: i64) -> Attribute {
    Attribute::int(name, n)
}

pub(crate) fn text(name: &str, text: &str) -> Attribute {
    set(name, AttributeValue::Text(text.into()))
}

/// A value's name, of an element type and any shape.
pub(crate) fn value(name: &str, element: i64) -> ValueInfo {
    ValueInfo { name: name.into(), element, shape: None }
}

/// A use of an operator.
pub(crate) fn node(
    op: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: Vec<Attribute>,
) -> Node {
    Node {
        op: op.into(),
        inputs: inputs.iter().map(|&n| n.into()).collect(),
        outputs: outputs.iter().map(|&n| n.into()).collect(),
        attributes,
        ..Node::default()
    }
}

/// A model of set 25.
pub(crate) fn network(graph: Graph) -> Result<Network, String> {
    let opsets = vec![(String::new(), 25)];
    let model = Model { ir_version: 10, opsets, graph, ..Model::default() };
    Network::new(model).map_err(|e| e.to_string())
}

/// An input: its tensor, and the number of its element type, 0 for the tensor's own.
pub(crate) type Typed = (Tensor, i64);

/// All outputs of one operator.
pub(crate) fn outputs(
    op: &str,
    attributes: Vec<Attribute>,
    inputs: &[Typed],
    count: usize,
) -> Result<Vec<Tensor>, String> {
    let names: Vec<String> = (0..inputs.len()).map(|i| format!("x{i}")).collect();
    let made: Vec<String> = (0..count).map(|i| format!("y{i}")).collect();
    let refs = |names: &[String]| names.iter().map(|n| (*n).clone()).collect::<Vec<_>>();
    let node = Node {
        op: op.into(),
        inputs: refs(&names),
        outputs: refs(&made),
        attributes,
        ..Node::default()
    };
    let graph = Graph {
        nodes: vec![node],
        inputs: names.iter().zip(inputs).map(|(n, (_, e))| value(n, *e)).collect(),
        outputs: made.iter().map(|n| value(n, 0)).collect(),
        ..Graph::default()
    };
    let given: Vec<(&str, Tensor)> =
        names.iter().zip(inputs).map(|(n, (x, _))| (&**n, x.clone())).collect();
    let made = network(graph)?.run(&given).map_err(|e| e.to_string())?;
    Ok(made.into_iter().map(|(_, y)| y).collect())
}

/// The output of one operator.
pub(crate) fn output(
    op: &str,
    attributes: Vec<Attribute>,
    inputs: &[Tensor],
) -> Result<Tensor, String> {
    let inputs: Vec<Typed> = inputs.iter().map(|x| (x.clone(), 0)).collect();
    outputs(op, attributes, &inputs, 1).map(|mut all| all.remove(0))
}

/// The output's elements.
pub(crate) fn floats(op: &str, attributes: Vec<Attribute>, inputs: &[Tensor]) -> Vec<f64> {
    let y = output(op, attributes, inputs).unwrap_or_else(|e| panic!("{op}: {e}"));
    y.cast(gradus_tensor::DType::F64).to_vec::<f64>()
}
