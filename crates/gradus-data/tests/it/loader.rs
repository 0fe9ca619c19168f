//! The loader: order, resumption, independence of threads, errors out of workers, reuse of buffers.

use std::collections::HashSet;
use std::sync::Arc;

use expect_test::expect;
use gradus_data::{
    Affine, Batch, DataError, Dataset, HorizontalFlip, ImageDataset, Loader, LoaderOptions,
    Normalization, Position, RandomCrop, Result, Subset,
};

use crate::check_message;

/// `n` images `[2, 4, 4]` of distinct bytes, 3 classes.
fn images(n: usize) -> Arc<dyn Dataset> {
    let pixels = (0..n * 32).map(|i| (i * 37 % 251) as u8).collect();
    let labels = (0..n).map(|i| (i % 3) as i64).collect();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    Arc::new(ImageDataset::new("images", [2, 4, 4], pixels, labels, classes).unwrap())
}

fn options() -> LoaderOptions {
    LoaderOptions {
        batch_size: 4,
        shuffle: true,
        seed: 9,
        augment: vec![
            Arc::new(RandomCrop { height: 4, width: 4, padding: 1 }),
            Arc::new(HorizontalFlip),
            Arc::new(Affine { degrees: 10.0, shift: 1.0, scale: 0.1 }),
        ],
        normalization: Some(Normalization::new(&[0.4, 0.5], &[0.2, 0.3]).unwrap()),
        ..LoaderOptions::default()
    }
}

fn all(loader: &Loader, epoch: u64) -> Vec<Batch> {
    loader.epoch(epoch).map(|batch| (*batch.unwrap()).clone()).collect()
}

#[test]
fn an_epoch_holds_every_sample_once() {
    let loader = Loader::new(images(10), options()).unwrap();
    assert_eq!(loader.batches_per_epoch(), 3);
    let batches = all(&loader, 0);
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(batches[2].shape, [2, 2, 4, 4]);
    let seen: HashSet<usize> = batches.iter().flat_map(|b| b.indices.clone()).collect();
    assert_eq!(seen.len(), 10);
    for batch in &batches {
        for (&index, &label) in batch.indices.iter().zip(&batch.labels) {
            assert_eq!(label, (index % 3) as i64);
        }
    }
    let order = |epoch| all(&loader, epoch).into_iter().flat_map(|b| b.indices).collect::<Vec<_>>();
    assert_ne!(order(0), order(1), "epochs have orders of their own");
    assert_eq!(order(1), order(1));
    let dropping = Loader::new(images(10), LoaderOptions { drop_last: true, ..options() }).unwrap();
    assert_eq!(all(&dropping, 0), batches[..2]);
}

/// The order is part of the contract: a change of this list changes every published result.
#[test]
fn the_order_is_pinned() {
    let options = LoaderOptions { batch_size: 10, shuffle: true, ..LoaderOptions::default() };
    let loader = Loader::new(images(10), options).unwrap();
    expect!["[8, 1, 9, 0, 4, 6, 2, 7, 3, 5]"]
        .assert_eq(&format!("{:?}", all(&loader, 0)[0].indices));
    expect!["[4, 2, 0, 6, 1, 7, 3, 8, 9, 5]"]
        .assert_eq(&format!("{:?}", all(&loader, 1)[0].indices));
}

#[test]
fn workers_and_prefetch_change_nothing() {
    let reference = Loader::new(images(23), LoaderOptions { workers: 0, ..options() }).unwrap();
    for (workers, prefetch) in [(1, 0), (1, 2), (2, 1), (3, 4), (8, 1)] {
        let options = LoaderOptions { workers, prefetch, ..options() };
        let loader = Loader::new(images(23), options).unwrap();
        for epoch in [0, 1, 7] {
            assert_eq!(all(&loader, epoch), all(&reference, epoch), "{workers} workers");
        }
    }
}

