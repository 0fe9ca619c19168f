//! Reading between elements: grid_sample, and the grids of affine maps.
//! x [N, C, D..], grid [N, P.., k] -> [N, C, P..]
//!
//! A composition: around each point some elements are picked and weighed, so that gradients go to the elements and to the points.

use crate::{DType, Shape, Tensor};
use gradus_base::{Error, Result};

/// What elements around a point are joined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// The nearest one; of two equally near the one at an even place.
    Nearest,
    /// Two on each axis, by their nearness.
    Linear,
    /// Four on each axis, by Keys' cubic kernel with a = −0.75.
    Cubic,
}

/// What lies beyond the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Zeros.
    Zeros,
    /// The last element, on and on.
    Border,
    /// The elements in reverse, and so on.
    Reflection,
}

impl Tensor {
    /// Reads this tensor at points: each is a place on every axis behind the channels, the last axis first, −1 at one end and 1 at the
    /// other; the ends are the middles of the outermost elements with `align_corners`, else their outer edges.
    ///
    /// **Shape** `x [N, C, D..]`, `grid [N, P.., k]` with one of k for each of D → `[N, C, P..]`. Points and elements have gradients.
    ///
    /// # Panics
    /// If the shapes do not go together, an axis behind the channels has no elements, or one of both is no float.
    ///
    /// ```
    /// use gradus_tensor::{Beyond, Sampling, Tensor};
    /// let x = Tensor::from([[[1.0f32, 3.0], [5.0, 7.0]]]).unsqueeze(0);
    /// let grid = Tensor::from([[[0.0f32, 0.0], [1.0, -1.0]]]).unsqueeze(0);
    /// let y = x.grid_sample(&grid, Sampling::Linear, Beyond::Border, true);
    /// assert_eq!(y.to_vec::<f32>(), [4.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn grid_sample(
        &self,
        grid: &Tensor,
        sampling: Sampling,
        beyond: Beyond,
        align_corners: bool,
    ) -> Tensor {
        if let Err(e) = check_grid(self, grid) {
            return Tensor::refuse(e);
        }
        let (shape, k) = (self.shape(), self.rank() - 2);
        let points = &grid.shape()[1..grid.rank() - 1];
        let count: usize = points.iter().product();
        let place = |axis: usize| {
            let size = shape[2 + axis] as f64;
            let at = grid.select(-1, k - 1 - axis).reshape([shape[0], count]);
            let at = at.cast(at.dtype().compute());
            if align_corners {
                (at + 1.0) * ((size - 1.0) / 2.0)
            } else {
                ((at + 1.0) * size - 1.0) * 0.5
            }
        };
        let places: Vec<Tensor> = (0..k).map(place).collect();
        let y = sample(self, &places, sampling, beyond, align_corners);
        let sizes = [&shape[..2], points].concat();
        y.reshape(Shape::new(&sizes)).cast(self.dtype())
    }

    /// The points that an affine map sends those of a regular grid to, as [`Tensor::grid_sample`] takes them.
    ///
    /// **Shape** `theta [N, k, k + 1]`, sizes of k axes, 2 or 3 → `[N, sizes.., k]`. The map takes (x, y, 1), the last axis first.
    ///
    /// # Panics
    /// If `theta` has another shape or is no float.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let same = Tensor::from([[[1.0f32, 0.0, 0.0], [0.0, 1.0, 0.0]]]);
    /// let grid = same.affine_grid(&[1, 2], true);
    /// assert_eq!(grid.to_vec::<f32>(), [-1.0, -1.0, 1.0, -1.0]);
    /// ```
    #[track_caller]
    pub fn affine_grid(&self, sizes: &[usize], align_corners: bool) -> Tensor {
        let (shape, k) = (self.shape(), sizes.len());
        if !(2..=3).contains(&k) || self.rank() != 3 || shape[1..] != [k, k + 1] {
            let what =
                format!("maps {shape} for sizes {sizes:?}; expected [N, k, k + 1] of k axes");
            return Tensor::refuse(Error::shape("affine_grid", what));
        }
        if !self.dtype().is_float() {
            return Tensor::refuse(Error::dtype("affine_grid", format!("maps {}", self.dtype())));
        }
        let count: usize = sizes.iter().product();
        let mut points = Vec::with_capacity(count * (k + 1));
        for p in 0..count {
            let mut left = p;
            let mut point = vec![1.0; k + 1];
            for axis in (0..k).rev() {
                let (i, size) = ((left % sizes[axis]) as f64, sizes[axis] as f64);
                left /= sizes[axis];
                point[k - 1 - axis] = match align_corners {
                    true if sizes[axis] == 1 => -1.0,
                    true => 2.0 * i / (size - 1.0) - 1.0,
                    false => (2.0 * i + 1.0) / size - 1.0,
                };
            }
            points.extend(point);
        }
        let points = Tensor::from_slice(&points, [count, k + 1]).cast(self.dtype());
        let moved = points.matmul(&self.transpose(1, 2));
        moved.reshape(Shape::new(&[&[shape[0]], sizes, &[k]].concat()))
    }
}

