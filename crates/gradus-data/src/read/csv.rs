//! Tables in CSV files: feature columns, and a label column or columns of numbers to be learned. [`TabularDataset`] makes samples
//! of one.
//!
//! A file's bytes become text (`read/text.rs`), whose dialect is found by trying (`dialect.rs`); a first look at all rows
//! (`survey.rs`) tells whether the first is a header (`header.rs`) and what each column holds, so that a second one can take
//! them for features, label and targets (`columns.rs`) and fill the table (`cells.rs`).

mod cells;
mod columns;
mod dates;
mod dialect;
mod file;
mod header;
mod messages;
mod rows;
mod summary;
mod survey;
mod texts;

use std::path::Path;

use crate::error::{DataError, Result, quote};
use crate::read::unreadable::Unreadable;
use crate::read::{STDIN, read_file};
use crate::tabular::TabularDataset;
use columns::Columns;
use file::File;
pub use summary::{ColumnSummary, TableSummary, summarize_csv};
pub use texts::{Texts, csv_texts};

/// Which column holds the label.
///
/// ```
/// use gradus_data::{CsvOptions, LabelColumn, parse_csv};
/// let table = parse_csv(b"label,x,y\ncat,1,2\ndog,3,4\n", "pets.csv", &CsvOptions::default())?;
/// assert_eq!((table.labels, table.values), (vec!["cat".into(), "dog".into()], vec![1.0, 2.0, 3.0, 4.0]));
/// // By name or, as `--label` takes it, by its number from 1.
/// assert_eq!("species".parse::<LabelColumn>()?, LabelColumn::Name("species".into()));
/// assert_eq!("1".parse::<LabelColumn>()?, LabelColumn::Index(0));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LabelColumn {
    /// The one that the header calls `label`, `class` or `target`, in capitals or not; of several the first of these
    /// names counts. Without such a header the last one.
    #[default]
    Auto,
    /// This one, from 0.
    Index(usize),
    /// The one with this name; the file must have a header.
    Name(String),
    /// There is none: no row has a label.
    None,
}

/// What a header calls a label's column.
const LABEL_NAMES: [&str; 3] = ["label", "class", "target"];

impl std::str::FromStr for LabelColumn {
    type Err = DataError;
    /// A column's number, from 1 as in this crate's messages, or its name.
    fn from_str(text: &str) -> Result<LabelColumn> {
        match (text.trim(), text.trim().parse::<usize>()) {
            ("", _) | (_, Ok(0)) => Err(DataError::invalid(
                "label column",
                quote(text),
                "a column's name, or its number from 1",
            )),
            (_, Ok(number)) => Ok(LabelColumn::Index(number - 1)),
            (name, Err(_)) => Ok(LabelColumn::Name(name.to_owned())),
        }
    }
}

/// What becomes of rows that lack a value: an empty field, `NA`, `NaN`, `?`, `null` or `N/A`, or one of
/// [`CsvOptions::missing_values`].
///
/// ```
/// use gradus_data::{CsvOptions, Missing, parse_csv};
/// let houses = b"area,price\n80,a\n,b\n95,a\n";
/// let with = |missing| parse_csv(houses, "houses.csv", &CsvOptions { missing, ..CsvOptions::default() });
/// assert!(with(Missing::Refuse).unwrap_err().to_string().contains("line 3"));
/// assert_eq!(with(Missing::Drop)?.values, [80.0, 95.0]);
/// assert!(with(Missing::Mean)?.values[1].is_nan()); // until `Filled` puts a mean there
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// They are refused.
    #[default]
    Refuse,
    /// They are left out.
    Drop,
    /// Features are NaN, for which [`Filled`](crate::Filled) puts means; labels and targets are refused.
    Mean,
}

/// The mark before decimals.
///
/// ```
/// use gradus_data::{CsvOptions, Decimal, parse_csv};
/// let read = |decimal| {
///     let table = b"x,y\n\"1,5\",a\n\"2,5\",b\n";
///     parse_csv(table, "t.csv", &CsvOptions { decimal, ..CsvOptions::default() })
/// };
/// assert!(read(None).unwrap_err().to_string().contains("--decimal comma"));
/// assert_eq!(read(Some(Decimal::Comma))?.values, [1.5, 2.5]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    /// A comma; points are between thousands where they can be.
    Comma,
    /// A point, also where it may be between thousands.
    Point,
}

