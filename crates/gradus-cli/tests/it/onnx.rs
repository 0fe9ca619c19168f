//! `gradus run`: an ONNX model on arrays, and files that are none.

use super::{ok, ran};
use gradus::io::NamedArray;
use gradus::io::numpy::{read_npy, save_npy, save_npz};
use gradus::io::onnx::{Graph, Model, Node, Size, ValueInfo, write_model, write_model_within};
use std::path::Path;

fn value(name: &str, sizes: [Size; 2]) -> ValueInfo {
    ValueInfo { name: name.into(), element: 1, shape: Some(sizes.to_vec()) }
}

/// y = relu(x·w + b) for a batch of any size.
fn dense(op: &str) -> Model {
    let batch = || Size::Open("N".into());
    let node = |op: &str, inputs: &[&str], output: &str| Node {
        op: op.into(),
        inputs: inputs.iter().map(|&n| n.into()).collect(),
        outputs: vec![output.into()],
        ..Node::default()
    };
    let graph = Graph {
        nodes: vec![node("Gemm", &["x", "w", "b"], "h"), node(op, &["h"], "y")],
        initializers: vec![
            NamedArray::from_f32("w", [2, 1], &[1.0, -2.0]).unwrap(),
            NamedArray::from_f32("b", [1], &[0.5]).unwrap(),
        ],
        inputs: vec![value("x", [batch(), Size::Is(2)])],
        outputs: vec![value("y", [batch(), Size::Is(1)])],
        ..Graph::default()
    };
    Model { ir_version: 8, opsets: vec![(String::new(), 17)], graph, ..Model::default() }
}

fn save_x(folder: &Path, shape: [usize; 2]) {
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|i| i as f32).collect();
    save_npy(&folder.join("x.npy"), &NamedArray::from_f32("x", shape, &values).unwrap()).unwrap();
}

#[test]
fn a_model_runs_on_arrays() {
    let folder = tempfile::tempdir().unwrap();
    write_model(&folder.path().join("net.onnx"), &dense("Relu")).unwrap();
    save_x(folder.path(), [3, 2]);
    let about = ok(folder.path(), &["run", "net.onnx"]);
    assert!(about.out.contains("2 nodes, 3 parameters, operator set 17"), "{}", about.out);
    assert!(about.out.contains("input   x  float [N, 2]"), "{}", about.out);
    let args = ["run", "net.onnx", "--input", "x=x.npy", "--output", "out", "--json"];
    let ran = ok(folder.path(), &args);
    assert_eq!(ran.json()["outputs"][0]["shape"], serde_json::json!([3, 1]));
    let y = read_npy(&folder.path().join("out/y.npy")).unwrap();
    // x·w + b = −1.5, −3.5, −5.5
    assert_eq!(y.to_f32().unwrap(), [0.0, 0.0, 0.0]);
    write_model(&folder.path().join("net.onnx"), &dense("Neg")).unwrap();
    ok(folder.path(), &["run", "net.onnx", "--input", "x.npy", "--output", "out"]);
    let y = read_npy(&folder.path().join("out/y.npy")).unwrap();
    assert_eq!(y.to_f32().unwrap(), [1.5, 3.5, 5.5]);
}

#[test]
fn what_cannot_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    let run = ["run", "net.onnx", "--input", "x=x.npy"];
    ran(folder.path(), &run).fails(1, &["net.onnx: cannot read"]);
    std::fs::write(&path, b"no model").unwrap();
    ran(folder.path(), &run).fails(1, &["net.onnx: not an ONNX model"]);
    write_model(&path, &dense("Quantum")).unwrap();
    ran(folder.path(), &run)
        .fails(1, &["operators of set 17 that are not known", "Quantum (1×, first Quantum \"y\")"]);
    write_model(&path, &dense("Relu")).unwrap();
    save_x(folder.path(), [2, 3]);
    ran(folder.path(), &run).fails(1, &["input `x` is [2, 3], expected [N = 2, 2]"]);
    let wrong = ["run", "net.onnx", "--input", "z=x.npy"];
    ran(folder.path(), &wrong).fails(1, &["there is no input `z`; the inputs are x"]);
    let mut cycle = dense("Relu");
    cycle.graph.nodes.swap(0, 1);
    write_model(&path, &cycle).unwrap();
    ran(folder.path(), &run)
        .fails(1, &["net.onnx: node Relu \"y\": reads `h`, which is made later"]);
}

