//! How the columns of a table become the numbers that a network takes: what is kept of it beside a model, so that other files are
//! read in the same way.

use crate::error::Result;
use gradus::data::{ColumnForm, CsvOptions, Dataset, Decimal, Filled, Missing};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whether a table's first line is a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum HeaderIs {
    /// It is.
    Yes,
    /// It is a row.
    No,
}

impl HeaderIs {
    /// As the reader has it.
    pub fn stated(header: Option<HeaderIs>) -> Option<bool> {
        header.map(|header| header == HeaderIs::Yes)
    }
}

/// What becomes of rows that lack a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MissingRule {
    /// They are left out.
    Drop,
    /// The mean of the column stands there, over the rows that are trained on.
    Mean,
}

impl MissingRule {
    /// As the reader has it.
    pub fn stated(rule: Option<MissingRule>) -> Missing {
        match rule {
            None => Missing::Refuse,
            Some(MissingRule::Drop) => Missing::Drop,
            Some(MissingRule::Mean) => Missing::Mean,
        }
    }
}

/// Which mark is before a table's decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DecimalIs {
    /// A comma: 1,5.
    Comma,
    /// A point: 1.5.
    Point,
}

impl DecimalIs {
    /// As the reader has it.
    fn stated(decimal: DecimalIs) -> Decimal {
        match decimal {
            DecimalIs::Comma => Decimal::Comma,
            DecimalIs::Point => Decimal::Point,
        }
    }
}

/// What is stated of a table's cells.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// Whether the first line is a header.
    pub header: Option<HeaderIs>,
    /// What becomes of rows that lack a value.
    pub missing: Option<MissingRule>,
    /// What stands for a missing value beside what always does.
    pub missing_values: Vec<String>,
    /// Which mark is before decimals.
    pub decimal: Option<DecimalIs>,
}

impl Cells {
    /// Says so of a file. What is not stated of missing values and decimals stays as it is.
    pub fn put_on(&self, csv: &mut CsvOptions) {
        csv.header = HeaderIs::stated(self.header);
        csv.missing = MissingRule::stated(self.missing);
        csv.decimal = self.decimal.map(DecimalIs::stated).or(csv.decimal);
        if !self.missing_values.is_empty() {
            csv.missing_values = self.missing_values.clone();
        }
    }
}

/// What a column of the table is taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; without a header its number, from 1.
    pub name: String,
    /// The texts that become a feature each; none of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// How a table is read, where that is not just columns of numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableForm {
    /// Whether the first line is a header, if it was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderIs>,
    /// What becomes of rows that lack a value, if it was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingRule>,
    /// The columns that are learned from, if some hold texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// What stands for a missing value beside what always does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_values: Vec<String>,
    /// Whether numbers have decimal commas, and points between thousands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    /// Which mark is before decimals, if it was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalIs>,
    /// What stands for each missing feature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<f64>,
}

impl TableForm {
    /// Whether there is nothing to keep.
    pub fn is_plain(&self) -> bool {
        *self == TableForm::default()
    }

    /// Of data as they were opened.
    pub fn new(
        cells: Cells,
        forms: &[ColumnForm],
        decimal_comma: bool,
        means: Vec<f64>,
    ) -> TableForm {
        let column = |form: &ColumnForm| Column {
            name: form.name.clone(),
            categories: form.categories.clone(),
        };
        let texts = forms.iter().any(|form| !form.categories.is_empty());
        let columns = if texts { forms.iter().map(column).collect() } else { vec![] };
        let Cells { header, missing, missing_values, decimal } = cells;
        TableForm { header, missing, columns, missing_values, decimal_comma, decimal, means }
    }

    /// How many columns of a file it takes for `features` numbers.
    pub fn source_columns(&self, features: usize) -> usize {
        if self.columns.is_empty() { features } else { self.columns.len() }
    }

    /// Says how a file is read whose features have these names, or are so many without names.
    pub fn put_on(&self, csv: &mut CsvOptions, names: &[String], features: usize) {
        let form = |column: &Column| ColumnForm {
            name: column.name.clone(),
            categories: column.categories.clone(),
        };
        let number = |name: String| ColumnForm { name, categories: vec![] };
        csv.forms = match (&self.columns[..], names) {
            ([], []) => (1..=features).map(|column| number(column.to_string())).collect(),
            ([], names) => names.iter().cloned().map(number).collect(),
            (columns, _) => columns.iter().map(form).collect(),
        };
        if !names.is_empty() {
            csv.features = csv.forms.iter().map(|form| form.name.clone()).collect();
        }
        csv.decimal_comma = self.decimal_comma;
        self.cells().put_on(csv);
    }

    /// How the cells of a table are read.
    pub fn cells(&self) -> Cells {
        let (header, missing, decimal) = (self.header, self.missing, self.decimal);
        Cells { header, missing, missing_values: self.missing_values.clone(), decimal }
    }

    /// Data without missing values, if means stand for them.
    pub fn filled(&self, data: Arc<dyn Dataset>) -> Result<Arc<dyn Dataset>> {
        match &self.means[..] {
            [] => Ok(data),
            means => Ok(Arc::new(Filled::new(data, means)?)),
        }
    }

    /// The same of the rows of one file, in place.
    pub fn fill(&self, rows: &mut [f64]) {
        if self.means.is_empty() {
            return;
        }
        for row in rows.chunks_exact_mut(self.means.len()) {
            row.iter_mut().zip(&self.means).filter(|(x, _)| x.is_nan()).for_each(|(x, &m)| *x = m);
        }
    }

    /// What does not fit a model of so many features: found, and expected.
    pub fn misfit(&self, features: usize) -> Option<(String, String)> {
        let wide: usize = self.columns.iter().map(|column| column.categories.len().max(1)).sum();
        if !self.columns.is_empty() && wide != features {
            return Some((format!("columns of {wide} features"), features.to_string()));
        }
        let means = self.means.len();
        let wanted = if self.missing == Some(MissingRule::Mean) { features } else { 0 };
        (means != wanted || !self.means.iter().all(|mean| mean.is_finite()))
            .then(|| (format!("{means} means"), format!("{wanted}, all finite")))
    }
}
