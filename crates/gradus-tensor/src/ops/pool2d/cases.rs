//! What pooling is checked with: windows written out pixel by pixel.

use super::Pool;
use crate::ops::{check, check_all};
use crate::{DType, Tensor};
use gradus_testkit::{Array, Case, Species};

/// Per window the pixels it sees, and how many pixels of image and padding it covers.
type Seen = Vec<(Vec<usize>, usize)>;
/// The windows along an axis (0 rows, 1 columns) of so many pixels.
type Windows = fn(&Pool, usize, usize) -> Seen;

/// More images than channels, and fewer: lanes of either.
const IMAGES: [usize; 4] = [3, 2, 7, 6];
const CHANNELS: [usize; 4] = [2, 9, 5, 6];

pub(crate) fn cases() -> Vec<Case> {
    let overlapping = Pool::new(3).stride(2).padding(1);
    let spread = Pool { dilation: [2, 1], ..Pool::new(2).stride(1) };
    let outside = Pool { count_include_pad: false, ..overlapping.ceil() };
    let uneven = Pool { kernel: [2, 3], padding: [[1, 0], [0, 1]], ..Pool::new(2) };
    // Of these only the sizes count, as those of the output.
    let adaptive = Pool { kernel: [3, 4], ..Pool::new(1) };
    vec![
        max("max_pool2d", IMAGES, Pool::new(2), sliding, with_indices)
            .empty(&[&[2, 0, 4, 4]])
            .refuses(&[&[2, 3, 1, 6]], "max_pool2d"),
        max("max_pool2d, overlapping", CHANNELS, overlapping, sliding, with_indices),
        max("max_pool2d, dilated", IMAGES, spread, sliding, with_indices),
        max("max_pool2d, ceil", CHANNELS, uneven.ceil(), sliding, with_indices),
        adaptive_max(adaptive),
        mean("mean_pool2d", IMAGES, Pool::new(2), sliding, Tensor::mean_pool2d)
            .refuses(&[&[2, 3, 1, 6]], "mean_pool2d"),
        mean("mean_pool2d, overlapping", CHANNELS, overlapping, sliding, Tensor::mean_pool2d),
        mean("mean_pool2d, without padding", IMAGES, outside, sliding, Tensor::mean_pool2d),
        mean("mean_pool2d, uneven", CHANNELS, uneven, sliding, Tensor::mean_pool2d),
        mean("adaptive_mean_pool2d", IMAGES, adaptive, equal, |x, p| {
            x.adaptive_mean_pool2d(p.kernel)
        }),
        unpool(),
    ]
}

fn with_indices(x: &Tensor, pool: Pool) -> (Tensor, Tensor) {
    x.max_pool2d_with_indices(pool)
}

fn max(
    name: &str,
    shape: [usize; 4],
    pool: Pool,
    windows: Windows,
    op: fn(&Tensor, Pool) -> (Tensor, Tensor),
) -> Case {
    let case = check_all(name, move |x| <[Tensor; 2]>::from(op(&x[0], pool)).into());
    let case = case.input(shape, -4.0..4.0).apart().species(Species::Reduction);
    case.oracles_of(move |x| maxima(&x[0], &pool, windows).into())
}

fn adaptive_max(pool: Pool) -> Case {
    let case = check("adaptive_max_pool2d", move |x| x[0].adaptive_max_pool2d(pool.kernel));
    let case = case.input(CHANNELS, -4.0..4.0).apart().species(Species::Reduction);
    case.oracle_of(move |x| maxima(&x[0], &pool, equal)[0].clone())
}

/// The largest value of each window and its place in the plane, the first of equals.
fn maxima(x: &Array, pool: &Pool, windows: Windows) -> [Array; 2] {
    let width = x.shape[3];
    let best = |pixels: Vec<([usize; 2], f64)>| {
        let larger = |a: ([usize; 2], f64), b: ([usize; 2], f64)| if b.1 > a.1 { b } else { a };
        pixels.into_iter().reduce(larger).expect("a pixel")
    };
    [
        pooled(x, pool, windows, |pixels, _| best(pixels).1),
        pooled(x, pool, windows, move |pixels, _| {
            let [h, w] = best(pixels).0;
            (h * width + w) as f64
        }),
    ]
}

