//! Labelled texts in a table: which column is which, rows that lack something, and what the first line is.

use std::collections::BTreeSet;

use gradus_data::{CsvOptions, DataError, Place, Result, closest, count, csv_texts, quote};

/// Which columns of a table hold what, each by its name or its number from 1.
///
/// ```
/// use gradus_sequences::text::{TextColumns, Texts};
/// let file = "id,review,mood\n1,\"a fine, long film\",good\n2,\"dull\nand slow\",bad\n3,a joy,good\n4,a bore,bad\n5,fine,good\n6,a mess,bad\n";
/// let columns = TextColumns { part: None, ..TextColumns::default() };
/// let refused = Texts::parse_csv(file.as_bytes(), "films.csv", &columns).unwrap_err().to_string();
/// assert_eq!(refused, "films.csv: found columns \"id\", \"review\" and \"mood\", expected one called label, class, target or sentiment, or which it is (label)");
/// let columns = TextColumns { label: Some("mood".into()), ..columns };
/// let texts = Texts::parse_csv(file.as_bytes(), "films.csv", &columns)?;
/// assert_eq!(texts.classes(), ["bad", "good"]);
/// assert_eq!(texts.text(1), "dull\nand slow");
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextColumns {
    /// The texts; if not said, the column with the longest ones.
    pub text: Option<String>,
    /// The labels; if not said, the one called `label`, `class`, `target` or `sentiment`, or the only other one.
    pub label: Option<String>,
    /// The column that says what is only tested on: its value is `test` there. If not said, a fifth is held out, by what a text holds.
    pub part: Option<String>,
    /// Whether the first line is a header; if not said, the file tells.
    pub header: Option<bool>,
}

/// What a header calls a label's column.
const LABELS: [&str; 4] = ["label", "class", "target", "sentiment"];
/// What marks a sample that is only tested on.
const TEST: &str = "test";

/// The rows of a table that have a text and a label.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The text, the label, and whether it is only tested on.
    pub(crate) rows: Vec<(String, String, bool)>,
    /// Whether a column says what is tested on.
    pub(crate) has_parts: bool,
    pub(crate) remarks: Vec<String>,
}

impl Table {
    /// Of a file's bytes.
    pub(crate) fn parse(bytes: &[u8], name: &str, columns: &TextColumns) -> Result<Table> {
        let options = CsvOptions { header: columns.header, ..CsvOptions::default() };
        let mut read = csv_texts(bytes, name, &options, None)?;
        let mut found = Columns::find(name, &read.names, &read.rows, columns)?;
        let labels: BTreeSet<&str> =
            read.rows.iter().map(|(_, row)| row[found.label].as_str()).collect();
        if columns.header.is_none() && labels.contains(read.names[found.label].as_str()) {
            // What is taken for the header has one of the rows' labels.
            let options = CsvOptions { header: Some(false), ..CsvOptions::default() };
            read = csv_texts(bytes, name, &options, None)?;
            found = Columns::find(name, &read.names, &read.rows, columns)?;
            read.remarks
                .push("the first line is taken for a row: its label is one of the others'".into());
        }
        let mut table =
            Table { has_parts: found.part.is_some(), remarks: read.remarks, ..Table::default() };
        let (mut without_text, mut without_label) = (vec![], vec![]);
        for (line, mut row) in read.rows {
            let is_test = found.part.is_some_and(|at| row[at].eq_ignore_ascii_case(TEST));
            let label = std::mem::take(&mut row[found.label]);
            let text = std::mem::take(&mut row[found.text]);
            match (text.is_empty(), label.is_empty()) {
                (true, _) => without_text.push(line),
                (_, true) => without_label.push(line),
                _ => table.rows.push((text, label, is_test)),
            }
        }
        table.left_out(&without_text, "text");
        table.left_out(&without_label, "label");
        let others: Vec<String> = (0..read.names.len())
            .filter(|&at| at != found.text && at != found.label && Some(at) != found.part)
            .map(|at| quote(&read.names[at]))
            .collect();
        if !others.is_empty() {
            table.remarks.push(format!("not learned from: {}", others.join(", ")));
        }
        if let Some(at) = found.part.filter(|_| !table.rows.iter().any(|row| row.2)) {
            let found = format!("no row of column {} that says {TEST}", quote(&read.names[at]));
            return Err(DataError::malformed(name, Place::Whole, found, format!("{TEST} in some")));
        }
        Ok(table)
    }

    fn left_out(&mut self, lines: &[u64], lacks: &str) {
        if lines.is_empty() {
            return;
        }
        let first: Vec<String> = lines.iter().take(5).map(u64::to_string).collect();
        let more = if lines.len() > 5 { ", …" } else { "" };
        let what = count(lines.len(), "row");
        let word = if lines.len() == 1 { "line" } else { "lines" };
        self.remarks
            .push(format!("{what} without a {lacks} left out: {word} {}{more}", first.join(", ")));
    }
}

/// Which columns are which, from 0.
struct Columns {
    text: usize,
    label: usize,
    part: Option<usize>,
}

