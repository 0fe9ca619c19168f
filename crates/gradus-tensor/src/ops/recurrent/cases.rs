//! What recurrent networks are checked with: the papers' formulas, sample by sample and step by step.

use super::{GruOptions, GruReset, GruUpdate, LstmGates, LstmOptions, RnnActivation, RnnOptions};
use crate::DType;
use crate::ops::check_all;
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    let mut all =
        vec![lstm(), lstm_of_many_units(), lstm_peeking(), lstm_ragged(), lstm_seen_within()];
    all.extend(lstm_variants());
    all.extend(grus());
    all.extend([gru_of_many_units(), gru_seen_within()]);
    all.extend(rnns());
    all
}

/// T, N, H, and P if it is another.
type Sizes = [usize; 4];

/// zx, wh, h0 and, of an LSTM, c0.
fn inputs(case: Case, [t, n, h, p]: Sizes, parts: usize, cell: bool) -> Case {
    let weights = 2.0 / (p as f64).sqrt();
    let case = case.input([t, n, parts * h], -1.5..1.5).input([p, parts * h], -weights..weights);
    let case = case.input([n, p], -1.0..1.0).species(Species::Kernel).empty_axis(None);
    if cell { case.input([n, h], -1.0..1.0) } else { case }
}

/// Lengths that are in no order, none among them.
fn ragged(case: Case, [t, n, ..]: Sizes) -> Case {
    let lengths: Vec<f64> = (0..n).map(|n| [2.0, 0.0, t as f64, 1.0][n % 4]).collect();
    case.typed([n], DType::I64, 0..t as i64 + 1).at(&lengths)
}

fn lstm() -> Case {
    let case = check_all("lstm", |x| {
        let out = x[0].lstm(&x[1], &x[2], &x[3], None, &LstmOptions::default());
        vec![out.y, out.h, out.c]
    });
    inputs(case, [3, 2, 4, 4], 4, true)
        .empty(&[&[0, 2, 16], &[4, 16], &[2, 4], &[2, 4]])
        .empty(&[&[3, 0, 16], &[4, 16], &[0, 4], &[0, 4]])
        .empty(&[&[3, 2, 0], &[0, 0], &[2, 0], &[2, 0]])
        .refuses(&[&[3, 2, 14], &[4, 16], &[2, 4], &[2, 4]], "lstm: zx must be [T, N, 4·H]")
        .refuses(&[&[3, 2, 16], &[3, 16], &[2, 4], &[2, 4]], "lstm: wh must be [4, 16]")
        .refuses(&[&[3, 2, 16], &[4, 16], &[2, 4], &[1, 4]], "lstm: c0 must be [2, 4]")
        .oracles_of(|x| Formula::default().lstm(x, &LstmGates::All)[..3].to_vec())
}

/// More than a kernel's vectors hold, with a remainder.
fn lstm_of_many_units() -> Case {
    let case = check_all("lstm, of 37 units", |x| {
        let out = x[0].lstm(&x[1], &x[2], &x[3], Some(&x[4]), &LstmOptions::default());
        vec![out.y, out.h, out.c]
    });
    let sizes = [3, 5, 37, 37];
    let formula = Formula { lengths: Some(4), ..Formula::default() };
    ragged(inputs(case, sizes, 4, true), sizes)
        .oracles_of(move |x| formula.lstm(x, &LstmGates::All)[..3].to_vec())
}

/// With peepholes and a projection.
fn lstm_peeking() -> Case {
    let case = check_all("lstm, with peepholes and a projection", |x| {
        let (peepholes, projection) = (Some(&x[4]), Some(&x[5]));
        let options = LstmOptions { peepholes, projection, ..LstmOptions::default() };
        let out = x[0].lstm(&x[1], &x[2], &x[3], None, &options);
        vec![out.y, out.h, out.c]
    });
    let formula = Formula { peepholes: Some(4), projection: Some(5), ..Formula::default() };
    inputs(case, [3, 2, 5, 3], 4, true)
        .input([3, 5], -0.8..0.9)
        .input([5, 3], -0.9..1.0)
        .empty(&[&[0, 2, 20], &[3, 20], &[2, 3], &[2, 5], &[3, 5], &[5, 3]])
        .refuses(
            &[&[3, 2, 20], &[3, 20], &[2, 3], &[2, 5], &[4, 5], &[5, 3]],
            "lstm: peepholes must be [3, 5] for zx [3, 2, 20], found [4, 5]",
        )
        .oracles_of(move |x| formula.lstm(x, &LstmGates::All)[..3].to_vec())
}

