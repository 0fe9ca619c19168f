//! What is looked at: the network as a subject, and pictures as it is shown them.

use super::Args;
use super::shown::Tile;
use super::top_patches::whole;
use crate::augmentation::Evaluation;
use crate::bars::shortened;
use crate::chosen::{self, Chosen};
use crate::datasets::{self, Pictures, called};
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::experiment::in_order;
use crate::inputs::{self, Taken};
use crate::model_file::{self, Loaded};
use crate::scores::{largest, mean_probabilities};
use crate::suggest::{listed, nearest, unknown};
use crate::trained::Trained;
use gradus::Tensor;
use gradus::data::{Dataset, LabelColumn, Loader, Normalization, Relabelled, Subset, labels_of};
use gradus::nn::{Field, Layer, Summary, parameters};
use gradus::see::{LayerShape, Subject};
use gradus::train::Source;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Without pictures that are named, of so many classes one is taken.
const MOST_CLASSES: usize = 10;

/// What is looked at.
pub struct Look<'a> {
    /// What was asked for.
    pub args: &'a Args,
    /// What the network is and how it is fed.
    pub description: Description,
    /// The network, asked about pixels.
    pub subject: Subject,
    /// Its layers as `gradus summary` tells them.
    summary: Summary,
    /// Its layers in the order in which they run.
    pub layers: Vec<LayerShape>,
    /// The pictures, where a kind needs some.
    pub pictures: Vec<Picture>,
    path: PathBuf,
}

/// A picture as the network is shown it.
pub struct Picture {
    /// Its file, or which sample it is.
    pub name: String,
    /// `[1, C, H, W]`, from 0 to 1.
    pub x: Tensor,
    /// The class that it is of, if that is known.
    pub truth: Option<String>,
    /// What the network gives for it: of each class how probable it is, or the numbers of a model of numbers.
    pub outputs: Vec<f64>,
}

/// Samples of a data set.
pub struct Data {
    /// What they are called.
    pub name: String,
    set: Arc<dyn Dataset>,
    /// Batches of pixels as the network is shown them, in the order of the samples.
    pub batches: Loader,
    /// The class of each sample.
    pub labels: Vec<i64>,
    /// The names of those classes.
    pub classes: Vec<String>,
}

/// The parts of a data set, and what it is called.
struct Parts {
    name: String,
    test: Arc<dyn Dataset>,
    train: Option<Arc<dyn Dataset>>,
}

