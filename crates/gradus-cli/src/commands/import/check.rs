//! Proofs of an import: the model gives what the original gave, or is right about labelled samples. Of the candidates the one
//! that does best is taken.

use super::Args;
use super::candidates::{Candidate, Candidates};
use crate::augmentation::Shown;
use crate::bars::{counted, grouped};
use crate::datasets::{self, Pictures};
use crate::error::{CliError, Result};
use crate::experiment::in_order;
use crate::scores::{Scores, probabilities};
use gradus::Tensor;
use gradus::data::{Dataset, LabelColumn, Subset, labels_of};
use gradus::io::numpy::read_npy;
use gradus::io::{DType, NamedArray};
use gradus::models::import::Origin;
use gradus::nn::{Context, Layer};
use gradus::train::Learner;
use gradus::train::optim::Sgd;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// Samples that go through a network together.
const BATCH: usize = 16;
/// Candidates are compared on so many samples; the best is tested on all.
const COMPARED: usize = 1_000;

/// What the checks found.
pub struct Checked {
    /// The candidate that is taken.
    pub best: usize,
    /// Those that nothing told apart from it, itself among them.
    pub alike: Vec<usize>,
    /// Whether labelled samples were looked at.
    pub by_data: bool,
    /// What is told of it, a line each.
    pub lines: Vec<String>,
    /// The same for programs.
    pub record: Map<String, Value>,
}

/// Checks what can be checked.
///
/// # Errors
/// When no candidate gives what it should.
pub fn run(args: &Args, candidates: &mut Candidates) -> Result<Checked> {
    let first = &candidates.all[0];
    let missing = &candidates.imported(first).missing;
    if args.checks() && !missing.is_empty() {
        let what =
            format!("the file lacks {} of the network", counted(missing.len() as u64, "layer"));
        return Err(CliError::Usage(format!("--partial: {what}, so no check can prove the rest")));
    }
    let mut checked = Checked {
        best: 0,
        alike: (0..candidates.all.len()).collect(),
        by_data: false,
        lines: vec![],
        record: Map::new(),
    };
    if let (Some(x), Some(y)) = (&args.check_input, &args.check_output) {
        by_outputs(candidates, &mut checked, x, y, args.check_tolerance)?;
    }
    if let Some(data) = &args.check_data {
        by_data(args, candidates, &mut checked, data)?;
    }
    Ok(checked)
}

/// Keeps the candidates that give for `x` what the original gave.
fn by_outputs(
    candidates: &Candidates,
    checked: &mut Checked,
    x: &Path,
    y: &Path,
    tolerance: f64,
) -> Result<()> {
    let [given, expected] = [x, y].map(numbers);
    let (given, expected) = (given?, expected?);
    let size = expected.1.iter().fold(0f64, |m, y| m.max(f64::from(y.abs())));
    let mut differences: Vec<f64> = vec![];
    let mut done: Vec<([(&str, String); 4], f64)> = vec![];
    for candidate in &candidates.all {
        let mut key = candidates.conventions(candidate);
        // The original was given what was prepared already.
        key[3].1.clear();
        let known = done.iter().find(|(other, _)| *other == key).map(|(_, found)| *found);
        let found = match known {
            Some(found) => found,
            None => difference(candidates, candidate, x, &given, y, &expected)?,
        };
        done.push((key, found));
        differences.push(found);
    }
    let share = |i: usize| match size > 0.0 {
        true => differences[i] / size,
        false => differences[i],
    };
    let pass: Vec<usize> = (0..differences.len()).filter(|&i| share(i) <= tolerance).collect();
    let shown = |i: usize| {
        let label = candidates.label(&candidates.all[i]);
        format!(
            "{label}: the largest difference is {:.2e}, {:.1e} of the largest output",
            differences[i],
            share(i)
        )
    };
    let mut lines: Vec<String> = vec![];
    (0..differences.len()).map(shown).for_each(|line| {
        let known = lines.contains(&line);
        lines.extend((!known).then_some(line));
    });
    let Some(&best) = pass.iter().min_by(|&&a, &&b| share(a).total_cmp(&share(b)).then(a.cmp(&b)))
    else {
        let what = format!(
            "{}: the model gives other outputs (at most {tolerance:.0e} was allowed)",
            y.display()
        );
        return Err(CliError::Work(format!("{what}\n  {}", lines.join("\n  "))));
    };
    if candidates.all.len() > 1 {
        say!("tried on {}:\n  {}", x.display(), lines.join("\n  "));
    }
    let outputs = expected.1.len() as u64;
    checked.lines.push(format!(
        "check  {} of the original are met: the largest difference is {:.2e}, {:.1e} of the largest",
        counted(outputs, "output"),
        differences[best],
        share(best)
    ));
    checked.record.insert("largest_difference".into(), json!(differences[best]));
    (checked.best, checked.alike) = (best, pass);
    Ok(())
}

type Numbers = (Vec<usize>, Vec<f32>);