/// Backwards over sequences of different lengths, with all that there can be.
fn lstm_ragged() -> Case {
    let case = check_all("lstm, backwards from lengths", |x| {
        let (peepholes, projection) = (Some(&x[5]), Some(&x[6]));
        let options =
            LstmOptions { peepholes, projection, reverse: true, ..LstmOptions::default() };
        let out = x[0].lstm(&x[1], &x[2], &x[3], Some(&x[4]), &options);
        vec![out.y, out.h, out.c]
    });
    let sizes = [3, 4, 3, 2];
    let formula = Formula {
        lengths: Some(4),
        peepholes: Some(5),
        projection: Some(6),
        reverse: true,
        ..Formula::default()
    };
    ragged(inputs(case, sizes, 4, true), sizes)
        .input([3, 3], -1.0..1.0)
        .input([3, 2], -1.0..1.0)
        .refuses(
            &[&[1, 4, 12], &[2, 12], &[4, 2], &[4, 3], &[4], &[3, 3], &[3, 2]],
            "lstm: length 2 at sample 0 is outside 0..=1",
        )
        .oracles_of(move |x| formula.lstm(x, &LstmGates::All)[..3].to_vec())
}

/// Gates and cells are outputs too, with gradients.
fn lstm_seen_within() -> Case {
    let case = check_all("lstm, its gates and cells", |x| {
        let out = x[0].lstm(&x[1], &x[2], &x[3], Some(&x[4]), &LstmOptions::default());
        vec![out.y, out.h, out.c, out.gates, out.cells]
    });
    let sizes = [3, 4, 2, 2];
    let formula = Formula { lengths: Some(4), ..Formula::default() };
    ragged(inputs(case, sizes, 4, true), sizes)
        .oracles_of(move |x| formula.lstm(x, &LstmGates::All))
}

fn lstm_variants() -> Vec<Case> {
    use LstmGates::{All, Coupled, NoForget, NoInput, NoOutput};
    let variants = [
        ("coupled gates", Coupled, [false; 2]),
        ("no input gate", NoInput, [false; 2]),
        ("no forget gate", NoForget, [false; 2]),
        ("no output gate", NoOutput, [false; 2]),
        ("linear input", All, [true, false]),
        ("linear output", All, [false, true]),
    ];
    let case = |(name, gates, [linear_input, linear_output]): (&str, LstmGates, [bool; 2])| {
        let case = check_all(&format!("lstm, {name}"), move |x| {
            let peepholes = Some(&x[4]);
            let options = LstmOptions {
                gates,
                linear_input,
                linear_output,
                peepholes,
                ..LstmOptions::default()
            };
            let out = x[0].lstm(&x[1], &x[2], &x[3], None, &options);
            vec![out.y, out.h, out.c]
        });
        let formula =
            Formula { peepholes: Some(4), linear_input, linear_output, ..Formula::default() };
        inputs(case, [3, 2, 3, 3], gates.count(), true)
            .input([gates.count() - 1, 3], -1.0..1.0)
            .oracles_of(move |x| formula.lstm(x, &gates)[..3].to_vec())
    };
    variants.into_iter().map(case).collect()
}

fn grus() -> Vec<Case> {
    let forms = [
        (GruReset::After, GruUpdate::Cho, false),
        (GruReset::After, GruUpdate::Chung, true),
        (GruReset::Before, GruUpdate::Cho, true),
        (GruReset::Before, GruUpdate::Chung, false),
    ];
    let case = |(reset, update, reverse): (GruReset, GruUpdate, bool)| {
        let after = reset == GruReset::After;
        let case = check_all(&format!("gru, {reset:?}, {update:?}"), move |x| {
            let options = GruOptions { reset, update, bias: after.then(|| &x[4]), reverse };
            let out = x[0].gru(&x[1], &x[2], Some(&x[3]), &options);
            vec![out.y, out.h]
        });
        let sizes = [3, 4, 3, 3];
        let case = ragged(inputs(case, sizes, 3, false), sizes);
        let case = if after { case.input([3], -1.0..1.0) } else { case };
        let formula = Formula { lengths: Some(3), reverse, ..Formula::default() };
        case.oracles_of(move |x| formula.gru(x, reset, update)[..2].to_vec())
    };
    forms.into_iter().map(case).collect()
}

fn gru_of_many_units() -> Case {
    let case = check_all("gru, of 37 units", |x| {
        let out = x[0].gru(&x[1], &x[2], None, &GruOptions::default());
        vec![out.y, out.h]
    });
    inputs(case, [3, 2, 37, 37], 3, false)
        .empty(&[&[0, 2, 12], &[4, 12], &[2, 4]])
        .empty(&[&[3, 0, 12], &[4, 12], &[0, 4]])
        .refuses(&[&[3, 2, 12], &[4, 12], &[2, 3]], "gru: h0 must be [2, 4] for zx [3, 2, 12]")
        .oracles_of(|x| Formula::default().gru(x, GruReset::After, GruUpdate::Cho)[..2].to_vec())
}