/// What a column of a file is taken for: numbers, or texts of which each becomes a feature of its own that is 1 where the row
/// holds it, else 0 (one-hot).
///
/// ```
/// use gradus_data::{ColumnForm, CsvOptions, parse_csv};
/// let table = parse_csv(b"town,area,label\nUlm,80,a\nBonn,95,b\n", "t.csv", &CsvOptions::default())?;
/// let town = ColumnForm { name: "town".into(), categories: vec!["Bonn".into(), "Ulm".into()] };
/// assert_eq!((&table.forms[0], table.forms[1].categories.len()), (&town, 0));
/// assert_eq!(table.names, ["town=Bonn", "town=Ulm", "area"]);
/// assert_eq!(table.values, [0.0, 1.0, 80.0, 1.0, 0.0, 95.0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnForm {
    /// The column's name; without a header its number, from 1.
    pub name: String,
    /// The texts in it, in order; none of a column of numbers.
    pub categories: Vec<String>,
}

impl ColumnForm {
    /// How many features it becomes.
    pub fn width(&self) -> usize {
        self.categories.len().max(1)
    }
}

/// How to read a CSV file.
///
/// ```
/// use gradus_data::{CsvOptions, parse_csv};
/// let options = CsvOptions { leave_out: vec!["street".into()], ..CsvOptions::default() };
/// let table = parse_csv(b"area,street,label\n80,High St,a\n95,,b\n", "houses.csv", &options)?;
/// assert_eq!((table.names, table.values), (vec!["area".to_owned()], vec![80.0, 95.0]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// Columns are known by their names, so no two may have one; which is the label is said by one column only. Labels are told
/// apart by [`label_spelling`](crate::label_spelling): blanks around one do not count, and `1`, `1.0` and `01` are one class, called `1`.
#[derive(Debug, Clone, Default)]
pub struct CsvOptions {
    /// Where the label is, unless there are `targets`.
    pub label: LabelColumn,
    /// Columns of numbers to be learned instead of a label, each by its name or its number from 1; one that is also a feature is
    /// refused.
    pub targets: Vec<String>,
    /// The only numbers that those columns may hold, such as 1 and 0 for yes and no; empty: any.
    pub target_values: Vec<f64>,
    /// The feature columns by name, in the order wanted; what else the file has is passed over. Empty: all columns but
    /// the label's and the targets'.
    pub features: Vec<String>,
    /// A column, by its name or its number from 1, that is neither label, target nor feature: its text is kept beside the rows,
    /// such as whose they are.
    pub aside: Option<String>,
    /// Columns, each by its name or its number from 1, that are passed over: they are no features, and may hold anything.
    pub leave_out: Vec<String>,
    /// Columns by name that may be in a file beside those that are learned from, as they were where that was decided; others are
    /// remarked on, if `forms` are given.
    pub beside: Vec<String>,
    /// Whether the first line is a header. If not said, it is one when none of its fields is a number, or when they count on
    /// (0, 1, 2 …) above something else; where it may be either, that is refused.
    pub header: Option<bool>,
    /// Field separator; if not said, the one of comma, semicolon, tab, bar and runs of blanks by which the lines fall into rows of
    /// one length, or the one that Excel's first line says (`sep=;`).
    pub delimiter: Option<u8>,
    /// Whether numbers are known to have decimal commas, so that points are between thousands where they can be: `6.200` is 6200. If
    /// not, the file tells.
    pub decimal_comma: bool,
    /// Which mark is before decimals, if that is stated, whatever the file shows.
    pub decimal: Option<Decimal>,
    /// What becomes of rows that lack a value.
    pub missing: Missing,
    /// Texts that stand for a missing value beside those that always do, such as `-999` or `unknown`: in features, label and targets.
    pub missing_values: Vec<String>,
    /// What each feature column is taken for, as [`Table::forms`] gave it for another file of the same columns: a text that was
    /// in none of its rows is refused. Empty: what the file holds.
    pub forms: Vec<ColumnForm>,
    /// Whether rows that lack a value, hold a text that `forms` do not know, or have another number of fields than most, are passed
    /// over and told in [`Table::passed_over`], and labels may be missing: for files that are to be predicted.
    pub lenient: bool,
    /// Whether rows with another number of fields than most are left out and told in [`Table::unreadable`]; if not, they are refused.
    pub skip_unreadable: bool,
    /// Number of classes, if labels are to be taken as the integers `0..classes`. If not said, the distinct labels
    /// of the file become the classes, in ascending order (by value if all are integers, else by text).
    pub classes: Option<usize>,
}

