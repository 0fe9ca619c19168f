//! Recurrent networks over a sequence: LSTM, GRU and RNN, all steps in one op.
//! zx [T, N, G·H], wh [P, G·H], h0 [N, P] -> y [T, N, P], h [N, P]
//!
//! T steps, N samples, H hidden units, G parts of H: an RNN has one; an LSTM i, f, g, o; a GRU r, z, n, in this order. The state
//! has P = H numbers, or as many as a projection gives. `zx` is what the parts get from outside, x·Wx + b for all steps at once: an
//! ordinary product before the op, which may be normalised, or be rows of a table.
//!
//! The forward pass keeps the gates after their activation and the cells, if somebody reads them: the backward pass, one op too,
//! which goes through the steps from the other end. The gradient of `wh` is one product over all steps, of what both passes gave.
//! Gradients of the second order are those of the steps unrolled.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod expansion;
mod gradient;
mod net;
mod options;
mod reference;
mod rule;
#[cfg(test)]
mod tests;

pub use options::{
    GruOptions, GruOutput, GruReset, GruUpdate, LstmGates, LstmOptions, LstmOutput, RnnActivation,
    RnnOptions, RnnOutput,
};

use crate::Tensor;
use crate::ops::kernel::expect_i64;
use gradus_base::{Error, Result};
use net::{Cell, Forward, GruCell, LstmCell, Net};
use rule::{Recurrent, called};
use std::sync::Arc;

/// What is wrong with the first length that is none.
fn bad_length(lengths: &[i64], steps: usize) -> Option<String> {
    let n = lengths.iter().position(|&length| length as u64 > steps as u64)?;
    Some(format!("length {} at sample {n} is outside 0..={steps}", lengths[n]))
}

/// The results of a net in their order.
#[track_caller]
fn run(op: &str, net: Net, x: Forward<&Tensor>) -> Vec<Tensor> {
    if let Err(e) = check(op, &net, &x) {
        return vec![Tensor::refuse(e); net.outputs()];
    }
    let dtype = x.zx.dtype();
    let wide = |t: &Tensor| if t.dtype().is_float() { t.wide().0 } else { t.0.clone() };
    let inputs = x.into_inputs().map(wide).collect();
    let outputs = called(Arc::new(Recurrent(net)), inputs, net.outputs());
    outputs.into_iter().map(|y| Tensor(y).cast(dtype)).collect()
}

/// Errs unless shapes and types go together.
fn check(op: &str, net: &Net, x: &Forward<&Tensor>) -> Result<()> {
    let options = [x.c0, x.bias, x.peepholes, x.projection].into_iter().flatten();
    Tensor::sound([x.zx, x.wh, x.h0])?;
    options.clone().try_for_each(|t| Tensor::sound([t]))?;
    if !x.zx.dtype().is_float() {
        let what = format!("zx must be of floats, found {}", x.zx.dtype());
        return Err(Error::dtype(op, what));
    }
    let (zx, parts) = (x.zx.shape(), net.parts());
    if zx.rank() != 3 || !zx[2].is_multiple_of(parts) {
        let what = format!("zx must be [T, N, {parts}·H], found {zx}");
        return Err(Error::shape(op, what));
    }
    let hidden = zx[2] / parts;
    let state = match x.projection {
        Some(projection) if projection.rank() == 2 => projection.shape()[1],
        _ => hidden,
    };
    let rows = if let Cell::Lstm(cell) = net.cell { cell.peephole_rows() } else { 0 };
    let expected: [(&str, Option<&Tensor>, &[usize]); 7] = [
        ("wh", Some(x.wh), &[state, zx[2]]),
        ("h0", Some(x.h0), &[zx[1], state]),
        ("c0", x.c0, &[zx[1], hidden]),
        ("the bias", x.bias, &[hidden]),
        ("lengths", x.lengths, &[zx[1]]),
        ("peepholes", x.peepholes, &[rows, hidden]),
        ("the projection", x.projection, &[hidden, state]),
    ];
    for (name, t, shape) in expected {
        let Some(t) = t else { continue };
        if t.shape()[..] != *shape {
            let what = format!("{name} must be {shape:?} for zx {zx}, found {}", t.shape());
            return Err(Error::shape(op, what));
        }
        if name == "lengths" {
            expect_i64(op, name, t)?;
        } else if t.dtype() != x.zx.dtype() {
            let what =
                format!("zx is {}, {name} {}; they must be one type", x.zx.dtype(), t.dtype());
            return Err(Error::dtype(op, what));
        }
    }
    Ok(())
}

