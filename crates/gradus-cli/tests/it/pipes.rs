//! Nobody reads what is said: work goes on, and its files are written.

use super::gradus;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use tempfile::tempdir;

/// A table whose number is to be learned, and a training on it that says more than a pipe's reader waits for.
fn train(folder: &std::path::Path) -> Child {
    let rows: String = (0..200).map(|i| format!("{},{}\n", i % 17, 3 * (i % 17) + 1)).collect();
    std::fs::write(folder.join("t.csv"), format!("x,y\n{rows}")).unwrap();
    let args =
        ["train", "mlp", "--data", "t.csv", "--target", "y", "--epochs", "40", "--out", "run"];
    let mut command = gradus(folder, &args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

#[test]
fn a_closed_stderr_does_not_end_training() {
    let folder = tempdir().unwrap();
    let mut child = train(folder.path());
    let mut first = String::new();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    errors.read_line(&mut first).unwrap();
    assert!(first.starts_with("mlp ("), "{first}");
    drop(errors);
    let ended = child.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{out}");
    assert!(out.contains("model          run/best.safetensors"), "{out}");
    let log = std::fs::read_to_string(folder.path().join("run/log.csv")).unwrap();
    assert_eq!(log.lines().count(), 41, "a header and all epochs");
}

#[test]
fn a_closed_stdout_loses_no_file() {
    let folder = tempdir().unwrap();
    let mut child = train(folder.path());
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{errors}");
    assert!(!errors.contains("error: "), "{errors}");
    for file in ["best.safetensors", "predicted.png", "log.csv", "log.jsonl"] {
        assert!(folder.path().join("run").join(file).exists(), "{file}");
    }
}