#[test]
fn any_position_can_be_entered() {
    let loader = Loader::new(images(10), options()).unwrap();
    let whole: Vec<Batch> = (3..5).flat_map(|epoch| all(&loader, epoch)).collect();
    let mut position = Position { epoch: 3, batch: 0 };
    for expected in &whole {
        let again = loader.from(position).next().unwrap().unwrap();
        assert_eq!(*again, *expected);
        assert_eq!(again.position, position);
        position = loader.after(position);
    }
    assert_eq!(position, Position { epoch: 5, batch: 0 });
    assert!(loader.from(Position { epoch: 0, batch: usize::MAX }).next().is_none());
}

/// A sample's augmentation does not depend on the batch that it is in.
#[test]
fn augmentation_is_keyed_by_the_sample() {
    let small = Loader::new(images(12), LoaderOptions { batch_size: 1, ..options() }).unwrap();
    let large = Loader::new(images(12), LoaderOptions { batch_size: 12, ..options() }).unwrap();
    let one: Vec<f32> = all(&small, 2).into_iter().flat_map(|b| b.inputs).collect();
    assert_eq!(one, all(&large, 2)[0].inputs);
    assert_ne!(one, all(&large, 3)[0].inputs);
    let other = LoaderOptions { batch_size: 12, seed: 10, ..options() };
    assert_ne!(one, all(&Loader::new(images(12), other).unwrap(), 2)[0].inputs);
}

#[test]
fn plain_samples_are_read_as_they_are() {
    let loader = Loader::new(images(3), LoaderOptions::default()).unwrap();
    let batch = loader.epoch(0).next().unwrap().unwrap();
    assert_eq!(
        (batch.indices.as_slice(), batch.shape.as_slice()),
        (&[0, 1, 2][..], &[3, 2, 4, 4][..])
    );
    assert_eq!(batch.inputs[33], (33 * 37 % 251) as f32 / 255.0);
}

#[test]
fn buffers_are_reused() {
    let options = LoaderOptions { workers: 0, batch_size: 2, ..options() };
    let loader = Loader::new(images(10), options).unwrap();
    let mut addresses = HashSet::new();
    for epoch in 0..3 {
        for batch in loader.epoch(epoch) {
            addresses.insert(batch.unwrap().inputs.as_ptr());
        }
    }
    assert_eq!(addresses.len(), 1);
}

#[test]
fn an_early_end_stops_the_workers() {
    let data = images(1000);
    let options = LoaderOptions { batch_size: 1, workers: 3, ..options() };
    let loader = Loader::new(data.clone(), options).unwrap();
    let mut batches = loader.epoch(0);
    batches.next().unwrap().unwrap();
    drop(batches);
    drop(loader);
    assert_eq!(Arc::strong_count(&data), 1, "no thread holds the data any more");
}

/// Fails in one way at sample 5.
#[derive(Clone, Copy)]
enum Fault {
    Error,
    Panic,
    Nan,
    Label,
}

struct Faulty(Fault, Vec<String>);

