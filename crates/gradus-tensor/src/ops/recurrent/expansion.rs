//! What the rules expand to: a step after the other, in ops that everyone knows.

use super::net::{Backward, Cell, Forward, GruCell, LstmCell, Net};
use super::options::{GruReset, GruUpdate, RnnActivation};
use crate::Tensor;

/// A step's results.
struct Step {
    h: Tensor,
    c: Option<Tensor>,
    gates: Option<Tensor>,
    kept: Option<Tensor>,
}

/// y, h, c, the gates and what is kept beside, as far as the net has them.
pub(super) fn forward(net: &Net, x: &Forward<Tensor>) -> Vec<Tensor> {
    let steps = x.zx.shape()[0];
    let lengths = x.lengths.as_ref().map(|lengths| checked(lengths, steps));
    let (mut h, mut c) = (x.h0.clone(), x.c0.clone());
    let mut all: [Vec<(usize, Tensor)>; 3] = Default::default();
    for t in net.order(steps) {
        let z = x.zx.select(0, t);
        let step = match net.cell {
            Cell::Rnn(activation) => {
                let h = activate(activation, &(z + h.matmul(&x.wh)));
                Step { h, c: None, gates: None, kept: None }
            }
            Cell::Lstm(cell) => lstm(cell, x, &z, &h, c.as_ref().expect("a cell")),
            Cell::Gru(cell) => gru(cell, x, &z, &h),
        };
        let runs = lengths.as_ref().map(|lengths| lengths.gt(t as f64).unsqueeze(1));
        let or = |new: &Tensor, old: &Tensor| match &runs {
            Some(runs) => runs.select_where(new, old),
            None => new.clone(),
        };
        let or_zero = |new: &Tensor| or(new, &new.zeros_like());
        all[0].push((t, or_zero(&step.h)));
        h = or(&step.h, &h);
        c = c.zip(step.c).map(|(old, new)| or(&new, &old));
        all[1].extend(step.gates.map(|gates| (t, or_zero(&gates))));
        // The cells of an LSTM stand still behind a length.
        all[2].extend(c.clone().or(step.kept.map(|kept| or_zero(&kept))).map(|kept| (t, kept)));
    }
    let [batch, width] = [1, 2].map(|axis| x.zx.shape()[axis]);
    let hidden = width / net.parts();
    let sizes = [h.shape()[1], width, hidden];
    let there = [true, net.has_gates(), net.has_kept()];
    let join = |i: usize| joined(&mut all[i].clone(), [batch, sizes[i]], &x.zx);
    let mut stacks = (0..3).filter(|&i| there[i]).map(join);
    let y = stacks.next().expect("y");
    [y, h].into_iter().chain(c).chain(stacks).collect()
}

/// The lengths, each between 0 and the number of steps: what reads another reports it.
fn checked(lengths: &Tensor, steps: usize) -> Tensor {
    Tensor::arange(steps + 1).index_select(0, lengths)
}

/// `[T, ..]` of values by step, in any order.
fn joined(all: &mut [(usize, Tensor)], [n, width]: [usize; 2], like: &Tensor) -> Tensor {
    if all.is_empty() {
        return Tensor::full_of([0, n, width], 0.0, like.dtype());
    }
    all.sort_by_key(|(t, _)| *t);
    Tensor::stack(&all.iter().map(|(_, value)| value).collect::<Vec<_>>(), 0)
}

fn activate(activation: RnnActivation, z: &Tensor) -> Tensor {
    match activation {
        RnnActivation::Tanh => z.tanh(),
        RnnActivation::Relu => z.relu(),
        RnnActivation::ClippedRelu(bound) => z.clipped_relu(bound),
    }
}

/// The k-th of the parts along the last axis.
pub(super) fn part(of: &Tensor, k: usize, hidden: usize) -> Tensor {
    of.slice(-1, k * hidden..(k + 1) * hidden)
}

