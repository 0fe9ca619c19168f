//! A run directory: where it lies, that only one process works on it, and what its files are called.

use crate::entries::{Entry, parsed};
use crate::error::{CliError, Result, shell_word};
use crate::record::RunRecord;
use crate::settings::{Settings, VERSION};
use crate::suggest::{listed, nearest};
use gradus::io::{
    Kind, RunLock, atomic_write, expect_own_file, expect_own_folder, read_text, remove_leftovers,
};
use serde::Deserialize;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A run directory that this process holds.
pub struct RunDir {
    path: PathBuf,
    _lock: RunLock,
}

impl RunDir {
    /// Makes a directory for a new run: the given one, or `runs/RECIPE-N` or `runs/MODEL-N` with the first free number.
    pub fn create(out: Option<&Path>, record: &RunRecord) -> Result<RunDir> {
        let settings = &record.settings;
        let path = match out {
            Some(path) => path.to_owned(),
            None => free_folder(settings.recipe.as_ref().unwrap_or(&settings.model))?,
        };
        fs::create_dir_all(&path).map_err(CliError::system(&path, "create the folder"))?;
        refuse_links(&path)?;
        let lock = RunLock::acquire(&path)?;
        let run = RunDir { path, _lock: lock };
        if run.config().exists() {
            let (path, word) = (run.path.display(), shell_word(&run.path));
            let remedy = format!("go on with it by --resume {word}, or choose another --out");
            return Err(CliError::Usage(format!("{path}: there is a run already; {remedy}")));
        }
        let text = serde_json::to_string_pretty(record).expect("a record is plain data");
        atomic_write(&record_file(&run.path), |w| w.write_all(text.as_bytes()))?;
        let text = settings.to_toml();
        atomic_write(&run.config(), |w| w.write_all(text.as_bytes()))?;
        Ok(run)
    }

