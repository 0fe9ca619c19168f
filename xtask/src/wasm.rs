//! Gradus in WebAssembly: built, measured, run in Node and compared with this machine.

use crate::toolchain::{Toolchain, skip};
use crate::{Outcome, cargo, output, succeed};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The most that tensors, layers and training may take, compressed as servers send them: bytes after `gzip -9`, where Rust's
/// libraries are built as small as they get. The aim is 500,000.
const SMALLEST: usize = 547_000;
/// The same with rustup's libraries: they bring the words of panics.
const LARGEST: usize = 620_000;
const SIMD: &str = "-C target-feature=+simd128";
/// Panics without words.
const SMALL: &str = "-Z unstable-options -C panic=immediate-abort -Z location-detail=none";

/// Runs `cargo xtask wasm [--tests]`: with `--tests` those of gradus-cpu and of gradus-tensor's ops, in Node, instead.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    let tests = match arguments {
        [] => false,
        [flag] if flag == "--tests" => true,
        _ => return Err("usage: cargo xtask wasm [--tests]".into()),
    };
    let target = if tests { "wasm32-wasip1" } else { "wasm32-unknown-unknown" };
    let found = node().and_then(|()| toolchain(root, target));
    match found {
        Err(why) => {
            skip("WebAssembly", &why);
            Ok(())
        }
        Ok(toolchain) if tests => test(root, toolchain),
        Ok(toolchain) => compare(root, toolchain),
    }
}

fn node() -> Outcome {
    output(Command::new("node").arg("--version")).map(drop)
}

/// A toolchain for the browser.
///
/// # Errors
/// Where there is none: why.
pub fn toolchain(root: &Path, target: &'static str) -> Result<Toolchain, String> {
    let mut toolchain = Toolchain::find(root, target)?;
    if let Some(debian) = toolchain.debian() {
        let lld = format!("lld-{}", debian.llvm);
        debian.fetch(&[&lld])?;
        let linker = debian.root.join(format!("usr/bin/wasm-ld-{}", debian.llvm));
        toolchain.set("LINKER", linker.display().to_string());
    }
    Ok(toolchain)
}

/// Asks for a small module; gives whether Rust's libraries are built from their sources, which makes it smaller.
pub fn set_flags(toolchain: &mut Toolchain) -> bool {
    let from_sources = toolchain.debian().is_some();
    let flags = if from_sources { format!("{SIMD} {SMALL}") } else { SIMD.into() };
    toolchain.set("RUSTFLAGS", flags);
    toolchain.libraries = "std";
    from_sources
}

/// How many bytes a file is as servers send it.
///
/// # Errors
/// Where there is no gzip.
pub fn packed(bytes: &[u8]) -> Result<usize, String> {
    let gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut gzip = gzip.map_err(|e| format!("gzip: {e}"))?;
    let mut to = gzip.stdin.take().ok_or("gzip reads nothing")?;
    let all = bytes.to_vec();
    let writer = std::thread::spawn(move || to.write_all(&all));
    let out = gzip.wait_with_output().map_err(|e| format!("gzip: {e}"))?;
    let written = writer.join().map_err(|_| "gzip: its reader failed")?;
    written.map_err(|e| format!("gzip: {e}"))?;
    Ok(out.stdout.len())
}

/// Builds gradus-wasm and has Node compare its numbers with this machine's.
fn compare(root: &Path, mut toolchain: Toolchain) -> Outcome {
    let from_sources = set_flags(&mut toolchain);
    let mut build = toolchain.cargo(root, "rustc");
    build.args(["--quiet", "--package", "gradus-wasm", "--lib", "--crate-type", "cdylib"]);
    if from_sources {
        build.args(["-Z", "build-std-features=optimize_for_size"]);
    }
    succeed(build.args(["--profile", "wasm"]))?;
    let mut here = cargo(root);
    here.args(["run", "--quiet", "--package", "gradus-wasm", "--example", "numbers"]);
    let numbers = root.join("target/cross/numbers.txt");
    // No fused products there: the same arithmetic here.
    fs::write(&numbers, output(here.env("GRADUS_ISA", "portable"))?)
        .map_err(|e| format!("{}: {e}", numbers.display()))?;
    let mut check = Command::new("node");
    check.arg(root.join("crates/gradus-wasm/check.mjs"));
    check.arg(toolchain.built("wasm", "gradus_wasm.wasm")).arg(numbers);
    succeed(check.arg(if from_sources { SMALLEST } else { LARGEST }.to_string()))
}

/// Runs tests in Node, by WASI: it has what a test prints with.
fn test(root: &Path, mut toolchain: Toolchain) -> Outcome {
    if let Some(debian) = toolchain.debian() {
        debian.fetch(&["wasi-libc"])?;
        let from = debian.root.join("usr/lib/wasm32-wasi");
        let to = debian.root.join("usr/lib/rustlib/wasm32-wasip1/lib/self-contained");
        fs::create_dir_all(&to).map_err(|e| format!("{}: {e}", to.display()))?;
        for file in ["crt1-command.o", "libc.a"] {
            fs::copy(from.join(file), to.join(file)).map_err(|e| format!("{file}: {e}"))?;
        }
        // Debian's C library is older than threads, which `wasi.mjs` refuses in its place.
        toolchain.set("RUSTFLAGS", format!("{SIMD} -C link-arg=--import-undefined"));
    } else {
        toolchain.set("RUSTFLAGS", SIMD);
    }
    let runner = root.join("crates/gradus-wasm/wasi.mjs");
    toolchain.set("RUNNER", format!("node --no-warnings {}", runner.display()));
    succeed(toolchain.cargo(root, "test").args([
        "--package",
        "gradus-cpu",
        "--lib",
        "--test",
        "it",
    ]))?;
    succeed(toolchain.cargo(root, "test").args(["--package", "gradus-tensor", "--lib"]))
}
