//! `gradus models`: the networks of the zoo.

use crate::bars::grouped;
use crate::error::Result;
use crate::model_file::build;
use gradus::models::ZOO;
use gradus::nn::parameters;
use serde_json::json;
use std::io::Write;

/// List the networks that can be trained by name
#[derive(clap::Args)]
#[command(after_help = "Example:\n  gradus models")]
pub struct Args {
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Lists.
pub fn run(args: &Args) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut records = vec![];
    writeln!(out, "{:<12} {:<14} {:>12}  about", "name", "input", "parameters")?;
    for entry in ZOO {
        let model = build(entry.name, entry.input, 10, 0)?;
        let count: usize = parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
        let input = format!("{:?}", entry.input);
        let (name, about, source) = (entry.name, entry.about, entry.source);
        let count_text = grouped(count as u64);
        writeln!(out, "{name:<12} {input:<14} {count_text:>12}  {about} ({source})")?;
        records.push(json!({
            "name": name, "about": about, "source": source, "input": entry.input, "params": count,
        }));
    }
    if args.json {
        writeln!(out, "{}", json!({ "models": records }))?;
    }
    Ok(())
}
