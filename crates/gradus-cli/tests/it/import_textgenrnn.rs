//! `gradus import --model textgenrnn`: what others trained writes here as it wrote there.

use super::{Ran, gradus, ok, ran};
use gradus::io::Checkpoint;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gradus-sequences/tests/fixtures");

fn file() -> String {
    format!("{FIXTURES}/textgenrnn.hdf5")
}

fn vocabulary() -> String {
    format!("{FIXTURES}/textgenrnn_vocab.json")
}

/// The import of the small network, with more options.
fn import(folder: &Path, more: &[&str]) -> Ran {
    let (file, vocabulary) = (file(), vocabulary());
    let args = ["import", &file, "--model", "textgenrnn", "--vocabulary", &vocabulary];
    gradus(folder, &[&args[..], more].concat()).env("GRADUS_DATA", folder).output().unwrap().into()
}

#[test]
fn what_was_imported_writes_as_it_did() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let run = |args: &[&str]| Ran::from(gradus(f, args).env("GRADUS_DATA", f).output().unwrap());
    let sample = ["sample", "small", "--prime", "ab", "--temperature", "0"];
    run(&sample).fails(1, &["small: there is no run and no model's file"]);
    run(&["sample", "textgenrnn"])
        .fails(1, &["no weights of textgenrnn are here; gradus import FILE --model textgenrnn --vocabulary FILE.json"]);
    let told = import(f, &["--input", "6", "--name", "small", "--json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.err, "");
    assert!(told.out.contains("next   gradus sample small --prime"), "{}", told.out);
    let json = told.json();
    assert_eq!((json["params"].as_u64(), json["symbols"].as_u64()), (Some(564), Some(13)));
    let said = fs::read_to_string(format!("{FIXTURES}/textgenrnn.json")).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let text = said["written"].as_str().unwrap().trim_end_matches("<s>").to_owned() + "\n";
    let written = run(&sample);
    assert_eq!((written.code, &written.out), (0, &text), "{}", written.err);
    // No longer than asked, and the same for the same seed.
    assert_eq!(run(&[&sample[..], &["--length", "3"]].concat()).out, text[..5].to_owned() + "\n");
    let drawn = |seed: &str| run(&["sample", "small", "--seed", seed, "--temperature", "1.5"]).out;
    assert_eq!(drawn("1"), drawn("1"));
    assert!((2..9).any(|seed| drawn(&seed.to_string()) != drawn("1")));
    // What it sees of a long prime is said, and what it was not trained on.
    let long = run(&["sample", "small", "--prime", "abcdefgh"]);
    assert!(long.err.contains("the prime has 8 symbols, of which the network sees the last 6"));
    run(&["sample", "small", "--prime", "xyz"]).fails(2, &["--prime", "'x'"]);
    // A text of one's own is coloured, and the network drawn.
    fs::write(f.join("own.txt"), "abc. bad é ".repeat(4)).unwrap();
    let seen = run(&["sample", "small", "--cells", "c.html", "--text", "own.txt"]);
    assert!(seen.out.contains("nats a symbol"), "{} {}", seen.out, seen.err);
    let drawn = run(&["summary", "small", "--graph", "net.svg"]);
    assert!(drawn.out.contains("rnn_2"), "{} {}", drawn.out, drawn.err);
    assert!(fs::read_to_string(f.join("net.svg")).unwrap().contains(">weighted mean</text>"));
    run(&["eval", "small"]).fails(
        2,
        &["small: it was imported, not trained here; gradus sample small --cells page.html --text"],
    );
    run(&["predict", "small", "x.png"])
        .fails(2, &["found a network of sequences (textgenrnn)", "gradus sample small"]);
}

/// Without more it is kept under its own name, and what the files do not say is said.
#[test]
fn what_is_not_known_is_said() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let told = import(f, &[]);
    assert!(
        told.err.contains("neither file says how many characters the network sees: 40 were taken"),
        "{}",
        told.err
    );
    let kept = Checkpoint::load(&f.join("models/textgenrnn.safetensors")).unwrap();
    let kept: Value = kept.get("model").unwrap();
    assert_eq!(kept["sequences"]["model"]["context"], 40);
    let told = import(f, &["--input", "6", "--out", "."]);
    assert!(told.out.contains("next   gradus sample ./textgenrnn.safetensors"), "{}", told.out);
    assert!(ok(f, &["sample", "textgenrnn.safetensors", "--length", "5"]).out.len() > 1);
}

