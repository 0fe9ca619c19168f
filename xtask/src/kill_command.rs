//! `gradus train`, killed at random moments and resumed: the model has the bits of a run that was never stopped, and the log and
//! TensorBoard's events are the same, record by record. Times are left out.

use crate::Outcome;
use crate::kill_examples::random;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs that differ in where checkpoints fall, and what a step is.
const RUNS: &[&[&str]] = &[
    &["--checkpoint-steps", "3"],
    &["--checkpoint-every", "0", "--accumulate", "4"],
    &["--checkpoint-steps", "7", "--accumulate", "3", "--validation-split", "0.1"],
    &["--checkpoint-steps", "5", "--validation-split", "0.1", "--early-stopping", "4"],
];
const ALL: &[&str] = &["train", "lenet", "--epochs", "5", "--limit-batches", "40", "--out"];

/// What a run leaves, without times.
#[derive(PartialEq)]
struct Left {
    model: Vec<u8>,
    log: Vec<Value>,
    events: Vec<Vec<u8>>,
}

/// Kills the program so many times.
pub fn run(program: &Path, kills: usize) -> Outcome {
    let scratch = std::env::temp_dir().join(format!("gradus-kill-command-{}", std::process::id()));
    let done = kill_all(program, kills, &scratch);
    if done.is_ok() {
        let _ = fs::remove_dir_all(&scratch);
    }
    done
}

fn kill_all(program: &Path, kills: usize, scratch: &Path) -> Outcome {
    fs::create_dir_all(scratch).map_err(|e| format!("{}: {e}", scratch.display()))?;
    let (mut random, mut differ, mut twice) = (random(), vec![], 0);
    for (at, options) in RUNS.iter().enumerate() {
        let whole = scratch.join(format!("whole-{at}"));
        let clock = Instant::now();
        finish(start(program, &[ALL, &[&text(&whole)], options].concat())?)?;
        let (expected, time) = (left(&whole)?, clock.elapsed());
        for kill in (at..kills).step_by(RUNS.len()) {
            let broken = scratch.join(format!("killed-{kill}"));
            kill_early(program, &[ALL, &[&text(&broken)], options].concat(), &broken, || {
                time.mul_f64(random())
            })?;
            // Every third is killed once more while it goes on.
            if kill % 3 == 0 {
                let resumed = start(program, &["train", "--resume", &text(&broken)])?;
                twice += 1;
                end_after(resumed, time.mul_f64(0.7 * random()))?;
            }
            finish(start(program, &["train", "--resume", &text(&broken)])?)?;
            match differences(&expected, &left(&broken)?) {
                None => drop(fs::remove_dir_all(&broken)),
                Some(what) => differ.push(format!("{}: {what}", broken.display())),
            }
        }
    }
    println!("the command: {kills} kills ({twice} of them twice), {} differ", differ.len());
    if differ.is_empty() { Ok(()) } else { Err(differ.join("\n")) }
}

/// Kills a run at some moment after it has begun; one that was killed before is begun again.
fn kill_early(
    program: &Path,
    arguments: &[&str],
    folder: &Path,
    mut moment: impl FnMut() -> Duration,
) -> Outcome {
    loop {
        end_after(start(program, arguments)?, moment())?;
        if folder.join("config.toml").exists() {
            return Ok(());
        }
        let _ = fs::remove_dir_all(folder);
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn start(program: &Path, arguments: &[&str]) -> Result<Child, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|e| format!("{}: {e}", program.display()))
}

fn end_after(mut child: Child, time: Duration) -> Outcome {
    std::thread::sleep(time);
    let ended = child.kill().and_then(|()| child.wait());
    ended.map(drop).map_err(|e| e.to_string())
}

fn finish(mut child: Child) -> Outcome {
    match child.wait().map_err(|e| e.to_string())? {
        status if status.success() => Ok(()),
        status => Err(format!("gradus: ended with {status}")),
    }
}

fn differences(expected: &Left, found: &Left) -> Option<String> {
    let mut what = vec![];
    if expected.model != found.model {
        what.push("the model's bits".to_owned());
    }
    let first = |all: usize, other: usize, at: Option<usize>| {
        let at = at.map_or("the end".into(), |at| format!("record {at}"));
        format!("{other} records instead of {all}, others from {at} on")
    };
    if expected.log != found.log {
        let at = expected.log.iter().zip(&found.log).position(|(a, b)| a != b);
        what.push(format!("the log: {}", first(expected.log.len(), found.log.len(), at)));
    }
    if expected.events != found.events {
        let at = expected.events.iter().zip(&found.events).position(|(a, b)| a != b);
        let counts = first(expected.events.len(), found.events.len(), at);
        what.push(format!("the events: {counts}"));
    }
    (!what.is_empty()).then(|| what.join("; "))
}

fn left(run: &Path) -> Result<Left, String> {
    let read = |path: PathBuf| fs::read(&path).map_err(|e| format!("{}: {e}", path.display()));
    let log = read(run.join("log.jsonl"))?;
    let record = |line: &[u8]| -> Result<Value, String> {
        let mut record: Value = serde_json::from_slice(line).map_err(|e| e.to_string())?;
        for time in ["seconds", "samples_per_second"] {
            record.as_object_mut().map(|fields| fields.remove(time));
        }
        Ok(record)
    };
    let lines = log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let entries = fs::read_dir(run).map_err(|e| e.to_string())?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|path| text(path).contains("events.out.tfevents."));
    files.sort();
    let mut events = vec![];
    for file in files {
        events.extend(records(&read(file)?));
    }
    Ok(Left {
        model: read(run.join("best.safetensors"))?,
        log: lines.map(record).collect::<Result<_, _>>()?,
        events,
    })
}

/// The events of a file as they lie there, without their times; what begins a file is left out.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![];
    while let Some((head, rest)) = bytes.split_first_chunk::<12>() {
        let length = head.first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize);
        let Some((data, rest)) = rest.split_at_checked(length) else { break };
        bytes = rest.get(4..).unwrap_or_default();
        // A time of eight bytes after its tag.
        let event = if data.first() == Some(&0x09) { &data[9..] } else { data };
        let step = if event.first() == Some(&0x10) {
            1 + event[1..].iter().take_while(|&&byte| byte >= 0x80).count() + 1
        } else {
            0
        };
        // The version of the file, and the start of a session.
        if !matches!(event.get(step), Some(0x1a | 0x3a)) {
            all.push(event.to_vec());
        }
    }
    all
}
