//! What numbers a trained model gives for the rows of a CSV file.

use super::Args;
use super::kept::Kept;
use super::rows::{BATCH, read_table, remark_on_known};
use crate::bars::{figure, shortened};
use crate::csv_file::Dialect;
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::inputs::{self, Taken};
use crate::model_file::{self, Unfinished};
use crate::number_scores::shown;
use crate::trained::Trained;
use gradus::Tensor;
use gradus::data::{Table, Texts};
use gradus::nn::losses::Target;
use gradus::train::Learner;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

/// Predicts the rows of all files.
pub fn run(
    args: &Args,
    description: &Description,
    unfinished: Option<Unfinished>,
    learner: &mut Learner,
    out: &mut impl Write,
) -> Result<()> {
    let aim = description.aim();
    let record = model_file::record_of(&args.model)?;
    let trained = Trained::new(description, record.as_ref());
    let (mut records, mut met) = (vec![], (vec![], vec![]));
    let inputs = inputs::files(&args.inputs, args.out.as_deref(), Taken::Tables)?;
    let mut kept =
        Kept::new(args, unfinished, inputs.len(), &["file", "line"], aim.targets.iter().cloned());
    for path in &inputs {
        remark_on_known(args, path, &trained)?;
        let file = File::predict(args, path, description, learner).and_then(|(file, texts)| {
            let rows = |dialect| (0..file.rows()).map(|row| file.cells(row, dialect)).collect();
            kept.rows(path, &texts, &rows, &file.table.passed_over)?;
            Ok(file)
        });
        let Some(file) = kept.of(path, file)? else { continue };
        if !kept.is_file() {
            file.show(out)?;
        }
        kept.pass_over(out, path, &file.table.passed_over)?;
        records.extend((0..file.rows()).map(|row| file.record(row)));
        for row in (0..file.rows()).filter(|&row| file.is_told(row)) {
            met.0.extend_from_slice(file.of(&file.outputs, row));
            met.1.extend_from_slice(file.of(&file.table.targets, row));
        }
    }
    let k = aim.targets.len();
    let rows = met.0.len() / k;
    let mut metrics = Map::new();
    if rows > 0 {
        let (x, t) = (Tensor::from_slice(&met.0, [rows, k]), Tensor::from_slice(&met.1, [rows, k]));
        let mut told = vec![];
        for metric in aim.metrics() {
            let value = metric.over(&x, &t);
            told.push(format!("{} {}", metric.name, shown(value, metric.maximize)));
            metrics.insert(metric.name.into(), json!(value));
        }
        writeln!(out, "{} (of {rows} rows with the truth)", told.join("   "))?;
    }
    let model = &description.architecture;
    let mut record = json!({ "model": model, "targets": aim.targets, "predictions": records });
    metrics.into_iter().for_each(|(name, value)| record[name] = value);
    kept.finish(out, record)
}

/// A file and what the model gives for its rows.
struct File<'a> {
    path: &'a Path,
    names: &'a [String],
    target: Target,
    table: Table,
    /// A number for each target of each row, in the units of the data; of yes and no the logits.
    outputs: Vec<f64>,
}

impl<'a> File<'a> {
    /// # Errors
    /// When the file does not have the columns that the model learned from, or the model gives what is no number.
    fn predict(
        args: &Args,
        path: &'a Path,
        description: &'a Description,
        learner: &mut Learner,
    ) -> Result<(File<'a>, Texts)> {
        let (table, texts) = read_table(args, path, description)?;
        let (aim, normalization) = (description.aim(), description.normalization()?);
        let width = table.width;
        let mut values = vec![0.0; table.values.len()];
        let rows = table.values.chunks_exact(width).zip(values.chunks_exact_mut(width));
        rows.for_each(|(row, normal)| normalization.apply_row(row, normal));
        let mut outputs = vec![];
        for rows in values.chunks(BATCH * width) {
            let x = Tensor::from_slice(rows, [rows.len() / width, width]);
            outputs.extend(aim.restored(&learner.predict_batch(&x)?).to_vec::<f64>());
        }
        let names = &aim.targets;
        if let Some(at) = outputs.iter().position(|y| !y.is_finite()) {
            let (line, name) = (table.lines[at / names.len()], &names[at % names.len()]);
            let what = format!("the model gives {} for {name}; it says nothing", outputs[at]);
            return Err(CliError::Work(format!("{}, line {line}: {what}", path.display())));
        }
        Ok((File { path, names, target: aim.target(), table, outputs }, texts))
    }

