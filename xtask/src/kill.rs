//! Runs that are killed and resumed end with the same bits: the test of gradus-train, optimised and with more kills, then the examples
//! that train in a folder.

use crate::{Outcome, cargo, succeed};
use std::path::Path;

/// Runs `cargo xtask kill [KILLS]`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let kills = arguments.first().map_or("20", String::as_str);
    kills.parse::<usize>().map_err(|_| format!("kills: found {kills:?}, expected a number"))?;
    let mut command = cargo(root);
    command.args(["test", "--quiet", "--release", "--package", "gradus-train", "--test", "it"]);
    command.args(["killed_runs", "--", "--nocapture"]).env("GRADUS_KILLS", kills);
    succeed(&mut command)?;
    crate::kill_examples::run(root)
}
