//! A toolchain for another machine than this: rustup's target where it is installed, else Debian's compiler and Rust's sources,
//! fetched below `target/cross` and unpacked there; nothing is installed.

use crate::{Outcome, cargo, output, succeed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest compiler that builds Gradus, as 1.minor.
const OLDEST: u32 = 90;

/// What builds for a target.
pub struct Toolchain {
    target: &'static str,
    build: PathBuf,
    /// What of Rust's libraries is built from its sources, where rustup has not got it.
    pub libraries: &'static str,
    /// Debian's packages, unpacked; none where rustup has the target.
    debian: Option<Debian>,
    /// More settings of cargo for this target, by the ends of their names.
    settings: Vec<(&'static str, String)>,
}

impl Toolchain {
    /// For a target such as `wasm32-unknown-unknown`.
    ///
    /// # Errors
    /// Where there is neither rustup's target nor what Debian offers in its place: why.
    pub fn find(root: &Path, target: &'static str) -> Result<Toolchain, String> {
        let build = root.join("target/cross/build");
        let installed =
            output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))
                .is_ok_and(|folder| Path::new(folder.trim()).exists());
        let debian = if installed { None } else { Some(Debian::with_compiler(root)?) };
        Ok(Toolchain { target, build, libraries: "std,panic_abort", debian, settings: vec![] })
    }

    /// Debian's packages, if it is they that build.
    pub fn debian(&self) -> Option<&Debian> {
        self.debian.as_ref()
    }

    /// Adds a setting of cargo's for this target: `LINKER`, `RUSTFLAGS` or `RUNNER`.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.push((name, value.into()));
    }

    /// `cargo COMMAND` for this target.
    pub fn cargo(&self, root: &Path, command: &str) -> Command {
        let mut cargo = cargo(root);
        cargo.arg(command).args(["--target", self.target]).env("CARGO_TARGET_DIR", &self.build);
        if let Some(debian) = &self.debian {
            cargo.arg(format!("-Zbuild-std={}", self.libraries)).env("RUSTC_BOOTSTRAP", "1");
            cargo.env("RUSTC", debian.root.join("usr/bin/rustc"));
            cargo.env("LD_LIBRARY_PATH", debian.libraries());
        }
        let target = self.target.to_uppercase().replace('-', "_");
        for (name, value) in &self.settings {
            cargo.env(format!("CARGO_TARGET_{target}_{name}"), value);
        }
        cargo
    }

    /// What cargo built.
    pub fn built(&self, profile: &str, file: &str) -> PathBuf {
        self.build.join(self.target).join(profile).join(file)
    }
}

/// Debian's packages, unpacked beside each other.
pub struct Debian {
    /// Where their `usr` is.
    pub root: PathBuf,
    /// The number of their LLVM.
    pub llvm: String,
    downloads: PathBuf,
}

impl Debian {
    /// With a compiler for this machine and the sources of Rust's libraries, from which cargo builds those of any target.
    fn with_compiler(root: &Path) -> Result<Debian, String> {
        let found = compiler().or_else(|_| {
            // Lists of packages may be old, or not there at all.
            let _ = output(Command::new("apt-get").args(["update", "-qq"]));
            compiler()
        });
        let (libraries, llvm) = found?;
        let folder = root.join("target/cross/debian");
        let debian = Debian { root: folder.join("root"), llvm, downloads: folder.join("packages") };
        let llvm = format!("libllvm{}", debian.llvm);
        debian.fetch(&["rustc-web", "libstd-rust-web-dev", "rust-web-src", &libraries, &llvm])?;
        Ok(debian)
    }

    /// Fetches and unpacks packages that are not there yet.
    pub fn fetch(&self, packages: &[&str]) -> Outcome {
        fs::create_dir_all(&self.downloads)
            .map_err(|e| format!("{}: {e}", self.downloads.display()))?;
        for name in packages {
            let done = self.downloads.join(format!("{name}.unpacked"));
            if done.exists() {
                continue;
            }
            output(
                Command::new("apt-get")
                    .args(["download", "-qq", name])
                    .current_dir(&self.downloads),
            )?;
            let file = self.downloaded(name)?;
            succeed(Command::new("dpkg").arg("-x").arg(&file).arg(&self.root))?;
            let _ = fs::remove_file(file);
            fs::write(&done, "").map_err(|e| format!("{}: {e}", done.display()))?;
        }
        Ok(())
    }

    fn downloaded(&self, name: &str) -> Result<PathBuf, String> {
        let entries = fs::read_dir(&self.downloads).map_err(|e| e.to_string())?;
        let mut files = entries.flatten().map(|entry| entry.path());
        let starts = format!("{name}_");
        let is_it = |file: &PathBuf| {
            file.file_name().is_some_and(|f| f.to_string_lossy().starts_with(&starts))
        };
        files.find(is_it).ok_or(format!("{name}: apt-get downloaded nothing"))
    }

    /// Where the packages' programs find their libraries.
    pub fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib/x86_64-linux-gnu")
    }
}

/// The packages of Debian's newest compiler: its libraries, and the number of its LLVM.
fn compiler() -> Result<(String, String), String> {
    let libraries = dependency("libstd-rust-web-dev", "libstd-rust-web-1.")?;
    let minor = libraries.rsplit('.').next().and_then(|minor| minor.parse::<u32>().ok());
    if minor < Some(OLDEST) {
        return Err(format!("Debian offers {libraries}, 1.{OLDEST} or newer is needed"));
    }
    let llvm = dependency(&libraries, "libllvm")?;
    Ok((libraries, llvm.trim_start_matches("libllvm").into()))
}

/// The package that another needs whose name begins so.
fn dependency(package: &str, begins: &str) -> Result<String, String> {
    let text = output(Command::new("apt-cache").args(["depends", package]))?;
    let mut names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let found = names.find(|name| name.starts_with(begins));
    found.map(str::to_owned).ok_or(format!("Debian's {package} needs no {begins}…"))
}

/// Says aloud that something was not checked.
pub fn skip(what: &str, why: &str) {
    println!("!! SKIPPED: {what}: {}", why.lines().next().unwrap_or("?"));
}
