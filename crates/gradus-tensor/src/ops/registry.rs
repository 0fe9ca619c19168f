//! The families of kernels: what their cases check, and what they must have checked. What a family
//! must check is read from its sources: the rules and the algorithms that have a name there. So a
//! new one without a case fails by itself.
//!
//! `cargo xtask ops` prints the table.

use super::conv2d::tests::cases as conv2d_cases;
use super::linalg::matmul;
use super::{
    arg_extreme, attention, bitwise, cast_whole, cross_entropy, cumsum, divisor, gather, norm,
    pool2d, random, recurrent, scan, scatter, softmax, sort,
};
use crate::DType;
use gradus_testkit::{Case, Checked, Device, Required};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of kernels below `ops/`.
struct Family {
    folder: &'static str,
    cases: fn() -> Vec<Case>,
    /// Why there are no gradients, if there are none.
    flat: Option<&'static str>,
    /// Algorithms that must be called by name, besides those that plans name.
    forced: fn() -> Vec<String>,
}

/// Each family as a test, and their list.
macro_rules! families {
    ($($name:ident: $folder:literal, $cases:path, $flat:expr, $forced:expr;)*) => {
        const FAMILIES: &[Family] = &[
            $(Family { folder: $folder, cases: $cases, flat: $flat, forced: $forced }),*
        ];
        $(#[test] fn $name() { verify($folder); })*
    };
}

families! {
    arg_extreme: "arg_extreme", arg_extreme::cases::cases, Some("gives positions"), Vec::new;
    attention: "attention", attention::cases::cases, None, Vec::new;
    bitwise: "bitwise", bitwise::cases::cases, Some("is of integers"), Vec::new;
    cast_whole: "cast_whole", cast_whole::cases::cases, Some("is flat"), Vec::new;
    conv2d: "conv2d", conv2d_cases::cases, None, conv2d_cases::forced_names;
    cross_entropy: "cross_entropy", cross_entropy::cases::cases, None, Vec::new;
    cumsum: "cumsum", cumsum::cases::cases, None, Vec::new;
    divisor: "divisor", divisor::cases::cases, Some("is of integers"), Vec::new;
    gather: "gather", gather::cases::cases, None, Vec::new;
    matmul: "linalg/matmul", matmul::cases::cases, None, Vec::new;
    norm: "norm", norm::cases::cases, None, Vec::new;
    pool2d: "pool2d", pool2d::cases::cases, None, Vec::new;
    random: "random", random::cases::cases, Some("gives draws, which depend on no input"), Vec::new;
    recurrent: "recurrent", recurrent::cases::cases, None, Vec::new;
    scan: "scan", scan::cases::cases, None, Vec::new;
    scatter: "scatter", scatter::cases::cases, None, Vec::new;
    softmax: "softmax", softmax::cases::cases, None, Vec::new;
    sort: "sort", sort::cases::cases, None, Vec::new;
}

/// Rules that expand to nothing simpler, and why.
const WHOLE: &[(&str, &str)] = &[
    ("argsort", "no other op puts in order"),
    ("bitwise_and", "no other op sees bits"),
    ("bitwise_left_shift", "no other op sees bits"),
    ("bitwise_or", "no other op sees bits"),
    ("bitwise_right_shift", "no other op sees bits"),
    ("bitwise_xor", "no other op sees bits"),
    ("cast_whole", "it reports a fraction"),
    ("gather", "it reports an index outside; pooling's windows are expanded to it"),
    ("rand", "it draws"),
    ("randn", "it draws"),
    ("random_bits", "it draws"),
    ("scatter_add", "it reports an index outside"),
    ("scatter_reduce", "it reports an index outside"),
];

/// Runs a family's cases; then nothing may be missing.
fn verify(folder: &str) {
    let family = FAMILIES.iter().find(|f| f.folder == folder).expect("a family");
    let checked: Vec<Checked> = (family.cases)().iter().map(Case::run).collect();
    let missing = required(family).missing(&checked);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What the sources of a family name.
fn required(family: &Family) -> Required {
    let (mut rules, mut algorithms) = (BTreeSet::new(), BTreeSet::from_iter((family.forced)()));
    for file in sources(&ops().join(family.folder)) {
        let text = fs::read_to_string(&file).expect("a source file");
        rules.extend(literals(&text, "fn name(&self) -> &'static str {"));
        algorithms.extend(literals(&text, "fn algorithm(&self) -> &str {"));
    }
    let half = [DType::F16, DType::BF16];
    let dtypes = match family.flat {
        Some(_) => vec![DType::F64],
        None => [DType::F64, DType::F32].into_iter().chain(half).collect(),
    };
    let orders = if family.flat.is_some() { vec![] } else { vec![1, 2] };
    let whole = WHOLE.iter().map(|w| w.0.to_owned()).filter(|w| rules.contains(w)).collect();
    Required { family: family.folder.to_owned(), rules, whole, algorithms, orders, dtypes }
}

fn ops() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops")
}

/// The Rust files in a folder and below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    let below = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.flat_map(below).filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

/// The texts in quotes in the bodies of functions that begin so, but no empty ones.
fn literals(source: &str, head: &str) -> Vec<String> {
    let bodies = source.split(head).skip(1).filter_map(|rest| rest.split("\n    }\n").next());
    let quoted = |body: &str| body.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    bodies.flat_map::<Vec<String>, _>(quoted).filter(|text| !text.is_empty()).collect()
}

/// The folders below `ops/` where a rule is implemented, outermost first.
fn folders_of_rules() -> BTreeSet<String> {
    let ops = ops();
    let has_rule = |file: &PathBuf| {
        fs::read_to_string(file).expect("a source file").contains("\nimpl Rule for ")
    };
    let folder = |file: PathBuf| {
        file.parent().and_then(|f| f.strip_prefix(&ops).ok()).map(|f| f.display().to_string())
    };
    sources(&ops).into_iter().filter(has_rule).filter_map(folder).collect()
}

/// Folders of rules that lie in no family.
fn strays(families: &[&str]) -> Vec<String> {
    let within = |folder: &String| families.iter().any(|f| Path::new(folder).starts_with(f));
    folders_of_rules().into_iter().filter(|folder| !within(folder)).collect()
}

fn folders() -> Vec<&'static str> {
    FAMILIES.iter().map(|f| f.folder).collect()
}