fn lstm(cell: LstmCell, x: &Forward<Tensor>, z: &Tensor, h: &Tensor, c: &Tensor) -> Step {
    let z = z + h.matmul(&x.wh);
    let (places, hidden) = (cell.places(), c.shape()[1]);
    let peep = |row: usize| x.peepholes.as_ref().map(|p| p.slice(0, row..row + 1));
    let gate = |k: usize, row: usize, c: &Tensor| match peep(row) {
        Some(p) => (part(&z, k, hidden) + p * c).sigmoid(),
        None => part(&z, k, hidden).sigmoid(),
    };
    let i = places.input.map(|k| gate(k, k, c));
    let f = places.forget.map(|k| gate(k, k, c));
    let g = part(&z, places.content, hidden);
    let g = if cell.linear_input { g } else { g.tanh() };
    let new = i.as_ref().map_or_else(|| g.clone(), |i| i * &g);
    let old = match (&f, &i) {
        (Some(f), _) => f * c,
        (None, Some(i)) if cell.coupled() => (1.0 - i) * c,
        _ => c.clone(),
    };
    let c = old + new;
    let o = places.output.map(|k| gate(k, k - 1, &c));
    let out = if cell.linear_output { c.clone() } else { c.tanh() };
    let out = o.as_ref().map_or_else(|| out.clone(), |o| o * &out);
    let h = x.projection.as_ref().map_or_else(|| out.clone(), |p| out.matmul(p));
    let gates: Vec<&Tensor> = i.iter().chain(&f).chain([&g]).chain(&o).collect();
    Step { h, gates: Some(Tensor::concat(&gates, 1)), kept: None, c: Some(c) }
}

fn gru(cell: GruCell, x: &Forward<Tensor>, z: &Tensor, h: &Tensor) -> Step {
    let hidden = h.shape()[1];
    let two = h.matmul(&x.wh.slice(1, ..2 * hidden));
    let squash = |k: usize| (part(z, k, hidden) + part(&two, k, hidden)).sigmoid();
    let (r, update) = (squash(0), squash(1));
    let weights = part(&x.wh, 2, hidden);
    let (n, kept) = match cell.reset {
        GruReset::After => {
            let q = h.matmul(&weights);
            let q = x.bias.as_ref().map_or_else(|| q.clone(), |b| &q + b);
            ((part(z, 2, hidden) + &r * &q).tanh(), Some(q))
        }
        GruReset::Before => ((part(z, 2, hidden) + (&r * h).matmul(&weights)).tanh(), None),
    };
    let (old, new) = match cell.update {
        GruUpdate::Cho => (update.clone(), 1.0 - &update),
        GruUpdate::Chung => (1.0 - &update, update.clone()),
    };
    let gates = Some(Tensor::concat(&[&r, &update, &n], 1));
    Step { h: old * h + new * n, c: None, gates, kept }
}

/// What comes of a step on the way back.
struct Slope {
    /// Of zx.
    z: Tensor,
    h: Tensor,
    c: Option<Tensor>,
    inner: Option<Tensor>,
}

