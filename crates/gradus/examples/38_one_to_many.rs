//! One to many: of one number a sequence. It is where the layer begins, and what comes out at a step goes in at the next: so any number of
//! steps can be said. Learned are waves of a given frequency.

use gradus::nn::losses::mean_squared;
use gradus::prelude::*;
use gradus::sequences::{Mode, Unrolled};
use std::sync::Arc;

const STEPS: usize = 20;

/// What is known at first is made of the number; then one step after the other.
#[derive(gradus::nn::Module)]
struct Waves {
    first: gradus::nn::layers::Dense,
    memory: Recurrent,
    said: gradus::nn::layers::Dense,
}

impl Waves {
    fn new(units: usize) -> Waves {
        let init = Init::new(0);
        Waves {
            first: dense(units).build(1, &init),
            memory: gru(units).build(1, &init),
            said: dense(1).build(units, &init),
        }
    }

    /// Of frequencies `[B, 1]` waves `[B, steps]`.
    fn forward(&self, frequency: &Tensor, steps: usize, cx: &Context<'_>) -> Tensor {
        let mut state = vec![("h_l0".to_owned(), self.first.forward(frequency, cx).tanh())];
        let (mut heard, mut all) = (frequency.zeros_like(), vec![]);
        for _ in 0..steps {
            let (known, next) = self.memory.step(&heard, &state);
            heard = self.said.forward(&known, cx); // [B, 1]
            all.push(heard.clone());
            state = next;
        }
        Tensor::concat(&all.iter().collect::<Vec<_>>(), 1)
    }
}

/// Frequencies `[N, 1]` and their waves `[N, steps]`.
fn waves(count: usize, steps: usize, seed: u64) -> (Tensor, Tensor) {
    let frequency = Tensor::rand([count, 1], seed) * 0.4 + 0.2; // radians a step
    let t = (&frequency * (Tensor::arange(steps).cast(DType::F32) + 1)).sin();
    (frequency, t)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Arc::new(Waves::new(32));
    let (learning, (x, t)) = (net.clone(), waves(2000, STEPS, 1));
    let mut task = Objectives::new(0).module("net", net.clone()).minimize(
        "loss",
        Updater::new(Adam::new(5e-3)),
        &["net"],
        move |batch, cx| {
            let y = learning.forward(&batch["x"], STEPS, cx);
            Measured::new(&mean_squared(&y, &batch["t"]).mean(..))
        },
    );
    Fit { epochs: 20, ..Fit::default() }.run(
        &mut task,
        &Arrays::new(&x, &t, 50)?.shuffle(0),
        None,
        &mut Progress::default(),
    )?;
    let (x, t) = waves(200, STEPS, 2);
    let error = mean_squared(&net.forward(&x, STEPS, &Context::eval()), &t).mean(..).item();
    println!("mean squared error {error:.4}; who says 0 has {:.4}", t.square().mean(..).item());
    assert!(error < 0.02);
    // As the lecture draws it.
    let drawn = Unrolled::new(Mode::OneToMany)
        .layer("dense", false)
        .layer("GRU", true)
        .layer("dense", false);
    std::fs::write(std::env::temp_dir().join("gradus_38_one_to_many.svg"), drawn.to_svg())?;
    Ok(())
}