impl Dataset for Faulty {
    fn len(&self) -> usize {
        20
    }
    fn shape(&self) -> &[usize] {
        &[2]
    }
    fn classes(&self) -> &[String] {
        &self.1
    }
    fn label(&self, index: usize) -> i64 {
        if index == 5 && matches!(self.0, Fault::Label) { 3 } else { 0 }
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        out.fill(0.0);
        match self.0 {
            Fault::Error if index == 5 => {
                Err(DataError::Unknown { name: "sample 5".into(), known: "the others".into() })
            }
            Fault::Panic if index == 5 => panic!("cannot read sample {index}"),
            Fault::Nan if index == 5 => {
                out[1] = f32::NAN;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[test]
fn faults_reach_the_caller() {
    let message = |fault, workers| {
        let data = Arc::new(Faulty(fault, vec!["a".into(), "b".into()]));
        let options = LoaderOptions { batch_size: 2, workers, ..LoaderOptions::default() };
        let mut batches = Loader::new(data, options).unwrap().epoch(0);
        assert!(batches.next().unwrap().is_ok() && batches.next().unwrap().is_ok());
        let third = batches.next().unwrap();
        assert!(batches.next().is_none(), "nothing comes after an error");
        third.unwrap_err().to_string()
    };
    let messages = |workers| {
        [Fault::Error, Fault::Panic, Fault::Nan, Fault::Label]
            .map(|fault| message(fault, workers))
            .join("\n")
    };
    expect![[r#"
        unknown data set "sample 5", expected a folder, a CSV file or one of: the others
        loading epoch 0, batch 2 panicked: cannot read sample 5
        data set, sample 5: found NaN at element 1, expected finite numbers
        data set: sample 5 has label 3, expected 0..2 (2 classes)"#]]
    .assert_eq(&messages(0));
    assert_eq!(messages(1), messages(0));
    assert_eq!(messages(3), messages(0));
}

#[test]
fn messages() {
    let new = |options| Loader::new(images(5), options);
    let plain = LoaderOptions::default;
    check_message(
        new(LoaderOptions { batch_size: 0, ..plain() }),
        expect!["batch size: found 0, expected at least 1"],
    );
    check_message(
        new(LoaderOptions { workers: 1000, ..plain() }),
        expect!["loader workers: found 1000, expected at most 64"],
    );
    check_message(
        new(LoaderOptions { batch_size: 6, drop_last: true, ..plain() }),
        expect!["batch size: found 6, expected at most 5, the number of samples (drop_last)"],
    );
    let crop = Arc::new(RandomCrop { height: 9, width: 4, padding: 2 });
    check_message(
        new(LoaderOptions { augment: vec![Arc::new(HorizontalFlip), crop], ..plain() }),
        expect!["crop: found a window of 9×4, expected at most 4×4 plus padding 2 a side"],
    );
    let affine = Arc::new(Affine { degrees: 1.0, shift: f64::NAN, scale: 0.0 });
    check_message(
        new(LoaderOptions { augment: vec![affine], ..plain() }),
        expect![
            "augmentation: found Affine { degrees: 1.0, shift: NaN, scale: 0.0 }, expected finite numbers and a scale in 0..1"
        ],
    );
    let flips = (0..65).map(|_| Arc::new(HorizontalFlip) as _).collect();
    check_message(
        new(LoaderOptions { augment: flips, ..plain() }),
        expect!["augmentations: found 65, expected at most 64"],
    );
    let grey = Normalization::new(&[0.5], &[0.5]).unwrap();
    check_message(
        new(LoaderOptions { normalization: Some(grey), ..plain() }),
        expect![
            "normalization: found 1 channels, expected as many as the first axis of a sample of shape [2, 4, 4]"
        ],
    );
    check_message(
        Normalization::new(&[0.5], &[0.0]),
        expect![
            "normalization: found mean [0.5], std [0.0], expected as many finite means as positive finite standard deviations"
        ],
    );
    let nothing = Arc::new(Subset::first(images(5), 0));
    check_message(
        Loader::new(nothing, plain()),
        expect!["data set: found no samples, expected at least one"],
    );
    let points = Arc::new(gradus_data::toy::xor(10, 0.0, 0));
    let flip = LoaderOptions { augment: vec![Arc::new(HorizontalFlip)], ..plain() };
    check_message(
        Loader::new(points, flip),
        expect!["augmentation: found samples [2], expected images of shape [c, h, w] to augment"],
    );
    check_message(
        Subset::new(images(5), vec![4, 5]),
        expect!["subset: found index 5, expected indices below 5, the number of samples"],
    );
}

/// Numbers without bound are as many as there are.
#[test]
fn positions_and_queues_saturate() {
    let options = LoaderOptions { prefetch: usize::MAX, workers: 2, ..options() };
    let loader = Loader::new(images(10), options).unwrap();
    assert_eq!(loader.epoch(0).map(|batch| batch.unwrap().len()).sum::<usize>(), 10);
    let last = |epoch| Position { epoch, batch: usize::MAX };
    assert_eq!(loader.after(last(3)), Position { epoch: 4, batch: 0 });
    assert_eq!(loader.after(last(u64::MAX)), Position { epoch: u64::MAX, batch: 0 });
    assert_eq!(loader.from(last(0)).count(), 0);
}
