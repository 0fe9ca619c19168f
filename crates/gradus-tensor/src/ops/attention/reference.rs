//! Attention and its gradient on the reference device, query by query.

use super::rule::Attend;
use gradus_reference::Array;

/// The sizes of q [n, l, d], k [n, s, d] and v [n, s, e].
struct Sizes {
    n: usize,
    l: usize,
    s: usize,
    d: usize,
    e: usize,
}

impl Sizes {
    fn of(x: &[Array]) -> Sizes {
        let rank = x[0].shape.rank();
        let n = x[0].shape[..rank - 2].iter().product();
        let [l, s] = [x[0].shape[rank - 2], x[1].shape[rank - 2]];
        Sizes { n, l, s, d: x[0].shape[rank - 1], e: x[2].shape[rank - 1] }
    }

    /// The weights of query i of matrix n, and the logarithm of their sum.
    fn weights(&self, op: &Attend, x: &[Array], n: usize, i: usize) -> (Vec<f64>, f64) {
        let (s, parts) = (self.s, op.parts(&x[..2], &x[3..]));
        let row = |t: &Array, at: usize| t.reals()[at * self.d..][..self.d].to_vec();
        let q = row(parts.q, n * self.l + i);
        let bias = |j: usize| {
            let at = (n * self.l + i) * s + j;
            let masked = parts.mask.map_or(0.0, |mask| added(mask, at));
            let there = parts.lengths.is_none_or(|lengths| (j as i64) < lengths.integers()[n]);
            let open = there && !(op.causal && j > i);
            if open { masked } else { f64::NEG_INFINITY }
        };
        let bias: Vec<f64> = (0..s).map(bias).collect();
        if bias.iter().all(|&b| b == f64::NEG_INFINITY) {
            return (vec![0.0; s], f64::INFINITY);
        }
        let dot = |j: usize| {
            let k = row(parts.k, n * s + j);
            q.iter().zip(&k).map(|(q, k)| q * op.scale * k).sum::<f64>()
        };
        let scores: Vec<f64> = (0..s).map(|j| dot(j) + bias[j]).collect();
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|x| (x - top).exp()).sum();
        (scores.iter().map(|x| (x - top).exp() / sum).collect(), top + sum.ln())
    }
}

/// What element `at` of a mask adds to a score.
fn added(mask: &Array, at: usize) -> f64 {
    match &mask.values {
        gradus_reference::Values::Real(values) => values[at],
        gradus_reference::Values::Integer(flags) if flags[at] != 0 => 0.0,
        gradus_reference::Values::Integer(_) => f64::NEG_INFINITY,
    }
}

/// Σⱼ w[i, j]·v[j], and the logarithms of the sums.
pub(super) fn forward(op: &Attend, x: &[Array]) -> Result<Vec<Array>, String> {
    let sizes = Sizes::of(x);
    let Sizes { n, l, s, e, .. } = sizes;
    if let Some(lengths) = op.parts(&x[..2], &x[3..]).lengths {
        let outside = |&(_, &len): &(usize, &i64)| len < 0 || len > s as i64;
        if let Some((at, len)) = lengths.integers().iter().enumerate().find(outside) {
            return Err(super::outside(*len, at, &lengths.shape, s));
        }
    }
    let (mut y, mut logarithms) = (vec![0.0; n * l * e], vec![]);
    for (row, y) in y.chunks_exact_mut(e.max(1)).enumerate() {
        let (w, _) = sizes.weights(op, x, row / l, row % l);
        for (j, w) in w.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            let v = &x[2].reals()[(row / l * s + j) * e..][..e];
            y.iter_mut().zip(v).for_each(|(y, v)| *y += w * v);
        }
    }
    for row in 0..n * l {
        logarithms.push(sizes.weights(op, x, row / l, row % l).1);
    }
    let rank = x[0].shape.rank();
    let rows = x[0].shape.without(rank - 1);
    Ok(vec![Array::new(x[0].shape.with(rank - 1, e), y), Array::new(rows, logarithms)])
}

/// dq, dk, dv from the inputs and, last, dy.
pub(super) fn backward(op: &Attend, x: &[Array]) -> Vec<Array> {
    let sizes = Sizes::of(x);
    let Sizes { n, l, s, d, e } = sizes;
    let [q, k, v] = [0, 1, 2].map(|i| x[i].reals());
    let dy = x[x.len() - 1].reals();
    let [mut dq, mut dk, mut dv] = [q.len(), k.len(), v.len()].map(|len| vec![0.0; len]);
    for row in 0..n * l {
        let (w, _) = sizes.weights(op, x, row / l, row % l);
        let dy = &dy[row * e..][..e];
        let at = |j: usize| row / l * s + j;
        let dot = |j: usize| dy.iter().zip(&v[at(j) * e..][..e]).map(|(dy, v)| dy * v).sum::<f64>();
        let dw: Vec<f64> = (0..s).map(|j| if w[j] == 0.0 { 0.0 } else { dot(j) }).collect();
        let mean: f64 = w.iter().zip(&dw).map(|(w, dw)| w * dw).sum();
        for j in 0..s {
            let slope = w[j] * (dw[j] - mean) * op.scale;
            for c in 0..d {
                dq[row * d + c] += slope * k[at(j) * d + c];
                dk[at(j) * d + c] += slope * q[row * d + c];
            }
            dy.iter().enumerate().for_each(|(c, dy)| dv[at(j) * e + c] += w[j] * dy);
        }
    }
    vec![Array::new(x[0].shape, dq), Array::new(x[1].shape, dk), Array::new(x[2].shape, dv)]
}
