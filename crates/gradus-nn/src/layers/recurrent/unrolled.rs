//! A run step by step in ordinary ops, for what the op over all steps does not know: a layer norm, and a state of which a part is
//! dropped where it is multiplied. The formulas are those of [`Tensor::lstm`], [`Tensor::gru`] and [`Tensor::rnn`].

use super::cell::{Cell, Gru, Lstm, Rnn};
use super::direction::{Direction, EPS, Ran};
use crate::Parameter;
use gradus_tensor::{GruReset, GruUpdate, RnnActivation, Tensor};

/// All steps of `zx [T, B, G·H]` from `start`, which are h and c.
pub(super) fn run(
    direction: &Direction,
    cell: &Cell,
    zx: &Tensor,
    start: &[Tensor],
    lengths: Option<&Tensor>,
    kept: Option<&Tensor>,
) -> Ran {
    let (steps, weights) = (zx.shape()[0], Weights::of(direction));
    // Reading another length than those that can be is an error of the run.
    let lengths = lengths.map(|lengths| Tensor::arange(steps + 1).index_select(0, lengths));
    let mut state = start.to_vec();
    let mut ys = vec![];
    for step in 0..steps {
        let t = if direction.reverse { steps - 1 - step } else { step };
        let runs = lengths.as_ref().map(|lengths| lengths.gt(t as f64).unsqueeze(1)); // [B, 1]
        let or = |new: &Tensor, old: &Tensor| match &runs {
            Some(runs) => runs.select_where(new, old),
            None => new.clone(),
        };
        let h = kept.map_or_else(|| state[0].clone(), |kept| &state[0] * kept);
        let new = weights.step(cell, &zx.select(0, t), &h, &state);
        ys.push(or(&new[0], &new[0].zeros_like()));
        state = new.iter().zip(&state).map(|(new, old)| or(new, old)).collect();
    }
    if direction.reverse {
        ys.reverse();
    }
    let y = match ys.is_empty() {
        true => state[0].unsqueeze(0).slice(0, ..0), // [0, B, P]
        false => Tensor::stack(&ys.iter().collect::<Vec<_>>(), 0),
    };
    Ran { y, end: state, seen: vec![] }
}

/// The weights as tensors.
struct Weights {
    wh: Tensor,
    bias: Option<Tensor>,
    peepholes: Option<Tensor>,
    projection: Option<Tensor>,
    /// Of the state's share, of the cell, and the cell's shift.
    norms: Option<[Tensor; 3]>,
}

impl Weights {
    fn of(direction: &Direction) -> Weights {
        let tensor = |p: &Option<Parameter>| p.as_ref().map(Parameter::tensor);
        let norms = direction.layer_norm.as_ref();
        Weights {
            wh: direction.weight_hh.tensor(),
            bias: tensor(&direction.bias_hn),
            peepholes: tensor(&direction.peepholes),
            projection: tensor(&direction.weight_hr),
            norms: norms.map(|norm| [&norm.hh, &norm.c, &norm.c_bias].map(Parameter::tensor)),
        }
    }

    /// The state after a step; `h` is what is left of it where it is multiplied.
    fn step(&self, cell: &Cell, zx: &Tensor, h: &Tensor, state: &[Tensor]) -> Vec<Tensor> {
        match cell {
            Cell::Rnn(Rnn { activation }) => {
                vec![activate(*activation, &(zx + h.matmul(&self.wh)))]
            }
            Cell::Gru(gru) => vec![self.gru(*gru, zx, h, &state[0])],
            Cell::Lstm(lstm) => self.lstm(*lstm, zx, h, &state[1]),
        }
    }

    fn lstm(&self, cell: Lstm, zx: &Tensor, h: &Tensor, c: &Tensor) -> Vec<Tensor> {
        let share = h.matmul(&self.wh);
        let z = zx
            + match &self.norms {
                Some([w, ..]) => share.layer_norm(w, &w.zeros_like(), EPS),
                None => share,
            };
        let (places, hidden) = (cell.places(), c.shape()[1]);
        let part = |k: usize| z.slice(1, k * hidden..(k + 1) * hidden);
        let gate = |k: usize, row: usize, c: &Tensor| match &self.peepholes {
            Some(p) => (part(k) + p.slice(0, row..row + 1) * c).sigmoid(),
            None => part(k).sigmoid(),
        };
        let i = places.input.map(|k| gate(k, k, c));
        let f = places.forget.map(|k| gate(k, k, c));
        let g = if cell.linear_input { part(places.content) } else { part(places.content).tanh() };
        let old = match (&f, &i) {
            (Some(f), _) => f * c,
            (None, Some(i)) if cell.gates == gradus_tensor::LstmGates::Coupled => (1.0 - i) * c,
            _ => c.clone(),
        };
        let c = old + i.map_or_else(|| g.clone(), |i| i * &g);
        let o = places.output.map(|k| gate(k, k - 1, &c));
        let shown = match &self.norms {
            Some([_, w, b]) => c.layer_norm(w, b, EPS),
            None => c.clone(),
        };
        let shown = if cell.linear_output { shown } else { shown.tanh() };
        let h = o.map_or_else(|| shown.clone(), |o| o * &shown);
        vec![self.projection.as_ref().map_or_else(|| h.clone(), |p| h.matmul(p)), c]
    }

    fn gru(&self, cell: Gru, zx: &Tensor, h: &Tensor, old: &Tensor) -> Tensor {
        let hidden = old.shape()[1];
        let part = |of: &Tensor, k: usize| of.slice(1, k * hidden..(k + 1) * hidden);
        let share = |k: usize, h: &Tensor| h.matmul(&part(&self.wh, k));
        let gate = |k: usize| (part(zx, k) + share(k, h)).sigmoid();
        let (r, z) = (gate(0), gate(1));
        let n = match cell.reset {
            GruReset::After => {
                let q = share(2, h);
                let q = self.bias.as_ref().map_or_else(|| q.clone(), |bias| &q + bias);
                part(zx, 2) + r * q
            }
            GruReset::Before => part(zx, 2) + share(2, &(r * h)),
        };
        let n = n.tanh();
        match cell.update {
            GruUpdate::Cho => &z * old + (1.0 - &z) * n,
            GruUpdate::Chung => (1.0 - &z) * old + z * n,
        }
    }
}

fn activate(activation: RnnActivation, z: &Tensor) -> Tensor {
    match activation {
        RnnActivation::Tanh => z.tanh(),
        RnnActivation::Relu => z.relu(),
        RnnActivation::ClippedRelu(bound) => z.clipped_relu(bound),
    }
}
