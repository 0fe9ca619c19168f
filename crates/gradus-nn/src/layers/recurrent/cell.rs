//! What happens at a step, and the sizes that follow from it.

use gradus_tensor::{GruReset, GruUpdate, LstmGates, RnnActivation};

/// What an RNN may have: see [`rnn`](super::rnn).
#[derive(Clone, Copy, Debug)]
pub struct Rnn {
    /// What is done with the sum.
    pub activation: RnnActivation,
}

/// What an LSTM may have: see [`lstm`](super::lstm).
#[derive(Clone, Copy, Debug)]
pub struct Lstm {
    /// The gates that there are.
    pub gates: LstmGates,
    /// New content is not squashed.
    pub linear_input: bool,
    /// The cell is not squashed on its way out.
    pub linear_output: bool,
    /// Gates see the cell.
    pub peepholes: bool,
    /// How many numbers the state is, if not a unit each.
    pub projection: Option<usize>,
    /// The shares of input and state, and the cell on its way out, are normalised.
    pub layer_norm: bool,
    /// What the forget gate's biases begin at.
    pub forget_bias: f64,
}

/// What a GRU may have: see [`gru`](super::gru).
#[derive(Clone, Copy, Debug)]
pub struct Gru {
    /// Where the reset gate works.
    pub reset: GruReset,
    /// What the update gate weighs.
    pub update: GruUpdate,
}

/// What happens at a step.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    /// h′ = f(z)
    Rnn(Rnn),
    /// With a cell beside the state.
    Lstm(Lstm),
    /// With gates alone.
    Gru(Gru),
}

impl From<Rnn> for Cell {
    fn from(rnn: Rnn) -> Cell {
        Cell::Rnn(rnn)
    }
}
impl From<Lstm> for Cell {
    fn from(lstm: Lstm) -> Cell {
        Cell::Lstm(lstm)
    }
}
impl From<Gru> for Cell {
    fn from(gru: Gru) -> Cell {
        Cell::Gru(gru)
    }
}

/// Where the parts of an LSTM lie, those that are there.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub input: Option<usize>,
    pub forget: Option<usize>,
    pub content: usize,
    pub output: Option<usize>,
}

impl Lstm {
    pub(super) fn places(&self) -> Places {
        let (input, forget, content, output) = match self.gates {
            LstmGates::All => (Some(0), Some(1), 2, Some(3)),
            LstmGates::Coupled | LstmGates::NoForget => (Some(0), None, 1, Some(2)),
            LstmGates::NoInput => (None, Some(0), 1, Some(2)),
            LstmGates::NoOutput => (Some(0), Some(1), 2, None),
        };
        Places { input, forget, content, output }
    }
}

impl Cell {
    /// As layers of a model are called.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Cell::Rnn(_) => "rnn",
            Cell::Lstm(_) => "lstm",
            Cell::Gru(_) => "gru",
        }
    }

    /// As everyone calls it.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Cell::Rnn(_) => "RNN",
            Cell::Lstm(_) => "LSTM",
            Cell::Gru(_) => "GRU",
        }
    }

    /// The parts of the weights: gates and new content.
    pub(super) fn parts(&self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Lstm(lstm) => lstm.gates.count(),
            Cell::Gru(_) => 3,
        }
    }

    pub(super) fn projection(&self) -> Option<usize> {
        if let Cell::Lstm(lstm) = self { lstm.projection } else { None }
    }

    pub(super) fn has_layer_norm(&self) -> bool {
        matches!(self, Cell::Lstm(lstm) if lstm.layer_norm)
    }

    /// The tensors of its state: a name and a size.
    pub(super) fn state(&self, units: usize) -> Vec<(&'static str, usize)> {
        let h = ("h", self.projection().unwrap_or(units));
        if let Cell::Lstm(_) = self { vec![h, ("c", units)] } else { vec![h] }
    }

    /// The first biases of all parts.
    pub(super) fn biases(&self, units: usize) -> Vec<f64> {
        let mut biases = vec![0.0; self.parts() * units];
        if let Cell::Lstm(lstm) = self
            && let Some(k) = lstm.places().forget
        {
            biases[k * units..][..units].fill(lstm.forget_bias);
        }
        biases
    }
}
