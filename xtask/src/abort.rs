//! Bad graphs, bad files and bad command lines where a panic ends the program: none may rest on unwinding.

use crate::{Outcome, cargo, succeed};
use std::path::Path;

/// Runs `cargo xtask abort`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    if let Some(argument) = arguments.first() {
        return Err(format!("unknown argument {argument:?}"));
    }
    let abort = |command: &str, what: &[&str]| {
        let mut cargo = cargo(root);
        cargo.args([command, "--quiet", "--profile", "abort"]).args(what);
        cargo.env("CARGO_TARGET_DIR", root.join("target"));
        succeed(&mut cargo)
    };
    abort("run", &["--package", "gradus-fuzz", "--example", "abort"])?;
    abort("build", &["--package", "gradus-cli", "--bin", "gradus"])?;
    let mut tests = cargo(root);
    tests.args(["test", "--quiet", "--package", "gradus-cli", "--test", "it", "bad_"]);
    tests.env("GRADUS_PROGRAM", root.join("target/abort/gradus"));
    succeed(&mut tests)
}
