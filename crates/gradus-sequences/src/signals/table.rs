//! Sequences in a table: a row a step, with the sequence that it belongs to.

use std::collections::HashMap;

use gradus_data::{CsvOptions, DataError, Place, Result, count, csv_texts, quote};

use crate::text::table::{find_column, listed};

/// Which columns of a table of steps hold what, each by its name or its number from 1; all others are channels.
///
/// ```
/// use gradus_sequences::signals::{SignalColumns, Signals};
/// let row = |n: usize| format!("{},{}.5,{}\n", n / 2, n % 7, ["still", "moving"][n / 2 % 2]);
/// let file: String = (0..80).map(row).collect();
/// let signals = Signals::parse_csv(format!("id,speed,label\n{file}").as_bytes(), "steps.csv", &SignalColumns::default())?;
/// assert_eq!((signals.len(), signals.channels(), signals.has_labelled_steps()), (40, &["speed".to_owned()][..], false));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalColumns {
    /// Which sequence a row belongs to; if not said, the column called `id`, `sequence`, `series` or `sample`.
    pub id: Option<String>,
    /// The labels; if not said, the column called `label`, `class` or `target`.
    pub label: Option<String>,
    /// Columns that are passed over.
    pub leave_out: Vec<String>,
    /// Whether the first line is a header; if not said, the file tells.
    pub header: Option<bool>,
}

const IDS: [&str; 4] = ["id", "sequence", "series", "sample"];
const LABELS: [&str; 3] = ["label", "class", "target"];

/// Sequences of a table, in the order of their first rows.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) channels: Vec<String>,
    /// The numbers of each sequence, step by step; NaN where one is missing.
    pub(super) samples: Vec<Vec<f64>>,
    /// The label of each step.
    pub(super) labels: Vec<Vec<String>>,
    pub(super) remarks: Vec<String>,
}

impl Steps {
    pub(super) fn parse(bytes: &[u8], name: &str, columns: &SignalColumns) -> Result<Steps> {
        let options = CsvOptions { header: columns.header, ..CsvOptions::default() };
        let read = csv_texts(bytes, name, &options, None)?;
        let id = which(name, &read.names, &columns.id, &IDS, "id")?;
        let label = which(name, &read.names, &columns.label, &LABELS, "label")?;
        let out = columns.leave_out.iter().map(|column| find_column(name, &read.names, column));
        let out: Vec<usize> = out.collect::<Result<_>>()?;
        let kept = |at: &usize| *at != id && *at != label && !out.contains(at);
        let channels: Vec<usize> = (0..read.names.len()).filter(kept).collect();
        if channels.is_empty() || id == label {
            let found = format!("columns {}", listed(&read.names));
            let expected = "one of ids, one of labels and one of numbers at least";
            return Err(DataError::malformed(name, Place::Whole, found, expected));
        }
        let mut steps = Steps { remarks: read.remarks, ..Steps::default() };
        steps.channels = channels.iter().map(|&at| read.names[at].clone()).collect();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (line, row) in &read.rows {
            if row[id].is_empty() || row[label].is_empty() {
                let column = if row[id].is_empty() { id } else { label };
                let at = cell(*line, column, &read.names);
                return Err(DataError::malformed(
                    name,
                    at,
                    "nothing",
                    "an id and a label in each row",
                ));
            }
            let next = places.len();
            let place = *places.entry(&row[id]).or_insert(next);
            if place == next {
                steps.samples.push(vec![]);
                steps.labels.push(vec![]);
            }
            for &at in &channels {
                let value = number(&row[at], read.decimal_comma).ok_or_else(|| {
                    let expected = "a number; a column of anything else can be left out";
                    DataError::malformed(
                        name,
                        cell(*line, at, &read.names),
                        quote(&row[at]),
                        expected,
                    )
                })?;
                steps.samples[place].push(value);
            }
            steps.labels[place].push(row[label].clone());
        }
        let changes = read.rows.windows(2).filter(|pair| pair[0].1[id] != pair[1].1[id]).count();
        if changes + 1 > places.len() {
            let apart = "rows of a sequence do not follow each other everywhere: they are put together in the file's order";
            steps.remarks.push(format!("{}: {apart}", count(places.len(), "sequence")));
        }
        Ok(steps)
    }
}

/// The column that was named, or the one that is called like one of these.
fn which(
    name: &str,
    names: &[String],
    wanted: &Option<String>,
    known: &[&str],
    what: &str,
) -> Result<usize> {
    if let Some(wanted) = wanted {
        return find_column(name, names, wanted);
    }
    let is = |word: &&str| names.iter().position(|name| name.eq_ignore_ascii_case(word));
    known.iter().find_map(is).ok_or_else(|| {
        let found = format!("columns {}", listed(names));
        let expected = format!("one called {}, or which it is ({what})", known.join(", "));
        DataError::malformed(name, Place::Whole, found, expected)
    })
}

fn cell(line: u64, column: usize, names: &[String]) -> Place {
    Place::Cell { line, column: column + 1, name: Some(names[column].clone()) }
}

/// A value; NaN where it is missing.
fn number(text: &str, comma: bool) -> Option<f64> {
    if ["", "?"].contains(&text)
        || ["nan", "na", "null"].iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        return Some(f64::NAN);
    }
    let read = if comma { text.replace(',', ".").parse() } else { text.parse::<f64>() };
    read.ok().filter(|x| x.is_finite() && x.abs() <= f64::from(f32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Steps::parse(text.as_bytes(), "t.csv", &SignalColumns::default()).unwrap_err().to_string()
    }

    #[test]
    fn rows_of_a_sequence_are_put_together() {
        let file = "series,x,y,class\nb,1,2,on\na,3,,on\nb,5,6,off\n";
        let steps = Steps::parse(file.as_bytes(), "t", &SignalColumns::default()).unwrap();
        assert_eq!(steps.samples[0], [1.0, 2.0, 5.0, 6.0]);
        assert!(steps.samples[1][1].is_nan() && steps.remarks[0].contains("in the file's order"));
        assert_eq!(steps.labels, [vec!["on", "off"], vec!["on"]]);
        let columns = SignalColumns {
            leave_out: vec!["y".into()],
            id: Some("1".into()),
            ..SignalColumns::default()
        };
        assert_eq!(Steps::parse(file.as_bytes(), "t", &columns).unwrap().channels, ["x"]);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        assert_eq!(
            refused("id,x,label\n1,a,b\n1,2,c\n"),
            "t.csv, line 2, column 2 (\"x\"): found \"a\", expected a number; a column of anything else can be left out"
        );
        assert_eq!(
            refused("id,x,label\n1,2,\n"),
            "t.csv, line 2, column 3 (\"label\"): found nothing, expected an id and a label in each row"
        );
        assert_eq!(
            refused("who,x,label\n1,2,a\n"),
            "t.csv: found columns \"who\", \"x\" and \"label\", expected one called id, sequence, series, sample, or which it is (id)"
        );
        assert!(refused("id,label\n1,2\n").contains("one of numbers at least"));
    }
}
