//! What was predicted and what could not be: a bad file spoils only itself. Also as a CSV file.

use super::Args;
use crate::bars::counted;
use crate::csv_file::{CsvFile, Dialect};
use crate::error::{CliError, Result};
use crate::model_file::Unfinished;
use gradus::data::{CsvOptions, Texts, csv_texts};
use gradus::io::{atomic_write, printable};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What was done so far.
pub struct Kept<'a> {
    args: &'a Args,
    /// How many inputs there are.
    all: usize,
    file: Option<(&'a Path, Sheet)>,
    failed: Vec<(PathBuf, String)>,
    /// Rows that were not predicted, and why, for `--json`.
    passed_over: Vec<Value>,
    /// How far the model's run has come, for `--json`.
    unfinished: Option<Unfinished>,
}

/// The table of predictions.
#[derive(Default)]
struct Sheet {
    /// Where a sample is: its file, and the line of a row.
    place: Vec<String>,
    /// Columns of the inputs that are carried on, once one was read.
    carried: Option<Vec<String>>,
    /// What is predicted.
    predicted: Vec<String>,
    dialect: Dialect,
    /// Cells, and why there is no prediction.
    rows: Vec<(Vec<String>, String)>,
}

impl Sheet {
    /// Its bytes. A column of its own whose name one of the inputs' has is called otherwise; that of the reasons is there if one is.
    fn into_bytes(self) -> Vec<u8> {
        let Sheet { place, carried, predicted, dialect, rows } = self;
        let carried = carried.unwrap_or_default();
        let own = |name: &String| match carried.iter().any(|other| other.eq_ignore_ascii_case(name))
        {
            true => format!("gradus_{name}"),
            false => name.clone(),
        };
        let reasons = rows.iter().any(|(_, why)| !why.is_empty());
        let reason = reasons.then(|| own(&"not_predicted".to_owned()));
        let header = place.iter().map(own).chain(carried.iter().cloned());
        let header: Vec<String> = header.chain(predicted.iter().map(own)).chain(reason).collect();
        let mut file = CsvFile::written_as(dialect, &header);
        for (mut cells, why) in rows {
            cells.extend(reasons.then_some(why));
            file.row(&cells);
        }
        file.into_bytes()
    }
}

