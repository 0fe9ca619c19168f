//! Tables of numbers in CSV files: feature columns, and a label column or columns of numbers to be learned.
//! [`TabularDataset`] makes samples of one.

mod messages;

use std::iter::Peekable;
use std::path::Path;

use crate::error::{DataError, Place, Result, count, quote};
use crate::label::label_spelling;
use crate::read::read_file;
use crate::spelling::guess;
use crate::tabular::TabularDataset;
use crate::target::find_targets;

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
/// apart by [`label_spelling`]: blanks around one do not count, and `1`, `1.0` and `01` are one class, called `1`.
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
    /// Whether the first line is a header; if not said, it is one when none of its fields is a number.
    pub header: Option<bool>,
    /// Field separator; if not said, the most frequent of comma, semicolon and tab in the first line.
    pub delimiter: Option<u8>,
    /// Number of classes, if labels are to be taken as the integers `0..classes`. If not said, the distinct labels
    /// of the file become the classes, in ascending order (by value if all are integers, else by text).
    pub classes: Option<usize>,
}

/// A parsed file: feature numbers row by row, and the label column's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the feature columns; empty without a header.
    pub names: Vec<String>,
    /// Number of feature columns.
    pub width: usize,
    /// The features, row by row, as exactly as an f64 holds them.
    pub values: Vec<f64>,
    /// The name of the label's column, if there is a header.
    pub label_name: Option<String>,
    /// The label of each row, spelled as [`label_spelling`] does; none with [`LabelColumn::None`] or with targets.
    pub labels: Vec<String>,
    /// The names of the target columns; without a header their numbers, from 1.
    pub target_names: Vec<String>,
    /// The numbers to be learned, row by row, one for each of those.
    pub targets: Vec<f64>,
    /// What each row has in the column that was set aside; none without one.
    pub aside: Vec<String>,
    /// The line of each row in the file, from 1.
    pub lines: Vec<u64>,
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

/// Reads a CSV file as a set whose rows are samples.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<TabularDataset> {
    let name = path.display().to_string();
    let table = parse_csv(&read_file(path)?, &name, options)?;
    TabularDataset::new(table, &name, options.classes)
}

/// Parses CSV bytes; `name` is the file's name in errors. Empty lines are skipped; a quoted field may hold separators
/// and doubled quotes, but no line break.
pub fn parse_csv(bytes: &[u8], name: &str, options: &CsvOptions) -> Result<Table> {
    let mut lines = rows_of(bytes, name)?;
    let header = read_header(&mut lines, name, options)?;
    let columns = Columns::new(name, &header, options)?;
    let mut table = columns.empty_table();
    for (line, text) in lines {
        columns.push_row(split_line(text, header.delimiter, name, line)?, line, &mut table)?;
    }
    if table.lines.is_empty() {
        return Err(DataError::malformed(name, Place::Whole, "a header without rows", "rows"));
    }
    Ok(table)
}

/// What the first line says, without a look at the others.
pub fn parse_csv_header(bytes: &[u8], name: &str, options: &CsvOptions) -> Result<Header> {
    read_header(&mut rows_of(bytes, name)?, name, options)
}

type Lines<'a> = Peekable<Box<dyn Iterator<Item = (u64, &'a str)> + 'a>>;

/// The lines that hold something, with their numbers.
fn rows_of<'a>(bytes: &'a [u8], name: &str) -> Result<Lines<'a>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = Place::Byte(error.valid_up_to() as u64);
        DataError::malformed(name, at, "bytes that are not UTF-8", "UTF-8 text")
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let lines = (1u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let lines: Box<dyn Iterator<Item = (u64, &str)>> = Box::new(lines);
    Ok(lines.peekable())
}

