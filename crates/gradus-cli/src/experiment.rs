//! From settings to what trains: data cut into parts, the network, the learner. A pure function of the settings and the
//! data, so a continued run builds the same again.

use crate::augmentation::{self, Evaluation};
use crate::datasets::{self, Pictures};
use crate::error::{CliError, Result};
use crate::model_file::{self, Description};
use crate::settings::Settings;
use crate::transfer::{self, Pretrained};
use gradus::data::{
    CsvOptions, Dataset, Loader, LoaderOptions, Normalization, Subset, labels_of, stratified_split,
};
use gradus::models::find;
use gradus::nn::{Init, parameters};
use gradus::train::callbacks::GradualUnfreezing;
use gradus::train::{Learner, Source, Task};
use std::path::Path;
use std::sync::Arc;

/// How often `--overfit-one-batch` shows its batch in an epoch.
const REPEATS: usize = 20;

/// A network about to be trained.
pub struct Experiment {
    /// The network, for the file it will be in.
    pub description: Description,
    /// To train on.
    pub train: Loader,
    /// To choose the best epoch on, if part of the training data is held out.
    pub validation: Option<Loader>,
    /// To test on, once.
    pub test: Loader,
    /// Whether that was held out of the data, which have no test part of their own.
    pub held_out: bool,
    /// The network, its loss and its optimiser.
    pub learner: Learner,
    /// How many numbers training adjusts.
    pub parameters: usize,
    /// The paths of those that do not come from the trained model it begins with.
    pub fresh: Vec<String>,
    /// Which of them learn from when on, if not all from the beginning.
    pub unfreezing: Option<GradualUnfreezing>,
}

/// The data, ready to be trained and tested on.
struct Parts {
    train: Loader,
    validation: Option<Loader>,
    test: Loader,
    held_out: bool,
}

impl Experiment {
    /// Opens the data and builds the network.
    pub fn new(settings: &Settings) -> Result<Experiment> {
        let pretrained = settings.from.as_ref().map(|from| Pretrained::read(Path::new(from)));
        let pretrained = pretrained.transpose()?;
        let Parts { train, validation, test, held_out } =
            Parts::open(settings, pretrained.as_ref())?;
        let samples = counts(&**train.dataset());
        let description = describe(settings, pretrained.as_ref(), &train)?;
        for part in [Some(&test), validation.as_ref()].into_iter().flatten() {
            description.check(&settings.data, part)?;
        }
        let model = description
            .build(&Init::new(settings.seed))
            .map_err(|error| too_small(error, settings, &description))?;
        let head = match pretrained.is_some() || settings.training.freezes_backbone() {
            true => transfer::head(&description, &model),
            false => vec![],
        };
        let fresh = match &pretrained {
            Some(pretrained) => pretrained.begin(&model, &description, &head)?,
            None => vec![],
        };
        settings.training.apply(&model, &head)?;
        let parameters = parameters(&model).iter().map(|(_, p)| p.variable().shape().len()).sum();
        let recipe = settings.training.recipe(&model, &samples);
        let every = settings.training.unfreeze_every;
        let unfreezing = every.map(|every| transfer::unfreezing(&model, every));
        let mut learner =
            Learner::with(Arc::new(model), settings.optimizer(), recipe, settings.seed);
        // Planning a step makes the optimiser's state, which a checkpoint is read into: all of it, as nothing is frozen yet
        // that will learn.
        let batches = train.batches().min(settings.limit_batches.unwrap_or(usize::MAX));
        learner.set_momentum(settings.schedule(batches as u64).momentum(0))?;
        if let Some(batch) = Source::from(&train, 0, 0).next() {
            Task::prepare(&mut learner, &batch?)?;
        }
        if let Some(unfreezing) = &unfreezing {
            unfreezing.take_up(0, &mut learner);
        }
        Ok(Experiment {
            description,
            train,
            validation,
            test,
            held_out,
            learner,
            parameters,
            fresh,
            unfreezing,
        })
    }

