//! Both passes on the reference device, sample by sample and step by step.

use super::net::{Backward, Cell, Forward, Given, GruCell, LstmCell, Net};
use super::options::{GruReset, GruUpdate, RnnActivation};
use gradus_base::Shape;
use gradus_reference::Array;

/// y, h, c, the gates and what is kept beside, as far as the net has them.
pub(super) fn forward(net: &Net, inputs: &[Array]) -> Result<Vec<Array>, String> {
    let x = Forward::of(net, inputs);
    let [steps, batch, width] = [0, 1, 2].map(|axis| x.zx.shape[axis]);
    let (state, hidden) = (x.h0.shape[1], width / net.parts());
    let lengths = lengths(x.lengths, steps, batch)?;
    let mut y = Rows::zeros([steps, batch, state]);
    let mut gates = Rows::zeros([steps, batch, width]);
    let mut kept = Rows::zeros([steps, batch, hidden]);
    let (mut h_n, mut c_n) = (Rows::of(x.h0), x.c0.map(Rows::of));
    for (n, &length) in lengths.iter().enumerate() {
        let mut c = x.c0.map_or_else(Vec::new, |c0| row(c0, n).to_vec());
        if net.is_lstm() {
            (0..steps).for_each(|t| kept.set(t * batch + n, &c));
        }
        let mut h = row(x.h0, n).to_vec();
        for t in net.order(length) {
            let at = t * batch + n;
            let z = row(x.zx, at);
            let step = match net.cell {
                Cell::Rnn(activation) => {
                    let z = sum(z, &times(&h, x.wh, false));
                    Step {
                        h: z.iter().map(|&z| activate(activation, z)).collect(),
                        ..Step::default()
                    }
                }
                Cell::Lstm(cell) => lstm(cell, &x, z, &h, &c),
                Cell::Gru(cell) => gru(cell, &x, z, &h),
            };
            h = step.h;
            y.set(at, &h);
            if net.has_gates() {
                gates.set(at, &step.gates);
            }
            if net.has_kept() {
                kept.set(at, &step.kept);
            }
            if net.is_lstm() {
                c = step.kept;
            }
        }
        if net.is_lstm() && !net.reverse {
            (length..steps).for_each(|t| kept.set(t * batch + n, &c));
        }
        h_n.set(n, &h);
        c_n.iter_mut().for_each(|all| all.set(n, &c));
    }
    let gates = net.has_gates().then_some(gates);
    let kept = net.has_kept().then_some(kept);
    let all = [y, h_n].into_iter().chain(c_n).chain(gates).chain(kept);
    Ok(all.map(Rows::array).collect())
}

/// How many steps each sample has.
fn lengths(given: Option<&Array>, steps: usize, batch: usize) -> Result<Vec<usize>, String> {
    let Some(given) = given else { return Ok(vec![steps; batch]) };
    if let Some(what) = super::bad_length(given.integers(), steps) {
        return Err(what);
    }
    Ok(given.integers().iter().map(|&length| length as usize).collect())
}

/// The n-th row of the last axis.
fn row(of: &Array, n: usize) -> &[f64] {
    let width = of.shape[of.shape.rank() - 1];
    &of.reals()[n * width..][..width]
}

/// Rows that are written.
struct Rows(Shape, Vec<f64>);

impl Rows {
    fn zeros(shape: impl Into<Shape>) -> Rows {
        let shape = shape.into();
        Rows(shape, vec![0.0; shape.len()])
    }
    fn of(array: &Array) -> Rows {
        Rows(array.shape, array.reals().to_vec())
    }
    fn set(&mut self, n: usize, row: &[f64]) {
        self.1[n * row.len()..][..row.len()].copy_from_slice(row);
    }
    fn array(self) -> Array {
        Array::new(self.0, self.1)
    }
}

