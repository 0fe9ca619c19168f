//! Speed of this tree against a revision: builds both, runs `gradus bench` of each in turn, prints the ratios.

use crate::{Outcome, cargo, option, output, succeed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How often each of the two runs.
const ROUNDS: usize = 5;

/// Runs `cargo xtask bench [CASE...] [--against REV]`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut cases = arguments.to_vec();
    let revision = option(&mut cases, "--against")?.unwrap_or_else(|| "main".into());
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(root).args(arguments));
    let commit = git(&["rev-parse", "--short", &format!("{revision}^{{commit}}")])?;
    let commit = commit.trim();
    let other = root.join("target/bench").join(commit);
    if !other.exists() {
        let at = other.display().to_string();
        git(&["worktree", "add", "--detach", &at, commit])?;
    }
    let programs = [build(&other)?, build(root)?];
    let mut seen: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    for round in 0..ROUNDS {
        // Who goes first changes, so that neither always meets a colder machine.
        for turn in 0..2 {
            let which = (round + turn) % 2;
            for (case, value) in measure(&programs[which], &cases)? {
                seen.entry(case).or_default()[which].push(value);
            }
        }
    }
    println!("{:<34} {:>12} {:>12} {:>7}   (medians of {ROUNDS})", "case", commit, "here", "ratio");
    for (case, [before, after]) in seen {
        let (before, after) = (median(before), median(after));
        println!("{case:<34} {before:>12.1} {after:>12.1} {:>7.3}", after / before);
    }
    Ok(())
}

/// Builds the `gradus` program of a checkout.
fn build(checkout: &Path) -> Result<PathBuf, String> {
    let mut command = cargo(checkout);
    let target = checkout.join("target");
    command.args(["build", "--quiet", "--release", "--package", "gradus-cli"]);
    succeed(command.env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("release/gradus"))
}

/// The speed of each case: more is better.
fn measure(program: &Path, cases: &[String]) -> Result<Vec<(String, f64)>, String> {
    let text = output(Command::new(program).arg("bench").args(cases).arg("--json"))?;
    let line = text.lines().last().unwrap_or("");
    let record: Value = serde_json::from_str(line).map_err(|e| format!("gradus bench: {e}"))?;
    let list = record["cases"].as_array().map_or(&[][..], Vec::as_slice);
    let one = |case: &Value| Some((case["case"].as_str()?.to_owned(), case["value"].as_f64()?));
    Ok(list.iter().filter_map(one).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
