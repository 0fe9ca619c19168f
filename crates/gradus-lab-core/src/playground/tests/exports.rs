//! Files that a run is exported as.

use super::{page, tell, work};
use crate::playground::messages::{Command, Event, Format};
use crate::playground::network::features_at;
use expect_test::{expect, expect_file};
use gradus::io::onnx::{AttributeValue, Graph, Node, parse_model};
use std::collections::HashMap;

/// What an address is exported as after so many epochs: the bytes, and the remarks.
fn export(address: &str, epochs: u32, format: Format) -> Result<(Vec<u8>, String), String> {
    let mut page = page(address);
    work(&mut page, epochs);
    match tell(&mut page, Command::Export { run: 0, format })?.pop() {
        Some(Event::Exported { bytes, remarks, .. }) => Ok((bytes, remarks.join("\n"))),
        other => panic!("{other:?}"),
    }
}

fn text(address: &str, epochs: u32, format: Format) -> Result<String, String> {
    let (bytes, _) = export(address, epochs, format)?;
    Ok(String::from_utf8(bytes).expect("a text"))
}

/// The program is an example of gradus: there it is compiled, and run to the same loss.
#[test]
fn the_program_is_the_example() {
    let address = "dataset=xor&percTrainData=10&activation=relu&optimizer=adam&schedule=cosine&scheduleEpochs=100";
    let program = text(address, 100, Format::Rust).unwrap();
    expect_file!["../../../../gradus/examples/43_playground.rs"].assert_eq(&program);
}