/// dzx, dh0, dc0 and the inner gradient, as far as the net has them.
pub(super) fn backward(net: &Net, x: &Backward<Tensor>) -> Vec<Tensor> {
    let steps = x.y.shape()[0];
    let (before, cells) = (previous_states(net, x), previous_cells(net, x));
    let zeros =
        |like: &Tensor, given: &Option<Tensor>| given.clone().unwrap_or_else(|| like.zeros_like());
    let mut dh = zeros(&x.h0, &x.dh);
    let mut dc = x.c0.as_ref().map(|c0| zeros(c0, &x.dc));
    let mut all: [Vec<(usize, Tensor)>; 2] = Default::default();
    for t in net.order(steps).rev() {
        let total = x.dy.as_ref().map_or_else(|| dh.clone(), |dy| &dh + dy.select(0, t));
        let at = |of: &Option<Tensor>| of.as_ref().map(|of| of.select(0, t));
        let (gates, kept) = (at(&x.gates), at(&x.kept));
        let slope = match net.cell {
            Cell::Rnn(activation) => {
                let z = deactivate(activation, &x.y.select(0, t), &total);
                Slope { h: z.matmul(&x.wh.t()), z, c: None, inner: None }
            }
            Cell::Lstm(cell) => {
                let [gates, c] = [gates, kept].map(|t| t.expect("of an LSTM"));
                let old = cells.as_ref().expect("of an LSTM").select(0, t);
                lstm_slope(cell, x, &gates, [&old, &c], &total, dc.as_ref().expect("of an LSTM"))
            }
            Cell::Gru(cell) => {
                let gates = gates.expect("of a GRU");
                gru_slope(cell, &x.wh, &gates, kept.as_ref(), &before.select(0, t), &total)
            }
        };
        let runs = x.lengths.as_ref().map(|lengths| lengths.gt(t as f64).unsqueeze(1));
        let or = |new: &Tensor, old: &Tensor| match &runs {
            Some(runs) => runs.select_where(new, old),
            None => new.clone(),
        };
        let or_zero = |new: &Tensor| or(new, &new.zeros_like());
        all[0].push((t, or_zero(&slope.z)));
        all[1].extend(slope.inner.map(|inner| (t, or_zero(&inner))));
        dh = or(&slope.h, &dh);
        dc = dc.zip(slope.c).map(|(old, new)| or(&new, &old));
    }
    let (n, state, width) = (x.h0.shape()[0], x.h0.shape()[1], x.wh.shape()[1]);
    let dzx = joined(&mut all[0], [n, width], &x.y);
    let inner = net.has_inner().then(|| joined(&mut all[1], [n, state], &x.y));
    [dzx, dh].into_iter().chain(dc).chain(inner).collect()
}

/// h before each step, `[T, N, P]`; behind a sample's length it is anything.
pub(super) fn previous_states(net: &Net, x: &Backward<Tensor>) -> Tensor {
    let moved = previous(net, &x.y, &x.h0);
    let Some(lengths) = x.lengths.as_ref().filter(|_| net.reverse) else { return moved };
    // The first step that runs is a sample's last.
    let steps = Tensor::arange(x.y.shape()[0]).unsqueeze(1);
    let first = steps.eq(&(lengths - 1).unsqueeze(0)).unsqueeze(2); // [T, N, 1]
    first.select_where(&x.h0, &moved)
}

/// The cell before each step, `[T, N, H]`, which behind a length has not begun to move, or does no more.
pub(super) fn previous_cells(net: &Net, x: &Backward<Tensor>) -> Option<Tensor> {
    Some(previous(net, x.kept.as_ref()?, x.c0.as_ref()?))
}

/// What was there before each step: `first`, then all but the last.
fn previous(net: &Net, all: &Tensor, first: &Tensor) -> Tensor {
    let steps = all.shape()[0];
    let first = first.unsqueeze(0);
    match (steps, net.reverse) {
        (0, _) => all.clone(),
        (1, _) => first,
        (_, false) => Tensor::concat(&[&first, &all.slice(0, ..steps - 1)], 0),
        (_, true) => Tensor::concat(&[&all.slice(0, 1..), &first], 0),
    }
}

fn deactivate(activation: RnnActivation, y: &Tensor, dy: &Tensor) -> Tensor {
    let flat = match activation {
        RnnActivation::Tanh => return dy * (1.0 - y.square()),
        RnnActivation::Relu => y.le(0.0),
        RnnActivation::ClippedRelu(bound) => y.le(0.0).logical_or(&y.ge(bound)),
    };
    flat.select_where(0.0, dy)
}

/// d of the sum that a gate of this value squashed.
fn squashed(gate: &Tensor, d: &Tensor) -> Tensor {
    d * gate * (1.0 - gate)
}

