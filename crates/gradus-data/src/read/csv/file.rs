//! A file after the first look: its text, its header, what each of its columns holds.

use super::dialect::Dialect;
use super::header::{FirstLine, judge};
use super::rows::{Row, Rows, Unclosed};
use super::survey::{Survey, fields_of, from_comma, owned};
use super::{CsvOptions, Decimal, Header, LABEL_NAMES};
use crate::error::{DataError, Place, Result, count, quote};
use crate::read::text::decode_text;

/// More columns than this are no table.
const MOST_COLUMNS: usize = 1 << 20;

/// A file's table before columns are chosen.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    dialect: Dialect<'a>,
    pub(super) header: Header,
    /// What its columns hold.
    pub(super) survey: Survey,
    /// Whether each row begins with its name, which the header does not mention: R's `write.table`.
    row_names: bool,
    /// How many fields a row has.
    width: usize,
    /// Whether no more rows have another number than have this one.
    few_misfits: bool,
    /// Whether the first row of the text is the header.
    header_is_row: bool,
    /// Whether decimals follow a comma.
    pub(super) decimal_comma: bool,
    pub(super) remarks: Vec<String>,
    /// What keeps its header from being one, or from being known.
    pub(super) trouble: Option<DataError>,
}

impl<'a> File<'a> {
    /// A file whose header is none or has a name for each column.
    pub(super) fn open(bytes: &'a [u8], name: &'a str, options: &CsvOptions) -> Result<File<'a>> {
        let mut file = File::look(bytes, name, options)?;
        file.trouble.take().map_or(Ok(file), Err)
    }

    /// The same, whatever its header is.
    pub(super) fn look(bytes: &'a [u8], name: &'a str, options: &CsvOptions) -> Result<File<'a>> {
        let (text, form) = decode_text(bytes, name, "CSV")?;
        let dialect = Dialect::of(text, options.delimiter);
        let mut rows = dialect.rows();
        let first = rows.next().map_err(|unclosed| no_end(name, unclosed))?;
        let Some((line, first)) = first.map(|row| (row.line, owned(&row))) else {
            return Err(DataError::malformed(name, Place::Whole, "no rows", "at least one row"));
        };
        if first.len() > MOST_COLUMNS {
            let expected = format!("at most {MOST_COLUMNS}");
            let found = count(first.len(), "column");
            return Err(DataError::malformed(name, Place::Line(line), found, expected));
        }
        let survey = survey(&mut rows, name, options, |row, survey| survey.see(row, first.len()))?;
        let comments = std::mem::take(&mut rows.comments);
        let widths = survey.widths.clone();
        let survey = match survey.usual_width(first.len()) {
            None => survey,
            // What stands in rows of another length says nothing of the columns.
            Some(usual) => {
                let mut rows = dialect.rows();
                rows.next().map_err(|unclosed| no_end(name, unclosed))?;
                let see = |row: &Row<'_>, survey: &mut Survey| {
                    if row.len() == usual || row.iter().all(str::is_empty) {
                        survey.see(row, usual);
                    }
                };
                self::survey(&mut rows, name, options, see)?
            }
        };
        let mut file = File {
            name,
            header: Header { names: vec![], columns: first.len(), delimiter: dialect.delimiter() },
            row_names: false,
            width: first.len(),
            few_misfits: false,
            header_is_row: false,
            decimal_comma: false,
            remarks: form.remark.into_iter().collect(),
            trouble: None,
            survey,
            dialect,
        };
        file.find_header(first, line, &comments, options);
        file.find_width();
        let fitting = widths.get(&file.width).copied().unwrap_or_default();
        file.few_misfits = 2 * fitting >= widths.values().sum();
        file.find_decimals(options);
        file.remark_on_lines(&comments);
        Ok(file)
    }

    /// The rows that hold data, each with as many fields as there are columns, or what is wrong with it.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(Result<Cells<'_, '_>, Misfit>) -> Result<()>,
    ) -> Result<()> {
        let mut rows = self.dialect.rows();
        let mut skip = self.header_is_row;
        while let Some(row) = rows.next().map_err(|unclosed| no_end(self.name, unclosed))? {
            if std::mem::take(&mut skip) || row.iter().all(str::is_empty) {
                continue;
            }
            let first = usize::from(self.row_names);
            take(match row.len() == self.width {
                true => Ok(Cells { row: &row, first }),
                false => Err(self.misfit(&row)),
            })?;
        }
        Ok(())
    }

    fn misfit(&self, row: &Row<'_>) -> Misfit {
        let mut found = count(row.len(), "column");
        if row.last_line > row.line {
            found += &format!(" in a row that goes on to line {}, by a quote", row.last_line);
        }
        let like =
            if self.width == self.header.columns { "as in the first line" } else { "as in others" };
        let remedy = match self.few_misfits {
            true => "; mend or remove the row, or go on without such rows (--skip-unreadable)",
            false => "",
        };
        let expected = format!("{}, {like}{remedy}", self.width);
        let error = DataError::malformed(self.name, Place::Line(row.line), found, expected);
        Misfit { line: row.line, error }
    }

    /// Tells whether the first line holds names.
    fn find_header(
        &mut self,
        first: Vec<String>,
        line: u64,
        comments: &[u64],
        options: &CsvOptions,
    ) {
        let verdict = match options.header {
            Some(true) => FirstLine::Names,
            Some(false) => FirstLine::Row,
            None => judge(&first, &self.survey),
        };
        match verdict {
            FirstLine::Names | FirstLine::Numbers => {
                if verdict == FirstLine::Numbers {
                    let names: Vec<String> = first.iter().take(4).cloned().collect();
                    let more = if first.len() > 4 { ", …" } else { "" };
                    self.remarks.push(format!(
                        "line {line} ({}{more}) is taken for the header; --header no takes it for a row",
                        names.join(", ")
                    ));
                }
                self.trouble = refuse_twins(&first, self.name, line).err();
                (self.header.names, self.header_is_row) = (first, true);
            }
            FirstLine::Doubtful(why) => {
                let expected = "names or a row, which --header yes or --header no tells";
                let error = DataError::malformed(self.name, Place::Line(line), why, expected);
                self.trouble = Some(error);
                self.survey.see_first(&first, line);
            }
            FirstLine::Row => {
                self.survey.see_first(&first, line);
                if options.header.is_none() && comments.contains(&(line - 1)) {
                    self.take_comment(line - 1);
                }
            }
        }
    }

    /// Takes the comment right before the rows for their header, if it has a name for each: `# a,b,label`.
    fn take_comment(&mut self, line: u64) {
        let at = (line - self.dialect.first_line) as usize;
        let text = self.dialect.text.split('\n').nth(at).unwrap_or_default();
        let names = fields_of(text.trim_start_matches('#').trim(), self.dialect.format);
        if names.len() == self.width
            && self.width > 1
            && judge(&names, &self.survey) == FirstLine::Names
        {
            self.trouble = refuse_twins(&names, self.name, line).err();
            self.remarks.push(format!("line {line} begins with # and is taken for the header"));
            self.header.names = names;
        }
    }

    /// Tells columns without a name apart: those before and behind the others.
    fn find_width(&mut self) {
        let Some(width) = self.survey.width() else { return };
        let is_empty = |column: usize| self.survey.columns.get(column).is_none_or(|c| c.is_empty());
        let columns = self.header.columns;
        let named = |column: usize| self.header.names.get(column).is_some_and(|n| !n.is_empty());
        let last_is_empty = width > 1 && is_empty(width - 1);
        if width == columns && last_is_empty && !named(width - 1) {
            self.remarks.push(format!(
                "column {width} is empty and is left out: lines end with a separator"
            ));
            self.header.columns -= 1;
        } else if self.header_is_row && width == columns + 1 && last_is_empty {
            self.remarks.push("rows end with a separator, which is passed over".into());
        } else if self.header_is_row && width == columns + 1 && self.survey.columns[0].is_a_name() {
            self.row_names = true;
            self.survey.columns.remove(0);
            self.remarks.push(
                "the header has a name less than the rows have fields: the first field is taken for the row's name and left out".into(),
            );
        } else if self.header_is_row && width + 1 == columns && !named(columns - 1) {
            self.remarks.push("the header ends with a separator, which is passed over".into());
            self.header.columns -= 1;
        } else {
            return;
        }
        self.width = width;
        self.header.names.truncate(self.header.columns);
        self.survey.columns.truncate(self.header.columns);
    }

    /// Tells whether numbers have decimal commas, which no separator may be and no decimal point beside it; then points are between
    /// thousands. Without a comma that shows where semicolons or tabs are between fields, as where commas are in numbers: when every point
    /// stands before three digits, and no whole number without one is larger than 999. It may be known of another file; what is stated
    /// holds.
    fn find_decimals(&mut self, options: &CsvOptions) {
        let columns = &self.survey.columns;
        let first = columns.iter().filter_map(|column| column.first_comma.as_ref()).min();
        let grouped = columns.iter().filter_map(|column| column.first_grouped.as_ref()).min();
        let delimiter = self.header.delimiter;
        let mixed = columns.iter().any(|column| column.points > column.grouped);
        match options.decimal {
            Some(Decimal::Point) => return,
            None if mixed || delimiter == ',' => return,
            _ => {}
        }
        let known = options.decimal_comma || options.decimal == Some(Decimal::Comma);
        let shown = columns.iter().any(|column| column.has_thousands())
            && !columns.iter().any(|column| column.contradicts_thousands())
            && matches!(delimiter, ';' | '\t');
        let read = |text: &str| from_comma(text).unwrap_or(f64::NAN);
        if first.is_some() || shown || known {
            if let Some((line, text)) = first {
                self.remarks.push(format!(
                    "numbers have decimal commas: {text} in line {line} is read as {}",
                    read(text)
                ));
            }
            if let Some((line, text)) = grouped {
                self.remarks.push(format!(
                    "points are between thousands: {text} in line {line} is read as {}",
                    read(text)
                ));
            }
            self.decimal_comma = true;
        } else if let (Some((line, text)), ';') = (grouped, delimiter) {
            self.remarks.push(format!(
                "points are taken for decimal ones: {text} in line {line} is read as {}, not as {}",
                text.parse().unwrap_or(f64::NAN),
                read(text)
            ));
        }
        if self.decimal_comma {
            for column in &mut self.survey.columns {
                column.numbers += std::mem::take(&mut column.commas);
            }
        }
    }

    fn remark_on_lines(&mut self, comments: &[u64]) {
        let header_is_comment = !self.header_is_row && !self.header.names.is_empty();
        let passed = comments.len() - usize::from(header_is_comment);
        if passed > 0 {
            let lines = count(passed, "line");
            self.remarks.push(format!("{lines} that begin with # are passed over"));
        }
        if self.survey.void > 0 {
            let rows = count(self.survey.void as usize, "row");
            self.remarks.push(format!("{rows} without any value are passed over"));
        }
    }
}

