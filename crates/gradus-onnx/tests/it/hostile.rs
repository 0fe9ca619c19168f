//! Broken and hostile models: an error of one line, never a panic, nothing allocated on a file's word.

use gradus_io::NamedArray;
use gradus_io::onnx::{
    Attribute, AttributeValue, Graph, Model, Node, Size, ValueInfo, model_bytes, parse_model,
};
use gradus_onnx::Network;
use gradus_tensor::DType::{I32, I64};
use gradus_tensor::Tensor;

fn node(op: &str, inputs: &[&str], attributes: Vec<(&str, AttributeValue)>) -> Node {
    Node {
        op: op.into(),
        inputs: inputs.iter().map(|&n| n.into()).collect(),
        outputs: vec!["y".into()],
        attributes: attributes
            .into_iter()
            .map(|(n, value)| Attribute { name: n.into(), value })
            .collect(),
        ..Node::default()
    }
}

fn model(node: Node, initializers: Vec<NamedArray>) -> Model {
    let value = |name: &str| ValueInfo { name: name.into(), element: 1, shape: None };
    let graph = Graph {
        nodes: vec![node],
        initializers,
        inputs: vec![value("x")],
        outputs: vec![value("y")],
        ..Graph::default()
    };
    Model { ir_version: 8, opsets: vec![(String::new(), 17)], graph, ..Model::default() }
}

fn ints(values: &[i64]) -> AttributeValue {
    AttributeValue::Ints(values.to_vec())
}

fn array(name: &str, values: &[i64]) -> NamedArray {
    let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    NamedArray::new(name, I64, [values.len()], data).unwrap()
}

#[test]
fn every_cut_and_every_flipped_byte_is_an_error_or_a_model() {
    let conv = node("Conv", &["x", "w"], vec![("pads", ints(&[1, 1, 1, 1]))]);
    let w = NamedArray::from_f32("w", [1, 1, 3, 3], &[0.5; 9]).unwrap();
    let bytes = model_bytes(&model(conv, vec![w]));
    for cut in 0..bytes.len() {
        let _ = parse_model(&bytes[..cut]).map(Network::new);
    }
    let x = || Tensor::ones([1, 1, 4, 4]);
    let mut ran = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            if let Ok(network) =
                parse_model(&broken).map_err(|_| ()).and_then(|m| Network::new(m).map_err(|_| ()))
            {
                ran += usize::from(network.run(&[("x", x())]).is_ok());
            }
        }
    }
    assert!(ran > 0, "some bits, such as a weight's, change no shape");
}