    fn rows(&self) -> usize {
        self.table.lines.len()
    }
    fn has_truth(&self) -> bool {
        !self.table.targets.is_empty()
    }
    /// Whether all true numbers of a row are known.
    fn is_told(&self, row: usize) -> bool {
        self.has_truth() && self.of(&self.table.targets, row).iter().all(|t| !t.is_nan())
    }
    /// The row's part of a number for each target of each row.
    fn of<'n>(&self, all: &'n [f64], row: usize) -> &'n [f64] {
        let k = self.names.len();
        &all[row * k..(row + 1) * k]
    }
    /// What is told of an output: of a logit how probable a yes is.
    fn told(&self, y: f64) -> f64 {
        if self.target == Target::YesNo { 1.0 / (1.0 + (-y).exp()) } else { y }
    }
    /// An output in words; of a score the side it is on.
    fn cell(&self, y: f64) -> String {
        match self.target {
            Target::YesNo => format!("{:.1} %", 100.0 * self.told(y)),
            Target::Sides => format!("{} ({})", side(y), figure(y, 4)),
            _ => figure(y, 6),
        }
    }

    /// The line of a row, and its cells: a number for each target; of yes and no how probable a yes is.
    fn cells(&self, row: usize, dialect: Dialect) -> (u64, Vec<String>) {
        let numbers = self.of(&self.outputs, row).iter().map(|&y| dialect.number(self.told(y)));
        (self.table.lines[row], numbers.collect())
    }

    /// A table of rows and targets, the true ones beside them.
    fn show(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "{}", self.path.display())?;
        write!(out, "{:>6}", "line")?;
        let truth = |cell: String| if self.has_truth() { cell } else { String::new() };
        for name in self.names {
            write!(out, "  {:>14}{}", shortened(name, 14), truth(format!("  {:>10}", "truth")))?;
        }
        writeln!(out)?;
        for row in 0..self.rows() {
            write!(out, "{:>6}", self.table.lines[row])?;
            for (at, &y) in self.of(&self.outputs, row).iter().enumerate() {
                write!(out, "  {:>14}", self.cell(y))?;
                if self.has_truth() {
                    let true_one = self.of(&self.table.targets, row)[at];
                    let told = if true_one.is_nan() { "".into() } else { figure(true_one, 6) };
                    write!(out, "  {told:>10}")?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// For `--json`.
    fn record(&self, row: usize) -> Value {
        let by_name = |numbers: Vec<Value>| -> Value {
            self.names.iter().cloned().zip(numbers).collect::<Map<_, _>>().into()
        };
        let outputs = self.of(&self.outputs, row);
        let list = |of: &dyn Fn(f64) -> Value| by_name(outputs.iter().map(|&y| of(y)).collect());
        let mut record = json!({ "input": self.path, "line": self.table.lines[row] });
        match self.target {
            Target::YesNo => {
                record["probabilities"] = list(&|y| json!(self.told(y)));
                record["values"] = list(&|y| json!(f64::from(y > 0.0)));
            }
            Target::Sides => {
                record["scores"] = list(&|y| json!(y));
                record["values"] = list(&|y| json!(side(y)));
            }
            _ => record["values"] = list(&|y| json!(y)),
        }
        if self.has_truth() {
            let truth = self.of(&self.table.targets, row);
            record["truth"] = by_name(truth.iter().map(|&t| json!(t)).collect());
        }
        record
    }
}

/// The side of a score.
fn side(y: f64) -> f64 {
    if y > 0.0 { 1.0 } else { -1.0 }
}
