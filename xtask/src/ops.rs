//! What is checked of every op: runs the tests of gradus-tensor's ops and prints, row by row, what their cases went through.
//! The tests themselves fail where a family of kernels, an order of derivatives or an algorithm is missing.

use crate::Outcome;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a case's row begins in the output of its test.
const ROW: &str = "checked | ";

/// Runs `cargo xtask ops`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "-p", "gradus-tensor", "--lib", "--"]).arg("--nocapture");
    let all = ["ops::".to_owned()];
    command.args(if arguments.is_empty() { all.as_slice() } else { arguments });
    let out = command.current_dir(root).stderr(Stdio::inherit()).output();
    let out = out.map_err(|e| format!("cargo: {e}"))?;
    let text = String::from_utf8_lossy(&out.stdout);
    let rows = rows(&text);
    println!("op | types | orders | devices | rules | algorithms");
    rows.iter().for_each(|row| println!("{row}"));
    println!("{}", total(&rows));
    match out.status.success() {
        true => Ok(()),
        false => Err("a check failed or is missing".into()),
    }
}

/// The rows in the output of the tests, sorted, each once.
fn rows(text: &str) -> BTreeSet<&str> {
    // The test runner may have written on the same line before.
    text.lines().filter_map(|line| line.split_once(ROW)).map(|(_, row)| row).collect()
}

/// How many cases there are, and how many of them were differentiated to each order.
fn total(rows: &BTreeSet<&str>) -> String {
    let orders = |order: &str| {
        let has = |row: &&&str| {
            row.split(" | ").nth(2).is_some_and(|o| o.split("; ").any(|o| o == order))
        };
        rows.iter().filter(has).count()
    };
    let names: BTreeSet<&str> =
        rows.iter().filter_map(|row| row.split([',', '|']).next()).map(str::trim).collect();
    format!(
        "{} ops in {} cases: {} differentiated once, {} twice",
        names.len(),
        rows.len(),
        orders("1"),
        orders("2")
    )
}

#[cfg(test)]
mod tests {
    use super::{rows, total};

    #[test]
    fn rows_are_counted() {
        let text = "running 3 tests\n.checked | relu | f64 | 1; 2 | cpu | - | -\n\
                    checked | relu, twice | f64 | 1 | cpu | - | -\n\
                    ...checked | floor | f64 | - | cpu | - | -\ntest result: ok";
        let rows = rows(text);
        assert_eq!(total(&rows), "2 ops in 3 cases: 2 differentiated once, 1 twice");
    }
}
