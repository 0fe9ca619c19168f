//! The command on damaged and malicious files of every format: the test of gradus-cli, on the optimised program and with more files.

use crate::{Outcome, cargo, program, succeed};
use std::path::Path;

/// Runs `cargo xtask hostile [FILES] [--program PATH]`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut arguments = arguments.to_vec();
    let program = program(root, &mut arguments)?;
    let files = arguments.first().map_or("150", String::as_str);
    files.parse::<usize>().map_err(|_| format!("files: found {files:?}, expected a number"))?;
    let mut tests = cargo(root);
    tests.args(["test", "--quiet", "--package", "gradus-cli", "--test", "it"]);
    tests.args(["no_file_does_harm", "--", "--nocapture"]);
    succeed(tests.env("GRADUS_HOSTILE", files).env("GRADUS_PROGRAM", program))
}
