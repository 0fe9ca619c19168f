//! `gradus import` of Keras's files.

use super::{ok, ran};
use gradus::io::{keras, safetensors};
use std::path::Path;
use tempfile::tempdir;

const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-models/tests/fixtures/keras/convnetjs.keras");

#[test]
fn a_model_of_keras_with_automatic_names_becomes_one_of_ours() {
    let folder = tempdir().unwrap();
    let args = ["import", FILE, "--model", "convnetjs", "--out", ".", "--json"];
    let imported = ok(folder.path(), &args);
    assert!(imported.err.contains("matched by how the file says they are connected"));
    let json = imported.json();
    assert_eq!((json["params"].as_u64(), json["format"].as_str()), (Some(5_994), Some("Keras")));
    let ours = safetensors::read(&folder.path().join("convnetjs.safetensors")).unwrap().arrays;
    let ours = ours.iter().find(|array| array.name == "dense1.weight").unwrap().to_f32().unwrap();
    let theirs = keras::read(Path::new(FILE)).unwrap();
    let theirs = theirs.layers.iter().find(|layer| layer.name == "dense").unwrap();
    let theirs = theirs.parts[0].to_f32().unwrap();
    for (c, h, w, o) in (0..2560).map(|i| (i / 160, i / 40 % 4, i / 10 % 4, i % 10)) {
        assert_eq!(ours[((c * 4 + h) * 4 + w) * 10 + o], theirs[((h * 4 + w) * 16 + c) * 10 + o]);
    }
    image::GrayImage::new(24, 24).save(folder.path().join("black.png")).unwrap();
    let seen = ok(folder.path(), &["predict", "convnetjs.safetensors", "black.png"]).out;
    assert_eq!(seen.lines().count(), 11, "{seen}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempdir().unwrap();
    let import = |args: &[&str]| {
        ran(folder.path(), &[&["import", FILE, "--out", ".", "--model"], args].concat())
    };
    import(&["convnetjs", "--width", "0.5"])
        .fails(2, &["--width: found 0.5, expected 1, the only one of \"convnetjs\""]);
    import(&["convnetjs", "--epsilon", "2"]).fails(2, &["--epsilon: expected at least 0"]);
    import(&["lenet"]).fails(1, &["convnetjs.keras: the weights are not this network's"]);
    let bytes = std::fs::read(FILE).unwrap();
    let cut = folder.path().join("cut.keras");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let cut = ["import", "cut.keras", "--model", "convnetjs", "--out", "."];
    ran(folder.path(), &cut).fails(1, &["cut.keras: not a zip archive, or a truncated one"]);
    assert!(!folder.path().join("convnetjs.safetensors").exists());
}

/// Keras pads strides by itself otherwise than the network as published; the file tells, and the model keeps it.
#[test]
fn the_padding_is_the_files() {
    let folder = tempdir().unwrap();
    let file = FILE.replace("convnetjs", "plain20");
    let args = ["import", &file, "--model", "plain20", "--width", "0.0625", "--out", "."];
    let args = [&args[..], &["--preprocessing", "none"]].concat();
    let imported = ok(folder.path(), &args);
    let remark = "convolutions with strides are padded as Keras's \"same\"";
    assert!(imported.err.contains(remark), "{}", imported.err);
    assert!(imported.err.contains("batch norms of the file have ε = 0.001"), "{}", imported.err);
    let model = gradus::io::Checkpoint::load(&folder.path().join("plain20.safetensors")).unwrap();
    let description: serde_json::Value = model.get("model").unwrap();
    assert_eq!(description["network"]["same_padding"], true);
    assert_eq!(description["network"]["width"], 0.0625);
    let both = [&args[..], &["--padding", "both-sides"]].concat();
    ran(folder.path(), &both)
        .fails(1, &["has the same shapes but is another one", "conv1: the file"]);
    let odd = [&args[..], &["--padding", "none"]].concat();
    ran(folder.path(), &odd).fails(2, &["padding", "both-sides"]);
    // Nor can a network have it whose convolutions have no strides.
    let recipe = "model = \"lenet\"\nnetwork = { same_padding = true }\n";
    std::fs::write(folder.path().join("r.toml"), recipe).unwrap();
    ran(folder.path(), &["train", "r.toml"]).fails(1, &["same_padding: found true"]);
}