impl<'a> Kept<'a> {
    /// Nothing yet, of so many inputs, in a table with columns for the place of a sample and for what is predicted, if there is to
    /// be one.
    pub fn new(
        args: &'a Args,
        unfinished: Option<Unfinished>,
        all: usize,
        place: &[&str],
        predicted: impl IntoIterator<Item = String>,
    ) -> Kept<'a> {
        let sheet = Sheet {
            place: place.iter().map(|&name| name.to_owned()).collect(),
            predicted: predicted.into_iter().collect(),
            ..Sheet::default()
        };
        let file = args.out.as_deref().map(|path| (path, sheet));
        Kept { args, all, file, failed: vec![], passed_over: vec![], unfinished }
    }

    /// Whether predictions go to a file instead of the terminal.
    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// A row of the file.
    pub fn row(&mut self, cells: Vec<String>) {
        if let Some((_, sheet)) = &mut self.file {
            sheet.rows.push((cells, String::new()));
        }
    }

    /// The rows of an input's table: of each line the predictions, by the marks of the file, or why there are none.
    pub fn rows(
        &mut self,
        path: &Path,
        texts: &Texts,
        predicted: &dyn Fn(Dialect) -> Vec<(u64, Vec<String>)>,
        passed_over: &[(u64, String)],
    ) -> Result<()> {
        let Some((_, sheet)) = &mut self.file else { return Ok(()) };
        if sheet.carried.is_none() {
            // Of several inputs the first one says how all is written.
            sheet.dialect = Dialect::like(texts.delimiter, texts.decimal_comma);
        }
        let carried = sheet.carried.get_or_insert_with(|| texts.names.clone());
        if *carried != texts.names {
            let (found, expected) = (texts.names.join(", "), carried.join(", "));
            let what = format!(
                "found the columns {found}, expected {expected} as in the file before, for --keep"
            );
            return Err(CliError::Work(format!("{}: {what}", path.display())));
        }
        let mut predicted: HashMap<u64, Vec<String>> =
            predicted(sheet.dialect).into_iter().collect();
        let reasons: HashMap<u64, &String> =
            passed_over.iter().map(|(line, why)| (*line, why)).collect();
        let nothing = vec![String::new(); sheet.predicted.len()];
        for (line, cells) in &texts.rows {
            let mut row = vec![path.display().to_string(), line.to_string()];
            row.extend(cells.iter().cloned());
            row.extend(predicted.remove(line).unwrap_or_else(|| nothing.clone()));
            let why = reasons.get(line).map_or(String::new(), |why| why.to_string());
            sheet.rows.push((row, why));
        }
        Ok(())
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
        if self.is_file() && !rows.is_empty() {
            let n = counted(rows.len() as u64, "row");
            say!(
                "remark: {}: {n} not predicted; the column not_predicted says why",
                path.display()
            );
        }
        for (line, why) in rows.iter().filter(|_| !self.is_file()) {
            writeln!(out, "{line:>6}  not predicted: {why}")?;
        }
        let record =
            |(line, why): &(u64, String)| json!({ "input": path, "line": line, "why": why });
        self.passed_over.extend(rows.iter().map(record));
        Ok(())
    }

    /// Writes the file, and ends with what could not be done, if there is something.
    pub fn finish(mut self, out: &mut impl Write, mut record: Value) -> Result<()> {
        if let Some((path, sheet)) = self.file.take() {
            let rows = sheet.rows.len();
            let bytes = sheet.into_bytes();
            atomic_write(path, |w| w.write_all(&bytes))?;
            writeln!(out, "predictions    {}   ({rows} rows)", path.display())?;
            record["file"] = json!(path);
        }
        let failed =
            self.failed.iter().map(|(path, error)| json!({ "input": path, "error": error }));
        record["failed"] = failed.collect();
        record["not_predicted"] = json!(self.passed_over);
        record["unfinished"] = json!(self.unfinished);
        let without = self.files_without().into_iter().chain(self.rows_without());
        let what = without.collect::<Vec<_>>().join("; ");
        if !what.is_empty() {
            return Err(CliError::Partly { what, record: Box::new(record) });
        }
        if self.args.json {
            writeln!(out, "{record}")?;
        }
        Ok(())
    }

    /// `1 of 3 files gave no prediction: a.png`
    fn files_without(&self) -> Option<String> {
        let names = self.failed.iter().take(NAMED);
        let names: Vec<String> =
            names.map(|(path, _)| printable(&path.display().to_string())).collect();
        let more = match self.failed.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (failed, all) = (self.failed.len(), self.all);
        let listed = names.join(", ");
        (failed > 0).then(|| format!("{failed} of {all} files gave no prediction: {listed}{more}"))
    }

    /// `2 rows gave no prediction: a.csv, line 3; a.csv, line 9`
    fn rows_without(&self) -> Option<String> {
        let n = self.passed_over.len();
        let place = |row: &Value| {
            let input = row["input"].as_str().unwrap_or_default();
            format!("{}, line {}", printable(input), row["line"])
        };
        let places: Vec<String> = self.passed_over.iter().take(NAMED).map(place).collect();
        let more = match n - places.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (rows, listed) = (counted(n as u64, "row"), places.join("; "));
        (n > 0).then(|| format!("{rows} gave no prediction: {listed}{more}"))
    }
}

/// So many files, and so many rows, are named at the end.
const NAMED: usize = 5;

/// The columns for a sample's most probable classes: `class,probability,class_2,probability_2`.
pub fn class_columns(top: usize) -> impl Iterator<Item = String> {
    (1..=top).flat_map(|n| match n {
        1 => ["class".to_owned(), "probability".to_owned()],
        n => [format!("class_{n}"), format!("probability_{n}")],
    })
}

/// The cells below them.
pub fn class_cells(classes: &[String], p: &[f64], top: usize, dialect: Dialect) -> Vec<String> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let best = order.into_iter().take(top);
    best.flat_map(|k| [classes[k].clone(), dialect.number(p[k])]).collect()
}

/// The columns of an input that are carried on into the table of predictions, none where `--keep` names none.
pub fn carried(args: &Args, bytes: &[u8], name: &str, csv: &CsvOptions) -> Result<Texts> {
    if args.out.is_none() {
        let (names, rows, remarks) = (vec![], vec![], vec![]);
        return Ok(Texts { names, delimiter: ',', decimal_comma: false, rows, remarks });
    }
    let all = args.keep.len() == 1 && args.keep[0] == "all";
    Ok(csv_texts(bytes, name, csv, (!all).then_some(&args.keep[..]))?)
}
