//! y = a·b over the last two axes.   a [.., M, K]   b [.., K, N]   y [.., M, N]
//!
//! Transposed and strided operands are read in place; leading axes broadcast. Step 3 of the walk:
//! infers the shape, appends a node; nothing is computed.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

use crate::Tensor;
use crate::ops::kernel::tensors;
use gradus_base::{DType, Error, Result, Shape};
use gradus_graph::{Backward, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// A matrix product whose operands have the same leading axes.
#[derive(Debug)]
struct MatMul {
    rank: usize,
}

impl Rule for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let (a, b) = (inputs[0].shape, inputs[1].shape);
        let rank = a.rank();
        let shape = a.try_with(rank - 1, b[rank - 1])?;
        Ok(vec![Meta::new(shape, inputs[0].dtype)])
    }

    /// da = dy·bᵀ, db = aᵀ·dy
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let [a, b] = [0, 1].map(|i| Tensor::from_node(backward.inputs[i].clone()));
        let dy = Tensor::from_node(backward.dy().clone());
        let da = backward.wanted[0].then(|| dy.matmul(&b.t()).0);
        let db = backward.wanted[1].then(|| a.t().matmul(&dy).0);
        Ok(vec![da, db])
    }

    /// All products, and their sum over the inner axis.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [a, b] = tensors(inputs);
        Some(vec![(a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2).0])
    }

    fn simpler(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        crate::ops::gather::rows::product(&inputs[0], &inputs[1]).map(|y| vec![y])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![])
    }

    fn scaling(&self, axis: usize) -> Option<(usize, usize)> {
        (axis + 1 == self.rank).then_some((1, axis))
    }

    fn slices(&self, axis: usize) -> Option<Vec<Option<usize>>> {
        let (rows, columns) = (self.rank - 2, self.rank - 1);
        Some(vec![(axis != columns).then_some(axis), (axis != rows).then_some(axis)])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Box::new(cpu::OnCpu)),
            Device::Reference => {
                Some(Plain::of(|x: &[Array]| Ok(vec![reference::matmul(&x[0], &x[1])])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64 {
        let k = *inputs[0].shape.last().unwrap_or(&1);
        2 * (outputs[0].shape.len() * k) as u64
    }
}

impl Tensor {
    /// The matrix product over the last two axes.
    ///
    /// **Shape** `a [.., M, K]`, `b [.., K, N]` → `[.., M, N]`; the leading axes broadcast. A
    /// vector `[K]` counts as a row on the left and as a column on the right, and that axis is
    /// missing from the result. f16 and bf16 are multiplied and summed in f32.
    ///
    /// # Panics
    /// If the inner sizes differ, the leading axes do not broadcast, one of the two has no axes, or
    /// their types differ or are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let a = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let b = Tensor::from([[5.0f32], [6.0]]);
    /// assert_eq!(a.matmul(&b).to_vec::<f32>(), [17.0, 39.0]);
    /// ```
    #[track_caller]
    #[doc(alias("mm", "bmm", "dot"))]
    pub fn matmul(&self, b: &Tensor) -> Tensor {
        let a = self;
        if let Err(e) = check(a, b) {
            return Tensor::refuse(e);
        }
        if matches!(a.dtype(), DType::F16 | DType::BF16) {
            let wide = a.cast(DType::F32).matmul(&b.cast(DType::F32));
            return wide.cast(a.dtype());
        }
        if a.rank() == 1 {
            return a.unsqueeze(0).matmul(b).squeeze(if b.rank() == 1 { 0 } else { -2 });
        }
        if b.rank() == 1 {
            return a.matmul(&b.unsqueeze(-1)).squeeze(-1);
        }
        if b.rank() == 2 && a.rank() > 2 {
            // One matrix for the whole batch: one tall product, and one in its gradient.
            let (k, n) = (b.shape()[0], b.shape()[1]);
            let rows = a.len() / k.max(1);
            if k > 0 {
                let y = a.reshape([rows, k]).matmul(b); // [rows, n]
                return y.reshape(a.shape().with(a.rank() - 1, n));
            }
        }
        let lead = |t: &Tensor| Shape::new(&t.shape()[..t.rank() - 2]);
        let Some(batch) = Shape::broadcast(&lead(a), &lead(b)) else {
            let what = format!("the leading axes do not broadcast\n  {}", operands(a, b));
            return Tensor::refuse(Error::shape("matmul", what));
        };
        let full = |t: &Tensor| {
            let matrix = &t.shape()[t.rank() - 2..];
            t.broadcast_to(Shape::new(&[&*batch, matrix].concat()))
        };
        Tensor(call_one(MatMul { rank: batch.rank() + 2 }, &[&full(a).0, &full(b).0]))
    }
}

fn check(a: &Tensor, b: &Tensor) -> Result<()> {
    Tensor::sound([a, b])?;
    if a.dtype() != b.dtype() || !a.dtype().is_float() {
        let what = format!("a is {}, b is {}; both must be one float type", a.dtype(), b.dtype());
        return Err(Error::dtype("matmul", what));
    }
    if a.rank() == 0 || b.rank() == 0 {
        let what = format!("a scalar has no axis to sum over\n  {}", operands(a, b));
        return Err(Error::shape("matmul", what));
    }
    let (inner_a, inner_b) = (a.shape()[a.rank() - 1], b.shape()[b.rank().saturating_sub(2)]);
    if inner_a != inner_b {
        let which = if b.rank() == 1 { "only axis" } else { "second-last" };
        let what = format!(
            "the inner sizes differ\n  {}      a's last axis ({inner_a}) must equal b's {which} ({inner_b})",
            operands(a, b)
        );
        return Err(Error::shape("matmul", what));
    }
    Ok(())
}

fn operands(a: &Tensor, b: &Tensor) -> String {
    format!("a {}   b {}", a.shape(), b.shape())
}