/// A row with another number of fields than the others.
pub(super) struct Misfit {
    pub(super) line: u64,
    /// What is wrong with it, and what helps.
    pub(super) error: DataError,
}

impl Misfit {
    /// What is wrong with it: `found 3 columns, expected 4, as in the first line`.
    pub(super) fn why(&self) -> String {
        let reason = self.error.reason();
        let reason = reason.split(';').next().unwrap_or_default();
        reason.split_once(": ").map_or(reason, |(_, why)| why).to_owned()
    }
}

/// The fields of a row that belong to columns.
pub(super) struct Cells<'c, 'r> {
    row: &'c Row<'r>,
    first: usize,
}

impl<'r> Cells<'_, 'r> {
    pub(super) fn line(&self) -> u64 {
        self.row.line
    }
    pub(super) fn get(&self, column: usize) -> &'r str {
        self.row.get(self.first + column)
    }
}

fn survey(
    rows: &mut Rows<'_>,
    name: &str,
    options: &CsvOptions,
    see: impl Fn(&Row<'_>, &mut Survey),
) -> Result<Survey> {
    let mut survey = Survey::new(&options.missing_values);
    while let Some(row) = rows.next().map_err(|unclosed| no_end(name, unclosed))? {
        see(&row, &mut survey);
    }
    Ok(survey)
}

fn no_end(name: &str, unclosed: Unclosed) -> DataError {
    let found = format!("a quote without its end in {}", quote(&unclosed.start));
    DataError::malformed(name, Place::Line(unclosed.line), found, "a closing quote")
}

/// Refuses two columns that one name would mean, or that would both be taken for the label. Those without a name are no twins.
fn refuse_twins(names: &[String], name: &str, line: u64) -> Result<()> {
    let is_label = |text: &str| LABEL_NAMES.iter().any(|l| l.eq_ignore_ascii_case(text));
    let mut seen = std::collections::HashMap::new();
    for (second, text) in names.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        let key = if is_label(text) { text.to_lowercase() } else { text.clone() };
        if let Some(first) = seen.insert(key, second) {
            let called = quote(text);
            let found = format!("columns {} and {} both called {called}", first + 1, second + 1);
            return Err(DataError::malformed(name, Place::Line(line), found, "a name for each"));
        }
    }
    Ok(())
}
