//! What a trained model takes the rows of a CSV file for: classes here, numbers in [`super::numbers`].

use super::Args;
use super::kept::{Kept, carried, class_cells, class_columns};
use crate::bars::shortened;
use crate::csv_file::Dialect;
use crate::datasets::{Pictures, called, remark};
use crate::description::Description;
use crate::error::{CliError, Result, shell_word};
use crate::inputs::{self, Taken};
use crate::learned::Change;
use crate::model_file::{self, Unfinished};
use crate::scores::{largest, mean_probabilities};
use crate::table_form::Cells;
use crate::trained::Trained;
use gradus::Tensor;
use gradus::data::{
    CsvOptions, Header, LabelColumn, Split, Table, Texts, label_spelling, parse_csv,
    parse_csv_header, read_file,
};
use gradus::train::Learner;
use serde_json::{Value, json};
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
    let (mut right, mut labelled, mut records) = (0, 0, vec![]);
    let record = model_file::record_of(&args.model)?;
    let trained = Trained::new(description, record.as_ref());
    let (inputs, classes) =
        (inputs::files(&args.inputs, args.out.as_deref(), Taken::Tables)?, &description.classes);
    let top = (args.top as usize).min(classes.len());
    let columns = class_columns(top).chain(["label".into()]);
    let mut kept = Kept::new(args, unfinished, inputs.len(), &["file", "line"], columns);
    for path in &inputs {
        remark_on_known(args, path, &trained)?;
        let read = read_table(args, path, description);
        let read = read.and_then(|(mut table, texts)| {
            let passed_over = std::mem::take(&mut table.passed_over);
            let predictions = predict(path, table, description, learner)?;
            let cells = |p: &Prediction, dialect: Dialect| {
                let label = p.label.clone().unwrap_or_default();
                let cells = class_cells(classes, &p.p, top, dialect);
                (p.line, cells.into_iter().chain([label]).collect())
            };
            let rows = |dialect| predictions.iter().map(|p| cells(p, dialect)).collect();
            kept.rows(path, &texts, &rows, &passed_over)?;
            Ok((predictions, passed_over))
        });
        let Some((predictions, passed_over)) = kept.of(path, read)? else { continue };
        if !kept.is_file() {
            show(out, path, &predictions)?;
        }
        kept.pass_over(out, path, &passed_over)?;
        right += predictions.iter().filter(|p| p.is_right() == Some(true)).count();
        labelled += predictions.iter().filter(|p| p.label.is_some()).count();
        records.extend(predictions.iter().map(|p| p.record(path, classes)));
    }
    let accuracy = (labelled > 0).then(|| right as f64 / labelled as f64);
    if let Some(accuracy) = accuracy {
        writeln!(out, "accuracy {accuracy:.4} ({right} of {labelled} rows as labelled)")?;
    }
    let model = &description.architecture;
    kept.finish(out, json!({ "model": model, "predictions": records, "accuracy": accuracy }))
}

/// Rows that are predicted together.
pub(super) const BATCH: usize = 250;

/// What a row is taken for.
struct Prediction {
    /// Its line in the file.
    line: u64,
    /// The name of its most probable class.
    class: String,
    /// The probability of each class.
    p: Vec<f64>,
    /// The label in the file, if there is one.
    label: Option<String>,
}

/// Reads a file's rows as the model's were, without those that lack a value or hold a text that it does not know, and the columns
/// that are carried on.
///
/// # Errors
/// When the file does not have the columns that the model learned from.
pub(super) fn read_table(
    args: &Args,
    path: &Path,
    description: &Description,
) -> Result<(Table, Texts)> {
    let bytes = read_file(path)?;
    let name = called(&path.display().to_string()).to_owned();
    let decimal_comma = description.table.decimal_comma;
    let mut stated = CsvOptions { decimal_comma, lenient: true, ..CsvOptions::default() };
    Cells { header: args.header.or(description.table.header), ..description.table.cells() }
        .put_on(&mut stated);
    let columns = columns_of(&name, &parse_csv_header(&bytes, &name, &stated)?, description)?;
    let mut table =
        parse_csv(&bytes, &name, &CsvOptions { header: stated.header, lenient: true, ..columns })?;
    remark(&name, &table.remarks);
    description.table.fill(&mut table.values);
    Ok((table, carried(args, &bytes, &name, &stated)?))
}

/// Predicts every row of a file.
///
/// # Errors
/// When the model gives what is no probability.
fn predict(
    path: &Path,
    table: Table,
    description: &Description,
    learner: &mut Learner,
) -> Result<Vec<Prediction>> {
    let normalization = description.normalization()?;
    let (width, classes) = (table.width, description.classes.len());
    let mut values = vec![0.0; table.values.len()];
    let rows = table.values.chunks_exact(width).zip(values.chunks_exact_mut(width));
    rows.for_each(|(row, normal)| normalization.apply_row(row, normal));
    let mut labels = table.labels.into_iter();
    let mut lines = table.lines.into_iter();
    let mut predictions = vec![];
    for rows in values.chunks(BATCH * width) {
        let x = Tensor::from_slice(rows, [rows.len() / width, width]);
        let logits = learner.predict_batch(&x)?.to_vec::<f32>();
        for (logits, line) in logits.chunks_exact(classes).zip(&mut lines) {
            let p = mean_probabilities(logits, classes);
            let class = description.classes[largest(&p)].clone();
            if p.iter().any(|p| p.is_nan()) {
                let what = "the model's scores of the classes are not finite; it says nothing";
                return Err(CliError::Work(format!("{}, line {line}: {what}", path.display())));
            }
            // A label may be missing.
            let label = labels.next().filter(|label| !label.is_empty());
            predictions.push(Prediction { line, class, p, label });
        }
    }
    Ok(predictions)
}

