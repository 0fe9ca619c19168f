//! A first look at all rows: what each column holds, before it is decided what it is taken for.

use std::collections::{BTreeMap, HashSet};

use super::rows::{Row, Rows};
use crate::label::label_spelling;

/// What a cell's text is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Number,
    /// A number with a decimal comma, `1,5`.
    Comma,
    /// Nothing, in any column: an empty field, or what programs write for one.
    Missing,
    /// Nothing where numbers are; among texts it may be a value like others, such as `none`.
    Word,
    Text,
}

/// What is written for a missing value, in any column.
const MISSING: [&str; 10] = ["", "NA", "NaN", "nan", "NAN", "?", "N/A", "n/a", "#N/A", "<NA>"];
/// And in a column of numbers, in capitals or not.
const WORDS: [&str; 14] = [
    "na", "null", "none", "nil", "-", ".", "n.a.", "k.a.", "k. a.", "#nv", "#null!", "#value!",
    "#div/0!", "#ref!",
];

/// What a text without blanks around it is, where these `others` stand for a missing value, too.
pub(super) fn cell(text: &str, others: &[String]) -> Cell {
    if MISSING.contains(&text) || is_one_of(text, others) {
        return Cell::Missing;
    }
    if text.parse::<f64>().is_ok_and(|value| !value.is_nan()) {
        return Cell::Number;
    }
    match text.bytes().filter(|&byte| byte == b',').count() {
        0 if WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) => Cell::Word,
        1 if from_comma(text).is_some() => Cell::Comma,
        _ => Cell::Text,
    }
}

/// Whether a text is among some, however a number is written.
fn is_one_of(text: &str, others: &[String]) -> bool {
    !others.is_empty() && {
        let spelled = label_spelling(text);
        others.iter().any(|other| *other == spelled)
    }
}

/// Whether points stand between a whole number's thousands, `2.008`: it is a number with a decimal point, too.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.trim_start_matches(['+', '-']).split('.');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    let leads = (1..=3).contains(&first.len()) && digits(first) && !first.starts_with('0');
    let mut others = 0;
    leads
        && groups.all(|group| {
            others += 1;
            group.len() == 3 && digits(group)
        })
        && others > 0
}

/// A number that is written with a decimal comma or with points between its thousands: `1,5`, `2.008`, `2.008,08`.
pub(super) fn from_comma(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once(',').map_or((text, None), |(w, f)| (w, Some(f)));
    let grouped = is_grouped(whole);
    if (whole.contains('.') && !grouped) || fraction.is_some_and(str::is_empty) {
        return None;
    }
    let whole = if grouped { whole.replace('.', "") } else { whole.to_owned() };
    match fraction {
        Some(fraction) => format!("{whole}.{fraction}").parse().ok(),
        None => whole.parse().ok(),
    }
}

/// Of fewer numbers it is not said that they count rows.
const FEW_NUMBERS: u64 = 5;
/// One in so many rows may break the counting, and one in any case.
const FEW_BREAKS: u64 = 50;

