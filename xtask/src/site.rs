//! The lab as a folder of files for any web server: the pages as they are embedded, and the engine in WebAssembly beside them.

use crate::toolchain::{Toolchain, skip};
use crate::{Outcome, succeed, wasm};
use std::fs;
use std::path::Path;

/// The pages, built from `web/`.
const BUNDLE: &str = "crates/gradus-lab/bundle";
/// The folder that is written.
const SITE: &str = "target/site";

/// Runs `cargo xtask site`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask site".into());
    }
    let toolchain = match wasm::toolchain(root, "wasm32-unknown-unknown") {
        Ok(toolchain) => toolchain,
        Err(why) => {
            skip("the site", &why);
            return Ok(());
        }
    };
    let module = build(root, toolchain)?;
    let site = root.join(SITE);
    let _ = fs::remove_dir_all(&site);
    fs::create_dir_all(&site).map_err(|e| format!("{SITE}: {e}"))?;
    let entries = fs::read_dir(root.join(BUNDLE)).map_err(|e| format!("{BUNDLE}: {e}"))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.push(module);
    files.sort();
    for from in files {
        let name = match from.file_name().map(|name| name.to_string_lossy().into_owned()) {
            Some(name) if name == "gradus_lab_wasm.wasm" => "lab.wasm".into(),
            Some(name) => name,
            None => continue,
        };
        let bytes = fs::read(&from).map_err(|e| format!("{}: {e}", from.display()))?;
        let packed = wasm::packed(&bytes)?;
        println!("{name:<12} {:>9} bytes, {packed:>8} compressed", bytes.len());
        fs::write(site.join(&name), bytes).map_err(|e| format!("{SITE}/{name}: {e}"))?;
    }
    println!("{SITE} is written: serve it from any folder of any web server");
    Ok(())
}

/// Builds the engine for the browser.
fn build(root: &Path, mut toolchain: Toolchain) -> Result<std::path::PathBuf, String> {
    let from_sources = wasm::set_flags(&mut toolchain);
    let mut build = toolchain.cargo(root, "rustc");
    build.args(["--quiet", "--package", "gradus-lab-wasm", "--lib", "--crate-type", "cdylib"]);
    if from_sources {
        build.args(["-Z", "build-std-features=optimize_for_size"]);
    }
    succeed(build.args(["--profile", "wasm"]))?;
    Ok(toolchain.built("wasm", "gradus_lab_wasm.wasm"))
}
