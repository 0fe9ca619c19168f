//! `gradus bench`: how fast this machine computes, against what its processor could.

use crate::bench::profile::Profile;
use crate::bench::{Case, cases, measure, serve::serve};
use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::io::atomic_write;
use gradus_cpu::bench::fma_peak;
use gradus_cpu::{set_threads, threads};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kinds of cases.
const KINDS: [&str; 6] = ["train", "infer", "gemm", "conv", "rnn", "see"];

/// Measure training, inference, matrix products, convolutions, recurrent networks and questions about pixels
///
/// Each case's speed, also as a share of the measured peak: multiply-adds from registers on all threads. Let nothing else
/// run meanwhile.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus bench
  gradus bench train gemm_64x784x512
  gradus bench train_lenet_sgd --profile --trace lenet.json
  gradus bench rnn
  gradus bench train --peers
  gradus bench rnn --peers --json
  gradus bench train_tiny --peers -- --peers gradus,jax --rounds 5")]
pub struct Args {
    /// Kinds (train, infer, gemm, conv, rnn, see) or names of cases [default: all]
    #[arg(value_name = "KIND|CASE")]
    cases: Vec<String>,
    /// Seconds per case
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    seconds: f64,
    /// Threads [default: as many as the machine has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Show where the time of each chosen training or inference step goes
    #[arg(long)]
    profile: bool,
    /// Also write the profile for a trace viewer, such as ui.perfetto.dev; wants one case
    #[arg(long, value_name = "JSON", requires = "profile")]
    trace: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
    /// Compare with other libraries: run benches/peers/run.py for these cases, with what follows `--`
    #[arg(long, conflicts_with_all = ["profile", "serve", "seconds", "threads"])]
    peers: bool,
    /// Answer the requests of benches/peers/run.py
    #[arg(long, conflicts_with_all = ["cases", "profile", "json"])]
    serve: bool,
    /// What run.py is given
    #[arg(last = true, value_name = "OPTION", requires = "peers")]
    options: Vec<String>,
}

/// Measures.
pub fn run(args: &Args) -> Result<()> {
    if !(args.seconds > 0.0 && args.seconds.is_finite()) {
        return Err(CliError::Usage(format!("--seconds: found {}, expected > 0", args.seconds)));
    }
    if let Some(threads) = args.threads {
        set_threads(threads.into());
    }
    match args {
        Args { serve: true, .. } => serve(),
        Args { peers: true, .. } => peers(args),
        Args { profile: true, .. } => profile(args, &chosen(&args.cases)?),
        _ => table(args, &chosen(&args.cases)?),
    }
}

/// The cases of these kinds and names.
fn chosen(words: &[String]) -> Result<Vec<Case>> {
    let all = cases();
    let names: Vec<&str> = KINDS.into_iter().chain(all.iter().map(|c| &*c.name)).collect();
    if let Some(word) = words.iter().find(|word| !names.contains(&word.as_str())) {
        return Err(unknown("case", word, &names));
    }
    let wanted =
        |case: &Case| words.is_empty() || words.iter().any(|w| *w == case.name || w == case.kind());
    Ok(all.into_iter().filter(wanted).collect())
}

