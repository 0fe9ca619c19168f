//! How fast the lab draws: each page that learns, on both engines, in a browser.

use crate::{Outcome, cargo, option, site, succeed};
use std::path::Path;
use std::process::Command;

/// Runs `cargo xtask lab-speed [--seconds N] [--soak MINUTES]`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut rest = arguments.to_vec();
    let seconds = option(&mut rest, "--seconds")?.unwrap_or_else(|| "5".into());
    let soak = option(&mut rest, "--soak")?.unwrap_or_else(|| "0".into());
    for (name, number) in [("--seconds", &seconds), ("--soak", &soak)] {
        number
            .parse::<u32>()
            .map_err(|_| format!("{name}: found {number:?}, expected a number"))?;
    }
    if !rest.is_empty() {
        return Err("usage: cargo xtask lab-speed [--seconds N] [--soak MINUTES]".into());
    }
    site::run(root, &[])?;
    succeed(cargo(root).args(["build", "--quiet", "--release", "--package", "gradus-cli"]))?;
    let mut node = Command::new("node");
    node.arg(root.join("web/tests/speed.mjs")).env("SECONDS", seconds).env("SOAK", soak);
    succeed(node.env("GRADUS_BIN", root.join("target/release/gradus")))
}
