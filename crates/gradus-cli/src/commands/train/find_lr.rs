//! `gradus train … --find-lr`: tries rates from far too low to far too high and suggests one. Nothing is kept.

use crate::bars::bar;
use crate::error::{CliError, Result, shell_word};
use crate::settings::Settings;
use gradus::train::{RateCurve, Source, Sweep, Task};
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// Lines of the table.
const LINES: usize = 24;

/// Sweeps and prints the curve.
pub fn run(
    settings: &Settings,
    task: &mut dyn Task,
    train: &dyn Source,
    as_json: bool,
) -> Result<()> {
    let sweep = Sweep { low: 1e-6, high: 10.0, steps: 140 };
    say!(
        "{} steps of {} on {} at rates from {} to {}",
        sweep.steps,
        settings.optimizer.name,
        settings.data,
        sweep.low,
        sweep.high
    );
    let curve = sweep.run(task, train)?;
    if let Some(text) = ended(&sweep, &curve) {
        say!("{text}");
    }
    let mut out = std::io::stdout().lock();
    table(&mut out, &curve)?;
    let Some(rate) = curve.suggestion() else {
        let what = "the loss fell at no rate: the model, the data or the loss may have a mistake";
        return Err(CliError::Work(what.into()));
    };
    let rate = rounded(rate);
    let Settings { model, data, .. } = settings;
    writeln!(out, "\nbetween where the loss falls steepest and where it stops falling: {rate}")?;
    writeln!(out, "next           {}", as_typed(rate))?;
    if as_json {
        let points: Vec<_> = curve.points.iter().map(|(r, l)| json!([r, l])).collect();
        let record = json!({
            "model": model, "data": data, "optimizer": settings.optimizer.name,
            "batch": settings.batch, "suggestion": rate, "steepest": curve.steepest,
            "bottom": curve.bottom, "points": points,
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Where a sweep ended before its last rate, and why.
fn ended(sweep: &Sweep, curve: &RateCurve) -> Option<String> {
    let (last, _) = curve.points.last()?;
    let after = curve.points.len();
    (after < sweep.steps).then(|| {
        format!(
            "stopped after step {after} of {}, at rate {}: the next loss was no number, or more than {} times the lowest",
            sweep.steps,
            rounded(*last),
            Sweep::TOO_MUCH
        )
    })
}

/// The command as it was typed, at a rate instead of looking for one.
fn as_typed(rate: f64) -> String {
    let words = std::env::args_os().skip(1).filter(|word| word != "--find-lr" && word != "--json");
    let words: Vec<String> = words.map(|word| shell_word(Path::new(&word))).collect();
    format!("gradus {} --lr {rate}", words.join(" "))
}

/// Rates and smoothed losses, with bars; the steepest fall and its end are marked.
fn table(out: &mut impl Write, curve: &RateCurve) -> Result<()> {
    let every = curve.points.len().div_ceil(LINES).max(1);
    let highest = curve.points.iter().map(|p| p.1).fold(0.0, f64::max);
    writeln!(out, "{:>9}  {:>8}", "rate", "loss")?;
    for group in curve.points.chunks(every) {
        let (rate, loss) = group[group.len() - 1];
        let here = |rate: Option<f64>| group.iter().any(|p| Some(p.0) == rate);
        let mark = match (here(curve.steepest), here(curve.bottom)) {
            (true, _) => "  <- falls steepest",
            (_, true) => "  <- stops falling",
            _ => "",
        };
        writeln!(out, "{:>9}  {loss:>8.4}  {}{mark}", rounded(rate), bar(loss / highest, 30))?;
    }
    Ok(())
}

/// To two digits, as people write rates.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().expect("it was a number")
}
