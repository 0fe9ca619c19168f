//! Layouts: transposed, sliced, reversed, broadcast and empty inputs give what dense copies give.

use crate::Array;
use crate::session::Session;
use gradus_base::{DType, Shape};
use gradus_graph::{Node, gradients, try_build};

pub(crate) fn verify(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    let inputs = case.sample(2);
    for dtype in [DType::F64, DType::F32] {
        if !case.dtypes_under_test().contains(&dtype) {
            continue;
        }
        for layout in LAYOUTS {
            strided(session, &inputs, dtype, layout)
                .map_err(|e| format!("{} inputs in {dtype}: {e}", layout.0))?;
        }
        broadcast(session, &inputs, dtype).map_err(|e| format!("{e} in {dtype}"))?;
    }
    let axis = |axis: usize| case.inputs.iter().map(|i| i.shape.with(axis, 0)).collect();
    let by_axis = case.empty_axis.map(axis);
    for shapes in by_axis.iter().chain(&case.empty) {
        empty(session, shapes).map_err(|e| format!("inputs of shapes {}: {e}", listed(shapes)))?;
    }
    case.refused.iter().try_for_each(|(shapes, says)| refused(session, shapes, says))
}

const LAYOUTS: [Layout; 6] =
    [TRANSPOSED, EVERY_SECOND, REVERSED, OFFSET, CHANNELS_INNERMOST, BATCH_INNERMOST];

/// A name, and how to see an array's numbers through other strides.
type Layout = (&'static str, fn(&Array, DType) -> Node);

const TRANSPOSED: Layout =
    ("transposed", |x, dtype| stored(x, dtype, &(0..x.shape.rank()).rev().collect::<Vec<_>>()));

/// Axis 1 innermost in memory, as images lie for some kernels.
const CHANNELS_INNERMOST: Layout = ("channels-innermost", |x, dtype| {
    let rank = x.shape.rank();
    if rank < 3 {
        return x.node(dtype);
    }
    stored(x, dtype, &std::iter::once(0).chain(2..rank).chain([1]).collect::<Vec<_>>())
});

/// Axis 0 innermost in memory.
const BATCH_INNERMOST: Layout = ("batch-innermost", |x, dtype| {
    let rank = x.shape.rank();
    stored(x, dtype, &(1..rank).chain((rank > 0).then_some(0)).collect::<Vec<_>>())
});

/// The numbers lying in memory with the axes in this order, outermost first.
fn stored(x: &Array, dtype: DType, order: &[usize]) -> Node {
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &axis)| inverse[axis] = place);
    let shape: Vec<usize> = order.iter().map(|&axis| x.shape[axis]).collect();
    let moved = |index: &[usize]| x.at(&inverse.iter().map(|&p| index[p]).collect::<Vec<_>>());
    Array::from_fn(shape, moved).node(dtype).permute(&inverse)
}

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

fn strided(
    session: &Session<'_>,
    inputs: &[Array],
    dtype: DType,
    layout: Layout,
) -> Result<(), String> {
    let of = |i: usize| session.case.inputs[i].dtype.unwrap_or(dtype);
    let nodes: Vec<Node> = inputs.iter().enumerate().map(|(i, x)| (layout.1)(x, of(i))).collect();
    same(session, &nodes, inputs, dtype)
}

/// The op gives for nodes what it gives for dense copies of their numbers.
fn same(
    session: &Session<'_>,
    nodes: &[Node],
    dense: &[Array],
    dtype: DType,
) -> Result<(), String> {
    let want: Vec<Array> = session.evaluate(dense, dtype)?.into_iter().map(|y| y.0).collect();
    session.compare(&session.values(nodes)?, &want)
}

/// Each input in turn repeated along each of its axes.
fn broadcast(session: &Session<'_>, inputs: &[Array], dtype: DType) -> Result<(), String> {
    for (i, x) in inputs.iter().enumerate() {
        for axis in 0..x.shape.rank() {
            let mut nodes = session.case.nodes(inputs, dtype);
            nodes[i] = nodes[i].slice(axis, 0, 1, 1).expand(x.shape);
            let copy = |index: &[usize]| {
                let mut index = index.to_vec();
                index[axis] = 0;
                x.at(&index)
            };
            let mut dense = inputs.to_vec();
            dense[i] = Array::from_fn(x.shape, copy);
            same(session, &nodes, &dense, dtype)
                .map_err(|e| format!("input {i} broadcast along axis {axis}: {e}"))?;
        }
    }
    Ok(())
}

/// Inputs without elements: the value is what the oracle says, and gradients exist.
fn empty(session: &Session<'_>, shapes: &[Shape]) -> Result<(), String> {
    let case = session.case;
    let inputs = case.drawn(shapes);
    let got = session.evaluate(&inputs, DType::F64)?;
    if let Some(want) = case.expected(&inputs) {
        session.compare(&got, &want)?;
    }
    if !case.differentiable {
        return Ok(());
    }
    let x = case.nodes(&inputs, DType::F64);
    for y in (case.op)(&x).iter().filter(|y| y.dtype().is_float()) {
        for dx in gradients(y, y, &x).map_err(|e| e.to_string())?.into_iter().flatten() {
            session.read(&[dx])?;
        }
    }
    Ok(())
}

/// Inputs of these shapes end in an error, of the build or of the run, with these words.
fn refused(session: &Session<'_>, shapes: &[Shape], says: &str) -> Result<(), String> {
    let nodes = session.case.nodes(&session.case.drawn(shapes), DType::F64);
    let found = try_build(|| (session.case.op)(&nodes)).map_err(|e| e.to_string());
    match found.and_then(|y| session.read(&y)) {
        Err(e) if e.contains(says) => Ok(()),
        Err(e) => Err(format!("shapes {} are refused without {says:?}: {e}", listed(shapes))),
        Ok(_) => Err(format!("shapes {} are not refused", listed(shapes))),
    }
}

fn listed(shapes: &[Shape]) -> String {
    shapes.iter().map(Shape::to_string).collect::<Vec<_>>().join(" ")
}
