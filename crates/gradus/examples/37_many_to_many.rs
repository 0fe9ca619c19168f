//! Many to many: a sequence is read to its end, then another one is said. What the encoder knows at the end is what the decoder begins
//! with; while training it is told what it should have said before, afterwards it hears itself.
//!
//! Sutskever, Vinyals & Le 2014, arXiv:1409.3215; Cho et al. 2014, arXiv:1406.1078

use gradus::prelude::*;
use gradus::sequences::{Mode, Unrolled};
use gradus::train::optim::Clip;
use std::sync::Arc;

const LENGTH: usize = 5;
const DIGITS: usize = 10;
/// What the decoder hears before it has said anything.
const START: f64 = 10.0;

/// An encoder, a decoder, and what is said of what the decoder knows.
#[derive(gradus::nn::Module)]
struct Translator {
    encoder: Recurrent,
    decoder: Recurrent,
    said: gradus::nn::layers::Dense,
}

impl Translator {
    fn new(units: usize) -> Translator {
        let init = Init::new(0);
        Translator {
            encoder: gru(units).build(DIGITS, &init),
            decoder: gru(units).build(DIGITS + 1, &init),
            said: dense(DIGITS).build(units, &init),
        }
    }

    /// What is known of `x`, i64 `[B, LENGTH]`, at its end.
    fn read(&self, x: &Tensor, cx: &Context<'_>) -> RecurrentState {
        let nothing = self.encoder.initial_state(x.size(0));
        self.encoder.forward_from(&x.one_hot(DIGITS), &nothing, cx).1
    }

    /// Scores of each digit `[B, LENGTH, DIGITS]`, if `t` is what should be said.
    fn scores(&self, x: &Tensor, t: &Tensor, cx: &Context<'_>) -> Tensor {
        let start = Tensor::full_of([x.size(0), 1], START, DType::I64);
        let heard = Tensor::concat(&[&start, &t.slice(1, ..LENGTH - 1)], 1).one_hot(DIGITS + 1);
        let (known, _) = self.decoder.forward_from(&heard, &self.read(x, cx), cx);
        self.said.forward(&known, cx)
    }

    /// What it says by itself, a step at a time.
    fn say(&self, x: &Tensor) -> Tensor {
        let cx = Context::eval();
        let mut heard = Tensor::full_of([x.size(0)], START, DType::I64);
        let (mut state, mut said) = (self.read(x, &cx), vec![]);
        for _ in 0..LENGTH {
            let (known, next) = self.decoder.step(&heard.one_hot(DIGITS + 1), &state);
            heard = self.said.forward(&known, &cx).argmax(1);
            said.push(heard.clone());
            state = next;
        }
        Tensor::stack(&said.iter().collect::<Vec<_>>(), 1)
    }
}

/// Digits `[N, LENGTH]` and the same in order of size.
fn lists(count: usize, seed: u64) -> (Tensor, Tensor) {
    let digits = (Tensor::rand([count, LENGTH], seed) * DIGITS).floor().cast(DType::I64);
    let mut rows = digits.to_vec::<i64>();
    rows.chunks_mut(LENGTH).for_each(<[i64]>::sort_unstable);
    (digits, Tensor::from_slice(&rows, [count, LENGTH]))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Arc::new(Translator::new(64));
    let (learning, (x, t)) = (net.clone(), lists(6400, 1));
    let updater = Updater::new(Adam::new(0.01)).clip(Clip::Norm(1.0));
    let mut task = Objectives::new(0).module("net", net.clone()).minimize(
        "loss",
        updater,
        &["net"],
        move |batch, cx| {
            let scores = learning.scores(&batch["x"], &batch["t"], cx);
            Measured::new(&scores.softmax_cross_entropy(&batch["t"]).mean(..))
        },
    );
    Fit { epochs: 6, ..Fit::default() }.run(
        &mut task,
        &Arrays::new(&x, &t, 32)?.shuffle(0),
        None,
        &mut Progress::default(),
    )?;
    let (x, t) = lists(200, 2);
    let said = net.say(&x);
    let right = said.eq(&t).cast(DType::F32).mean(..).item();
    println!("{:?} in order: {:?}", &x.to_vec::<i64>()[..LENGTH], &said.to_vec::<i64>()[..LENGTH]);
    println!("right: {right:.3} of all digits; guessing .1");
    assert!(right > 0.9);
    // As the lecture draws it.
    let drawn = Unrolled::new(Mode::ManyToMany).layer("GRU", true).layer("dense", false);
    std::fs::write(std::env::temp_dir().join("gradus_37_many_to_many.svg"), drawn.to_svg())?;
    Ok(())
}
