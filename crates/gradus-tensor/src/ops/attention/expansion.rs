//! Attention and its gradient as simpler ops, which hold all scores: what a device without kernels does, and the road to second order.

use super::rule::{Attend, Parts};
use crate::{DType, Tensor};
use gradus_base::Shape;

/// y, and the logarithm of each row's sum of exponentials.
pub(super) fn forward(op: &Attend, inputs: &[Tensor]) -> [Tensor; 2] {
    let parts = op.parts(&inputs[..2], &inputs[3..]);
    let (scores, bias) = scores(op, &parts);
    let logarithms = match bias {
        None => scores.logsumexp(-1),
        Some(bias) => {
            let rest = (&scores + &bias).logsumexp(-1);
            open(&bias).select_where(&rest, &rest.full_like(f64::INFINITY))
        }
    };
    [weights(op, &parts).matmul(&inputs[2]), logarithms]
}

/// softmax(scale·q·kᵀ + bias); zeros where a query may read nothing, and their gradients too.
pub(super) fn weights(op: &Attend, parts: &Parts<'_, Tensor>) -> Tensor {
    let (scores, bias) = scores(op, parts);
    shares(&scores, bias.as_ref())
}

/// softmax(scores + bias); zeros where nothing but −∞ is added.
pub(super) fn shares(scores: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let Some(bias) = bias else { return scores.softmax(-1) };
    let open = open(bias).unsqueeze(-1).broadcast_to(scores.shape());
    let zeros = scores.zeros_like();
    let biased = open.select_where(&(scores + bias), &zeros);
    open.select_where(&biased.softmax(-1), &zeros)
}

/// Gradients of all that floats go into.
pub(super) struct Slopes {
    /// dq, dk, dv
    pub(super) inputs: [Tensor; 3],
    /// Of the scores, and so of what is added to them.
    pub(super) scores: Tensor,
}

/// With the weights w: dv = wᵀ·dy, dw = dy·vᵀ, ds = w·(dw − Σ w·dw), dq = scale·ds·k, dk = scale·dsᵀ·q. The last input is dy.
pub(super) fn slopes(op: &Attend, inputs: &[Tensor]) -> Slopes {
    let (v, dy) = (&inputs[2], &inputs[inputs.len() - 1]);
    let parts = op.parts(&inputs[..2], &inputs[3..]);
    let w = weights(op, &parts);
    let dw = dy.matmul(&v.t());
    let mean = (&w * &dw).sum(-1).unsqueeze(-1);
    let scores = &w * (dw - mean); // [.., L, S]
    let dq = scores.matmul(parts.k) * op.scale;
    let dk = scores.t().matmul(parts.q) * op.scale;
    Slopes { inputs: [dq, dk, w.t().matmul(dy)], scores }
}

/// scale·q·kᵀ, and what is added to it.
fn scores(op: &Attend, parts: &Parts<'_, Tensor>) -> (Tensor, Option<Tensor>) {
    let scores = (parts.q * op.scale).matmul(&parts.k.t()); // [.., L, S]
    let bias = bias(op, parts, scores.shape());
    (scores, bias)
}

/// What is added to scores of a shape: −∞ where nothing is read.
pub(super) fn bias(op: &Attend, parts: &Parts<'_, Tensor>, scores: Shape) -> Option<Tensor> {
    let (dtype, l, s) = (parts.q.dtype(), parts.q.size(-2), parts.k.size(-2));
    let mask = parts.mask.map(|mask| match mask.dtype() {
        DType::Bool => closed(mask, dtype),
        _ => mask.clone(),
    });
    let causal = op.causal.then(|| places([1, s]).le(&places([l, 1])));
    let there = |lengths: &Tensor| places([1, s]).lt(&lengths.unsqueeze(-1).unsqueeze(-1));
    let there = parts.lengths.map(there);
    let flags = causal.into_iter().chain(there).map(|open| closed(&open, dtype));
    let bias = mask.into_iter().chain(flags).reduce(|a, b| a + b);
    bias.map(|bias| bias.broadcast_to(scores))
}

/// Whether a row of what is added lets anything be read.
fn open(bias: &Tensor) -> Tensor {
    bias.gt(f64::NEG_INFINITY).any(-1)
}

/// 0 where a flag is set, −∞ where it is not.
fn closed(flags: &Tensor, dtype: DType) -> Tensor {
    let zero = Tensor::full_of(flags.shape(), 0.0, dtype);
    flags.select_where(&zero, &zero.full_like(f64::NEG_INFINITY))
}

/// 0, 1, 2, … along one of two axes.
fn places(shape: [usize; 2]) -> Tensor {
    let numbers: Vec<i64> = (0..(shape[0] * shape[1]) as i64).collect();
    Tensor::from_slice(&numbers, Shape::from(shape))
}
