//! `gradus run`: an ONNX model on arrays from files.

use crate::computing::Computing;
use crate::datasets::called;
use crate::error::{CliError, Result};
use crate::model_file;
use crate::room;
use gradus::Tensor;
use gradus::data::{image_info, read_file};
use gradus::io::numpy::{Limits, parse_npy, parse_npz, save_npy};
use gradus::io::{NamedArray, visible};
use gradus::onnx::{Network, array_of, tensor_of};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Run an ONNX model on arrays
///
/// Inputs come from .npy files, by name, or from an .npz file with all of them; without any, what the model takes and gives is listed. Every output becomes a
/// .npy file of its name; of names that one file would have, the later get a number. Pictures and tables are no arrays: how a model wants them prepared it does not say,
/// and `gradus import` makes one of it that does.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus run model.onnx x.npy\n  gradus run model.onnx ids=ids.npy mask=mask.npy --output results\n  cat x.npy | gradus run model.onnx -"
)]
pub struct Args {
    /// The model
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// An input and its file, .npy or .npz; the name may be left out if there is just one input. - is a file on stdin
    #[arg(value_name = "NAME=FILE")]
    inputs: Vec<String>,
    /// The same
    #[arg(long, value_name = "NAME=FILE")]
    input: Vec<String>,
    /// The folder for the outputs
    #[arg(long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Where to compute (see `gradus devices`)
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    #[command(flatten)]
    computing: Computing,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Runs a model.
pub fn run(args: &Args) -> Result<()> {
    args.computing.begin(&args.device)?;
    model_file::refuse_foreign(&args.model)?;
    let network = within_memory(Network::read(&args.model)?);
    let given: Vec<&String> = args.inputs.iter().chain(&args.input).collect();
    if given.is_empty() && !network.inputs().is_empty() {
        return describe(&network, args.json);
    }
    let mut inputs: Vec<(String, Tensor)> = vec![];
    for given in given {
        for (name, array) in arrays(given, &network)? {
            if inputs.iter().any(|(other, _)| *other == name) {
                return Err(CliError::Usage(format!("{given}: {name} is given twice")));
            }
            inputs.push((name, tensor_of(&array)?));
        }
    }
    let inputs: Vec<_> = inputs.iter().map(|(name, x)| (&**name, x.clone())).collect();
    let start = Instant::now();
    let outputs = network.run(&inputs)?;
    let seconds = start.elapsed().as_secs_f64();
    std::fs::create_dir_all(&args.output).map_err(|source| CliError::System {
        path: args.output.clone(),
        action: "make the folder",
        source,
    })?;
    let (mut written, mut lines) = (vec![], String::new());
    let files = file_names(outputs.iter().map(|(name, _)| &**name));
    for ((name, tensor), file) in outputs.iter().zip(files) {
        let path = args.output.join(format!("{file}.npy"));
        save_npy(&path, &array_of(name, tensor)?)?;
        let (dtype, shape, place) = (tensor.dtype(), tensor.shape(), path.display());
        lines.push_str(&format!("{}  {dtype} {shape}  {place}\n", visible(name)));
        written.push(json!({ "name": name, "shape": tensor.shape().to_vec(), "file": path }));
    }
    // All files are there before a word of them is said: stdout may be closed.
    let mut out = std::io::stdout().lock();
    write!(out, "{lines}")?;
    let mut record = json!({ "outputs": written, "seconds": seconds });
    args.computing.conclude(&mut record);
    if args.json {
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Bytes of memory for each element that the largest value may have: what is computed, copies of it and lists of places beside it.
const EACH: u64 = 32;

/// The network, whose values are no larger than there is memory for: one that asks for more ends with the node's name, and the system
/// ends nothing.
fn within_memory(network: Network) -> Network {
    match room::bytes() {
        Some(bytes) => network.limited_to(usize::try_from(bytes / EACH).unwrap_or(usize::MAX)),
        None => network,
    }
}

/// What the model takes and gives, and of which operators it consists.
pub fn describe(network: &Network, json: bool) -> Result<()> {
    use gradus::io::onnx::{Size, ValueInfo, element_name};
    let line = |kind: &str, v: &ValueInfo| {
        let size = |s: &Size| match s {
            Size::Is(n) => n.to_string(),
            Size::Open(name) if name.is_empty() => "?".to_owned(),
            Size::Open(name) => name.clone(),
        };
        let shape = v.shape.as_ref().map_or_else(
            || "of any shape".to_owned(),
            |s| format!("[{}]", s.iter().map(size).collect::<Vec<_>>().join(", ")),
        );
        visible(&format!("{kind}  {}  {} {shape}", v.name, element_name(v.element))).into_owned()
    };
    let mut out = std::io::stdout().lock();
    let nodes = network.model().graph.nodes.len();
    let (parameters, opset) = (network.parameters(), network.opset());
    writeln!(out, "{nodes} nodes, {parameters} parameters, operator set {opset}")?;
    let mut operators: BTreeMap<&str, u64> = BTreeMap::new();
    for node in &network.model().graph.nodes {
        *operators.entry(&node.op).or_default() += 1;
    }
    let listed: Vec<String> = operators.iter().map(|(op, n)| format!("{n} {op}")).collect();
    writeln!(out, "{}", visible(&listed.join(", ")))?;
    for v in network.inputs() {
        writeln!(out, "{}", line("input ", v))?;
    }
    for v in network.outputs() {
        writeln!(out, "{}", line("output", v))?;
    }
    if json {
        let names = |list: Vec<&ValueInfo>| list.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
        let outputs = names(network.outputs().iter().collect());
        let about = json!({ "nodes": nodes, "parameters": parameters, "opset": opset, "operators": operators,
            "inputs": names(network.inputs()), "outputs": outputs });
        writeln!(out, "{about}")?;
    }
    Ok(())
}

/// The arrays that are given as `NAME=FILE` or `FILE`, by the inputs' names. An array alone goes to the only input.
fn arrays(given: &str, network: &Network) -> Result<Vec<(String, NamedArray)>> {
    let (name, file) = match given.split_once('=') {
        Some((name, file)) => (Some(name.to_owned()), Path::new(file)),
        None => (None, Path::new(given)),
    };
    let called = called(&file.display().to_string()).to_owned();
    let bytes = read_file(file)?;
    if let Ok(picture) = image_info(&bytes, &called) {
        let (height, width) = picture.size;
        let what =
            format!("{called}: found a picture of {height}×{width} pixels, expected .npy or .npz");
        return Err(CliError::Usage(format!(
            "{what}: how this model wants pictures prepared is not known; a model of gradus import knows it"
        )));
    }
    let in_file = |error: gradus::io::Error| error.in_file(Path::new(&called));
    if bytes.starts_with(b"PK") {
        if let Some(name) = name {
            let what =
                format!("{called}: found an .npz, which has names of its own, after {name}=");
            return Err(CliError::Usage(format!("{what}; give the file alone")));
        }
        let all = parse_npz(&bytes, Limits::default()).map_err(in_file)?;
        return Ok(all.into_iter().map(|array| (array.name.clone(), array)).collect());
    }
    let name = match (name, &network.inputs()[..]) {
        (Some(name), _) => name,
        (None, [only]) => only.name.clone(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|v| &*v.name).collect();
            let what = format!("{given}: which input? NAME=FILE, of {}", names.join(", "));
            return Err(CliError::Usage(what));
        }
    };
    let array = parse_npy(&name, &bytes).map_err(in_file)?;
    Ok(vec![(name, array)])
}

/// A file's name for each output: no two are one, on disks that do not tell capitals apart either.
fn file_names<'a>(outputs: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = outputs.map(file_name).collect();
    let mut taken: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut seen = HashSet::new();
    for name in &mut names {
        if seen.insert(name.to_lowercase()) {
            continue;
        }
        let mut numbered = (2..).map(|n| format!("{name}-{n}"));
        let free = numbered.find(|name| !taken.contains(&name.to_lowercase()));
        *name = free.expect("some number is free");
        taken.insert(name.to_lowercase());
        seen.insert(name.to_lowercase());
    }
    names
}

/// A name without what folders and shells would read as theirs.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(safe).collect();
    if name.trim_matches('.').is_empty() { "output".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::file_names;

    #[test]
    fn outputs_have_files_of_their_own() {
        let outputs = ["a/b", "a_b", "A_B", "a_b-2", "a:b", "..", "output", "y"];
        let expected = ["a_b", "a_b-3", "A_B-4", "a_b-2", "a_b-5", "output", "output-2", "y"];
        assert_eq!(file_names(outputs.into_iter()), expected);
    }
}
