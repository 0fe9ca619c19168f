//! `gradus run`: an ONNX model on arrays from files.

use crate::computing::Computing;
use crate::error::{CliError, Result};
use crate::room;
use gradus::io::numpy::{read_npy, save_npy};
use gradus::io::visible;
use gradus::onnx::{Network, array_of, tensor_of};
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Run an ONNX model on arrays
///
/// Inputs come from .npy files, by name; without any, what the model takes and gives is listed. Every output becomes a .npy file of its name; of names that one
/// file would have, the later get a number.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  gradus run model.onnx --input x=image.npy --output results")]
pub struct Args {
    /// The model
    #[arg(value_name = "MODEL.onnx")]
    model: PathBuf,
    /// An input and its file; the name may be left out if there is just one
    #[arg(long, value_name = "NAME=FILE.npy")]
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
    let network = within_memory(Network::read(&args.model)?);
    if args.input.is_empty() && !network.inputs().is_empty() {
        return describe(args, &network);
    }
    let mut inputs = vec![];
    for given in &args.input {
        let (name, file) = named(given, &network)?;
        if inputs.iter().any(|(other, _)| *other == name) {
            return Err(CliError::Usage(format!("--input {given}: {name} is given twice")));
        }
        inputs.push((name, tensor_of(&read_npy(&file)?)?));
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

/// What the model takes and gives.
fn describe(args: &Args, network: &Network) -> Result<()> {
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
    for v in network.inputs() {
        writeln!(out, "{}", line("input ", v))?;
    }
    for v in network.outputs() {
        writeln!(out, "{}", line("output", v))?;
    }
    if args.json {
        let names = |list: Vec<&ValueInfo>| list.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
        let outputs = names(network.outputs().iter().collect());
        let about = json!({ "nodes": nodes, "parameters": parameters, "opset": opset,
            "inputs": names(network.inputs()), "outputs": outputs });
        writeln!(out, "{about}")?;
    }
    Ok(())
}

/// An input's name and file. A file alone goes to the only input.
fn named(given: &str, network: &Network) -> Result<(String, PathBuf)> {
    if let Some((name, file)) = given.split_once('=') {
        return Ok((name.to_owned(), PathBuf::from(file)));
    }
    match network.inputs()[..] {
        [only] => Ok((only.name.clone(), Path::new(given).to_owned())),
        ref several => {
            let names: Vec<&str> = several.iter().map(|v| &*v.name).collect();
            let what = format!("--input {given}: which input? NAME=FILE, of {}", names.join(", "));
            Err(CliError::Usage(what))
        }
    }
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
