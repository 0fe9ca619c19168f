//! `Net`: which recurrent network it is, how many parts its weights have, and the inputs of its rules by name.

use super::options::{GruReset, GruUpdate, LstmGates, RnnActivation};

/// All that tells two uses apart beside the shapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Net {
    pub cell: Cell,
    pub reverse: bool,
    /// Whether samples have lengths of their own.
    pub lengths: bool,
}

/// What happens at a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell {
    Rnn(RnnActivation),
    Lstm(LstmCell),
    Gru(GruCell),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct LstmCell {
    pub gates: LstmGates,
    pub linear_input: bool,
    pub linear_output: bool,
    pub peepholes: bool,
    pub projection: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct GruCell {
    pub reset: GruReset,
    pub update: GruUpdate,
    pub bias: bool,
}

/// Where the parts of an LSTM lie, those that are there.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub input: Option<usize>,
    pub forget: Option<usize>,
    pub content: usize,
    pub output: Option<usize>,
}

impl LstmCell {
    pub(super) fn places(self) -> Places {
        let [input, forget, content, output] = match self.gates {
            LstmGates::All => [Some(0), Some(1), Some(2), Some(3)],
            LstmGates::Coupled | LstmGates::NoForget => [Some(0), None, Some(1), Some(2)],
            LstmGates::NoInput => [None, Some(0), Some(1), Some(2)],
            LstmGates::NoOutput => [Some(0), Some(1), Some(2), None],
        };
        Places { input, forget, content: content.unwrap_or(0), output }
    }

    /// Whether the forget gate is what the input gate leaves.
    pub(super) fn coupled(self) -> bool {
        self.gates == LstmGates::Coupled
    }

    /// Rows of the peepholes: one for each gate, which are all parts but the content.
    pub(super) fn peephole_rows(self) -> usize {
        self.gates.count() - 1
    }
}

impl Places {
    /// The gates, each with a row of the peepholes in this order: the part, and whether it reads the new cell.
    pub(super) fn peepholes(self) -> impl Iterator<Item = (usize, bool)> {
        let old = self.input.into_iter().chain(self.forget).map(|part| (part, false));
        old.chain(self.output.map(|part| (part, true)))
    }
}

impl Net {
    /// How many parts zx and wh have.
    pub(super) fn parts(&self) -> usize {
        match self.cell {
            Cell::Rnn(_) => 1,
            Cell::Lstm(cell) => cell.gates.count(),
            Cell::Gru(_) => 3,
        }
    }

    pub(super) fn is_lstm(&self) -> bool {
        matches!(self.cell, Cell::Lstm(_))
    }

    pub(super) fn projects(&self) -> bool {
        matches!(self.cell, Cell::Lstm(LstmCell { projection: true, .. }))
    }

    fn has_peepholes(&self) -> bool {
        matches!(self.cell, Cell::Lstm(LstmCell { peepholes: true, .. }))
    }

    fn has_bias(&self) -> bool {
        matches!(self.cell, Cell::Gru(GruCell { bias: true, .. }))
    }

    /// Whether the reset gate works on a product.
    pub(super) fn resets_after(&self) -> bool {
        matches!(self.cell, Cell::Gru(GruCell { reset: GruReset::After, .. }))
    }

    pub(super) fn resets_before(&self) -> bool {
        matches!(self.cell, Cell::Gru(GruCell { reset: GruReset::Before, .. }))
    }

    /// Whether the backward pass reads the gates; an RNN's are y.
    pub(super) fn has_gates(&self) -> bool {
        !matches!(self.cell, Cell::Rnn(_))
    }

    /// Whether it reads something of the size of the state beside: the cells of an LSTM; what the reset gate worked on.
    pub(super) fn has_kept(&self) -> bool {
        self.is_lstm() || self.resets_after()
    }

    /// Whether the backward pass gives the gradient of something within a step: of h where there is a projection; of what the
    /// reset gate worked on.
    pub(super) fn has_inner(&self) -> bool {
        self.projects() || self.resets_after()
    }

