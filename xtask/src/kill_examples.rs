//! The examples that train in a folder: each is killed at three random moments, goes on each time, and ends with the bits of a run
//! that was never stopped.

use crate::{Outcome, cargo, succeed};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often each is killed.
const KILLS: usize = 3;

/// Kills and resumes every example that asks for a folder.
pub fn run(root: &Path) -> Outcome {
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--release", "--package", "gradus", "--examples"]);
    succeed(&mut build)?;
    let scratch = std::env::temp_dir().join(format!("gradus-kill-{}", std::process::id()));
    let names = resumable(root)?;
    if names.is_empty() {
        return Err("no example trains in a folder".into());
    }
    let all = names.iter().try_for_each(|name| {
        let example = Example { program: root.join("target/release/examples").join(name) };
        let steps = example.kill_and_resume(&scratch.join(name))?;
        println!("{name}: killed after {steps:?} of its time; same bits");
        Ok(())
    });
    let _ = std::fs::remove_dir_all(&scratch);
    all
}

/// The names of the examples that call `run_in`.
fn resumable(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("crates/gradus/examples");
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut names = vec![];
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        names.extend(stem.filter(|_| text.contains(".run_in(")));
    }
    names.sort();
    Ok(names)
}

struct Example {
    program: PathBuf,
}

impl Example {
    fn start(&self, folder: &Path) -> Result<Child, String> {
        let mut command = Command::new(&self.program);
        command.arg(folder).stdout(Stdio::null());
        command.spawn().map_err(|e| format!("{}: {e}", self.program.display()))
    }

    fn finish(&self, folder: &Path) -> Result<Vec<u8>, String> {
        let status = self.start(folder)?.wait().map_err(|e| e.to_string())?;
        match status.success() {
            true => bits(folder),
            false => Err(format!("{}: ended with {status}", self.program.display())),
        }
    }

    /// Gives after which part of its time it was killed each time.
    fn kill_and_resume(&self, scratch: &Path) -> Result<[f64; KILLS], String> {
        let clock = Instant::now();
        let expected = self.finish(&scratch.join("whole"))?;
        let whole = clock.elapsed();
        let (broken, mut random) = (scratch.join("broken"), random());
        let mut parts = [0.0; KILLS];
        for part in &mut parts {
            *part = (random() * 40.0).round() / 100.0;
            let mut child = self.start(&broken)?;
            std::thread::sleep(whole.mul_f64(*part).max(Duration::from_millis(1)));
            child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
        }
        match self.finish(&broken)? == expected {
            true => Ok(parts),
            false => Err(format!("{}: the bits differ", self.program.display())),
        }
    }
}

/// The arrays of the newest checkpoint; the times it holds are left out.
fn bits(folder: &Path) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let files = entries.filter_map(|e| Some(e.ok()?.path()));
    let checkpoints = files.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
    // By number: names of nine digits come before those of eight.
    let newest = checkpoints.max_by_key(|path| (path.as_os_str().len(), path.clone()));
    let path = newest.ok_or_else(|| format!("{}: nothing was kept", folder.display()))?;
    let bytes = std::fs::read(&path).map_err(failed)?;
    let short = || format!("{}: too short", path.display());
    let length = bytes.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    let end = 8 + length.ok_or_else(short)? as usize;
    let header: Value = serde_json::from_slice(bytes.get(8..end).ok_or_else(short)?)
        .map_err(|e| format!("{}: {e}", path.display()))?;
    let mut header = header.as_object().cloned().unwrap_or_default();
    header.remove("__metadata__");
    Ok([Value::Object(header).to_string().as_bytes(), &bytes[end..]].concat())
}

/// Numbers between 0 and 1 from the clock's last digits.
pub fn random() -> impl FnMut() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64);
    let mut state = now | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}
