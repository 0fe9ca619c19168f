//! The `gradus` binary, run as a user would, on settings small enough for every `cargo test`.

mod after;
mod as_they_are;
mod bad_files;
mod bad_input;
mod bad_pictures;
mod commands;
mod fooling;
mod genomes;
#[cfg(unix)]
mod half_hour;
mod hints;
#[cfg(unix)]
mod hostile;
mod import;
mod import_keras;
mod import_textgenrnn;
mod kernel;
#[cfg(all(unix, feature = "lab"))]
mod lab;
mod labels;
mod languages;
mod learned;
mod left_out;
mod memories;
mod names;
mod numbers;
mod old_forms;
mod onnx;
mod photographs;
mod pipes;
mod proof;
mod recipes;
mod remedies;
#[cfg(unix)]
mod resume;
#[cfg(unix)]
mod run_folders;
mod see;
#[cfg(unix)]
mod signals;
mod silence;
mod small_tables;
mod surveys;
mod tables;
mod training;
mod transfer;
mod unreadable;
mod useless;

use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

/// The binary: the one built for this test, or another build of it that is to do the same (`cargo xtask abort`).
fn program() -> OsString {
    std::env::var_os("GRADUS_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_gradus").into())
}

/// The binary in a folder of its own.
fn gradus(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    // Nor what its user has imported.
    command
        .args(args)
        .current_dir(folder)
        .env_remove("GRADUS_DATA")
        .env("XDG_CACHE_HOME", folder.join("cache"));
    command
}

/// What a finished command gave.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// The object in the last line of stdout.
    fn json(&self) -> Value {
        let line = self.out.lines().last().unwrap_or("");
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}\n{}", self.err))
    }

    /// It failed with this code and an error that holds all of these.
    #[track_caller]
    fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked at") && !self.err.contains("RUST_BACKTRACE"));
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn ran(folder: &Path, args: &[&str]) -> Ran {
    gradus(folder, args).output().expect("the binary starts").into()
}

/// A command that must succeed.
#[track_caller]
fn ok(folder: &Path, args: &[&str]) -> Ran {
    let ran = ran(folder, args);
    assert_eq!(ran.code, 0, "{args:?}\nstdout: {}\nstderr: {}", ran.out, ran.err);
    ran
}

/// Trains a little; the run is `run` in the folder.
#[track_caller]
fn train_a_little(folder: &Path, model: &str, run: &str) -> Ran {
    let args = ["train", model, "--epochs", "2", "--limit-batches", "5", "--out", run, "--json"];
    ok(folder, &args)
}