fn gru_seen_within() -> Case {
    let case = check_all("gru, its gates", |x| {
        let options = GruOptions { reset: GruReset::Before, ..GruOptions::default() };
        let out = x[0].gru(&x[1], &x[2], None, &options);
        vec![out.y, out.h, out.gates]
    });
    inputs(case, [3, 2, 2, 2], 3, false)
        .oracles_of(|x| Formula::default().gru(x, GruReset::Before, GruUpdate::Cho))
}

/// The sums keep a distance from the kinks.
fn rnns() -> Vec<Case> {
    let forms = [
        ("tanh", RnnActivation::Tanh),
        ("relu", RnnActivation::Relu),
        ("clipped relu", RnnActivation::ClippedRelu(1.0)),
    ];
    let case = |(name, activation): (&str, RnnActivation)| {
        let sizes = [3, 4, 3, 3];
        let reverse = activation == RnnActivation::Relu;
        let case = check_all(&format!("rnn, {name}"), move |x| {
            let options = RnnOptions { activation, reverse };
            let out = x[0].rnn(&x[1], &x[2], Some(&x[3]), &options);
            vec![out.y, out.h]
        });
        let at: Vec<f64> = (0..36).map(|i| [-0.6, 0.5, 1.7, 0.4, 0.6][i % 5]).collect();
        let case = case.input([3, 4, 3], -1.0..1.0).at(&at).input([3, 3], -0.1..0.1);
        let case = case.input([4, 3], -1.0..1.0).species(Species::Kernel).empty_axis(None);
        let formula = Formula { lengths: Some(3), reverse, ..Formula::default() };
        ragged(case, sizes)
            .refuses(&[&[3, 4, 3], &[3, 4], &[4, 3], &[4]], "rnn: wh must be [3, 3]")
            .oracles_of(move |x| formula.rnn(x, activation))
    };
    forms.into_iter().map(case).collect()
}

/// Where the optional inputs stand, and what is chosen.
#[derive(Clone, Copy, Default)]
struct Formula {
    lengths: Option<usize>,
    peepholes: Option<usize>,
    projection: Option<usize>,
    linear_input: bool,
    linear_output: bool,
    reverse: bool,
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

impl Formula {
    /// Runs `step(z's row, sample, h, c)`, which gives h, c, the gates and what else is seen, of every sample over its steps:
    /// y, h, c, gates, seen.
    fn run(
        &self,
        x: &[Array],
        mut state: Vec<Vec<Vec<f64>>>,
        widths: [usize; 2],
        step: impl Fn(&[f64], &[f64], &[f64]) -> [Vec<f64>; 4],
    ) -> [Array; 5] {
        let (t, n, p) = (x[0].shape[0], x[0].shape[1], x[2].shape[1]);
        let zeros = |width: usize| Array::from_fn([t, n, width], |_| 0.0);
        let (mut y, mut gates, mut seen) = (zeros(p), zeros(widths[0]), zeros(widths[1]));
        let put = |to: &mut Array, t: usize, s: usize, row: &[f64]| {
            to.values[(t * n + s) * row.len()..][..row.len()].copy_from_slice(row);
        };
        for s in 0..n {
            let length = self.lengths.map_or(t, |i| x[i].values[s] as usize);
            (0..t).for_each(|t| put(&mut seen, t, s, &state[1][s]));
            for i in 0..length {
                let t = if self.reverse { length - 1 - i } else { i };
                let width = x[0].shape[2];
                let z = &x[0].values[(t * n + s) * width..][..width];
                let [h, c, parts, within] = step(z, &state[0][s], &state[1][s]);
                put(&mut y, t, s, &h);
                put(&mut gates, t, s, &parts);
                put(&mut seen, t, s, &within);
                (state[0][s], state[1][s]) = (h, c);
            }
            if !self.reverse {
                (length..t).for_each(|t| put(&mut seen, t, s, &state[1][s]));
            }
        }
        let last = |k: usize| {
            let width = if k == 0 { p } else { widths[1] };
            Array::new([n, width], state[k].concat())
        };
        let (h, c) = (last(0), if widths[1] > 0 { last(1) } else { last(0) });
        [y, h, c, gates, seen]
    }

