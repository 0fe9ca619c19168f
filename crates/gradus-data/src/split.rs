//! Splitting a labelled set into two parts: by what the samples hold, by where they stand, by time, by whose they are.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use crate::dataset::{Dataset, labels_of};
use crate::error::{DataError, Result, quote};
use crate::key::Key;
use crate::label::label_spelling;
use crate::random::{Purpose, rng};

/// Which samples are held out of data that have no test part of their own.
///
/// ```
/// use gradus_data::Split;
/// assert_eq!("group:patient".parse::<Split>()?, Split::Group("patient".into()));
/// assert_eq!(Split::Time(Some("day".into())).to_string(), "time:day");
/// assert!("stratified".parse::<Split>().is_err());
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Split {
    /// A sample's content says on which side it is ([`Key::draw`]): sorting, doubling and extending the data changes no
    /// sample's side, and equal samples are on the same. The share is kept on average. Of a table's row the numbers count, by
    /// their columns' names; of a picture the bytes of its file, all of which are read for it.
    #[default]
    Hash,
    /// The same share of every class, by the samples' places: exact, but another sample may come to stand there.
    Position,
    /// The last ones: of the file as it is, or by what this column of a table holds, numbers or dates like 2024-01-31.
    Time(Option<String>),
    /// All rows that have one value in this column of a table are on one side, which the value says: those of one patient, say.
    /// Values are told apart as labels are ([`label_spelling`]).
    Group(String),
    /// Those of another file: a CSV file of the same columns, or for a folder of pictures a list of their paths in it.
    File(PathBuf),
}

/// Held out of what, and how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HoldOut {
    /// A fifth to test on, always the same one.
    Test,
    /// A share of what is trained on, to choose the best epoch.
    Validation {
        /// From 0 to 1.
        share: f64,
        /// Each draws another part.
        seed: u64,
    },
}

const TEST_SHARE: f64 = 0.2;
const TEST_SEED: u64 = 5_000;

impl HoldOut {
    /// Whether it takes the sample of this key, by [`Split::Hash`]'s rule, whatever other samples there are.
    ///
    /// ```
    /// use gradus_data::{HoldOut, Key};
    /// let held = (0..1_000u32).filter(|n| HoldOut::Test.takes(&Key::of(&n.to_le_bytes()))).count();
    /// assert!((150..250).contains(&held), "about 200");
    /// ```
    pub fn takes(self, key: &Key) -> bool {
        key.draw(self.stream(), self.seed()) < self.share()
    }

    fn share(self) -> f64 {
        match self {
            HoldOut::Test => TEST_SHARE,
            HoldOut::Validation { share, .. } => share,
        }
    }
    fn seed(self) -> u64 {
        match self {
            HoldOut::Test => TEST_SEED,
            HoldOut::Validation { seed, .. } => seed,
        }
    }
    fn stream(self) -> &'static str {
        match self {
            HoldOut::Test => "test",
            HoldOut::Validation { .. } => "validation",
        }
    }
    /// How many of so many samples, by the rules that count.
    fn of(self, samples: usize) -> usize {
        match self {
            HoldOut::Test => samples / 5,
            HoldOut::Validation { share, .. } => (samples as f64 * share).round() as usize,
        }
    }
}

impl Split {
    /// The column of a table that says where rows come from, and is therefore no feature.
    pub fn aside(&self) -> Option<&str> {
        match self {
            Split::Time(column) => column.as_deref(),
            Split::Group(column) => Some(column),
            _ => None,
        }
    }

    /// Whether a sample's side follows from the sample alone, whatever else there is.
    pub fn is_by_content(&self) -> bool {
        matches!(self, Split::Hash | Split::Group(_))
    }

