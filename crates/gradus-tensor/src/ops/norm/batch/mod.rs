//! Batch normalisation in training: y = (x − mean)/√(var + ε)·w + b, the statistics over all but
//! the channels.
//! x [N, C, ..], w [C], b [C] -> y, mean [C], var [C]   Ioffe & Szegedy 2015, arXiv:1502.03167
//!
//! Two ops: the statistics, in f64, and what they make of x. The second has one output, so a ReLU
//! or the other path of a residual block can ride on it. With x̂ = (x − mean)/√(var + ε) and M the
//! elements of a channel: db = Σ dy, dw = Σ dy·x̂, dx = w/√(var + ε)·(dy − db/M − x̂·dw/M), one
//! kernel, which takes in the mask of a ReLU that followed. Its own gradient goes by the
//! composition.

mod backward;
mod forward;
mod reference;
mod statistics;
#[cfg(test)]
pub(super) mod tests;
mod walk;
mod write;

pub(super) use backward::{Descent, Given, Rows as ColumnSums, Slopes};
pub(super) use forward::Normal;
pub(super) use statistics::{Rows as ColumnMoments, SCRATCH, moments};
pub(super) use walk::{Cut, Sums, Walk};
pub(super) use write::Tile;

use super::{check_channels, inverse_deviation, over_channels};
use crate::Tensor;
use crate::ops::kernel::tensors;
use gradus_base::expr::Sym;
use gradus_base::{DType, Error, Expr, Real, Result};
use gradus_graph::{Backward, Device, Kind, Meta, Node, Plain, Rule, Strategy, call, call_one};
use gradus_reference::Array;
use std::sync::Arc;

/// x → mean, var, both f64: an f32 cannot hold a mean of 1000 to a hundredth of a deviation of 0.001.
#[derive(Clone, Copy, Debug)]
struct Statistics;

/// x, w, b, and the mean and variance of x → y
#[derive(Clone, Copy, Debug)]
struct BatchNorm {
    eps: f64,
}

/// x, w, b, mean, var, dy → dx, dw, db
#[derive(Clone, Copy, Debug)]
struct BatchNormGrad {
    eps: f64,
    /// Whether a ReLU followed and dy is the gradient of its value: then the mask is part of this pass.
    relu: bool,
}

impl Rule for Statistics {
    fn name(&self) -> &'static str {
        "batch_statistics"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![Meta::new([inputs[0].shape[1]], DType::F64); 2])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x] = tensors(inputs);
        let x = by_channel(&x).cast(DType::F64);
        let mean = x.mean([0, 2]);
        let variance = (&x - over_channels(&mean, &x)).square().mean([0, 2]);
        Some(vec![mean.0, variance.0])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(statistics::OnCpu)),
            Device::Reference => Some(Plain::of(|x: &[Array]| Ok(reference::statistics(&x[0])))),
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        4 * inputs[0].shape.len() as u64
    }
}

impl Rule for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    /// Mean and variance are functions of x, so dx has their share.
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let behind = behind_relu(backward.dy(), &backward.outputs[0]);
        let dy = behind.unwrap_or(backward.dy());
        let inputs = backward.inputs.iter().chain([dy]).cloned().collect();
        let rule = BatchNormGrad { eps: self.eps, relu: behind.is_some() };
        let grads: [Node; 3] = call(Arc::new(rule), inputs);
        Ok(grads.into_iter().map(Some).chain([None, None]).collect())
    }

    /// In f64, as mean and variance are.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let all: [Tensor; 5] = tensors(inputs);
        let [x, w, b, mean, variance] = all.each_ref().map(|t| t.cast(DType::F64));
        let y = x.batch_norm_with(&mean, &variance, &w, &b, self.eps);
        Some(vec![y.cast(all[0].dtype()).0])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(forward::OnCpu(self.eps))),
            Device::Reference => {
                let eps = self.eps;
                Some(Plain::of(move |x: &[Array]| Ok(vec![reference::forward(eps, x)])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        3 * inputs[0].shape.len() as u64
    }
}

impl Rule for BatchNormGrad {
    fn name(&self) -> &'static str {
        "batch_norm_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0], inputs[1], inputs[1]])
    }

    /// Mean and variance are functions of x, so the composition, which reads x alone, has their share.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x, w, b, _, _, dy] = tensors(inputs);
        let [x, dy] = [x, dy].map(|t| by_channel(&t));
        let spread = |t: &Tensor| over_channels(t, &x);
        let centred = &x - spread(&x.mean([0, 2]));
        let scale = spread(&inverse_deviation(&centred.square().mean([0, 2]), self.eps));
        let unit = centred * &scale;
        let dy = match self.relu {
            true => (&unit * spread(&w) + spread(&b)).le(0.0).select_where(0.0, &dy),
            false => dy,
        };
        let (dw, db) = ((&dy * &unit).sum([0, 2]), dy.sum([0, 2]));
        let count = (x.len() / w.len().max(1)) as f64;
        let rest = (spread(&db) + &unit * spread(&dw)) / count;
        let dx = spread(&w) * scale * (dy - rest);
        Some(vec![dx.reshape(inputs[0].shape()).0, dw.0, db.0])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(backward::OnCpu(self))),
            Device::Reference => {
                let BatchNormGrad { eps, relu } = *self;
                Some(Plain::of(move |x: &[Array]| Ok(reference::backward(eps, relu, x))))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        10 * inputs[0].shape.len() as u64
    }
}

