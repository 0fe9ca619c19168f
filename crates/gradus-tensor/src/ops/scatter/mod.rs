//! scatter_reduce: elements of `src` joined to those of `x` at the places that indices name.
//! `x [N], ids i64 [M], src [M] -> [N]`
//!
//! `y[n] = x[n] ∘ src[j] ∘ …` over all j with `ids[j] = n`, in the order of j, where ∘ takes the later, the product, the larger or the
//! smaller. Sums are scatter_add. Everything with axes is this one on flat rows: see `indexed.rs`.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod indexed;
mod reference;
#[cfg(test)]
mod tests;

use crate::{DType, Tensor};
use gradus_base::Result;
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// What becomes of elements that meet in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scatter {
    /// The last one stays.
    Replace,
    /// Their sum.
    Add,
    /// Their product.
    Mul,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// x, ids, src → y, all flat. Not of sums.
#[derive(Clone, Copy, Debug)]
struct ScatterReduce {
    how: Scatter,
}

impl Rule for ScatterReduce {
    fn name(&self) -> &'static str {
        "scatter_reduce"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let [x, ids, src] = crate::ops::kernel::tensors(backward.inputs);
        let dy = Tensor::from_node(backward.dy().clone());
        let y = Tensor::from_node(backward.outputs[0].clone());
        let [dx, dsrc] = match self.how {
            Scatter::Replace => of_replaced(&x, &ids, &dy),
            Scatter::Mul => of_products(&x, &ids, &src, &dy),
            _ => of_extremes(&x, &ids, &src, &y, &dy),
        };
        let wanted = |i: usize, d: Tensor| backward.wanted[i].then_some(d.0);
        Ok(vec![wanted(0, dx), None, wanted(2, dsrc)])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![("how", Setting::Sizes(vec![self.how as usize]))])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let how = self.how;
        match device {
            Device::Cpu => Some(Dense::of(move |spec| cpu::kernel(how, spec))),
            Device::Reference => Some(Plain::of(move |x: &[Array]| {
                Ok(vec![reference::scatter(how, &x[0], &x[1], &x[2])?])
            })),
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[1].shape.len() as u64
    }
}

/// Where nothing was written the gradient is x's, elsewhere that of the last one written.
fn of_replaced(x: &Tensor, ids: &Tensor, dy: &Tensor) -> [Tensor; 2] {
    let number: Vec<i64> = (0..ids.len() as i64).collect();
    let number = Tensor::from_slice(&number, [ids.len()]);
    let none = Tensor::full_of([x.len()], -1.0, DType::I64);
    let last = flat(Scatter::Replace, &none, ids, &number);
    let dx = last.lt(0.0).select_where(dy, &dy.zeros_like());
    let taken = dy.index_select(0, ids);
    let stays = last.index_select(0, ids).eq(&number);
    [dx, stays.select_where(&taken, &taken.zeros_like())]
}

/// Each factor's is the product of the others, also where one of them is 0.
fn of_products(x: &Tensor, ids: &Tensor, src: &Tensor, dy: &Tensor) -> [Tensor; 2] {
    let is_zero = |t: &Tensor| t.eq(0.0);
    let or_one = |t: &Tensor| is_zero(t).select_where(&t.ones_like(), t);
    let count = |t: &Tensor| is_zero(t).cast(DType::I64);
    let zeros = count(x) + count(src).scatter_add(0, ids, x.len());
    let product = flat(Scatter::Mul, &or_one(x), ids, &or_one(src));
    // What is left of the product without one factor, whether that one is 0 or not.
    let nothing = product.zeros_like();
    let if_not = zeros.eq(0.0).select_where(&product, &nothing) * dy;
    let if_zero = zeros.eq(1.0).select_where(&product, &nothing) * dy;
    let of = |t: &Tensor, if_not: &Tensor, if_zero: &Tensor| {
        is_zero(t).select_where(if_zero, &(if_not / or_one(t)))
    };
    let at = |t: &Tensor| t.index_select(0, ids);
    [of(x, &if_not, &if_zero), of(src, &at(&if_not), &at(&if_zero))]
}

/// Those that are the extreme share its gradient.
fn of_extremes(x: &Tensor, ids: &Tensor, src: &Tensor, y: &Tensor, dy: &Tensor) -> [Tensor; 2] {
    let same = |a: &Tensor, b: &Tensor| a.eq(b).cast(dy.dtype());
    let own = same(x, y);
    let theirs = same(src, &y.index_select(0, ids));
    let count = &own + theirs.scatter_add(0, ids, x.len());
    let share = dy / count;
    [own * &share, theirs * share.index_select(0, ids)]
}

/// Flat rows of one type.
#[track_caller]
fn flat(how: Scatter, x: &Tensor, ids: &Tensor, src: &Tensor) -> Tensor {
    Tensor(call_one(ScatterReduce { how }, &[&x.0, &ids.0, &src.0]))
}