/// A node, arrays it reads, and a part of the message.
type Refused = (Node, Vec<NamedArray>, &'static str);

#[test]
fn settings_that_do_not_fit() {
    let w = || NamedArray::from_f32("w", [1, 1, 3, 3], &[0.5; 9]).unwrap();
    let cases: Vec<Refused> = vec![
        (
            node("Conv", &["x", "w"], vec![("pads", ints(&[1, 1]))]),
            vec![w()],
            "pads [1, 1]; expected 4 sizes",
        ),
        (
            node("Conv", &["x", "w"], vec![("strides", ints(&[-1, 1]))]),
            vec![w()],
            "strides [-1, 1]; expected 2 sizes",
        ),
        (node("Conv", &["x", "w"], vec![("strides", ints(&[0, 1]))]), vec![w()], "strides [0, 1]"),
        (
            node("Conv", &["x", "w"], vec![("group", AttributeValue::Int(3))]),
            vec![w()],
            "the channels do not fit",
        ),
        (
            node("Conv", &["x", "w"], vec![("auto_pad", AttributeValue::Text("SOME".into()))]),
            vec![w()],
            "auto_pad `SOME` is not known",
        ),
        (node("Conv", &["x"], vec![]), vec![], "input 1 is missing"),
        (node("Reshape", &["x", "s"], vec![]), vec![array("s", &[-5])], "size -5"),
        (
            node("Reshape", &["x", "s"], vec![]),
            vec![array("s", &[i64::MAX, i64::MAX])],
            "size 9223372036854775807; expected 0 to 2147483647",
        ),
        (node("Reshape", &["x", "s"], vec![]), vec![array("s", &[7])], "cannot become [7]"),
        (node("Slice", &["x", "s", "s", "s", "s"], vec![]), vec![array("s", &[0])], "a step of 0"),
        (
            node("Concat", &["x"], vec![("axis", AttributeValue::Int(9))]),
            vec![],
            "axis 9 of 4 axes",
        ),
        (
            node("Transpose", &["x"], vec![("perm", ints(&[0, 0, 1, 2]))]),
            vec![],
            "order [0, 0, 1, 2]",
        ),
        (node("Relu", &["x"], vec![]), vec![array("x", &[1])], ""),
    ];
    for (node, arrays, part) in cases {
        let op = node.op.clone();
        let network = Network::new(model(node, arrays)).unwrap();
        if part.is_empty() {
            continue;
        }
        let error = network.run(&[("x", Tensor::ones([1, 1, 4, 4]))]).err();
        let error = error.unwrap_or_else(|| panic!("{op} runs, expected: {part}")).to_string();
        assert!(
            error.starts_with(&format!("node {op} \"y\": ")) && error.contains(part),
            "{error}"
        );
    }
}

#[test]
fn graphs_that_do_not_hold_together() {
    let message = |m: Model| Network::new(m).unwrap_err().to_string();
    let mut m = model(node("Relu", &["z"], vec![]), vec![]);
    assert_eq!(message(m.clone()), "node Relu \"y\": reads `z`, which is made by nobody");
    m.graph.nodes[0].inputs = vec!["y".into()];
    assert!(message(m.clone()).contains("in a cycle"));
    m.graph.nodes[0].inputs = vec!["x".into()];
    m.graph.nodes[0].outputs = vec!["x".into()];
    assert!(message(m.clone()).contains("makes `x`, which is there already"));
    m.graph.nodes[0].outputs = vec!["other".into()];
    assert!(message(m.clone()).contains("output `y` (float) is made by nobody"));
    m.opsets = vec![(String::new(), 3)];
    assert_eq!(message(m), "the model is written for operator set 3; known are 7 to 28");
}

/// Names are the file's: they neither fill the screen nor steer it.
#[test]
fn messages_fit_a_screen() {
    let mut m = model(node("Relu", &["x"], vec![]), vec![]);
    m.graph.nodes = (0..1000).map(|i| node(&format!("\x1b[{i}J"), &["x"], vec![])).collect();
    let message = Network::new(m.clone()).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 12, "{message}");
    assert!(message.ends_with("\n  and 990 more"), "{message}");
    assert!(!message.contains('\x1b'), "{message}");
    m.graph.nodes = vec![node("Relu", &["z".repeat(5000).as_str()], vec![])];
    let message = Network::new(m).unwrap_err().to_string();
    assert!(message.chars().count() < 500, "{message}");
    assert!(message.ends_with("which is made by nobody"), "{message}");
}

/// A size below zero fits no input.
#[test]
fn sizes_below_zero() {
    let mut m = model(node("Relu", &["x"], vec![]), vec![]);
    m.graph.inputs[0].shape = Some(vec![Size::Is(-3)]);
    let error = Network::new(m).unwrap().run(&[("x", Tensor::ones([3]))]).unwrap_err();
    assert_eq!(error.to_string(), "input `x` is [3], expected [-3]");
}

/// An input's elements are of the type that the model says.
#[test]
fn other_elements_are_refused() {
    let network = Network::new(model(node("Relu", &["x"], vec![]), vec![])).unwrap();
    assert!(network.run(&[("x", Tensor::ones([3]))]).is_ok());
    let error = network.run(&[("x", Tensor::from([1i64, 2, 3]))]).unwrap_err();
    assert_eq!(error.to_string(), "input `x` is i64, expected f32");
    // int8, int16, uint16; uint32, uint64: held in wider types.
    for (number, held, name) in
        [(3, I32, "i32"), (5, I32, "i32"), (4, I32, "i32"), (12, I64, "i64"), (13, I64, "i64")]
    {
        let mut m = model(node("Identity", &["x"], vec![]), vec![]);
        m.graph.inputs[0].element = number;
        let network = Network::new(m).unwrap();
        assert!(network.run(&[("x", Tensor::ones([3]).cast(held))]).is_ok());
        let error = network.run(&[("x", Tensor::ones([3]))]).unwrap_err();
        assert_eq!(error.to_string(), format!("input `x` is f32, expected {name}"));
    }
}

