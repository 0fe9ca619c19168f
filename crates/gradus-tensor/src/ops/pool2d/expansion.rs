//! Pooling as nodes of simpler ops: of each tap of the windows the pixels that it sees, picked row
//! by row and column by column from planes with one pixel more behind, which stands for all that a
//! window does not see.

use super::Pool2d;
use super::geometry::Windows;
use super::rule::Work;
use crate::ops::kernel::{anything, tensors};
use crate::{DType, Tensor};
use gradus_graph::{Node, gradients};

/// The outputs of a pooling step.
pub(super) fn expand(work: Work, pool: &Pool2d, inputs: &[Node]) -> Option<Vec<Node>> {
    let outputs = match work {
        Work::Max => {
            let [x] = tensors(inputs);
            max(pool, &x)
        }
        Work::Pick => {
            let [x, places] = tensors(inputs);
            vec![pick(pool, &x, &places)]
        }
        Work::MaxGradient | Work::Scatter => {
            let [dy, places] = tensors(inputs);
            vec![scatter(pool, &dy, &places)]
        }
        Work::Mean => {
            let [x] = tensors(inputs);
            vec![mean(pool, &x)]
        }
        // A mean is linear: this is the gradient of any.
        Work::MeanGradient => {
            let [dy] = tensors(inputs);
            let x = anything(pool.x_shape(), &dy);
            let found = gradients(&mean(pool, &x).0, &dy.0, &[x.0]).ok()?;
            vec![Tensor::from_node(found.into_iter().next()??)]
        }
    };
    Some(outputs.into_iter().map(|y| y.0).collect())
}

/// y and the places: tap by tap, what beats the best so far takes its place.
fn max(pool: &Pool2d, x: &Tensor) -> Vec<Tensor> {
    let size = pool.height * pool.width;
    let plane: Vec<i32> = (0..size as i32).collect();
    let plane = Tensor::from_slice(&plane, [1, 1, pool.height, pool.width]);
    let mut y = Tensor::full_of(pool.y_shape(), f64::NEG_INFINITY, x.dtype());
    let mut places = Tensor::full_of(pool.y_shape(), -1.0, DType::I32);
    let values = seen(pool, x, f64::NEG_INFINITY);
    let at = seen(pool, &plane, -1.0);
    for (value, at) in values.iter().zip(&at) {
        let at = at.broadcast_to(pool.y_shape());
        let beats = value.gt(&y).logical_or(&value.is_nan().logical_and(&y.is_nan().logical_not()));
        let takes = at.ge(0.0).logical_and(&beats.logical_or(&places.lt(0.0)));
        y = takes.select_where(value, &y);
        places = takes.select_where(&at, &places);
    }
    vec![y, places]
}

fn mean(pool: &Pool2d, x: &Tensor) -> Tensor {
    let [p, q] = pool.output();
    let windows = (0..p).flat_map(|u| (0..q).map(move |v| (u, v)));
    let divisors: Vec<f64> =
        windows.map(|(u, v)| pool.divisor(&pool.window(u, v)) as f64).collect();
    let divisors = Tensor::from_slice(&divisors, [1, 1, p, q]).cast(x.dtype());
    let none = Tensor::full_of(pool.y_shape(), 0.0, x.dtype());
    seen(pool, x, 0.0).iter().fold(none, |sum, x| sum + x) / divisors
}

/// The values of x at the places of a plane; 0 for −1.
fn pick(pool: &Pool2d, x: &Tensor, places: &Tensor) -> Tensor {
    let plane = x.reshape([pool.batch, pool.channels, pool.height * pool.width]);
    plane.pad(2, 0, 1).gather(2, &in_rows(pool, places)).reshape(places.shape())
}

/// Each value added to its place; those of −1 to a pixel behind the plane, which is cut off.
fn scatter(pool: &Pool2d, dy: &Tensor, places: &Tensor) -> Tensor {
    let size = pool.height * pool.width;
    let ids = in_rows(pool, places);
    let sums = dy.reshape(ids.shape()).scatter_add(2, &ids, size + 1);
    sums.slice(2, ..size).reshape(pool.x_shape())
}

/// The places of each plane in a row, −1 as the pixel behind the plane.
fn in_rows(pool: &Pool2d, places: &Tensor) -> Tensor {
    let (size, shape) = ((pool.height * pool.width) as f64, places.shape());
    let places = places.cast(DType::I64);
    let ids = places.eq(-1.0).select_where(size, &places);
    ids.reshape([pool.batch, pool.channels, shape[2..].iter().product()])
}

/// Of each tap what every window sees through it, `outside` where that is nothing.
fn seen(pool: &Pool2d, x: &Tensor, outside: f64) -> Vec<Tensor> {
    let more = |x: &Tensor, axis: isize| {
        let behind = x.shape().with(axis as usize, 1);
        Tensor::concat(&[x, &Tensor::full_of(behind, outside, x.dtype())], axis)
    };
    let [rows, columns] =
        [(0, pool.height), (1, pool.width)].map(|(axis, size)| taps(&pool.windows[axis], size));
    let x = more(&more(x, 2), 3);
    let row = |row: &Tensor| {
        let x = x.index_select(2, row);
        columns.iter().map(|column| x.index_select(3, column)).collect::<Vec<_>>()
    };
    rows.iter().flat_map(row).collect()
}

/// Of each tap the pixel that every window along an axis sees through it; `size` where that is
/// none.
fn taps(windows: &Windows, size: usize) -> Vec<Tensor> {
    let all: Vec<_> = (0..windows.output(size)).map(|u| windows.get(u, size)).collect();
    let most = all.iter().map(|w| w.len).max().unwrap_or(0);
    let tap = |t: usize| {
        let seen = all.iter().map(|w| if t < w.len { w.first + t * w.step } else { size });
        Tensor::from_slice(&seen.map(|at| at as i64).collect::<Vec<_>>(), [all.len()])
    };
    (0..most).map(tap).collect()
}
