//! Run folders that were damaged, or made to harm: what is lost is made again or said, and nothing outside is touched.

use super::resume::{copy, model};
use super::{ok, ran, train_a_little};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::tempdir;

/// What lies in place of the files that a run writes to is not followed out of its folder.
#[test]
fn links_are_refused_by_name() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "linear", "run");
    fs::write(f.join("precious"), "my only copy").unwrap();
    fs::create_dir(f.join("others")).unwrap();
    fs::write(f.join("others/step-00000001.safetensors"), "theirs").unwrap();
    for (name, target) in
        [("run.lock", "precious"), ("log.jsonl", "precious"), ("checkpoints", "others")]
    {
        let run = format!("run-{name}");
        copy(&f.join("run"), &f.join(&run));
        let path = f.join(&run).join(name);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        symlink(f.join(target), &path).unwrap();
        let told = format!("{run}/{name}: found a symbolic link, expected a f");
        ran(f, &["train", "--resume", &run]).fails(1, &[&told]);
    }
    fs::create_dir(f.join("new")).unwrap();
    symlink(f.join("precious"), f.join("new/run.lock")).unwrap();
    ran(f, &["train", "linear", "--out", "new"]).fails(1, &["new/run.lock: found a symbolic"]);
    assert_eq!(fs::read_to_string(f.join("precious")).unwrap(), "my only copy");
    assert_eq!(fs::read_dir(f.join("others")).unwrap().count(), 1);
}

/// A pipe in place of a file would be waited for.
#[test]
fn pipes_are_refused_by_name() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "linear", "run");
    for name in ["config.toml", "best.safetensors"] {
        let run = format!("run-{name}");
        copy(&f.join("run"), &f.join(&run));
        let path = f.join(&run).join(name);
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    }
    let told = "config.toml: found a named pipe, expected a file";
    ran(f, &["train", "--resume", "run-config.toml"]).fails(1, &[told]);
    let told = "best.safetensors: found a named pipe, expected a file";
    ran(f, &["eval", "run-best.safetensors"]).fails(1, &[told]);
}

/// One flipped bit of its version does not make a checkpoint one of a newer program.
#[test]
fn a_flipped_bit_falls_back_to_the_checkpoint_before() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    train_a_little(f, "linear", "run");
    let before = model(f, "run");
    let newest = f.join("run/checkpoints/step-00000010.safetensors");
    let mut bytes = fs::read(&newest).unwrap();
    let at = bytes.windows(8).position(|text| text == b"gradus/1").unwrap();
    bytes[at + 7] ^= 2; // gradus/3
    fs::write(&newest, bytes).unwrap();
    let told = ok(f, &["train", "--resume", "run"]);
    assert!(told.err.contains("corrupt") && told.err.contains("after step 5"), "{}", told.err);
    assert_eq!(model(f, "run"), before);
}

/// The chosen model is made again of a checkpoint of its epoch.
#[test]
fn a_lost_model_is_made_again() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let args = ["train", "linear", "--limit-batches", "5", "--validation-split", "0.1"];
    ok(f, &[&args[..], &["--epochs", "3", "--out", "run"]].concat());
    let whole = model(f, "run");
    let best = f.join("run/best.safetensors");
    fs::remove_file(&best).unwrap();
    let told = ok(f, &["train", "--resume", "run"]);
    assert!(told.err.contains("it is made again of the "), "{}", told.err);
    assert_eq!(model(f, "run"), whole);
    // A flipped bit loses it as well.
    let mut bytes = whole.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&best, bytes).unwrap();
    ok(f, &["train", "--resume", "run"]);
    assert_eq!(model(f, "run"), whole);
}

/// Where no checkpoint has it any more, that is said, and the last one is kept.
#[test]
fn a_model_that_is_nowhere_is_missed() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    // At such a rate nothing moves: the first epoch stays the best.
    let still = ["--lr", "1e-30", "--no-diagnosis", "--epochs", "5", "--out", "run"];
    let args = ["train", "linear", "--limit-batches", "5", "--validation-split", "0.1"];
    ok(f, &[&args[..], &still].concat());
    assert_eq!(best_epoch(&f.join("run")), 1);
    fs::remove_file(f.join("run/best.safetensors")).unwrap();
    let told = ok(f, &["train", "--resume", "run"]);
    let lost = "no checkpoint has the model of epoch 1, the best so far";
    for part in [lost, "instead of it that of epoch 5 is kept"] {
        assert!(told.err.contains(part), "{part}: {}", told.err);
    }
    assert_eq!(best_epoch(&f.join("run")), 5);
}

/// The epoch whose model a run has chosen.
fn best_epoch(run: &Path) -> u64 {
    let file = gradus::io::Checkpoint::load(&run.join("best.safetensors")).unwrap();
    file.get::<serde_json::Value>("model").unwrap()["epoch"].as_u64().unwrap()
}