/// Whether noughts stand before a whole number of three digits or more, as in postal codes; those of months and hours have two.
fn is_padded(text: &str) -> bool {
    text.len() > 2 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// More values than this are not counted.
pub(super) const MOST_VALUES: usize = 100;

/// What a column holds.
#[derive(Default)]
pub(super) struct Column {
    pub(super) numbers: u64,
    pub(super) commas: u64,
    /// Numbers with a decimal point.
    pub(super) points: u64,
    /// Of these the ones whose points may be between thousands, and the first.
    pub(super) grouped: u64,
    pub(super) first_grouped: Option<(u64, String)>,
    /// The largest whole number without a point.
    pub(super) largest_whole: Option<u64>,
    pub(super) missing: u64,
    pub(super) words: u64,
    pub(super) texts: u64,
    /// The first text, and its line.
    pub(super) first_text: Option<(u64, String)>,
    /// The first number with a comma.
    pub(super) first_comma: Option<(u64, String)>,
    /// The values of a column of texts, as long as there are not too many.
    pub(super) values: HashSet<String>,
    /// Where the column begins to count, if each row has one more than the row before.
    counts: Option<u64>,
    /// The last of its whole numbers, as long as each is larger than the one before.
    rises: Option<u64>,
    /// The first, the last and the least of its whole numbers, and how many are one more than the one before.
    whole: Option<Whole>,
    /// The first number of three digits or more that begins with a nought, such as `00013`.
    pub(super) first_padded: Option<String>,
}

/// What is known of a column's whole numbers.
#[derive(Clone, Copy)]
struct Whole {
    first: u64,
    last: u64,
    least: u64,
    steps: u64,
}

impl Column {
    fn see(&mut self, text: &str, kind: Cell, line: u64, row: u64) {
        let counted = self.take(text, kind, line);
        if let Some(number) = counted {
            let whole = Whole { first: number, last: number, least: number, steps: 0 };
            let whole = self.whole.get_or_insert(whole);
            whole.steps += u64::from(whole.last.checked_add(1) == Some(number));
            (whole.last, whole.least) = (number, whole.least.min(number));
        }
        let before = self.rises;
        self.rises = counted.filter(|&number| row == 0 || before.is_some_and(|last| last < number));
        self.counts = match row {
            0 => counted,
            _ => self.counts.filter(|first| counted == first.checked_add(row)),
        };
    }

    /// Takes up a cell, and gives its whole number if it is one.
    fn take(&mut self, text: &str, kind: Cell, line: u64) -> Option<u64> {
        match kind {
            Cell::Number => {
                self.numbers += 1;
                self.points += u64::from(text.contains('.'));
                self.largest_whole = self.largest_whole.max(text.parse().ok());
                if self.first_padded.is_none() && is_padded(text) {
                    self.first_padded = Some(text.to_owned());
                }
                if is_grouped(text) {
                    self.grouped += 1;
                    self.first_grouped.get_or_insert_with(|| (line, text.to_owned()));
                }
            }
            Cell::Comma => {
                self.commas += 1;
                self.first_comma.get_or_insert_with(|| (line, text.to_owned()));
            }
            Cell::Missing => self.missing += 1,
            Cell::Word => self.words += 1,
            Cell::Text => {
                self.texts += 1;
                self.first_text.get_or_insert_with(|| (line, text.to_owned()));
            }
        }
        let is_value = matches!(kind, Cell::Text | Cell::Word | Cell::Comma);
        if is_value && self.values.len() <= MOST_VALUES && !self.values.contains(text) {
            self.values.insert(text.to_owned());
        }
        if kind == Cell::Number { text.parse().ok() } else { None }
    }

    /// Takes up the cell above all others.
    fn see_first(&mut self, text: &str, kind: Cell, line: u64) {
        (self.first_text, self.first_comma) = match kind {
            Cell::Text => (None, self.first_comma.take()),
            Cell::Comma => (self.first_text.take(), None),
            _ => (self.first_text.take(), self.first_comma.take()),
        };
        let counted = self.take(text, kind, line);
        let goes_on = |first: &u64| first.checked_add(1) == self.counts;
        self.counts = counted.filter(goes_on);
        if let (Some(number), Some(whole)) = (counted, &mut self.whole) {
            whole.steps += u64::from(number.checked_add(1) == Some(whole.first));
            (whole.first, whole.least) = (number, whole.least.min(number));
        }
    }

    /// Whether it holds texts and no numbers.
    pub(super) fn is_text(&self) -> bool {
        self.texts > 0 && self.numbers + self.commas == 0
    }
    pub(super) fn is_empty(&self) -> bool {
        self.numbers + self.commas + self.words + self.texts == 0
    }
    /// Whether rows may be called by it: texts, or whole numbers that rise.
    pub(super) fn is_a_name(&self) -> bool {
        self.is_text() || self.rises.is_some()
    }
    /// Whether it only says which row this is, of several: each row has one more than the row before.
    pub(super) fn counts_rows(&self) -> bool {
        self.counts.is_some() && self.numbers >= FEW_NUMBERS
    }

    /// Whether it does so but for a few rows: a gap, a number that is missing or there twice. Nearly all must be different.
    pub(super) fn nearly_counts_rows(&self) -> bool {
        let (Some(whole), Some(largest)) = (self.whole, self.largest_whole) else { return false };
        let but = (self.numbers / FEW_BREAKS).max(1);
        let different = (largest - whole.least).saturating_add(1);
        self.numbers >= 2 * FEW_NUMBERS
            && whole.steps + but + 1 >= self.numbers
            && different.saturating_add(but) >= self.numbers
    }

    /// Whether whole numbers up to 999 have no point in it, and all others one between thousands.
    pub(super) fn has_thousands(&self) -> bool {
        self.grouped > 0 && self.largest_whole.is_some_and(|n| (100..1000).contains(&n))
    }

    /// Whether it has whole numbers of four digits and more without a point, too.
    pub(super) fn contradicts_thousands(&self) -> bool {
        self.grouped > 0 && self.largest_whole.is_some_and(|n| n >= 1000)
    }
}

/// What a table's rows hold, without the first one.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) rows: u64,
    /// Rows without any value.
    pub(super) void: u64,
    /// How many rows have so many fields.
    pub(super) widths: BTreeMap<usize, u64>,
    pub(super) columns: Vec<Column>,
    /// What stands for a missing value beside what always does, spelled as [`label_spelling`] does.
    pub(super) missing_values: Vec<String>,
}

