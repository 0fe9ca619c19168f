//! n-gram models, held against their formulas in exact fractions.

use expect_test::expect;
use gradus_text::{Counts, NGram, Smoothing};
use proptest::prelude::*;
use serde_json::Value;

use crate::check_message;

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// What `tests/fixtures/make_ngrams.py` wrote.
#[test]
fn probabilities_are_those_of_the_formulas() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/ngrams.json")).unwrap();
    let mut counts = Counts::new(6, 3).unwrap();
    counts.add(&ids(&fixture["ids"])).unwrap();
    let said = fixture["said"].as_array().unwrap();
    assert_eq!(said.len(), 30);
    for row in said {
        let smoothing = match row["model"].as_str().unwrap() {
            "add-k" => Smoothing::AddK(0.25),
            "Witten-Bell" => Smoothing::WittenBell,
            _ => Smoothing::KneserNey,
        };
        let model = NGram::new(&counts, 3, smoothing).unwrap();
        let context = ids(&row["context"]);
        for (id, expected) in row["probabilities"].as_array().unwrap().iter().enumerate() {
            let (own, expected) = (
                model.log_probability(&context, id as i64).unwrap().exp(),
                expected.as_f64().unwrap(),
            );
            assert!(
                (own - expected).abs() < 1e-13,
                "{smoothing:?} {id} after {context:?}: {own} {expected}"
            );
        }
    }
    let model = NGram::new(&counts, 3, Smoothing::KneserNey).unwrap();
    let fallbacks: Vec<bool> = model.discounts().iter().map(|d| d.is_fallback).collect();
    assert_eq!(serde_json::json!(fallbacks), fixture["fallbacks"]);
}

proptest! {
    /// Probabilities of all symbols sum to 1 after any context, of any order and smoothing; a sequence's score is the sum of its symbols'.
    #[test]
    fn probabilities_sum_to_one(
        rows in prop::collection::vec(prop::collection::vec(0i64..5, 1..40), 1..4),
        context in prop::collection::vec(0i64..6, 0..5),
        order in 0usize..5,
        kind in 0usize..3,
    ) {
        let mut counts = Counts::new(6, 4).unwrap();
        for row in &rows {
            counts.add_after(&[5], row).unwrap();
        }
        let smoothing = [Smoothing::AddK(0.3), Smoothing::WittenBell, Smoothing::KneserNey][kind];
        let model = NGram::new(&counts, order, smoothing).unwrap();
        let log = |before: &[i64], id| model.log_probability(before, id).unwrap();
        let sum: f64 = (0..6).map(|id| log(&context, id).exp()).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{}", sum);
        let logits = model.logits(&context).unwrap();
        prop_assert!((0..6).all(|id| logits[id as usize] == log(&context, id) as f32));
        let one_by_one: f64 = (0..context.len()).map(|at| log(&context[..at], context[at])).sum();
        let said = model.score(&context).unwrap();
        prop_assert!((said.nats + one_by_one).abs() < 1e-9 && said.symbols == context.len() as u64);
        let (before, after) = context.split_at(context.len() / 2);
        let parts = model.score(before).unwrap().nats + model.score_after(before, after).unwrap().nats;
        prop_assert!((said.nats - parts).abs() < 1e-9);
    }
}

/// Counting in pieces is counting sequences: nothing goes across, and what stands before is not counted.
#[test]
fn what_stands_before_is_no_symbol() {
    let mut counts = Counts::new(4, 3).unwrap();
    counts.add_after(&[3], &[0, 1]).unwrap();
    counts.add_after(&[0, 0, 3], &[1]).unwrap();
    let of = |ids: &[i64]| counts.of(ids).unwrap();
    assert_eq!((of(&[3]), of(&[3, 0]), of(&[3, 0, 1]), of(&[3, 1])), (0, 1, 1, 1));
    assert_eq!((of(&[0]), of(&[1]), of(&[0, 3, 1]), of(&[1, 3])), (1, 2, 1, 0));
    assert_eq!(counts.distinct(), [2, 3, 2]);
}

#[test]
fn messages() {
    let mut counts = Counts::new(3, 2).unwrap();
    check_message(
        NGram::new(&counts, 2, Smoothing::WittenBell),
        expect!["counts: found no n-gram, expected at least one sequence"],
    );
    check_message(
        counts.add(&[0, -1]),
        expect!["ids: found -1 at place 1, expected ids below 3, the size of the vocabulary"],
    );
    counts.add(&[0, 1, 2]).unwrap();
    check_message(
        NGram::new(&counts, 3, Smoothing::WittenBell),
        expect!["order of the model: found 3, expected at most 2, that of the counts"],
    );
    check_message(
        NGram::new(&counts, 2, Smoothing::AddK(0.0)),
        expect!["add-k: found 0, expected a finite number above 0"],
    );
    check_message(
        Counts::new(0, 2),
        expect!["size of the vocabulary: found 0, expected 1 to 2^30"],
    );
    check_message(Counts::new(3, 0), expect!["order of n-grams: found 0, expected 1 to 32"]);
    let model = NGram::new(&counts, 2, Smoothing::WittenBell).unwrap();
    check_message(
        model.score(&[3]),
        expect!["ids: found 3 at place 0, expected ids below 3, the size of the vocabulary"],
    );
}