    /// Indices of the part that is kept and of the one that is held out, each ascending. One of them may be empty. What
    /// [`Split::File`] holds out was given; of the rest it draws like [`Split::Hash`].
    ///
    /// ```
    /// use gradus_data::{CsvOptions, HoldOut, Split, TabularDataset, parse_csv};
    /// let rows: String = (0..100).map(|i| format!("{i},{}\n", i % 2)).collect();
    /// let table = parse_csv(format!("x,label\n{rows}").as_bytes(), "t.csv", &CsvOptions::default())?;
    /// let set = TabularDataset::new(table, "t.csv", None)?;
    /// let (kept, held) = Split::Time(None).divide(&set, HoldOut::Test)?;
    /// assert_eq!((kept.len(), held[0]), (80, 80));
    /// let (kept, held) = Split::Hash.divide(&set, HoldOut::Test)?;
    /// assert_eq!(kept.len() + held.len(), 100);
    /// assert!((10..30).contains(&held.len()), "about 20");
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When a sample cannot be read, or the column that the rule goes by was not set aside.
    pub fn divide(&self, data: &dyn Dataset, held: HoldOut) -> Result<(Vec<usize>, Vec<usize>)> {
        let all = 0..data.len();
        match self {
            Split::Hash | Split::File(_) => Ok(by_draw(&keys_of(data)?, held)),
            Split::Group(column) => {
                let texts = set_aside(data, column)?;
                let key = |text: &&str| Key::of(label_spelling(text).as_bytes());
                Ok(by_draw(&texts.iter().map(key).collect::<Vec<_>>(), held))
            }
            Split::Position => stratified_split(&labels_of(data), held.of(data.len()), held.seed()),
            Split::Time(None) => {
                let first = data.len() - held.of(data.len()).min(data.len());
                Ok(all.partition(|&i| i < first))
            }
            Split::Time(Some(column)) => latest(&set_aside(data, column)?, held.of(data.len())),
        }
    }
}

/// All keys. Files are read by several threads.
fn keys_of(data: &dyn Dataset) -> Result<Vec<Key>> {
    let keys = |range: Range<usize>| range.map(|i| data.key(i)).collect::<Result<Vec<Key>>>();
    let all = 0..data.len();
    if data.is_empty() || data.file(0).is_none() {
        return keys(all);
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let share = data.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let ranges = all.step_by(share).map(|i| i..(i + share).min(data.len()));
        let threads: Vec<_> = ranges.map(|range| scope.spawn(|| keys(range))).collect();
        // Of several errors the one of the first samples is given.
        let parts = threads.into_iter().map(|thread| match thread.join() {
            Ok(keys) => keys,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        Ok(parts.collect::<Result<Vec<_>>>()?.concat())
    })
}

fn by_draw(keys: &[Key], held: HoldOut) -> (Vec<usize>, Vec<usize>) {
    (0..keys.len()).partition(|&i| !held.takes(&keys[i]))
}

/// What the column holds that was set aside.
fn set_aside<'a>(data: &'a dyn Dataset, column: &str) -> Result<Vec<&'a str>> {
    let texts = (0..data.len()).map(|i| data.aside(i));
    texts.collect::<Option<Vec<_>>>().ok_or_else(|| {
        let found = format!("column {} for data without it", quote(column));
        DataError::invalid("split", found, "a column of a CSV file")
    })
}

/// The latest are held out, at least so many: what is of one time stays together.
fn latest(times: &[&str], held: usize) -> Result<(Vec<usize>, Vec<usize>)> {
    let number = |text: &&str| text.parse::<f64>().ok().filter(|x| x.is_finite());
    let numbers: Vec<Option<f64>> = times.iter().map(number).collect();
    let dates = numbers.iter().filter(|number| number.is_none()).count();
    // As texts 10 would come before 9.
    if let Some(row) = numbers.iter().position(Option::is_none).filter(|_| dates < times.len()) {
        let expected = "numbers in all rows, or dates like 2024-01-31 in all";
        return Err(DataError::invalid("split by time", quote(times[row]), expected));
    }
    // As texts 31.12.2023 would come after 02.03.2024.
    if let Some(row) = times.iter().position(|t| !is_date(t)).filter(|_| dates == times.len()) {
        let expected = "numbers, or dates like 2024-01-31 (a time may follow: 2024-01-31T09:30)";
        return Err(DataError::invalid("split by time", quote(times[row]), expected));
    }
    let compare = |a: usize, b: usize| match (numbers[a], numbers[b]) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => times[a].cmp(times[b]),
    };
    let mut order: Vec<usize> = (0..times.len()).collect();
    if held == 0 || held > times.len() {
        return Ok((order, vec![]));
    }
    order.sort_by(|&a, &b| compare(a, b));
    let first = order[times.len() - held];
    Ok((0..times.len()).partition(|&i| compare(i, first).is_lt()))
}