/// An array's shape and values.
fn numbers(path: &Path) -> Result<Numbers> {
    let array: NamedArray = read_npy(path)?.cast(DType::F32).map_err(|e| e.in_file(path))?;
    let values = array.to_f32().expect("it was cast");
    if let Some(i) = values.iter().position(|x| !x.is_finite()) {
        let what = format!("number {i} is {}, expected a finite one", values[i]);
        return Err(CliError::Work(format!("{}: {what}", path.display())));
    }
    Ok((array.shape, values))
}

/// The largest difference between what a candidate gives for `x` and `y`; infinite if it gives no numbers.
fn difference(
    candidates: &Candidates,
    candidate: &Candidate,
    x_path: &Path,
    x: &Numbers,
    y_path: &Path,
    y: &Numbers,
) -> Result<f64> {
    let about = &candidate.description;
    let keras = candidates.imported(candidate).origin == Origin::Keras;
    let x = batch(&about.input, x, keras).ok_or_else(|| {
        let what = format!("found shape {:?}, expected a batch of {:?}", x.0, about.input);
        CliError::Work(format!("{}: {what}", x_path.display()))
    })?;
    let (samples, classes) = (x.shape()[0], about.classes.len());
    if y.0.iter().product::<usize>() != samples * classes || y.0.last() != Some(&classes) {
        let what = format!("found shape {:?}, expected {:?}", y.0, [samples, classes]);
        return Err(CliError::Work(format!("{}: {what}", y_path.display())));
    }
    let model = candidates.build_original(candidate)?;
    let mut found: Vec<f32> = vec![];
    for start in (0..samples).step_by(BATCH) {
        let some = x.slice(0, start..samples.min(start + BATCH));
        let logits = gradus::try_build(|| model.forward(&some, &Context::eval()))?;
        found.extend(logits.try_to_vec::<f32>()?);
    }
    let largest = |found: &mut dyn Iterator<Item = f64>| {
        let differ = found.zip(&y.1).map(|(a, &b)| (a - f64::from(b)).abs());
        differ.fold(0f64, |m, d| if d.is_nan() { f64::INFINITY } else { m.max(d) })
    };
    let as_given = largest(&mut found.iter().map(|&x| x.into()));
    // Networks elsewhere may end with a softmax; ours give what goes into it.
    let is_share = |row: &[f32]| {
        row.iter().all(|p| (0.0..=1.0).contains(p)) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-3
    };
    if !y.1.chunks(classes).all(is_share) {
        return Ok(as_given);
    }
    let shares: Vec<f64> = found.chunks(classes).flat_map(probabilities).collect();
    Ok(as_given.min(largest(&mut shares.into_iter())))
}

/// Samples of a shape: `[N, …]`, or one alone; of pictures with the channels last where they only fit so, or are Keras's.
fn batch(sample: &[usize], (shape, values): &Numbers, keras: bool) -> Option<Tensor> {
    let shape =
        if shape.len() == sample.len() { [&[1], &shape[..]].concat() } else { shape.clone() };
    let (&samples, rest) = shape.split_first()?;
    let last = match *sample {
        [c, h, w] => vec![h, w, c],
        _ => vec![],
    };
    let turned = rest == last && (keras || rest != sample);
    if samples == 0 || !(turned || rest == sample) {
        return None;
    }
    let x = Tensor::from_slice(values, &shape[..]);
    Some(if turned { x.permute([0, 3, 1, 2]) } else { x })
}

/// Tests candidates on labelled samples: all on some, the best on all.
fn by_data(
    args: &Args,
    candidates: &mut Candidates,
    checked: &mut Checked,
    data: &str,
) -> Result<()> {
    let noun = candidates.all[0].description.noun();
    let mut samples = Samples { args, data, opened: vec![] };
    // Their classes may get names by it.
    let test = samples.of(candidates, checked.best)?;
    if checked.alike.len() > 1 {
        let kept = test.len().min(COMPARED);
        let mut right: Vec<(usize, f64)> = vec![];
        for &i in &checked.alike {
            let test = samples.of(candidates, i)?;
            // Spread over all of them, as data sets are often sorted by label.
            let some: Vec<usize> = (0..kept).map(|n| n * test.len() / kept).collect();
            let some: Arc<dyn Dataset> = Arc::new(Subset::new(test, some)?);
            right.push((i, measure(candidates, i, data, some)?.accuracy()));
        }
        choose(
            candidates,
            checked,
            right,
            kept,
            &format!("{} of {data}", counted(kept as u64, noun)),
        );
    }
    checked.by_data = true;
    let test = samples.of(candidates, checked.best)?;
    let scores = measure(candidates, checked.best, data, test.clone())?;
    scores.warn(noun);
    refuse_guessing(data, &*test, scores.accuracy())?;
    checked.lines.push(format!(
        "check  accuracy {:.4}   loss {:.4}   ({} {noun}s of {data})",
        scores.accuracy(),
        scores.loss,
        grouped(scores.samples),
    ));
    checked.record.insert("accuracy".into(), json!(scores.accuracy()));
    checked.record.insert("samples".into(), json!(scores.samples));
    Ok(())
}

