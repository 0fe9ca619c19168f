//! Views, concatenation and repetition as operators. Sizes that grow with the batch stay open.

use super::trace::{Extent, seen};
use super::writer::{ValueRef, Writer};
use crate::{Error, Result};
use gradus_graph::{Node, ViewOp};
use gradus_io::onnx::Attribute;

pub(super) fn view(w: &mut Writer<'_>, node: &Node, view: &ViewOp) -> Result<ValueRef> {
    let x = seen(&node.inputs()[0]);
    let (from, to) = (w.sizes(&x)?, w.sizes(node)?);
    let value = w.value(&x)?;
    match view {
        ViewOp::Reshape => Ok(reshape(w, value, &from, &to)),
        ViewOp::Permute(order) => {
            let order = Attribute::ints("perm", order.iter().map(|&a| a as i64));
            Ok(w.add("Transpose", &[value], vec![order]))
        }
        ViewOp::Expand => Ok(expand(w, value, &from, &to)),
        ViewOp::Slice { axis, start, step } => {
            let (size, len) = (x.shape()[*axis] as isize, node.shape()[*axis] as isize);
            let last = *start as isize + (len - 1) * step;
            let end = match () {
                // To the end, wherever that is.
                () if *step > 0 && last + step >= size => i64::MAX,
                () if *step < 0 && last + step < 0 => i64::MIN + 1,
                () if matches!(to[*axis], Extent::Batches(_)) => {
                    return Err(Error::new("cuts off an end that moves with the batch"));
                }
                () => (last + step.signum()) as i64,
            };
            let args = [*start as i64, end, *axis as i64, *step as i64].map(|n| w.ints(&[n]));
            Ok(w.add("Slice", &[value, args[0], args[1], args[2], args[3]], vec![]))
        }
    }
}

/// The elements in another shape. What grows with the batch is kept (0), worked out from the rest (−1) or, where that leaves
/// two such axes, computed.
pub(crate) fn reshape(w: &mut Writer<'_>, x: ValueRef, from: &[Extent], to: &[Extent]) -> ValueRef {
    if let ([rows, _, _, ..], [kept, Extent::Fixed(_)]) = (from, to)
        && rows == kept
        && *rows != Extent::Fixed(0)
    {
        return w.add("Flatten", &[x], vec![Attribute::int("axis", 1)]);
    }
    if to.contains(&Extent::Fixed(0)) {
        // Else a 0 stands for a size that is kept.
        let shape = shape(w, to);
        return w.add("Reshape", &[x, shape], vec![Attribute::int("allowzero", 1)]);
    }
    let mut open = 0;
    let sizes = to.iter().enumerate().map(|(i, size)| match size {
        Extent::Fixed(n) => *n as i64,
        Extent::Batches(_) if from.get(i) == Some(size) => 0,
        Extent::Batches(_) => {
            open += 1;
            -1
        }
    });
    let sizes: Vec<i64> = sizes.collect();
    let shape = if open <= 1 { w.ints(&sizes) } else { shape(w, to) };
    w.add("Reshape", &[x, shape], vec![])
}

/// Repeated to a shape; sizes that are there already need not be said.
pub(crate) fn expand(w: &mut Writer<'_>, x: ValueRef, from: &[Extent], to: &[Extent]) -> ValueRef {
    let lead = to.len() - from.len();
    let new = |(i, size): (usize, &Extent)| match i.checked_sub(lead).map(|i| from[i]) {
        Some(old) if old == *size => Extent::Fixed(1),
        _ => *size,
    };
    let sizes: Vec<Extent> = to.iter().enumerate().map(new).collect();
    let shape = shape(w, &sizes);
    w.add("Expand", &[x, shape], vec![])
}

/// Sizes as a list of integers, computed from the batch's size where they depend on it.
fn shape(w: &mut Writer<'_>, sizes: &[Extent]) -> ValueRef {
    let number = |e: &Extent| match *e {
        Extent::Fixed(n) => Some(n as i64),
        Extent::Batches(_) => None,
    };
    if let Some(all) = sizes.iter().map(number).collect::<Option<Vec<i64>>>() {
        return w.ints(&all);
    }
    let parts = sizes.iter().map(|size| match *size {
        Extent::Fixed(n) => w.ints(&[n as i64]),
        Extent::Batches(1) => ValueRef::BatchSize,
        Extent::Batches(times) => {
            let times = w.ints(&[times as i64]);
            w.add("Mul", &[ValueRef::BatchSize, times], vec![])
        }
    });
    let parts: Vec<ValueRef> = parts.collect();
    w.add("Concat", &parts, vec![Attribute::int("axis", 0)])
}

/// Pieces one after the other, or one with zeros around it.
pub(super) fn assemble(
    w: &mut Writer<'_>,
    node: &Node,
    axis: usize,
    pieces: &[(usize, isize)],
) -> Result<ValueRef> {
    let inputs: Vec<Node> = node.inputs().iter().map(seen).collect();
    let mut end = 0;
    let in_a_row = inputs.iter().zip(pieces).all(|(x, &(start, step))| {
        let fits = start == end && (step == 1 || x.shape()[axis] <= 1);
        end += x.shape()[axis];
        fits
    });
    let size = node.shape()[axis];
    if in_a_row && end == size {
        let values = inputs.iter().map(|x| w.value(x)).collect::<Result<Vec<_>>>()?;
        return Ok(w.add("Concat", &values, vec![Attribute::int("axis", axis as i64)]));
    }
    if let ([x], &[(start, 1)]) = (&inputs[..], pieces)
        && matches!(w.sizes(node)?[axis], Extent::Fixed(_))
    {
        let value = w.value(x)?;
        let rank = node.shape().rank();
        let mut pads = vec![0; 2 * rank];
        pads[axis] = start as i64;
        pads[rank + axis] = (size - start - x.shape()[axis]) as i64;
        let pads = w.ints(&pads);
        return Ok(w.add("Pad", &[value, pads], vec![]));
    }
    Err(Error::new("spreads elements among zeros, which has no counterpart in ONNX"))
}
