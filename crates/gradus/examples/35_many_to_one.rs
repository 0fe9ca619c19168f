//! Many to one: of a sequence one number. Two of its numbers are marked, and their sum is asked for at the end: gates learn to remember them.
//!
//! Hochreiter & Schmidhuber 1997, Neural Computation 9 §5.4

use gradus::nn::losses::mean_squared;
use gradus::prelude::*;
use gradus::sequences::{Mode, Unrolled};
use gradus::train::optim::Clip;

const STEPS: usize = 40;
const HALF: usize = STEPS / 2;

/// Numbers of [0, 1) and marks, one in each half, `[N, STEPS, 2]`; the sums of the marked ones `[N, 1]`.
fn sequences(count: usize, seed: u64) -> (Tensor, Tensor) {
    let numbers = Tensor::rand([count, STEPS], seed);
    let place = |seed| (Tensor::rand([count], seed) * HALF as f64).floor().cast(DType::I64);
    let marks = place(seed + 1).one_hot(STEPS) + (place(seed + 2) + HALF).one_hot(STEPS);
    let sums = (&numbers * &marks).sum(1).unsqueeze(1);
    (Tensor::stack(&[&numbers, &marks], 2), sums)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((x, t), (test_x, test_t)) = (sequences(5000, 1), sequences(500, 11));
    let model = Sequential::new([STEPS, 2], &Init::new(0))
        .add(gru(32).return_sequences(false)) // [B, 32]: what is known at the end
        .add(dense(1));
    println!("{}", model.summary());
    let recipe =
        Recipe { loss: mean_squared.into(), clip: Some(Clip::Norm(1.0)), ..Recipe::default() };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.01)), recipe, 0);
    learner.fit(&Arrays::new(&x, &t, 50)?.shuffle(0), 12)?;
    let error = learner.evaluate(&Arrays::new(&test_x, &test_t, 100)?)?.loss;
    println!("mean squared error {error:.4}; who always says 1 has {:.4}", 1.0 / 6.0);
    assert!(error < 0.01);
    // As the lecture draws it.
    let drawn = Unrolled::new(Mode::ManyToOne).layer("GRU 32", true).layer("dense", false);
    std::fs::write(std::env::temp_dir().join("gradus_35_many_to_one.svg"), drawn.to_svg())?;
    Ok(())
}
