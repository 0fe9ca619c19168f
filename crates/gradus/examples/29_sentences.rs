//! Sentences of different lengths through an unrolled recurrent cell whose state is carried from batch to batch: say again what came
//! one word before. Of a piece's first word that is only known from the state; padding counts for nothing.
//!
//! Elman 1990, Cognitive Science 14

use gradus::nn::{Module, Parameter};
use gradus::prelude::*;
use gradus::train::{Fields, Result, Source, optim::Clip};
use std::path::PathBuf;
use std::sync::Arc;

const STREAMS: usize = 32;
const WORDS: usize = 5;
const HIDDEN: usize = 24;
const BATCHES: usize = 40;

/// h ← tanh(W of the word + h·U), and what is said of h; with the state of each stream.
#[derive(Module)]
struct Cell {
    inward: Parameter,
    onward: Parameter,
    said: Parameter,
    state: Variable,
}

impl Cell {
    fn new() -> Cell {
        let weight = |i: usize, o: usize, seed| {
            Parameter::weight(&(Tensor::randn([i, o], seed) / (i as f64).sqrt()))
        };
        Cell {
            inward: weight(WORDS, HIDDEN, 1),
            onward: weight(HIDDEN, HIDDEN, 2),
            said: weight(HIDDEN, WORDS, 3),
            state: Variable::new("state", &Tensor::zeros([STREAMS, HIDDEN])),
        }
    }
}

/// Word `k` of a stream; before the first one comes word 0.
fn word(stream: usize, k: usize) -> i64 {
    let mixed = (stream as u64 * 1_000_003 + k as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    if k == 0 { 0 } else { ((mixed ^ (mixed >> 29)) % WORDS as u64) as i64 }
}

/// How long a stream's piece in a batch is: 3 to 9 words.
fn length(stream: usize, batch: usize) -> usize {
    3 + (batch * 7 + stream * 3) % 5 + (batch + stream) % 3
}

/// Pieces of endless streams, padded to the longest of their batch.
struct Streams;

impl Streams {
    fn pieces(epoch: u64, batch: usize) -> Result<Batch> {
        let now = epoch as usize * BATCHES + batch;
        let pieces = |back: usize| -> Vec<Vec<i64>> {
            let piece = |stream| {
                let start = 1 + (0..now).map(|batch| length(stream, batch)).sum::<usize>() - back;
                (start..start + length(stream, now)).map(|k| word(stream, k)).collect()
            };
            (0..STREAMS).map(piece).collect()
        };
        Batch::ragged([("x", pieces(0)), ("t", pieces(1))])
    }
}

impl Source for Streams {
    fn batches(&self) -> usize {
        BATCHES
    }
    fn samples(&self) -> usize {
        BATCHES * STREAMS
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        Box::new((batch..BATCHES).map(move |batch| Streams::pieces(epoch, batch)))
    }
}

/// The mean over words of what is missed; how many are right of all words, and of the first of a piece.
fn measured(cell: &Cell, batch: &Fields<'_>, cx: &Context<'_>) -> Measured {
    let (x, lengths) = (&batch["x"], &batch["lengths"]); // [B, T], [B]
    let mut h = cell.state.tensor(); // [B, HIDDEN]
    let (mut lost, mut right, mut first) = (vec![], vec![], None);
    for k in 0..x.size(1) {
        let there = lengths.gt(k as f64); // [B]
        let [inward, onward, said] =
            [&cell.inward, &cell.onward, &cell.said].map(Parameter::tensor);
        let next = (inward.embedding(&x.select(1, k)) + h.matmul(&onward)).tanh();
        h = &h + (next - &h) * there.unsqueeze(1); // where the piece has ended the state stays
        let (y, t) = (h.matmul(&said), batch["t"].select(1, k));
        let hits = y.argmax(1).eq(&t).cast(DType::F32);
        first.get_or_insert(hits.clone());
        lost.push((y.softmax_cross_entropy(&t) * &there).sum(..));
        right.push((hits * &there).sum(..));
    }
    cx.update(&cell.state, &h.stop_gradient());
    let words = lengths.sum(..).cast(DType::F32);
    let mean = |all: Vec<Tensor>| {
        all.into_iter().reduce(|a, b| a + b).expect("pieces have words") / &words
    };
    Measured::new(&mean(lost))
        .number("accuracy", &mean(right))
        .number("first", &first.expect("as above"))
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let cell = Arc::new(Cell::new());
    let updater = Updater::new(Adam::new(5e-3)).clip(Clip::Norm(1.0));
    let task = Objectives::new(0).module("cell", cell.clone());
    let mut task = task.minimize("loss", updater, &["cell"], move |b, cx| measured(&cell, b, cx));
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let progress =
        Fit { epochs: 8, ..Fit::default() }.run_in(folder.as_deref(), &mut task, &Streams, None)?;
    let last = progress.history.last().expect("there were epochs");
    let [all, first] = ["accuracy", "first"].map(|name| last.get(name).unwrap_or(f64::NAN));
    println!("right: {all:.3} of all words, {first:.3} of the first of a piece");
    assert!(all > 0.97 && first > 0.97);
    Ok(())
}
