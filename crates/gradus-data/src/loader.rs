//! Batches of a data set in a seeded order. Who makes them, and how far ahead, is `prefetch.rs`.
//!
//! The order of epoch `e` is the Fisher-Yates shuffle of `0..n` by the Philox stream (seed, shuffle, e); augmentation
//! `k` of a sample draws from the stream (seed, k, epoch, sample). A batch is thus a pure function of the data, the
//! options and its [`Position`]: any position can be entered directly, and the number of workers changes nothing.

use std::sync::Arc;

use crate::augment::Augment;
use crate::bucket::{Dealing, Groups};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::normalization::Normalization;
use crate::prefetch::{Ahead, Batches, Maker, Order, Position};
use crate::random::rng_for_augment;
use crate::target::{Targets, append_target};

/// How batches are made.
#[derive(Clone)]
pub struct LoaderOptions {
    /// Samples per batch.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; else samples come in the order of the data set.
    pub shuffle: bool,
    /// Whether a last batch that is not full is left out.
    pub drop_last: bool,
    /// Seed of the order and of the augmentations.
    pub seed: u64,
    /// Background threads, at most 64. With 0 each batch is made when it is asked for, which is the fastest way for
    /// samples of a few numbers: handing a batch over costs some microseconds.
    pub workers: usize,
    /// Finished batches each worker may hold ready.
    pub prefetch: usize,
    /// Changes of each image, in this order.
    pub augment: Vec<Arc<dyn Augment>>,
    /// Applied last.
    pub normalization: Option<Normalization>,
    /// What the numbers to be learned are normalised by, where the data have such.
    pub targets: Option<Normalization>,
}

impl Default for LoaderOptions {
    fn default() -> LoaderOptions {
        LoaderOptions {
            batch_size: 64,
            shuffle: false,
            drop_last: false,
            seed: 0,
            workers: 1,
            prefetch: 2,
            augment: Vec::new(),
            normalization: None,
            targets: None,
        }
    }
}

/// Some samples, side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// `[n, …shape of one sample]`.
    pub shape: Vec<usize>,
    /// The samples, last axis fastest.
    pub inputs: Vec<f32>,
    /// One label per sample; none where numbers are to be learned.
    pub labels: Vec<i64>,
    /// The numbers to be learned, sample by sample; none where labels are.
    pub targets: Vec<f32>,
    /// Which samples of the data set these are.
    pub indices: Vec<usize>,
    /// Which batch this is.
    pub position: Position,
}

impl Batch {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// True without samples.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// Makes batches of a data set.
#[doc(alias("DataLoader", "batch"))]
pub struct Loader {
    ahead: Ahead<Recipe>,
}

impl Loader {
    /// Checks the options against the data set.
    pub fn new(dataset: Arc<dyn Dataset>, options: LoaderOptions) -> Result<Loader> {
        if options.batch_size == 0 {
            return Err(DataError::invalid("batch size", "0", "at least 1"));
        }
        if options.augment.len() > 64 {
            let found = options.augment.len().to_string();
            return Err(DataError::invalid("augmentations", found, "at most 64"));
        }
        if dataset.is_empty() {
            return Err(DataError::invalid("data set", "no samples", "at least one"));
        }
        let (stages, shape) = stages(dataset.shape(), &options)?;
        if let Some(normalization) = &options.normalization {
            normalization.check(&shape)?;
        }
        if let Some(normalization) = &options.targets {
            normalization.check(&[dataset.targets().names().len()])?;
        }
        let LoaderOptions { batch_size, shuffle, drop_last, seed, workers, prefetch, .. } = options;
        let groups = Groups::All(dataset.len());
        let dealing = Dealing { batch_size, shuffle, drop_last, seed, groups };
        let recipe = Recipe { dataset, options, dealing, stages, shape };
        if recipe.batches() == 0 {
            return Err(DataError::invalid(
                "batch size",
                recipe.options.batch_size.to_string(),
                format!("at most {}, the number of samples (drop_last)", recipe.dataset.len()),
            ));
        }
        Ok(Loader { ahead: Ahead::new(recipe, workers, prefetch)? })
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.ahead.maker.dataset
    }

    /// Shape of one sample in a batch, after augmentation.
    pub fn sample_shape(&self) -> &[usize] {
        &self.ahead.maker.shape
    }

    /// What the samples are normalised by.
    pub fn normalization(&self) -> Option<&Normalization> {
        self.ahead.maker.options.normalization.as_ref()
    }

    /// Number of batches in an epoch.
    pub fn batches_per_epoch(&self) -> usize {
        self.ahead.maker.batches()
    }

    /// All batches of one epoch.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.from(Position { epoch, batch: 0 })
    }

    /// The batches from `start` to the end of its epoch; none if `start.batch` is past the end.
    pub fn from(&self, start: Position) -> Batches {
        self.ahead.from(start)
    }