    /// Batches of an epoch.
    pub fn batches_per_epoch(&self, settings: &Settings) -> u64 {
        self.train.batches().min(settings.limit_batches.unwrap_or(usize::MAX)) as u64
    }
    /// Steps of an epoch, on average: a step may take several batches.
    pub fn steps_per_epoch(&self, settings: &Settings) -> u64 {
        (self.batches_per_epoch(settings) / settings.training.accumulate as u64).max(1)
    }
}

/// Why a network cannot be built, and how its pictures become large enough, if they are smaller than those it is published for.
fn too_small(error: CliError, settings: &Settings, description: &Description) -> CliError {
    let published = find(&settings.model).map_or(&[][..], |entry| entry.input);
    let (&[_, height, width], &[c, h, w]) = (published, &description.input[..]) else {
        return error;
    };
    let enlarged = Description { input: vec![c, height, width], ..description.clone() };
    if h >= height || w >= width || enlarged.build(&Init::blank()).is_err() {
        return error;
    }
    CliError::Work(format!(
        "{error}\n{} is for pictures of {height}×{width}, those of {} are {h}×{w}: --augment \"resize({height})\" enlarges them",
        settings.model, settings.data
    ))
}

impl Parts {
    fn open(settings: &Settings, pretrained: Option<&Pretrained>) -> Result<Parts> {
        let pictures = match pretrained {
            Some(pretrained) => Pictures::of_input(&pretrained.description.input),
            None => Pictures::of_model(&settings.model),
        };
        let evaluation = Evaluation::of(&settings.shown()?)?;
        let (loaded, _) = augmentation::sides(&settings.augment)?;
        let pictures = pictures.squares(loaded, evaluation.loaded());
        let label = datasets::label(settings.label.as_deref(), &settings.data)?;
        let csv = CsvOptions { label, ..CsvOptions::default() };
        let splits = datasets::open(&settings.data, pictures, &csv)?;
        datasets::require_both(&settings.data, &splits)?;
        let held_out = splits.whole.is_some();
        if let [only] = splits.train.classes() {
            let what = format!("found 1 class ({only}), expected at least 2 to tell apart");
            return Err(CliError::Work(format!("{}: {what}", settings.data)));
        }
        let (train, validation) = divide(settings, splits.train)?;
        let augment = augmentation::build(&settings.augment, &*train)?;
        let few = |data| limited(data, settings.training.limit_evaluation);
        let (validation, test) = (validation.map(few).transpose()?, few(splits.test)?);
        // What is first read after an epoch, or after all, is looked at before hours are spent.
        validation.iter().chain([&test]).try_for_each(|part| datasets::inspect(&**part))?;
        let normalization = match pretrained {
            Some(pretrained) => pretrained.description.normalization()?,
            None => normalization(&train)?,
        };
        let options = LoaderOptions {
            batch_size: settings.batch,
            shuffle: !settings.overfit_one_batch,
            seed: settings.seed,
            augment,
            normalization: Some(normalization.clone()),
            ..ahead(&*train)
        };
        let train = Loader::new(train, options)?;
        // One view of each image has to do after every epoch.
        let one = evaluation.single();
        let show = |data, evaluation| in_order(data, &normalization, evaluation);
        let validation = validation.map(|data| show(data, &one)).transpose()?;
        let test = show(test, &evaluation)?;
        Ok(Parts { train, validation, test, held_out })
    }
}

/// Samples larger than this are photographs, which are decoded whenever they are read.
const PHOTOGRAPH: usize = 1 << 14;
/// Means and deviations of photographs are those of so many.
const MEASURED: usize = 2_000;

fn is_photograph(data: &dyn Dataset) -> bool {
    data.shape().iter().product::<usize>() > PHOTOGRAPH
}

/// What the data are normalised by.
fn normalization(data: &Part) -> Result<Normalization> {
    let kept = data.len().min(MEASURED);
    if !is_photograph(&**data) || kept == data.len() {
        return Ok(Normalization::of(&**data)?);
    }
    Ok(Normalization::of(&*spread(data.clone(), kept)?)?)
}