impl Survey {
    /// Of no rows yet.
    pub(super) fn new(missing_values: &[String]) -> Survey {
        let spelled = |text: &String| label_spelling(text).into_owned();
        let missing_values = missing_values.iter().map(spelled).collect();
        Survey { missing_values, ..Survey::default() }
    }

    /// What a cell is.
    pub(super) fn cell(&self, text: &str) -> Cell {
        cell(text, &self.missing_values)
    }

    /// Looks at rows that have `width` fields, or one more.
    pub(super) fn see(&mut self, row: &Row<'_>, width: usize) {
        if row.iter().all(str::is_empty) {
            self.void += 1;
            return;
        }
        let len = row.len();
        *self.widths.entry(len).or_insert(0) += 1;
        // Others are refused when they are read.
        if len <= width + 1 {
            if self.columns.len() < len {
                self.columns.resize_with(len, Column::default);
            }
            let index = self.rows;
            for (column, text) in self.columns.iter_mut().zip(row.iter()) {
                column.see(text, cell(text, &self.missing_values), row.line, index);
            }
        }
        self.rows += 1;
    }

    /// Looks at the first row, which turned out to be no header.
    pub(super) fn see_first(&mut self, fields: &[String], line: u64) {
        let len = fields.len();
        *self.widths.entry(len).or_insert(0) += 1;
        self.columns.resize_with(self.columns.len().max(len), Column::default);
        for (column, text) in self.columns.iter_mut().zip(fields) {
            column.see_first(text, cell(text, &self.missing_values), line);
        }
        self.rows += 1;
    }

    /// How many fields each row has, if all have as many.
    pub(super) fn width(&self) -> Option<usize> {
        let mut widths = self.widths.keys();
        widths.next().copied().filter(|_| widths.next().is_none())
    }

    /// How many fields most rows have, if not all have as many, and those are as many as the first line has, one more or one less.
    pub(super) fn usual_width(&self, first: usize) -> Option<usize> {
        // Of equally many it is the first line that counts.
        let many = |&(&width, &rows): &(&usize, &u64)| (rows, width == first);
        let (&usual, _) = self.widths.iter().max_by_key(many)?;
        (self.widths.len() > 1 && usual.abs_diff(first) < 2).then_some(usual)
    }
}

/// The first row's fields as texts of their own.
pub(super) fn owned(row: &Row<'_>) -> Vec<String> {
    row.iter().map(str::to_owned).collect()
}

/// The fields of a comment's line, taken apart like a row.
pub(super) fn fields_of(line: &str, format: super::rows::Format) -> Vec<String> {
    match Rows::new(line, 1, format).next() {
        Ok(Some(row)) => owned(&row),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, cell};

    #[test]
    fn cells() {
        use Cell::{Comma, Missing, Number, Text, Word};
        for (text, kind) in [
            ("1.5e-3", Number),
            ("inf", Number),
            ("-1,5", Comma),
            ("1,5e3", Comma),
            ("1,000,000", Text),
            ("1.234,5", Comma),
            ("1.23,5", Text),
            ("1.234.567", Text),
            ("2.008", Number),
            ("k.A.", Word),
            ("#NV", Word),
            ("", Missing),
            ("nan", Missing),
            ("NA", Missing),
            ("Na", Word),
            ("None", Word),
            ("-", Word),
            ("12 m", Text),
        ] {
            assert_eq!(cell(text, &[]), kind, "{text:?}");
        }
        let others = ["-999".to_owned(), "unbekannt".to_owned()];
        for text in ["-999", "-999.0", "unbekannt"] {
            assert_eq!(cell(text, &others), Missing, "{text:?}");
        }
        assert_eq!(cell("-999.5", &others), Number);
    }
}
