//! What settings say of the columns of data: the label, the targets, the rule by which samples are held out; and what is only said of
//! tables or of pictures.

use crate::error::{CliError, Result};
use crate::table_form::{Cells, DecimalIs, HeaderIs, MissingRule};
use gradus::data::{LabelColumn, Split, has_test_part, named};
use std::path::Path;

/// Where the label of data is that `--label` names the column of; other data than a CSV file have no columns.
pub fn label(column: Option<&str>, name_or_path: &str) -> Result<LabelColumn> {
    let Some(column) = column else { return Ok(LabelColumn::Auto) };
    let label = parse_label(column)?;
    has_columns("label", column, name_or_path)?;
    Ok(label)
}

/// Refuses target columns without a name, and those of data that are no CSV file.
pub fn target(columns: &[String], name_or_path: &str) -> Result<()> {
    named_columns("target", columns, name_or_path)
}

/// Refuses the same of columns that are to be left out.
pub fn leave_out(columns: &[String], name_or_path: &str) -> Result<()> {
    named_columns("leave-out", columns, name_or_path)
}

/// Refuses what is said of a table where there is none.
pub fn of_a_table(cells: &Cells, name_or_path: &str) -> Result<()> {
    if let Some(header) = cells.header {
        has_columns("header", if header == HeaderIs::Yes { "yes" } else { "no" }, name_or_path)?;
    }
    if let Some(missing) = cells.missing {
        let rule = if missing == MissingRule::Drop { "drop" } else { "mean" };
        has_columns("missing", rule, name_or_path)?;
    }
    if let Some(first) = cells.missing_values.first() {
        has_columns("missing-values", first, name_or_path)?;
    }
    if let Some(decimal) = cells.decimal {
        let mark = if decimal == DecimalIs::Comma { "comma" } else { "point" };
        has_columns("decimal", mark, name_or_path)?;
    }
    Ok(())
}

/// Refuses to leave out pictures or rows of data that lie in no file of the user's.
pub fn of_pictures(skip_unreadable: bool, name_or_path: &str) -> Result<()> {
    match skip_unreadable && named(name_or_path).is_ok() {
        false => Ok(()),
        true => Err(CliError::Usage(format!(
            "skip-unreadable: found {name_or_path}, expected a folder of pictures or a CSV file: named data hold nothing that could be left out"
        ))),
    }
}

fn named_columns(option: &str, columns: &[String], name_or_path: &str) -> Result<()> {
    let Some(first) = columns.first() else { return Ok(()) };
    if columns.iter().any(String::is_empty) {
        let what = "found \"\", expected a column's name, or its number from 1";
        return Err(CliError::Usage(format!("{option}: {what}")));
    }
    has_columns(option, first, name_or_path)
}

/// Refuses a column of data that are no CSV file.
fn has_columns(option: &str, column: &str, name_or_path: &str) -> Result<()> {
    match Path::new(name_or_path).is_dir() || named(name_or_path).is_ok() {
        false => Ok(()),
        true => Err(CliError::Usage(format!(
            "{option}: found {column:?} for {name_or_path}, expected a CSV file with it: other data have no columns"
        ))),
    }
}

/// The rule that `--split` states for data.
pub fn split(rule: Option<&str>, name_or_path: &str) -> Result<Option<Split>> {
    let Some(text) = rule else { return Ok(None) };
    let usage = |error: gradus::data::DataError| CliError::Usage(error.to_string());
    let rule: Split = text.parse().map_err(usage)?;
    match has_test_part(name_or_path) {
        false => Ok(Some(rule)),
        true => Err(CliError::Usage(format!(
            "split: found {text} for {name_or_path}, expected no rule: these data bring a test part"
        ))),
    }
}

/// A column by its name or its number from 1.
pub fn parse_label(column: &str) -> Result<LabelColumn> {
    column.parse().map_err(|error: gradus::data::DataError| CliError::Usage(error.to_string()))
}
