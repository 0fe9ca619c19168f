//! Columns, classes and outputs are compared by their names, and no two have one.

use super::{ok, ran};
use gradus::io::Checkpoint;
use gradus::io::NamedArray;
use gradus::io::numpy::{read_npy, save_npy};
use gradus::io::onnx::{Graph, Model, Node, Size, ValueInfo, write_model};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Rows of some classes that lie apart along both columns.
fn write(folder: &Path, name: &str, header: &str, classes: &[(&str, f64)]) {
    let mut text = format!("{header}\n");
    for i in 0..40 {
        for (class, at) in classes {
            text += &format!(
                "{},{},{class}\n",
                at + (i % 7) as f64 / 10.0,
                2.0 * at - (i % 5) as f64 / 9.0
            );
        }
    }
    fs::write(folder.join(name), text).unwrap();
}

const QUIET: [&str; 3] = ["--epochs", "30", "--no-tensorboard"];

#[test]
fn classes_are_compared_by_name() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(f, "abc.csv", "x,y,label", &[("a", 0.0), ("b", 4.0), ("c", 8.0)]);
    ok(f, &[&["train", "mlp", "--data", "abc.csv", "--out", "run"], &QUIET[..]].concat());
    let eval = |data: &str| ran(f, &["eval", "run", "--data", data, "--json"]);
    // Some of them, in another order, spelled with blanks; others are refused and counted.
    write(f, "cb.csv", "x,y,label", &[(" c ", 8.0), ("\"b\"", 4.0)]);
    let tested = eval("cb.csv");
    assert_eq!(
        (&tested.json()["test_accuracy"], &tested.json()["samples"]),
        (&1.0.into(), &80.into())
    );
    write(f, "bcd.csv", "x,y,label", &[("b", 4.0), ("c", 8.0), ("d", 12.0)]);
    eval("bcd.csv")
        .fails(1, &["bcd.csv: class: found \"d\" of 40 samples, expected one of a, b, c"]);
    write(f, "three.csv", "x,y,label", &[("left", 0.0), ("middle", 4.0), ("right", 8.0)]);
    eval("three.csv")
        .fails(1, &["three.csv: class: found \"left\" of 40 samples, expected one of"]);

    // Only of a model whose classes have no names the order has to do.
    let path = f.join("run/best.safetensors");
    let mut file = Checkpoint::load(&path).unwrap();
    let mut model: Value = file.get("model").unwrap();
    (model["classes"], model["epoch"]) = (json!(["0", "1", "2"]), 0.into());
    file.set("model", &model).unwrap();
    file.save(&f.join("numbered.safetensors")).unwrap();
    let numbered = |data: &str| ran(f, &["eval", "numbered.safetensors", "--data", data, "--json"]);
    let tested = numbered("three.csv");
    assert_eq!(tested.json()["test_accuracy"], 1.0, "{}", tested.out);
    assert!(tested.err.contains("0 is taken for left, and so on in the order of the names"));
    assert!(tested.out.contains(" left ") && tested.out.contains("middle"), "{}", tested.out);
    numbered("cb.csv").fails(1, &["cb.csv: found 2 classes, but the 3 of the model have no names"]);
    write(f, "02.csv", "x,y,label", &[("2", 8.0), ("0", 0.0)]);
    assert_eq!(numbered("02.csv").json()["test_accuracy"], 1.0);
    let mut named = |classes: [&str; 3]| {
        model["classes"] = json!(classes);
        file.set("model", &model).unwrap();
        file.save(&f.join("numbered.safetensors")).unwrap();
        numbered("three.csv")
    };
    assert_eq!(named(["class_0", "class_1", "class_2"]).json()["test_accuracy"], 1.0);
    named(["class_0", "class_1", "lily"])
        .fails(1, &["class: found \"left\" of 40 samples, expected"]);
    // A name that two classes share says nothing.
    named(["left", "middle", "left"])
        .fails(1, &["found \"left\" of 40 samples, expected a name that 2 classes do not share"]);
}

#[test]
fn a_label_is_one_class_however_it_is_written() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    write(f, "a.csv", "x,y,label", &[("1", 0.0), ("2", 4.0)]);
    ok(f, &[&["train", "mlp", "--data", "a.csv", "--out", "run"], &QUIET[..]].concat());
    write(f, "b.csv", "x,y,label", &[("1.0", 0.0), (" 02", 4.0), ("2.00", 4.2)]);
    assert_eq!(ok(f, &["eval", "run", "--data", "b.csv", "--json"]).json()["test_accuracy"], 1.0);
    let predicted = ok(f, &["predict", "run", "b.csv", "--json"]).json();
    assert_eq!(predicted["accuracy"], 1.0);
    ok(f, &[&["train", "mlp", "--data", "b.csv", "--out", "other"], &QUIET[..]].concat());
    assert_eq!(ok(f, &["eval", "other", "--data", "a.csv", "--json"]).json()["test_accuracy"], 1.0);
    assert_eq!(ok(f, &["data", "show", "b.csv", "--json"]).json()["classes"], json!(["1", "2"]));
    // To go on learning, too: the classifier is kept.
    let more = ["train", "mlp", "--from", "run", "--data", "b.csv", "--out", "more"];
    let more = ok(f, &[&more, &QUIET[..]].concat());
    assert!(more.err.contains("begins with run (its classifier, too)"), "{}", more.err);
}

