//! `gradus models`: the networks of the zoo, and recipes.

use crate::bars::grouped;
use crate::error::Result;
use crate::network::build;
use crate::recipe_file;
use crate::settings::{Known, SYSTEMS};
use gradus::models::{RECIPES, ZOO};
use gradus::nn::Init;
use serde_json::json;
use std::io::Write;

/// List the networks and the recipes that can be trained by name
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
    let (name, input, about) = ("name", "input", "about");
    writeln!(out, "{name:<18} {input:<14} {:>12} {:>15}  {about}", "parameters", "mult-adds")?;
    for entry in ZOO {
        let summary = build(entry.name, &entry.design(), &Init::blank())?.summary();
        let (name, about, source) = (entry.name, entry.about, entry.source);
        let input = format!("{:?}", entry.input);
        let [count, macs] = [summary.parameters as u64, summary.macs()].map(grouped);
        writeln!(out, "{name:<18} {input:<14} {count:>12} {macs:>15}  {about} ({source})")?;
        records.push(json!({
            "name": name, "about": about, "source": source, "input": entry.input,
            "classes": entry.classes, "params": summary.parameters, "macs": summary.macs(),
        }));
    }
    writeln!(out, "\n{:<26} about", "network of sequences")?;
    let mut systems = vec![];
    for Known { name, about, source, .. } in SYSTEMS {
        writeln!(out, "{name:<26} {about} ({source})")?;
        systems.push(json!({ "name": name, "about": about, "source": source }));
    }
    writeln!(out, "\n{:<26} about", "recipe")?;
    let mut recipes = vec![];
    for (name, text) in RECIPES {
        let about = recipe_file::about(text);
        writeln!(out, "{name:<26} {about}")?;
        recipes.push(json!({ "name": name, "about": about }));
    }
    if args.json {
        writeln!(
            out,
            "{}",
            json!({ "models": records, "sequences": systems, "recipes": recipes })
        )?;
    }
    Ok(())
}
