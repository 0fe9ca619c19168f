//! The browser's half of the lab's messages, written from the Rust types.

use crate::{Outcome, cargo, output};
use std::fs;
use std::path::Path;

/// Where it is written.
const AT: &str = "web/src/wire.ts";

/// Runs `cargo xtask wire [--check]`: with `--check` nothing is written, and an old file is an error.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask wire [--check]".into()),
    };
    let mut here = cargo(root);
    here.args(["run", "--quiet", "--package", "gradus-lab-core", "--example", "typescript"]);
    let text = output(&mut here)?;
    let at = root.join(AT);
    let is_new = fs::read(&at).is_ok_and(|old| old == text.as_bytes());
    match (is_new, check) {
        (true, _) => println!("{AT} is as the types are"),
        (false, true) => return Err(format!("{AT} is older than the types: cargo xtask wire")),
        (false, false) => {
            fs::write(&at, text).map_err(|e| format!("{AT}: {e}"))?;
            println!("{AT} is written");
        }
    }
    Ok(())
}
