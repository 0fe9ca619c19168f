//! Branches, loops, scans and sequences, and what they say of graphs that do not fit.

use super::nodes::{floats, int, network, node, output, set, value};
use gradus_io::onnx::{AttributeValue, Graph, Node};
use gradus_tensor::{DType, Tensor, compile};

fn graph(inputs: &[(&str, i64)], nodes: Vec<Node>, outputs: &[&str]) -> AttributeValue {
    AttributeValue::Graph(Box::new(Graph {
        nodes,
        inputs: inputs.iter().map(|(n, e)| value(n, *e)).collect(),
        outputs: outputs.iter().map(|n| value(n, 1)).collect(),
        ..Graph::default()
    }))
}

/// y = 2x where c holds, else x·x: both branches read x from around them.
fn branches() -> Graph {
    let doubled = graph(&[], vec![node("Add", &["x", "x"], &["a"], vec![])], &["a"]);
    let squared = graph(&[], vec![node("Mul", &["x", "x"], &["a"], vec![])], &["a"]);
    let settings = vec![set("then_branch", doubled), set("else_branch", squared)];
    Graph {
        nodes: vec![node("If", &["c"], &["y"], settings)],
        inputs: vec![value("x", 1), value("c", 9)],
        outputs: vec![value("y", 1)],
        ..Graph::default()
    }
}

#[test]
fn a_branch_is_chosen_by_its_condition() {
    let network = network(branches()).unwrap();
    let run = |c: bool| {
        let inputs = [("x", Tensor::from([3.0f32])), ("c", Tensor::from([c]))];
        network.run(&inputs).unwrap()[0].1.item()
    };
    assert_eq!((run(true), run(false)), (6.0, 9.0));
    // While a step is traced nothing has a value: the condition is asked for in vain.
    let mut step = compile(move |x: &[Tensor]| {
        let inputs = [("x", x[0].clone()), ("c", x[0].gt(0.0))];
        let what = network.build(&inputs).unwrap_err().to_string();
        assert!(what.contains("If \"y\": its condition must be known when the graph is built"));
        gradus_tensor::Step::new().read(&x[0])
    });
    step.run(&[&Tensor::from([1.0f32])]).unwrap();
}

/// A body with rounds, a condition, one carried value, and one that is stacked.
fn body(condition: Node) -> AttributeValue {
    let add = node("Add", &["s", "one"], &["s2"], vec![]);
    let square = node("Mul", &["s2", "s2"], &["row"], vec![]);
    graph(&[("i", 7), ("go", 9), ("s", 1)], vec![condition, add, square], &["go2", "s2", "row"])
}

fn loops(condition: Node, most: &[i64]) -> Result<Vec<Tensor>, String> {
    let most_name = if most.is_empty() { "" } else { "m" };
    let settings = vec![set("body", body(condition))];
    let nodes = vec![node("Loop", &[most_name, "", "s0"], &["s", "rows"], settings)];
    let mut graph = Graph {
        nodes,
        inputs: vec![value("s0", 1), value("one", 1)],
        outputs: vec![value("s", 1), value("rows", 1)],
        ..Graph::default()
    };
    let mut inputs = vec![("s0", Tensor::from([0.0f32])), ("one", Tensor::from([1.0f32]))];
    if let [most] = most {
        graph.inputs.push(value("m", 7));
        inputs.push(("m", Tensor::scalar(*most)));
    }
    let made = network(graph)?.run(&inputs).map_err(|e| e.to_string())?;
    Ok(made.into_iter().map(|(_, y)| y).collect())
}

#[test]
fn loops_end_by_number_or_by_condition() {
    let always = || node("Identity", &["go"], &["go2"], vec![]);
    let y = loops(always(), &[3]).unwrap();
    assert_eq!((y[0].to_vec::<f32>(), y[1].to_vec::<f32>()), (vec![3.0], vec![1.0, 4.0, 9.0]));
    assert_eq!(y[1].shape().to_string(), "[3, 1]");
    // Until the sum is not less than one.
    let less = || node("Less", &["s", "one"], &["go2"], vec![]);
    let y = loops(less(), &[]).unwrap();
    assert_eq!(y[0].to_vec::<f32>(), [2.0]);
    let none = loops(always(), &[0]).unwrap();
    assert_eq!((none[0].item(), none[1].shape()[0]), (0.0, 0));
    // More rounds than a graph would be built of at once.
    assert_eq!(loops(always(), &[200]).unwrap()[0].item(), 200.0);
}