    /// Takes a directory with a run, to go on with it.
    pub fn resume(path: &Path) -> Result<(RunDir, Settings)> {
        let settings = read_settings(path)?;
        refuse_links(path)?;
        let lock = RunLock::acquire(path)?;
        let run = RunDir { path: path.to_owned(), _lock: lock };
        // What a save left that was killed; nobody else writes here while the lock is held.
        for folder in [path, &run.checkpoints()] {
            if folder.is_dir() {
                remove_leftovers(folder)?;
            }
        }
        Ok((run, settings))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The settings.
    pub fn config(&self) -> PathBuf {
        config(&self.path)
    }
    /// The log of steps and epochs.
    pub fn log(&self) -> PathBuf {
        log(&self.path)
    }
    /// A row per epoch.
    pub fn table(&self) -> PathBuf {
        self.path.join("log.csv")
    }
    /// All that a continued run needs.
    pub fn checkpoints(&self) -> PathBuf {
        checkpoints(&self.path)
    }
    /// The trained model.
    pub fn best(&self) -> PathBuf {
        best(&self.path)
    }
}

/// Refuses links in a run's folder in place of what is written to or cleared there: they could lead to other people's files.
fn refuse_links(run: &Path) -> Result<()> {
    expect_own_file(&run.join("run.lock"))?;
    expect_own_file(&log(run))?;
    expect_own_folder(&checkpoints(run))?;
    Ok(())
}

/// The settings of a run.
pub fn config(run: &Path) -> PathBuf {
    run.join("config.toml")
}

/// The log of a run.
pub fn log(run: &Path) -> PathBuf {
    run.join("log.jsonl")
}

/// The trained model of a run.
pub fn best(run: &Path) -> PathBuf {
    run.join("best.safetensors")
}

/// The checkpoints of a run.
pub fn checkpoints(run: &Path) -> PathBuf {
    run.join("checkpoints")
}

/// What a run learned from.
fn record_file(run: &Path) -> PathBuf {
    run.join("record.json")
}

/// Reads what a run learned from; `None` where there is no run, or one of an older version.
///
/// # Errors
/// When the record is there but cannot be read.
pub fn read_record(run: &Path) -> Result<Option<RunRecord>> {
    let path = record_file(run);
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(&path)?;
    let bad = |e: serde_json::Error| {
        let what = gradus::io::printable(&e.to_string());
        CliError::Work(format!("{}: {what}", path.display()))
    };
    serde_json::from_str(&text).map(Some).map_err(bad)
}

/// Refuses to go on with a run where something is not what it began with: `differ` says what, `remedy` what helps beside a new run.
pub fn require_same(run: &Path, differ: &[String], remedy: &str) -> Result<()> {
    if differ.is_empty() {
        return Ok(());
    }
    let (differ, config) = (differ.join("; "), shell_word(&config(run)));
    Err(CliError::Work(format!(
        "{}: not what the run began with: {differ}; {remedy}, or begin a new run: gradus train {config}",
        run.display()
    )))
}

/// Reads the settings of a run.
pub fn read_settings(run: &Path) -> Result<Settings> {
    let path = config(run);
    let text = read_text(&path).map_err(|error| match error.kind {
        Kind::Io(ErrorKind::NotFound | ErrorKind::NotADirectory) => CliError::Work(format!(
            "{}: there is no run (no config.toml){}",
            run.display(),
            perhaps(run)
        )),
        _ => error.into(),
    })?;
    let bad = |what: String| {
        let what = gradus::io::printable(what.trim_end());
        CliError::Work(format!("{}: {what}", path.display()))
    };
    let table = parsed(&text).map_err(|(line, what)| bad(format!("line {line}: {what}")))?;
    // A newer version may have other entries, so it is looked at first.
    let version = table.get("version").and_then(toml::Value::as_integer);
    if !version.is_some_and(|v| (1..=VERSION.into()).contains(&v)) {
        let found = version.map_or("no version".into(), |v| format!("version {v}"));
        return Err(bad(format!("found {found}, expected at most version {VERSION}")));
    }
    let settings = Settings::deserialize(Entry::of(table));
    let settings = settings.map_err(|refusal| bad(refusal.told().to_string()))?;
    settings.check().map_err(|e| bad(e.to_string()))?;
    Ok(settings)
}

/// So many runs are named in place of one that is not there.
const NAMED: usize = 3;

/// Which run was perhaps meant by one that is not there: `; did you mean runs/mlp-1?`, or else the newest ones; nothing where there are none.
pub fn perhaps(wanted: &Path) -> String {
    let beside = wanted.parent().filter(|folder| folder.is_dir() && *folder != Path::new(""));
    let folders = match beside {
        Some(folder) => vec![folder.to_owned()],
        None => vec![PathBuf::from(RUNS), PathBuf::new()],
    };
    let mut runs: Vec<(SystemTime, String, PathBuf)> = vec![];
    for folder in folders {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { &*folder };
        for entry in fs::read_dir(here).into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            let written = config(&path).metadata().and_then(|config| config.modified());
            let name = entry.file_name().to_string_lossy().into_owned();
            runs.extend(written.ok().map(|written| (written, name, path)));
        }
    }
    runs.sort_by(|a, b| b.cmp(a));
    let names: Vec<&str> = runs.iter().map(|(_, name, _)| &**name).collect();
    let name = wanted.file_name().unwrap_or_default().to_string_lossy();
    let words = |name: &&str| {
        let run = runs.iter().find(|(_, other, _)| other == name);
        run.map_or(String::new(), |(_, _, path)| shell_word(path))
    };
    let near: Vec<String> = nearest(&name, &names).iter().map(words).collect();
    let newest: Vec<String> = names.iter().take(NAMED).map(words).collect();
    match (near.is_empty(), newest.is_empty()) {
        (false, _) => format!("; did you mean {}?", listed(&near)),
        (true, false) if newest.len() == 1 => format!("; there is {}", newest[0]),
        (true, false) => format!("; there are {}", newest.join(", ")),
        (true, true) => String::new(),
    }
}

/// Where runs lie, unless something else is said.
const RUNS: &str = "runs";

/// Makes `runs/NAME-N` with the first free N. Making the folder is what claims the number.
fn free_folder(name: &str) -> Result<PathBuf> {
    let runs = Path::new(RUNS);
    fs::create_dir_all(runs).map_err(CliError::system(runs, "create the folder"))?;
    // A network may be named by a file.
    let name = Path::new(name).file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
    for number in 1.. {
        let path = runs.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(CliError::system(&path, "create the folder")(error)),
        }
    }
    unreachable!("some number is free")
}