/// v·w, or v·wᵀ.
fn times(v: &[f64], w: &Array, transposed: bool) -> Vec<f64> {
    let [rows, columns] = [w.shape[0], w.shape[1]];
    let w = w.reals();
    let count = if transposed { rows } else { columns };
    let at = |k: usize, j: usize| if transposed { w[j * columns + k] } else { w[k * columns + j] };
    (0..count).map(|j| v.iter().enumerate().map(|(k, v)| v * at(k, j)).sum()).collect()
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn activate(activation: RnnActivation, z: f64) -> f64 {
    // Written so that NaN stays.
    let positive = if z <= 0.0 { 0.0 } else { z };
    match activation {
        RnnActivation::Tanh => z.tanh(),
        RnnActivation::Relu => positive,
        RnnActivation::ClippedRelu(bound) => {
            if positive > bound {
                bound
            } else {
                positive
            }
        }
    }
}

/// A step's results; what the cell has none of is empty.
#[derive(Default)]
struct Step {
    h: Vec<f64>,
    gates: Vec<f64>,
    kept: Vec<f64>,
}

fn lstm(cell: LstmCell, x: &Forward<&Array>, z: &[f64], h: &[f64], c: &[f64]) -> Step {
    let (places, hidden) = (cell.places(), c.len());
    let z = sum(z, &times(h, x.wh, false));
    let peep = |k: usize, j: usize, c: f64| {
        let row = places.peepholes().position(|(part, _)| part == k);
        x.peepholes.zip(row).map_or(0.0, |(p, row)| p.reals()[row * hidden + j] * c)
    };
    let (mut gates, mut cells, mut out) =
        (vec![0.0; z.len()], vec![0.0; hidden], vec![0.0; hidden]);
    for j in 0..hidden {
        let squash = |k: usize, c: f64| sigmoid(z[k * hidden + j] + peep(k, j, c));
        let i = places.input.map(|k| squash(k, c[j]));
        let own = places.forget.map(|k| squash(k, c[j]));
        let g = z[places.content * hidden + j];
        let g = if cell.linear_input { g } else { g.tanh() };
        let f = match own {
            None if cell.coupled() => 1.0 - i.unwrap_or(1.0),
            own => own.unwrap_or(1.0),
        };
        cells[j] = f * c[j] + i.unwrap_or(1.0) * g;
        let o = places.output.map(|k| squash(k, cells[j]));
        out[j] = o.unwrap_or(1.0) * if cell.linear_output { cells[j] } else { cells[j].tanh() };
        let parts = i.into_iter().chain(own).chain([g]).chain(o);
        parts.enumerate().for_each(|(k, value)| gates[k * hidden + j] = value);
    }
    let h = x.projection.map_or_else(|| out.clone(), |p| times(&out, p, false));
    Step { h, gates, kept: cells }
}

fn gru(cell: GruCell, x: &Forward<&Array>, zx: &[f64], h: &[f64]) -> Step {
    let hidden = h.len();
    let z = times(h, x.wh, false);
    let squash = |k: usize| {
        let part = k * hidden..(k + 1) * hidden;
        sum(&zx[part.clone()], &z[part]).into_iter().map(sigmoid).collect::<Vec<f64>>()
    };
    let (r, update) = (squash(0), squash(1));
    let mut kept = z[2 * hidden..].to_vec();
    if let Some(bias) = x.bias {
        kept = sum(&kept, bias.reals());
    }
    let recurrent: Vec<f64> = match cell.reset {
        GruReset::After => r.iter().zip(&kept).map(|(r, q)| r * q).collect(),
        GruReset::Before => {
            let reset: Vec<f64> = r.iter().zip(h).map(|(r, h)| r * h).collect();
            times(&reset, x.wh, false).split_off(2 * hidden)
        }
    };
    let n: Vec<f64> = sum(&zx[2 * hidden..], &recurrent).into_iter().map(f64::tanh).collect();
    let next = |j: usize| {
        let new = if cell.update == GruUpdate::Cho { 1.0 - update[j] } else { update[j] };
        (1.0 - new) * h[j] + new * n[j]
    };
    Step { h: (0..hidden).map(next).collect(), gates: [r, update, n].concat(), kept }
}

/// What comes of a step on the way back; what the cell has none of is empty.
#[derive(Default)]
struct Slope {
    z: Vec<f64>,
    h: Vec<f64>,
    c: Vec<f64>,
    inner: Vec<f64>,
}

/// dzx, dh0, dc0 and the inner gradient, as far as the net has them.
pub(super) fn backward(net: &Net, given: Given, inputs: &[Array]) -> Vec<Array> {
    let x = Backward::of(net, given, inputs);
    let [steps, batch, state] = [0, 1, 2].map(|axis| x.y.shape[axis]);
    let width = x.wh.shape[1];
    // The forward pass checked the lengths.
    let lengths = lengths(x.lengths, steps, batch).unwrap_or_default();
    let mut dzx = Rows::zeros([steps, batch, width]);
    let mut inner = Rows::zeros([steps, batch, state]);
    let mut dh0 = x.dh.map_or_else(|| Rows::zeros(x.h0.shape), Rows::of);
    let mut dc0 = x.c0.map(|c0| x.dc.map_or_else(|| Rows::zeros(c0.shape), Rows::of));
    for (n, &length) in lengths.iter().enumerate() {
        let begin = |given: Option<&Array>, like: &Array| {
            given.map_or_else(|| vec![0.0; row(like, n).len()], |given| row(given, n).to_vec())
        };
        let mut dh = begin(x.dh, x.h0);
        let mut dc = x.c0.map_or_else(Vec::new, |c0| begin(x.dc, c0));
        let order: Vec<usize> = net.order(length).collect();
        for (i, &t) in order.iter().enumerate().rev() {
            let at = t * batch + n;
            let dy = x.dy.map_or_else(|| vec![0.0; state], |dy| row(dy, at).to_vec());
            let total = sum(&dh, &dy);
            let before = i.checked_sub(1).map(|i| order[i] * batch + n);
            let h = before.map_or_else(|| row(x.h0, n), |at| row(x.y, at));
            let slope = match net.cell {
                Cell::Rnn(activation) => {
                    let pairs = row(x.y, at).iter().zip(&total);
                    let z: Vec<f64> = pairs.map(|(&y, &d)| d * steepness(activation, y)).collect();
                    Slope { h: times(&z, x.wh, true), z, ..Slope::default() }
                }
                Cell::Lstm(cell) => {
                    let cells = x.kept.expect("the cells");
                    let first = || row(x.c0.expect("the first cell"), n);
                    let old = before.map_or_else(first, |at| row(cells, at));
                    lstm_slope(
                        cell,
                        &x,
                        row(x.gates.expect("gates"), at),
                        [old, row(cells, at)],
                        &total,
                        &dc,
                    )
                }
                Cell::Gru(cell) => {
                    let kept = x.kept.map(|kept| row(kept, at));
                    gru_slope(cell, x.wh, row(x.gates.expect("gates"), at), kept, h, &total)
                }
            };
            dzx.set(at, &slope.z);
            if net.has_inner() {
                inner.set(at, &slope.inner);
            }
            (dh, dc) = (slope.h, slope.c);
        }
        dh0.set(n, &dh);
        dc0.iter_mut().for_each(|all| all.set(n, &dc));
    }
    let inner = net.has_inner().then_some(inner);
    [dzx, dh0].into_iter().chain(dc0).chain(inner).map(Rows::array).collect()
}

/// The derivative of an activation where its value is y.
fn steepness(activation: RnnActivation, y: f64) -> f64 {
    match activation {
        RnnActivation::Tanh => 1.0 - y * y,
        RnnActivation::ClippedRelu(bound) if y >= bound => 0.0,
        _ if y <= 0.0 => 0.0,
        _ => 1.0,
    }
}

fn lstm_slope(
    cell: LstmCell,
    x: &Backward<&Array>,
    gates: &[f64],
    [old, new]: [&[f64]; 2],
    dh: &[f64],
    dc: &[f64],
) -> Slope {
    let (places, hidden) = (cell.places(), new.len());
    let dm = x.projection.map_or_else(|| dh.to_vec(), |p| times(dh, p, true));
    let peephole = |k: usize, j: usize| {
        let row = places.peepholes().position(|(part, _)| part == k);
        x.peepholes.zip(row).map_or(0.0, |(p, row)| p.reals()[row * hidden + j])
    };
    let (mut z, mut back) = (vec![0.0; gates.len()], vec![0.0; hidden]);
    for j in 0..hidden {
        let gate = |k: Option<usize>| k.map(|k| gates[k * hidden + j]);
        let mut through = |k: Option<usize>, d: f64| {
            let Some(k) = k else { return 0.0 };
            let value = gates[k * hidden + j];
            z[k * hidden + j] = d * value * (1.0 - value);
            z[k * hidden + j] * peephole(k, j)
        };
        let (c, out) = (new[j], if cell.linear_output { new[j] } else { new[j].tanh() });
        let slope = if cell.linear_output { 1.0 } else { 1.0 - c.tanh() * c.tanh() };
        let dc = dc[j]
            + dm[j] * gate(places.output).unwrap_or(1.0) * slope
            + through(places.output, dm[j] * out);
        let (i, g) = (gate(places.input).unwrap_or(1.0), gate(Some(places.content)).unwrap_or(0.0));
        let own = gate(places.forget);
        let (f, di) = match own {
            None if cell.coupled() => (1.0 - i, dc * (g - old[j])),
            own => (own.unwrap_or(1.0), dc * g),
        };
        back[j] = dc * f + through(places.input, di) + through(places.forget, dc * old[j]);
        let steep = if cell.linear_input { 1.0 } else { 1.0 - g * g };
        z[places.content * hidden + j] = dc * i * steep;
    }
    Slope { h: times(&z, x.wh, true), z, c: back, inner: dh.to_vec() }
}

fn gru_slope(
    cell: GruCell,
    wh: &Array,
    gates: &[f64],
    kept: Option<&[f64]>,
    h: &[f64],
    dh: &[f64],
) -> Slope {
    let hidden = h.len();
    let (mut z, mut direct) = (vec![0.0; 3 * hidden], vec![0.0; hidden]);
    for j in 0..hidden {
        let (update, n) = (gates[hidden + j], gates[2 * hidden + j]);
        let (new, d) = match cell.update {
            GruUpdate::Cho => (1.0 - update, h[j] - n),
            GruUpdate::Chung => (update, n - h[j]),
        };
        z[hidden + j] = dh[j] * d * update * (1.0 - update);
        z[2 * hidden + j] = dh[j] * new * (1.0 - n * n);
        direct[j] = dh[j] * (1.0 - new);
    }
    // What reaches the state through the candidate, and its share of the reset gate.
    let mut recurrent = z.clone();
    let mut shares = vec![0.0; hidden];
    for j in 0..hidden {
        if let Some(q) = kept {
            recurrent[2 * hidden + j] *= gates[j];
            shares[j] = z[2 * hidden + j] * q[j];
        }
    }
    if kept.is_none() {
        let mut last = vec![0.0; 3 * hidden];
        last[2 * hidden..].copy_from_slice(&z[2 * hidden..]);
        let ds = times(&last, wh, true);
        recurrent[2 * hidden..].fill(0.0);
        for j in 0..hidden {
            direct[j] += ds[j] * gates[j];
            shares[j] = ds[j] * h[j];
        }
    }
    for j in 0..hidden {
        z[j] = shares[j] * gates[j] * (1.0 - gates[j]);
        recurrent[j] = z[j];
    }
    let inner = recurrent[2 * hidden..].to_vec();
    Slope { h: sum(&direct, &times(&recurrent, wh, true)), z, c: vec![], inner }
}
