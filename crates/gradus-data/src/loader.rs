//! Batches in a seeded order, made ahead of time on background threads.
//!
//! The order of epoch `e` is the Fisher-Yates shuffle of `0..n` by the Philox stream (seed, shuffle, e); augmentation
//! `k` of a sample draws from the stream (seed, k, epoch, sample). A batch is thus a pure function of the data, the
//! options and its [`Position`]: any position can be entered directly, and the number of workers changes nothing.
//! Worker `k` of `w` makes every `w`-th batch into a bounded queue of its own; the queues are emptied in turn.

use std::any::Any;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::augment::Augment;
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::normalization::Normalization;
use crate::random::{Purpose, Rng};
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

/// A place in the endless sequence of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch in it, from 0.
    pub batch: usize,
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
pub struct Loader {
    recipe: Arc<Recipe>,
    pool: Arc<Pool>,
}

impl Loader {
    /// Checks the options against the data set.
    pub fn new(dataset: Arc<dyn Dataset>, options: LoaderOptions) -> Result<Loader> {
        if options.batch_size == 0 {
            return Err(DataError::invalid("batch size", "0", "at least 1"));
        }
        if options.workers > 64 {
            let found = options.workers.to_string();
            return Err(DataError::invalid("loader workers", found, "at most 64"));
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
        let recipe = Recipe { dataset, options, stages, shape };
        if recipe.batches() == 0 {
            return Err(DataError::invalid(
                "batch size",
                recipe.options.batch_size.to_string(),
                format!("at most {}, the number of samples (drop_last)", recipe.dataset.len()),
            ));
        }
        Ok(Loader { recipe: Arc::new(recipe), pool: Arc::default() })
    }

    /// The data set.
    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.recipe.dataset
    }

    /// Shape of one sample in a batch, after augmentation.
    pub fn sample_shape(&self) -> &[usize] {
        &self.recipe.shape
    }

    /// What the samples are normalised by.
    pub fn normalization(&self) -> Option<&Normalization> {
        self.recipe.options.normalization.as_ref()
    }

    /// Number of batches in an epoch.
    pub fn batches_per_epoch(&self) -> usize {
        self.recipe.batches()
    }

    /// All batches of one epoch.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.from(Position { epoch, batch: 0 })
    }

    /// The batches from `start` to the end of its epoch; none if `start.batch` is past the end.
    pub fn from(&self, start: Position) -> Batches {
        let order = Arc::new(self.recipe.order(start.epoch));
        let workers = self.recipe.options.workers;
        let producer = |offset: usize| Producer {
            recipe: self.recipe.clone(),
            pool: self.pool.clone(),
            order: order.clone(),
            next: Position { epoch: start.epoch, batch: start.batch.saturating_add(offset) },
            stride: workers.max(1),
            scratch: Default::default(),
        };
        let source = match workers {
            0 => Source::Inline(Box::new(producer(0))),
            _ => Source::Workers((0..workers).map(|k| Worker::start(producer(k), k)).collect()),
        };
        Batches { source, pool: self.pool.clone(), turn: 0, done: false }
    }

    /// The position after `position`: the next batch, or the first one of the next epoch.
    pub fn after(&self, position: Position) -> Position {
        let Position { epoch, batch } = position;
        match batch + 1 < self.recipe.batches() {
            true => Position { epoch, batch: batch + 1 },
            false => Position { epoch: epoch + 1, batch: 0 },
        }
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

/// The batches of one epoch, in order. After an error there are no more.
pub struct Batches {
    source: Source,
    pool: Arc<Pool>,
    turn: usize,
    done: bool,
}

enum Source {
    Inline(Box<Producer>),
    Workers(Vec<Worker>),
}

impl Iterator for Batches {
    type Item = Result<BatchGuard>;

    fn next(&mut self) -> Option<Result<BatchGuard>> {
        if self.done {
            return None;
        }
        let made = match &mut self.source {
            Source::Inline(producer) => producer.next(),
            Source::Workers(workers) => {
                let turn = self.turn % workers.len();
                workers[turn].receive()
            }
        };
        self.turn += 1;
        self.done = !matches!(made, Some(Ok(_)));
        Some(made?.map(|batch| BatchGuard { batch, pool: self.pool.clone() }))
    }
}

/// A batch on loan: its buffers go back to the loader when this is dropped.
#[derive(Debug)]
pub struct BatchGuard {
    batch: Batch,
    pool: Arc<Pool>,
}

impl Deref for BatchGuard {
    type Target = Batch;
    fn deref(&self) -> &Batch {
        &self.batch
    }
}

impl Drop for BatchGuard {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.batch));
    }
}

/// Buffers at rest. There are never more than are in use at once: those queued, in the making, and held by the caller.
#[derive(Debug, Default)]
struct Pool(Mutex<Vec<Batch>>);

impl Pool {
    fn take(&self) -> Batch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, batch: Batch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }
}