impl Columns {
    fn find(
        name: &str,
        names: &[String],
        rows: &[(u64, Vec<String>)],
        wanted: &TextColumns,
    ) -> Result<Columns> {
        if names.len() < 2 {
            let expected = "a column of texts and one of labels";
            return Err(DataError::malformed(name, Place::Whole, "one column", expected));
        }
        let find = |wanted: &Option<String>| {
            wanted.as_ref().map(|wanted| find_column(name, names, wanted)).transpose()
        };
        let (text, label, part) = (find(&wanted.text)?, find(&wanted.label)?, find(&wanted.part)?);
        let taken = |at: usize| [text, label, part].contains(&Some(at));
        let longest = || {
            let length = |at: usize| rows.iter().map(|(_, row)| row[at].len()).sum::<usize>();
            (0..names.len()).rev().filter(|&at| !taken(at)).max_by_key(|&at| length(at))
        };
        let known_label = label.or_else(|| named_label(names).filter(|&at| !taken(at)));
        let text = match text {
            Some(at) => at,
            None => longest().filter(|&at| Some(at) != known_label).unwrap_or(0),
        };
        let others: Vec<usize> =
            (0..names.len()).filter(|&at| at != text && Some(at) != part).collect();
        let label = match (known_label, &others[..]) {
            (Some(at), _) => at,
            (None, &[only]) => only,
            _ => {
                let found = format!("columns {}", listed(names));
                let expected = format!(
                    "one called {}, {}, {} or {}, or which it is (label)",
                    LABELS[0], LABELS[1], LABELS[2], LABELS[3]
                );
                return Err(DataError::malformed(name, Place::Whole, found, expected));
            }
        };
        if label == text || part == Some(text) || part == Some(label) {
            let found = "one column for two of text, label and part";
            return Err(DataError::malformed(name, Place::Whole, found, "a column for each"));
        }
        Ok(Columns { text, label, part })
    }
}

/// `"a", "b" and "c"`; of many the first few, and how many there are.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let all: Vec<String> = names.iter().take(SHOWN).map(|name| quote(name)).collect();
    match all.split_last() {
        _ if names.len() > SHOWN => format!("{}, … ({} in all)", all.join(", "), names.len()),
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => all.concat(),
    }
}

fn named_label(names: &[String]) -> Option<usize> {
    let is = |label: &str| names.iter().position(|name| name.eq_ignore_ascii_case(label));
    LABELS.iter().find_map(|label| is(label))
}

/// The column of a name, or of a number from 1.
pub(crate) fn find_column(file: &str, names: &[String], wanted: &str) -> Result<usize> {
    let by_number = || wanted.parse::<usize>().ok().filter(|n| (1..=names.len()).contains(n));
    let found = names.iter().position(|name| name == wanted);
    found.or_else(|| by_number().map(|n| n - 1)).ok_or_else(|| {
        let near = closest(wanted, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let near = near.map_or(String::new(), |near| format!(" ({} is near)", quote(near)));
        let found = format!("no column {}{near}", quote(wanted));
        DataError::malformed(file, Place::Line(1), found, format!("one of {}", listed(names)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, columns: &TextColumns) -> Result<Table> {
        Table::parse(text.as_bytes(), "t.csv", columns)
    }

    #[test]
    fn columns_are_guessed_by_what_they_hold() {
        let table = parsed(
            "Sentiment,who,review\nup,al,\"long, as\nreviews are\"\n,bo,short\ndown,cy,\n",
            &TextColumns::default(),
        )
        .unwrap();
        assert_eq!(table.rows, [("long, as\nreviews are".to_owned(), "up".to_owned(), false)]);
        let said = [
            "1 row without a text left out: line 5",
            "1 row without a label left out: line 4",
            "not learned from: \"who\"",
        ];
        assert_eq!(table.remarks, said);
        // Without a header: the first line's label is one of the others'.
        let table =
            parsed("a fine film,1st\na dull one,2nd\nmore of it,1st\n", &TextColumns::default())
                .unwrap();
        assert_eq!((table.rows.len(), table.rows[0].1.as_str()), (3, "1st"));
        assert!(table.remarks[0].starts_with("the first line is taken for a row"));
    }

    #[test]
    fn a_column_says_what_is_tested_on() {
        let columns = TextColumns { part: Some("part".into()), ..TextColumns::default() };
        let table =
            parsed("text,label,part\ngood one,1,train\nbad one,0,Test\n", &columns).unwrap();
        assert!(table.has_parts && !table.rows[0].2 && table.rows[1].2);
        let said = parsed("text,label,part\ngood one,1,train\n", &columns).unwrap_err().to_string();
        assert_eq!(
            said,
            "t.csv: found no row of column \"part\" that says test, expected test in some"
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        let refused =
            |text: &str, columns: &TextColumns| parsed(text, columns).unwrap_err().to_string();
        let named =
            |label: &str| TextColumns { label: Some(label.into()), ..TextColumns::default() };
        assert_eq!(
            refused("text\nabc\n", &named("text")),
            "t.csv: found one column, expected a column of texts and one of labels"
        );
        assert_eq!(
            refused("text,mood\nabc,x\n", &named("mod")),
            "t.csv, line 1: found no column \"mod\" (\"mood\" is near), expected one of \"text\" and \"mood\""
        );
        let twice = TextColumns { text: Some("mood".into()), ..named("2") };
        assert_eq!(
            refused("text,mood\nabc,x\n", &twice),
            "t.csv: found one column for two of text, label and part, expected a column for each"
        );
        assert!(
            refused("a,b\n1,2\n1,2,3\n", &TextColumns::default())
                .contains("line 3: found 3 columns")
        );
        let many: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
        assert!(
            refused(
                &format!("{}\n{}\n", many.join(","), many.join(",").replace('c', "")),
                &TextColumns::default()
            )
            .contains("\"c7\", … (30 in all)")
        );
    }
}
