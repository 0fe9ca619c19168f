//! A data set whose samples are the rows of a table.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::dataset::{ColumnNames, Dataset};
use crate::error::{DataError, Place, Result, count, quote};
use crate::key::{Key, feed};
use crate::label::label_spelling;
use crate::read::csv::{ColumnForm, Table};
use crate::read::unreadable::Unreadable;
use crate::target::Targets;

/// A table whose rows are samples.
#[derive(Debug, Clone)]
pub struct TabularDataset {
    shape: [usize; 1],
    values: Vec<f64>,
    labels: Vec<i64>,
    classes: Vec<String>,
    /// The names of the numbers to be learned; none where labels are.
    target_names: Vec<String>,
    /// Those numbers, row by row.
    targets: Vec<f64>,
    columns: Option<ColumnNames>,
    aside: Vec<String>,
    forms: Vec<ColumnForm>,
    decimal_comma: bool,
    remarks: Vec<String>,
    others: Option<String>,
    left_out: Vec<String>,
    unreadable: Vec<Unreadable>,
    /// The key of each row, once one was asked for.
    keys: OnceLock<Vec<Key>>,
}

impl TabularDataset {
    /// Rows as samples; `name` (the file) appears in errors; `classes` as in
    /// [`CsvOptions::classes`](crate::CsvOptions::classes).
    ///
    /// # Errors
    /// When there are no features, or neither labels nor targets, a label is no class, or the labels are so many that they are
    /// measurements rather than classes: more than half of the rows have one of their own.
    pub fn new(mut table: Table, name: &str, classes: Option<usize>) -> Result<TabularDataset> {
        // A table may be of the caller's own making.
        for label in &mut table.labels {
            let spelled = label_spelling(label);
            if *spelled != **label {
                *label = spelled.into_owned();
            }
        }
        let rows = table.lines.len();
        let with_targets = !table.target_names.is_empty();
        let wrong = |found: &str, expected: &str| {
            Err(DataError::malformed(name, Place::Whole, found, expected))
        };
        match with_targets {
            true if table.targets.len() != rows * table.target_names.len() => {
                return wrong("rows without targets", "a number for each target in every row");
            }
            false if table.labels.len() != rows => return wrong("rows without labels", "labels"),
            _ => {}
        }
        if table.width == 0 && with_targets {
            return wrong("no column but the targets'", "at least one feature column");
        }
        if table.width == 0 {
            return wrong("one column", "a label column and at least one feature column");
        }
        let (labels, classes) = match classes {
            _ if with_targets => (vec![0; rows], vec![]),
            Some(count) => {
                (numbered(&table, name, count)?, (0..count).map(|c| c.to_string()).collect())
            }
            None => {
                let (labels, classes) = distinct(&table.labels);
                refuse_measurements(&table, name, classes.len())?;
                (labels, classes)
            }
        };
        Ok(TabularDataset {
            shape: [table.width],
            values: table.values,
            labels,
            classes,
            target_names: table.target_names,
            targets: table.targets,
            // Without a header no column has a name.
            columns: (!table.names.is_empty())
                .then_some(ColumnNames { features: table.names, label: table.label_name }),
            aside: table.aside,
            forms: table.forms,
            decimal_comma: table.decimal_comma,
            remarks: table.remarks,
            others: table.others,
            left_out: table.left_out,
            unreadable: table.unreadable,
            keys: OnceLock::new(),
        })
    }

    /// What each row holds: its numbers under their columns' names, in the order of the names; without names in the order of
    /// the columns.
    fn make_keys(&self) -> Vec<Key> {
        let names = self.names();
        let mut order: Vec<usize> = (0..self.shape[0]).collect();
        order.sort_by_key(|&column| names.get(column));
        let mut head = Sha256::new();
        order.iter().filter_map(|&c| names.get(c)).for_each(|n| feed(&mut head, n.as_bytes()));
        let key = |row: &[f64]| {
            let mut hasher = head.clone();
            // −0 is 0: as numbers they are equal. A missing value has one form, too.
            let bits = |x: f64| if x.is_nan() { f64::NAN } else { x + 0.0 }.to_bits();
            order.iter().for_each(|&c| hasher.update(bits(row[c]).to_le_bytes()));
            Key::finish(hasher)
        };
        self.values.chunks_exact(self.shape[0]).map(key).collect()
    }

