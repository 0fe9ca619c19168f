//! `gradus devices`: what can be computed on.

use crate::error::Result;
use gradus_cpu::{Isa, threads};
use serde_json::json;
use std::io::Write;

/// List what networks can be computed on
///
/// With the instruction set in use: the best that the machine has, or the one that the environment's GRADUS_ISA names.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  gradus devices\n  GRADUS_ISA=portable gradus devices")]
pub struct Args {
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Lists.
pub fn run(args: &Args) -> Result<()> {
    let (threads, isa) = (threads(), Isa::current().name());
    let forced = matches!(Isa::forced(), Ok(Some(_)));
    let available: Vec<&str> = Isa::all().iter().map(|isa| isa.name()).collect();
    let by = if forced { ", forced by GRADUS_ISA" } else { "" };
    let mut out = std::io::stdout().lock();
    writeln!(out, "cpu        {threads} threads, {isa} ({}){by}", std::env::consts::ARCH)?;
    writeln!(out, "           instruction sets: {}", available.join(", "))?;
    writeln!(out, "reference  one thread, plain loops: slow, what --check compares with")?;
    if args.json {
        let reference = json!({ "name": "reference", "threads": 1 });
        let cpu = json!({
            "name": "cpu", "threads": threads, "instructions": isa, "forced": forced,
            "available": available,
            "architecture": std::env::consts::ARCH,
        });
        writeln!(out, "{}", json!({ "devices": [cpu, reference] }))?;
    }
    Ok(())
}
