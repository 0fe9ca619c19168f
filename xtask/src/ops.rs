//! What is checked of every op: runs the tests of gradus-tensor's ops and prints, row by row, what their cases went through.
//! The tests themselves fail where a family of kernels, an order of derivatives or an algorithm is missing.

use crate::Outcome;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a case's row begins in the output of its test.
const ROW: &str = "checked | ";
/// Its columns that are counted.
const ORDERS: usize = 2;
const DEVICES: usize = 3;
const RULES: usize = 4;
const EXPANDED: usize = 5;

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
    println!("op | types | orders | devices | rules | expanded | algorithms");
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

/// How many cases there are, and how many of them were differentiated to each order on each device.
fn total(rows: &BTreeSet<&str>) -> String {
    let column = |row: &str, i: usize| -> Vec<String> {
        let words = row.split(" | ").nth(i).unwrap_or_default().split("; ");
        words.filter(|w| !w.is_empty() && *w != "-").map(str::to_owned).collect()
    };
    let devices: BTreeSet<String> = rows.iter().flat_map(|row| column(row, DEVICES)).collect();
    let on = |device: &String| {
        let here: Vec<_> = rows.iter().filter(|r| column(r, DEVICES).contains(device)).collect();
        let order =
            |n: &str| here.iter().filter(|row| column(row, ORDERS).iter().any(|o| o == n)).count();
        let (once, twice) = (order("1"), order("2"));
        format!("\n{device}: {} cases, {once} differentiated once, {twice} twice", here.len())
    };
    let names: BTreeSet<&str> =
        rows.iter().filter_map(|row| row.split([',', '|']).next()).map(str::trim).collect();
    let expanded: BTreeSet<String> = rows.iter().flat_map(|row| column(row, EXPANDED)).collect();
    let rules: BTreeSet<String> = rows.iter().flat_map(|row| column(row, RULES)).collect();
    let rules = format!("{} rules, {} of them expanded", rules.len(), expanded.len());
    let devices: String = devices.iter().map(on).collect();
    format!("{} ops in {} cases; {rules}{devices}", names.len(), rows.len())
}

#[cfg(test)]
mod tests {
    use super::{rows, total};

    #[test]
    fn rows_are_counted() {
        let text = "running 3 tests\n.checked | relu | f64 | 1; 2 | cpu; reference | - | - | -\n\
                    checked | sort, twice | f64 | 1 | cpu | argsort; gather | gather | -\n\
                    ...checked | floor | f64 | - | cpu | - | - | -\ntest result: ok";
        let rows = rows(text);
        let want = "3 ops in 3 cases; 2 rules, 1 of them expanded\n\
                    cpu: 3 cases, 2 differentiated once, 1 twice\n\
                    reference: 1 cases, 1 differentiated once, 1 twice";
        assert_eq!(total(&rows), want);
    }
}
