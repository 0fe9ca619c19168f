//! The graph of a model's layers: what each layer reads is found in the graph that a forward pass builds. Nothing is computed.

use gradus_io::tfevents::{Graph, Node};
use gradus_nn::{Context, Layer};
use gradus_tensor::Tensor;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// The layers as TensorBoard draws them, for a batch like `x`; a path's dots become boxes to unfold.
pub fn layer_graph(model: &dyn Layer, x: &Tensor) -> Graph {
    let mut kinds = HashMap::new();
    describe(model, "", &mut kinds);
    let input = Node {
        name: "input".into(),
        op: "input".into(),
        shape: Some(x.shape().to_vec()),
        ..Node::default()
    };
    let found = RefCell::new(Found { nodes: vec![input], names: HashMap::new() });
    found.borrow_mut().names.insert(x.node().id(), "input".into());
    let cx = Context::eval().with_hook(|path, y| {
        let kind = kinds.get(path).map_or(y.node().name(), String::as_str);
        found.borrow_mut().layer(path, kind, y);
        None
    });
    model.forward(x, &cx);
    drop(cx);
    Graph { nodes: found.into_inner().nodes }
}

/// What each layer says of itself, by path.
fn describe(layer: &dyn Layer, path: &str, kinds: &mut HashMap<String, String>) {
    for (name, child) in layer.children() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        describe(&**child, &path, kinds);
        kinds.insert(path, child.describe());
    }
}

struct Found {
    nodes: Vec<Node>,
    /// The layer that gave a node, by the node's number.
    names: HashMap<u64, String>,
}

impl Found {
    fn layer(&mut self, path: &str, kind: &str, y: &Tensor) {
        let name = path.replace('.', "/");
        let inputs = match self.names.get(&y.node().id()) {
            // A container gives what its last layer gave: the box is drawn already.
            Some(giver) if giver.starts_with(&format!("{name}/")) => return,
            // A layer that does nothing here, such as dropout.
            Some(giver) => vec![giver.clone()],
            None => self.read_by(y),
        };
        self.names.insert(y.node().id(), name.clone());
        self.nodes.push(Node {
            name,
            op: kind.split('(').next().unwrap_or(kind).to_owned(),
            inputs,
            shape: Some(y.shape().to_vec()),
            attributes: vec![("layer".to_owned(), kind.to_owned())],
        });
    }

    /// The nearest layers that `y` is computed from, in the order they ran.
    fn read_by(&self, y: &Tensor) -> Vec<String> {
        let (mut seen, mut found) = (HashSet::new(), vec![]);
        let mut open: Vec<_> = y.node().inputs().iter().collect();
        while let Some(node) = open.pop() {
            if !seen.insert(node.id()) {
                continue;
            }
            match self.names.get(&node.id()) {
                Some(name) => found.push((node.id(), name.clone())),
                None => open.extend(node.inputs()),
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name).collect()
    }
}
