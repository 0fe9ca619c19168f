//! Runs that are told to end while they validate, and checkpoints by their numbers.

use gradus_nn::layers::dense;
use gradus_nn::{Init, Sequential};
use gradus_tensor::Tensor;
use gradus_train::callbacks::{Callback, Checkpoints};
use gradus_train::optim::Adam;
use gradus_train::{Arrays, Batch, Confusion, Fit, INTERRUPTED, Learner, Progress, Result, Source};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn data(samples: usize) -> Arrays {
    let t: Vec<i64> = (0..samples as i64).map(|i| i % 3).collect();
    Arrays::new(&Tensor::randn([samples, 2], 1), &Tensor::from_slice(&t, [samples]), 4).unwrap()
}

fn learner() -> Learner {
    let model = Sequential::new([2], &Init::new(0)).add(dense(3));
    Learner::new(model.into(), Adam::new(0.1))
}

/// Validation data during whose second batch the run is interrupted.
struct Interrupting(Arrays, Arc<AtomicBool>);

impl Source for Interrupting {
    fn batches(&self) -> usize {
        self.0.batches()
    }
    fn samples(&self) -> usize {
        self.0.samples()
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let all = self.0.from(epoch, batch).enumerate();
        Box::new(all.map(|(i, batch)| {
            self.1.fetch_or(i == 1, Ordering::Relaxed);
            batch
        }))
    }
}

/// Remembers the batches that it is told of at the end of an epoch that another process trained.
struct Told(Rc<RefCell<Vec<usize>>>);

impl Callback for Told {
    fn name(&self) -> &'static str {
        "told"
    }
    fn last_batch(&mut self, batch: &Batch) {
        self.0.borrow_mut().push(batch.samples());
    }
}

#[test]
fn validation_need_not_be_waited_for() {
    let (train, validation) = (data(10), data(20));
    let mut progress = Progress::default();
    let mut one = learner();
    let mut fit = Fit { epochs: 2, ..Fit::default() };
    let interrupting = Interrupting(data(20), fit.interrupt.clone());
    fit.run(&mut one, &train, Some(&interrupting), &mut progress).unwrap();
    assert_eq!(progress.stopped.as_deref(), Some(INTERRUPTED));
    assert_eq!((progress.epoch, progress.batch, progress.history.len()), (0, 3, 0));
    // It goes on with the validation, and ends as one that was not interrupted.
    let told = Rc::default();
    let mut fit = Fit { epochs: 2, ..Fit::default() };
    fit.callbacks.push(Box::new(Told(Rc::clone(&told))));
    fit.run(&mut one, &train, Some(&validation), &mut progress).unwrap();
    let (mut other, mut whole) = (learner(), Progress::default());
    let mut fit = Fit { epochs: 2, ..Fit::default() };
    fit.run(&mut other, &train, Some(&validation), &mut whole).unwrap();
    assert_eq!(progress.series("val_loss"), whole.series("val_loss"));
    assert_eq!(progress.series("loss"), whole.series("loss"));
    assert_eq!(*told.borrow(), [2], "the last batch of 10 samples by fours");
}

/// Names of nine digits come before those of eight in the alphabet.
#[test]
fn checkpoints_are_ordered_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let steps = ["00000007", "99999999", "100000000", "1000000001"];
    for step in steps {
        std::fs::write(folder.path().join(format!("step-{step}.safetensors")), "").unwrap();
    }
    let all = Checkpoints::all(folder.path()).unwrap();
    let names = all.iter().map(|path| path.file_stem().unwrap().to_str().unwrap());
    assert!(names.eq(steps.map(|step| format!("step-{step}"))), "{all:?}");
    let newest = Checkpoints::newest(folder.path()).unwrap().unwrap();
    assert!(newest.ends_with("step-1000000001.safetensors"));
}

/// A square table of so many classes would take 8 TB.
#[test]
fn a_million_classes_are_confused_in_little_memory() {
    let mut found = Confusion::new(1_000_000);
    for (label, guess) in [(7, 7), (999_999, 0), (999_999, 0), (3, 999_999)] {
        found.add(label, guess).unwrap();
    }
    assert_eq!((found.correct(), found.accuracy()), (1, 0.25));
    assert_eq!(found.commonest(5), [(999_999, 0, 2), (3, 999_999, 1)]);
    assert_eq!((found.count(999_999, 0), found.count(0, 999_999)), (2, 0));
    assert_eq!((found.recall(7), found.precision(999_999), found.recall(999_999)), (1.0, 0.0, 0.0));
    assert!((found.macro_f1() - 1e-6).abs() < 1e-15);
    assert!(found.add(1_000_000, 0).is_err() && found.add(0, -1).is_err());
}