/// Says which rows of a file the model has seen, if that is the file it was trained on, and whether it has changed since.
pub(super) fn remark_on_known(args: &Args, path: &Path, trained: &Trained<'_>) -> Result<()> {
    let description = trained.description;
    let (name, Some(learned)) = (path.display().to_string(), &description.learned) else {
        return Ok(());
    };
    if !trained.is_of(&name) {
        return Ok(());
    }
    let csv = description.csv(description.label_column()?);
    let pictures = Pictures::of_input(&description.input);
    // Without labels it is another file by now, which is predicted all the same.
    let Ok(opened) = trained.open(&name, pictures, &csv) else { return Ok(()) };
    let by_content = opened.splits.rule.as_ref().is_some_and(Split::is_by_content);
    let change = learned.change(&opened.splits, &opened.fingerprint);
    if change != Change::None {
        let text = change.text(description.noun());
        say!("remark: {name} has changed since training: {text}");
    }
    if change == Change::None || by_content {
        let (seen, held) = (opened.splits.train.len(), opened.splits.test.len());
        let (model, all) = (shell_word(&args.model), seen + held);
        say!(
            "remark: the model was trained on {seen} of the {all} rows of {name}; gradus eval {model} tests it on the other {held}"
        );
    }
    Ok(())
}

/// How a file is read that may have no label, or no targets.
pub(super) fn columns_of(
    name: &str,
    header: &Header,
    description: &Description,
) -> Result<CsvOptions> {
    let aim = description.aim();
    // A file without names has all columns of before, or just those that are learned from.
    if description.columns.is_empty() && !description.left_out.is_empty() {
        return of_left_out(name, header, description);
    }
    if aim.is_of_classes() {
        return Ok(description.csv(label_of(name, header, description)?));
    }
    let mut csv = description.csv(LabelColumn::None);
    let (width, targets) = (description.source_columns(), aim.targets.len());
    let there = match &description.columns[..] {
        [] if header.columns == width => false,
        [] if header.columns == width + targets => true,
        [] => {
            return Err(CliError::Work(format!(
                "{name}: found {} columns, expected {width} as the model learned from, or {} with its targets",
                header.columns,
                width + targets
            )));
        }
        _ => aim.targets.iter().all(|target| header.find(target).is_some()),
    };
    if !there {
        csv.targets.clear();
    }
    Ok(csv)
}

/// How a file without names is read of which training left out some columns.
fn of_left_out(name: &str, header: &Header, description: &Description) -> Result<CsvOptions> {
    let (width, left) = (description.source_columns(), description.left_out.len());
    let learned = description.aim().targets.len().max(1);
    if header.columns == width {
        let csv = description.csv(LabelColumn::None);
        return Ok(CsvOptions { leave_out: vec![], targets: vec![], ..csv });
    }
    if header.columns == width + left + learned {
        return Ok(description.csv(description.label_column()?));
    }
    Err(CliError::Work(format!(
        "{name}: found {} columns, expected the {} of the file that the model learned from, or only the {width} that it takes",
        header.columns,
        width + left + learned
    )))
}

/// Where the labels are in a file that may have none.
fn label_of(name: &str, header: &Header, description: &Description) -> Result<LabelColumn> {
    let learned = description.label_column()?;
    if !description.columns.is_empty() {
        let there = matches!(&learned, LabelColumn::Name(n) if header.find(n).is_some());
        return Ok(if there { learned } else { LabelColumn::None });
    }
    let width = description.source_columns();
    match header.columns.checked_sub(width) {
        Some(0) => Ok(LabelColumn::None),
        Some(1) => Ok(learned),
        _ => Err(CliError::Work(format!(
            "{name}: found {} columns, expected {width} as the model learned from, or one more with the label",
            header.columns
        ))),
    }
}

/// A table of rows and classes.
fn show(out: &mut impl Write, path: &Path, predictions: &[Prediction]) -> Result<()> {
    let longest = predictions.iter().map(|p| p.class.chars().count()).max().unwrap_or(0);
    let width = longest.clamp(5, 20);
    writeln!(out, "{}", path.display())?;
    let labelled = predictions.iter().any(|p| p.label.is_some());
    let label = if labelled { "  label" } else { "" };
    writeln!(out, "{:>6}  {:<width$} {:>7}{label}", "line", "class", "")?;
    for p in predictions {
        let (class, percent) = (shortened(&p.class, width), 100.0 * p.p[largest(&p.p)]);
        let label = p.label.as_ref().map(|label| format!("  {}", shortened(label, width)));
        let mark = if p.is_right() == Some(false) { "  wrong" } else { "" };
        let label = label.unwrap_or_default();
        writeln!(out, "{:>6}  {class:<width$} {percent:5.1} %{label}{mark}", p.line)?;
    }
    Ok(())
}

impl Prediction {
    /// Whether it is the label, if there is one.
    fn is_right(&self) -> Option<bool> {
        self.label.as_ref().map(|label| label_spelling(label) == label_spelling(&self.class))
    }

    /// For `--json`.
    fn record(&self, path: &Path, classes: &[String]) -> Value {
        let all: serde_json::Map<String, Value> =
            classes.iter().cloned().zip(self.p.iter().map(|&p| json!(p))).collect();
        let p = self.p[largest(&self.p)];
        json!({
            "input": path, "line": self.line, "class": self.class, "probability": p,
            "probabilities": all, "label": self.label,
        })
    }
}