/// A parsed file: feature numbers row by row, and the label column's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the features, `town=Ulm` of a text; empty without a header.
    pub names: Vec<String>,
    /// Number of features.
    pub width: usize,
    /// The features, row by row, as exactly as an f64 holds them; NaN where a value is missing, with [`Missing::Mean`].
    pub values: Vec<f64>,
    /// The name of the label's column, if there is a header.
    pub label_name: Option<String>,
    /// The label of each row, spelled as [`label_spelling`](crate::label_spelling) does; none with [`LabelColumn::None`] or with targets.
    pub labels: Vec<String>,
    /// The names of the target columns; without a header their numbers, from 1.
    pub target_names: Vec<String>,
    /// The numbers to be learned, row by row, one for each of those.
    pub targets: Vec<f64>,
    /// What each row has in the column that was set aside; none without one.
    pub aside: Vec<String>,
    /// The line of each row in the file, from 1.
    pub lines: Vec<u64>,
    /// What each feature column of the file is taken for, in the order of the features.
    pub forms: Vec<ColumnForm>,
    /// Whether decimals follow a comma, and points are between thousands: [`CsvOptions::decimal_comma`] of other files like it.
    pub decimal_comma: bool,
    /// Rows that were passed over, by their lines, and why: [`CsvOptions::lenient`].
    pub passed_over: Vec<(u64, String)>,
    /// Rows that were left out because they have another number of fields: [`CsvOptions::skip_unreadable`].
    pub unreadable: Vec<Unreadable>,
    /// What is worth knowing of how the file was read, a sentence each.
    pub remarks: Vec<String>,
    /// That of these which names columns that a model was not trained with: [`CsvOptions::forms`].
    pub others: Option<String>,
    /// Columns that are not learned from though nobody said so, by name or number.
    pub left_out: Vec<String>,
}

/// What a file's first line says of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Their names; empty if the first line is a row.
    pub names: Vec<String>,
    /// How many there are.
    pub columns: usize,
    /// What is between them.
    pub delimiter: char,
}

impl Header {
    /// The column of this name, from 0.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }
}

/// Reads a CSV file as a set whose rows are samples; `-` is what comes in on stdin.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<TabularDataset> {
    let is_stdin = path == Path::new(STDIN);
    let name = if is_stdin { "stdin".into() } else { path.display().to_string() };
    let table = parse_csv(&read_file(path)?, &name, options)?;
    TabularDataset::new(table, &name, options.classes)
}

/// Parses CSV bytes; `name` is the file's name in errors. Empty lines and lines that begin with # are skipped; a quoted field may
/// hold separators, line breaks and doubled quotes. What is written otherwise than usual, and still read, is told in
/// [`Table::remarks`].
///
/// # Errors
/// When the bytes are no text or no table, a row has another number of fields than the others, a column or value that is needed
/// is not there, or a text is where numbers are.
pub fn parse_csv(bytes: &[u8], name: &str, options: &CsvOptions) -> Result<Table> {
    let file = File::open(bytes, name, options)?;
    Columns::new(&file, options)?.table()
}

/// What the first line says.
///
/// # Errors
/// As [`parse_csv`], but for what is wrong in single rows.
pub fn parse_csv_header(bytes: &[u8], name: &str, options: &CsvOptions) -> Result<Header> {
    Ok(File::open(bytes, name, options)?.header)
}