/// A background thread and its queue.
struct Worker {
    /// `None` only while it is being dropped.
    queue: Option<Receiver<Result<Batch>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(producer: Producer, number: usize) -> Worker {
        let (sender, queue) = sync_channel(producer.recipe.options.prefetch);
        let pool = producer.pool.clone();
        let builder = std::thread::Builder::new().name(format!("gradus-loader-{number}"));
        match builder.spawn(move || run_worker(producer, &sender, &pool)) {
            Ok(thread) => Worker { queue: Some(queue), thread: Some(thread) },
            Err(error) => {
                // The closure took the sender with it, so the message waits in a queue of its own.
                let (sender, queue) = sync_channel(1);
                let message = DataError::invalid("loader worker", error.to_string(), "a thread");
                sender.send(Err(message)).expect("the queue is here");
                Worker { queue: Some(queue), thread: None }
            }
        }
    }

    fn receive(&self) -> Option<Result<Batch>> {
        // A worker that is done hangs up.
        self.queue.as_ref()?.recv().ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Hanging up first makes the thread's next `send` fail, so that it ends.
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It catches every panic of its own, so there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}

fn run_worker(mut producer: Producer, queue: &SyncSender<Result<Batch>>, pool: &Pool) {
    while let Some(made) = producer.next() {
        let failed = made.is_err();
        if let Err(unsent) = queue.send(made) {
            // Nobody listens any more; the buffers serve the next epoch.
            if let Ok(batch) = unsent.0 {
                pool.put(batch);
            }
            return;
        }
        if failed {
            return;
        }
    }
}

/// Everything that decides what a batch holds.
struct Recipe {
    dataset: Arc<dyn Dataset>,
    options: LoaderOptions,
    /// The image shape before each augmentation, and after the last.
    stages: Vec<[usize; 3]>,
    shape: Vec<usize>,
}

impl Recipe {
    fn batches(&self) -> usize {
        let (n, size) = (self.dataset.len(), self.options.batch_size);
        if self.options.drop_last { n / size } else { n.div_ceil(size) }
    }

    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.dataset.len()).collect();
        if self.options.shuffle {
            Rng::new(self.options.seed, Purpose::Shuffle, epoch, 0).shuffle(&mut order);
        }
        order
    }

    /// Fills `batch`, whose position and indices are set.
    fn fill(&self, batch: &mut Batch, scratch: &mut [Vec<f32>; 2]) -> Result<()> {
        let item: usize = self.shape.iter().product();
        let n = batch.indices.len();
        batch.shape.clear();
        batch.shape.push(n);
        batch.shape.extend_from_slice(&self.shape);
        batch.inputs.resize(n * item, 0.0);
        batch.labels.clear();
        batch.targets.clear();
        for (place, &index) in batch.indices.iter().enumerate() {
            let sample = &mut batch.inputs[place * item..(place + 1) * item];
            self.fill_sample(index, batch.position.epoch, sample, scratch)?;
            match self.dataset.targets() {
                Targets::Labels => batch.labels.push(self.label(index)?),
                Targets::Numbers(_) => {
                    let normalization = self.options.targets.as_ref();
                    append_target(&*self.dataset, index, normalization, &mut batch.targets)?;
                }
            }
        }
        Ok(())
    }

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
                    let mut rng = Rng::for_augment(self.options.seed, epoch, index, k);
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

    fn label(&self, index: usize) -> Result<i64> {
        let (label, classes) = (self.dataset.label(index), self.dataset.classes().len());
        match (0..classes as i64).contains(&label) {
            true => Ok(label),
            false => {
                Err(DataError::Label { file: "data set".into(), sample: index, label, classes })
            }
        }
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

/// Makes every `stride`-th batch of an epoch from `next` on.
struct Producer {
    recipe: Arc<Recipe>,
    pool: Arc<Pool>,
    order: Arc<Vec<usize>>,
    next: Position,
    stride: usize,
    scratch: [Vec<f32>; 2],
}

impl Producer {
    fn next(&mut self) -> Option<Result<Batch>> {
        let position = self.next;
        if position.batch >= self.recipe.batches() {
            return None;
        }
        self.next.batch = position.batch.saturating_add(self.stride);
        let size = self.recipe.options.batch_size;
        let first = position.batch * size;
        let last = (first + size).min(self.order.len());
        let mut batch = self.pool.take();
        batch.position = position;
        batch.indices.clear();
        batch.indices.extend_from_slice(&self.order[first..last]);
        // The scratch is overwritten before it is read, so a half-made state cannot leak into the next batch.
        let fill = AssertUnwindSafe(|| self.recipe.fill(&mut batch, &mut self.scratch));
        let outcome = catch_unwind(fill).unwrap_or_else(|panic| {
            let Position { epoch, batch } = position;
            Err(DataError::Panicked { epoch, batch, message: panic_message(&*panic) })
        });
        Some(outcome.map(|()| batch))
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| s.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