fn check_grid(x: &Tensor, grid: &Tensor) -> Result<()> {
    Tensor::sound([x, grid])?;
    let (a, b) = (x.shape(), grid.shape());
    let axes = x.rank().saturating_sub(2);
    if axes == 0 || b.rank() < 2 || b[0] != a[0] || b[b.rank() - 1] != axes {
        let what = format!("x {a}, grid {b}; expected [N, .., {axes}]");
        return Err(Error::shape("grid_sample", what));
    }
    if a[2..].contains(&0) {
        return Err(Error::shape("grid_sample", format!("x {a} has nothing to read")));
    }
    if !x.dtype().is_float() || !grid.dtype().is_float() {
        let what = format!("x {}, grid {}; expected floats", x.dtype(), grid.dtype());
        return Err(Error::dtype("grid_sample", what));
    }
    Ok(())
}

/// Elements of one axis around points: their places, and their shares.
struct Tap {
    at: Tensor,
    share: Option<Tensor>,
}

/// x [N, C, D..] at places [N, P] on each axis, counted from the middle of the first element: [N, C, P], in the type that is
/// computed in. `corners` says whether reflection is at the outermost middles or at the edges.
pub(crate) fn sample(
    x: &Tensor,
    places: &[Tensor],
    sampling: Sampling,
    beyond: Beyond,
    corners: bool,
) -> Tensor {
    let shape = x.shape();
    let sizes = &shape[2..];
    let pixels: usize = sizes.iter().product();
    let count = places[0].shape()[1];
    let x = x.cast(x.dtype().compute());
    // Every element's channels are one row.
    let rows = x.reshape([shape[0], shape[1], pixels]).permute([0, 2, 1]);
    let rows = rows.reshape([shape[0] * pixels, shape[1]]);
    let first: Vec<i64> = (0..shape[0]).map(|n| (n * pixels) as i64).collect();
    let first = Tensor::from_slice(&first, [shape[0], 1]);
    let taps: Vec<Vec<Tap>> = places
        .iter()
        .zip(sizes)
        .map(|(at, &size)| taps(at, size, sampling, beyond, corners))
        .collect();
    let combinations: usize = taps.iter().map(Vec::len).product();
    let mut sum: Option<Tensor> = None;
    for combination in 0..combinations {
        let (mut left, mut at, mut share) = (combination, first.clone(), None::<Tensor>);
        let mut stride = pixels;
        for (taps, &size) in taps.iter().zip(sizes) {
            stride /= size;
            let tap = &taps[left % taps.len()];
            left /= taps.len();
            at += &tap.at * Tensor::scalar(stride as i64);
            share = match (share, &tap.share) {
                (Some(a), Some(b)) => Some(a * b),
                (a, b) => a.or_else(|| b.clone()),
            };
        }
        let at = at.broadcast_to([shape[0], count]).reshape([shape[0] * count]);
        let picked = rows.index_select(0, &at);
        let part = match share {
            Some(share) => picked * share.cast(x.dtype()).reshape([shape[0] * count, 1]),
            None => picked,
        };
        sum = Some(match sum {
            Some(sum) => sum + part,
            None => part,
        });
    }
    let y = sum.unwrap_or_else(|| rows.clone());
    y.reshape([shape[0], count, shape[1]]).permute([0, 2, 1])
}

