//! Means in the place of values that a table lacks.

use std::path::Path;
use std::sync::Arc;

use crate::dataset::{ColumnNames, Dataset};
use crate::error::{DataError, Result};
use crate::key::Key;
use crate::target::Targets;

/// A table whose missing features (NaN, as [`Missing::Mean`](crate::Missing::Mean) has them) are given as these numbers. Its samples keep
/// their keys: what is held out does not depend on what was filled in.
///
/// ```
/// use gradus_data::{CsvOptions, Dataset, Filled, Missing, TabularDataset, means_of, parse_csv};
/// let options = CsvOptions { missing: Missing::Mean, ..CsvOptions::default() };
/// let table = parse_csv(b"area,rooms,label\n80,2,a\n?,4,b\n90,,a\n", "t.csv", &options)?;
/// let houses = TabularDataset::new(table, "t.csv", None)?;
/// let means = means_of(&houses)?;
/// assert_eq!(means, [85.0, 3.0]);
/// let filled = Filled::new(std::sync::Arc::new(houses), &means)?;
/// assert_eq!((filled.row(1), filled.row(2)), (Some(&[85.0, 4.0][..]), Some(&[90.0, 3.0][..])));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Filled {
    own: Arc<dyn Dataset>,
    /// All rows, filled.
    rows: Arc<[f64]>,
}

impl Filled {
    /// The rows of `own` with `means[k]` wherever feature k is missing.
    ///
    /// # Errors
    /// When samples are no rows of a table, or there is not a mean for each feature.
    pub fn new(own: Arc<dyn Dataset>, means: &[f64]) -> Result<Filled> {
        if own.shape() != [means.len()] {
            let found = format!("{} for samples {:?}", means.len(), own.shape());
            return Err(DataError::invalid("means", found, "one for each feature"));
        }
        let mut rows = Vec::with_capacity(own.len() * means.len());
        for index in 0..own.len() {
            let row = own.row(index).ok_or_else(|| no_rows(&*own))?;
            rows.extend(row.iter().zip(means).map(|(&x, &mean)| if x.is_nan() { mean } else { x }));
        }
        Ok(Filled { own, rows: rows.into() })
    }
}

/// The mean of each feature of a table, over the rows that have it: what a model keeps of its training rows.
///
/// # Errors
/// When samples are no rows of a table, or no row has a feature.
pub fn means_of(data: &dyn Dataset) -> Result<Vec<f64>> {
    let width = data.shape().iter().product();
    let (mut means, mut seen) = (vec![0.0; width], vec![0u64; width]);
    for index in 0..data.len() {
        let row = data.row(index).ok_or_else(|| no_rows(data))?;
        for (k, &x) in row.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            seen[k] += 1;
            // The mean so far moves: a sum of large numbers would lose digits.
            means[k] += (x - means[k]) / seen[k] as f64;
        }
    }
    match seen.iter().position(|&rows| rows == 0) {
        None => Ok(means),
        Some(k) => {
            let names = data.columns().map(|columns| columns.features[k].clone());
            let what = names.unwrap_or_else(|| (k + 1).to_string());
            let found = "no value in any row to train on";
            Err(DataError::invalid(format!("column {what:?}"), found, "some to take the mean of"))
        }
    }
}

fn no_rows(data: &dyn Dataset) -> DataError {
    DataError::invalid("missing values", format!("samples {:?}", data.shape()), "rows of a table")
}

impl Dataset for Filled {
    fn len(&self) -> usize {
        self.own.len()
    }
    fn shape(&self) -> &[usize] {
        self.own.shape()
    }
    fn classes(&self) -> &[String] {
        self.own.classes()
    }
    fn label(&self, index: usize) -> i64 {
        self.own.label(index)
    }
    fn targets(&self) -> Targets<'_> {
        self.own.targets()
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        self.own.target(index, out);
    }
    fn columns(&self) -> Option<&ColumnNames> {
        self.own.columns()
    }
    fn row(&self, index: usize) -> Option<&[f64]> {
        let width = self.own.shape()[0];
        Some(&self.rows[index * width..(index + 1) * width])
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let row = self.row(index).expect("rows are kept");
        assert_eq!(out.len(), row.len(), "Filled::read: length of the output");
        out.iter_mut().zip(row).for_each(|(to, &from)| *to = from as f32);
        Ok(())
    }
    fn key(&self, index: usize) -> Result<Key> {
        self.own.key(index)
    }
    fn file(&self, index: usize) -> Option<&Path> {
        self.own.file(index)
    }
    fn aside(&self, index: usize) -> Option<&str> {
        self.own.aside(index)
    }
}
