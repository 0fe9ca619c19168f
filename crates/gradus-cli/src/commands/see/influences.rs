//! Which samples of the training helped the network to what it says of a picture, and which hindered it (TracIn).

use super::look::{Data, Look, Picture, pixels, pixels_of};
use super::shown::{Section, Seen, Sheet, Tile};
use crate::bars::{counted, figure, grouped};
use crate::error::{CliError, Result};
use crate::run_dir;
use gradus::Tensor;
use gradus::io::Checkpoint;
use gradus::io::log::read_json_lines;
use gradus::nn::{Init, Layer};
use gradus::see::{Labelled, Subject, Then, influence};
use gradus::train::set_weights;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many samples of either kind are shown for a picture.
const SHOWN: usize = 8;
/// So many training samples are looked at at once.
const AT_ONCE: usize = 4096;
/// What a checkpoint calls the network's weights.
const WEIGHTS: &str = "model.";

pub fn see(look: &Look<'_>) -> Result<Seen> {
    let before_last = before_last(look)?;
    let times = Times::of(look)?;
    let classes = look.pictures.iter().map(|picture| asked(look, picture));
    let classes = classes.collect::<Result<Vec<_>>>()?;
    let shown = pixels_of(look.pictures.iter().map(|picture| ((), picture.x.clone())));
    let test = Labelled { x: &shown, labels: &classes };
    let data = look.trained_on()?;
    if data.classes != look.description.classes {
        let what = "found other classes than the network's, expected samples that it learned from, or could have";
        return Err(CliError::Work(format!("{}: {what}", data.name)));
    }
    let mut found = vec![vec![]; classes.len()];
    let mut ask = |part: &[Tensor]| -> Result<()> {
        let x = Tensor::concat(&part.iter().collect::<Vec<_>>(), 0);
        let from = found[0].len();
        let labels = &data.labels[from..from + x.size(0)];
        let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
        let train = Labelled { x: &x, labels: &labels };
        let more = influence(&times.all, before_last, train, test)?;
        found.iter_mut().zip(more).for_each(|(all, more)| all.extend(more));
        Ok(())
    };
    let mut part: Vec<Tensor> = vec![];
    for x in pixels(&data.batches) {
        part.push(x?);
        if part.iter().map(|x| x.size(0)).sum::<usize>() >= AT_ONCE {
            ask(&part)?;
            part.clear();
        }
    }
    if !part.is_empty() {
        ask(&part)?;
    }
    told(look, &data, &times, &classes, &found)
}

/// The class whose loss is asked about.
fn asked(look: &Look<'_>, picture: &Picture) -> Result<usize> {
    let none = || {
        CliError::Usage(
            "--what influences: found a model of numbers, expected one of classes".into(),
        )
    };
    look.class()?.or(look.answer(picture).0).ok_or_else(none)
}

/// The layer that gives the last one its numbers; the last must be a dense one.
fn before_last<'l>(look: &'l Look<'_>) -> Result<&'l str> {
    let is_dense = |path: &str| {
        let of = look.weighted_layers().into_iter().find(|layer| layer.path == path);
        of.is_some_and(|layer| layer.shape.rank() == 1)
    };
    match &look.layers[..] {
        [.., before, last] if is_dense(&last.path) => Ok(&before.path),
        layers => {
            let last = layers.last().map_or("nothing", |layer| &layer.path);
            Err(CliError::Usage(format!(
                "--what influences: found {last} at the end of {} after what it is given, expected a dense layer with another before it: influences are those on its weights",
                look.description.architecture
            )))
        }
    }
}

/// The network at times of its training.
struct Times {
    all: Vec<Then>,
    /// What they are called.
    told: String,
    steps: Vec<u64>,
}

impl Times {
    /// Those that the run's checkpoints are of; of a model outside of a run, or of a run without checkpoints, the network as it is.
    fn of(look: &Look<'_>) -> Result<Times> {
        let folder = run_dir::checkpoints(&look.args.model);
        let files = checkpoints(&folder)?;
        if files.is_empty() {
            let all = vec![Then { subject: look.subject.clone(), rate: 1.0 }];
            return Ok(Times { all, told: "the network as it is".into(), steps: vec![] });
        }
        let rates = rates(&run_dir::log(&look.args.model))?;
        let mut all = vec![];
        for (step, path) in &files {
            let before = rates.range(..=step).next_back().or(rates.first_key_value());
            let Some((_, &rate)) = before else {
                let what = "found no learning rate in log.jsonl, expected those of its steps";
                return Err(CliError::Work(format!("{}: {what}", look.args.model.display())));
            };
            all.push(Then { subject: network(look, path)?, rate });
        }
        let steps: Vec<u64> = files.keys().copied().collect();
        let told: Vec<String> = steps.iter().map(|&step| grouped(step)).collect();
        let told = format!(
            "its checkpoints of step{} {}",
            if steps.len() == 1 { "" } else { "s" },
            told.join(" and ")
        );
        Ok(Times { all, told, steps })
    }
}