    fn lstm(&self, x: &[Array], gates: &LstmGates) -> Vec<Array> {
        let hidden = x[3].shape[1];
        let there: &str = match gates {
            LstmGates::All => "ifgo",
            LstmGates::Coupled | LstmGates::NoForget => "igo",
            LstmGates::NoInput => "fgo",
            LstmGates::NoOutput => "ifg",
        };
        let step = |z: &[f64], h: &[f64], c: &[f64]| {
            let sum = |name: char, j: usize, cell: f64| {
                let k = there.find(name)? * hidden + j;
                let recurrent: f64 = h.iter().enumerate().map(|(i, h)| h * x[1].at(&[i, k])).sum();
                let row = there.replace('g', "").find(name);
                let peep = self.peepholes.zip(row).map_or(0.0, |(p, row)| x[p].at(&[row, j]));
                Some(z[k] + recurrent + peep * cell)
            };
            let squash = |z: f64, linear: bool| if linear { z } else { z.tanh() };
            let (mut parts, mut cells, mut out) = (vec![], vec![], vec![]);
            for j in 0..hidden {
                let i = sum('i', j, c[j]).map(sigmoid);
                let f = sum('f', j, c[j]).map(sigmoid);
                let g = squash(sum('g', j, 0.0).expect("g"), self.linear_input);
                let coupled = *gates == LstmGates::Coupled;
                let forget = if coupled { 1.0 - i.expect("i") } else { f.unwrap_or(1.0) };
                cells.push(forget * c[j] + i.unwrap_or(1.0) * g);
                let o = sum('o', j, cells[j]).map(sigmoid);
                out.push(o.unwrap_or(1.0) * squash(cells[j], self.linear_output));
                parts.push([i, f, Some(g), o]);
            }
            let gates = (0..4).flat_map(|k| parts.iter().filter_map(move |p| p[k])).collect();
            let h = match self.projection {
                Some(p) => (0..x[p].shape[1])
                    .map(|k| out.iter().enumerate().map(|(j, m)| m * x[p].at(&[j, k])).sum())
                    .collect(),
                None => out,
            };
            [h, cells.clone(), gates, cells]
        };
        let state = vec![of_rows(&x[2]), of_rows(&x[3])];
        self.run(x, state, [x[0].shape[2], hidden], step).into()
    }

    /// y, h and the gates.
    fn gru(&self, x: &[Array], reset: GruReset, update: GruUpdate) -> Vec<Array> {
        let hidden = x[2].shape[1];
        let bias = x.get(3 + usize::from(self.lengths.is_some()));
        let step = |zx: &[f64], h: &[f64], _: &[f64]| {
            let times = |h: &[f64], k: usize| -> f64 {
                h.iter().enumerate().map(|(i, h)| h * x[1].at(&[i, k])).sum()
            };
            let gate = |part: usize| -> Vec<f64> {
                let part = part * hidden..(part + 1) * hidden;
                part.map(|k| sigmoid(zx[k] + times(h, k))).collect()
            };
            let (r, z) = (gate(0), gate(1));
            let reset_state: Vec<f64> = r.iter().zip(h).map(|(r, h)| r * h).collect();
            let candidate = |j: usize| {
                let k = 2 * hidden + j;
                let share = match reset {
                    GruReset::After => r[j] * (times(h, k) + bias.map_or(0.0, |b| b.at(&[j]))),
                    GruReset::Before => times(&reset_state, k),
                };
                (zx[k] + share).tanh()
            };
            let n: Vec<f64> = (0..hidden).map(candidate).collect();
            let next = |j: usize| match update {
                GruUpdate::Cho => z[j] * h[j] + (1.0 - z[j]) * n[j],
                GruUpdate::Chung => (1.0 - z[j]) * h[j] + z[j] * n[j],
            };
            [(0..hidden).map(next).collect(), vec![], [r, z, n].concat(), vec![]]
        };
        let [y, h, _, gates, _] =
            self.run(x, vec![of_rows(&x[2]), vec![vec![]; x[2].shape[0]]], [3 * hidden, 0], step);
        vec![y, h, gates]
    }

    /// y and h.
    fn rnn(&self, x: &[Array], activation: RnnActivation) -> Vec<Array> {
        let step = |zx: &[f64], h: &[f64], _: &[f64]| {
            let z = |k: usize| -> f64 {
                zx[k] + h.iter().enumerate().map(|(i, h)| h * x[1].at(&[i, k])).sum::<f64>()
            };
            let next = |k: usize| match activation {
                RnnActivation::Tanh => z(k).tanh(),
                RnnActivation::Relu => z(k).max(0.0),
                RnnActivation::ClippedRelu(bound) => z(k).clamp(0.0, bound),
            };
            [(0..h.len()).map(next).collect(), vec![], vec![], vec![]]
        };
        let state = vec![of_rows(&x[2]), vec![vec![]; x[2].shape[0]]];
        let [y, h, ..] = self.run(x, state, [0, 0], step);
        vec![y, h]
    }
}

fn of_rows(a: &Array) -> Vec<Vec<f64>> {
    (0..a.shape[0]).map(|n| (0..a.shape[1]).map(|j| a.at(&[n, j])).collect()).collect()
}
