//! Files and disks that fail: a model's file with a defect, numbers that are no numbers, a full disk.

use super::{ok, program, ran, train_a_little};
use gradus::io::Checkpoint;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// The file of `run`'s model with another description.
fn with_description(f: &Path, change: impl Fn(&mut Value)) {
    let mut file = Checkpoint::load(&f.join("run/best.safetensors")).unwrap();
    let mut description: Value = file.get("model").unwrap();
    change(&mut description);
    file.set("model", &description).unwrap();
    file.save(&f.join("other.safetensors")).unwrap();
}

#[test]
fn files_of_models() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "linear", "run");
    let refused = |change: &dyn Fn(&mut Value), parts: &[&str]| {
        with_description(f, change);
        let all = [&["other.safetensors: "], parts].concat();
        ran(f, &["eval", "other.safetensors"]).fails(1, &all);
    };
    refused(&|d| d["architecture"] = json!("vgg99"), &["the network \"vgg99\" is not in this"]);
    refused(&|d| d["architecture"] = json!("mlp"), &["another architecture", "dense2.weight"]);
    refused(&|d| d["input"] = json!([1, 28, 27]), &["dense1.weight: the file has f32 [784, 10]"]);
    refused(&|d| d["input"] = json!([]), &["input", "[]"]);
    refused(&|d| d["input"] = json!([1, 1u64 << 40, 1u64 << 40]), &["input", "1099511627776"]);
    refused(&|d| d["classes"] = json!([]), &["classes"]);
    refused(&|d| d["mean"] = json!([0.1, 0.2]), &["mean", "2"]);
    refused(&|d| d["std"] = json!([0.0]), &["std"]);
    refused(&|d| d["input"] = json!("28x28"), &["state `model` is not what was expected"]);
    let whole = fs::read(f.join("run/best.safetensors")).unwrap();
    fs::write(f.join("cut.safetensors"), &whole[..whole.len() - 3]).unwrap();
    ran(f, &["predict", "cut.safetensors", "x.png"])
        .fails(1, &["cut.safetensors: truncated: array `", "ends at byte"]);
    fs::write(f.join("text.safetensors"), "no weights").unwrap();
    ran(f, &["export", "text.safetensors", "--format", "npz"])
        .fails(1, &["text.safetensors: found a text file, expected a safetensors file"]);
}

/// Weights that overflow: the run ends with the cause, and what was saved before stays.
#[test]
fn numbers_that_are_no_numbers() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let args = ["train", "mlp", "--optimizer", "sgd", "--lr", "1e30", "--epochs", "2"];
    let ended = ran(f, &args);
    ended.fails(1, &["error: ", "NaN"]);
    assert_eq!(ended.err.matches("error: ").count(), 1, "{}", ended.err);
    fs::write(f.join("t.csv"), "a,label\n1,x\nnan,y\n").unwrap();
    ran(f, &["train", "mlp", "--data", "t.csv"]).fails(
        1,
        &["t.csv, line 3, column 1 (\"a\"): found \"nan\", expected a value; --missing drop"],
    );
}

/// A limit on the size of files stands for a full disk. The last whole checkpoint stays, nothing half-written is left, and
/// with room again the run goes on to the same bits.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let train = ["train", "linear", "--epochs", "2", "--limit-batches", "3", "--out"];
    let straight = ok(f, &[&train[..], &["straight", "--json"]].concat());
    // 20 blocks of 512 bytes hold the settings and logs, not the 31,400 bytes of weights.
    let limited = "trap '' XFSZ; ulimit -f 20; exec \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited, "sh"]).arg(program()).args(train).arg("full");
    let full: super::Ran = command.current_dir(f).output().unwrap().into();
    full.fails(1, &["full/best.safetensors: cannot write, nothing was changed: ", "too large"]);
    let left: Vec<_> = fs::read_dir(f.join("full")).unwrap().map(|e| e.unwrap()).collect();
    assert!(left.iter().all(|e| !e.file_name().to_string_lossy().starts_with('.')), "{left:?}");
    let resumed = ok(f, &["train", "--resume", "full", "--json"]);
    assert_eq!(resumed.json()["test_loss"], straight.json()["test_loss"]);
}

/// A model of NaN is tested as what it is: no loss, no hits; and it predicts nothing.
#[test]
fn a_model_that_gives_no_numbers() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "linear", "run");
    let path = f.join("run/best.safetensors");
    let mut model = Checkpoint::load(&path).unwrap();
    let bias = model.arrays.iter_mut().find(|a| a.name == "dense1.bias").unwrap();
    bias.data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    model.save(&path).unwrap();
    let tested = ok(f, &["eval", "run", "--json"]);
    assert!(tested.err.contains("not finite for 1,000 of 1,000 images"), "{}", tested.err);
    assert!(tested.out.contains("test accuracy  0.0000   loss NaN"), "{}", tested.out);
    assert_eq!(tested.json()["test_loss"], Value::Null);
    image::GrayImage::new(28, 28).save(f.join("x.png")).unwrap();
    ran(f, &["predict", "run", "x.png"]).fails(1, &["x.png: the model's scores", "not finite"]);
}
