//! How a file writes a table: what is between its fields, which lines are no rows. Found by trying.

use std::borrow::Cow;

use super::rows::{Format, Rows};
use super::survey::{Cell, cell};

/// How a file is written, and its text in that form.
pub(super) struct Dialect<'a> {
    pub(super) text: Cow<'a, str>,
    /// The line that the text begins with: an Excel file's first one may say the separator.
    pub(super) first_line: u64,
    pub(super) format: Format,
    /// Whether runs of blanks are between fields; in `text` these are tabs.
    pub(super) blanks: bool,
}

/// Of several that fit equally well the first is meant: a comma may be within a number.
const SEPARATORS: [u8; 4] = [b';', b'\t', b'|', b','];
/// So much of a text is looked at, and so many of its rows.
const SAMPLE: usize = 1 << 16;
const ROWS: usize = 200;

impl<'a> Dialect<'a> {
    pub(super) fn of(text: Cow<'a, str>, stated: Option<u8>) -> Dialect<'a> {
        let (excel, text) = split_excel_line(text);
        let first_line = 1 + u64::from(excel.is_some());
        let stated = stated.or(excel);
        let comments = has_comments(&text);
        let format = |delimiter| Format { delimiter, comments };
        let sample = &text[..sample_end(&text)];
        let best = stated.map(|delimiter| (u64::MAX, delimiter));
        let best = best.or_else(|| best_separator(sample, comments));
        // Of all others only a comma may be within a number.
        let rival = best.is_none_or(|(_, delimiter)| delimiter == b',' && stated.is_none());
        if rival && are_blanks_between(sample, comments, best.map_or(0, |(score, _)| score)) {
            let text = squeezed(&text, None).into();
            return Dialect { text, first_line, format: format(b'\t'), blanks: true };
        }
        let best = best.map(|(_, delimiter)| delimiter);
        let delimiter = best.unwrap_or(b',');
        // `1, "a, b"`: blanks before a quote are of no meaning.
        let text = match text.contains(" \"") {
            true => squeezed(&text, Some(char::from(delimiter))).into(),
            false => text,
        };
        Dialect { text, first_line, format: format(delimiter), blanks: false }
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        Rows::new(&self.text, self.first_line, self.format)
    }

    /// What is between fields, for who asks.
    pub(super) fn delimiter(&self) -> char {
        if self.blanks { ' ' } else { char::from(self.format.delimiter) }
    }
}

/// Takes Excel's first line away, such as `sep=;`, and gives the separator.
fn split_excel_line(text: Cow<'_, str>) -> (Option<u8>, Cow<'_, str>) {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    let bare = line.trim_matches(['"', ' ']).as_bytes();
    let Some([separator]) = bare.strip_prefix(b"sep=").filter(|rest| rest.is_ascii()) else {
        return (None, text);
    };
    let (separator, len) = (*separator, line.len());
    let rest = |text: &str| {
        let rest = &text[len..];
        let breaks = if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) };
        len + breaks
    };
    let start = rest(&text);
    let rest = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..]),
        Cow::Owned(text) => Cow::Owned(text[start..].to_owned()),
    };
    (Some(separator), rest)
}

/// Where a sample of whole lines ends.
fn sample_end(text: &str) -> usize {
    if text.len() <= SAMPLE {
        return text.len();
    }
    let breaks = |&byte: &u8| byte == b'\n' || byte == b'\r';
    let end = text.as_bytes()[..SAMPLE].iter().rposition(breaks);
    // One line of that size, if there is no break.
    end.map_or(text.len(), |at| at + 1)
}

/// Lines with # are comments, unless most are such: then they begin with a colour, say.
fn has_comments(text: &str) -> bool {
    let sample = &text[..sample_end(text)];
    let lines = sample.lines().flat_map(|line| line.split('\r')).filter(|line| !line.is_empty());
    let (some, all) = lines
        .fold((0, 0), |(some, all), line| (some + usize::from(line.starts_with('#')), all + 1));
    some > 0 && 2 * some <= all
}

/// Which character makes most of the lines rows of one length, with numbers in them, and how well.
fn best_separator(sample: &str, comments: bool) -> Option<(u64, u8)> {
    let scores =
        SEPARATORS.map(|delimiter| (score(sample, Format { delimiter, comments }), delimiter));
    let fitting = scores.into_iter().filter(|((_, width), _)| *width > 1);
    // Of equals `max_by_key` gives the last one.
    let ((score, _), delimiter) = fitting.rev().max_by_key(|(score, _)| *score)?;
    Some((score, delimiter))
}