/// The checkpoints of a run by their steps.
fn checkpoints(folder: &Path) -> Result<BTreeMap<u64, PathBuf>> {
    if !folder.is_dir() {
        return Ok(BTreeMap::new());
    }
    let listing = std::fs::read_dir(folder).map_err(CliError::system(folder, "list the folder"))?;
    let mut all = BTreeMap::new();
    for entry in listing {
        let path = entry.map_err(CliError::system(folder, "list the folder"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let step = name.strip_prefix("step-").and_then(|name| name.strip_suffix(".safetensors"));
        all.extend(step.and_then(|step| step.parse().ok()).map(|step| (step, path)));
    }
    Ok(all)
}

/// The learning rates of logged steps.
fn rates(log: &Path) -> Result<BTreeMap<u64, f64>> {
    let records = read_json_lines(log)?.records;
    let steps = records.iter().filter(|record| record["kind"] == "step");
    let one = |record: &Value| Some((record["step"].as_u64()?, record["learning_rate"].as_f64()?));
    Ok(steps.filter_map(one).collect())
}

/// The network with the weights of a checkpoint.
fn network(look: &Look<'_>, path: &Path) -> Result<Subject> {
    let description = &look.description;
    let model = description.build(&Init::blank())?;
    let mut arrays = Checkpoint::load(path)?.arrays;
    arrays.retain_mut(|array| match array.name.strip_prefix(WEIGHTS).map(str::to_owned) {
        Some(name) => {
            array.name = name;
            true
        }
        None => false,
    });
    set_weights(&model, &Checkpoint::new(arrays))
        .map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
    let model: Arc<dyn Layer> = Arc::new(model);
    Ok(Subject::new(model).normalized(&description.mean, &description.std))
}

/// Sheets, numbers and a line for each picture.
fn told(
    look: &Look<'_>,
    data: &Data,
    times: &Times,
    classes: &[usize],
    found: &[Vec<f64>],
) -> Result<Seen> {
    let count = found.first().map_or(0, Vec::len);
    let samples = counted(count as u64, "sample");
    let mut said = vec![format!("influences     of {samples} of {}, by {}", data.name, times.told)];
    let (mut sections, mut records) = (vec![], vec![]);
    for ((picture, &class), row) in look.pictures.iter().zip(classes).zip(found) {
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        let helpful: Vec<usize> =
            order.iter().copied().take(SHOWN).filter(|&i| row[i] > 0.0).collect();
        let harmful: Vec<usize> =
            order.iter().rev().copied().take(SHOWN).filter(|&i| row[i] < 0.0).collect();
        let places: Vec<usize> = helpful.iter().chain(&harmful).copied().collect();
        let pictures = look.pictures_of(data, &places)?;
        let name = &look.outputs()[class];
        let own = helpful.iter().filter(|&&i| data.labels[i] == class as i64).count();
        said.push(format!(
            "{own} of the {} that helped most to {name} are of that class ({})",
            helpful.len(),
            picture.name
        ));
        for (what, some) in [("helped most", &helpful), ("hindered most", &harmful)] {
            let mut tiles = vec![picture.tile().called(format!("the picture\n{name}"))];
            for &i in some {
                let label = &data.classes[data.labels[i] as usize];
                let pixels = Tile::picture(&pictures[&i].to_vec::<f32>(), look.shape());
                tiles.push(pixels.called(format!("{label}\n{}", figure(row[i], 3))));
            }
            let title = format!("{}: what {what} to {name}", look.told(picture));
            sections.push(Section { title, tiles, across: SHOWN + 1, ..Section::default() });
        }
        let one = |&i: &usize| json!({ "sample": i, "label": data.classes[data.labels[i] as usize], "influence": row[i] });
        records.push(json!({ "picture": picture.name, "class": name,
            "helpful": helpful.iter().map(one).collect::<Vec<_>>(), "harmful": harmful.iter().map(one).collect::<Vec<_>>() }));
    }
    let title = format!("samples of {} that helped and hindered, by {}", data.name, times.told);
    let record =
        json!({ "data": data.name, "samples": count, "steps": times.steps, "pictures": records });
    Ok(Seen { sheets: vec![Sheet { title, sections }], record, said })
}
