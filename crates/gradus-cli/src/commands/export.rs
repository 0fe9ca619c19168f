//! `gradus export`: a trained model for other programs.

use crate::description::Description;
use crate::error::{CliError, Result};
use crate::model_file::{self, DESCRIPTION, Loaded};
use crate::suggest::unknown;
use gradus::io::onnx::write_model;
use gradus::nn::{Context, Layer};
use gradus::onnx::Export;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What can be written.
const FORMATS: &[&str] = &["onnx", "safetensors", "npz"];

/// Write a trained model for other programs
///
/// onnx: the network and its weights, for ONNX Runtime, Netron and others (operator set 17). It takes batches of any size:
/// `input`, prepared as the properties `mean` and `std` say, gives `output`, a number for each of the property `classes`, or of
/// `targets` in the units of the data (of yes and no a logit). The property `model` has all that `gradus import` needs to make the same
/// model of it again. Weights of more than two gigabytes lie beside it, in FILE.data.
/// safetensors: every parameter by its path (conv1.weight), and what the network is as text entries. npz: the parameters
/// alone, for NumPy.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus export runs/mlp-1 --out mlp.onnx\n  gradus export runs/mlp-1 --format safetensors"
)]
pub struct Args {
    /// A run directory or a model's file
    #[arg(value_name = "RUN|MODEL_FILE")]
    model: PathBuf,
    #[arg(long, value_name = "FORMAT", help = format!("The format: {} [default: the ending of --out]", FORMATS.join(", ")))]
    format: Option<String>,
    /// The file to write [default: MODEL.FORMAT in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// ONNX: one size for all batches, instead of any
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

impl Args {
    /// The format that is asked for, by name or by the file's ending.
    fn format(&self) -> Result<&'static str> {
        let ending = self.out.as_deref().and_then(Path::extension).map(|e| e.to_string_lossy());
        let Some(name) = self.format.as_deref().or(ending.as_deref()) else {
            let what = format!("give --format, or --out with an ending: {}", FORMATS.join(", "));
            return Err(CliError::Usage(what));
        };
        let known = |name: &str| FORMATS.iter().find(|format| **format == name).copied();
        let format = known(name).ok_or_else(|| unknown("format", name, FORMATS))?;
        if let Some(other) = ending.as_deref().and_then(known).filter(|other| *other != format) {
            let what = format!("--out: found a file that ends in .{other}, expected .{format}");
            return Err(CliError::Usage(what));
        }
        if format != "onnx" && self.batch.is_some() {
            return Err(CliError::Usage(format!("--batch is for onnx; {format} holds no batches")));
        }
        Ok(format)
    }
}

