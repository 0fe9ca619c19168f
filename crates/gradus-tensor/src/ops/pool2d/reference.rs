//! Pooling on the reference device.

use super::Pool2d;
use super::rule::Work;
use gradus_reference::Array;

/// The outputs of a pooling step.
pub(super) fn pooling(work: Work, pool: &Pool2d, x: &[Array]) -> Result<Vec<Array>, String> {
    Ok(match work {
        Work::Max => max(pool, &x[0]),
        Work::Pick => vec![pick(pool, &x[0], &x[1])?],
        Work::MaxGradient | Work::Scatter => vec![scatter(pool, &x[0], &x[1])?],
        Work::Mean => vec![mean(pool, &x[0])],
        Work::MeanGradient => vec![mean_gradient(pool, &x[0])],
    })
}

/// The largest value of each window and its place h·W + w: the first of equals, a NaN before any
/// number; −∞ and −1 of no pixels.
fn max(pool: &Pool2d, x: &Array) -> Vec<Array> {
    let (mut y, mut places) = (vec![], vec![]);
    each_window(pool, |_, plane, pixels, _| {
        let of = |at: usize| x.reals()[plane + at];
        let beats = |a: f64, b: f64| a > b || (a.is_nan() && !b.is_nan());
        let best = pixels.reduce(|best, at| if beats(of(at), of(best)) { at } else { best });
        y.push(best.map_or(f64::NEG_INFINITY, of));
        places.push(best.map_or(-1, |at| at as i64));
    });
    vec![Array::new(pool.y_shape(), y), Array::integers_of(pool.y_shape(), places)]
}

/// The value of x at each place of its plane; 0 for −1.
fn pick(pool: &Pool2d, x: &Array, places: &Array) -> Result<Array, String> {
    let found = found(pool, places)?;
    let y = found.map(|at| at.map_or(0.0, |at| x.reals()[at])).collect();
    Ok(Array::new(places.shape, y))
}

/// The sum of the values that have a place in their plane.
fn scatter(pool: &Pool2d, dy: &Array, places: &Array) -> Result<Array, String> {
    let mut dx = vec![0.0; pool.x_shape().len()];
    for (at, dy) in found(pool, places)?.zip(dy.reals()) {
        if let Some(at) = at {
            dx[at] += dy;
        }
    }
    Ok(Array::new(pool.x_shape(), dx))
}

/// y = the mean of each window; NaN of no pixels.
fn mean(pool: &Pool2d, x: &Array) -> Array {
    let mut y = vec![];
    each_window(pool, |_, plane, pixels, divisor| {
        y.push(pixels.map(|at| x.reals()[plane + at]).sum::<f64>() / divisor);
    });
    Array::new(pool.y_shape(), y)
}

/// dx = Σ dy / divisor over the windows that see a pixel.
fn mean_gradient(pool: &Pool2d, dy: &Array) -> Array {
    let mut dx = vec![0.0; pool.x_shape().len()];
    each_window(pool, |window, plane, pixels, divisor| {
        pixels.for_each(|at| dx[plane + at] += dy.reals()[window] / divisor);
    });
    Array::new(pool.x_shape(), dx)
}

/// Where in x each place lies; `None` for −1.
fn found<'a>(
    pool: &Pool2d,
    places: &'a Array,
) -> Result<impl Iterator<Item = Option<usize>> + 'a, String> {
    let size = pool.height * pool.width;
    let within = |&at: &i64| at >= -1 && at < size as i64;
    if let Some(bad) = places.integers().iter().find(|at| !within(at)) {
        return Err(format!("index {bad} is outside a plane of {size} pixels"));
    }
    let windows: usize = places.shape[2..].iter().product();
    let place =
        move |(i, &at): (usize, &i64)| usize::try_from(at).ok().map(|at| i / windows * size + at);
    Ok(places.integers().iter().enumerate().map(place))
}

/// Visits every window of every plane: its number, where the plane begins in x, where its pixels
/// lie in the plane, and what a mean divides by.
fn each_window(
    pool: &Pool2d,
    mut visit: impl FnMut(usize, usize, &mut dyn Iterator<Item = usize>, f64),
) {
    let [p, q] = pool.output();
    for plane in 0..pool.batch * pool.channels {
        for (u, v) in (0..p).flat_map(|u| (0..q).map(move |v| (u, v))) {
            let window = pool.window(u, v);
            let columns = || window[1].pixels();
            let mut pixels =
                window[0].pixels().flat_map(|h| columns().map(move |w| h * pool.width + w));
            let divisor = pool.divisor(&window) as f64;
            let first = plane * pool.height * pool.width;
            visit((plane * p + u) * q + v, first, &mut pixels, divisor);
        }
    }
}