fn mean(
    name: &str,
    shape: [usize; 4],
    pool: Pool,
    windows: Windows,
    op: fn(&Tensor, Pool) -> Tensor,
) -> Case {
    let case = check(name, move |x| op(&x[0], pool)).input(shape, -1.0..1.0);
    case.species(Species::Reduction).oracle_of(move |x| {
        pooled(&x[0], &pool, windows, |pixels, covered| {
            let count = if pool.count_include_pad { covered } else { pixels.len() };
            pixels.iter().map(|p| p.1).sum::<f64>() / count as f64
        })
    })
}

/// Values that meet in a place are added.
fn unpool() -> Case {
    let case = check("max_unpool2d", |x| x[0].max_unpool2d(&x[1], [4, 6]));
    let case = case.input([2, 3, 2, 3], -1.0..1.0).typed([2, 3, 2, 3], DType::I32, 0..24);
    case.species(Species::Reduction)
        .refuses(&[&[2, 3, 2, 3], &[2, 3, 2, 2]], "expected i32 of the same shape")
        .oracle_of(|x| {
            let [n, c] = [x[0].shape[0], x[0].shape[1]];
            let mut y = Array::from_fn([n, c, 4, 6], |_| 0.0);
            for (i, (v, place)) in x[0].values.iter().zip(&x[1].values).enumerate() {
                y.values[i / 6 * 24 + *place as usize] += v;
            }
            y
        })
}

/// `f` of the pixels of each window, with their places, and of how many the window covers.
fn pooled(
    x: &Array,
    pool: &Pool,
    windows: Windows,
    f: impl Fn(Vec<([usize; 2], f64)>, usize) -> f64,
) -> Array {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape[a]);
    let [rows, columns] = [windows(pool, 0, h), windows(pool, 1, w)];
    Array::from_fn([n, c, rows.len(), columns.len()], |at| {
        let ((down, height), (across, width)) = (&rows[at[2]], &columns[at[3]]);
        let places = down.iter().flat_map(|&h| across.iter().map(move |&w| [h, w]));
        f(places.map(|[h, w]| ([h, w], x.at(&[at[0], at[1], h, w]))).collect(), height * width)
    })
}

/// Every `stride` pixels a window of `kernel` taps.
fn sliding(pool: &Pool, axis: usize, size: usize) -> Seen {
    let [before, after] = pool.padding[axis].map(|pixels| pixels as isize);
    let (stride, dilation) = (pool.stride[axis] as isize, pool.dilation[axis] as isize);
    let (kernel, size) = (pool.kernel[axis] as isize, size as isize);
    let last_start = if pool.ceil { size - 1 } else { size + after - dilation * (kernel - 1) - 1 };
    let mut seen: Seen = vec![];
    let mut start = -before;
    while start <= last_start {
        let taps = (0..kernel).map(|k| start + k * dilation);
        let covered = taps.clone().filter(|&at| at < size + after).count();
        seen.push((
            taps.filter_map(|at| usize::try_from(at).ok().filter(|&at| at < size as usize))
                .collect(),
            covered,
        ));
        // With `ceil` the last window is the first that reaches the end.
        if pool.ceil && start + dilation * (kernel - 1) >= size + after - 1 {
            break;
        }
        start += stride;
    }
    seen
}

/// ⌊u·size/output⌋ .. ⌈(u + 1)·size/output⌉
fn equal(pool: &Pool, axis: usize, size: usize) -> Seen {
    let output = pool.kernel[axis];
    let window = |u: usize| (u * size / output..((u + 1) * size).div_ceil(output)).collect();
    (0..output).map(window).map(|pixels: Vec<usize>| (pixels.clone(), pixels.len())).collect()
}