/// Exports.
pub fn run(args: &Args) -> Result<()> {
    let format = args.format()?;
    let loaded = model_file::load(&args.model)?;
    loaded.remark(&args.model);
    let name = || PathBuf::from(file_name(&loaded.description.architecture, format));
    let path = args.out.clone().unwrap_or_else(name);
    if same_file(&path, &loaded.path) {
        let what = "this is the model itself; choose another --out";
        return Err(CliError::Usage(format!("{}: {what}", path.display())));
    }
    let mut beside = None;
    match format {
        "onnx" => beside = write_onnx(&path, &loaded, args.batch)?,
        "npz" => gradus::io::numpy::save_npz(&path, &gradus::train::weights(&loaded.model))?,
        _ => model_file::save(&path, &loaded.description, &loaded.model)?,
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", path.display())?;
    if let Some(data) = &beside {
        writeln!(out, "{}  (its weights: keep it in the same folder)", data.display())?;
    }
    if args.json {
        let mut record = json!({ "format": format, "file": path, "unfinished": loaded.unfinished });
        beside.iter().for_each(|data| record["data"] = json!(data));
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// The network with what a program must know to use it; gives the file of its weights, if they are too many for one.
fn write_onnx(path: &Path, loaded: &Loaded, batch: Option<u32>) -> Result<Option<PathBuf>> {
    let about = &loaded.description;
    let mut export = Export::new()
        .input("input", loaded.model.input_spec())
        .output("output")
        .property(DESCRIPTION, json!(about).to_string())
        .property("architecture", &*about.architecture)
        .property("data", &*about.data)
        .property("classes", json!(about.classes).to_string())
        .property("mean", mean(about).to_string())
        .property("std", json!(about.std).to_string());
    let aim = about.aim();
    if !aim.is_of_classes() {
        export = export.property("targets", json!(aim.targets).to_string());
        export = export.property("loss", &*aim.loss);
    }
    if let Some(size) = batch {
        export = export.batch(size as usize);
    }
    let model = match aim.mean.is_empty() {
        true => export.layer(&loaded.model)?,
        // What the network gives has mean 0 and deviation 1; who reads the file sees the numbers that it means.
        false => export.names_of(&loaded.model).function(|x| {
            let y = loaded.model.forward(&x[0], &Context::eval());
            let (deviation, mean) = aim.rows();
            vec![&y * deviation.cast(y.dtype()) + mean.cast(y.dtype())]
        })?,
    };
    Ok(write_model(path, &model)?)
}

/// What is subtracted from each channel, or in f64 from each column of a table.
fn mean(about: &Description) -> Value {
    match &about.offset[..] {
        [] => json!(about.mean),
        offset => offset.iter().zip(&about.mean).map(|(a, &b)| a + f64::from(b)).collect(),
    }
}

/// Bytes of a network's name in a file's name.
const LONGEST: usize = 80;

/// A file's name for a network, in the present folder: what the model's file says is no path, so folders, signs that a shell
/// or a terminal would take for something else, and names that Windows keeps to itself are not taken over.
fn file_name(architecture: &str, format: &str) -> String {
    let last = architecture.rsplit(['/', '\\']).next().unwrap_or_default();
    let last = last.strip_suffix(".prototxt").unwrap_or(last);
    let clean = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let mut name = String::new();
    for c in last.trim_matches(|c: char| !c.is_alphanumeric()).chars().map(clean) {
        if name.len() + c.len_utf8() > LONGEST {
            break;
        }
        name.push(c);
    }
    let stem = name.split('.').next().unwrap_or_default().to_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device)
            .is_some_and(|n| n.chars().count() == 1 && n.chars().all(|c| c.is_numeric()))
    };
    let is_reserved =
        ["CON", "PRN", "AUX", "NUL"].contains(&&*stem) || numbered("COM") || numbered("LPT");
    match name.is_empty() || is_reserved {
        true => format!("model-{name}.{format}").replace("-.", "."),
        false => format!("{name}.{format}"),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_is_a_file_in_this_folder() {
        let name = |architecture: &str| file_name(architecture, "npz");
        assert_eq!(name("resnet50_v1"), "resnet50_v1.npz");
        assert_eq!(name("nets/mixed.prototxt"), "mixed.npz");
        assert_eq!(name("../precious"), "precious.npz");
        assert_eq!(name("/etc/passwd"), "passwd.npz");
        assert_eq!(name("C:\\Windows\\win"), "win.npz");
        assert_eq!(name("D:net"), "D_net.npz");
        assert_eq!(name("a\u{1b}[2Jb\n; rm *"), "a__2Jb___rm.npz");
        assert_eq!(name("-rf"), "rf.npz");
        assert_eq!(name(".hidden"), "hidden.npz");
        assert_eq!(name("größe"), "größe.npz");
        for nothing in ["", "..", "a/..", "/", "\0", " ", "\u{202e}"] {
            assert_eq!(name(nothing), "model.npz", "{nothing:?}");
        }
        for reserved in ["con", "NUL.x", "Com1", "lpt9", "aux"] {
            assert_eq!(name(reserved), format!("model-{reserved}.npz"));
        }
        assert_eq!((&*name("common"), &*name("com10")), ("common.npz", "com10.npz"));
        assert!(name(&"é".repeat(500)).len() <= 84);
    }
}
