//! What a CSV file holds, column by column, and what training would make of it: a bad cell hides none of the others.

use crate::bars::{counted, figure, grouped, shortened};
use crate::datasets::STDIN;
use crate::error::{CliError, Result, shell_word};
use gradus::data::{
    ColumnSummary, CsvOptions, DataError, Decimal, LabelColumn, Missing, Place, Splits,
    TableSummary, named, read_file, summarize_csv,
};
use gradus::io::visible;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// So many columns are shown; `--json` has all.
const SHOWN: usize = 40;
/// Letters of a column's name.
const WIDEST: usize = 24;
/// So many options are tried one after the other.
const TRIES: usize = 24;
/// More different texts among numbers are no marks of missing values.
const MARKS: usize = 3;

/// What a file holds.
pub struct Table {
    summary: TableSummary,
}

impl Table {
    /// Of what a path names, if that is a CSV file; `-` is one on stdin.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn of(path: &str, name: &str, csv: &CsvOptions) -> Result<Option<Table>> {
        let is_named = named(path).is_ok();
        if is_named || !(path == STDIN || Path::new(path).is_file()) {
            return Ok(None);
        }
        let bytes = read_file(Path::new(path))?;
        Ok(Some(Table { summary: summarize_csv(&bytes, name, csv)? }))
    }

    /// `60 rows of 4 columns, a header, ';' between fields`
    pub fn head(&self) -> String {
        let summary = &self.summary;
        let between = match summary.delimiter {
            '\t' => "tabs".to_owned(),
            ' ' => "blanks".to_owned(),
            mark => format!("{mark:?}"),
        };
        let marks = if summary.decimal_comma { ", decimal commas" } else { "" };
        let header = if summary.has_header { "a header" } else { "no header" };
        let (rows, columns) = (summary.rows, summary.columns.len() as u64);
        format!(
            "{} of {}, {header}, {between} between fields{marks}",
            counted(rows, "row"),
            counted(columns, "column"),
        )
    }

    /// A line for each column.
    pub fn show(&self, out: &mut impl Write) -> Result<()> {
        let summary = &self.summary;
        let n = summary.misfits;
        if n > 0 {
            let (rows, have) = (counted(n, "row"), if n == 1 { "has" } else { "have" });
            let one = |(line, why): &(u64, String)| format!("line {line}: {}", visible(why));
            let some: Vec<String> = summary.first_misfits.iter().map(one).collect();
            let more = if n as usize > some.len() { "; …" } else { "" };
            writeln!(out, "{rows} {have} another number of fields: {}{more}", some.join("; "))?;
        }
        let shown = &summary.columns[..summary.columns.len().min(SHOWN)];
        let names: Vec<String> = shown.iter().map(|c| shortened(&c.name, WIDEST)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
        writeln!(
            out,
            "\n{:<width$} {:<8} {:>9} {:>9} {:>10}  {:>10} {:>10} {:>10}",
            "column", "kind", "values", "missing", "unreadable", "least", "mean", "greatest"
        )?;
        for (name, column) in names.iter().zip(shown) {
            let [values, missing, unreadable] =
                [column.values, column.missing, column.unreadable].map(grouped);
            writeln!(
                out,
                "{name:<width$} {:<8} {values:>9} {missing:>9} {unreadable:>10}  {}",
                kind(column),
                held(column)
            )?;
            if column.unreadable > 0 {
                writeln!(out, "{:<width$} {}", "", unreadables(column))?;
            }
        }
        let more = summary.columns.len() - shown.len();
        if more > 0 {
            writeln!(out, "and {}", counted(more as u64, "more column"))?;
        }
        Ok(())
    }

    /// For `--json`.
    pub fn record(&self) -> Value {
        let summary = &self.summary;
        let column = |column: &ColumnSummary| {
            let first = column.first_unreadable.iter();
            let first: Vec<Value> =
                first.map(|(line, text)| json!({ "line": line, "text": text })).collect();
            let [least, mean, greatest] = column.range.map_or([None; 3], |range| range.map(Some));
            json!({
                "name": column.name, "kind": kind(column), "values": column.values, "missing": column.missing,
                "unreadable": column.unreadable, "first_unreadable": first, "least": least, "mean": mean,
                "greatest": greatest, "different": column.different,
            })
        };
        json!({
            "rows": summary.rows, "header": summary.has_header, "delimiter": summary.delimiter,
            "decimal_comma": summary.decimal_comma, "misfits": summary.misfits,
            "columns": summary.columns.iter().map(column).collect::<Vec<_>>(),
        })
    }

    /// Why training refuses it, one reason after the other, each once what is before it is helped; and the options by which it would take
    /// it, if some are found: each is tried.
    pub fn obstacles(
        &self,
        csv: &CsvOptions,
        refused: &DataError,
        open: &dyn Fn(&CsvOptions) -> Result<Splits>,
    ) -> (Vec<String>, Option<String>) {
        let mut found = Obstacles::default();
        found.take(refused, &self.summary);
        if self.summary.trouble.is_some() {
            return (found.told, None);
        }
        let (missing, mut csv, mut place) = (csv.missing, csv.clone(), place(refused));
        for _ in 0..TRIES {
            let commas = self.with_commas(&csv, place).filter(|csv| match open(csv) {
                Ok(_) => true,
                Err(CliError::Data(error)) => self::place(&error) != place,
                Err(_) => false,
            });
            match commas {
                Some(commas) => csv = commas,
                None if self.change(&mut csv, place).is_none() => return (found.told, None),
                None => {}
            }
            match open(&csv) {
                Ok(_) => {
                    // The column that lacked values may be left out by now.
                    let plain = CsvOptions { missing, ..csv.clone() };
                    let csv = if open(&plain).is_ok() { plain } else { csv };
                    return (found.told, Some(words(&csv)));
                }
                Err(CliError::Data(error)) => {
                    found.take(&error, &self.summary);
                    place = self::place(&error);
                }
                Err(_) => return (found.told, None),
            }
        }
        (found.told, None)
    }

    /// Decimal commas stated, where they may help.
    fn with_commas(&self, csv: &CsvOptions, at: Option<Where>) -> Option<CsvOptions> {
        let Some(Where::Column(at)) = at else { return None };
        let free = csv.decimal.is_none() && self.has_commas(at);
        free.then(|| CsvOptions { decimal: Some(Decimal::Comma), ..csv.clone() })
    }

    /// Whether what no number is made of in a column are numbers with a decimal comma, as `1.234,5`: what stands behind it is not
    /// three digits, as between thousands.
    fn has_commas(&self, column: usize) -> bool {
        let Some(column) = self.summary.columns.get(column) else { return false };
        let is_one = |text: &String| {
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let (whole, fraction) = text.split_once(',').unwrap_or((text, ""));
            let clear = !fraction.is_empty() && (fraction.len() != 3 || whole.contains('.'));
            clear && digits(fraction) && digits(&whole.trim_start_matches('-').replace('.', ""))
        };
        !column.unreadable_texts.is_empty() && column.unreadable_texts.iter().all(is_one)
    }

    /// The column that is taken for the label.
    fn label(&self, csv: &CsvOptions) -> Option<&ColumnSummary> {
        let columns = &self.summary.columns;
        let named = |name: &str| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name));
        match &csv.label {
            LabelColumn::Auto => {
                ["label", "class", "target"].into_iter().find_map(named).or(columns.last())
            }
            LabelColumn::Index(index) => columns.get(*index),
            LabelColumn::Name(name) => columns.iter().find(|column| column.name == *name),
            LabelColumn::None => None,
        }
    }

    /// Takes the next option, for what is wrong with a row, with a column or with the labels as a whole.
    fn change(&self, csv: &mut CsvOptions, place: Option<Where>) -> Option<()> {
        let label = self.label(csv);
        let at = match place {
            Some(Where::Column(at)) => at,
            Some(Where::Row) if csv.skip_unreadable => return None,
            Some(Where::Row) => {
                csv.skip_unreadable = true;
                return Some(());
            }
            None => {
                // Numbers that are no classes.
                let label = label.filter(|label| label.is_of_numbers && csv.targets.is_empty())?;
                return learn(csv, label);
            }
        };
        let column = self.summary.columns.get(at)?;
        if csv.label == LabelColumn::Auto && csv.targets.is_empty() && !column.is_of_numbers {
            let measured = label
                .filter(|label| label.is_of_numbers && 2 * label.different as u64 > label.values);
            if let Some(label) = measured {
                return learn(csv, label);
            }
            if 2 * column.different as u64 <= column.values {
                csv.label = LabelColumn::Name(column.name.clone());
                return Some(());
            }
        }
        let marks = &column.unreadable_texts;
        let are_marks = (1..=MARKS).contains(&marks.len())
            && 2 * column.unreadable < column.values
            && !marks.iter().any(|text| is_odd(text) || csv.missing_values.contains(text));
        if are_marks {
            csv.missing_values.extend(marks.iter().cloned());
            return Some(());
        }
        let lacks = column.missing > 0 || !csv.missing_values.is_empty();
        match csv.missing {
            Missing::Refuse if lacks => csv.missing = Missing::Mean,
            // A label or a target has no mean.
            Missing::Mean if lacks && column.unreadable == 0 && column.is_of_numbers => {
                csv.missing = Missing::Drop;
            }
            _ if csv.leave_out.contains(&column.name) => return None,
            _ => csv.leave_out.push(column.name.clone()),
        }
        Some(())
    }
}

