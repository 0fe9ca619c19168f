//! Searches for bytes that break a reader: builds the programs of `fuzz/` with coverage counters and runs each for so many
//! seconds of work. Needs a C++ compiler for libFuzzer, and no other toolchain than Gradus itself.

use crate::{Outcome, cargo, option, succeed};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Counters on edges and comparisons, as libFuzzer reads them; checksums of PNG are passed over (`cfg(fuzzing)`).
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// A target triple keeps the flags away from build scripts.
const TRIPLES: [(&str, &str); 2] =
    [("x86_64", "x86_64-unknown-linux-gnu"), ("aarch64", "aarch64-unknown-linux-gnu")];
/// An input that takes longer is reported as a finding.
const SLOW_SECONDS: u32 = 120;

/// Runs `cargo xtask fuzz`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let mut names = arguments.to_vec();
    let seconds = option(&mut names, "--seconds")?.unwrap_or_else(|| "600".into());
    let seconds: u64 = seconds.parse().map_err(|_| format!("--seconds: found {seconds:?}"))?;
    let home = root.join("fuzz");
    let known = targets(&home)?;
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("unknown target {name:?}; there are: {}", known.join(", ")));
    }
    if names.is_empty() {
        names = known;
    }
    let programs = build(root, &home, &names)?;
    println!("| target | executions | a second | edges | features | files | found |");
    println!("|---|---|---|---|---|---|---|");
    let mut broken = vec![];
    for name in names {
        let result = search(&home, &programs.join(&name), &name, seconds)?;
        println!("{}", result.row(&name));
        if result.found > 0 {
            broken.push(name);
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(format!("{}: see fuzz/searches/TARGET/found", broken.join(", "))),
    }
}

fn targets(home: &Path) -> Result<Vec<String>, String> {
    let folder = home.join("fuzz_targets");
    let list = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = list.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Builds the programs; gives their folder.
fn build(root: &Path, home: &Path, names: &[String]) -> Result<PathBuf, String> {
    let machine = std::env::consts::ARCH;
    let triple = TRIPLES.iter().find(|(arch, _)| *arch == machine && cfg!(target_os = "linux"));
    let (_, triple) = triple.ok_or("searching works on Linux on x86-64 and 64-bit Arm only")?;
    let target = home.join("target");
    let mut command = cargo(root);
    command.arg("build").arg("--release").arg("--target").arg(triple);
    command.arg("--manifest-path").arg(home.join("Cargo.toml"));
    command.args(names.iter().flat_map(|name| ["--bin", name]));
    command.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target);
    succeed(&mut command)?;
    Ok(target.join(triple).join("release"))
}

/// What a search did.
#[derive(Debug, Default, PartialEq)]
struct Searched {
    executions: u64,
    edges: u64,
    features: u64,
    files: u64,
    found: usize,
    seconds: f64,
}

impl Searched {
    /// Reads libFuzzer's report: the last line of progress that has the numbers.
    fn of_report(report: &str) -> Searched {
        let number = |line: &str, key: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != key).skip(1);
            words.next().and_then(|word| word.split('/').next()?.parse().ok())
        };
        let mut result = Searched::default();
        for line in report.lines().filter(|line| line.starts_with('#')) {
            let count = line[1..].split_whitespace().next().and_then(|word| word.parse().ok());
            result.executions = count.unwrap_or(result.executions);
            result.edges = number(line, "cov:").unwrap_or(result.edges);
            result.features = number(line, "ft:").unwrap_or(result.features);
            result.files = number(line, "corp:").unwrap_or(result.files);
        }
        let total = report.lines().find_map(|l| l.strip_prefix("stat::number_of_executed_units:"));
        if let Some(total) = total.and_then(|text| text.trim().parse().ok()) {
            result.executions = total;
        }
        result
    }

    fn row(&self, name: &str) -> String {
        let Searched { executions, edges, features, files, found, seconds } = self;
        let speed = *executions as f64 / seconds.max(1e-9);
        format!("| {name} | {executions} | {speed:.0} | {edges} | {features} | {files} | {found} |")
    }
}

/// Searches with one program. What it learns stays in `fuzz/searches/NAME/files`, so that the next search goes on from there.
fn search(home: &Path, program: &Path, name: &str, seconds: u64) -> Result<Searched, String> {
    let failed = |e: std::io::Error| format!("{name}: {e}");
    let work = home.join("searches").join(name);
    let (files, found) = (work.join("files"), work.join("found"));
    fs::create_dir_all(&files).map_err(failed)?;
    fs::create_dir_all(&found).map_err(failed)?;
    let report = work.join("report.txt");
    let mut command = Command::new(program);
    command.arg(&files).arg(home.join("corpus").join(name));
    command.arg(format!("-artifact_prefix={}/", found.display()));
    command
        .args([format!("-timeout={SLOW_SECONDS}"), format!("-report_slow_units={SLOW_SECONDS}")]);
    command.arg(format!("-max_len={}", longest(&home.join("corpus").join(name))?));
    // Time by the wall is a second bound, for systems that do not tell the time of work.
    command.args(["-rss_limit_mb=2048", "-use_value_profile=1", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={}", seconds.saturating_mul(100)));
    command.stdout(Stdio::null()).stderr(File::create(&report).map_err(failed)?);
    let child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
    let spent = watch(child, seconds).map_err(failed)?;
    let mut result = Searched::of_report(&fs::read_to_string(&report).map_err(failed)?);
    result.seconds = spent;
    result.found = fs::read_dir(&found).map_err(failed)?.count();
    Ok(result)
}

/// Twice the longest valid file, at least 4 KiB: longer ones find nothing that shorter ones do not.
fn longest(folder: &Path) -> Result<u64, String> {
    let list = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let lengths = list.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len()));
    Ok(lengths.max().unwrap_or(0).saturating_mul(2).max(4096))
}

/// Waits until the child ends or has worked for so many seconds; then it is asked to stop. Gives its seconds of work.
fn watch(mut child: Child, seconds: u64) -> std::io::Result<f64> {
    let (start, mut spent, mut asked) = (Instant::now(), 0.0, false);
    while child.try_wait()?.is_none() {
        std::thread::sleep(Duration::from_millis(200));
        spent = worked(child.id()).unwrap_or(spent);
        let enough = if spent > 0.0 { spent } else { start.elapsed().as_secs_f64() };
        if enough >= seconds as f64 && !asked {
            asked =
                Command::new("kill").args(["-INT", &child.id().to_string()]).status()?.success();
        }
    }
    Ok(if spent > 0.0 { spent } else { start.elapsed().as_secs_f64() })
}

/// Seconds of processor time of a process, where the system tells (Linux: hundredths, in fields 14 and 15).
fn worked(id: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0).filter(|&seconds| seconds > 0.0)
}

#[cfg(test)]
mod tests {
    use super::Searched;

    #[test]
    fn reports() {
        let report = "INFO: seed corpus: files: 3\n\
            #4\tINITED cov: 100 ft: 101 corp: 3/92b exec/s: 0 rss: 38Mb\n\
            #65536\tpulse  cov: 120 ft: 300 corp: 40/2Kb lim: 4096 exec/s: 21845 rss: 50Mb\n\
            #70000 DONE   cov: 121 ft: 305 corp: 41/2Kb lim: 4096 exec/s: 20000 rss: 50Mb\n\
            stat::number_of_executed_units: 70001\n";
        let expected = Searched {
            executions: 70_001,
            edges: 121,
            features: 305,
            files: 41,
            ..Searched::default()
        };
        assert_eq!(Searched::of_report(report), expected);
    }
}