impl Tensor {
    /// A long short-term memory over the steps of a sequence. With z = `zx[t]` + h·wh in four parts:
    /// i = σ(z_i), f = σ(z_f), g = tanh(z_g), c′ = f·c + i·g, o = σ(z_o), h′ = o·tanh(c′).
    ///
    /// **Shape** `zx [T, N, 4·H]`, `wh [H, 4·H]`, `h0 [N, H]`, `c0 [N, H]`, `lengths i64 [N]` → `y [T, N, H]`, `h [N, H]`,
    /// `c [N, H]`. `zx` is the inputs' share and all biases, the parts in the order i, f, g, o. A single step is T = 1. Sample n
    /// runs for `lengths[n]` steps; behind them y is 0, the state stands still and nothing has a gradient. A length outside `0..=T`
    /// is an error of the run. [`LstmOptions`] have other gates, peepholes, a projection (h is then `[N, P]`, wh `[P, 4·H]`) and
    /// the way from the last step to the first.
    ///
    /// **Paper** Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000; Greff et al. 2015, arXiv:1503.04069.
    ///
    /// # Panics
    /// If the shapes do not go together, the types of floats differ, or the lengths are not i64.
    ///
    /// ```
    /// use gradus_tensor::{LstmOptions, Tensor};
    /// let zx = Tensor::from([[[0.0f32, 0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]); // two steps of one sample and one unit
    /// let (wh, zero) = (Tensor::zeros([1, 4]), Tensor::zeros([1, 1]));
    /// let out = zx.lstm(&wh, &zero, &zero, None, &LstmOptions::default());
    /// let c = 0.5 * 1f32.tanh(); // i·g; then half of it
    /// let want = [0.5 * c.tanh(), 0.5 * (0.5 * c).tanh()];
    /// assert!(out.y.to_vec::<f32>().iter().zip(want).all(|(y, w)| (y - w).abs() < 1e-6));
    /// assert_eq!(out.c.to_vec::<f32>(), out.cells.slice(0, 1..).to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn lstm(
        &self,
        wh: &Tensor,
        h0: &Tensor,
        c0: &Tensor,
        lengths: Option<&Tensor>,
        options: &LstmOptions<'_>,
    ) -> LstmOutput {
        let LstmOptions { gates, linear_input, linear_output, peepholes, projection, reverse } =
            *options;
        let cell = LstmCell {
            gates,
            linear_input,
            linear_output,
            peepholes: peepholes.is_some(),
            projection: projection.is_some(),
        };
        let net = Net { cell: Cell::Lstm(cell), reverse, lengths: lengths.is_some() };
        let c0 = Some(c0);
        let x = Forward { zx: self, wh, h0, c0, bias: None, lengths, peepholes, projection };
        let outputs: [Tensor; 5] =
            run("lstm", net, x).try_into().unwrap_or_else(|_| unreachable!());
        let [y, h, c, gates, cells] = outputs;
        LstmOutput { y, h, c, gates, cells }
    }

    /// Gated recurrent units over the steps of a sequence. With q = h·wh in three parts: r = σ(zx_r + q_r), z = σ(zx_z + q_z),
    /// n = tanh(zx_n + r·(q_n + bias)), h′ = z·h + (1 − z)·n.
    ///
    /// **Shape** `zx [T, N, 3·H]`, `wh [H, 3·H]`, `h0 [N, H]`, `lengths i64 [N]` → `y [T, N, H]`, `h [N, H]`. `zx` is the inputs'
    /// share and all biases but the one that the reset gate weighs, the parts in the order r, z, n. A single step is T = 1. Lengths
    /// are as of [`Tensor::lstm`]. [`GruOptions`] have that bias, the papers' other forms and the way from the last step to the
    /// first.
    ///
    /// **Paper** Cho et al. 2014, arXiv:1406.1078; Chung et al. 2014, arXiv:1412.3555.
    ///
    /// # Panics
    /// As [`Tensor::lstm`]; or if there is a bias and the reset gate works before the product.
    ///
    /// ```
    /// use gradus_tensor::{GruOptions, Tensor, GruUpdate};
    /// let zx = Tensor::from([[[0.0f64, 3.0f64.ln(), 1.0]]]); // z = 3/4
    /// let (wh, h0) = (Tensor::zeros([1, 3]).cast(zx.dtype()), Tensor::from([[4.0f64]]));
    /// let h = |update| zx.gru(&wh, &h0, None, &GruOptions { update, ..GruOptions::default() }).h.item();
    /// assert!((h(GruUpdate::Cho) - (3.0 + 0.25 * 1f64.tanh())).abs() < 1e-12);
    /// assert!((h(GruUpdate::Chung) - (1.0 + 0.75 * 1f64.tanh())).abs() < 1e-12);
    /// ```
    #[track_caller]
    pub fn gru(
        &self,
        wh: &Tensor,
        h0: &Tensor,
        lengths: Option<&Tensor>,
        options: &GruOptions<'_>,
    ) -> GruOutput {
        let GruOptions { reset, update, bias, reverse } = *options;
        let cell = Cell::Gru(GruCell { reset, update, bias: bias.is_some() });
        let net = Net { cell, reverse, lengths: lengths.is_some() };
        if reset == GruReset::Before && bias.is_some() {
            let what = "with the reset gate before the product all biases are part of zx";
            let refused = Tensor::refuse(Error::value("gru", what));
            return GruOutput { y: refused.clone(), h: refused.clone(), gates: refused };
        }
        let (peepholes, projection) = (None, None);
        let x = Forward { zx: self, wh, h0, c0: None, bias, lengths, peepholes, projection };
        let mut outputs = run("gru", net, x).into_iter();
        let mut next = || outputs.next().expect("three outputs or four");
        GruOutput { y: next(), h: next(), gates: next() }
    }

    /// A simple recurrent network over the steps of a sequence: h′ = tanh(`zx[t]` + h·wh).
    ///
    /// **Shape** `zx [T, N, H]`, `wh [H, H]`, `h0 [N, H]`, `lengths i64 [N]` → `y [T, N, H]`, `h [N, H]`. `zx` is the inputs'
    /// share and the bias. A single step is T = 1. Lengths are as of [`Tensor::lstm`]. [`RnnOptions`] have other activations and
    /// the way from the last step to the first.
    ///
    /// **Paper** Elman 1990, "Finding structure in time".
    ///
    /// # Panics
    /// As [`Tensor::lstm`]; or if the bound of a clipped ReLU is not positive.
    ///
    /// ```
    /// use gradus_tensor::{RnnActivation, RnnOptions, Tensor};
    /// let zx = Tensor::from([[[1.0f32]], [[2.0]], [[30.0]]]);
    /// let options = RnnOptions { activation: RnnActivation::ClippedRelu(20.0), reverse: false };
    /// let out = zx.rnn(&Tensor::full([1, 1], 0.5), &Tensor::zeros([1, 1]), None, &options);
    /// assert_eq!(out.y.to_vec::<f32>(), [1.0, 2.5, 20.0]);
    /// ```
    #[track_caller]
    pub fn rnn(
        &self,
        wh: &Tensor,
        h0: &Tensor,
        lengths: Option<&Tensor>,
        options: &RnnOptions,
    ) -> RnnOutput {
        let RnnOptions { activation, reverse } = *options;
        let net = Net { cell: Cell::Rnn(activation), reverse, lengths: lengths.is_some() };
        if let RnnActivation::ClippedRelu(bound) = activation
            && (bound.is_nan() || bound <= 0.0)
        {
            let what = format!("the bound of a clipped ReLU must be positive, found {bound}");
            let refused = Tensor::refuse(Error::value("rnn", what));
            return RnnOutput { y: refused.clone(), h: refused };
        }
        let (c0, bias, peepholes, projection) = (None, None, None, None);
        let x = Forward { zx: self, wh, h0, c0, bias, lengths, peepholes, projection };
        let [y, h]: [Tensor; 2] = run("rnn", net, x).try_into().unwrap_or_else(|_| unreachable!());
        RnnOutput { y, h }
    }
}
