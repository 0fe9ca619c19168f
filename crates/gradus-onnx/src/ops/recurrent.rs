//! Recurrent layers, step after step: RNN, GRU, LSTM.

use super::Op;
use crate::call::{Call, size_of};
use crate::{Error, Result};
use gradus_tensor::{DType, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("GRU", |c| layers(c, 3, &["Sigmoid", "Tanh"], gru)),
    ("LSTM", |c| layers(c, 4, &["Sigmoid", "Tanh", "Tanh"], lstm)),
    ("RNN", |c| layers(c, 1, &["Tanh"], rnn)),
];

/// A function of gates, with its numbers.
struct Activation {
    name: String,
    alpha: f64,
    beta: f64,
}

impl Activation {
    /// What the numbers are unless they are given; `None` for a function that takes none.
    fn usual(name: &str) -> Result<[Option<f64>; 2]> {
        Ok(match name {
            "Sigmoid" | "Tanh" | "Relu" | "Softsign" | "Softplus" => [None, None],
            "LeakyRelu" => [Some(0.01), None],
            "ThresholdedRelu" | "Elu" => [Some(1.0), None],
            "Affine" | "ScaledTanh" => [Some(1.0), Some(1.0)],
            "HardSigmoid" => [Some(0.2), Some(0.5)],
            other => return Err(Error::new(format!("activation `{other}` is not known"))),
        })
    }

    fn of(&self, x: &Tensor) -> Tensor {
        let (alpha, beta) = (self.alpha, self.beta);
        match &*self.name {
            "Sigmoid" => x.sigmoid(),
            "Tanh" => x.tanh(),
            "Relu" => x.relu(),
            "Softsign" => x.softsign(),
            "Softplus" => x.softplus(1.0),
            "LeakyRelu" => x.leaky_relu(alpha),
            "ThresholdedRelu" => x.le(alpha).select_where(0.0, x),
            "Elu" => x.elu(alpha),
            "Affine" => x * alpha + beta,
            "ScaledTanh" => (x * beta).tanh() * alpha,
            _ => (x * alpha + beta).clamp(0.0, 1.0),
        }
    }
}

/// The functions of all directions in order; each takes its numbers from the lists in turn.
fn activations(c: &Call<'_>, usual: &[&str], directions: usize) -> Result<Vec<Activation>> {
    let names = c.texts("activations")?.unwrap_or_else(|| {
        (0..directions).flat_map(|_| usual.iter().map(|&n| n.to_owned())).collect()
    });
    if names.len() != usual.len() * directions {
        let wanted = usual.len() * directions;
        return Err(Error::new(format!("{} activations; expected {wanted}", names.len())));
    }
    let lists = ["activation_alpha", "activation_beta"].map(|name| c.floats(name));
    let [alphas, betas] = lists;
    let (mut alphas, mut betas) =
        (alphas?.unwrap_or_default().into_iter(), betas?.unwrap_or_default().into_iter());
    let activation = |name: String| {
        let [alpha, beta] = Activation::usual(&name)?;
        let next = |usual: Option<f64>, list: &mut std::vec::IntoIter<f32>| match usual {
            Some(usual) => list.next().map_or(usual, f64::from),
            None => 0.0,
        };
        let (alpha, beta) = (next(alpha, &mut alphas), next(beta, &mut betas));
        Ok(Activation { name, alpha, beta })
    };
    names.into_iter().map(activation).collect()
}

/// One direction's weights.
struct Layer<'a> {
    /// Of the input, all gates: [I, G·H].
    w: Tensor,
    /// Of the state: [H, G·H].
    r: Tensor,
    /// What is added to each: [G·H].
    input_bias: Tensor,
    state_bias: Tensor,
    /// From the cell to the gates i, o, f: [H] each.
    peepholes: Option<[Tensor; 3]>,
    functions: &'a [Activation],
    /// Sums are kept within it.
    clip: f64,
    /// Of an LSTM, whether what is not taken up is kept; of a GRU, whether the state is multiplied before it is reset.
    flag: bool,
}

impl Layer<'_> {
    fn f(&self, i: usize, x: &Tensor) -> Tensor {
        let x = if self.clip > 0.0 { x.clamp(-self.clip, self.clip) } else { x.clone() };
        self.functions[i].of(&x)
    }
}

