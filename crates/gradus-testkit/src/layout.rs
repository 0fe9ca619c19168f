//! Layouts: transposed, sliced, reversed, broadcast and empty inputs give what dense copies give.

use crate::tolerance::compare;
use crate::value::evaluate;
use crate::{Array, Case};
use gradus_base::{DType, Shape};
use gradus_graph::{Node, gradients};

pub(crate) fn verify(case: &Case) -> Result<(), String> {
    let inputs = case.sample(2);
    for dtype in [DType::F64, DType::F32] {
        if !case.dtypes_under_test().contains(&dtype) {
            continue;
        }
        for layout in [TRANSPOSED, EVERY_SECOND, REVERSED, OFFSET] {
            strided(case, &inputs, dtype, layout)
                .map_err(|e| format!("{} inputs in {dtype}: {e}", layout.0))?;
        }
        broadcast(case, &inputs, dtype).map_err(|e| format!("{e} in {dtype}"))?;
    }
    empty(case)
}

/// A name, and how to see an array's numbers through other strides.
type Layout = (&'static str, fn(&Array, DType) -> Node);

const TRANSPOSED: Layout = ("transposed", |x, dtype| {
    let rank = x.shape.rank();
    let order: Vec<usize> = (0..rank).rev().collect();
    let shape: Vec<usize> = order.iter().map(|&a| x.shape[a]).collect();
    let flip = |index: &[usize]| x.at(&index.iter().rev().copied().collect::<Vec<_>>());
    Array::from_fn(shape, flip).node(dtype).permute(&order)
});

const EVERY_SECOND: Layout =
    ("every second of the last axis of", |x, dtype| along_last(x, dtype, 2 * size(x) + 1, 1, 2));

const REVERSED: Layout =
    ("backwards along the last axis:", |x, dtype| along_last(x, dtype, size(x), size(x) - 1, -1));

const OFFSET: Layout =
    ("sliced from the third of the last axis:", |x, dtype| along_last(x, dtype, size(x) + 3, 2, 1));

fn size(x: &Array) -> usize {
    x.shape.last().copied().unwrap_or(1)
}

/// The numbers written into an axis of `room` from `start` by `step`, among others, and seen through a slice.
fn along_last(x: &Array, dtype: DType, room: usize, start: usize, step: isize) -> Node {
    let Some(axis) = x.shape.rank().checked_sub(1) else { return x.node(dtype) };
    let size = x.shape[axis];
    let mut wide = Array::from_fn(x.shape.with(axis, room), |_| 1.0);
    for (to, from) in wide.values.chunks_mut(room).zip(x.values.chunks(size.max(1))) {
        for (j, &v) in from.iter().enumerate() {
            to[(start as isize + j as isize * step) as usize] = v;
        }
    }
    wide.node(dtype).slice(axis, start, step, size)
}

fn strided(case: &Case, inputs: &[Array], dtype: DType, layout: Layout) -> Result<(), String> {
    let of = |i: usize| case.inputs[i].dtype.unwrap_or(dtype);
    let nodes: Vec<Node> = inputs.iter().enumerate().map(|(i, x)| (layout.1)(x, of(i))).collect();
    let got = Array::read(&[(case.op)(&nodes)])?.remove(0);
    let (want, out) = evaluate(case, inputs, dtype)?;
    compare(&got, &want, case.accepts(out))
}

/// Each input in turn repeated along each of its axes.
fn broadcast(case: &Case, inputs: &[Array], dtype: DType) -> Result<(), String> {
    for (i, x) in inputs.iter().enumerate() {
        for axis in 0..x.shape.rank() {
            let mut nodes = case.nodes(inputs, dtype);
            nodes[i] = nodes[i].slice(axis, 0, 1, 1).expand(x.shape);
            let copy = |index: &[usize]| {
                let mut index = index.to_vec();
                index[axis] = 0;
                x.at(&index)
            };
            let mut dense = inputs.to_vec();
            dense[i] = Array::from_fn(x.shape, copy);
            let got = Array::read(&[(case.op)(&nodes)])?.remove(0);
            let (want, out) = evaluate(case, &dense, dtype)?;
            compare(&got, &want, case.accepts(out))
                .map_err(|e| format!("input {i} broadcast along axis {axis}: {e}"))?;
        }
    }
    Ok(())
}

/// Inputs without elements: the value is what the oracle says, and gradients exist.
fn empty(case: &Case) -> Result<(), String> {
    let Some(axis) = case.empty_axis else { return Ok(()) };
    let shapes: Vec<Shape> = case.inputs.iter().map(|i| i.shape.with(axis, 0)).collect();
    let inputs: Vec<Array> = shapes.iter().map(|&s| Array::new(s, [])).collect();
    let named = |e| format!("inputs with an empty axis {axis}: {e}");
    let (got, out) = evaluate(case, &inputs, DType::F64).map_err(named)?;
    if let Some(want) = case.expected(&inputs) {
        compare(&got, &want, case.accepts(out)).map_err(named)?;
    }
    if !case.differentiable || !out.is_float() {
        return Ok(());
    }
    let x = case.nodes(&inputs, DType::F64);
    let y = (case.op)(&x);
    let found = gradients(&y, &y, &x).map_err(|e| named(e.to_string()))?;
    for dx in found.into_iter().flatten() {
        Array::read(&[dx]).map_err(named)?;
    }
    Ok(())
}