/// A network for pictures has a name of the user's, too.
#[test]
fn any_model_can_have_a_name_of_ones_own() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let pth = format!("{FIXTURES}/../../../gradus-models/tests/fixtures/convnetjs.pth");
    let run = |args: &[&str]| Ran::from(gradus(f, args).env("GRADUS_DATA", f).output().unwrap());
    let named = |name| run(&["import", &pth, "--model", "convnetjs", "--name", name]);
    assert_eq!(named("mine").code, 0);
    image::GrayImage::new(24, 24).save(f.join("black.png")).unwrap();
    assert_eq!(run(&["predict", "mine", "black.png"]).out.lines().count(), 11);
    assert_eq!(run(&["summary", "mine", "--json"]).json()["params"], 5_994);
    for name in ["../mine", "a/b", ".mine", ""] {
        named(name).fails(2, &[&format!("--name {name:?}: expected a name, which is no path")]);
    }
}

#[test]
fn what_does_not_fit_is_told_in_a_line() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let (file, vocabulary) = (file(), vocabulary());
    let import = |file: &str, more: &[&str]| {
        ran(f, &[&["import", file, "--model", "textgenrnn", "--out", "."], more].concat())
    };
    let with = |vocabulary: &str| import(&file, &["--vocabulary", vocabulary]);
    import(&file, &[])
        .fails(2, &["the weights do not say what characters they are of: add --vocabulary FILE"]);
    with("none.json").fails(1, &["none.json: cannot read"]);
    fs::write(f.join("broken.json"), "{\"a\": 1,").unwrap();
    with("broken.json").fails(1, &["broken.json, line 1: found broken JSON", "expected JSON"]);
    fs::write(f.join("words.json"), "{\"the\": 1, \"<s>\": 2}").unwrap();
    with("words.json")
        .fails(1, &["words.json: found the token \"the\", expected single characters"]);
    fs::write(f.join("short.json"), "{\"a\": 1, \"<s>\": 2}").unwrap();
    with("short.json").fails(
        1,
        &["textgenrnn.hdf5: `embedding/embeddings` is [13, 5] in the file, expected [3, 5], a row for each of the vocabulary's 2 tokens and one for none"],
    );
    let other = format!("{FIXTURES}/../../../gradus-models/tests/fixtures/keras/plain20.keras");
    let all = ["--vocabulary", &vocabulary];
    import(&other, &all).fails(
        1,
        &["plain20.keras: `embedding/embeddings` is not in the file, expected [symbols, numbers]"],
    );
    import(&vocabulary, &all).fails(1, &["textgenrnn_vocab.json: not a file of Keras"]);
    let bytes = fs::read(&file).unwrap();
    fs::write(f.join("cut.hdf5"), &bytes[..bytes.len() / 2]).unwrap();
    import("cut.hdf5", &all).fails(1, &["cut.hdf5: the HDF5 file is truncated or corrupt"]);
    let more = |option: &[&str]| import(&file, &[&all[..], option].concat());
    more(&["--input", "3x4"]).fails(2, &["--input [3, 4], textgenrnn takes one number"]);
    more(&["--input", "99999"]).fails(1, &["context: found 99999, expected 1 to 16384"]);
    more(&["--classes", "3"]).fails(
        2,
        &["--classes is of networks for pictures and tables; textgenrnn has no such option"],
    );
    assert!(!f.join("textgenrnn.safetensors").exists());
    let zoo = ["import", &file, "--model", "lenet", "--vocabulary", &vocabulary];
    ran(f, &zoo).fails(2, &["--vocabulary is of textgenrnn; lenet has no such option"]);
    ran(f, &["import", &file, "--model", "textgenrn"]).fails(2, &["did you mean \"textgenrnn\"?"]);
}
