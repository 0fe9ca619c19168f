//! The network: a recurrent layer, and what is said of its state.

use std::sync::Arc;

use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_nn::layers::{Dense, Recurrent, dense, gru, lstm, rnn};
use gradus_nn::{Context, Init, Layer, Module, State, Visitor, parameters};
use gradus_tensor::{Tensor, try_build};
use gradus_train::Recipe;
use gradus_train::optim::{Adam, Clip};
use serde::{Deserialize, Serialize};

use super::Problem;
use super::problem::{ANSWERS, IDS};
use crate::{Mode, Steps, Unrolled};

/// What remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// tanh units.   Elman 1990
    Rnn,
    /// Long short-term memory.   Hochreiter and Schmidhuber 1997
    Lstm,
    /// Gated recurrent units.   Cho et al. 2014, arXiv:1406.1078
    Gru,
}

impl Cell {
    /// All there are.
    pub const ALL: [Cell; 3] = [Cell::Rnn, Cell::Lstm, Cell::Gru];

    /// As it is called on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Cell::Rnn => "rnn",
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }
}

/// What a network with a long memory is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryModel {
    /// What must be remembered.
    pub problem: Problem,
    /// What remembers.
    pub cell: Cell,
    /// Its units.
    pub hidden: usize,
    /// T: numbers to go through, or steps between a symbol and its copy.
    pub length: usize,
    /// Whether gates begin with what suits times from 1 to a sequence's steps: the bias of a gate that keeps is ln u for u drawn from 1 to the
    /// steps less one, that of an LSTM's input gate −ln u. A tanh network has no gates.   Tallec and Ollivier 2018, arXiv:1804.11188 §2
    pub chrono: bool,
}

/// No network of these is larger.
const MOST_UNITS: usize = 1 << 14;
const MOST_LENGTH: usize = 1 << 16;
/// What keeps the draws of biases apart from others of the same seed.
const BIASES: u32 = 0xADD2;

impl MemoryModel {
    /// A network of a size that solves its problem in minutes on two cores.
    pub fn new(problem: Problem, cell: Cell) -> MemoryModel {
        match problem {
            Problem::Adding => {
                MemoryModel { problem, cell, hidden: 64, length: 100, chrono: false }
            }
            Problem::Copy => MemoryModel { problem, cell, hidden: 64, length: 50, chrono: true },
        }
    }

    /// The network over its steps: a sum at the end, or an answer at each step.
    pub fn unrolled(&self) -> Unrolled {
        let mode = match self.problem {
            Problem::Adding => Mode::ManyToOne,
            Problem::Copy => Mode::Synced,
        };
        let name = self.cell.name().to_uppercase();
        Unrolled::new(mode).layer(format!("{name} {}", self.hidden), true).layer("dense", false)
    }

    /// How it learns unless something else is asked for.
    pub fn training(&self, seed: u64) -> Steps {
        let recipe = Recipe { clip: Some(Clip::Norm(1.0)), ..Recipe::default() };
        let rate = match self.problem {
            Problem::Adding => 2e-3,
            Problem::Copy => 4e-3,
        };
        Steps { optimizer: Box::new(Adam::new(rate)), recipe, batch: 50, seed }
    }

    /// The network, its weights as `init` makes them.
    ///
    /// # Errors
    /// When the description is of no network.
    pub fn build(&self, init: &Init) -> Result<Arc<dyn Layer>> {
        Ok(self.network(init)?)
    }

    /// The same, as what its gradients are looked at.
    ///
    /// # Errors
    /// As [`MemoryModel::build`].
    pub fn network(&self, init: &Init) -> Result<Arc<MemoryNetwork>> {
        self.check()?;
        let (features, outputs, all) = match self.problem {
            Problem::Adding => (2, 1, false),
            Problem::Copy => (IDS, ANSWERS, true),
        };
        let units = self.hidden;
        let network = try_build(|| MemoryNetwork {
            problem: self.problem,
            cell: match self.cell {
                Cell::Rnn => rnn(units).return_sequences(all).build(features, init),
                Cell::Lstm => lstm(units).return_sequences(all).build(features, init),
                Cell::Gru => gru(units).return_sequences(all).build(features, init),
            },
            out: dense(outputs).build(units, init),
        })?;
        if self.chrono {
            self.set_biases(&network.cell, init.seed())?;
        }
        Ok(Arc::new(network))
    }

    /// Gates that keep for as long as a sequence is.
    fn set_biases(&self, cell: &Recurrent, seed: u64) -> Result<()> {
        let mut rng = Rng::new(seed, BIASES, 0);
        let longest = self.problem.steps(self.length).saturating_sub(1).max(1);
        let keep: Vec<f32> =
            (0..self.hidden).map(|_| rng.uniform(1.0, longest as f64).ln() as f32).collect();
        let let_in = || keep.iter().map(|bias| -bias);
        let zeros = |parts: usize| vec![0.0; parts * self.hidden];
        let biases: Vec<f32> = match self.cell {
            Cell::Rnn => return Ok(()),
            Cell::Lstm => let_in().chain(keep.iter().copied()).chain(zeros(2)).collect(), // i, f, g, o
            Cell::Gru => zeros(1).into_iter().chain(keep).chain(zeros(1)).collect(),      // r, z, n
        };
        let all = parameters(cell);
        let bias = all.iter().find(|(name, _)| name == "bias_l0").map(|(_, p)| p.variable());
        bias.map_or(Ok(()), |bias| bias.set(&Tensor::from_slice(&biases, [biases.len()])))
    }

    /// Refuses what no network can be built of, or has no sequences: a file may say anything.
    pub(crate) fn check(&self) -> Result<()> {
        let sizes = [
            ("hidden", self.hidden, 1, MOST_UNITS),
            ("length", self.length, self.problem.shortest(), MOST_LENGTH),
        ];
        for (name, found, least, most) in sizes {
            if !(least..=most).contains(&found) {
                let what = format!("found {found}, expected {least} to {most}");
                return Err(Error::value(name, what));
            }
        }
        Ok(())
    }
}

/// A recurrent layer → what is asked for: at the end a number, or at each place scores.
pub struct MemoryNetwork {
    problem: Problem,
    pub(super) cell: Recurrent,
    pub(super) out: Dense,
}

impl Module for MemoryNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("cell", State::Child(&self.cell));
        visitor("out", State::Child(&self.out));
    }
}

impl Layer for MemoryNetwork {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        let y = match self.problem {
            Problem::Adding => cx.run("cell", &self.cell, x), // [B, H]
            Problem::Copy => cx.run("cell", &self.cell, &x.one_hot(IDS)), // [B, T, H]
        };
        cx.run("out", &self.out, &y)
    }
    fn describe(&self) -> String {
        format!("Memory({})", self.cell.describe())
    }
}