fn taps(at: &Tensor, size: usize, sampling: Sampling, beyond: Beyond, corners: bool) -> Vec<Tap> {
    let last = size as f64 - 1.0;
    let within = |x: &Tensor| match beyond {
        Beyond::Zeros => x.clone(),
        Beyond::Border => x.clamp(0.0, last),
        Beyond::Reflection => reflected(x, size, corners).clamp(0.0, last),
    };
    let tap = |place: &Tensor, share: Option<Tensor>| {
        let inside = place.ge(0.0).logical_and(&place.le(last));
        let at = place.clamp(0.0, last).cast(DType::I64);
        let one = || place.ones_like();
        let share = match beyond {
            Beyond::Zeros => {
                let share = share.unwrap_or_else(one);
                Some(inside.select_where(&share, &share.zeros_like()))
            }
            _ => share,
        };
        Tap { at, share }
    };
    match sampling {
        Sampling::Nearest => vec![tap(&within(at).stop_gradient().round(), None)],
        Sampling::Linear => {
            let at = within(at);
            let low = at.stop_gradient().floor();
            let t = &at - &low;
            vec![tap(&low, Some(1.0 - &t)), tap(&(&low + 1.0), Some(t))]
        }
        Sampling::Cubic => {
            let low = at.stop_gradient().floor();
            let t = at - &low;
            let tap = |k: i32| {
                let place = within(&(&low + f64::from(k)));
                tap(&place, Some(keys(&(&t - f64::from(k)).abs(), k)))
            };
            (-1..3).map(tap).collect()
        }
    }
}

/// Keys' kernel with a = −0.75 at a distance d: below 1 of the two elements in the middle, up to 2 of the outer two.
fn keys(d: &Tensor, k: i32) -> Tensor {
    const A: f64 = -0.75;
    match k {
        0 | 1 => (d * (A + 2.0) - (A + 3.0)) * d.square() + 1.0,
        _ => ((d * A - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A,
    }
}

/// Places beyond the ends brought back as mirrors there would.
fn reflected(x: &Tensor, size: usize, corners: bool) -> Tensor {
    let (low, span) = if corners { (0.0, size as f64 - 1.0) } else { (-0.5, size as f64) };
    if span == 0.0 {
        return x * 0.0;
    }
    let away = (x - low).abs();
    let turns = (away.stop_gradient() / (2.0 * span)).floor();
    let rest = away - turns * (2.0 * span);
    rest.minimum(&(2.0 * span - &rest)) + low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::try_build;
    use gradus_testkit::{Array, Species};

    /// Against sums over all elements of a triangle's heights.
    #[test]
    fn grid_sample() {
        let case = check("grid_sample", |x| {
            x[0].grid_sample(&x[1], Sampling::Linear, Beyond::Zeros, true)
        });
        let points = [0.1, -0.3, 0.7, 0.45, -0.8, 0.2, 0.35, -0.65, 0.9, 0.77, -0.1, -0.9];
        let case = case.input([1, 2, 3, 4], -1.0..1.0).input([1, 2, 3, 2], -1.0..1.0).at(&points);
        let case = case.species(Species::Reduction).empty_axis(None).oracle_of(|x| {
            let height = |at: f64, i: usize, size: usize| {
                let place = (at + 1.0) / 2.0 * (size as f64 - 1.0);
                (1.0 - (place - i as f64).abs()).max(0.0)
            };
            Array::from_fn([1, 2, 2, 3], |at| {
                let point = |j: usize| x[1].at(&[0, at[2], at[3], j]);
                let pixels = (0..3).flat_map(|i| (0..4).map(move |j| [i, j]));
                pixels
                    .map(|[i, j]| {
                        height(point(1), i, 3) * height(point(0), j, 4) * x[0].at(&[0, at[1], i, j])
                    })
                    .sum()
            })
        });
        case.tolerance(DType::F16, 2e-2, "points are rounded before they are multiplied by sizes")
            .tolerance(DType::BF16, 1e-1, "points are rounded before they are multiplied by sizes")
            .run();
    }

    #[test]
    fn what_lies_beyond() {
        let x = Tensor::from([[[1.0f64, 2.0, 3.0]]]);
        let grid = Tensor::from([[[-2.0f64], [0.0], [2.0], [3.0]]]);
        let read = |beyond, corners| {
            x.grid_sample(&grid, Sampling::Nearest, beyond, corners).to_vec::<f64>()
        };
        assert_eq!(read(Beyond::Zeros, true), [0.0, 2.0, 0.0, 0.0]);
        assert_eq!(read(Beyond::Border, true), [1.0, 2.0, 3.0, 3.0]);
        assert_eq!(read(Beyond::Reflection, true), [2.0, 2.0, 2.0, 1.0]);
        assert_eq!(read(Beyond::Reflection, false)[1], 2.0);
        let e = try_build(|| x.grid_sample(&x, Sampling::Linear, Beyond::Zeros, true)).unwrap_err();
        assert!(e.to_string().starts_with("grid_sample: x [1, 1, 3], grid [1, 1, 3]"), "{e}");
    }
}