#[test]
fn no_two_columns_have_one_name() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let classes = [("a", 0.0), ("b", 4.0)];
    write(f, "a.csv", "x,y,label", &classes);
    ok(f, &[&["train", "mlp", "--data", "a.csv", "--out", "run"], &QUIET[..]].concat());
    let twins = "line 1: found columns 1 and 2 both called \"x\", expected a name for each";
    write(f, "twins.csv", "x,x,label", &classes);
    for args in [
        &["train", "mlp", "--data", "twins.csv"][..],
        &["eval", "run", "--data", "twins.csv"],
        &["predict", "run", "twins.csv"],
    ] {
        ran(f, args).fails(1, &["twins.csv, ", twins]);
    }
    assert!(ok(f, &["data", "show", "twins.csv"]).out.contains(twins));
    fs::write(f.join("labels.csv"), "label,x,Label\n1,2,a\n2,3,b\n").unwrap();
    ran(f, &["train", "mlp", "--data", "labels.csv"])
        .fails(1, &["labels.csv, line 1: found columns 1 and 3 both called \"Label\""]);

    // A trained model finds its columns by name, to go on learning as well.
    let swapped = fs::read_to_string(f.join("a.csv")).unwrap();
    let swap = |line: &str| {
        let v: Vec<&str> = line.split(',').collect();
        format!("{},{},{},more\n", v[1], v[2], v[0])
    };
    fs::write(f.join("b.csv"), swapped.lines().map(swap).collect::<String>()).unwrap();
    let few = ["--epochs", "1", "--schedule", "constant", "--lr", "1e-9", "--no-tensorboard"];
    let more = ["train", "mlp", "--from", "run", "--data", "b.csv", "--out", "more", "--json"];
    let more = ok(f, &[&more, &few[..]].concat());
    assert_eq!(more.json()["test_accuracy"], 1.0, "{}", more.out);
}

/// Two classes that differ in a quarter of a second, ten years of seconds from 0; and small numbers beside them.
#[test]
fn times_and_identifiers_keep_their_digits() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let time = |i: usize| 1_700_000_000.0 + [0.25, 0.75][i % 2] + (i * 37 % 100) as f64 / 1000.0;
    let rows: String =
        (0..200).map(|i| format!("{:.3},{},{}\n", time(i), i * 31 % 17, i % 2)).collect();
    fs::write(f.join("t.csv"), format!("time,noise,label\n{rows}")).unwrap();
    let trained = ok(
        f,
        &[&["train", "mlp", "--data", "t.csv", "--out", "run", "--json"], &QUIET[..]].concat(),
    );
    assert_eq!(trained.json()["test_accuracy"], 1.0, "{}", trained.out);
    assert_eq!(ok(f, &["eval", "run", "--json"]).json()["test_accuracy"], 1.0);
    assert_eq!(ok(f, &["predict", "run", "t.csv", "--json"]).json()["accuracy"], 1.0);
    let model: Value =
        Checkpoint::load(&f.join("run/best.safetensors")).unwrap().get("model").unwrap();
    let offset = model["offset"][0].as_f64().unwrap();
    assert!((offset - 1_700_000_000.55).abs() < 0.05, "{offset}");
    // Programs that take the ONNX file's properties subtract the same.
    ok(f, &["export", "run", "--out", "t.onnx"]);
    let text = fs::read(f.join("t.onnx")).unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains(&format!("[{offset},")), "the mean is {offset}");
}

/// An output's name may hold what no file's name can.
#[test]
fn every_output_has_a_file() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let node = |op: &str, output: &str| Node {
        op: op.into(),
        inputs: vec!["x".into()],
        outputs: vec![output.into()],
        ..Node::default()
    };
    let value =
        |name: &str| ValueInfo { name: name.into(), element: 1, shape: Some(vec![Size::Is(2)]) };
    let graph = Graph {
        nodes: vec![node("Neg", "a/b"), node("Abs", "a_b"), node("Relu", "A:B")],
        inputs: vec![value("x")],
        outputs: vec![value("a/b"), value("a_b"), value("A:B")],
        ..Graph::default()
    };
    let model =
        Model { ir_version: 8, opsets: vec![(String::new(), 17)], graph, ..Model::default() };
    write_model(&f.join("net.onnx"), &model).unwrap();
    let x = NamedArray::from_f32("x", [2], &[-1.0, 2.0]).unwrap();
    save_npy(&f.join("x.npy"), &x).unwrap();
    let ran = ok(f, &["run", "net.onnx", "--input", "x.npy", "--output", "out", "--json"]).json();
    let read = |i: usize| {
        let file = f.join(ran["outputs"][i]["file"].as_str().unwrap());
        read_npy(&file).unwrap().to_f32().unwrap()
    };
    assert_eq!([read(0), read(1), read(2)], [[1.0, -2.0], [1.0, 2.0], [0.0, 2.0]]);
    assert_eq!(fs::read_dir(f.join("out")).unwrap().count(), 3);
}