/// A step: the input's part of all gates [B, G·H], the state and the cell; gives both anew.
type Step = fn(&Layer<'_>, &Tensor, [&Tensor; 2]) -> [Tensor; 2];

fn gates(x: &Tensor, count: usize) -> Vec<Tensor> {
    let size = x.size(-1) / count;
    x.split(&vec![size; count], -1)
}

fn rnn(l: &Layer<'_>, x: &Tensor, [h, c]: [&Tensor; 2]) -> [Tensor; 2] {
    [l.f(0, &(x + h.matmul(&l.r) + &l.state_bias)), c.clone()]
}

/// Gates z, r and h.   Cho et al. 2014, arXiv:1406.1078
fn gru(l: &Layer<'_>, x: &Tensor, [h, c]: [&Tensor; 2]) -> [Tensor; 2] {
    let size = h.size(-1);
    let own = h.matmul(&l.r) + &l.state_bias;
    let (x, own) = (gates(x, 3), gates(&own, 3));
    let z = l.f(0, &(&x[0] + &own[0]));
    let r = l.f(0, &(&x[1] + &own[1]));
    let reset = match l.flag {
        true => r * &own[2],
        false => {
            let (w, b) = (l.r.slice(-1, 2 * size..), l.state_bias.slice(-1, 2 * size..));
            (r * h).matmul(&w) + b
        }
    };
    let new = l.f(1, &(&x[2] + reset));
    [(1.0 - &z) * new + &z * h, c.clone()]
}

/// Gates i, o, f and c.   Hochreiter and Schmidhuber 1997
fn lstm(l: &Layer<'_>, x: &Tensor, [h, c]: [&Tensor; 2]) -> [Tensor; 2] {
    let sums = gates(&(x + h.matmul(&l.r) + &l.state_bias), 4);
    let seen = |i: usize, gate: usize, cell: &Tensor| match &l.peepholes {
        Some(p) => &sums[gate] + &p[i] * cell,
        None => sums[gate].clone(),
    };
    let input = l.f(0, &seen(0, 0, c));
    let forget = if l.flag { 1.0 - &input } else { l.f(0, &seen(2, 2, c)) };
    let cell = forget * c + input * l.f(1, &sums[3]);
    let output = l.f(0, &seen(1, 1, &cell));
    [output * l.functions[2].of(&cell), cell]
}

/// All directions over all steps. The outputs: every state, the last states, the last cells.
fn layers(c: &Call<'_>, gates: usize, usual: &[&str], step: Step) -> Result<Vec<Tensor>> {
    let turned = c.int("layout", 0)? == 1;
    let axes = |t: &Tensor| if turned { t.transpose(0, 1) } else { t.clone() };
    let (x, w, r) = (axes(c.input(0)?), c.input(1)?, c.input(2)?);
    let backwards: &[bool] = match &*c.text("direction", "forward")? {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return Err(Error::new(format!("direction `{other}` is not known"))),
    };
    let directions = backwards.len();
    let size = match size_of(c.int("hidden_size", 0)?)? {
        0 => r.shape().last().copied().unwrap_or(0),
        size => size,
    };
    let (s, all) = (x.shape(), gates * size);
    let fits = s.rank() == 3
        && *w.shape() == [directions, all, s.get(2).copied().unwrap_or(0)]
        && *r.shape() == [directions, all, size];
    if !fits {
        let what = format!("input {}, weights {} and {}", x.shape(), w.shape(), r.shape());
        return Err(Error::new(format!("{what} for {directions} directions of {size} units")));
    }
    let lens = c.optional(4).map(|lens| lens.cast(DType::I64).reshape([lens.len(), 1]));
    let functions = activations(c, usual, directions)?;
    c.fits(&[s[0], s[1], directions, all])?;
    let mut found = [vec![], vec![], vec![]];
    for (d, &backwards) in backwards.iter().enumerate() {
        let zero = Tensor::full_of([s[1], size], 0.0, x.dtype());
        let start = |i: usize| c.optional(i).map_or_else(|| zero.clone(), |t| axes(t).select(0, d));
        let biases = match c.optional(3) {
            Some(b) => b.select(0, d),
            None => Tensor::full_of([2 * all], 0.0, x.dtype()),
        };
        let peepholes = c.optional(7).filter(|_| gates == 4).map(|p| {
            let p = p.select(0, d);
            [0, 1, 2].map(|i| p.slice(0, i * size..(i + 1) * size))
        });
        let flag = if gates == 4 { "input_forget" } else { "linear_before_reset" };
        let layer = Layer {
            w: w.select(0, d).t(),
            r: r.select(0, d).t(),
            input_bias: biases.slice(0, ..all),
            state_bias: biases.slice(0, all..),
            peepholes,
            functions: &functions[d * usual.len()..][..usual.len()],
            clip: c.float("clip", 0.0)?,
            flag: c.int(flag, 0)? != 0,
        };
        let start = [start(5), if gates == 4 { start(6) } else { zero.clone() }];
        let [rows, h, cell] = walk(&layer, &x, start, lens.as_ref(), backwards, step);
        found[0].push(rows);
        found[1].push(h);
        found[2].push(cell);
    }
    let stack = |all: &[Tensor], axis| Tensor::stack(&all.iter().collect::<Vec<_>>(), axis);
    let rows = stack(&found[0], 1);
    let rows = if turned { rows.permute([2, 0, 1, 3]) } else { rows };
    let mut outputs = vec![rows, axes(&stack(&found[1], 0))];
    if gates == 4 {
        outputs.push(axes(&stack(&found[2], 0)));
    }
    Ok(outputs)
}

/// One direction: every state [T, B, H], the last one and the last cell. Behind a sequence's end the state stays and the output is 0.
fn walk(
    layer: &Layer<'_>,
    x: &Tensor,
    [mut h, mut cell]: [Tensor; 2],
    lens: Option<&Tensor>,
    backwards: bool,
    step: Step,
) -> [Tensor; 3] {
    let steps = x.size(0);
    let all = x.matmul(&layer.w) + &layer.input_bias;
    let zero = h.zeros_like();
    let mut rows = vec![zero.clone(); steps];
    for i in 0..steps {
        let t = if backwards { steps - 1 - i } else { i };
        let [next, next_cell] = step(layer, &all.select(0, t), [&h, &cell]);
        match lens {
            None => (h, cell) = (next.clone(), next_cell),
            Some(lens) => {
                let there = lens.gt(&Tensor::scalar(t as i64)).broadcast_to(h.shape());
                (h, cell) = (there.select_where(&next, &h), there.select_where(&next_cell, &cell));
                rows[t] = there.select_where(&next, &zero);
                continue;
            }
        }
        rows[t] = next;
    }
    let rows = match steps {
        0 => Tensor::full_of([0, h.size(0), h.size(1)], 0.0, h.dtype()),
        _ => Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0),
    };
    [rows, h, cell]
}
