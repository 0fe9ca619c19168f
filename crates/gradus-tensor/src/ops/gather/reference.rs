//! gather and scatter_add on the reference device.

use crate::ops::kernel::around;
use gradus_base::Shape;
use gradus_reference::{Array, Values};

/// y[o, j, i] = x[o, ids[o, j, i], i], or x[o, ids[j], i] with one list of indices for all rows.
pub(super) fn gather(axis: usize, x: &Array, ids: &Array) -> Result<Array, String> {
    let count = if ids.shape.rank() == 1 { ids.shape[0] } else { ids.shape[axis] };
    let shape = x.shape.with(axis, count);
    let moves = moves(axis, shape, ids, x.shape[axis])?;
    let values = match &x.values {
        Values::Real(v) => Values::Real(moves.map(|(_, at)| v[at]).collect()),
        Values::Integer(v) => Values::Integer(moves.map(|(_, at)| v[at]).collect()),
    };
    Ok(Array { shape, values })
}

/// y[o, ids[o, j, i], i] = Σⱼ x[o, j, i], in order. Integers wrap.
pub(super) fn scatter_add(
    axis: usize,
    size: usize,
    x: &Array,
    ids: &Array,
) -> Result<Array, String> {
    let shape = x.shape.with(axis, size);
    let moves = moves(axis, x.shape, ids, size)?;
    Ok(match &x.values {
        Values::Real(v) => {
            let mut y = vec![0.0; shape.len()];
            moves.for_each(|(from, to)| y[to] += v[from]);
            Array::new(shape, y)
        }
        Values::Integer(v) => {
            let mut y = vec![0i64; shape.len()];
            moves.for_each(|(from, to)| y[to] = y[to].wrapping_add(v[from]));
            Array::integers_of(shape, y)
        }
    })
}

/// For every element of `shape` its place, and the place that its index names where the axis has
/// `size`.
fn moves(
    axis: usize,
    shape: Shape,
    ids: &Array,
    size: usize,
) -> Result<impl Iterator<Item = (usize, usize)> + '_, String> {
    let shared = ids.shape.rank() == 1;
    let ids = ids.integers();
    if let Some(at) = ids.iter().position(|&id| id as u64 >= size as u64) {
        let id = ids[at];
        return Err(format!(
            "index {id} at position {at} is outside axis {axis}, whose size is {size}"
        ));
    }
    let [_, count, inner] = around(&shape, axis);
    Ok((0..shape.len()).map(move |place| {
        let (o, j, i) = (place / (count * inner), place / inner % count, place % inner);
        let id = ids[if shared { j } else { place }] as usize;
        (place, (o * size + id) * inner + i)
    }))
}
