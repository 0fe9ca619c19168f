//! Columns that say what is to be learned: a copy of the target in other units, a code for the class. What learns from them is of
//! no use where they are not known.

use gradus::data::{ColumnForm, Dataset, target_of};
use std::collections::HashMap;

/// So many rows are looked at, spread over all; fewer than the second prove nothing.
const LOOKED_AT: usize = 20_000;
const PROOF: usize = 20;
/// A correlation from which on a column is nearly a target.
const NEARLY: f64 = 0.999;
/// Rows for each class, on average, from which on values that go with one class each are no accident.
const OF_EACH: usize = 5;

/// What is said of columns that equal or nearly determine what is to be learned.
pub fn remarks(train: &dyn Dataset, forms: &[ColumnForm]) -> Vec<String> {
    let looked_at = train.len().min(LOOKED_AT);
    if looked_at < PROOF || train.shape().len() != 1 || forms.is_empty() {
        return vec![];
    }
    let rows: Vec<usize> = (0..looked_at).map(|k| k * train.len() / looked_at).collect();
    let targets = train.targets().names();
    let mut remarks = vec![];
    let mut first = 0;
    for form in forms {
        let values = values(train, &rows, first, form);
        first += form.width();
        if targets.is_empty() {
            remarks.extend(of_classes(train, &rows, &values, form));
        } else if form.categories.is_empty() {
            remarks.extend(targets.iter().enumerate().filter_map(|(at, target)| {
                let y: Vec<f64> = rows.iter().map(|&row| target_of(train, row)[at]).collect();
                of_numbers(&values, &y, &form.name, target)
            }));
        }
    }
    remarks
}

/// What a column holds in each row: its number, or the place of its text; NaN for nothing.
fn values(train: &dyn Dataset, rows: &[usize], first: usize, form: &ColumnForm) -> Vec<f64> {
    let value = |&row: &usize| {
        let Some(row) = train.row(row) else { return f64::NAN };
        match form.categories.len() {
            0 => row[first],
            n => match row[first..first + n].iter().position(|&x| x == 1.0) {
                Some(place) => place as f64,
                None => f64::NAN,
            },
        }
    };
    rows.iter().map(value).collect()
}

/// Whether a column is a target, or a straight line leads from one to the other.
fn of_numbers(x: &[f64], y: &[f64], column: &str, target: &str) -> Option<String> {
    let pairs: Vec<(f64, f64)> =
        x.iter().copied().zip(y.iter().copied()).filter(|(x, y)| !(x + y).is_nan()).collect();
    if pairs.len() < PROOF {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(&|p| p.0), mean(&|p| p.1));
    let sxy = mean(&|p| (p.0 - mx) * (p.1 - my));
    let (sxx, syy) = (mean(&|p| (p.0 - mx).powi(2)), mean(&|p| (p.1 - my).powi(2)));
    let r = sxy / (sxx * syy).sqrt();
    // A column that is always the same has no correlation.
    if r.is_nan() || r.abs() <= NEARLY {
        return None;
    }
    let says = match pairs.iter().all(|(x, y)| x == y) {
        true => format!("equals the target {target}"),
        false => format!("nearly says the target {target} (correlation {r:.5})"),
    };
    Some(told(column, &says))
}

/// Whether each value of a column goes with one class, and each class with one value.
fn of_classes(
    train: &dyn Dataset,
    rows: &[usize],
    values: &[f64],
    form: &ColumnForm,
) -> Option<String> {
    let mut class_of: HashMap<u64, i64> = HashMap::new();
    let mut value_of: HashMap<i64, u64> = HashMap::new();
    for (&row, &value) in rows.iter().zip(values) {
        let (value, class) = ((value + 0.0).to_bits(), train.label(row));
        if f64::from_bits(value).is_nan()
            || *class_of.entry(value).or_insert(class) != class
            || *value_of.entry(class).or_insert(value) != value
        {
            return None;
        }
    }
    let classes = value_of.len();
    (classes > 1 && rows.len() >= OF_EACH * classes)
        .then(|| told(&form.name, "has a value of its own for each class"))
}

fn told(column: &str, says: &str) -> String {
    format!(
        "column {column} {says}: if it is not known where the model is to be used, --drop {column} leaves it out"
    )
}

#[cfg(test)]
mod tests {
    use super::remarks;
    use gradus::data::{CsvOptions, TabularDataset, parse_csv};

    fn said(text: &str, targets: &[&str]) -> String {
        let targets = targets.iter().map(|&name| name.to_owned()).collect();
        let options = CsvOptions { targets, ..CsvOptions::default() };
        let table = parse_csv(text.as_bytes(), "t.csv", &options).unwrap();
        let data = TabularDataset::new(table, "t.csv", None).unwrap();
        remarks(&data, data.forms()).join("\n")
    }

    #[test]
    fn copies_of_what_is_to_be_learned() {
        let row = |i: u32| format!("{i},{},{},{}\n", i * i % 17, 10 * i + i % 2, 10 * i);
        let rows: String = (0..40).map(row).collect();
        let told = said(&format!("a,b,euro,price\n{rows}"), &["price"]);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 2, "{told}");
        assert!(
            lines[0].starts_with("column a nearly says the target price (correlation 1.00000)")
        );
        assert!(
            lines[1].starts_with("column euro nearly says") && lines[1].ends_with("leaves it out")
        );
        let same: String = (0..40).map(|i| format!("{i},{}\n", i)).collect();
        assert!(said(&format!("a,b\n{same}"), &["b"]).starts_with("column a equals the target b"));
        let noise: String = (0..40).map(|i| format!("{},{i}\n", i * 7 % 40)).collect();
        assert_eq!(said(&format!("a,b\n{noise}"), &["b"]), "");
    }

    #[test]
    fn codes_of_classes() {
        let row = |i: u32| format!("{},{},{i},{}\n", i % 3, ["x", "y", "z"][i as usize % 3], i % 3);
        let rows: String = (0..30).map(row).collect();
        let told = said(&format!("code,name,n,label\n{rows}"), &[]);
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.contains("column code has a value of its own for each class"));
        let mixed = rows.replacen("0,x,0,0", "1,y,0,0", 1);
        assert_eq!(said(&format!("code,name,n,label\n{mixed}"), &[]), "");
    }
}