/// Whether a text begins with a date as ISO 8601 writes it, whose order as a text is that of the dates.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let apart = bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    let ends = matches!(bytes.get(10), None | Some(b'T' | b' '));
    apart && ends && digits(0..4) && digits(5..7) && digits(8..10)
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Split::Hash => f.write_str("hash"),
            Split::Position => f.write_str("position"),
            Split::Time(None) => f.write_str("time"),
            Split::Time(Some(column)) => write!(f, "time:{column}"),
            Split::Group(column) => write!(f, "group:{column}"),
            Split::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl FromStr for Split {
    type Err = DataError;
    fn from_str(text: &str) -> Result<Split> {
        match text.split_once(':').map_or((text, ""), |(rule, of)| (rule, of.trim())) {
            ("hash", "") => Ok(Split::Hash),
            ("position", "") => Ok(Split::Position),
            ("time", "") => Ok(Split::Time(None)),
            ("time", column) => Ok(Split::Time(Some(column.to_owned()))),
            ("group", column) if !column.is_empty() => Ok(Split::Group(column.to_owned())),
            ("file", path) if !path.is_empty() => Ok(Split::File(path.into())),
            _ => {
                let expected = "hash, position, time, time:COLUMN, group:COLUMN or file:PATH";
                Err(DataError::invalid("split", quote(text), expected))
            }
        }
    }
}

/// Indices of a training and a held-out part, each ascending. The held-out part has exactly `held_out` samples, shared
/// among the classes in proportion to their size (largest remainders first, ties to the smaller label).
/// The draw depends on `labels`, `held_out` and `seed` only.
pub fn stratified_split(
    labels: &[i64],
    held_out: usize,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>)> {
    if held_out > labels.len() {
        return Err(DataError::invalid(
            "held-out samples",
            held_out.to_string(),
            format!("at most {}, the number of samples", labels.len()),
        ));
    }
    let mut by_class = std::collections::BTreeMap::<i64, Vec<usize>>::new();
    for (index, &label) in labels.iter().enumerate() {
        by_class.entry(label).or_default().push(index);
    }
    let sizes: Vec<usize> = by_class.values().map(Vec::len).collect();
    let quotas = largest_remainders(&sizes, held_out);
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for ((&label, members), &quota) in by_class.iter_mut().zip(&quotas) {
        rng(seed, Purpose::Split, 0, label as u64).shuffle(members);
        held.extend_from_slice(&members[..quota]);
        kept.extend_from_slice(&members[quota..]);
    }
    kept.sort_unstable();
    held.sort_unstable();
    Ok((kept, held))
}

/// Whole shares of `total`, proportional to `sizes`.
fn largest_remainders(sizes: &[usize], total: usize) -> Vec<usize> {
    let whole: usize = sizes.iter().sum();
    if whole == 0 {
        return vec![0; sizes.len()];
    }
    let product = |i: usize| sizes[i] as u128 * total as u128;
    let mut shares: Vec<usize> =
        (0..sizes.len()).map(|i| (product(i) / whole as u128) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(product(i) % whole as u128));
    let missing = total - shares.iter().sum::<usize>();
    for &i in &order[..missing] {
        shares[i] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::latest;

    #[test]
    fn only_dates_whose_texts_are_in_order_are_ordered() {
        let days = ["2023-12-31", "2024-03-02 10:00", "2022-11-30"];
        assert_eq!(latest(&days, 1).unwrap().1, [1]);
        for bad in ["31.12.2023", "2024-1-5", "12/31/2023", "2024-01-31x", "monday"] {
            let error = latest(&["2024-01-01", bad], 1).unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("2024-01-31"), "{error}");
        }
    }
}