#[test]
fn scans_walk_along_sequences_either_way() {
    let add = node("Add", &["s", "x"], &["s2"], vec![]);
    let twice = node("Add", &["s2", "s2"], &["row"], vec![]);
    let run = |settings| {
        let body = graph(&[("s", 1), ("x", 1)], vec![add.clone(), twice.clone()], &["s2", "row"]);
        let mut all: Vec<_> = settings;
        all.extend([set("body", body), int("num_scan_inputs", 1)]);
        let graph = Graph {
            nodes: vec![node("Scan", &["s0", "xs"], &["s", "rows"], all)],
            inputs: vec![value("s0", 1), value("xs", 1)],
            outputs: vec![value("s", 1), value("rows", 1)],
            ..Graph::default()
        };
        let inputs = [("s0", Tensor::scalar(0.0f32)), ("xs", Tensor::from([1.0f32, 2.0, 4.0]))];
        let y = network(graph).unwrap().run(&inputs).unwrap();
        (y[0].1.item(), y[1].1.to_vec::<f32>())
    };
    assert_eq!(run(vec![]), (7.0, vec![2.0, 6.0, 14.0]));
    let back = || AttributeValue::Ints(vec![1]);
    assert_eq!(run(vec![set("scan_input_directions", back())]), (7.0, vec![8.0, 12.0, 14.0]));
    assert_eq!(run(vec![set("scan_output_directions", back())]), (7.0, vec![14.0, 6.0, 2.0]));
}

#[test]
fn sequences_are_split_changed_and_joined() {
    let nodes = vec![
        node("SplitToSequence", &["x"], &["all"], vec![int("axis", 0), int("keepdims", 0)]),
        node("SequenceAt", &["all", "last"], &["z"], vec![]),
        node("SequenceErase", &["all", "last"], &["fewer"], vec![]),
        node("SequenceInsert", &["fewer", "z", "first"], &["turned"], vec![]),
        node("SequenceLength", &["turned"], &["n"], vec![]),
        node("ConcatFromSequence", &["turned"], &["y"], vec![int("axis", 0), int("new_axis", 1)]),
    ];
    let graph = Graph {
        nodes,
        inputs: vec![value("x", 1), value("last", 7), value("first", 7)],
        outputs: vec![value("y", 1), value("n", 7)],
        ..Graph::default()
    };
    let network = network(graph).unwrap();
    let run = |last: i64| {
        let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let inputs = [("x", x), ("last", Tensor::scalar(last)), ("first", Tensor::scalar(0i64))];
        network.run(&inputs).map_err(|e| e.to_string())
    };
    let y = run(-1).unwrap();
    assert_eq!(y[0].1.to_vec::<f32>(), [5.0, 6.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(y[1].1.item(), 3.0);
    let e = run(7).unwrap_err();
    assert!(e.contains("SequenceAt \"z\": element 7 of a sequence of 3"), "{e}");
}

#[test]
fn graphs_that_do_not_fit_are_refused() {
    let e = network(Graph {
        nodes: vec![node(
            "If",
            &["c"],
            &["y"],
            vec![set(
                "then_branch",
                graph(&[], vec![node("Add", &["nobody", "c"], &["a"], vec![])], &["a"]),
            )],
        )],
        inputs: vec![value("c", 9)],
        outputs: vec![value("y", 1)],
        ..Graph::default()
    });
    let e = e.unwrap_err();
    assert!(e.contains("reads `nobody`, which is made by nobody"), "{e}");
    let unknown = graph(&[], vec![node("Nonesuch", &["c"], &["a"], vec![])], &["a"]);
    let e = network(Graph {
        nodes: vec![node("If", &["c"], &["y"], vec![set("then_branch", unknown)])],
        inputs: vec![value("c", 9)],
        outputs: vec![value("y", 1)],
        ..Graph::default()
    });
    assert!(e.unwrap_err().contains("Nonesuch (1×"));
    let e = output("If", vec![], &[Tensor::from([true])]).unwrap_err();
    assert!(e.contains("attribute `then_branch` is no graph"), "{e}");
    let two = Tensor::from([true, false]);
    let e = output("If", vec![], &[two]).unwrap_err();
    assert!(e.contains("its condition is [2]; expected one element"), "{e}");
    assert_eq!(floats("Identity", vec![], &[Tensor::from([2.0f32])]), [2.0]);
    let e = output("SequenceLength", vec![], &[Tensor::from([2.0f32])]).unwrap_err();
    assert!(e.contains("input 0 is no sequence"), "{e}");
    let e = output("Relu", vec![], &[Tensor::from([1.0f32]).cast(DType::F32)]);
    assert!(e.is_ok());
}