/// How well a sample falls into rows of one length, in thousandths, and that length.
fn score(sample: &str, format: Format) -> (u64, usize) {
    let mut rows = Rows::new(sample, 1, format);
    let (mut widths, mut numbers, mut cells) = (std::collections::BTreeMap::new(), 0u64, 0u64);
    let (mut seen, mut first) = (0, 0);
    while let Ok(Some(row)) = rows.next() {
        first = if seen == 0 { row.len() } else { first };
        seen += 1;
        *widths.entry(row.len()).or_insert(0u64) += 1;
        cells += row.len() as u64;
        // Between commas a number has none.
        let is_number = |text: &&str| match cell(text, &[]) {
            Cell::Number => true,
            Cell::Comma => format.delimiter != b',',
            _ => false,
        };
        numbers += row.iter().filter(is_number).count() as u64;
        if seen == ROWS {
            break;
        }
    }
    let Some((&width, &most)) = widths.iter().max_by_key(|&(&width, &rows)| (rows, width)) else {
        return (0, 0);
    };
    // A header has as many fields as its rows, or one more or less; decimal commas are none of its.
    let halves = if first.abs_diff(width) > 1 { 2 } else { 1 };
    (1000 * most * (cells + 4 * numbers) / (halves * seen as u64 * cells.max(1)), width)
}

/// Whether runs of blanks part the lines better than anything else: into as many fields each, with numbers among them. Words
/// alone are a text, no table.
fn are_blanks_between(sample: &str, comments: bool, others: u64) -> bool {
    let text = squeezed(sample, None);
    let (score, width) = score(&text, Format { delimiter: b'\t', comments });
    width > 1 && score > others.max(1500)
}

/// A text without the blanks that mean nothing: those before a quote, or where blanks are between fields all but one, which
/// is then a tab. Within quotes everything stays.
fn squeezed(text: &str, delimiter: Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let (mut quoted, mut at_start) = (false, true);
    while let Some(c) = characters.next() {
        let is_blank = |c: char| (c == ' ' || c == '\t') && Some(c) != delimiter;
        let is_break = |c: char| c == '\n' || c == '\r';
        if quoted {
            out.push(c);
            match (c, characters.peek()) {
                ('"', Some('"')) => out.extend(characters.next()),
                ('"', _) => quoted = false,
                _ => {}
            }
        } else if is_blank(c) && (at_start || delimiter.is_none()) {
            let start = out.len();
            out.push(c);
            while let Some(blank) = characters.next_if(|&c| is_blank(c)) {
                out.push(blank);
            }
            let next = characters.peek().copied();
            let at_end = next.is_none_or(is_break);
            match delimiter {
                Some(_) if next == Some('"') => out.truncate(start),
                Some(_) => {}
                None => {
                    out.truncate(start);
                    let at_line = out.is_empty() || out.ends_with(is_break);
                    if !at_line && !at_end {
                        out.push('\t');
                    }
                    at_start = true;
                }
            }
        } else {
            quoted = c == '"' && at_start;
            at_start = is_break(c) || Some(c) == delimiter;
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Dialect, squeezed};

    #[test]
    fn separators_are_found() {
        let found = |text: &'static str| Dialect::of(text.into(), None).delimiter();
        assert_eq!(found("a,b\n1,2\n"), ',');
        assert_eq!(found("1,5;a\n2,5;b\n"), ';');
        assert_eq!(found("1,5;2,5;a\n0,1;0,2;b\n"), ';', "decimal commas");
        assert_eq!(found("a\tb c\n1\t2\n"), '\t');
        assert_eq!(found("a|b\n1|2\n"), '|');
        assert_eq!(found("a b  label\n1   2 x\n"), ' ');
        assert_eq!(found("sep=|\na,b|c\n1|2\n"), '|');
        assert_eq!(found("x,note\n1,\"a;b;c\"\n2,\"d;e;f\"\n"), ',');
        assert_eq!(found("High Street\nLow Street\n"), ',', "words are no table");
        assert_eq!(found("label\tx\n"), '\t');
    }

    #[test]
    fn blanks_and_commas() {
        let found = |text: &'static str| Dialect::of(text.into(), None).delimiter();
        assert_eq!(found("1,5 2,5 a\n0,1 0,2 b\n"), ' ');
        assert_eq!(found("1, 2, a\n3, 4, b\n"), ',');
        assert_eq!(found("2024-01-31 10:00,1,a\n2024-01-31 11:00,2,b\n"), ',');
    }

    #[test]
    fn blanks_within_quotes_stay() {
        assert_eq!(
            squeezed("1,  \"a,  \"\"b\"\"\" , c\n \"d\"", Some(',')),
            "1,\"a,  \"\"b\"\"\" , c\n\"d\""
        );
        assert_eq!(squeezed("  1  \"a  b\"\t2 \n3 4 5", None), "1\t\"a  b\"\t2\n3\t4\t5");
    }
}
