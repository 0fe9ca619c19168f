//! Tables of numbers in CSV files, and the data set made of one: a label column and feature columns.

use std::path::Path;

use crate::dataset::Dataset;
use crate::error::{DataError, Place, Result, count, quote};
use crate::read::read_file;

/// Which column holds the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelColumn {
    /// The last one.
    Last,
    /// This one, from 0.
    Index(usize),
    /// The one with this name; the file must have a header.
    Name(String),
}

/// How to read a CSV file.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// Where the label is.
    pub label: LabelColumn,
    /// Whether the first line is a header; if not said, it is one when none of its fields is a number.
    pub header: Option<bool>,
    /// Field separator; if not said, the most frequent of comma, semicolon and tab in the first line.
    pub delimiter: Option<u8>,
    /// Number of classes, if labels are to be taken as the integers `0..classes`. If not said, the distinct labels
    /// of the file become the classes, in ascending order (by value if all are integers, else by text).
    pub classes: Option<usize>,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions { label: LabelColumn::Last, header: None, delimiter: None, classes: None }
    }
}

/// A parsed file: feature numbers row by row, and the label column's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the feature columns; empty without a header.
    pub names: Vec<String>,
    /// Number of feature columns.
    pub width: usize,
    /// The features, row by row.
    pub values: Vec<f32>,
    /// The label of each row, as written. For regression, parse these.
    pub labels: Vec<String>,
    /// The line of each row in the file, from 1.
    pub lines: Vec<u64>,
}

/// A table whose rows are samples.
#[derive(Debug, Clone)]
pub struct TabularDataset {
    shape: [usize; 1],
    values: Vec<f32>,
    labels: Vec<i64>,
    classes: Vec<String>,
    names: Vec<String>,
}

/// Reads a CSV file as a classification set.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<TabularDataset> {
    let name = path.display().to_string();
    let table = parse_csv(&read_file(path)?, &name, options)?;
    TabularDataset::new(table, &name, options.classes)
}

/// Parses CSV bytes; `name` is the file's name in errors. Empty lines are skipped; a quoted field may hold separators
/// and doubled quotes, but no line break.
pub fn parse_csv(bytes: &[u8], name: &str, options: &CsvOptions) -> Result<Table> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = Place::Byte(error.valid_up_to() as u64);
        DataError::malformed(name, at, "bytes that are not UTF-8", "UTF-8 text")
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut lines =
        (1u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).peekable();
    let Some(&(first_line, first)) = lines.peek() else {
        return Err(DataError::malformed(name, Place::Whole, "no rows", "at least one row"));
    };
    let delimiter = options.delimiter.map_or_else(|| guess_delimiter(first), char::from);
    let fields = split_line(first, delimiter, name, first_line)?;
    let header =
        options.header.unwrap_or_else(|| fields.iter().all(|f| f.trim().parse::<f64>().is_err()));
    let mut columns = Columns { name, header: Vec::new(), count: fields.len(), label: 0 };
    if header {
        columns.header = fields.iter().map(|f| f.trim().to_owned()).collect();
        lines.next();
    }
    columns.label = columns.find_label(&options.label)?;
    let mut table = columns.empty_table();
    for (line, text) in lines {
        columns.push_row(split_line(text, delimiter, name, line)?, line, &mut table)?;
    }
    if table.labels.is_empty() {
        return Err(DataError::malformed(name, Place::Whole, "a header without rows", "rows"));
    }
    Ok(table)
}

/// What every row of a file must look like.
struct Columns<'a> {
    name: &'a str,
    header: Vec<String>,
    count: usize,
    label: usize,
}

