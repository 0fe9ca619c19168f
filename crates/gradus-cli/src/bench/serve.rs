//! Answers the benchmark driver's requests, one JSON line each, until stdin ends. `benches/peers/README.md` describes them.

use super::{Case, Prepared, cases, measure};
use crate::error::{CliError, Result, panic_message};
use gradus_cpu::bench::fma_peak;
use gradus_cpu::{Isa, set_threads, threads};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Serves.
///
/// # Errors
/// When a line is no request, or stdin or stdout fail.
pub fn serve() -> Result<()> {
    if let Some(asked) = std::env::var("PEER_THREADS").ok().and_then(|n| n.parse().ok()) {
        set_threads(asked);
    }
    let (cases, mut ready) = (cases(), HashMap::new());
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| CliError::Work(format!("stdin: cannot read: {e}")))?;
        let request: Value = serde_json::from_str(&line)
            .map_err(|e| CliError::Usage(format!("stdin: expected a JSON object a line: {e}")))?;
        let mut reply = answer(&cases, &mut ready, &request);
        reply["case"] = request["case"].clone();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    Ok(())
}

/// The machine's fused multiply-adds, which is a case of its own here.
const PEAK: &str = "fma_peak";

fn answer(cases: &[Case], ready: &mut HashMap<String, Prepared>, request: &Value) -> Value {
    let name = request["case"].as_str().unwrap_or_default();
    let seconds = request["seconds"].as_f64().unwrap_or(2.0);
    if name == "about" {
        let names: Vec<&str> = cases.iter().map(|case| &*case.name).chain([PEAK]).collect();
        return json!({
            "name": "gradus", "version": env!("CARGO_PKG_VERSION"), "isa": Isa::current().name(),
            "threads": threads(), "cases": names,
        });
    }
    if name == PEAK {
        return json!({ "value": fma_peak(threads()), "unit": "GFLOP/s" });
    }
    let Some(case) = cases.iter().find(|case| case.name == name) else {
        return json!({ "unsupported": "no such case here" });
    };
    // One case that fails must not end the run.
    match catch_unwind(AssertUnwindSafe(|| value(case, ready, seconds))) {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => json!({ "error": error.to_string() }),
        Err(payload) => json!({ "error": panic_message(&*payload) }),
    }
}

fn value(
    case: &Case,
    ready: &mut HashMap<String, Prepared>,
    seconds: f64,
) -> gradus::Result<Value> {
    if !ready.contains_key(&case.name) {
        let mut prepared = case.prepare()?;
        measure(&mut *prepared.work, seconds.min(0.2))?;
        ready.insert(case.name.clone(), prepared);
    }
    let prepared = ready.get_mut(&case.name).expect("made above");
    let runs = measure(&mut *prepared.work, seconds)?;
    let kept = prepared.work.kept_each_step()?;
    let (value, unit, check) = (runs * case.amount(), case.unit(), prepared.check);
    Ok(json!({ "value": value, "unit": unit, "check": check, "kept_bytes_per_step": kept }))
}
