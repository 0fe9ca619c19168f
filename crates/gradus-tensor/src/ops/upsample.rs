//! Resizing the axes behind the channels, by the nearest element or linearly between two.
//! [N, C, ..] -> [N, C, sizes..]
//!
//! Compositions: axis by axis, elements are picked and blended.

use crate::Tensor;
use gradus_base::{Error, Result};

impl Tensor {
    /// Resizes the axes behind the channels; every element becomes the nearest one before its
    /// place.
    ///
    /// **Shape** `x [N, C, ..]` → `[N, C, sizes..]`.
    ///
    /// # Panics
    /// If there are not as many `sizes` as axes behind the channels, or elements are to be made of
    /// an axis of size 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[[1.0f32, 2.0]]]);
    /// assert_eq!(x.upsample_nearest([4]).to_vec::<f32>(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
    #[track_caller]
    #[doc(alias("interpolate", "Upsample", "resize"))]
    pub fn upsample_nearest<const N: usize>(&self, sizes: [usize; N]) -> Tensor {
        if let Err(e) = self.check_sizes(&sizes) {
            return Tensor::refuse(e);
        }
        let resize = |x: Tensor, (axis, &size): (usize, &usize)| {
            let old = x.shape()[axis];
            match size {
                _ if size == old => x,
                _ if size.is_multiple_of(old) => x.repeat_each(axis, size / old),
                _ => x.pick(axis, (0..size).map(|i| i * old / size)),
            }
        };
        (2..).zip(&sizes).fold(self.clone(), resize)
    }

    /// Resizes the axes behind the channels, linearly between neighbours: bilinear for images. With
    /// `align_corners` the first and last elements stay the first and last; without, elements are
    /// cells of equal size, as in PyTorch.
    ///
    /// **Shape** `x [N, C, ..]` → `[N, C, sizes..]`.
    ///
    /// # Panics
    /// If there are not as many `sizes` as axes behind the channels, elements are to be made of an
    /// axis of size 0, or a size changes and the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[[1.0f32, 2.0]]]);
    /// assert_eq!(x.upsample_linear([3], true).to_vec::<f32>(), [1.0, 1.5, 2.0]);
    /// ```
    #[track_caller]
    pub fn upsample_linear<const N: usize>(
        &self,
        sizes: [usize; N],
        align_corners: bool,
    ) -> Tensor {
        if let Err(e) = self.check_sizes(&sizes) {
            return Tensor::refuse(e);
        }
        if !self.dtype().is_float() && self.shape()[2..] != sizes {
            let what = format!("the elements are {}, it needs floats; cast them", self.dtype());
            return Tensor::refuse(Error::dtype("upsample", what));
        }
        let resize = |x: Tensor, (axis, &size): (usize, &usize)| {
            if size == x.shape()[axis] { x } else { x.blend(axis, size, align_corners) }
        };
        (2..).zip(&sizes).fold(self.clone(), resize)
    }

    fn check_sizes(&self, sizes: &[usize]) -> Result<()> {
        Tensor::sound([self])?;
        let shape = self.shape();
        if shape.rank() != sizes.len() + 2 {
            let what =
                format!("sizes {sizes:?} for {shape}, which has other axes behind the channels");
            return Err(Error::shape("upsample", what));
        }
        if (2..).zip(sizes).any(|(axis, &size)| shape[axis] == 0 && size > 0) {
            let what = format!("{shape} has nothing to make {sizes:?} of");
            return Err(Error::shape("upsample", what));
        }
        Ok(())
    }

    /// Every element of an axis so many times.
    fn repeat_each(&self, axis: usize, times: usize) -> Tensor {
        let shape = self.shape();
        let wide = shape.inserted(axis + 1, times);
        self.unsqueeze(axis as isize + 1)
            .broadcast_to(wide)
            .reshape(shape.with(axis, shape[axis] * times))
    }

    fn pick(&self, axis: usize, places: impl Iterator<Item = usize>) -> Tensor {
        let ids: Vec<i64> = places.map(|p| p as i64).collect();
        self.index_select(axis as isize, &Tensor::from_slice(&ids, [ids.len()]))
    }