    /// The position after `position`: the next batch, or the first one of the next epoch.
    pub fn after(&self, position: Position) -> Position {
        self.ahead.after(position)
    }
}

/// The input shape of each augmentation, and the shape of the result.
fn stages(shape: &[usize], options: &LoaderOptions) -> Result<(Vec<[usize; 3]>, Vec<usize>)> {
    if options.augment.is_empty() {
        return Ok((Vec::new(), shape.to_vec()));
    }
    let &[c, h, w] = shape else {
        let expected = "images of shape [c, h, w] to augment";
        return Err(DataError::invalid("augmentation", format!("samples {shape:?}"), expected));
    };
    let mut stages = vec![[c, h, w]];
    for (index, augment) in options.augment.iter().enumerate() {
        let next = augment.output_shape(stages[index])?;
        stages.push(next);
    }
    let last = stages[options.augment.len()];
    Ok((stages, last.to_vec()))
}

/// Everything that decides what a batch holds.
struct Recipe {
    dataset: Arc<dyn Dataset>,
    options: LoaderOptions,
    dealing: Dealing,
    /// The image shape before each augmentation, and after the last.
    stages: Vec<[usize; 3]>,
    shape: Vec<usize>,
}

impl Maker for Recipe {
    type Batch = Batch;
    type Scratch = [Vec<f32>; 2];

    fn batches(&self) -> usize {
        self.dealing.batches()
    }

    fn order(&self, epoch: u64) -> Order {
        self.dealing.order(epoch)
    }

    fn scratch(&self) -> [Vec<f32>; 2] {
        Default::default()
    }

    fn make(
        &self,
        position: Position,
        samples: &[usize],
        batch: &mut Batch,
        scratch: &mut [Vec<f32>; 2],
    ) -> Result<()> {
        let item: usize = self.shape.iter().product();
        batch.position = position;
        batch.indices.clear();
        batch.indices.extend_from_slice(samples);
        batch.shape.clear();
        batch.shape.push(samples.len());
        batch.shape.extend_from_slice(&self.shape);
        batch.inputs.resize(samples.len() * item, 0.0);
        batch.labels.clear();
        batch.targets.clear();
        for (place, &index) in samples.iter().enumerate() {
            let sample = &mut batch.inputs[place * item..(place + 1) * item];
            self.fill_sample(index, position.epoch, sample, scratch)?;
            match self.dataset.targets() {
                Targets::Labels => batch.labels.push(label_of(&*self.dataset, index)?),
                Targets::Numbers(_) => {
                    let normalization = self.options.targets.as_ref();
                    append_target(&*self.dataset, index, normalization, &mut batch.targets)?;
                }
            }
        }
        Ok(())
    }
}

impl Recipe {
    fn fill_sample(
        &self,
        index: usize,
        epoch: u64,
        sample: &mut [f32],
        scratch: &mut [Vec<f32>; 2],
    ) -> Result<()> {
        let normalization = self.options.normalization.as_ref();
        match self.options.augment.len() {
            0 => match normalization {
                Some(normalization) => normalization.read(&*self.dataset, index, sample)?,
                None => self.dataset.read(index, sample)?,
            },
            count => {
                let [input, output] = scratch;
                input.resize(self.stages[0].iter().product(), 0.0);
                self.dataset.read(index, input)?;
                for (k, augment) in self.options.augment.iter().enumerate() {
                    let mut rng = rng_for_augment(self.options.seed, epoch, index, k);
                    if k + 1 == count {
                        augment.apply(input, self.stages[k], sample, &mut rng);
                    } else {
                        output.resize(self.stages[k + 1].iter().product(), 0.0);
                        augment.apply(input, self.stages[k], output, &mut rng);
                        std::mem::swap(input, output);
                    }
                }
                normalization.iter().for_each(|n| n.apply(sample));
            }
        }
        check_finite(index, sample)
    }
}

/// The label of a sample, which must be one of the classes.
pub(crate) fn label_of(dataset: &dyn Dataset, index: usize) -> Result<i64> {
    let (label, classes) = (dataset.label(index), dataset.classes().len());
    match (0..classes as i64).contains(&label) {
        true => Ok(label),
        false => Err(DataError::Label { file: "data set".into(), sample: index, label, classes }),
    }
}

/// A NaN that gets into training spoils every weight, so it is stopped here.
fn check_finite(index: usize, sample: &[f32]) -> Result<()> {
    // `fold` rather than `any`: without an early exit the loop is a few vector instructions.
    if sample.iter().fold(true, |finite, x| finite & x.is_finite()) {
        return Ok(());
    }
    let at = sample.iter().position(|x| !x.is_finite()).unwrap_or_default();
    Err(DataError::invalid(
        format!("data set, sample {index}"),
        format!("{} at element {at}", sample[at]),
        "finite numbers",
    ))
}
