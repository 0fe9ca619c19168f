//! A recurrent cell of your own along sequences of any length: the minimal gated unit adds the two numbers that are marked among twenty.
//! f = σ([h, x]·W_f + b_f),  h ← (1 − f)·h + f·tanh([f·h, x]·W_h + b_h)   Zhou et al. 2016, arXiv:1603.09420
//!
//! The task: Hochreiter & Schmidhuber 1997, Neural Computation 9(8) §5.4

use gradus::nn::losses::mean_squared;
use gradus::prelude::*;
use gradus::{Scan, scan};
use std::sync::Arc;

const UNITS: usize = 24;

/// Reads numbers and marks, `[B, T, 2]`, and says one number, `[B, 1]`.
#[derive(Module)]
struct Adder {
    forget: Dense,
    new: Dense,
    head: Dense,
}

impl Layer for Adder {
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let start = Tensor::zeros([x.size(0), UNITS]);
        let x = x.transpose(0, 1); // [T, B, 2]: time is the first axis
        let ([h], []) = scan([&start], [&x], Scan::new(), |[h], [x]| {
            let with = |h: &Tensor| Tensor::concat(&[h, &x], 1); // [B, UNITS + 2]
            let f = self.forget.forward(&with(&h), cx).sigmoid();
            let new = self.new.forward(&with(&(&f * &h)), cx).tanh();
            ([&h + f * (new - &h)], [])
        });
        self.head.forward(&h, cx)
    }
    fn describe(&self) -> String {
        format!("Adder({UNITS})")
    }
}

/// Sequences of `steps` numbers, one of each half marked, and the sums of the marked ones.
fn sums(samples: usize, steps: usize, seed: u64) -> (Tensor, Tensor) {
    let numbers = Tensor::rand([samples, steps], seed);
    let t = Tensor::arange(steps).cast(DType::F32);
    let half = (steps / 2) as f64;
    let mark = |k: u64, first: f64| {
        let place = (Tensor::rand([samples, 1], seed + k) * half).floor() + first;
        t.eq(&place).cast(DType::F32) // [B, T]
    };
    let marks = mark(1, 0.0) + mark(2, half);
    let sum = (&numbers * &marks).sum(1).unsqueeze(1);
    (Tensor::stack(&[&numbers, &marks], 2), sum)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (x, t) = sums(2000, 20, 1);
    let init = Init::new(0);
    let gate = |shift| dense(UNITS).bias_init(shift).build(UNITS + 2, &init);
    // At first the state changes slowly.
    let model = Adder { forget: gate(-2.0), new: gate(0.0), head: dense(1).build(UNITS, &init) };
    let recipe = Recipe { loss: mean_squared.into(), ..Recipe::default() };
    let mut learner = Learner::with(Arc::new(model), Box::new(Adam::new(0.01)), recipe, 0);
    learner.fit(&Arrays::new(&x, &t, 50)?.shuffle(0), 30)?;

    // Whoever says the mean is off by 1/6. The cell is the same for shorter sequences.
    for steps in [20, 16] {
        let (x, t) = sums(500, steps, 100);
        let loss = learner.evaluate(&Arrays::new(&x, &t, 100)?)?.loss;
        println!("{steps} steps: mean squared error {loss:.4}");
        assert!(loss < 0.02);
    }
    Ok(())
}
