//! Ragged records through the training loop: batches of like length under a budget of tokens, stopped in the middle of an epoch, made by any
//! number of threads; several inputs and targets by name.

use gradus_data::{Bucketing, InMemory, Padding, RecordLoader, RecordOptions, UnitsOf};
use gradus_nn::layers::{dense, embedding};
use gradus_nn::{Init, Layer, Sequential};
use gradus_tensor::{DType, Tensor};
use gradus_train::callbacks::{Callback, Flow, Moment};
use gradus_train::optim::Adam;
use gradus_train::{
    Fit, Learner, Measured, Objectives, Progress, Recipe, Result, Source, Updater, evaluate,
    metrics, weights,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const WORDS: usize = 11;
const SENTENCES: usize = 150;

/// Sentences of 1 to 29 words.
fn sentences() -> Vec<Vec<i64>> {
    let word = |i: usize, k: usize| ((i * 31 + k * 17 + i * k) % (WORDS - 1) + 1) as i64;
    (0..SENTENCES).map(|i| (0..1 + i * 37 % 29).map(|k| word(i, k)).collect()).collect()
}

/// For each word of a sentence whether it is odd.
fn tagged() -> InMemory {
    let tags = sentences().into_iter().map(|words| words.iter().map(|w| w % 2).collect::<Vec<_>>());
    let words = InMemory::new().ragged("x", sentences()).unwrap();
    words.ragged("t", tags).unwrap()
}

fn loader(workers: usize) -> RecordLoader {
    let options = RecordOptions {
        batch_size: 32,
        shuffle: true,
        seed: 4,
        workers,
        padding: vec![("x".into(), Padding::default()), ("t".into(), Padding::along("x"))],
        units: UnitsOf::Lengths("x".into()),
        bucketing: Some(Bucketing::quantiles("x", 6).max_units(240)),
        ..RecordOptions::default()
    };
    RecordLoader::new(tagged(), options).unwrap()
}

fn learner() -> Learner {
    let model = Sequential::new([1], &Init::new(5)).add(embedding(WORDS, 6)).add(dense(2));
    let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
    Learner::with(model.into(), Box::new(Adam::new(0.02)), recipe, 3)
}

/// Interrupts training after so many steps.
struct StopAt(u64, Arc<AtomicBool>);

impl Callback for StopAt {
    fn name(&self) -> &'static str {
        "stop_at"
    }
    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        if moment.task.steps() == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
        Ok(Flow::Continue)
    }
}

/// Trains for three epochs, or so many steps.
fn train(workers: usize, folder: Option<&Path>, stop: Option<u64>) -> (Learner, Progress) {
    let mut learner = learner();
    let mut fit = Fit { epochs: 3, ..Fit::default() };
    if let Some(steps) = stop {
        fit.callbacks.push(Box::new(StopAt(steps, fit.interrupt.clone())));
    }
    let progress = fit.run_in(folder, &mut learner, &loader(workers), None).unwrap();
    (learner, progress)
}

#[test]
fn tokens_are_learned_whoever_makes_the_batches() {
    let (mut learner, progress) = train(0, None, None);
    assert!(progress.history[2].metrics["accuracy"] > 0.95, "{:?}", progress.series("accuracy"));
    // Means are over words: of a set in another order, in other batches, they are the same.
    let options = RecordOptions {
        padding: vec![("x".into(), Padding::default()), ("t".into(), Padding::along("x"))],
        ..RecordOptions::default()
    };
    let plain = RecordLoader::new(tagged(), options).unwrap();
    let [one, other] =
        [&loader(0) as &dyn Source, &plain].map(|source| evaluate(&mut learner, source).unwrap());
    assert!((one.loss - other.loss).abs() < 1e-6, "{one:?} {other:?}");
    assert!((one.metrics[0] - other.metrics[0]).abs() < 1e-6);
    for workers in [1, 3] {
        let (same, log) = train(workers, None, None);
        assert_eq!(weights(&**same.model()), weights(&**learner.model()), "{workers} workers");
        assert_eq!(log.series("loss"), progress.series("loss"));
    }
}

#[test]
fn a_run_goes_on_in_the_middle_of_an_epoch() {
    let (whole, progress) = train(0, None, None);
    let batches = loader(0).batches_per_epoch() as u64;
    assert!(batches > 10);
    let folder = tempfile::tempdir().unwrap();
    let (_, stopped) = train(1, Some(folder.path()), Some(batches + 5));
    assert_eq!((stopped.epoch, stopped.batch), (1, 5));
    let (rest, log) = train(3, Some(folder.path()), None);
    assert_eq!(weights(&**rest.model()), weights(&**whole.model()));
    assert_eq!(log.series("loss"), progress.series("loss"));
}

/// Two inputs, a table and a text, and two targets, a number and a class: each is a field by its name.
#[test]
fn several_inputs_and_targets_train() {
    let (n, all) = (SENTENCES, sentences());
    let sizes: Vec<f32> = (0..2 * n).map(|i| (i * 13 % 7) as f32 / 7.0).collect();
    let prices: Vec<f32> =
        (0..n).map(|i| sizes[2 * i] - sizes[2 * i + 1] + all[i].len() as f32 / 30.0).collect();
    let long: Vec<bool> = all.iter().map(|words| words.len() > 15).collect();
    let data = InMemory::new()
        .field("size", &[2], &sizes)
        .and_then(|data| data.ragged("words", all))
        .and_then(|data| data.field("price", &[1], &prices))
        .and_then(|data| data.field("long", &[1], &long))
        .unwrap();
    let options = RecordOptions {
        batch_size: 10,
        shuffle: true,
        padding: vec![(
            "words".into(),
            Padding { mask: true, lengths: false, ..Padding::default() },
        )],
        bucketing: Some(Bucketing::windows("words", 5)),
        ..RecordOptions::default()
    };
    let loader = RecordLoader::new(data, options).unwrap();
    let model = Arc::new(Sequential::new([4], &Init::new(1)).add(dense(2)));
    let own = model.clone();
    let mut task = Objectives::new(0).module("model", model).minimize(
        "loss",
        Updater::new(Adam::new(0.05)),
        &["model"],
        move |batch, cx| {
            let mask = batch["mask"].cast(DType::F32); // [B, T]
            let length = mask.sum(1).unsqueeze(1) / 30.0; // [B, 1]
            let sum = (batch["words"].cast(DType::F32) * &mask).sum(1).unsqueeze(1) / 300.0;
            let y = own.forward(&Tensor::concat(&[&batch["size"], &length, &sum], 1), cx);
            let price = (y.slice(1, 0..1) - &batch["price"]).square().mean(..);
            let long = batch["long"].cast(DType::F32);
            let right = (y.slice(1, 1..2) - (&long * 2.0 - 1.0)).square().mean(..);
            Measured::new(&(&price + &right)).number("price", &price)
        },
    );
    let mut progress = Progress::default();
    let mut fit = Fit { epochs: 30, ..Fit::default() };
    fit.run(&mut task, &loader, None, &mut progress).unwrap();
    let last = progress.history.last().unwrap();
    assert!(last.get("price").unwrap() < 2e-3, "{:?}", progress.series("price"));
}