/// Takes the candidate that is right most often, the likeliest of equals; those within twice the deviation of a difference
/// are not told apart from it.
fn choose(
    candidates: &Candidates,
    checked: &mut Checked,
    mut right: Vec<(usize, f64)>,
    samples: usize,
    on: &str,
) {
    right.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let label = |i: usize| candidates.label(&candidates.all[i]);
    let lines = right.iter().map(|&(i, accuracy)| format!("\n  {accuracy:.4}  {}", label(i)));
    say!("accuracies on {on}:{}", lines.collect::<String>());
    let tried =
        right.iter().map(|&(i, accuracy)| json!({ "convention": label(i), "accuracy": accuracy }));
    checked.record.insert("tried".into(), tried.collect());
    let (best, top) = right[0];
    let noise = 2.0 * (2.0 * top * (1.0 - top) / samples as f64).sqrt();
    checked.best = best;
    checked.alike = right.iter().filter(|(_, a)| top - a <= noise).map(|(i, _)| *i).collect();
}

fn measure(
    candidates: &Candidates,
    index: usize,
    data: &str,
    samples: Arc<dyn Dataset>,
) -> Result<Scores> {
    let candidate = &candidates.all[index];
    let about = &candidate.description;
    let evaluation = about.evaluation()?;
    let loader = in_order(samples, &about.normalization()?, &evaluation, about.aim())?;
    about.check(data, &loader)?;
    // Nothing is trained: the learner is asked for predictions only.
    let mut learner = Learner::new(Arc::new(candidates.build(candidate)?), Sgd::new(0.0));
    Scores::measure(&mut learner, &loader, evaluation.views(), about.aim())
}

/// The samples to test on, as each candidate is shown them.
struct Samples<'a> {
    args: &'a Args,
    data: &'a str,
    /// By how they are shown.
    opened: Vec<(Vec<Shown>, Arc<dyn Dataset>)>,
}

impl Samples<'_> {
    fn of(&mut self, candidates: &mut Candidates, index: usize) -> Result<Arc<dyn Dataset>> {
        let about = candidates.all[index].description.clone();
        if let Some((_, known)) = self.opened.iter().find(|(shown, _)| *shown == about.evaluate) {
            return Ok(known.clone());
        }
        let pictures = Pictures::of_input(&about.input).squares(None, about.evaluation()?.loaded());
        let splits = datasets::open(self.data, pictures, &about.csv(LabelColumn::Auto), None)?;
        let test = splits.whole.unwrap_or(splits.test);
        if test.is_empty() {
            return Err(CliError::Work(format!("{}: found no samples to test on", self.data)));
        }
        let test = labelled(self.args, candidates, self.data, test)?;
        self.opened.push((about.evaluate, test.clone()));
        Ok(test)
    }
}

/// Samples labelled by the candidates' classes, which take their names from the data if they have none.
fn labelled(
    args: &Args,
    candidates: &mut Candidates,
    data: &str,
    test: Arc<dyn Dataset>,
) -> Result<Arc<dyn Dataset>> {
    let (names, own) = (test.classes().to_vec(), candidates.all[0].description.classes.clone());
    let unnamed = own.iter().enumerate().all(|(i, name)| *name == i.to_string());
    if names.iter().all(|name| own.contains(name)) {
        return datasets::labelled_as(&candidates.all[0].description, data, test);
    }
    if !unnamed {
        let strange = names.iter().find(|name| !own.contains(name)).map_or("", |name| name);
        let what = format!("its class {strange:?} is none of the model's ({}, …)", own[0]);
        return Err(CliError::Work(format!("{data}: {what}")));
    }
    if names.len() != own.len() {
        let (found, wanted) = (names.len(), own.len());
        let remedy = match args.classes {
            None => format!(
                "--classes {found} for a network with so many, or a file with the names of all {wanted}"
            ),
            Some(_) => format!("a file with the names of all {wanted}: --classes FILE"),
        };
        let what = format!("found {found} classes, the network has {wanted}; give {remedy}");
        return Err(CliError::Work(format!("{data}: {what}")));
    }
    candidates.all.iter_mut().for_each(|c| c.description.classes.clone_from(&names));
    Ok(test)
}

/// Refuses a model that is right no more often than one that always says the same or anything.
fn refuse_guessing(data: &str, test: &dyn Dataset, accuracy: f64) -> Result<()> {
    let labels = labels_of(test);
    let mut counts = vec![0u64; test.classes().len()];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let n = labels.len() as f64;
    let commonest = counts.iter().max().map_or(0.0, |&most| most as f64 / n);
    let guessed = commonest.max(1.0 / counts.len() as f64);
    if accuracy > guessed + 2.0 * (guessed * (1.0 - guessed) / n).sqrt() || guessed >= 1.0 {
        return Ok(());
    }
    let what = format!("the model's accuracy is {accuracy:.4}, that of guessing is {guessed:.4}");
    Err(CliError::Work(format!(
        "{data}: {what}; these weights are not for these samples and classes, or not in a convention that was tried"
    )))
}
