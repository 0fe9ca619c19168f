//! Characters that foresee the next one: an LSTM whose state is carried along a text, beside n-gram models, and what it writes. On a
//! made-up text in seconds, whose lines end with the letter they began with; on any other at full size:
//!
//!     cargo run --release --example 40_characters -- shakespeare.txt
//!
//! Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks"

use gradus::nn::layers::{Dense, InitialState, Recurrent, RecurrentState, lstm};
use gradus::nn::{Init, Module};
use gradus::prelude::*;
use gradus::text::{
    Counts, LineEnds, NGram, Sampler, Smoothing, Streams, Tokenizer, TokenizerOptions, read_text,
};
use gradus::train::{Source, optim::Clip, schedule::Schedule};
use std::path::Path;
use std::sync::Arc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How large it is: units, streams side by side, characters a step, passes over the text, the highest rate.
struct Size(usize, usize, usize, u64, f64);
const SMALL: Size = Size(48, 16, 24, 16, 0.02);
const FULL: Size = Size(256, 64, 64, 8, 6e-3);

/// Ids `[B, T]` → scores of what comes next, `[B, T, V]`. An id is a one-hot row: its product with weights is a row of these.
#[derive(Module)]
struct Characters {
    cell: Recurrent,
    out: Dense,
}

impl Characters {
    fn symbols(&self) -> usize {
        self.out.weight.variable().shape()[1]
    }
    /// The state of one sequence before its first character.
    fn nothing_read(&self) -> RecurrentState {
        let zeros = Tensor::zeros([1, self.out.weight.variable().shape()[0]]);
        ["h_l0", "c_l0"].map(|name| (name.to_owned(), zeros.clone())).into()
    }
}

impl Layer for Characters {
    fn forward(&self, ids: &Tensor, cx: &Context) -> Tensor {
        let y = self.cell.forward(&ids.one_hot(self.symbols()), cx); // [B, T, H]
        self.out.forward(&y, cx)
    }
    fn describe(&self) -> String {
        format!("Characters({}, {})", self.symbols(), self.cell.describe())
    }
}

/// Lines like `c-123456-c`: what comes at their end is known from their beginning only.
fn made_up() -> String {
    let letter =
        |line: u64| (b'a' + (line.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as u8) as char;
    (1..2000).map(|line| format!("{0}-123456-{0}\n", letter(line * line + line))).collect()
}

/// What the model says of a text, in nats a character: from zeros, the state carried through.
fn nats(model: &Characters, ids: &[i64]) -> f64 {
    let (cx, mut state, mut lost) = (Context::eval(), model.nothing_read(), 0.0);
    for at in (0..ids.len() - 1).step_by(256) {
        let end = (at + 256).min(ids.len() - 1);
        let x = Tensor::from_slice(&ids[at..end], [1, end - at]).one_hot(model.symbols());
        let (y, next) = model.cell.forward_from(&x, &state, &cx);
        let t = Tensor::from_slice(&ids[at + 1..=end], [1, end - at]);
        lost += model.out.forward(&y, &cx).softmax_cross_entropy(&t).sum(..).item();
        state = next.iter().map(|(name, s)| (name.clone(), s.stop_gradient())).collect();
    }
    lost / (ids.len() - 1) as f64
}

/// Goes on with a text, character by character.
fn written(model: &Characters, prime: &[i64], count: usize) -> Outcome<Vec<i64>> {
    let (mut sampler, mut ids) = (Sampler::new(1).temperature(0.7), prime.to_vec());
    let mut state = model.nothing_read();
    for at in 0..prime.len() + count - 1 {
        let x = Tensor::from([ids[at]]).one_hot(model.symbols()); // [1, V]
        let (y, next) = model.cell.step(&x, &state);
        let logits = model.out.forward(&y, &Context::eval()).to_vec::<f32>();
        if at + 1 >= ids.len() {
            ids.push(sampler.sample(&logits)?);
        }
        state = next;
    }
    Ok(ids)
}

/// What is lost at each place, `[B, T]`.
fn at_each_place(scores: &Tensor, t: &Tensor) -> Tensor {
    scores.softmax_cross_entropy(t)
}

fn main() -> Outcome<()> {
    let (text, Size(units, streams, steps, epochs, rate)) = match std::env::args().nth(1) {
        Some(file) => (read_text(Path::new(&file), LineEnds::Keep)?.text, FULL),
        None => (made_up(), SMALL),
    };
    let characters = Tokenizer::characters([&text], &TokenizerOptions::default())?;
    let (ids, symbols) = (characters.encode(&text)?, characters.vocabulary().len());
    let (train, test) = ids.split_at(ids.len() * 9 / 10); // the last tenth is only scored
    let mut counts = Counts::new(symbols, 5)?;
    counts.add(train)?;
    let mut five = 0.0;
    for order in 1..=5 {
        five = NGram::new(&counts, order, Smoothing::KneserNey)?.score(test)?.nats_per_symbol();
        println!("{order}-gram  {five:.4} nats a character");
    }
    let init = Init::new(0);
    let model = Arc::new(Characters {
        cell: lstm(units).initial_state(InitialState::Carried(streams)).build(symbols, &init),
        out: gradus::nn::layers::dense(symbols).build(units, &init),
    });
    let source = Streams::new(train.to_vec(), streams, steps)?.loader()?;
    let recipe =
        Recipe { loss: at_each_place.into(), clip: Some(Clip::Norm(1.0)), ..Recipe::default() };
    let mut learner = Learner::with(model.clone(), Box::new(Adam::new(rate)), recipe, 0);
    let schedule = Schedule::one_cycle(epochs * Source::batches(&source) as u64);
    Fit { epochs, schedule, ..Fit::default() }.run(
        &mut learner,
        &source,
        None,
        &mut Progress::default(),
    )?;
    let found = nats(&model, test);
    println!("LSTM    {found:.4} nats a character, {:.3} bits", gradus::text::bits(found));
    println!("{}", characters.decode(&written(&model, &test[..1], 300)?)?);
    assert!(found < five, "it is better than a model of five characters");
    Ok(())
}
