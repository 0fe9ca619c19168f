//! Batches of samples of like length: nothing is lost or doubled, budgets are kept, and every epoch has as many batches.

use expect_test::expect;
use gradus_data::{
    Bucketing, FieldSpec, InMemory, Padding, Position, RecordBatch, RecordLoader, RecordOptions,
    Records, Result, Rng, Sample, Transform, UnitsOf,
};
use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use crate::check_message;

/// Tokens of these lengths: sample `i` is `i, i, …`.
fn tokens(lengths: &[usize]) -> InMemory {
    let rows = lengths.iter().enumerate().map(|(i, &len)| vec![i as i64; len]);
    InMemory::new().ragged("x", rows).unwrap()
}

fn options(bucketing: Option<Bucketing>) -> RecordOptions {
    RecordOptions {
        batch_size: 4,
        shuffle: true,
        seed: 3,
        workers: 0,
        padding: vec![("x".into(), Padding::default())],
        units: UnitsOf::Lengths("x".into()),
        bucketing,
        ..RecordOptions::default()
    }
}

fn all(loader: &RecordLoader, epoch: u64) -> Vec<RecordBatch> {
    loader.epoch(epoch).map(|batch| (*batch.unwrap()).clone()).collect()
}

fn samples(batches: &[RecordBatch]) -> Vec<usize> {
    batches.iter().flat_map(|batch| batch.indices.clone()).collect()
}

fn bucketings() -> impl Strategy<Value = Option<Bucketing>> {
    let bounds = proptest::collection::btree_set(1usize..60, 0..6)
        .prop_map(|bounds| Bucketing::boundaries("x", bounds.into_iter().collect::<Vec<_>>()));
    let quantiles = (1usize..9).prop_map(|n| Bucketing::quantiles("x", n));
    let windows = (1usize..9).prop_map(|n| Some(Bucketing::windows("x", n)));
    let budget = |buckets: Bucketing, units: Option<usize>| match units {
        Some(units) => buckets.max_units(units),
        None => buckets,
    };
    let buckets = (prop_oneof![bounds, quantiles], proptest::option::of(64usize..400))
        .prop_map(move |(buckets, units)| Some(budget(buckets, units)));
    prop_oneof![Just(None), windows, buckets]
}

proptest! {
    #[test]
    fn no_sample_is_lost_or_doubled(
        lengths in proptest::collection::vec(1usize..60, 1..120),
        batch_size in 1usize..20,
        multiple in 1usize..5,
        bucketing in bucketings(),
        shuffle: bool,
        drop_last: bool,
        seed: u64,
    ) {
        let padding = vec![("x".into(), Padding { multiple, ..Padding::default() })];
        let most = bucketing.as_ref().and_then(|b| b.max_units).unwrap_or(usize::MAX);
        let own = RecordOptions { batch_size, padding, shuffle, drop_last, seed, ..options(bucketing) };
        let loader = match RecordLoader::new(tokens(&lengths), own.clone()) {
            Ok(loader) => loader,
            // A bucket, or all of them, would be left out of every epoch: only then, and so it is said.
            Err(error) => {
                let error = error.to_string();
                let smallest = if error.starts_with("bucket of x") { 1 } else { lengths.len() };
                prop_assert!(drop_last && smallest < batch_size, "{}", error);
                prop_assert!(error.contains("drop_last"), "{}", error);
                let keeping = RecordOptions { drop_last: false, ..own };
                prop_assert!(RecordLoader::new(tokens(&lengths), keeping).is_ok());
                return Ok(());
            }
        };
        let mut ever = HashSet::new();
        for epoch in [0, 7] {
            let batches = all(&loader, epoch);
            prop_assert_eq!(batches.len(), loader.batches_per_epoch());
            let mut seen = samples(&batches);
            seen.sort_unstable();
            let before = seen.len();
            seen.dedup();
            prop_assert_eq!(seen.len(), before, "no sample twice");
            prop_assert!(drop_last || seen.len() == lengths.len(), "each sample once");
            ever.extend(seen);
            for batch in &batches {
                let x = batch.get("x").unwrap();
                prop_assert!(batch.len() <= batch_size && x.values.len() <= most);
                let longest = batch.indices.iter().map(|&i| lengths[i]).max().unwrap();
                prop_assert_eq!(&x.shape, &[batch.len(), longest.next_multiple_of(multiple)]);
                let own: usize = batch.indices.iter().map(|&i| lengths[i]).sum();
                prop_assert_eq!(batch.units, own as f64);
                for (row, &i) in x.values.as_slice::<i64>().unwrap().chunks(x.shape[1]).zip(&batch.indices) {
                    prop_assert!(row[..lengths[i]].iter().all(|&token| token == i as i64));
                    prop_assert!(row[lengths[i]..].iter().all(|&token| token == 0));
                }
            }
        }
    }

    /// What an epoch leaves out another one sees: each bucket leaves out as many each time, fewer than a batch.
    #[test]
    fn every_sample_is_seen_in_the_end(
        lengths in proptest::collection::vec(1usize..60, 20..90),
        batch_size in 1usize..8,
        bucketing in bucketings(),
        seed: u64,
    ) {
        let own = RecordOptions { batch_size, drop_last: true, seed, ..options(bucketing) };
        let Ok(loader) = RecordLoader::new(tokens(&lengths), own) else { return Ok(()) };
        let mut ever = HashSet::new();
        let mut left = HashSet::new();
        // A sample is left out of an epoch with less than 1 in 2.
        for epoch in 0..40 {
            let seen = samples(&all(&loader, epoch));
            left.insert(lengths.len() - seen.len());
            ever.extend(seen);
        }
        prop_assert_eq!((ever.len(), left.len()), (lengths.len(), 1));
    }

    /// Entered anywhere, by any number of workers, a batch has the same bits.
    #[test]
    fn a_batch_is_a_function_of_its_position(
        lengths in proptest::collection::vec(1usize..30, 8..60),
        bucketing in bucketings(),
        start in 0usize..10,
        workers in 1usize..4,
        prefetch in 0usize..3,
    ) {
        let new = |workers| {
            let own = RecordOptions { workers, prefetch, ..options(bucketing.clone()) };
            RecordLoader::new(tokens(&lengths), own).unwrap()
        };
        let whole = all(&new(0), 2);
        let loader = new(workers);
        let position = Position { epoch: 2, batch: start };
        let rest: Vec<RecordBatch> = loader.from(position).map(|b| (*b.unwrap()).clone()).collect();
        prop_assert_eq!(&rest[..], &whole[start.min(whole.len())..]);
    }
}

