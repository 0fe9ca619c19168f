//! `gradus devices`: what can be computed on.

use crate::error::Result;
use gradus_cpu::{Isa, threads};
use serde_json::json;
use std::io::Write;

/// List what networks can be computed on
#[derive(clap::Args)]
#[command(after_help = "Example:\n  gradus devices")]
pub struct Args {
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Lists.
pub fn run(args: &Args) -> Result<()> {
    let (threads, isa) = (threads(), Isa::current().name());
    let mut out = std::io::stdout().lock();
    writeln!(out, "cpu     {threads} threads, {isa} ({})", std::env::consts::ARCH)?;
    if args.json {
        let cpu = json!({
            "name": "cpu", "threads": threads, "instructions": isa,
            "architecture": std::env::consts::ARCH,
        });
        writeln!(out, "{}", json!({ "devices": [cpu] }))?;
    }
    Ok(())
}