fn table(args: &Args, cases: &[Case]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    // The best of three, so that a core just waking up does not lower it.
    let peak = (0..3).map(|_| fma_peak(threads())).fold(0.0, f64::max);
    writeln!(
        out,
        "{} threads, peak {peak:.1} GFLOP/s (f32 multiply-adds from registers)",
        threads()
    )?;
    let [unit, ms, speed, percent] = ["unit", "ms", "GFLOP/s", "% peak"];
    writeln!(out, "{:<34} {:>14} {unit:<9} {ms:>9} {speed:>9} {percent:>6}", "case", "")?;
    let mut records = vec![];
    for case in cases {
        let record = row(case, args.seconds, peak)?;
        let number = |key: &str| record[key].as_f64().unwrap_or(f64::NAN);
        let (value, ms, gflops) = (number("value"), number("ms"), number("gflops"));
        let (name, unit, percent) = (&case.name, case.unit(), number("percent_of_peak"));
        write!(out, "{name:<34} {value:>14.1} {unit:<9} {ms:>9.3} {gflops:>9.2} {percent:>6.1}")?;
        writeln!(out, "{}", remark(&record))?;
        records.push(record);
    }
    if args.json {
        let record = json!({ "threads": threads(), "fma_peak": peak, "cases": records });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// What is said of sequences beside: what is kept for the backward pass, or how fast weights are read.
fn remark(record: &Value) -> String {
    if let Some(bytes) = record["kept_bytes_per_step"].as_f64() {
        return format!("  {:.1} KiB kept per time step", bytes / 1024.0);
    }
    let rate = record["weights_gb_per_second"].as_f64();
    rate.map_or(String::new(), |rate| format!("  {rate:.1} GB/s of weights"))
}

fn row(case: &Case, seconds: f64, peak: f64) -> Result<Value> {
    let mut prepared = case.prepare()?;
    measure(&mut *prepared.work, seconds.min(0.2))?;
    let runs = measure(&mut *prepared.work, seconds)?;
    let gflops = runs * case.gflop();
    let mut record = json!({
        "case": case.name, "value": runs * case.amount(), "unit": case.unit(), "ms": 1e3 / runs, "gflops": gflops,
        "percent_of_peak": 100.0 * gflops / peak, "check": prepared.check,
    });
    if let Some(bytes) = prepared.work.kept_each_step()? {
        record["kept_bytes_per_step"] = bytes.into();
    }
    if let Some(weights) = case.weights() {
        record["weights_gb_per_second"] = (runs * weights).into();
    }
    Ok(record)
}

fn profile(args: &Args, cases: &[Case]) -> Result<()> {
    let mut steps: Vec<_> = cases.iter().filter_map(|c| Some((c, c.planned()?))).collect();
    if steps.is_empty() {
        let what = "--profile: only steps that train or infer have one; choose `train`, `infer` or a case of them";
        return Err(CliError::Usage(what.to_owned()));
    }
    if args.trace.is_some() && steps.len() > 1 {
        let what = format!("--trace: {} cases have a profile, name one", steps.len());
        return Err(CliError::Usage(what));
    }
    let mut out = std::io::stdout().lock();
    for (case, step) in steps.drain(..) {
        let profile = Profile::of(&mut *step?, args.seconds)?;
        writeln!(out, "{}: mean time of a step's parts, {} threads", case.name, threads())?;
        writeln!(out, "{}", profile.table())?;
        let trace = profile.trace(&case.name);
        if let Some(path) = &args.trace {
            atomic_write(path, |w| write!(w, "{trace}"))?;
            writeln!(out, "{}", path.display())?;
        }
        if args.json {
            writeln!(out, "{trace}")?;
        }
    }
    Ok(())
}

/// Runs the comparison with other libraries, which is found from the present folder upwards.
fn peers(args: &Args) -> Result<()> {
    let names: Vec<String> = match &args.cases[..] {
        [] => vec![],
        words => chosen(words)?.iter().map(|case| case.name.clone()).collect(),
    };
    let here = std::env::current_dir().map_err(CliError::system(Path::new("."), "find"))?;
    let folder =
        here.ancestors().map(|f| f.join("benches/peers")).find(|f| f.join("run.py").is_file());
    let Some(folder) = folder else {
        return Err(CliError::Usage(
            "--peers: found no benches/peers/run.py here or above; start it inside a checkout of Gradus, whose \
             benches/peers/README.md says what to install"
                .to_owned(),
        ));
    };
    let own = folder.join(".venv/bin/python");
    let python = if own.is_file() { own } else { PathBuf::from("python3") };
    let me = std::env::current_exe().map_err(CliError::system(Path::new("gradus"), "find"))?;
    let mut command = Command::new(&python);
    command.arg(folder.join("run.py")).arg("--gradus").arg(me);
    if !names.is_empty() {
        command.args(["--cases", &names.join(",")]);
    }
    if args.json {
        command.arg("--json");
    }
    command.args(&args.options);
    let status = command.status().map_err(CliError::system(&python, "start"))?;
    match status.success() {
        true => Ok(()),
        false => Err(CliError::Work(format!("{}: {status}", folder.join("run.py").display()))),
    }
}
