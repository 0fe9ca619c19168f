//! What is to be learned of a sample: its class, or numbers.

use crate::dataset::Dataset;
use crate::error::{DataError, Result, quote};
use crate::normalization::Normalization;
use crate::spelling::guess;

/// What is to be learned of each sample of a data set.
///
/// ```
/// use gradus_data::{CsvOptions, Dataset, TabularDataset, Targets, parse_csv};
/// let options = CsvOptions { targets: vec!["price".into()], ..CsvOptions::default() };
/// let table = parse_csv(b"rooms,price\n3,250000\n5,410000\n", "houses.csv", &options)?;
/// let houses = TabularDataset::new(table, "houses.csv", None)?;
/// assert_eq!(houses.targets(), Targets::Numbers(&["price".to_owned()]));
/// let mut price = [0.0];
/// houses.target(1, &mut price);
/// assert_eq!(price, [410000.0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets<'a> {
    /// One class of several: [`Dataset::label`].
    Labels,
    /// Numbers, by these names: [`Dataset::target`].
    Numbers(&'a [String]),
}

impl<'a> Targets<'a> {
    /// The names of the numbers; none of labels.
    pub fn names(self) -> &'a [String] {
        match self {
            Targets::Labels => &[],
            Targets::Numbers(names) => names,
        }
    }
}

/// The numbers to be learned of sample `index`, one for each name; none of data with labels.
pub fn target_of(dataset: &dyn Dataset, index: usize) -> Vec<f64> {
    let mut numbers = vec![0.0; dataset.targets().names().len()];
    dataset.target(index, &mut numbers);
    numbers
}

/// Adds the numbers to be learned of a sample to `out`, normalised if they are to be.
pub(crate) fn append_target(
    dataset: &dyn Dataset,
    index: usize,
    normalization: Option<&Normalization>,
    out: &mut Vec<f32>,
) -> Result<()> {
    let numbers = target_of(dataset, index);
    let first = out.len();
    out.resize(first + numbers.len(), 0.0);
    match normalization {
        Some(normalization) => normalization.apply_row(&numbers, &mut out[first..]),
        None => out[first..].iter_mut().zip(&numbers).for_each(|(to, &x)| *to = x as f32),
    }
    match out[first..].iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(DataError::invalid(
            format!("data set, sample {index}"),
            format!("{} in its target {}", numbers[at], quote(&dataset.targets().names()[at])),
            "finite numbers",
        )),
    }
}

/// The columns of a file that hold its targets, each by its name or its number from 1.
pub(crate) fn find_targets(
    file: &str,
    names: &[String],
    columns: usize,
    wanted: &[String],
) -> Result<Vec<usize>> {
    let mut found: Vec<usize> = vec![];
    for text in wanted {
        let wrong = |what: String, expected: String| {
            Err(DataError::invalid(format!("{file}: target column"), what, expected))
        };
        let number = || text.parse().ok().and_then(|n: usize| n.checked_sub(1));
        let Some(column) = names.iter().position(|name| name == text).or_else(number) else {
            let expected = match names {
                [] => format!("a column's number, from 1 to {columns}, since there is no header"),
                names => format!("one of {}{}", names.join(", "), guess(text, names)),
            };
            if text == "0" {
                return wrong(
                    "column 0".into(),
                    "a number from 1: columns count from there".into(),
                );
            }
            return wrong(format!("name {}", quote(text)), expected);
        };
        if column >= columns {
            return wrong(format!("column {text}"), format!("at most {columns}, the last"));
        }
        if found.contains(&column) {
            let name = names.get(column).unwrap_or(text);
            return wrong(format!("{} twice", quote(name)), "each column once".into());
        }
        found.push(column);
    }
    Ok(found)
}
