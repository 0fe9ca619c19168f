//! What each column of a file holds, to be shown: nothing in it is refused.

use std::collections::HashSet;

use super::CsvOptions;
use super::file::File;
use super::survey::{Cell, from_comma};
use crate::error::Result;

/// More different values than this are not counted.
const MOST_DIFFERENT: usize = 10_000;
/// So many lines are named of what cannot be read, and so many different texts of it.
const NAMED: usize = 2;
const DIFFERENT: usize = 4;

/// What a file of rows and columns holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSummary {
    /// Its rows, without those that hold nothing.
    pub rows: u64,
    /// Whether its first line is a header.
    pub has_header: bool,
    /// What is between its fields.
    pub delimiter: char,
    /// Whether numbers have decimal commas.
    pub decimal_comma: bool,
    /// Its columns, in their order.
    pub columns: Vec<ColumnSummary>,
    /// Rows with another number of fields, of which nothing is counted.
    pub misfits: u64,
    /// The lines of the first of these, and what is wrong with them.
    pub first_misfits: Vec<(u64, String)>,
    /// What keeps the first line from being a header, or from being known as one.
    pub trouble: Option<String>,
}

/// What a column holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnSummary {
    /// Its name; without a header its number, from 1.
    pub name: String,
    /// Whether it holds numbers; if not, texts, or nothing at all.
    pub is_of_numbers: bool,
    /// Numbers of a column of numbers, texts of one of texts.
    pub values: u64,
    /// Cells without a value.
    pub missing: u64,
    /// Texts in a column of numbers, and numbers that are not finite.
    pub unreadable: u64,
    /// The first of these and their lines.
    pub first_unreadable: Vec<(u64, String)>,
    /// Different texts among these, at most four.
    pub unreadable_texts: Vec<String>,
    /// The least number, the mean and the greatest; of a column of numbers.
    pub range: Option<[f64; 3]>,
    /// Different values, counted up to 10,000.
    pub different: usize,
}

/// Looks at all cells of a file.
///
/// ```
/// use gradus_data::{CsvOptions, summarize_csv};
/// let houses = b"area,town\n80,Ulm\n?,Bonn\nlarge,Ulm\n100,Ulm\n";
/// let found = summarize_csv(houses, "houses.csv", &CsvOptions::default())?;
/// let (area, town) = (&found.columns[0], &found.columns[1]);
/// assert_eq!((area.values, area.missing, area.unreadable, area.range), (2, 1, 1, Some([80.0, 90.0, 100.0])));
/// assert_eq!(area.first_unreadable, [(4, "large".to_owned())]);
/// assert_eq!((found.rows, town.values, town.different, area.different), (4, 4, 2, 2));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// When the bytes are no text, or hold no row, or a quote is not closed.
pub fn summarize_csv(bytes: &[u8], name: &str, options: &CsvOptions) -> Result<TableSummary> {
    let file = File::look(bytes, name, options)?;
    let named = |column: usize| match file.header.names.get(column) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => (column + 1).to_string(),
    };
    let kept: Vec<bool> = (0..file.header.columns)
        .map(|column| {
            let seen = file.survey.columns.get(column);
            seen.is_some_and(|seen| !seen.is_text() && !seen.is_empty())
        })
        .collect();
    let mut columns: Vec<Counted> = kept
        .iter()
        .enumerate()
        .map(|(column, &is_of_numbers)| Counted {
            summary: ColumnSummary {
                name: named(column),
                is_of_numbers,
                ..ColumnSummary::default()
            },
            ..Counted::default()
        })
        .collect();
    let (mut rows, mut misfits, mut first_misfits) = (0, 0, vec![]);
    file.each(|row| {
        rows += 1;
        match row {
            Ok(row) => {
                for (at, column) in columns.iter_mut().enumerate() {
                    let text = row.get(at);
                    column.see(&file, file.survey.cell(text), text, row.line());
                }
            }
            Err(misfit) => {
                misfits += 1;
                if first_misfits.len() < NAMED {
                    first_misfits.push((misfit.line, misfit.why()));
                }
            }
        }
        Ok(())
    })?;
    Ok(TableSummary {
        rows,
        has_header: !file.header.names.is_empty(),
        delimiter: file.header.delimiter,
        decimal_comma: file.decimal_comma,
        columns: columns.into_iter().map(Counted::summary).collect(),
        misfits,
        first_misfits,
        trouble: file.trouble.as_ref().map(ToString::to_string),
    })
}

/// A column in the making.
#[derive(Default)]
struct Counted {
    summary: ColumnSummary,
    sum: f64,
    texts: HashSet<String>,
    numbers: HashSet<u64>,
}

impl Counted {
    fn see(&mut self, file: &File<'_>, kind: Cell, text: &str, line: u64) {
        let is_of_numbers = self.summary.is_of_numbers;
        if kind == Cell::Missing || (kind == Cell::Word && is_of_numbers) {
            self.summary.missing += 1;
        } else if !is_of_numbers {
            self.summary.values += 1;
            if self.texts.len() < MOST_DIFFERENT && !self.texts.contains(text) {
                self.texts.insert(text.to_owned());
            }
        } else {
            match number(file, text) {
                Some(number) => self.count(number),
                None => self.refuse(text, line),
            }
        }
    }

    fn count(&mut self, number: f64) {
        self.summary.values += 1;
        self.sum += number;
        if self.numbers.len() < MOST_DIFFERENT {
            self.numbers.insert((number + 0.0).to_bits());
        }
        let [least, _, most] = self.summary.range.unwrap_or([number; 3]);
        self.summary.range = Some([least.min(number), 0.0, most.max(number)]);
    }

    fn refuse(&mut self, text: &str, line: u64) {
        let summary = &mut self.summary;
        summary.unreadable += 1;
        if summary.first_unreadable.len() < NAMED {
            summary.first_unreadable.push((line, text.to_owned()));
        }
        let different = &mut summary.unreadable_texts;
        if different.len() < DIFFERENT && !different.iter().any(|other| other == text) {
            different.push(text.to_owned());
        }
    }

    fn summary(mut self) -> ColumnSummary {
        self.summary.different = self.texts.len().max(self.numbers.len());
        if let Some(range) = &mut self.summary.range {
            range[1] = self.sum / self.summary.values as f64;
        }
        self.summary
    }
}

/// A number as it is read to be learned from.
fn number(file: &File<'_>, text: &str) -> Option<f64> {
    let read = match file.decimal_comma {
        true => from_comma(text).or_else(|| text.parse().ok()),
        false => text.parse().ok(),
    };
    read.filter(|number: &f64| (*number as f32).is_finite())
}