#[test]
fn commands() {
    let command = |address: &str| match text(address, 50, Format::CommandLine) {
        Ok(text) => text,
        Err(what) => format!("{what}\n"),
    };
    let told = [
        "loss=crossEntropy&activation=relu",
        "problem=regression&networkShape=&x=false&optimizer=nesterov&regularization=L2&regularizationRate=0.01",
        "loss=crossEntropy&activation=relu&optimizer=adamw&schedule=step&regularization=L1&regularizationRate=0.1",
        "",
        "loss=crossEntropy",
        "loss=crossEntropy&activation=relu&sinX=true",
        "loss=crossEntropy&activation=relu&dataset=own",
    ]
    .map(command)
    .concat();
    expect![[r#"
        gradus train mlp --data points.csv --drop part --hidden 4,2 --epochs 50 --batch 10 --optimizer sgd --lr 0.03 --schedule constant
        gradus train linear --data points.csv --drop x,part --target label --epochs 50 --batch 10 --optimizer sgd --momentum 0.9 --nesterov --lr 0.03 --schedule constant --weight-decay 0.01
        gradus train mlp --data points.csv --drop part --hidden 4,2 --epochs 50 --batch 10 --optimizer adamw --lr 0.03 --schedule step --drop-every 100 --drop-factor 0.1 --l1 0.1
        gradus train tells classes apart by cross-entropy, this run by the squared loss: the Rust program trains the same
        gradus train mlp has ReLU units, this network has others: the Rust program trains the same
        the table has the columns x and y, this network sees further features: the Rust program trains the same
        there are no points
    "#]].assert_eq(&told);
}

#[test]
fn json() {
    let text = text("networkShape=2&initZero=true&sinX=true&y=false", 0, Format::Json).unwrap();
    expect![[r#"
        {
          "settings": "activation=tanh&regularization=none&batchSize=10&dataset=circle&regDataset=reg-plane&learningRate=0.03&regularizationRate=0&noise=0&networkShape=2&seed=0.5&showTestData=false&discretize=false&percTrainData=50&x=true&y=false&xTimesY=false&xSquared=false&ySquared=false&cosX=false&sinX=true&cosY=false&sinY=false&collectStats=false&problem=classification&initZero=true&hideText=false&classes=2&loss=squared&optimizer=sgd&schedule=constant&scheduleEpochs=300&momentum=0.9&weightDecay=0.01&draw=0",
          "epoch": 0,
          "features": ["x", "sinX"],
          "layers": [
            {
              "activation": "tanh",
              "weights": [
                [0, 0],
                [0, 0]
              ],
              "biases": [0, 0]
            },
            {
              "activation": "tanh",
              "weights": [
                [0, 0]
              ],
              "biases": [0]
            }
          ]
        }
    "#]].assert_eq(&text);
}

#[test]
fn what_a_program_cannot_hold_is_told() {
    let refusal = |address: &str| text(address, 1, Format::Rust).unwrap_err();
    assert_eq!(
        refusal("regularization=L1"),
        "links that die under L1 are the Playground's own: choose L2 or none"
    );
    assert_eq!(refusal("dataset=own"), "there are no points to learn from");
}

/// The model, computed node by node, gives what the network gives.
#[test]
fn onnx_models_give_what_the_network_gives() {
    let all = "x=true&xSquared=true&ySquared=true&xTimesY=true&sinX=true&sinY=true";
    for (address, is_logistic) in [
        (String::new(), false),
        (format!("{all}&activation=relu"), false),
        ("y=false&activation=sigmoid&problem=regression".into(), false),
        ("activation=leakyRelu&loss=crossEntropy".into(), true),
        ("activation=elu&classes=3&dataset=gauss&loss=crossEntropy".into(), false),
        ("activation=gelu&classes=3&dataset=gauss".into(), false),
        ("activation=softplus&networkShape=3,3,3".into(), false),
        ("activation=linear&networkShape=2".into(), false),
    ] {
        let (bytes, _) = export(&address, 5, Format::Onnx).unwrap();
        let model = parse_model(&bytes).expect("a model");
        let mut run = super::run(&address, 5);
        for [x, y] in [[0.5, -1.5], [-3.0, 2.0], [5.5, 5.5]] {
            let values = features_at(x, y);
            let input: Vec<f64> = run.used.iter().map(|feature| values[*feature]).collect();
            let mut expected = run.network.forward(&input).1.last().unwrap().clone();
            if is_logistic {
                expected.iter_mut().for_each(|y| *y = 0.5 * (*y + 1.0));
            }
            let found = compute(&model.graph, [x, y]);
            let pairs = found.iter().zip(&expected);
            assert_eq!(found.len(), expected.len());
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{address}: {a} {b}"));
        }
    }
}

/// A graph's output for one point.
fn compute(graph: &Graph, point: [f64; 2]) -> Vec<f64> {
    let mut values: HashMap<String, Vec<f64>> = HashMap::from([("points".into(), point.into())]);
    for array in &graph.initializers {
        let numbers = array.to_f32().expect("numbers").iter().map(|x| f64::from(*x)).collect();
        values.insert(array.name.clone(), numbers);
    }
    for node in &graph.nodes {
        let inputs: Vec<Vec<f64>> = node.inputs.iter().map(|name| values[name].clone()).collect();
        if node.op == "Split" {
            let halves = node.outputs.iter().zip(&inputs[0]);
            halves.for_each(|(name, value)| drop(values.insert(name.clone(), vec![*value])));
            continue;
        }
        values.insert(node.outputs[0].clone(), operate(node, &inputs));
    }
    values[&graph.outputs[0].name].clone()
}

fn operate(node: &Node, inputs: &[Vec<f64>]) -> Vec<f64> {
    let x = &inputs[0];
    let each = |function: fn(f64) -> f64| x.iter().map(|x| function(*x)).collect();
    let attribute = |name: &str| node.attributes.iter().find(|a| a.name == name).map(|a| &a.value);
    match node.op.as_str() {
        "Concat" => inputs.concat(),
        "Mul" => vec![x[0] * inputs[1][0]],
        "Sin" => each(f64::sin),
        "Gemm" => {
            assert_eq!(attribute("transB"), Some(&AttributeValue::Int(1)));
            let rows = inputs[1].chunks(x.len()).zip(&inputs[2]);
            rows.map(|(row, b)| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
        }
        "Relu" => each(|x| x.max(0.0)),
        "Tanh" => each(f64::tanh),
        "Sigmoid" => each(|x| 1.0 / (1.0 + (-x).exp())),
        "LeakyRelu" => {
            assert_eq!(attribute("alpha"), Some(&AttributeValue::Float(0.01)));
            each(|x| if x > 0.0 { x } else { 0.01 * x })
        }
        "Elu" => each(|x| if x > 0.0 { x } else { x.exp_m1() }),
        "Gelu" => {
            assert_eq!(attribute("approximate"), Some(&AttributeValue::Text("tanh".into())));
            each(|x| {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            })
        }
        "Softplus" => each(|x| x.exp().ln_1p()),
        "Softmax" => {
            let total: f64 = x.iter().map(|x| x.exp()).sum();
            x.iter().map(|x| x.exp() / total).collect()
        }
        other => panic!("{other}"),
    }
}