/// A model on what comes in, on arrays by their names, and on what is no array.
#[test]
fn inputs_may_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    write_model(&f.join("net.onnx"), &dense("Neg")).unwrap();
    save_x(f, [3, 2]);
    let y = || read_npy(&f.join("y.npy")).unwrap().to_f32().unwrap();
    ok(f, &["run", "net.onnx", "x.npy"]);
    assert_eq!(y(), [1.5, 3.5, 5.5]);
    let x = NamedArray::from_f32("x", [1, 2], &[1.0, 1.0]).unwrap();
    save_npz(&f.join("all.npz"), &[x]).unwrap();
    ok(f, &["run", "net.onnx", "all.npz"]);
    assert_eq!(y(), [0.5]);
    let came = std::fs::File::open(f.join("x.npy")).unwrap();
    let done = super::gradus(f, &["run", "net.onnx", "-"]).stdin(came).output().unwrap();
    assert_eq!((done.status.code(), y()), (Some(0), vec![1.5, 3.5, 5.5]));
    ran(f, &["run", "net.onnx", "x=all.npz"]).fails(2, &["all.npz: found an .npz", "alone"]);
    ran(f, &["run", "net.onnx", "x.npy", "--input", "x=x.npy"]).fails(2, &["x is given twice"]);
    image::GrayImage::new(4, 3).save(f.join("p.png")).unwrap();
    let picture = "p.png: found a picture of 3×4 pixels, expected .npy or .npz";
    ran(f, &["run", "net.onnx", "p.png"]).fails(2, &[picture]);
    let mut nothing = super::gradus(f, &["run", "net.onnx", "-"]);
    let nothing = nothing.stdin(std::process::Stdio::null()).output().unwrap();
    super::Ran::from(nothing).fails(1, &["error: stdin"]);
    // What it is, and what takes it.
    let summary = ok(f, &["summary", "net.onnx", "--json"]);
    assert!(summary.out.contains("\n1 Gemm, 1 Neg\n"), "{}", summary.out);
    assert_eq!(summary.json()["operators"]["Gemm"], 1);
    ran(f, &["summary", "net.onnx", "--plan"]).fails(2, &["net.onnx: an ONNX model"]);
    ran(f, &["predict", "net.onnx", "p.png"])
        .fails(1, &["net.onnx: found an ONNX model", "gradus run net.onnx", "--model NAME"]);
}

/// As PyTorch exports by default: the weights in a file beside the model, which must come along.
#[test]
fn weights_may_lie_beside_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = dense("Neg");
    let weights: Vec<f32> = (0..600).map(|i| if i == 1 { 2.0 } else { 0.0 }).collect();
    model.graph.initializers[0] = NamedArray::from_f32("w", [2, 300], &weights).unwrap();
    model.graph.outputs[0].shape = None;
    let net = folder.path().join("net.onnx");
    let data = write_model_within(&net, &model, 1500).unwrap().unwrap();
    save_x(folder.path(), [3, 2]);
    ok(folder.path(), &["run", "net.onnx", "--input", "x.npy", "--output", "out"]);
    let y = read_npy(&folder.path().join("out/y.npy")).unwrap().to_f32().unwrap();
    // x₀ = 0, 2, 4 times 2, plus 0.5.
    assert_eq!([y[1], y[301], y[601]], [-0.5, -4.5, -8.5]);
    std::fs::rename(&data, folder.path().join("elsewhere.data")).unwrap();
    let run = ["run", "net.onnx", "--input", "x.npy"];
    ran(folder.path(), &run).fails(
        1,
        &["net.onnx: tensor `w`: its elements lie in \"net.onnx.data\", which cannot be read"],
    );
    std::fs::write(&data, [0u8; 2400]).unwrap();
    ran(folder.path(), &run).fails(1, &["whose SHA-1 is", "the model says"]);
}

/// Under a limit of four gigabytes: one line, exit 1, nothing aborts.
#[cfg(target_os = "linux")]
#[test]
fn more_memory_than_there_is_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let ints = |name: &str, values: &[i64]| {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        NamedArray::new(name, gradus::io::DType::I64, [values.len()], data).unwrap()
    };
    let scalar = |name: &str, n: i64| NamedArray { shape: vec![], ..ints(name, &[n]) };
    let many = 1_000_000_000;
    let cases: [(&str, &[&str], Vec<NamedArray>); 5] = [
        ("Tile", &["x", "a"], vec![ints("a", &[many])]),
        ("Pad", &["x", "a"], vec![ints("a", &[0, many])]),
        ("Expand", &["x", "a"], vec![ints("a", &[many])]),
        ("Range", &["a", "b", "c"], vec![scalar("a", 0), scalar("b", many), scalar("c", 1)]),
        ("HannWindow", &["a"], vec![scalar("a", many)]),
    ];
    let x = NamedArray::from_f32("x", [1], &[1.0]).unwrap();
    save_npy(&folder.path().join("x.npy"), &x).unwrap();
    for (op, inputs, initializers) in cases {
        let node = Node {
            op: op.into(),
            inputs: inputs.iter().map(|&n| n.into()).collect(),
            outputs: vec!["y".into()],
            ..Node::default()
        };
        let any = |name: &str| ValueInfo { name: name.into(), element: 0, shape: None };
        let graph = Graph {
            nodes: vec![node],
            initializers,
            inputs: vec![any("x")],
            outputs: vec![any("y")],
            ..Graph::default()
        };
        let opsets = vec![(String::new(), 18)];
        let model = Model { ir_version: 8, opsets, graph, ..Model::default() };
        write_model(&folder.path().join("net.onnx"), &model).unwrap();
        let run = "ulimit -v 4000000; exec \"$0\" run net.onnx --input x.npy --output out";
        let done = std::process::Command::new("sh")
            .args(["-c", run])
            .arg(super::program())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{op}: {said}");
        let named = said.contains(&format!("{op} \"y\": ")) && said.contains("GB");
        assert!(named && said.trim().lines().count() == 1, "{op}: {said}");
    }
}
