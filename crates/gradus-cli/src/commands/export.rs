//! `gradus export`: a trained model for other programs.

use crate::error::{CliError, Result};
use crate::model_file;
use crate::suggest::unknown;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What can be written.
const FORMATS: &[&str] = &["safetensors", "npz"];

/// Write a trained model for other programs
///
/// safetensors: every parameter by its path (conv1.weight), and what the network is as text entries. npz: the parameters alone,
/// for NumPy.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  gradus export runs/mlp-1 --format safetensors --out mlp.safetensors"
)]
pub struct Args {
    /// A run directory or a model's file
    #[arg(value_name = "RUN|MODEL_FILE")]
    model: PathBuf,
    #[arg(long, value_name = "FORMAT", help = format!("The format: {}", FORMATS.join(", ")))]
    format: String,
    /// The file to write [default: MODEL.FORMAT]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Exports.
pub fn run(args: &Args) -> Result<()> {
    if !FORMATS.contains(&&*args.format) {
        return Err(unknown("format", &args.format, FORMATS));
    }
    let loaded = model_file::load(&args.model)?;
    let name = format!("{}.{}", loaded.description.architecture, args.format);
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from(name));
    if same_file(&path, &loaded.path) {
        let what = "this is the model itself; choose another --out";
        return Err(CliError::Usage(format!("{}: {what}", path.display())));
    }
    match &*args.format {
        "npz" => gradus::io::numpy::save_npz(&path, &gradus::train::weights(&loaded.model))?,
        _ => model_file::save(&path, &loaded.description, &loaded.model)?,
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", path.display())?;
    if args.json {
        writeln!(out, "{}", json!({ "format": args.format, "file": path }))?;
    }
    Ok(())
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
