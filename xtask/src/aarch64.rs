//! Gradus on Arm: the kernels' tests, cross-built by Debian's compilers and run under emulation.

use crate::toolchain::{Toolchain, skip};
use crate::{Outcome, succeed};
use std::path::Path;

/// A C compiler that links, its libraries, and the emulator.
const PACKAGES: [&str; 9] = [
    "gcc-12-aarch64-linux-gnu",
    "binutils-aarch64-linux-gnu",
    "libgcc-12-dev-arm64-cross",
    "libgcc-s1-arm64-cross",
    "libc6-arm64-cross",
    "libc6-dev-arm64-cross",
    "linux-libc-dev-arm64-cross",
    "libcapstone4",
    "qemu-user",
];

/// Runs `cargo xtask aarch64`.
pub fn run(root: &Path, arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask aarch64".into());
    }
    match toolchain(root) {
        Err(why) => {
            skip("aarch64", &why);
            Ok(())
        }
        Ok(toolchain) => test(root, &toolchain),
    }
}

fn toolchain(root: &Path) -> Result<Toolchain, String> {
    let mut toolchain = Toolchain::find(root, "aarch64-unknown-linux-gnu")?;
    let debian =
        toolchain.debian().ok_or("rustup has the target: use cargo test --target itself")?;
    debian.fetch(&PACKAGES)?;
    let (sysroot, libraries) = (debian.root.display().to_string(), debian.libraries());
    let prefix = format!("{sysroot}/usr/bin/aarch64-linux-gnu-");
    toolchain.set("LINKER", format!("{prefix}gcc-12"));
    // Linked statically, a program needs no loader on the way.
    let flags = [
        "target-feature=+crt-static",
        &format!("link-arg=--sysroot={sysroot}"),
        &format!("link-arg=-B{prefix}"),
    ]
    .map(|flag| format!("-C {flag}"));
    toolchain.set("RUSTFLAGS", flags.join(" "));
    let qemu = format!("{sysroot}/usr/bin/qemu-aarch64");
    toolchain.set("RUNNER", format!("env LD_LIBRARY_PATH={} {qemu}", libraries.display()));
    Ok(toolchain)
}

fn test(root: &Path, toolchain: &Toolchain) -> Outcome {
    succeed(toolchain.cargo(root, "test").args([
        "--package",
        "gradus-cpu",
        "--lib",
        "--test",
        "it",
    ]))?;
    succeed(toolchain.cargo(root, "test").args(["--package", "gradus-tensor", "--lib"]))
}