    /// What each feature column of the file was taken for: [`CsvOptions::forms`](crate::CsvOptions::forms) of other files like it.
    pub fn forms(&self) -> &[ColumnForm] {
        &self.forms
    }

    /// Whether decimals follow a comma: [`CsvOptions::decimal_comma`](crate::CsvOptions::decimal_comma) of other files like it.
    pub fn decimal_comma(&self) -> bool {
        self.decimal_comma
    }

    /// That of the remarks which names columns that a model was not trained with.
    pub fn others(&self) -> Option<&str> {
        self.others.as_deref()
    }

    /// What is worth knowing of how the file was read.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Columns that are not learned from though nobody said so.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Rows that were left out because they cannot be read: [`CsvOptions::skip_unreadable`](crate::CsvOptions::skip_unreadable).
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// Names of the features; empty if the file had no header.
    pub fn names(&self) -> &[String] {
        self.columns.as_ref().map_or(&[], |columns| &columns.features)
    }
}

/// Refuses to take numbers that were measured, such as prices, for names of classes.
fn refuse_measurements(table: &Table, name: &str, classes: usize) -> Result<()> {
    let is_number = |text: &String| text.parse::<f64>().is_ok();
    let whole = |text: &String| text.parse::<i64>().is_ok();
    let fractions = table.labels.iter().all(is_number) && !table.labels.iter().all(whole);
    // A few rows to try something out may each be of another class, but not by fractions.
    let few = if fractions { 2 } else { FEW_CLASSES };
    if classes <= few || 2 * classes <= table.labels.len() {
        return Ok(());
    }
    let column = table.label_name.as_ref().map(|name| format!(" (column {})", quote(name)));
    let rows = count(table.labels.len(), "row");
    let found = format!("{classes} different labels in {rows}{}", column.unwrap_or_default());
    let numbers = match (&table.label_name, table.labels.iter().all(is_number)) {
        (Some(name), true) => {
            format!("--target {name} learns its numbers, --label names another column")
        }
        _ => "--label names another column, --target one whose numbers are to be learned".into(),
    };
    let expected = format!("classes with several rows each; {numbers}");
    Err(DataError::malformed(name, Place::Whole, found, expected))
}

/// So many classes may have a row each.
const FEW_CLASSES: usize = 20;

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
        // Every text parsed, so the key is the number.
        classes.sort_by_key(|text| text.parse::<i64>().ok());
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
    fn targets(&self) -> Targets<'_> {
        match &self.target_names[..] {
            [] => Targets::Labels,
            names => Targets::Numbers(names),
        }
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        let width = self.target_names.len();
        out.copy_from_slice(&self.targets[index * width..(index + 1) * width]);
    }
    fn columns(&self) -> Option<&ColumnNames> {
        self.columns.as_ref()
    }
    fn row(&self, index: usize) -> Option<&[f64]> {
        let width = self.shape[0];
        Some(&self.values[index * width..(index + 1) * width])
    }
    fn key(&self, index: usize) -> Result<Key> {
        Ok(self.keys.get_or_init(|| self.make_keys())[index])
    }
    fn aside(&self, index: usize) -> Option<&str> {
        self.aside.get(index).map(String::as_str)
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let width = self.shape[0];
        let row = &self.values[index * width..(index + 1) * width];
        assert_eq!(out.len(), width, "TabularDataset::read: length of the output");
        out.iter_mut().zip(row).for_each(|(to, &from)| *to = from as f32);
        Ok(())
    }
}