/// The share of a batch that is padding, over an epoch.
fn padding(loader: &RecordLoader, epoch: u64) -> f64 {
    let batches = all(loader, epoch);
    let all: usize = batches.iter().map(|batch| batch.get("x").unwrap().values.len()).sum();
    1.0 - batches.iter().map(|batch| batch.units).sum::<f64>() / all as f64
}

#[test]
fn like_lengths_share_batches_and_orders_differ() {
    let lengths: Vec<usize> = (0..400).map(|i| 1 + i * 7919 % 97).collect();
    let new = |bucketing| RecordLoader::new(tokens(&lengths), options(bucketing)).unwrap();
    assert!(padding(&new(None), 0) > 0.3);
    let kinds = [
        Bucketing::windows("x", 25),
        Bucketing::quantiles("x", 20),
        Bucketing::boundaries("x", (1..20).map(|k| 5 * k).collect::<Vec<_>>()),
        Bucketing::quantiles("x", 20).max_units(400),
    ];
    for kind in kinds {
        let loader = new(Some(kind.clone()));
        assert!(padding(&loader, 0) < 0.1, "{kind:?}: {}", padding(&loader, 0));
        let order = |epoch| samples(&all(&loader, epoch));
        assert_ne!(order(0), order(1));
        assert_eq!(order(1), order(1));
        // Short and long batches come in no order, and with other companions the next time.
        let longest: Vec<usize> =
            all(&loader, 0).iter().map(|b| b.get("x").unwrap().shape[1]).collect();
        assert!(!longest.is_sorted() && !longest.is_sorted_by(|a, b| a >= b));
        let together = |epoch: u64| {
            let batches = all(&loader, epoch);
            batches
                .iter()
                .map(|b| {
                    let mut own = b.indices.clone();
                    own.sort_unstable();
                    own
                })
                .collect::<std::collections::HashSet<_>>()
        };
        assert!(together(0).intersection(&together(1)).count() < 20);
    }
}

/// The order is part of the contract: a change of these lists changes every published result.
#[test]
fn the_order_is_pinned() {
    let new = |bucketing| {
        RecordLoader::new(tokens(&[3, 1, 2, 3, 1, 2, 3, 9, 1, 5]), options(Some(bucketing)))
            .unwrap()
    };
    let told = |bucketing| {
        let loader = new(bucketing);
        format!("{:?}", all(&loader, 1).iter().map(|b| b.indices.clone()).collect::<Vec<_>>())
    };
    expect!["[[3, 0, 9, 7], [8, 5], [1, 4, 2, 6]]"].assert_eq(&told(Bucketing::windows("x", 2)));
    expect!["[[0, 6, 3], [8], [9, 7], [5, 2, 1, 4]]"]
        .assert_eq(&told(Bucketing::boundaries("x", [2, 4])));
    expect!["[[5, 2, 1, 4], [0], [6], [3], [9], [7], [8]]"]
        .assert_eq(&told(Bucketing::quantiles("x", 2).max_units(9)));
}