/// If `dy`, the gradient of `y`, is that of relu(y) with a mask on it: the gradient of relu(y).
fn behind_relu<'a>(dy: &'a Node, y: &Node) -> Option<&'a Node> {
    let is = |node: &Node, inputs: usize, f: fn(&[Sym]) -> Sym| match node.kind() {
        Kind::Pointwise(p) => *p.expr == Expr::trace(inputs, |x| vec![f(x)]),
        _ => false,
    };
    let masked = is(dy, 2, |x| Sym::select(x[0].le(Sym::constant(0.0)), Sym::constant(0.0), x[1]));
    let [value, behind] = dy.inputs() else { return None };
    let relu = is(value, 1, |x| x[0].max(Sym::constant(0.0))) && value.inputs()[0].id() == y.id();
    (masked && relu && behind.meta() == y.meta()).then_some(behind)
}

/// `[N, C, ..]` as `[N, C, L]`.
fn by_channel(x: &Tensor) -> Tensor {
    let shape = x.shape();
    x.reshape([shape[0], shape[1], shape[2..].iter().product()])
}

impl Tensor {
    /// Normalises each channel by the mean and variance of the batch, then multiplies by w and adds
    /// b. Also gives the mean and the variance (divided by the count, not by one less), to keep
    /// running averages of.
    ///
    /// **Shape** `x [N, C, ..]`, `w [C]`, `b [C]` → `[N, C, ..]`, `[C]`, `[C]`.
    ///
    /// # Panics
    /// If x has fewer than two axes or no elements, w or b is not `[C]`, or the types differ or are
    /// not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32], [3.0]]);
    /// let one = Tensor::ones([1]);
    /// let (y, mean, variance) = x.batch_norm(&one, &one, 0.0);
    /// assert_eq!(y.to_vec::<f32>(), [0.0, 2.0]); // -1 and 1, plus b
    /// assert_eq!((mean.item(), variance.item()), (2.0, 1.0));
    /// ```
    #[track_caller]
    pub fn batch_norm(&self, w: &Tensor, b: &Tensor, eps: f64) -> (Tensor, Tensor, Tensor) {
        if let Err(e) = check(self, w, b) {
            let refused = Tensor::refuse(e);
            return (refused.clone(), refused.clone(), refused);
        }
        let dtype = self.dtype();
        let (x, w, b) = (self.wide(), w.wide(), b.wide());
        let [mean, variance] = call(Arc::new(Statistics), vec![x.0.clone()]);
        let y = call_one(BatchNorm { eps }, &[&x.0, &w.0, &b.0, &mean, &variance]);
        let [mean, variance] = [mean, variance].map(|s| Tensor(s).cast(dtype));
        (Tensor(y).cast(dtype), mean, variance)
    }
}

fn check(x: &Tensor, w: &Tensor, b: &Tensor) -> Result<()> {
    check_channels("batch_norm", x, &[("w", w), ("b", b)])?;
    if x.is_empty() {
        let what = format!("a batch of shape {} has no mean", x.shape());
        return Err(Error::shape("batch_norm", what));
    }
    Ok(())
}