/// Takes a column's numbers for what is to be learned.
fn learn(csv: &mut CsvOptions, label: &ColumnSummary) -> Option<()> {
    csv.label = LabelColumn::Auto;
    csv.targets.push(label.name.clone());
    Some(())
}

/// Whether a text is no mark of a missing value: with a digit in it, it is a number with something about it.
fn is_odd(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit() || c == ',')
}

/// What of a table an error is about, if not the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    /// A row as such.
    Row,
    /// A column, from 0.
    Column(usize),
}

fn place(error: &DataError) -> Option<Where> {
    match error {
        DataError::Malformed { at: Place::Cell { column, .. }, .. } => {
            Some(Where::Column(column - 1))
        }
        DataError::Malformed { at: Place::Line(_), .. } => Some(Where::Row),
        _ => None,
    }
}

/// Why a table is refused, each cell told once: what helps against one may only say otherwise what is wrong with it.
#[derive(Default)]
struct Obstacles {
    told: Vec<String>,
    places: Vec<Place>,
}

impl Obstacles {
    fn take(&mut self, error: &DataError, summary: &TableSummary) {
        let told = match error {
            DataError::Malformed { at, .. } if self.places.contains(at) => {
                // A text that is taken for a missing value is one of several.
                missing(at, summary).filter(|told| !self.told.contains(told))
            }
            DataError::Malformed { at, .. } => {
                self.places.push(at.clone());
                Some(error.reason())
            }
            _ => Some(error.reason()),
        };
        self.told.extend(told);
    }
}

