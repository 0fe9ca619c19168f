//! What was predicted and what could not be: a bad file spoils only itself. Also as a CSV file.

use super::Args;
use crate::bars::counted;
use crate::csv_file::CsvFile;
use crate::error::{CliError, Result};
use crate::model_file::Unfinished;
use gradus::io::{atomic_write, printable};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What was done so far.
pub struct Kept<'a> {
    args: &'a Args,
    /// How many inputs there are.
    all: usize,
    file: Option<(&'a Path, CsvFile)>,
    rows: usize,
    failed: Vec<(PathBuf, String)>,
    /// Rows that were not predicted, and why, for `--json`.
    passed_over: Vec<Value>,
    /// How far the model's run has come, for `--json`.
    unfinished: Option<Unfinished>,
}

impl<'a> Kept<'a> {
    /// Nothing yet, of so many inputs, in a table with these columns if there is to be one.
    pub fn new<T: AsRef<str>>(
        args: &'a Args,
        unfinished: Option<Unfinished>,
        all: usize,
        columns: &[T],
    ) -> Kept<'a> {
        let file = args.out.as_deref().map(|path| (path, CsvFile::new(columns)));
        Kept { args, all, file, rows: 0, failed: vec![], passed_over: vec![], unfinished }
    }

    /// Whether predictions go to a file instead of the terminal.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// A row of the file.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        if let Some((_, file)) = &mut self.file {
            file.row(cells);
            self.rows += 1;
        }
    }

    /// What an input gave; of one that cannot be read or predicted nothing, which is said. One that is alone is an error.
    pub fn of<T>(&mut self, path: &Path, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.all == 1 => Err(error),
            Err(error) => {
                let text = error.to_string();
                say!("error: {text}");
                self.failed.push((path.to_owned(), text));
                Ok(None)
            }
        }
    }

    /// Rows of an input that are not predicted: says which, and why.
    pub fn pass_over(
        &mut self,
        out: &mut impl Write,
        path: &Path,
        rows: &[(u64, String)],
    ) -> Result<()> {
        for (line, why) in rows {
            match self.is_file() {
                true => say!("{}, line {line}: not predicted: {why}", path.display()),
                false => writeln!(out, "{line:>6}  not predicted: {why}")?,
            }
        }
        let record =
            |(line, why): &(u64, String)| json!({ "input": path, "line": line, "why": why });
        self.passed_over.extend(rows.iter().map(record));
        Ok(())
    }

    /// Writes the file, and ends with what could not be done, if there is something.
    pub fn finish(self, out: &mut impl Write, mut record: Value) -> Result<()> {
        if let Some((path, file)) = self.file {
            let bytes = file.into_bytes();
            atomic_write(path, |w| w.write_all(&bytes))?;
            writeln!(out, "predictions    {}   ({} rows)", path.display(), self.rows)?;
            record["file"] = json!(path);
        }
        let failed =
            self.failed.iter().map(|(path, error)| json!({ "input": path, "error": error }));
        record["failed"] = failed.collect();
        record["not_predicted"] = json!(self.passed_over);
        record["unfinished"] = json!(self.unfinished);
        if !self.failed.is_empty() {
            let names = self.failed.iter().take(NAMED);
            let names: Vec<String> =
                names.map(|(path, _)| printable(&path.display().to_string())).collect();
            let more = match self.failed.len() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (failed, all) = (self.failed.len(), self.all);
            let what =
                format!("{failed} of {all} files gave no prediction: {}{more}", names.join(", "));
            return Err(CliError::Partly { what, record: Box::new(record) });
        }
        if self.args.json {
            writeln!(out, "{record}")?;
        }
        Ok(())
    }
}

/// So many files are named at the end.
const NAMED: usize = 5;

/// The columns for a sample's most probable classes: `class,probability,class_2,probability_2`.
pub fn class_columns(top: usize) -> impl Iterator<Item = String> {
    (1..=top).flat_map(|n| match n {
        1 => ["class".to_owned(), "probability".to_owned()],
        n => [format!("class_{n}"), format!("probability_{n}")],
    })
}

/// The cells below them.
pub fn class_cells(classes: &[String], p: &[f64], top: usize) -> Vec<String> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let best = order.into_iter().take(top);
    best.flat_map(|k| [classes[k].clone(), p[k].to_string()]).collect()
}

/// The inputs, in place of a folder the files in it and in those below with one of these endings, in order. Other files there are
/// counted and said.
///
/// # Errors
/// When a folder cannot be listed, or has no such file, or the table of predictions would be written over an input.
pub fn inputs(args: &Args, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut all = vec![];
    for path in &args.inputs {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let (before, mut others) = (all.len(), 0);
        collect(path, endings, &mut all, &mut others)?;
        if all.len() == before {
            let what = format!("found no file in it that ends in .{}", endings.join(" or ."));
            return Err(CliError::Work(format!("{}: {what}", path.display())));
        }
        if others > 0 {
            let others = counted(others, "file");
            say!("remark: {}: {others} of another kind passed over", path.display());
        }
    }
    let Some(out) = args.out.as_deref().and_then(|out| out.canonicalize().ok()) else {
        return Ok(all);
    };
    match all.iter().find(|path| path.canonicalize().is_ok_and(|path| path == out)) {
        Some(path) => Err(CliError::Usage(format!(
            "--out: found {}, which is an input, expected another file",
            path.display()
        ))),
        None => Ok(all),
    }
}

fn collect(
    folder: &Path,
    endings: &[&str],
    all: &mut Vec<PathBuf>,
    others: &mut u64,
) -> Result<()> {
    let listing = std::fs::read_dir(folder).map_err(CliError::system(folder, "list the folder"))?;
    let mut entries = vec![];
    for entry in listing {
        let entry = entry.map_err(CliError::system(folder, "list the folder"))?;
        // A link to a folder may lead round in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push((entry.path(), is_folder));
        }
    }
    entries.sort();
    for (path, is_folder) in entries {
        let fits =
            |ending: &std::ffi::OsStr| endings.iter().any(|e| ending.eq_ignore_ascii_case(e));
        if is_folder {
            collect(&path, endings, all, others)?;
        } else if path.extension().is_some_and(fits) {
            all.push(path);
        } else {
            *others += 1;
        }
    }
    Ok(())
}