    /// How many results the backward pass has.
    pub(super) fn slopes(&self) -> usize {
        2 + usize::from(self.is_lstm()) + usize::from(self.has_inner())
    }

    /// How many the forward pass has.
    pub(super) fn outputs(&self) -> usize {
        let more = [self.is_lstm(), self.has_gates(), self.has_kept()];
        2 + more.into_iter().filter(|&there| there).count()
    }

    /// The steps as they are run.
    pub(super) fn order(&self, steps: usize) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let reverse = self.reverse;
        (0..steps).map(move |t| if reverse { steps - 1 - t } else { t })
    }
}

/// The inputs of the forward rule.
pub(super) struct Forward<T> {
    /// `[T, N, G·H]`
    pub zx: T,
    /// `[P, G·H]`
    pub wh: T,
    /// `[N, P]`
    pub h0: T,
    /// `[N, H]`
    pub c0: Option<T>,
    /// `[H]`
    pub bias: Option<T>,
    /// `[N]`
    pub lengths: Option<T>,
    /// `[K, H]`
    pub peepholes: Option<T>,
    /// `[H, P]`
    pub projection: Option<T>,
}

impl<T> Forward<T> {
    /// Inputs in the rule's order by name.
    pub(super) fn of(net: &Net, inputs: impl IntoIterator<Item = T>) -> Forward<T> {
        let mut inputs = inputs.into_iter();
        let mut next = move || inputs.next().expect("the rule's inputs");
        Forward {
            zx: next(),
            wh: next(),
            h0: next(),
            c0: net.is_lstm().then(&mut next),
            bias: net.has_bias().then(&mut next),
            lengths: net.lengths.then(&mut next),
            peepholes: net.has_peepholes().then(&mut next),
            projection: net.projects().then(&mut next),
        }
    }

    /// In the rule's order.
    pub(super) fn into_inputs(self) -> impl Iterator<Item = T> {
        let options = [self.c0, self.bias, self.lengths, self.peepholes, self.projection];
        [self.zx, self.wh, self.h0].into_iter().chain(options.into_iter().flatten())
    }
}

/// Which of the results have a gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub y: bool,
    pub h: bool,
    pub c: bool,
}

/// The inputs of the backward rule.
pub(super) struct Backward<T> {
    pub wh: T,
    pub h0: T,
    pub c0: Option<T>,
    pub lengths: Option<T>,
    pub peepholes: Option<T>,
    pub projection: Option<T>,
    /// `[T, N, P]`
    pub y: T,
    /// `[T, N, G·H]`
    pub gates: Option<T>,
    /// `[T, N, H]`: the cells, or what the reset gate worked on.
    pub kept: Option<T>,
    pub dy: Option<T>,
    pub dh: Option<T>,
    pub dc: Option<T>,
}

impl<T> Backward<T> {
    /// Inputs in the rule's order by name.
    pub(super) fn of(net: &Net, given: Given, inputs: impl IntoIterator<Item = T>) -> Backward<T> {
        let mut inputs = inputs.into_iter();
        let mut next = move || inputs.next().expect("the rule's inputs");
        Backward {
            wh: next(),
            h0: next(),
            c0: net.is_lstm().then(&mut next),
            lengths: net.lengths.then(&mut next),
            peepholes: net.has_peepholes().then(&mut next),
            projection: net.projects().then(&mut next),
            y: next(),
            gates: net.has_gates().then(&mut next),
            kept: net.has_kept().then(&mut next),
            dy: given.y.then(&mut next),
            dh: given.h.then(&mut next),
            dc: given.c.then(&mut next),
        }
    }

    /// In the rule's order.
    pub(super) fn each(&self) -> impl Iterator<Item = &T> {
        let weights = [&self.c0, &self.lengths, &self.peepholes, &self.projection];
        let read = [&self.gates, &self.kept, &self.dy, &self.dh, &self.dc];
        let weights = weights.into_iter().flatten();
        [&self.wh, &self.h0]
            .into_iter()
            .chain(weights)
            .chain([&self.y])
            .chain(read.into_iter().flatten())
    }
}