impl<'a> Look<'a> {
    /// Opens the model, and pictures where they are needed.
    pub fn open(args: &'a Args, needs_pictures: bool) -> Result<Look<'a>> {
        let loaded = model_file::load(&args.model)?;
        loaded.remark(&args.model);
        let Loaded { description, model, path, .. } = loaded;
        if description.is_of_rows() {
            return Err(CliError::Usage(format!(
                "{}: found a model of tables ({}), expected one of pictures",
                args.model.display(),
                description.architecture
            )));
        }
        let summary = model.summary();
        let model: Arc<dyn Layer> = Arc::new(model);
        let subject = Subject::new(model).normalized(&description.mean, &description.std);
        let layers = subject.layers(&description.input)?;
        let pictures = vec![];
        let mut look = Look { args, description, subject, summary, layers, pictures, path };
        // What was misspelled is told before any work.
        look.chosen_layers()?;
        look.class()?;
        if needs_pictures {
            look.pictures = match args.pictures.is_empty() {
                true => look.one_of_each_class()?,
                false => look.given()?,
            };
        }
        Ok(look)
    }

    /// What is looked at, for a page's head.
    pub fn title(&self) -> String {
        format!("{} of {}", self.description.architecture, self.path.display())
    }

    /// The same for scripts, with the pictures and what the network makes of them.
    pub fn record(&self) -> Map<String, Value> {
        let pictures = self.pictures.iter().map(|picture| {
            json!({ "name": picture.name, "truth": picture.truth,
                    "class": self.answer(picture).0, "outputs": picture.outputs })
        });
        let mut record = Map::new();
        record.insert("model".into(), json!(self.description.architecture));
        record.insert("file".into(), json!(self.path));
        record.insert("classes".into(), json!(self.outputs()));
        record.insert("pictures".into(), pictures.collect());
        record
    }

    /// The shape of a picture.
    pub fn shape(&self) -> [usize; 3] {
        let input = &self.description.input;
        [input[0], input[1], input[2]]
    }

    /// What the outputs are called: classes, or the numbers that were learned.
    pub fn outputs(&self) -> &[String] {
        match self.description.classes.is_empty() {
            true => &self.description.aim().targets,
            false => &self.description.classes,
        }
    }

    /// What the network takes a picture for, and how sure it is; a model of numbers gives none.
    pub fn answer(&self, picture: &Picture) -> (Option<usize>, f64) {
        match self.description.aim().is_of_classes() {
            true => {
                let best = largest(&picture.outputs);
                (Some(best), picture.outputs[best])
            }
            false => (None, f64::NAN),
        }
    }

    /// `boot.png: Ankle boot 99.8 %`, and what it is if that is known and something else.
    pub fn told(&self, picture: &Picture) -> String {
        let name = shortened(&picture.name, 80);
        let (Some(best), p) = self.answer(picture) else { return name };
        let taken = &self.description.classes[best];
        let truth = match &picture.truth {
            Some(truth) if truth != taken => format!(", in truth {truth}"),
            _ => String::new(),
        };
        format!("{name}: {taken} {:.1} %{truth}", 100.0 * p)
    }

    /// The class that was asked for, by name or number.
    pub fn class(&self) -> Result<Option<usize>> {
        let Some(wanted) = &self.args.class else { return Ok(None) };
        let all = self.outputs();
        if let Some(at) = all.iter().position(|name| name == wanted) {
            return Ok(Some(at));
        }
        match wanted.parse::<usize>() {
            Ok(number) if number < all.len() => Ok(Some(number)),
            Ok(number) => Err(CliError::Usage(format!(
                "--class: found {number}, expected a name or 0 to {}",
                all.len() - 1
            ))),
            Err(_) => {
                let names: Vec<&str> = all.iter().map(String::as_str).collect();
                Err(match names.len() <= 20 {
                    true => unknown("class", wanted, &names),
                    false => none_so("class", wanted, &names, "gradus predict"),
                })
            }
        }
    }

    /// The layers that were asked for; none where none were.
    pub fn chosen_layers(&self) -> Result<Vec<&LayerShape>> {
        self.args.layer.iter().map(|path| self.layer(path)).collect()
    }

    /// A layer by its path.
    pub fn layer(&self, path: &str) -> Result<&LayerShape> {
        let known: Vec<&str> = self.layers.iter().map(|layer| &*layer.path).collect();
        let found = self.layers.iter().find(|layer| layer.path == path);
        found.ok_or_else(|| none_so("layer", path, &known, "gradus summary"))
    }

    /// Layers with weights of their own: convolutions and dense ones.
    pub fn weighted_layers(&self) -> Vec<&LayerShape> {
        let all = parameters(&**self.subject.model());
        let weights = all.iter().filter(|(_, p)| p.variable().shape().rank() >= 2);
        let paths: Vec<&str> =
            weights.filter_map(|(path, _)| path.strip_suffix(".weight")).collect();
        self.layers.iter().filter(|layer| paths.contains(&&*layer.path)).collect()
    }

    /// What of a picture the units of a layer see: all of it, where that is not known.
    pub fn field(&self, layer: &LayerShape) -> Field {
        let row = self.summary.rows.iter().find(|row| row.path == layer.path);
        let field = row.and_then(|row| row.field).filter(|_| layer.shape.rank() == 3);
        field.unwrap_or_else(|| whole(self.shape()))
    }

    /// The units of a layer that were asked for, or all, at most so many; and how many are left out.
    pub fn units(&self, layer: &LayerShape, most: usize) -> Result<(Vec<usize>, usize)> {
        let all = layer.units();
        if let Some(unit) = self.args.unit.iter().find(|unit| **unit >= all) {
            return Err(CliError::Usage(format!(
                "--unit: found {unit}, expected 0 to {}: {} has {all} units",
                all - 1,
                layer.path
            )));
        }
        if !self.args.unit.is_empty() {
            return Ok((self.args.unit.clone(), 0));
        }
        Ok(((0..all.min(most)).collect(), all.saturating_sub(most)))
    }

    /// The pictures that are named.
    pub fn given(&self) -> Result<Vec<Picture>> {
        let files = inputs::files(&self.args.pictures, None, Taken::Pictures)?;
        let shown = self.shown(&files)?.into_iter();
        shown.map(|(name, x)| self.picture(name, x, None)).collect()
    }

    /// Pictures of files as the network is shown them, `[1, C, H, W]` each, and what they are called.
    pub fn shown(&self, files: &[PathBuf]) -> Result<Vec<(String, Tensor)>> {
        let evaluation = self.description.evaluation()?.single();
        let mut all = vec![];
        for path in files {
            let one = inputs::picture(path, &self.description, &evaluation)?;
            let name = called(&path.display().to_string()).to_owned();
            let batches = self.batches(Arc::new(one), &evaluation)?;
            self.description.check(&name, &batches)?;
            for x in pixels(&batches) {
                all.push((name.clone(), x?));
            }
        }
        Ok(all)
    }

    /// A test picture of each class.
    fn one_of_each_class(&self) -> Result<Vec<Picture>> {
        let (name, set) = self.samples()?;
        let labels = labels_of(&*set);
        let classes = set.classes().to_vec();
        let first = |k: usize| labels.iter().position(|&label| label == k as i64);
        let mut chosen: Vec<usize> =
            (0..classes.len()).filter_map(first).take(MOST_CLASSES).collect();
        if classes.is_empty() {
            chosen = (0..set.len().min(MOST_CLASSES)).collect();
        }
        let part = &self.args.part;
        let of = if classes.is_empty() { "" } else { ", one of each class" };
        say!(
            "remark: no picture is named: {} {part} pictures of {name} are looked at{of}",
            chosen.len()
        );
        let subset: Arc<dyn Dataset> = Arc::new(Subset::new(set.clone(), chosen.clone())?);
        let evaluation = self.description.evaluation()?.single();
        let batches = self.batches(subset, &evaluation)?;
        let mut all = vec![];
        for x in pixels(&batches) {
            let x = x?;
            for i in 0..x.size(0) {
                let index = chosen[all.len()];
                let label = match set.file(index) {
                    Some(file) => file.display().to_string(),
                    None => format!("{part} sample {} of {name}", index + 1),
                };
                let truth = classes.get(labels[index] as usize).cloned();
                all.push(self.picture(label, x.slice(0, i..i + 1), truth)?);
            }
        }
        Ok(all)
    }

    fn picture(&self, name: String, x: Tensor, truth: Option<String>) -> Result<Picture> {
        let scores = self.subject.scores(&x).to_vec::<f32>();
        let outputs = match self.description.aim().is_of_classes() {
            true => mean_probabilities(&scores, self.description.classes.len()),
            false => scores.iter().map(|&x| f64::from(x)).collect(),
        };
        if outputs.iter().any(|p| !p.is_finite()) {
            let what = "what the model gives is not finite; it says nothing";
            return Err(CliError::Work(format!("{name}: {what}")));
        }
        // A value, not the graph that it was cut out of.
        let x = Tensor::from_slice(&x.to_vec::<f32>(), x.shape());
        Ok(Picture { name, x, truth, outputs })
    }

    /// The samples of the data that are named, or of the model's own: those to test on, or to train on.
    pub fn data(&self) -> Result<Data> {
        self.laid_out(self.samples()?)
    }

    /// The samples to train on of that data, whatever --part says; all of it, where it has no such part.
    pub fn trained_on(&self) -> Result<Data> {
        let Parts { name, test, train } = self.parts()?;
        self.laid_out(self.fitting(name, train.unwrap_or(test))?)
    }

    fn laid_out(&self, (name, set): (String, Arc<dyn Dataset>)) -> Result<Data> {
        let (labels, classes) = (labels_of(&*set), set.classes().to_vec());
        let batches = self.batches(set.clone(), &self.description.evaluation()?.single())?;
        Ok(Data { name, set, batches, labels, classes })
    }

    /// Some of those samples, as the network is shown them, `[1, C, H, W]` each, by their places.
    pub fn pictures_of(&self, data: &Data, places: &[usize]) -> Result<BTreeMap<usize, Tensor>> {
        let subset = Arc::new(Subset::new(data.set.clone(), places.to_vec())?);
        let mut all = BTreeMap::new();
        for x in pixels(&self.batches(subset, &self.description.evaluation()?.single())?) {
            let x = x?;
            let values = x.to_vec::<f32>();
            let shape = [&[1], &x.shape()[1..]].concat();
            for values in values.chunks(values.len() / x.size(0)) {
                all.insert(places[all.len()], Tensor::from_slice(values, shape.as_slice()));
            }
        }
        Ok(all)
    }

    fn samples(&self) -> Result<(String, Arc<dyn Dataset>)> {
        let Parts { name, test, train } = self.parts()?;
        let set = match (&*self.args.part, train) {
            ("train", Some(train)) => train,
            ("train", None) => {
                let what = "found no part to train on, so all of it is looked at without --part";
                return Err(CliError::Usage(format!("{name}: {what}")));
            }
            _ => test,
        };
        self.fitting(name, set)
    }

    /// The data that are named, or the model's own: what they are called, those to test on, and those to train on.
    fn parts(&self) -> Result<Parts> {
        let (args, description) = (self.args, &self.description);
        let data = chosen::data_of(&args.model, description, args.data.as_deref())?;
        let loaded = description.evaluation()?.loaded();
        let pictures = Pictures::of_input(&description.input).squares(None, loaded);
        let csv = description.csv(LabelColumn::Auto);
        let record = model_file::record_of(&args.model)?;
        let trained = Trained::new(description, record.as_ref());
        let Chosen { test, train, name, .. } =
            chosen::choose(&trained, data, args.data.is_none(), pictures, &csv)?;
        Ok(Parts { name: datasets::called(&name).to_owned(), test, train })
    }

    /// Samples as large as the network takes them, their classes numbered as it has them.
    fn fitting(&self, name: String, set: Arc<dyn Dataset>) -> Result<(String, Arc<dyn Dataset>)> {
        let description = &self.description;
        let fits = |set: &dyn Dataset| match (set.shape(), &description.input[..]) {
            // What is shown otherwise than it lies is brought to size on the way.
            ([c, ..], [channels, ..]) if !description.evaluate.is_empty() => c == channels,
            (shape, input) => shape == input,
        };
        if !fits(&*set) {
            return Err(CliError::Work(format!(
                "{name}: found samples {:?}, expected {:?} as {} takes them",
                set.shape(),
                description.input,
                description.architecture
            )));
        }
        // Where the classes are the model's they have its numbers; of others each keeps its own.
        Ok((
            name,
            match Relabelled::new(set.clone(), &description.classes) {
                Ok(relabelled) => Arc::new(relabelled),
                Err(_) => set,
            },
        ))
    }

    /// Batches of pixels as they are.
    fn batches(&self, set: Arc<dyn Dataset>, evaluation: &Evaluation) -> Result<Loader> {
        let channels = self.description.input[0];
        let as_they_are = Normalization::new(&vec![0.0; channels], &vec![1.0; channels])?;
        in_order(set, &as_they_are, evaluation, self.description.aim())
    }
}

impl Picture {
    /// The picture itself, `[C, H, W]`.
    pub fn tile(&self) -> Tile {
        let shape = self.x.shape();
        Tile::picture(&self.x.to_vec::<f32>(), [shape[1], shape[2], shape[3]])
    }
}

/// Pictures side by side in one batch.
pub fn pixels_of<K>(pictures: impl IntoIterator<Item = (K, Tensor)>) -> Tensor {
    let all: Vec<Tensor> = pictures.into_iter().map(|(_, x)| x).collect();
    Tensor::concat(&all.iter().collect::<Vec<_>>(), 0)
}

/// The pixels of all batches, `[B, C, H, W]` each.
pub fn pixels(batches: &Loader) -> impl Iterator<Item = Result<Tensor>> {
    Source::from(batches, 0, 0).map(|batch| Ok(batch?.get("x")?.clone()))
}

/// `unknown layer "cnv1"; did you mean "conv1" or "conv2"? gradus summary lists all`
fn none_so(what: &str, name: &str, known: &[&str], lists: &str) -> CliError {
    let near: Vec<String> = nearest(name, known).iter().map(|near| format!("{near:?}")).collect();
    let guess = match listed(&near) {
        none if none.is_empty() => ";".to_owned(),
        some => format!("; did you mean {some}?"),
    };
    CliError::Usage(format!("unknown {what} {name:?}{guess} {lists} lists all"))
}
