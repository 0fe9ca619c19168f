//! Filling the table, row by row.

use std::collections::HashMap;

use super::columns::{Columns, some_of};
use super::file::Cells;
use super::survey::{Cell, from_comma};
use super::{Missing, Table};
use crate::error::{DataError, Place, Result, count, quote};
use crate::label::label_spelling;
use crate::read::unreadable::Unreadable;

/// A row that is not taken up, and why.
enum Refused {
    /// A value is missing.
    Missing(DataError),
    /// A text was never seen.
    Unknown(DataError),
    /// Anything else.
    Bad(DataError),
}

/// What a row becomes.
#[derive(Default)]
struct Sample {
    values: Vec<f64>,
    targets: Vec<f64>,
    label: Option<String>,
    aside: Option<String>,
}

/// Where each text of a feature column stands among its categories; none for numbers.
type Places<'c> = Vec<HashMap<&'c str, usize>>;

impl Columns<'_> {
    /// Reads all rows.
    pub(super) fn table(self) -> Result<Table> {
        let mut table = self.empty_table()?;
        let places: Places<'_> = self
            .forms
            .iter()
            .map(|form| (0..).zip(&form.categories).map(|(at, text)| (&**text, at)).collect())
            .collect();
        let (mut sample, mut dropped, mut filled) = (Sample::default(), 0, 0);
        self.file.each(|row| {
            let row = match row {
                Ok(row) => row,
                Err(misfit) if self.lenient => {
                    table.passed_over.push((misfit.line, misfit.why()));
                    return Ok(());
                }
                Err(misfit) if self.skip_unreadable => {
                    let (file, why) = (self.name.to_owned(), misfit.why());
                    table.unreadable.push(Unreadable { file, line: Some(misfit.line), why });
                    return Ok(());
                }
                Err(misfit) => return Err(misfit.error),
            };
            match self.read(&row, &places, &mut sample) {
                Ok(missing) => {
                    filled += missing;
                    sample.move_to(row.line(), &mut table);
                }
                Err(Refused::Missing(_)) if self.missing == Missing::Drop && !self.lenient => {
                    dropped += 1;
                }
                Err(Refused::Missing(why) | Refused::Unknown(why)) if self.lenient => {
                    table.passed_over.push((row.line(), reason(why)));
                }
                Err(Refused::Missing(why) | Refused::Unknown(why) | Refused::Bad(why)) => {
                    return Err(why);
                }
            }
            Ok(())
        })?;
        let fitting = table.lines.len() + dropped;
        if fitting < table.unreadable.len() {
            let (left, all) = (table.unreadable.len(), fitting + table.unreadable.len());
            let first = &table.unreadable[0];
            let found = format!(
                "{left} of {all} rows with another number of fields, the first in line {}: {}",
                first.line.unwrap_or_default(),
                first.why
            );
            let expected = "most rows as long as the first line";
            return Err(DataError::malformed(self.name, Place::Whole, found, expected));
        }
        if dropped > 0 {
            table.remarks.push(format!("{} with a missing value left out", count(dropped, "row")));
        }
        if filled > 0 {
            let (values, rows) = (count(filled, "value"), table.lines.len());
            table.remarks.push(format!("{values} missing in {rows} rows: means stand for them"));
        }
        if table.lines.is_empty() && table.passed_over.is_empty() {
            let found = match dropped {
                0 => "a header without rows",
                _ => "a missing value in every row",
            };
            return Err(DataError::malformed(self.name, Place::Whole, found, "rows"));
        }
        Ok(table)
    }

    fn empty_table(&self) -> Result<Table> {
        let name = |&column: &usize| self.header.names.get(column).cloned();
        Ok(Table {
            names: self.feature_names()?,
            width: self.forms.iter().map(|form| form.width()).sum(),
            values: Vec::new(),
            label_name: self.label.as_ref().and_then(name),
            labels: Vec::new(),
            target_names: self
                .targets
                .iter()
                .map(|c| name(c).unwrap_or((c + 1).to_string()))
                .collect(),
            targets: Vec::new(),
            aside: Vec::new(),
            lines: Vec::new(),
            forms: self.forms.clone(),
            decimal_comma: self.file.decimal_comma,
            passed_over: Vec::new(),
            unreadable: Vec::new(),
            remarks: [&self.file.remarks[..], &self.remarks].concat(),
            others: self.others.clone(),
            left_out: self.left_out.clone(),
        })
    }

    /// Reads a row, and counts the features that it lacks.
    fn read(
        &self,
        row: &Cells<'_, '_>,
        places: &Places<'_>,
        sample: &mut Sample,
    ) -> Result<usize, Refused> {
        sample.values.clear();
        sample.targets.clear();
        let mut missing = 0;
        for ((&column, form), places) in self.features.iter().zip(&self.forms).zip(places) {
            let value = match form.categories.is_empty() {
                true => self.number(row, column)?,
                false => self.category(row, column, places)?,
            };
            match value {
                None => {
                    missing += 1;
                    sample.values.extend(std::iter::repeat_n(f64::NAN, form.width()));
                }
                Some(value) if form.categories.is_empty() => sample.values.push(value),
                Some(at) => {
                    let hot = |category: usize| f64::from(category as f64 == at);
                    sample.values.extend((0..form.width()).map(hot));
                }
            }
        }
        for &column in &self.targets {
            match self.number(row, column)? {
                Some(value) if self.may_be_target(value) => sample.targets.push(value),
                Some(_) => {
                    let found = quote(row.get(column));
                    return Err(Refused::Bad(self.wrong(
                        row,
                        column,
                        found,
                        self.target_numbers(),
                    )));
                }
                None => sample.targets.push(f64::NAN),
            }
        }
        sample.label = self.label.map(|column| self.label(row, column)).transpose()?;
        sample.aside = self.aside.map(|column| self.aside(row, column)).transpose()?;
        Ok(missing)
    }

    fn wrong(
        &self,
        row: &Cells<'_, '_>,
        column: usize,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> DataError {
        DataError::malformed(self.name, self.cell(row.line(), column), found, expected)
    }

    /// A number; `None` if it is missing and may be.
    fn number(&self, row: &Cells<'_, '_>, column: usize) -> Result<Option<f64>, Refused> {
        let text = row.get(column);
        let bad = |found: String, expected: &str| {
            Err(Refused::Bad(self.wrong(row, column, found, expected)))
        };
        let kind = self.file.survey.cell(text);
        if kind == Cell::Missing {
            return self.nothing(row, column);
        }
        let parsed = match self.file.decimal_comma {
            true => from_comma(text).map_or_else(|| text.parse(), Ok),
            false => text.parse::<f64>(),
        };
        match parsed {
            Ok(value) if (value as f32).is_finite() => Ok(Some(value)),
            Ok(value) if !value.is_nan() => {
                bad(format!("{}, infinite as f32", quote(text)), "a finite number")
            }
            _ => match kind {
                Cell::Word => self.nothing(row, column),
                _ => bad(quote(text), &self.number_instead_of(text, column, row.line())),
            },
        }
    }

    /// The place of a text among its column's categories; `None` if it is missing and may be.
    fn category(
        &self,
        row: &Cells<'_, '_>,
        column: usize,
        places: &HashMap<&str, usize>,
    ) -> Result<Option<f64>, Refused> {
        let text = row.get(column);
        if let Some(&at) = places.get(text).or_else(|| places.get(&*label_spelling(text))) {
            return Ok(Some(at as f64));
        }
        if self.file.survey.cell(text) == Cell::Missing {
            return self.nothing(row, column);
        }
        let mut known: Vec<String> = places.keys().map(|text| (*text).to_owned()).collect();
        known.sort();
        let expected = format!("a text that was learned: {}", some_of(&known));
        Err(Refused::Unknown(self.wrong(row, column, quote(text), expected)))
    }

    /// What a missing value is: a mean to come, for features; else a row to be refused or left out.
    fn nothing(&self, row: &Cells<'_, '_>, column: usize) -> Result<Option<f64>, Refused> {
        let is_feature = self.features.contains(&column);
        let is_truth = self.lenient && !is_feature;
        if is_truth || (is_feature && self.missing == Missing::Mean) {
            return Ok(None);
        }
        let found = match row.get(column) {
            "" => "an empty field".to_owned(),
            text => quote(text),
        };
        Err(Refused::Missing(self.wrong(row, column, found, self.value(column))))
    }

    fn label(&self, row: &Cells<'_, '_>, column: usize) -> Result<String, Refused> {
        let text = row.get(column);
        if self.file.survey.cell(text) == Cell::Missing {
            return self.nothing(row, column).map(|_| String::new());
        }
        Ok(label_spelling(text).into_owned())
    }

    fn aside(&self, row: &Cells<'_, '_>, column: usize) -> Result<String, Refused> {
        let text = row.get(column);
        match text.is_empty() {
            true => self.nothing(row, column).map(|_| String::new()),
            false => Ok(text.to_owned()),
        }
    }
}

impl Sample {
    fn move_to(&mut self, line: u64, table: &mut Table) {
        table.values.append(&mut self.values);
        table.targets.append(&mut self.targets);
        table.labels.extend(self.label.take());
        table.aside.extend(self.aside.take());
        table.lines.push(line);
    }
}

/// What was wrong with a row, without the file and the line, which are told beside it.
fn reason(error: DataError) -> String {
    match error {
        DataError::Malformed { at, found, expected, .. } => {
            let column = match at {
                Place::Cell { column, name, .. } => match name {
                    Some(name) => format!("column {column} ({}): ", quote(&name)),
                    None => format!("column {column}: "),
                },
                _ => String::new(),
            };
            let expected = expected.split(';').next().unwrap_or_default().to_owned();
            format!("{column}found {found}, expected {expected}")
        }
        error => error.to_string(),
    }
}