#[test]
fn every_rule_belongs_to_a_family() {
    assert_eq!(strays(&folders()), [""; 0]);
    for family in FAMILIES {
        assert!(family.flat.is_none_or(|why| !why.is_empty()), "{}: why?", family.folder);
    }
}

/// The guard itself: a family, a rule, an order, an algorithm or a type that is left out is named.
#[test]
fn what_is_left_out_is_named() {
    let without =
        |name: &str| strays(&folders().into_iter().filter(|f| *f != name).collect::<Vec<_>>());
    assert_eq!(without("conv2d"), ["conv2d"]);
    assert_eq!(without("norm"), ["norm/batch", "norm/local_response", "norm/rows"]);

    let pool = FAMILIES.iter().find(|f| f.folder == "pool2d").expect("a family");
    let required = required(pool);
    assert!(required.rules.len() == 6 && required.algorithms.len() == 3, "{required:?}");
    let all = Checked {
        name: "max_pool2d".to_owned(),
        dtypes: required.dtypes.clone(),
        orders: vec![1, 2],
        rules: required.rules.clone(),
        kernels: on_all(&required.rules),
        expanded: required.rules.clone(),
        algorithms: required.algorithms.clone(),
        devices: vec!["cpu", "reference"],
    };
    let missing = |change: &dyn Fn(&mut Checked)| {
        let mut one = all.clone();
        change(&mut one);
        required.missing(&[one])
    };
    assert_eq!(missing(&|_| {}), [""; 0]);
    assert_eq!(required.missing(&[]), ["pool2d: no case"]);
    let second = missing(&|c| c.orders = vec![1]);
    assert!(
        second.contains(&"pool2d: max_pool2d: order 2 is not checked".to_owned()),
        "{second:?}"
    );
    let none = missing(&|c| c.orders = vec![]);
    assert_eq!(none.len(), 12, "six rules, two orders: {none:?}");
    let lanes = missing(&|c| c.algorithms.retain(|name| name != "batch lanes"));
    assert_eq!(lanes, ["pool2d: algorithm \"batch lanes\" computed nothing"]);
    let rule = missing(&|c| c.rules.retain(|name| name != "mean_pool2d"));
    assert_eq!(rule[1], "pool2d: mean_pool2d is in no case with derivatives of order 2");
    let half = missing(&|c| c.dtypes.retain(|d| *d != DType::F16));
    assert_eq!(half, ["pool2d: no case in f16"]);
    for device in ["cpu", "reference"] {
        let absent = missing(&|c| c.devices.retain(|d| *d != device));
        assert_eq!(absent, [format!("pool2d: max_pool2d did not run on {device}")]);
        let kernel = ("max_unpool2d".to_owned(), device);
        let absent = missing(&|c| c.kernels.retain(|k| *k != kernel));
        assert_eq!(absent, [format!("pool2d: max_unpool2d has no kernel on {device}")]);
    }
    let expansion = missing(&|c| c.expanded.retain(|name| name != "max_pool2d"));
    assert_eq!(expansion, ["pool2d: what max_pool2d expands to is not compared"]);
}

/// Rules with every device.
fn on_all(rules: &BTreeSet<String>) -> BTreeSet<(String, &'static str)> {
    let devices = Device::ALL.iter();
    devices.flat_map(|d| rules.iter().map(|rule| (rule.clone(), d.name))).collect()
}

/// What is said to expand to nothing is a rule, and does not.
#[test]
fn what_expands_to_nothing_is_a_rule() {
    let rules: BTreeSet<String> = FAMILIES.iter().flat_map(|f| required(f).rules).collect();
    for (name, why) in WHOLE {
        assert!(rules.contains(*name) && !why.is_empty(), "{name}: {why}");
    }
    let gather = FAMILIES.iter().find(|f| f.folder == "gather").expect("a family");
    let required = required(gather);
    let all = Checked {
        name: "gather".to_owned(),
        dtypes: required.dtypes.clone(),
        orders: vec![1, 2],
        rules: required.rules.clone(),
        kernels: on_all(&required.rules),
        expanded: ["gather".to_owned()].into(),
        algorithms: required.algorithms.clone(),
        devices: vec!["cpu", "reference"],
    };
    let wrong = "gather: gather is said to expand to nothing, and does expand";
    assert_eq!(required.missing(&[all]), [wrong]);
}