/// Photographs are made ready by all threads, as computing waits for them; of small images one is enough. The batches are the
/// same.
fn ahead(data: &dyn Dataset) -> LoaderOptions {
    match is_photograph(data) {
        true => {
            let workers = gradus_cpu::threads().clamp(1, 64);
            LoaderOptions { workers, prefetch: 1, ..LoaderOptions::default() }
        }
        false => LoaderOptions::default(),
    }
}

/// The network for these data, and how it is fed.
fn describe(settings: &Settings, from: Option<&Pretrained>, train: &Loader) -> Result<Description> {
    let normalization = train.normalization().expect("there is one");
    let columns = train.dataset().columns();
    Ok(Description {
        architecture: settings.model.clone(),
        definition: match from {
            Some(pretrained) => pretrained.description.definition.clone(),
            None => model_file::definition(&settings.model)?,
        },
        network: settings.network.clone(),
        input: train.sample_shape().to_vec(),
        classes: train.dataset().classes().to_vec(),
        columns: columns.map_or(vec![], |columns| columns.features.clone()),
        label: columns.map(|columns| columns.label.clone()).or(settings.label.clone()),
        mean: normalization.mean().to_vec(),
        std: normalization.std().to_vec(),
        evaluate: settings.shown()?,
        data: settings.data.clone(),
        epoch: 0,
    })
}

/// Samples in a batch of those to evaluate on.
const EVALUATED: usize = 250;
/// Numbers in the samples of such a batch: of photographs there are fewer at a time.
const EVALUATED_NUMBERS: usize = 1 << 22;

/// So many batches at most to evaluate on.
fn limited(data: Part, batches: Option<usize>) -> Result<Part> {
    let kept = batches.map_or(data.len(), |n| n.saturating_mul(EVALUATED).min(data.len()));
    if kept == data.len() {
        return Ok(data);
    }
    spread(data, kept)
}

/// So many samples, spread over all: data sets are often sorted by label.
fn spread(data: Part, kept: usize) -> Result<Part> {
    let chosen = (0..kept).map(|i| i * data.len() / kept).collect();
    Ok(Arc::new(Subset::new(data, chosen)?))
}

/// Samples of each class.
pub fn counts(data: &dyn Dataset) -> Vec<usize> {
    let mut counts = vec![0; data.classes().len()];
    labels_of(data).into_iter().for_each(|label| counts[label as usize] += 1);
    counts
}

/// Batches to evaluate on: all samples in their order, all views of an image in one batch.
pub fn in_order(data: Part, n: &Normalization, evaluation: &Evaluation) -> Result<Loader> {
    let options = ahead(&*data);
    let (views, augment) = evaluation.show(data)?;
    let numbers = views.shape().iter().product::<usize>().max(1);
    let fitting = (EVALUATED_NUMBERS / numbers / 10 * 10).clamp(10, EVALUATED);
    let normalization = Some(n.clone());
    Ok(Loader::new(
        views,
        LoaderOptions { batch_size: fitting, augment, normalization, ..options },
    )?)
}

type Part = Arc<dyn Dataset>;

/// What is trained on, and what is held out of it.
fn divide(settings: &Settings, whole: Part) -> Result<(Part, Option<Part>)> {
    let labels = labels_of(&*whole);
    if settings.overfit_one_batch {
        // Drawn from all classes: data sets are often sorted by label.
        let batch = settings.batch.min(labels.len());
        let (_, one) = stratified_split(&labels, batch, settings.seed)?;
        let many = one.repeat(REPEATS);
        return Ok((Arc::new(Subset::new(whole, many)?), None));
    }
    let held_out = (labels.len() as f64 * settings.validation_split).round() as usize;
    if settings.validation_split == 0.0 {
        return Ok((whole, None));
    }
    if held_out == 0 || held_out == labels.len() {
        let (share, all) = (settings.validation_split, labels.len());
        let what = format!("validation: {share} of {all} samples leaves one part empty");
        return Err(CliError::Usage(what));
    }
    let (kept, held) = stratified_split(&labels, held_out, settings.seed)?;
    let validation = Subset::new(whole.clone(), held)?;
    Ok((Arc::new(Subset::new(whole, kept)?), Some(Arc::new(validation))))
}
