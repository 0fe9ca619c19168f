//! Many to many, synced: at every step something goes in and something comes out. Ten symbols are to be said again after a pause, when a
//! sign comes; before that nothing is to be said.
//!
//! Hochreiter & Schmidhuber 1997; in this form Arjovsky, Shah & Bengio 2015, arXiv:1511.06464 §4.1

use gradus::prelude::*;
use gradus::sequences::{Mode, Unrolled};
use gradus::train::optim::Clip;

const SYMBOLS: usize = 10;
const PAUSE: usize = 10;
const STEPS: usize = PAUSE + 2 * SYMBOLS;

/// Symbols 1 to 8, the pause 0 with the sign 9 at its end, and room for the answer; what is to be said: both `[N, STEPS]`.
fn sequences(count: usize, seed: u64) -> (Tensor, Tensor) {
    let symbols = (Tensor::rand([count, SYMBOLS], seed) * 8).floor().cast(DType::I64) + 1;
    let filled = |steps: usize, symbol: f64| Tensor::full_of([count, steps], symbol, DType::I64);
    let (pause, sign, room) = (filled(PAUSE - 1, 0.0), filled(1, 9.0), filled(SYMBOLS, 0.0));
    let x = Tensor::concat(&[&symbols, &pause, &sign, &room], 1);
    (x.one_hot(10), Tensor::concat(&[&filled(PAUSE + SYMBOLS, 0.0), &symbols], 1))
}

/// What is lost at each place, `[B, T]`.
fn at_each_place(scores: &Tensor, t: &Tensor) -> Tensor {
    scores.softmax_cross_entropy(t)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((x, t), (test_x, test_t)) = (sequences(6400, 1), sequences(320, 2));
    let model = Sequential::new([STEPS, 10], &Init::new(0))
        .add(gru(64)) // [B, STEPS, 64]
        .add(dense(9)); // [B, STEPS, 9]: of each step alone
    let recipe =
        Recipe { loss: at_each_place.into(), clip: Some(Clip::Norm(1.0)), ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.01)), recipe, 0);
    learner.fit(&Arrays::new(&x, &t, 32)?.shuffle(0), 20)?;
    let found = learner.evaluate(&Arrays::new(&test_x, &test_t, 64)?)?;
    // Who remembers nothing guesses one of eight at the last ten steps.
    let guess = SYMBOLS as f64 * 8f64.ln() / STEPS as f64;
    println!("{:.4} nats a step, guessing {guess:.4}", found.loss);
    assert!(found.loss < guess / 3.0);
    // As the lecture draws it.
    let drawn = Unrolled::new(Mode::Synced).layer("GRU 64", true).layer("dense", false);
    std::fs::write(std::env::temp_dir().join("gradus_36_synced.svg"), drawn.to_svg())?;
    Ok(())
}