/// Looks at the first line, and takes it if it holds names.
fn read_header(lines: &mut Lines<'_>, name: &str, options: &CsvOptions) -> Result<Header> {
    let Some(&(number, first)) = lines.peek() else {
        return Err(DataError::malformed(name, Place::Whole, "no rows", "at least one row"));
    };
    let delimiter = options.delimiter.map_or_else(|| guess_delimiter(first), char::from);
    let fields = split_line(first, delimiter, name, number)?;
    let named =
        options.header.unwrap_or_else(|| fields.iter().all(|f| f.trim().parse::<f64>().is_err()));
    let mut header = Header { names: Vec::new(), columns: fields.len(), delimiter };
    if named {
        header.names = fields.iter().map(|f| f.trim().to_owned()).collect();
        refuse_twins(&header.names, name, number)?;
        lines.next();
    }
    Ok(header)
}

/// Refuses two columns that one name would mean, or that would both be taken for the label.
fn refuse_twins(names: &[String], name: &str, line: u64) -> Result<()> {
    let is_label = |text: &str| LABEL_NAMES.iter().any(|l| l.eq_ignore_ascii_case(text));
    let same = |a: &str, b: &str| a == b || (is_label(a) && a.eq_ignore_ascii_case(b));
    for (second, text) in names.iter().enumerate() {
        if let Some(first) = names[..second].iter().position(|other| same(other, text)) {
            let called = quote(text);
            let found = format!("columns {} and {} both called {called}", first + 1, second + 1);
            return Err(DataError::malformed(name, Place::Line(line), found, "a name for each"));
        }
    }
    Ok(())
}

/// What every row of a file must look like.
struct Columns<'a> {
    name: &'a str,
    header: &'a Header,
    label: Option<usize>,
    /// Whether the label's column was chosen for want of a better one.
    guessed: bool,
    aside: Option<usize>,
    targets: Vec<usize>,
    /// The only numbers that targets may be, if there are any.
    target_values: &'a [f64],
    /// The columns of the features, in their order.
    features: Vec<usize>,
}

