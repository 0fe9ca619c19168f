//! Runs ONNX's own backend tests: folders with `model.onnx` and `test_data_set_0/{input,output}_*.pb`, as the Python package
//! `onnx` has them under `backend/test/data/node`.
//!
//!     cargo run --release -p gradus-onnx --example node_tests -- FOLDER [--verbose] [--table] [NAME…]
//!
//! Prints what passed, and every test that did not with the reason; with `--table` what passed of each operator, as docs/onnx.md has
//! it.

use gradus_io::onnx::{Model, parse_tensor, read_model};
use gradus_onnx::{Network, array_of, tensor_of};
use gradus_tensor::{DType, Tensor};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Tests by the reference that divides by a fractional length; ONNX Runtime and PyTorch divide by that of the result, as Gradus does.
const OTHERWISE: [&str; 2] = [
    "test_resize_downsample_scales_cubic_align_corners",
    "test_resize_downsample_scales_linear_align_corners",
];

enum Outcome {
    Passed,
    /// It uses what Gradus does not have.
    Lacking(String),
    Failed(String),
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let [verbose, table] = ["--verbose", "--table"].map(|flag| args.iter().any(|a| a == flag));
    args.retain(|a| a != "--verbose" && a != "--table");
    let (folder, names) =
        args.split_first().ok_or("usage: node_tests FOLDER [--verbose] [--table] [NAME…]")?;
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("model.onnx").exists())
        .collect();
    cases.sort();
    std::panic::set_hook(Box::new(|_| ()));
    let (mut passed, mut otherwise, mut failed) = (0, 0, vec![]);
    let mut lacking: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut operators: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for case in &cases {
        let name = case.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let outcome = std::panic::catch_unwind(|| run(case));
        let outcome = outcome.unwrap_or_else(|_| Outcome::Failed("PANIC".into()));
        if table {
            let [good, all] = operators.entry(operator(case)).or_default();
            *good += usize::from(matches!(outcome, Outcome::Passed));
            *all += 1;
        }
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Lacking(why) => lacking.entry(why).or_default().push(name),
            Outcome::Failed(_) if OTHERWISE.contains(&&*name) => otherwise += 1,
            Outcome::Failed(why) => failed.push((name, why)),
        }
    }
    for (op, [good, all]) in &operators {
        println!("| {op} | {good} | {all} |");
    }
    for (name, why) in &failed {
        println!("FAILED {name}: {why}");
    }
    for (why, names) in &lacking {
        println!("lacking {why}: {} tests", names.len());
        if verbose {
            names.iter().for_each(|name| println!("    {name}"));
        }
    }
    let missing: usize = lacking.values().map(Vec::len).sum();
    println!(
        "{passed} passed, {} failed, {otherwise} as ONNX Runtime has it, {missing} skipped",
        failed.len()
    );
    if failed.is_empty() { Ok(()) } else { Err("some failed".into()) }
}

/// The operator that a test is of.
fn operator(case: &Path) -> String {
    let Ok(model) = read_model(&case.join("model.onnx")) else { return "(unread)".into() };
    let mut ops: Vec<&str> = model.graph.nodes.iter().map(|n| &*n.op).collect();
    ops.sort_unstable();
    ops.dedup();
    match &ops[..] {
        [one] => (*one).to_owned(),
        _ => "(several)".to_owned(),
    }
}

fn run(case: &Path) -> Outcome {
    let model = match read_model(&case.join("model.onnx")) {
        Ok(model) => model,
        Err(error) => return Outcome::Lacking(first_line(&error.what)),
    };
    let network = match Network::new(model.clone()) {
        Ok(network) => network,
        Err(error) => return Outcome::Lacking(why_lacking(&model, &error.to_string())),
    };
    for set in 0.. {
        let data = case.join(format!("test_data_set_{set}"));
        if !data.exists() {
            if set == 0 {
                return Outcome::Lacking("inputs or outputs that are no tensors".into());
            }
            break;
        }
        match compare(&network, &data) {
            Ok(None) => {}
            Ok(Some(why)) => return Outcome::Failed(why),
            Err(error) => {
                let text = error.to_string();
                let lacks = [
                    "not there",
                    "not known",
                    "not read",
                    "not given",
                    "training",
                    "known are",
                    "one or two axes",
                    "none here",
                    "bool",
                ];
                return match lacks.iter().any(|l| text.contains(l)) {
                    true => Outcome::Lacking(first_line(&text)),
                    false => Outcome::Failed(text),
                };
            }
        }
    }
    Outcome::Passed
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn why_lacking(model: &Model, error: &str) -> String {
    let mut ops: Vec<&str> = model.graph.nodes.iter().map(|n| &*n.op).collect();
    ops.retain(|op| !gradus_onnx::operators().contains(op));
    ops.sort_unstable();
    ops.dedup();
    if ops.is_empty() { first_line(error) } else { format!("operator {}", ops.join(", ")) }
}

/// What differs, if anything does.
fn compare(network: &Network, data: &Path) -> Result<Option<String>, Box<dyn Error>> {
    let tensors = |prefix: &str| -> Result<Vec<Tensor>, Box<dyn Error>> {
        let mut found = vec![];
        while let Ok(bytes) = std::fs::read(data.join(format!("{prefix}_{}.pb", found.len()))) {
            found.push(tensor_of(&parse_tensor(&bytes)?)?);
        }
        Ok(found)
    };
    let given = tensors("input")?;
    let own = network.inputs();
    let all: Vec<_> = network.model().graph.inputs.iter().collect();
    let named = if given.len() == own.len() { own } else { all };
    let inputs: Vec<(&str, Tensor)> = named.iter().map(|v| &*v.name).zip(given).collect();
    let found = network.run(&inputs)?;
    for ((name, found), want) in found.iter().zip(tensors("output")?) {
        if let Some(why) = differs(found, &want)? {
            return Ok(Some(format!("{name}: {why}")));
        }
    }
    Ok(None)
}

fn differs(found: &Tensor, want: &Tensor) -> Result<Option<String>, Box<dyn Error>> {
    if found.shape() != want.shape() {
        return Ok(Some(format!("shape {} for {}", found.shape(), want.shape())));
    }
    if found.dtype() != want.dtype() {
        return Ok(Some(format!("type {} for {}", found.dtype(), want.dtype())));
    }
    array_of("found", found)?;
    // The package's own tolerances: relative 1e-3, absolute 1e-7; halves have fewer digits.
    let (relative, absolute) = match found.dtype() {
        DType::F16 | DType::BF16 => (1e-2, 1e-3),
        _ => (1e-3, 1e-6),
    };
    let (a, b) = (found.try_to_vec::<f64>()?, want.try_to_vec::<f64>()?);
    let off = |x: f64, y: f64| {
        !(x == y || x.is_nan() && y.is_nan() || (x - y).abs() <= absolute + relative * y.abs())
    };
    let first = a.iter().zip(&b).position(|(&x, &y)| off(x, y));
    Ok(first.map(|i| format!("element {i} is {}, expected {}", a[i], b[i])))
}
