//! The cells of a file as they are written, to be carried on beside what is made of its rows.

use super::CsvOptions;
use super::columns::find_aside;
use super::file::File;
use crate::error::Result;

/// Some columns of a file, as they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Texts {
    /// Their names; without a header their numbers, from 1.
    pub names: Vec<String>,
    /// What is between the file's fields.
    pub delimiter: char,
    /// Whether its numbers have decimal commas.
    pub decimal_comma: bool,
    /// The line of each row, and its cells, without the blanks around them.
    pub rows: Vec<(u64, Vec<String>)>,
    /// What is worth knowing of how the file was read, a sentence each.
    pub remarks: Vec<String>,
}

/// Reads columns, each by its name or its number from 1, as texts; `None` reads all.
///
/// ```
/// use gradus_data::{CsvOptions, csv_texts};
/// let file = b"id;area\nA1; 1,50\nA2;?\n";
/// let found = csv_texts(file, "t.csv", &CsvOptions::default(), Some(&["area".to_owned()]))?;
/// assert_eq!((found.delimiter, found.decimal_comma), (';', true));
/// assert_eq!(found.rows, [(2, vec!["1,50".to_owned()]), (3, vec!["?".to_owned()])]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// When the bytes are no text or no table, or a column is not there; and when a row has another number of fields than the others, whose
/// texts are empty in a lenient reading; it is left out where rows that cannot be read are.
pub fn csv_texts(
    bytes: &[u8],
    name: &str,
    options: &CsvOptions,
    columns: Option<&[String]>,
) -> Result<Texts> {
    let file = File::open(bytes, name, options)?;
    let header = &file.header;
    let find = |wanted: &String| find_aside(name, header, wanted, |_| None);
    let columns: Vec<usize> = match columns {
        Some(wanted) => wanted.iter().map(find).collect::<Result<_>>()?,
        None => (0..header.columns).collect(),
    };
    let named = |&column: &usize| match header.names.get(column) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => (column + 1).to_string(),
    };
    let names = columns.iter().map(named).collect();
    let mut rows = vec![];
    file.each(|row| {
        let row = match row {
            Ok(row) => row,
            Err(misfit) if options.lenient => {
                rows.push((misfit.line, vec![String::new(); columns.len()]));
                return Ok(());
            }
            Err(_) if options.skip_unreadable => return Ok(()),
            Err(misfit) => return Err(misfit.error),
        };
        rows.push((row.line(), columns.iter().map(|&column| row.get(column).to_owned()).collect()));
        Ok(())
    })?;
    let (delimiter, decimal_comma) = (header.delimiter, file.decimal_comma);
    Ok(Texts { names, delimiter, decimal_comma, rows, remarks: file.remarks })
}
