//! Chores of the repository, by `cargo xtask COMMAND`. Each command is one file.

// A binary has no outside: `pub` here means "for the other files".
#![allow(unreachable_pub)]

mod aarch64;
mod abort;
mod bench;
mod cycles;
mod docs;
mod fuzz;
mod hostile;
mod kill;
mod kill_command;
mod kill_examples;
mod lab_speed;
mod licences;
mod marks;
mod new_op;
mod ops;
mod outside;
mod site;
mod tidy;
mod toolchain;
mod walks;
mod wasm;
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "Usage: cargo xtask COMMAND

  tidy                              sizes of files, their first lines, names, circles of imports, what the documents link to, and
                                    whether every public function of tensors gives its shapes, what it refuses and an example
  licences                          the licence of every dependency
  kill [KILLS] [--program P]        runs killed and resumed, and 1, 2, 3 and 8 threads: the same bits, logs and plots (default 20)
  abort                             bad graphs, files and command lines where a panic ends the program
  hostile [FILES] [--program P]     the command on damaged and malicious files: no panic, no abort, no hang (default 150 of each format)
  outside [CHECK...]                ONNX's tests, ONNX Runtime, TensorBoard, NumPy and real weights on Gradus (fetches them)
  fuzz [TARGET...] [--seconds N]    search for bytes that break a reader (default all, 600 s of work each)
  new-op NAME --pointwise           begin a pointwise op: its file, with a test that fails until it is filled in
  ops [NAME...]                     the checks of gradus-tensor as a table: op by types, orders, devices, rules, expansions, algorithms
  marks [NAME...]                   what takes long, measured for three seeds and written to docs/marks/; without a name the list
  wasm [--tests]                    Gradus in WebAssembly: its size, its numbers in Node beside this machine's, or the kernels' tests there
  wire [--check]                    the browser's half of the lab's messages, written from the Rust types to web/src/wire.ts
  site                              the lab as a folder of files for any web server, its engine in WebAssembly: target/site
  lab-speed [--seconds N] [--soak N]  how many steps a second each page of the lab draws, on both engines; --soak: minutes, and memory
  aarch64                           the kernels' tests on an emulated Arm processor
  bench [CASE...] [--against REV]   speed of this tree against a revision (default main), alternating";

/// What a command says when it fails.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let root = root();
    let outcome = match command.as_str() {
        "tidy" => tidy::run(&root, rest),
        "licences" => licences::run(&root, rest),
        "kill" => kill::run(&root, rest),
        "fuzz" => fuzz::run(&root, rest),
        "hostile" => hostile::run(&root, rest),
        "abort" => abort::run(&root, rest),
        "ops" => ops::run(&root, rest),
        "new-op" => new_op::run(&root, rest),
        "outside" => outside::run(&root, rest),
        "marks" => marks::run(&root, rest),
        "bench" => bench::run(&root, rest),
        "wasm" => wasm::run(&root, rest),
        "wire" => wire::run(&root, rest),
        "lab-speed" => lab_speed::run(&root, rest),
        "site" => site::run(&root, rest),
        "aarch64" => aarch64::run(&root, rest),
        other => Err(format!("unknown command {other:?}\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("error: {what}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the repository").to_owned()
}

/// The cargo that runs this.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs a command to its end; failing is an error that names it.
fn succeed(command: &mut Command) -> Outcome {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|e| format!("{name}: cannot start: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}")) }
}

/// The command itself: that of `--program`, or the optimised one, which is built.
fn program(root: &Path, arguments: &mut Vec<String>) -> Result<PathBuf, String> {
    if let Some(path) = option(arguments, "--program")? {
        return std::path::absolute(&path).map_err(|e| format!("{path}: {e}"));
    }
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--release", "--package", "gradus-cli", "--bin", "gradus"]);
    succeed(&mut build)?;
    Ok(root.join("target/release/gradus"))
}

/// The text a command prints.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let out = command.output().map_err(|e| format!("{name}: cannot start: {e}"))?;
    match out.status.success() {
        true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        false => {
            let text = String::from_utf8_lossy(&out.stderr);
            Err(format!("{name}: {}\n{}", out.status, text.trim_end()))
        }
    }
}

/// The value after `--name`, taken out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Result<Option<String>, String> {
    let Some(at) = arguments.iter().position(|a| a == name) else { return Ok(None) };
    if at + 1 == arguments.len() {
        return Err(format!("{name}: a value must follow"));
    }
    arguments.remove(at);
    Ok(Some(arguments.remove(at)))
}