impl<'a> Columns<'a> {
    fn new(name: &'a str, header: &'a Header, options: &'a CsvOptions) -> Result<Columns<'a>> {
        let targets = find_targets(name, &header.names, header.columns, &options.targets)?;
        let (label, guessed) = match targets[..] {
            [] => find_label(name, header, &options.label)?,
            _ => (None, false),
        };
        let taken = |column| match Some(column) == label {
            true => Some("it as the label"),
            false => targets.contains(&column).then_some("it as a target"),
        };
        let aside = options.aside.as_ref().map(|column| find_aside(name, header, column, taken));
        let aside = aside.transpose()?;
        let left = options.leave_out.iter().map(|column| find_aside(name, header, column, taken));
        let left = left.collect::<Result<Vec<usize>>>()?;
        let is_feature = |c: &usize| taken(*c).is_none() && Some(*c) != aside && !left.contains(c);
        let features: Vec<usize> = match &options.features[..] {
            [] => (0..header.columns).filter(is_feature).collect(),
            wanted => wanted
                .iter()
                .map(|wanted| find_feature(name, header, wanted, taken))
                .collect::<Result<_>>()?,
        };
        if features.is_empty() && !left.is_empty() {
            let found = "no column to learn from";
            let expected = "one beside the label, the targets and those that are left out";
            return Err(DataError::malformed(name, Place::Whole, found, expected));
        }
        let target_values = &options.target_values;
        Ok(Columns { name, header, label, guessed, aside, targets, target_values, features })
    }

    fn empty_table(&self) -> Table {
        let name = |&column: &usize| self.header.names.get(column).cloned();
        Table {
            names: self.features.iter().filter_map(name).collect(),
            width: self.features.len(),
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
        }
    }

    fn push_row(&self, fields: Vec<String>, line: u64, table: &mut Table) -> Result<()> {
        if fields.len() != self.header.columns {
            return Err(DataError::malformed(
                self.name,
                Place::Line(line),
                count(fields.len(), "column"),
                format!("{}, as in the first line", self.header.columns),
            ));
        }
        let columns = self.features.iter().chain(&self.targets).chain(&self.label);
        for &column in columns.chain(&self.aside) {
            let field = fields[column].trim();
            let wrong = |found: &str, expected: &str| {
                DataError::malformed(self.name, self.cell(line, column), found, expected)
            };
            if field.is_empty() {
                return Err(wrong("an empty field", &self.value(column)));
            }
            if Some(column) == self.label {
                table.labels.push(label_spelling(field).into_owned());
                continue;
            }
            if Some(column) == self.aside {
                table.aside.push(field.to_owned());
                continue;
            }
            match field.parse::<f64>() {
                Ok(value) if value.is_nan() => {
                    return Err(wrong("NaN", &format!("a finite number{}", self.way_out(column))));
                }
                Ok(value) if (value as f32).is_finite() => match self.targets.contains(&column) {
                    true if self.may_be_target(value) => table.targets.push(value),
                    true => return Err(wrong(&quote(field), &self.target_numbers())),
                    false => table.values.push(value),
                },
                Ok(_) => {
                    let found = format!("{}, infinite as f32", quote(field));
                    return Err(wrong(&found, "a finite number"));
                }
                // Text in the first row already: perhaps this column is the label.
                Err(_) if self.guessed && table.lines.is_empty() => {
                    return Err(wrong(&quote(field), &self.number_or_label(column)));
                }
                Err(_) => return Err(wrong(&quote(field), &self.number(field, column))),
            }
        }
        table.lines.push(line);
        Ok(())
    }
}

/// The label's column, and whether it is only the last one because none is named as a label.
fn find_label(name: &str, header: &Header, label: &LabelColumn) -> Result<(Option<usize>, bool)> {
    let missing = |found: String, expected: String| {
        Err(DataError::invalid(format!("{name}: label column"), found, expected))
    };
    let called = |wanted: &&str| header.names.iter().position(|n| n.eq_ignore_ascii_case(wanted));
    match label {
        LabelColumn::None => Ok((None, false)),
        LabelColumn::Auto => match LABEL_NAMES.iter().find_map(called) {
            Some(column) => Ok((Some(column), false)),
            None => Ok((Some(header.columns - 1), true)),
        },
        LabelColumn::Index(index) if *index < header.columns => Ok((Some(*index), false)),
        LabelColumn::Index(index) => missing(
            format!("column {}", index + 1),
            format!("at most {}, the last", header.columns),
        ),
        LabelColumn::Name(wanted) => match header.find(wanted) {
            Some(column) => Ok((Some(column), false)),
            None if header.names.is_empty() => missing(
                format!("name {}", quote(wanted)),
                "a number, since there is no header".into(),
            ),
            None => missing(
                format!("name {}", quote(wanted)),
                format!("one of {}{}", header.names.join(", "), guess(wanted, &header.names)),
            ),
        },
    }
}

/// The column to set aside; of others is said what they are taken for.
fn find_aside(
    name: &str,
    header: &Header,
    wanted: &str,
    taken: impl Fn(usize) -> Option<&'static str>,
) -> Result<usize> {
    let numbered = || wanted.parse().ok().and_then(|n: usize| n.checked_sub(1));
    let found = header.find(wanted).or_else(numbered).filter(|&c| c < header.columns);
    let what = format!("{name}: column {}", quote(wanted));
    match found {
        Some(column) => match taken(column) {
            Some(found) => Err(DataError::invalid(what, found, "another column")),
            None => Ok(column),
        },
        None if header.names.is_empty() => {
            let expected = format!("a column's number, from 1 to {}", header.columns);
            Err(DataError::invalid(what, "no header", expected))
        }
        None => Err(DataError::invalid(
            what,
            "no such column",
            format!("one of {}{}", header.names.join(", "), guess(wanted, &header.names)),
        )),
    }
}

fn find_feature(
    name: &str,
    header: &Header,
    wanted: &str,
    taken: impl Fn(usize) -> Option<&'static str>,
) -> Result<usize> {
    let found = match header.find(wanted) {
        Some(column) => match taken(column) {
            Some(found) => found.to_owned(),
            None => return Ok(column),
        },
        None if header.names.is_empty() => "no header".to_owned(),
        None => format!("the columns {}", header.names.join(", ")),
    };
    let expected = format!("a feature column {}", quote(wanted));
    Err(DataError::malformed(name, Place::Whole, found, expected))
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