    /// y[i] = x[low]·(1 − t) + x[low + 1]·t, where low + t is the place on the old axis.
    fn blend(&self, axis: usize, size: usize, align_corners: bool) -> Tensor {
        let old = self.shape()[axis];
        let place = |i: usize| match align_corners {
            true => i as f64 * (old - 1) as f64 / (size.max(2) - 1) as f64,
            false => ((i as f64 + 0.5) * old as f64 / size as f64 - 0.5).max(0.0),
        };
        let low = |i: usize| (place(i) as usize).min(old - 1);
        let parts: Vec<f64> = (0..size).map(|i| place(i) - low(i) as f64).collect();
        let mut along = vec![1; self.rank() - axis];
        along[0] = size;
        let t = Tensor::from_slice(&parts, along).cast(self.dtype());
        let before = self.pick(axis, (0..size).map(low));
        let after = self.pick(axis, (0..size).map(|i| (low(i) + 1).min(old - 1)));
        &before + (after - &before) * t
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::try_build;
    use gradus_testkit::{Array, Species};

    #[test]
    fn upsample_nearest() {
        let case = check("upsample_nearest", |x| x[0].upsample_nearest([6, 5]));
        let case = case.input([2, 1, 3, 2], -1.0..1.0).oracle_of(|x| {
            Array::from_fn([x[0].shape[0], 1, 6, 5], |at| {
                x[0].at(&[at[0], at[1], at[2] * 3 / 6, at[3] * 2 / 5])
            })
        });
        case.run();
    }

    /// The weights of a triangle around where each element lies in the old axis.
    #[test]
    fn upsample_linear() {
        for corners in [true, false] {
            let place = move |i: usize, old: usize, size: usize| {
                let (i, old, size) = (i as f64, old as f64, size as f64);
                let at = match corners {
                    true => i * (old - 1.0) / (size - 1.0),
                    false => (i + 0.5) * old / size - 0.5,
                };
                at.clamp(0.0, old - 1.0)
            };
            let case = check("upsample_linear", move |x| x[0].upsample_linear([5, 3], corners));
            let case = case.input([1, 2, 3, 4], -1.0..1.0).species(Species::Reduction);
            let case = case.oracle_of(move |x| {
                let weight = |at: f64, k: usize| (1.0 - (at - k as f64).abs()).max(0.0);
                Array::from_fn([x[0].shape[0], 2, 5, 3], |at| {
                    let [h, w] = [place(at[2], 3, 5), place(at[3], 4, 3)];
                    let taps = (0..3).flat_map(|i| (0..4).map(move |j| [i, j]));
                    taps.map(|[i, j]| weight(h, i) * weight(w, j) * x[0].at(&[at[0], at[1], i, j]))
                        .sum()
                })
            });
            case.run();
        }
    }

    #[test]
    fn nearest_repeats_or_picks() {
        let x = Tensor::from([[[1.0f64, 2.0], [3.0, 4.0]]]).unsqueeze(0);
        let y = x.upsample_nearest([4, 2]).to_vec::<f64>();
        assert_eq!(y, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
        let y = x.upsample_nearest([2, 3]).to_vec::<f64>();
        assert_eq!(y, [1.0, 1.0, 2.0, 3.0, 3.0, 4.0]);
        assert_eq!(x.upsample_nearest([1, 1]).item(), 1.0);
    }

    #[test]
    fn linear_goes_through_corners_or_cell_centres() {
        let x = Tensor::from([[[0.0f64, 4.0, 8.0]]]);
        assert_eq!(x.upsample_linear([5], true).to_vec::<f64>(), [0.0, 2.0, 4.0, 6.0, 8.0]);
        let y = x.upsample_linear([6], false).to_vec::<f64>();
        assert_eq!(y, [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
        assert_eq!(x.upsample_linear([1], true).to_vec::<f64>(), [0.0]);
        // A plane stays a plane.
        let plane = Tensor::from([[0.0f64, 1.0], [2.0, 3.0]]).reshape([1, 1, 2, 2]);
        let y = plane.upsample_linear([3, 3], true).to_vec::<f64>();
        assert_eq!(y, [0.0, 0.5, 1.0, 1.0, 1.5, 2.0, 2.0, 2.5, 3.0]);
    }

    #[test]
    fn says_what_does_not_fit() {
        let e = try_build(|| Tensor::zeros([1, 2, 3, 3]).upsample_nearest([6])).unwrap_err();
        assert!(e.to_string().starts_with("upsample: sizes [6] for [1, 2, 3, 3]"), "{e}");
        assert!(try_build(|| Tensor::zeros([1, 2, 0]).upsample_linear([6], true)).is_err());
    }
}
