//! ALL_OPS, read from the sources: every method of `Tensor` in these files is an op, so no list can
//! be forgotten. Each must have a formula, a documented shape, a printed example, and a case for
//! the harness.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A public method of `Tensor`.
struct Op {
    name: String,
    doc: String,
    file: PathBuf,
    source: String,
}

/// The files of pointwise ops, and those whose first lines say that they are derived. Kernel ops have tests of their own
/// beside them.
fn files() -> Vec<PathBuf> {
    let ops = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let list = |folder: &Path| fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let derived = list(&ops).filter(|f| f.is_file() && head(&read(f)).contains(", derived"));
    let mut files: Vec<PathBuf> = list(&ops.join("pointwise")).chain(derived).collect();
    files.retain(|f| !f.ends_with("mod.rs"));
    files.sort();
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

/// The first lines, which say what the file is.
fn head(source: &str) -> String {
    source.lines().take_while(|l| l.starts_with("//!")).collect()
}

fn all_ops() -> Vec<Op> {
    let mut ops = vec![];
    for file in files() {
        let source = read(&file);
        let mut doc = String::new();
        for line in source.lines() {
            let line = line.trim_start();
            if let Some(text) = line.strip_prefix("///") {
                doc += text.trim_start();
                doc.push('\n');
            } else if let Some(rest) = line.strip_prefix("pub fn ") {
                let name = rest.split(['(', '<']).next().unwrap_or(rest).to_owned();
                let doc = std::mem::take(&mut doc);
                ops.push(Op { name, doc, file: file.clone(), source: source.clone() });
            } else if !line.starts_with("#[") {
                doc.clear();
            }
        }
    }
    ops
}

#[test]
fn every_op_is_named_once() {
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    let ops = all_ops();
    assert!(ops.len() > 60, "only {} ops found", ops.len());
    for op in ops {
        if let Some(other) = seen.insert(op.name.clone(), op.file.clone()) {
            panic!("{} stands in {} and {}", op.name, other.display(), op.file.display());
        }
    }
}

#[test]
fn every_op_has_a_case() {
    for op in all_ops() {
        let quoted = format!("\"{}\"", op.name);
        let tests = op.source.split_once("#[cfg(test)]").or(op.source.split_once("#[test]"));
        let has = tests.is_some_and(|(_, tests)| {
            tests.contains(&quoted) && tests.contains(&format!("fn {}()", op.name))
        });
        assert!(has, "{}: no test `{}` that checks {quoted}", op.file.display(), op.name);
    }
}

#[test]
fn every_op_says_what_it_computes() {
    for op in all_ops() {
        let head = head(&op.source);
        let at = format!("{}: {}", op.file.display(), op.name);
        assert!(head.contains("->"), "{at}: the file's first lines give no shapes");
        assert!(op.doc.lines().next().is_some_and(|l| !l.is_empty()), "{at}: no first line");
        assert!(op.doc.contains("```"), "{at}: no example");
        assert!(op.doc.contains("**Shape** `"), "{at}: no Shape line");
        let named_after = head.contains("arXiv") && !op.doc.contains("**Paper**");
        assert!(!named_after, "{at}: the file names a paper, the documentation does not");
    }
}
