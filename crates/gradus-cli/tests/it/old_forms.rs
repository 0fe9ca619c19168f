//! Runs of before: changes of images were texts in their files. They go on to the same bits, and are used as ever.

use super::{ok, ran};
use gradus::io::Checkpoint;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Puts the texts of before where a file of today has tables.
fn as_before(record: &mut Value) {
    match record {
        Value::Object(fields) => {
            for (key, value) in fields {
                match &**key {
                    "augment" => *value = json!(["shift(2)", "affine", "flip"]),
                    "evaluate" => *value = json!(["resize(28)"]),
                    _ => as_before(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(as_before),
        _ => {}
    }
}

/// The same of a state in a file of arrays.
fn state_as_before(path: &Path, key: &str) {
    let mut file = Checkpoint::load(path).unwrap();
    let mut state: Value = file.get(key).unwrap();
    let now = state.clone();
    as_before(&mut state);
    assert_ne!(now, state, "{key} of {}", path.display());
    file.set(key, &state).unwrap();
    file.save(path).unwrap();
}

/// A config.toml as it was, for two epochs.
fn config_as_before(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut config = json!(text.parse::<toml::Table>().unwrap());
    as_before(&mut config);
    (config["version"], config["epochs"]) = (json!(1), json!(2));
    let config: toml::Table = serde_json::from_value(config).unwrap();
    let text = config.to_string();
    assert!(text.contains("augment = [\"shift(2)\", \"affine\", \"flip\"]"), "{text}");
    fs::write(path, text).unwrap();
}

#[test]
fn runs_with_texts_go_on() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let train = |epochs: &str, out: &str| {
        let more = ["--augment", "shift(2),affine,flip", "--evaluate", "resize(28)"];
        let args = ["train", "lenet", "--schedule", "constant", "--limit-batches", "4"];
        ok(f, &[&args, &more[..], &["--epochs", epochs, "--out", out, "--json"]].concat()).json()
    };
    let (straight, begun) = (train("2", "straight"), train("1", "run"));
    // Half of it is of before; then all.
    config_as_before(&f.join("run/config.toml"));
    fs::create_dir(f.join("half")).unwrap();
    fs::copy(f.join("run/config.toml"), f.join("half/config.toml")).unwrap();
    fs::create_dir(f.join("half/checkpoints")).unwrap();
    let checkpoint = "checkpoints/step-00000004.safetensors";
    fs::copy(f.join("run").join(checkpoint), f.join("half").join(checkpoint)).unwrap();
    state_as_before(&f.join("run").join(checkpoint), "callbacks");
    state_as_before(&f.join("run/best.safetensors"), "model");
    let tested = ok(f, &["eval", "run", "--json"]).json();
    assert_eq!(tested["test_loss"], begun["test_loss"]);
    for run in ["run", "half"] {
        let resumed = ok(f, &["train", "--resume", run, "--json"]).json();
        assert_eq!(resumed["test_loss"], straight["test_loss"]);
    }
    // As a recipe it makes a run of today.
    ok(f, &["train", "run/config.toml", "--fast-dev-run", "--out", "again"]);
    let again = fs::read_to_string(f.join("again/config.toml")).unwrap();
    assert!(again.contains("version = 2") && again.contains("[[augment]]\nkind = \"shift\""));
    // What is not the same is still seen, and told as it is written.
    let text = fs::read_to_string(f.join("run/config.toml")).unwrap();
    fs::write(f.join("run/config.toml"), text.replace("shift(2)", "shift(3)")).unwrap();
    let parts = [
        "augment: [{\"kind\":\"shift\",\"padding\":3}",
        "in config.toml, [{\"kind\":\"shift\",\"padding\":2}",
    ];
    ran(f, &["train", "--resume", "run"]).fails(1, &parts);
}