/// How many values the column of a cell lacks, if it does, and what helps.
fn missing(at: &Place, summary: &TableSummary) -> Option<String> {
    let Place::Cell { column: number, .. } = at else { return None };
    let column = summary.columns.get(number - 1).filter(|column| column.missing > 0)?;
    let (name, values) = (&column.name, counted(column.missing, "missing value"));
    Some(format!(
        "column {number} ({name:?}): found {values}; --missing drop leaves such rows out, --missing mean puts the mean of the column there"
    ))
}

/// What the reader was told, as the command line has it.
fn words(csv: &CsvOptions) -> String {
    let mut all: Vec<String> = vec![];
    let mut list = |option: &str, texts: &[String]| {
        if !texts.is_empty() {
            all.push(format!("{option} {}", shell_word(Path::new(&texts.join(",")))));
        }
    };
    match &csv.label {
        LabelColumn::Name(name) => list("--label", std::slice::from_ref(name)),
        LabelColumn::Index(index) => list("--label", &[(index + 1).to_string()]),
        LabelColumn::Auto | LabelColumn::None => {}
    }
    list("--target", &csv.targets);
    list("--drop", &csv.leave_out);
    list("--missing-values", &csv.missing_values);
    if csv.skip_unreadable {
        all.push("--skip-unreadable".into());
    }
    if let Some(header) = csv.header {
        all.push(format!("--header {}", if header { "yes" } else { "no" }));
    }
    match csv.decimal {
        Some(Decimal::Comma) => all.push("--decimal comma".into()),
        Some(Decimal::Point) => all.push("--decimal point".into()),
        None => {}
    }
    match csv.missing {
        Missing::Refuse => {}
        Missing::Drop => all.push("--missing drop".into()),
        Missing::Mean => all.push("--missing mean".into()),
    }
    all.join(" ")
}

fn kind(column: &ColumnSummary) -> &'static str {
    match (column.is_of_numbers, column.values) {
        (true, _) => "numbers",
        (false, 0) => "empty",
        (false, _) => "texts",
    }
}

/// The range of numbers, or how many texts differ.
fn held(column: &ColumnSummary) -> String {
    match column.range {
        Some(range) => {
            let [least, mean, greatest] = range.map(|x| figure(x, 6));
            format!("{least:>10} {mean:>10} {greatest:>10}")
        }
        None if column.values > 0 => {
            format!("{:>10} different", grouped(column.different as u64))
        }
        None => String::new(),
    }
}

/// `line 14: "x", line 20: "y", …`
fn unreadables(column: &ColumnSummary) -> String {
    let one = |(line, text): &(u64, String)| format!("line {line}: {:?}", shortened(text, 40));
    let some: Vec<String> = column.first_unreadable.iter().map(one).collect();
    let more = if column.unreadable as usize > some.len() { ", …" } else { "" };
    format!("no number: {}{more}", some.join(", "))
}
