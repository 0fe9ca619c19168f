//! What can be chosen about a recurrent network, and what it gives.

use crate::Tensor;

/// What an RNN does with the sum of its inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RnnActivation {
    /// tanh z
    #[default]
    Tanh,
    /// max(z, 0)
    Relu,
    /// min(max(z, 0), bound): Hannun et al. 2014, arXiv:1412.5567 §2, with a bound of 20.
    ClippedRelu(f64),
}

/// Options of [`Tensor::rnn`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RnnOptions {
    /// What is done with the sum; tanh by default.
    pub activation: RnnActivation,
    /// From each sample's last step to its first.
    pub reverse: bool,
}

/// Which gates an LSTM has, and so the parts of `zx` and `wh` in their order: i(nput), f(orget), g, the cell's new content,
/// o(utput). Variants of Greff et al. 2015, arXiv:1503.04069 §3; of theirs the full gate recurrence is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LstmGates {
    /// i, f, g, o
    #[default]
    All,
    /// i, g, o, with f = 1 − i (CIFG).
    Coupled,
    /// f, g, o, with i = 1 (NIG).
    NoInput,
    /// i, g, o, with f = 1 (NFG).
    NoForget,
    /// i, f, g, with o = 1 (NOG).
    NoOutput,
}

impl LstmGates {
    /// How many parts `zx` and `wh` have.
    pub fn count(self) -> usize {
        if self == LstmGates::All { 4 } else { 3 }
    }
}

/// Options of [`Tensor::lstm`].
///
/// ```
/// use gradus_tensor::{LstmGates, LstmOptions};
/// let options = LstmOptions { reverse: true, ..LstmOptions::default() };
/// assert_eq!(options.gates, LstmGates::All);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LstmOptions<'a> {
    /// The gates; all four by default.
    pub gates: LstmGates,
    /// g is not squashed by tanh (NIAF).
    pub linear_input: bool,
    /// The cell is not squashed by tanh on its way out (NOAF).
    pub linear_output: bool,
    /// `[K, H]`: what the gates read of the cell, a row for each of those of i, f, o that are there; i and f read the old cell, o
    /// the new one. Gers & Schmidhuber 2000.
    pub peepholes: Option<&'a Tensor>,
    /// `[H, P]`: h is the gated cell times this. Sak et al. 2014, arXiv:1402.1128.
    pub projection: Option<&'a Tensor>,
    /// From each sample's last step to its first.
    pub reverse: bool,
}

/// Where a GRU's reset gate works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GruReset {
    /// On what the recurrent weights made of the state: n = tanh(zx + r·(h·Wh + b)), as PyTorch and Keras's default have it.
    #[default]
    After,
    /// On the state: n = tanh(zx + (r·h)·Wh), as in the paper and Keras's `reset_after=False`.
    Before,
}

/// What a GRU's update gate weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GruUpdate {
    /// The old state: h′ = z·h + (1 − z)·n. Cho et al. 2014, arXiv:1406.1078, PyTorch and Keras.
    #[default]
    Cho,
    /// The new content: h′ = (1 − z)·h + z·n. Chung et al. 2014, arXiv:1412.3555.
    Chung,
}

/// Options of [`Tensor::gru`].
#[derive(Clone, Copy, Debug, Default)]
pub struct GruOptions<'a> {
    /// Where the reset gate works; after the product by default.
    pub reset: GruReset,
    /// What the update gate weighs; the old state by default.
    pub update: GruUpdate,
    /// `[H]`: what is added to the candidate's share of h·Wh before the reset gate takes its part. Only with [`GruReset::After`]; all
    /// other biases belong to `zx`.
    pub bias: Option<&'a Tensor>,
    /// From each sample's last step to its first.
    pub reverse: bool,
}

/// What [`Tensor::lstm`] gives.
#[derive(Clone)]
pub struct LstmOutput {
    /// `[T, N, P]`: h after each step, 0 behind a sample's length.
    pub y: Tensor,
    /// `[N, P]`: h after the last step.
    pub h: Tensor,
    /// `[N, H]`: the cell after the last step.
    pub c: Tensor,
    /// `[T, N, G·H]`: the gates and the new content after their activations, 0 behind a length. Not computed unless read.
    pub gates: Tensor,
    /// `[T, N, H]`: the cell after each step; behind a length it stands still. Not computed unless read.
    pub cells: Tensor,
}

/// What [`Tensor::gru`] gives.
#[derive(Clone)]
pub struct GruOutput {
    /// `[T, N, H]`: h after each step, 0 behind a sample's length.
    pub y: Tensor,
    /// `[N, H]`: h after the last step.
    pub h: Tensor,
    /// `[T, N, 3·H]`: r, z and n after their activations, 0 behind a length. Not computed unless read.
    pub gates: Tensor,
}

/// What [`Tensor::rnn`] gives.
#[derive(Clone)]
pub struct RnnOutput {
    /// `[T, N, H]`: h after each step, 0 behind a sample's length.
    pub y: Tensor,
    /// `[N, H]`: h after the last step.
    pub h: Tensor,
}