impl Columns<'_> {
    fn find_label(&self, label: &LabelColumn) -> Result<usize> {
        let missing = |found: String, expected: String| {
            Err(DataError::invalid(format!("{}: label column", self.name), found, expected))
        };
        match label {
            LabelColumn::Last => Ok(self.count - 1),
            LabelColumn::Index(index) if *index < self.count => Ok(*index),
            LabelColumn::Index(index) => {
                missing(index.to_string(), format!("below {}, the number of columns", self.count))
            }
            LabelColumn::Name(wanted) => match self.header.iter().position(|h| h == wanted) {
                Some(index) => Ok(index),
                None if self.header.is_empty() => {
                    missing(format!("name {wanted:?}"), "a number, since there is no header".into())
                }
                None => missing(
                    format!("name {wanted:?}"),
                    format!("one of {}", self.header.join(", ")),
                ),
            },
        }
    }

    fn empty_table(&self) -> Table {
        let mut names = self.header.clone();
        if !names.is_empty() {
            names.remove(self.label);
        }
        Table {
            names,
            width: self.count - 1,
            values: Vec::new(),
            labels: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn push_row(&self, fields: Vec<String>, line: u64, table: &mut Table) -> Result<()> {
        if fields.len() != self.count {
            return Err(DataError::malformed(
                self.name,
                Place::Line(line),
                count(fields.len(), "column"),
                format!("{}, as in the first line", self.count),
            ));
        }
        for (column, field) in fields.iter().enumerate() {
            let field = field.trim();
            let wrong = |found: &str, expected: &str| {
                DataError::malformed(self.name, self.cell(line, column), found, expected)
            };
            if field.is_empty() {
                return Err(wrong("an empty field", "a value"));
            }
            if column == self.label {
                table.labels.push(field.to_owned());
                continue;
            }
            match field.parse::<f32>() {
                Ok(value) if value.is_finite() => table.values.push(value),
                Ok(value) if value.is_nan() => return Err(wrong("NaN", "a finite number")),
                Ok(_) => {
                    let found = format!("{}, infinite as f32", quote(field));
                    return Err(wrong(&found, "a finite number"));
                }
                Err(_) => return Err(wrong(&quote(field), "a number")),
            }
        }
        table.lines.push(line);
        Ok(())
    }

    fn cell(&self, line: u64, column: usize) -> Place {
        Place::Cell { line, column: column + 1, name: self.header.get(column).cloned() }
    }
}

fn guess_delimiter(line: &str) -> char {
    // What lies between quotes (every second piece) does not count.
    let count = |c: char| line.split('"').step_by(2).map(|piece| piece.matches(c).count()).sum();
    let more = |best: char, c: char| {
        let (a, b): (usize, usize) = (count(best), count(c));
        if b > a { c } else { best }
    };
    [';', '\t'].into_iter().fold(',', more)
}

fn split_line(line: &str, delimiter: char, name: &str, number: u64) -> Result<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let field = fields.last_mut().expect("starts with one field");
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            c if c == delimiter && !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    if quoted {
        let found = format!("a quote without its end in {}", quote(line));
        return Err(DataError::malformed(name, Place::Line(number), found, "a closing quote"));
    }
    Ok(fields)
}

impl TabularDataset {
    /// Rows as samples; `name` (the file) appears in errors; `classes` as in [`CsvOptions::classes`].
    pub fn new(table: Table, name: &str, classes: Option<usize>) -> Result<TabularDataset> {
        if table.width == 0 {
            return Err(DataError::malformed(
                name,
                Place::Whole,
                "one column",
                "a label column and at least one feature column",
            ));
        }
        let (labels, classes) = match classes {
            Some(count) => {
                (numbered(&table, name, count)?, (0..count).map(|c| c.to_string()).collect())
            }
            None => distinct(&table.labels),
        };
        Ok(TabularDataset {
            shape: [table.width],
            values: table.values,
            labels,
            classes,
            names: table.names,
        })
    }

    /// Names of the features; empty if the file had no header.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Labels that are class numbers already.
fn numbered(table: &Table, name: &str, classes: usize) -> Result<Vec<i64>> {
    let parse = |(text, &line): (&String, &u64)| {
        text.parse::<i64>().map_err(|_| {
            let expected = format!("a label in 0..{classes}");
            DataError::malformed(name, Place::Line(line), quote(text), expected)
        })
    };
    let labels = table.labels.iter().zip(&table.lines).map(parse).collect::<Result<Vec<i64>>>()?;
    crate::image_set::check_labels(name, &labels, classes)?;
    Ok(labels)
}

/// The distinct labels as classes.
fn distinct(texts: &[String]) -> (Vec<i64>, Vec<String>) {
    let mut classes = texts.to_vec();
    let numbers: Option<Vec<i64>> = texts.iter().map(|t| t.parse().ok()).collect();
    if numbers.is_some() {
        // Every text parsed, so the key is the number; the text breaks ties such as "1" and "01".
        classes.sort_by(|a, b| (a.parse::<i64>().ok(), a).cmp(&(b.parse::<i64>().ok(), b)));
    } else {
        classes.sort();
    }
    classes.dedup();
    let number: std::collections::HashMap<&String, i64> = classes.iter().zip(0..).collect();
    let labels = texts.iter().map(|t| number[t]).collect();
    (labels, classes)
}

impl Dataset for TabularDataset {
    fn len(&self) -> usize {
        self.labels.len()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> i64 {
        self.labels[index]
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let width = self.shape[0];
        out.copy_from_slice(&self.values[index * width..(index + 1) * width]);
        Ok(())
    }
}
