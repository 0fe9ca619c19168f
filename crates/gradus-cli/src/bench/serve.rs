//! Answers the benchmark driver's requests, one JSON line each, until stdin ends. `benches/peers/README.md` describes them.

use super::{Case, Prepared, cases, measure};
use crate::error::{CliError, Result, panic_message};
use gradus_cpu::{set_threads, threads};
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

fn answer(cases: &[Case], ready: &mut HashMap<String, Prepared>, request: &Value) -> Value {
    let name = request["case"].as_str().unwrap_or_default();
    let seconds = request["seconds"].as_f64().unwrap_or(2.0);
    if name == "about" {
        let names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
        return json!({
            "name": "gradus", "version": env!("CARGO_PKG_VERSION"), "threads": threads(), "cases": names,
        });
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
    Ok(json!({ "value": runs * case.amount(), "unit": case.unit(), "check": prepared.check }))
}
