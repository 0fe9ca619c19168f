//! Numbers instead of classes: the loss is the mean squared error; how much of the spread is explained (R²) tells whether it is good.

use gradus::nn::losses::mean_squared;
use gradus::prelude::*;
use gradus::train::{Source, schedule::Schedule};
use std::path::PathBuf;

/// Friedman's first function of ten numbers, of which five say nothing, with noise.   Friedman 1991, Ann. Stat. 19 §4.3
fn friedman(n: usize, seed: u64) -> (Tensor, Tensor) {
    let x = Tensor::rand([n, 10], seed);
    let c = |i| x.slice(1, i..i + 1);
    let waves = (c(0) * c(1) * std::f64::consts::PI).sin() * 10.0;
    let t = waves + (c(2) - 0.5).square() * 20.0 + c(3) * 10.0 + c(4) * 5.0;
    (x, t + Tensor::randn([n, 1], seed + 1))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((x, t), (test_x, test_t)) = (friedman(1000, 1), friedman(500, 3));
    let (mean, deviation) = (t.mean(..).item(), t.std(.., 1.0).item());
    let scaled = |t: &Tensor| (t - mean) / deviation;
    let train = Arrays::new(&x, &scaled(&t), 50)?.shuffle(0);
    let test = Arrays::new(&test_x, &scaled(&test_t), 100)?;
    let model = Sequential::new([10], &Init::new(0)).add(dense(64)).add(tanh()).add(dense(1));
    let recipe = Recipe {
        loss: mean_squared.into(),
        metrics: vec![metrics::mean_absolute_error(), metrics::r2()],
        ..Recipe::default()
    };
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.02)), recipe, 0);
    // A folder, if one is named, holds what a killed run needs to go on.
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let schedule = Schedule::one_cycle(100 * train.batches() as u64);
    let mut fit = Fit { epochs: 100, schedule, ..Fit::default() };
    let progress = fit.run_in(folder.as_deref(), &mut learner, &train, Some(&test))?;
    let last = progress.history.last().expect("there were epochs");
    let number = |name: &str| last.get(name).unwrap_or(f64::NAN);
    let (error, r2) = (number("val_mean_absolute_error") * deviation, number("val_r2"));
    println!(
        "held out: R² {r2:.3}, mean absolute error {error:.2}; noise alone is 0.80 and R² 0.96"
    );
    assert!(r2 > 0.9 && error < 1.2);
    Ok(())
}
