//! From settings to what trains: data cut into parts, the network, the learner. A pure function of the settings and the
//! data, so a continued run builds the same again.

use crate::datasets;
use crate::error::{CliError, Result};
use crate::model_file::{self, Description};
use crate::settings::Settings;
use gradus::data::{
    Dataset, Loader, LoaderOptions, Normalization, Subset, labels_of, stratified_split,
};
use gradus::nn::{Init, parameters};
use gradus::train::{Learner, Source};
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
    /// The network, its loss and its optimiser.
    pub learner: Learner,
    /// How many numbers training adjusts.
    pub parameters: usize,
}

impl Experiment {
    /// Opens the data and builds the network.
    pub fn new(settings: &Settings) -> Result<Experiment> {
        let splits = datasets::open(&settings.data, &settings.model)?;
        let (train, validation) = divide(settings, splits.train)?;
        let augment = settings.augmentations(train.shape())?;
        let few = |data| limited(data, settings.training.limit_evaluation);
        let (validation, test) = (validation.map(few).transpose()?, few(splits.test)?);
        let normalization = Normalization::of(&*train)?;
        let description = Description {
            definition: model_file::definition(&settings.model)?,
            ..Description::new(
                (&settings.model, &settings.network),
                &settings.data,
                &*train,
                &normalization,
            )
        };
        let model = Arc::new(description.build(&Init::new(settings.seed))?);
        settings.training.apply(&*model)?;
        let parameters = parameters(&*model).iter().map(|(_, p)| p.variable().shape().len()).sum();
        let recipe = settings.training.recipe(&counts(&*train));
        let mut learner = Learner::with(model, settings.optimizer(), recipe, settings.seed);
        let options = LoaderOptions {
            batch_size: settings.batch,
            shuffle: !settings.overfit_one_batch,
            seed: settings.seed,
            augment,
            normalization: Some(normalization.clone()),
            ..LoaderOptions::default()
        };
        let train = Loader::new(train, options)?;
        // Planning a step makes the optimiser's state, which a checkpoint is read into.
        if let Some(pair) = Source::from(&train, 0, 0).next() {
            let (x, t) = pair?;
            learner.prepare(&x, &t)?;
        }
        let validation = validation.map(|data| in_order(data, &normalization)).transpose()?;
        let test = in_order(test, &normalization)?;
        Ok(Experiment { description, train, validation, test, learner, parameters })
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

/// Samples in a batch of those to evaluate on.
const EVALUATED: usize = 250;

/// So many batches at most to evaluate on.
fn limited(data: Part, batches: Option<usize>) -> Result<Part> {
    let kept = batches.map_or(data.len(), |n| n.saturating_mul(EVALUATED).min(data.len()));
    if kept == data.len() {
        return Ok(data);
    }
    // Spread over all of it: data sets are often sorted by label.
    let chosen = (0..kept).map(|i| i * data.len() / kept).collect();
    Ok(Arc::new(Subset::new(data, chosen)?))
}

/// Samples of each class.
pub fn counts(data: &dyn Dataset) -> Vec<usize> {
    let mut counts = vec![0; data.classes().len()];
    labels_of(data).into_iter().for_each(|label| counts[label as usize] += 1);
    counts
}

/// Batches to evaluate on: all samples in their order.
pub fn in_order(data: Arc<dyn Dataset>, normalization: &Normalization) -> Result<Loader> {
    let normalization = Some(normalization.clone());
    let options =
        LoaderOptions { batch_size: EVALUATED, normalization, ..LoaderOptions::default() };
    Ok(Loader::new(data, options)?)
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
