//! The network as it is, in ONNX: points `[N, 2]` in, outputs out.

use super::File;
use crate::playground::network::{LayerAt, Output};
use crate::playground::run::Run;
use crate::playground::settings::Activation;
use gradus::io::NamedArray;
use gradus::io::onnx::{
    Attribute, AttributeValue, Graph, Model, Node, Size, ValueInfo, model_bytes,
};

/// Nodes one after the other, each of which reads what the one before gives.
#[derive(Default)]
struct Chain {
    graph: Graph,
    last: String,
}

impl Chain {
    /// Adds a node that reads the last value and these.
    fn then(&mut self, op: &str, others: &[&str], attributes: Vec<Attribute>) {
        let output = format!("{}{}", op.to_lowercase(), self.graph.nodes.len());
        let mut inputs = vec![std::mem::replace(&mut self.last, output.clone())];
        inputs.extend(others.iter().map(|name| (*name).to_owned()));
        self.node(op, inputs, output, attributes);
    }

    fn node(&mut self, op: &str, inputs: Vec<String>, output: String, attributes: Vec<Attribute>) {
        let (name, outputs) = (output.clone(), vec![output]);
        let node = Node { name, op: op.into(), inputs, outputs, attributes, ..Node::default() };
        self.graph.nodes.push(node);
    }

    fn array(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let array = NamedArray::from_f32(name, shape.to_vec(), &values);
        self.graph.initializers.push(array.expect("as many values as the shape has"));
    }
}

pub(super) fn of(run: &Run) -> File {
    let mut chain = Chain { last: "points".into(), ..Chain::default() };
    chain.graph.name = "playground".into();
    features(&mut chain, &run.used);
    let last = run.network.layers.len() - 1;
    for (at, layer) in run.network.layers.iter().enumerate() {
        dense(&mut chain, run, at, layer);
        let text = |name: &str, text: &str| Attribute {
            name: name.into(),
            value: AttributeValue::Text(text.into()),
        };
        let (op, attributes) = match (at == last, run.network.activation, run.network.output) {
            (true, _, Output::Tanh) => ("Tanh", vec![]),
            (true, _, Output::Logistic) => ("Sigmoid", vec![]),
            (true, _, Output::Softmax) => ("Softmax", vec![Attribute::int("axis", 1)]),
            (true, _, Output::Linear) | (false, Activation::Linear, _) => continue,
            (false, Activation::Relu, _) => ("Relu", vec![]),
            (false, Activation::Tanh, _) => ("Tanh", vec![]),
            (false, Activation::Sigmoid, _) => ("Sigmoid", vec![]),
            (false, Activation::LeakyRelu, _) => {
                ("LeakyRelu", vec![Attribute::float("alpha", 0.01)])
            }
            (false, Activation::Elu, _) => ("Elu", vec![]),
            (false, Activation::Gelu, _) => ("Gelu", vec![text("approximate", "tanh")]),
            (false, Activation::Softplus, _) => ("Softplus", vec![]),
        };
        chain.then(op, &[], attributes);
    }
    let value = |name: &str, columns: usize| ValueInfo {
        name: name.into(),
        element: 1,
        shape: Some(vec![Size::Open("N".into()), Size::Is(columns as i64)]),
    };
    chain.graph.inputs = vec![value("points", 2)];
    chain.graph.outputs = vec![value(&chain.last, run.network.layers[last].units)];
    let model = Model {
        ir_version: 9,
        producer: "gradus".into(),
        opsets: vec![(String::new(), 20)],
        graph: chain.graph,
        ..Model::default()
    };
    let mut remarks = vec![
        "numbers are rounded to f32; the input is x and y, features are computed inside".to_owned(),
    ];
    remarks.extend(match run.network.output {
        Output::Logistic => Some("it gives the probability of the class 1".to_owned()),
        Output::Softmax => Some("it gives the probability of each class".to_owned()),
        _ => None,
    });
    File { name: "playground.onnx", bytes: model_bytes(&model), remarks }
}

/// The features in use, from the two coordinates.
fn features(chain: &mut Chain, used: &[usize]) {
    if used == [0, 1] {
        return;
    }
    let halves = ["x", "y"].map(str::to_owned);
    chain.graph.nodes.push(Node {
        name: "coordinates".into(),
        op: "Split".into(),
        inputs: vec!["points".into()],
        outputs: halves.into(),
        attributes: vec![Attribute::int("axis", 1), Attribute::int("num_outputs", 2)],
        ..Node::default()
    });
    let mut columns = vec![];
    for &feature in used {
        let [op, a, b] = [
            ["", "x", ""],
            ["", "y", ""],
            ["Mul", "x", "x"],
            ["Mul", "y", "y"],
            ["Mul", "x", "y"],
            ["Sin", "x", ""],
            ["Sin", "y", ""],
        ][feature];
        if op.is_empty() {
            columns.push(a.to_owned());
            continue;
        }
        let name = crate::playground::settings::FEATURES[feature].to_owned();
        let inputs = [a, b].into_iter().filter(|name| !name.is_empty());
        chain.node(op, inputs.map(str::to_owned).collect(), name.clone(), vec![]);
        columns.push(name);
    }
    chain.node("Concat", columns, "features".into(), vec![Attribute::int("axis", 1)]);
    chain.last = "features".into();
}

fn dense(chain: &mut Chain, run: &Run, at: usize, layer: &LayerAt) {
    let numbers = &run.network.state.numbers;
    let [w, b] = [format!("w{at}"), format!("b{at}")];
    chain.array(&w, &[layer.units, layer.inputs], &numbers[layer.weights..layer.biases]);
    chain.array(&b, &[layer.units], &numbers[layer.biases..layer.biases + layer.units]);
    chain.then("Gemm", &[&w, &b], vec![Attribute::int("transB", 1)]);
}
