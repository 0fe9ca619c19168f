//! Runs that are killed and resumed end with the same bits: the test of gradus-train, optimised and with more kills, the examples that
//! train in a folder, and the command, whose logs and plots are compared, too.

use crate::{Outcome, cargo, program, succeed};
use std::path::Path;

/// Runs `cargo xtask kill [KILLS] [--program PATH]`; with a program only that is killed.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut arguments = arguments.to_vec();
    let only_command = arguments.iter().any(|argument| argument == "--program");
    let program = program(root, &mut arguments)?;
    let kills = arguments.first().map_or("20", String::as_str);
    let count: usize =
        kills.parse().map_err(|_| format!("kills: found {kills:?}, expected a number"))?;
    crate::kill_command::run(&program, count)?;
    if only_command {
        return Ok(());
    }
    let mut command = cargo(root);
    command.args(["test", "--quiet", "--release", "--package", "gradus-train", "--test", "it"]);
    command.args(["killed_runs", "--", "--nocapture"]).env("GRADUS_KILLS", kills);
    succeed(&mut command)?;
    crate::kill_examples::run(root)
}
