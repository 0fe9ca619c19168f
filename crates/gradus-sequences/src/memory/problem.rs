//! The problems, and their sequences: made when they are asked for, each batch of the seed and its place alone.

use gradus_base::philox::Rng;
use gradus_tensor::Tensor;
use gradus_train::{Batch, Result, Source};
use serde::{Deserialize, Serialize};

/// What must be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// Of T numbers from 0 to 1 two are marked, one somewhere in each half: at the end their sum is asked for.   x f32 `[B, T, 2]`   t f32 `[B, 1]`
    Adding,
    /// Ten symbols of eight, T − 1 blanks, a signal and ten blanks, at which the symbols are asked for in their order; before that a blank is.
    /// x, t i64 `[B, T + 20]`
    Copy,
}

/// Symbols to remember, and how many differ.
pub(super) const SYMBOLS: usize = 10;
pub(super) const ALPHABET: usize = 8;
/// What stands between the symbols and the signal.
pub(super) const BLANK: i64 = ALPHABET as i64;
/// What says that it is time.
const SIGNAL: i64 = BLANK + 1;
/// How many ids come in, and how many may be asked for.
pub(super) const IDS: usize = ALPHABET + 2;
pub(super) const ANSWERS: usize = ALPHABET + 1;
/// Batches of an epoch: there is no end of sequences, so that an epoch is as long as one likes to look.
const EPOCH: usize = 500;
/// Sequences that a network is tested on, and in batches of how many.
pub(super) const TESTED: usize = 2_000;
const TEST_BATCH: usize = 100;

impl Problem {
    /// Steps of a sequence of length T.
    pub fn steps(self, length: usize) -> usize {
        match self {
            Problem::Adding => length,
            Problem::Copy => length + 2 * SYMBOLS,
        }
    }

    /// The loss of who remembers nothing: who always says 1 is wrong by the variance of a sum of two numbers; who tells blanks from symbols
    /// guesses ten of T + 20.
    ///
    /// ```
    /// use gradus_sequences::memory::Problem;
    /// assert!((Problem::Adding.guessing(100) - 0.1667).abs() < 1e-4);
    /// assert!((Problem::Copy.guessing(100) - 0.1733).abs() < 1e-4);
    /// ```
    pub fn guessing(self, length: usize) -> f64 {
        match self {
            Problem::Adding => 1.0 / 6.0,
            Problem::Copy => SYMBOLS as f64 * (ALPHABET as f64).ln() / self.steps(length) as f64,
        }
    }

    /// The shortest sequence that is one.
    pub(super) fn shortest(self) -> usize {
        match self {
            Problem::Adding => 2,
            Problem::Copy => 1,
        }
    }

    /// Some sequences and what is asked for.
    fn draw(self, length: usize, batch: usize, rng: &mut Rng) -> (Tensor, Tensor) {
        match self {
            Problem::Adding => {
                let (mut x, mut t) = (Vec::with_capacity(batch * length * 2), vec![]);
                for _ in 0..batch {
                    let first = rng.below(length / 2);
                    let second = length / 2 + rng.below(length - length / 2);
                    let mut sum = 0.0;
                    for step in 0..length {
                        let (number, is_marked) =
                            (rng.unit() as f32, step == first || step == second);
                        sum += if is_marked { number } else { 0.0 };
                        x.extend([number, f32::from(u8::from(is_marked))]);
                    }
                    t.push(sum);
                }
                (Tensor::from_slice(&x, [batch, length, 2]), Tensor::from_slice(&t, [batch, 1]))
            }
            Problem::Copy => {
                let steps = self.steps(length);
                let (mut x, mut t) = (vec![BLANK; batch * steps], vec![BLANK; batch * steps]);
                for (x, t) in x.chunks_mut(steps).zip(t.chunks_mut(steps)) {
                    x[..SYMBOLS].fill_with(|| rng.below(ALPHABET) as i64);
                    x[SYMBOLS + length - 1] = SIGNAL;
                    t[SYMBOLS + length..].copy_from_slice(&x[..SYMBOLS]);
                }
                let shape = [batch, steps];
                (Tensor::from_slice(&x, shape), Tensor::from_slice(&t, shape))
            }
        }
    }
}

/// Sequences without end, as batches of `x` and `t`. A batch follows from the seed, its epoch and its place there, so that any place is entered as
/// any other; no part of them is kept.
///
/// ```
/// use gradus_sequences::memory::{Generated, Problem};
/// use gradus_train::Source;
/// let copies = Generated::to_train(Problem::Copy, 3, 1, 7);
/// let batch = copies.from(0, 5).next().unwrap()?;
/// let (x, t) = (batch.get("x")?.to_vec::<i64>(), batch.get("t")?.to_vec::<i64>());
/// assert_eq!(x[10..], [8, 8, 9, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]); // two blanks, the signal, ten blanks
/// assert_eq!((&t[..13], &t[13..]), (&[8; 13][..], &x[..10]));
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Generated {
    problem: Problem,
    length: usize,
    batch: usize,
    batches: usize,
    stream: u32,
    seed: u64,
}

/// What keeps these draws apart from others of the same seed.
const TRAIN: u32 = 0xADD0;
const TEST: u32 = 0xADD1;

impl Generated {
    /// Sequences of length T to learn from, so many in a batch, 500 batches an epoch.
    pub fn to_train(problem: Problem, length: usize, batch: usize, seed: u64) -> Generated {
        Generated { problem, length, batch, batches: EPOCH, stream: TRAIN, seed }
    }

    /// Two thousand others, which no training meets.
    pub fn to_test(problem: Problem, length: usize, seed: u64) -> Generated {
        let (batch, batches) = (TEST_BATCH, TESTED / TEST_BATCH);
        Generated { problem, length, batch, batches, stream: TEST, seed }
    }

    /// The batch at a place.
    pub(super) fn at(&self, epoch: u64, batch: usize) -> (Tensor, Tensor) {
        let mut rng = Rng::from_counter(self.seed, [epoch as u32, self.stream, batch as u32]);
        self.problem.draw(self.length, self.batch, &mut rng)
    }
}

impl Source for Generated {
    fn batches(&self) -> usize {
        self.batches
    }
    fn samples(&self) -> usize {
        self.batches * self.batch
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        Box::new((batch..self.batches).map(move |batch| {
            let (x, t) = self.at(epoch, batch);
            Batch::pair(&x, &t)
        }))
    }
}