fn lstm_slope(
    cell: LstmCell,
    x: &Backward<Tensor>,
    gates: &Tensor,
    [old, c]: [&Tensor; 2],
    dh: &Tensor,
    dc: &Tensor,
) -> Slope {
    let (places, hidden) = (cell.places(), c.shape()[1]);
    let gate = |k: Option<usize>| k.map(|k| part(gates, k, hidden));
    let peep =
        |row: usize, dz: &Tensor| x.peepholes.as_ref().map(|p| p.slice(0, row..row + 1) * dz);
    let dm = x.projection.as_ref().map_or_else(|| dh.clone(), |p| dh.matmul(&p.t()));
    let out = if cell.linear_output { c.clone() } else { c.tanh() };
    let o = gate(places.output);
    let dz_o = o.as_ref().map(|o| squashed(o, &(&dm * &out)));
    let through = o.as_ref().map_or_else(|| dm.clone(), |o| &dm * o);
    let through = if cell.linear_output { through } else { through * (1.0 - out.square()) };
    let mut dc = dc + through;
    if let (Some(dz), Some(row)) = (&dz_o, places.output)
        && let Some(more) = peep(row - 1, dz)
    {
        dc += more;
    }
    let (i, f) = (gate(places.input), gate(places.forget));
    let g = part(gates, places.content, hidden);
    let dg = i.as_ref().map_or_else(|| dc.clone(), |i| &dc * i);
    let dz_g = if cell.linear_input { dg } else { dg * (1.0 - g.square()) };
    let di = if cell.coupled() { &g - old } else { g };
    let dz_i = i.as_ref().map(|i| squashed(i, &(&dc * di)));
    let dz_f = f.as_ref().map(|f| squashed(f, &(&dc * old)));
    let mut back = match (&f, &i) {
        (Some(f), _) => &dc * f,
        (None, Some(i)) if cell.coupled() => &dc * (1.0 - i),
        _ => dc,
    };
    for (dz, row) in [(&dz_i, places.input), (&dz_f, places.forget)] {
        if let (Some(dz), Some(row)) = (dz, row)
            && let Some(more) = peep(row, dz)
        {
            back += more;
        }
    }
    let parts: Vec<&Tensor> = dz_i.iter().chain(&dz_f).chain([&dz_g]).chain(&dz_o).collect();
    let z = Tensor::concat(&parts, 1);
    let inner = x.projection.is_some().then(|| dh.clone());
    Slope { h: z.matmul(&x.wh.t()), z, c: Some(back), inner }
}

fn gru_slope(
    cell: GruCell,
    wh: &Tensor,
    gates: &Tensor,
    kept: Option<&Tensor>,
    h: &Tensor,
    dh: &Tensor,
) -> Slope {
    let hidden = h.shape()[1];
    let [r, z, n] = [0, 1, 2].map(|k| part(gates, k, hidden));
    let (new, old, dz) = match cell.update {
        GruUpdate::Cho => (1.0 - &z, z.clone(), h - &n),
        GruUpdate::Chung => (z.clone(), 1.0 - &z, &n - h),
    };
    let dn = dh * new * (1.0 - n.square());
    let dz = squashed(&z, &(dh * dz));
    let direct = dh * old;
    let weights = [0, 1, 2].map(|k| part(wh, k, hidden).t());
    let (dr, through, inner) = match kept {
        Some(q) => {
            let dq = &dn * &r;
            (squashed(&r, &(&dn * q)), dq.matmul(&weights[2]), Some(dq))
        }
        None => {
            let ds = dn.matmul(&weights[2]);
            (squashed(&r, &(&ds * h)), ds * &r, None)
        }
    };
    let back = direct + through + dr.matmul(&weights[0]) + dz.matmul(&weights[1]);
    Slope { z: Tensor::concat(&[&dr, &dz, &dn], 1), h: back, c: None, inner }
}