/// Every operator that takes a size out of the file says so before anything is allocated for it.
#[test]
fn sizes_beyond_memory() {
    let far = i64::from(i32::MAX);
    let floats =
        |name: &str, values: &[f32]| NamedArray::from_f32(name, [values.len()], values).unwrap();
    let scalar = |name: &str, n: i64| NamedArray { shape: vec![], ..array(name, &[n]) };
    let cases: Vec<Refused> = vec![
        (node("Expand", &["x", "s"], vec![]), vec![array("s", &[far, 1, 1, 4, 4])], "elements"),
        (node("ConstantOfShape", &["s"], vec![]), vec![array("s", &[far, far])], "elements"),
        (
            node("Range", &["a", "b", "c"], vec![]),
            vec![scalar("a", 0), scalar("b", 1 << 60), scalar("c", 1)],
            "elements",
        ),
        (node("Tile", &["x", "s"], vec![]), vec![array("s", &[far, far, far, far])], "elements"),
        (
            node("Pad", &["x", "s"], vec![]),
            vec![array("s", &[far, 0, 0, i64::MAX, 0, 0, 0, 0])],
            "elements",
        ),
        (
            node("Resize", &["x", "", "s"], vec![]),
            vec![floats("s", &[1e30, 1.0, 1.0, 1.0])],
            "elements",
        ),
        (
            node("OneHot", &["x", "d", "v"], vec![]),
            vec![scalar("d", far), floats("v", &[0.0, 1.0])],
            "elements",
        ),
        (
            node("Split", &["x"], vec![("num_outputs", AttributeValue::Int(far))]),
            vec![],
            "2147483647 parts for 1 outputs",
        ),
        (
            node(
                "MaxPool",
                &["x"],
                vec![("kernel_shape", ints(&[1, 1])), ("pads", ints(&[far; 4]))],
            ),
            vec![],
            "elements",
        ),
        (
            node("ConvTranspose", &["x", "w"], vec![("strides", ints(&[far; 2]))]),
            vec![NamedArray::from_f32("w", [1, 1, 1, 1], &[1.0]).unwrap()],
            "elements",
        ),
        (
            node("Pad", &["x", "s"], vec![]),
            vec![array("s", &[i64::MIN, 0, 0, 0, 0, 0, 0, 0])],
            "cut more than is there",
        ),
    ];
    for (node, arrays, part) in cases {
        let op = node.op.clone();
        let network = Network::new(model(node, arrays)).unwrap();
        let error = network.run(&[("x", Tensor::ones([1, 1, 4, 4]))]).err();
        let error = error.unwrap_or_else(|| panic!("{op} runs, expected: {part}")).to_string();
        let start = format!("node {op} \"y\": ");
        assert!(error.starts_with(&start) && error.contains(part), "{error}");
    }
    // Less can be allowed.
    let wide = model(node("Expand", &["x", "s"], vec![]), vec![array("s", &[100, 1, 4, 4])]);
    let run = |network: Network| network.run(&[("x", Tensor::ones([1, 1, 4, 4]))]);
    let network = || Network::new(wide.clone()).unwrap();
    assert!(run(network().limited_to(1600)).is_ok());
    assert_eq!(
        run(network().limited_to(1599)).unwrap_err().to_string(),
        "node Expand \"y\": a value of sizes [100, 1, 4, 4] has more than 1599 elements"
    );
}

/// An operator that is not known is named, with where it stands and the version it is of.
#[test]
fn operators_that_are_not_known() {
    let mut m = model(node("Quantum", &["x"], vec![]), vec![]);
    m.graph.nodes[0].name = "q".into();
    let message = |m: &Model| Network::new(m.clone()).unwrap_err().to_string();
    let head = "operators of set 17 that are not known; to run, the model must do without:\n  ";
    assert_eq!(message(&m), format!("{head}Quantum (1×, first Quantum \"q\")"));
    m.graph.nodes[0].domain = "com.example".into();
    assert_eq!(message(&m), format!("{head}com.example.Quantum (1×, first Quantum \"q\")"));
}

/// One open size, `N`, is the same wherever it is named.
#[test]
fn open_sizes_agree() {
    let mut m = model(node("Add", &["x", "w"], vec![]), vec![]);
    let open = |name: &str| ValueInfo {
        name: name.into(),
        element: 1,
        shape: Some(vec![Size::Open("N".into())]),
    };
    m.graph.inputs = vec![open("x"), open("w")];
    let network = Network::new(m).unwrap();
    let run =
        |n: usize, m: usize| network.run(&[("x", Tensor::ones([n])), ("w", Tensor::ones([m]))]);
    assert_eq!(run(2, 2).unwrap()[0].1.to_vec::<f32>(), [2.0, 2.0]);
    assert_eq!(run(2, 1).unwrap_err().to_string(), "input `w` is [1], expected [N = 2]");
}