/// Short sentences, and fewer long ones than a batch has.
#[test]
fn a_bucket_that_would_never_be_seen_is_refused() {
    let new = |lengths: &[usize], bucketing, drop_last| {
        let own = RecordOptions { batch_size: 64, drop_last, ..options(Some(bucketing)) };
        RecordLoader::new(tokens(lengths), own)
    };
    let lengths: Vec<usize> = (0..220).map(|i| if i < 200 { 5 } else { 50 }).collect();
    let by_hand = Bucketing::boundaries("x", [10]);
    check_message(
        new(&lengths, by_hand.clone(), true),
        expect![
            "bucket of x, lengths 50 to 50: found 20 samples, expected at least 64, its batch: drop_last would leave it out of every epoch"
        ],
    );
    assert!(new(&lengths, by_hand.clone().max_units(64 * 50), true).is_err());
    // With a budget of 20 long ones they are a batch.
    let loader = new(&lengths, by_hand.clone().max_units(1000), true).unwrap();
    let seen: HashSet<usize> = (0..50).flat_map(|epoch| samples(&all(&loader, epoch))).collect();
    assert_eq!(seen.len(), 220);
    assert_eq!(new(&lengths, by_hand, false).unwrap().batches_per_epoch(), 5);
}

/// Says each token so many times; says so, or not.
struct Repeat {
    times: usize,
    said: usize,
}

impl Transform for Repeat {
    fn max_length(&self, field: &str, length: usize) -> usize {
        if field == "x" { self.said * length } else { length }
    }
    fn apply(&self, input: &Sample, output: &mut Sample, _: &mut Rng) -> Result<()> {
        let own = input.get::<i64>("x")?.iter();
        let all: Vec<i64> = own.flat_map(|&token| vec![token; self.times]).collect();
        output.put(output.find("x")?, &all)
    }
}

/// Records that say every sample to be 1 long.
struct Liar(InMemory);

impl Records for Liar {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn fields(&self) -> &[FieldSpec] {
        self.0.fields()
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        self.0.read(index, sample)
    }
    fn length(&self, _: usize, _: usize) -> Result<usize> {
        Ok(1)
    }
}

/// A budget holds for what the batch holds, whatever transforms do and records say.
#[test]
fn a_budget_is_kept_or_the_sample_that_breaks_it_is_named() {
    let lengths: Vec<usize> = (0..100).map(|i| 1 + i % 10).collect();
    let budget = Bucketing::quantiles("x", 4).max_units(40);
    let repeat = |times, said| {
        let transforms: Vec<Arc<dyn Transform>> = vec![Arc::new(Repeat { times, said })];
        let own = RecordOptions { batch_size: 64, transforms, ..options(Some(budget.clone())) };
        RecordLoader::new(tokens(&lengths), own).unwrap()
    };
    for (times, said) in [(1, 1), (2, 2), (1, 3)] {
        for batch in all(&repeat(times, said), 0) {
            let x = batch.get("x").unwrap();
            assert!(x.values.len() <= 40, "{:?}", x.shape);
        }
    }
    let first_error = |loader: &RecordLoader| loader.epoch(0).find_map(|b| b.map(|_| ()).err());
    check_message(
        Err::<(), _>(first_error(&repeat(2, 1)).unwrap()),
        expect![
            "field x, sample 68: found 18 rows, expected at most 9, what Records::length and Transform::max_length say"
        ],
    );
    let own = RecordOptions { batch_size: 64, ..options(Some(budget.clone())) };
    let liar = RecordLoader::new(Liar(tokens(&lengths)), own).unwrap();
    check_message(
        Err::<(), _>(first_error(&liar).unwrap()),
        expect![
            "field x, sample 17: found 8 rows, expected at most 1, what Records::length and Transform::max_length say"
        ],
    );
}

#[test]
fn messages() {
    let new =
        |bucketing| RecordLoader::new(tokens(&[3, 1, 8, 2]), options(Some(bucketing))).map(|_| ());
    check_message(
        new(Bucketing::boundaries("x", [4, 4, 8])),
        expect!["boundaries of x: found [4, 4, 8], expected each above the one before"],
    );
    check_message(
        new(Bucketing::quantiles("x", 2).max_units(7)),
        expect![
            "max_units of x: found 7, and sample 2 of length 8, expected at least 8, what this sample takes"
        ],
    );
    check_message(
        new(Bucketing::windows("x", 2).max_units(100)),
        expect![
            "max_units of x: found windows, expected boundaries or quantiles, whose batches are as many every epoch"
        ],
    );
    check_message(
        new(Bucketing::windows("x", 0)),
        expect!["windows of x: found 0 batches, expected at least 1"],
    );
    check_message(
        new(Bucketing::quantiles("x", 0)),
        expect!["quantiles of x: found 0, expected at least 1"],
    );
    check_message(
        new(Bucketing::quantiles("y", 1)),
        expect![[r#"field: found the name "y", expected one of x i64 [T]"#]],
    );
    let fixed = InMemory::new().field("x", &[1], &[1i64, 2]).unwrap();
    let own =
        RecordOptions { bucketing: Some(Bucketing::quantiles("x", 1)), ..RecordOptions::default() };
    check_message(
        RecordLoader::new(fixed, own),
        expect!["bucketing: found x i64 [1], expected a ragged field [T, ..]"],
    );
}
