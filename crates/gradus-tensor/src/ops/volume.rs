//! Convolutions and pooling over three axes, made of those over two: depth by depth, then summed or pooled along the depth.
//! [N, C, D, H, W] -> [N, O, D', H', W']

use crate::ops::conv2d::{Conv, Padding};
use crate::ops::pool2d::Pool;
use crate::{Shape, Tensor};
use gradus_base::{Error, Result};

/// Stride, padding, dilation and groups of a convolution over depth, height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv3 {
    /// From one output to the next.
    pub stride: [usize; 3],
    /// Zeros before and after.
    pub padding: [[usize; 2]; 3],
    /// From one kernel tap to the next.
    pub dilation: [usize; 3],
    /// The number of groups that the channels are divided into.
    pub groups: usize,
}

impl Default for Conv3 {
    /// Stride 1, no padding, no dilation, one group.
    fn default() -> Conv3 {
        Conv3 { stride: [1; 3], padding: [[0; 2]; 3], dilation: [1; 3], groups: 1 }
    }
}

/// Windows of a pooling over depth, height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool3 {
    /// Elements of a window.
    pub kernel: [usize; 3],
    /// From one window to the next.
    pub stride: [usize; 3],
    /// Before and after; no element of a maximum, zeros of a mean.
    pub padding: [[usize; 2]; 3],
    /// From one element of a window to the next.
    pub dilation: [usize; 3],
    /// Whether a window may reach past the padding.
    pub ceil: bool,
    /// Whether a mean counts the padding.
    pub count_include_pad: bool,
}

impl Pool3 {
    /// Windows of one size side by side, without padding.
    pub fn new(size: usize) -> Pool3 {
        Pool3 {
            kernel: [size; 3],
            stride: [size; 3],
            padding: [[0; 2]; 3],
            dilation: [1; 3],
            ceil: false,
            count_include_pad: false,
        }
    }

    /// Over height and width.
    fn flat(&self) -> Pool {
        let [_, h, w] = self.kernel;
        Pool {
            kernel: [h, w],
            stride: [self.stride[1], self.stride[2]],
            padding: [self.padding[1], self.padding[2]],
            dilation: [self.dilation[1], self.dilation[2]],
            ceil: self.ceil,
            count_include_pad: self.count_include_pad,
        }
    }

    /// Over the depth, where height and width are one axis.
    fn deep(&self) -> Pool {
        Pool {
            kernel: [self.kernel[0], 1],
            stride: [self.stride[0], 1],
            padding: [self.padding[0], [0, 0]],
            dilation: [self.dilation[0], 1],
            ceil: self.ceil,
            count_include_pad: self.count_include_pad,
        }
    }
}

/// [N, C, D, H, W] as images, [N·D, C, H, W].
fn images(x: &Tensor) -> Tensor {
    let s = x.shape();
    x.permute([0, 2, 1, 3, 4]).reshape([s[0] * s[2], s[1], s[3], s[4]])
}

/// Images of so many depths as volumes.
fn volumes(x: &Tensor, depth: usize) -> Tensor {
    let s = x.shape();
    let batch = s[0].checked_div(depth).unwrap_or(0);
    x.reshape([batch, depth, s[1], s[2], s[3]]).permute([0, 2, 1, 3, 4])
}

impl Tensor {
    /// The cross-correlation of volumes with kernels.
    ///
    /// **Shape** `x [N, C, D, H, W]`, `w [O, C / groups, kd, kh, kw]` → `[N, O, D', H', W']`. Taps along the depth are summed one after
    /// the other.
    ///
    /// # Panics
    /// If the shapes do not go together, a setting is 0, or the kernel does not fit.
    ///
    /// ```
    /// use gradus_tensor::{Conv3, Tensor};
    /// let (x, w) = (Tensor::ones([1, 1, 3, 4, 4]), Tensor::ones([2, 1, 2, 3, 3]));
    /// let y = x.conv3d(&w, Conv3::default());
    /// assert_eq!((y.shape().to_string(), y.max(..).item()), ("[1, 2, 2, 2, 2]".into(), 18.0));
    /// ```
    #[track_caller]
    pub fn conv3d(&self, w: &Tensor, conv: Conv3) -> Tensor {
        let count = match self.depths("conv3d", w, &conv) {
            Ok(count) => count,
            Err(e) => return Tensor::refuse(e),
        };
        let flat = Conv {
            stride: [conv.stride[1], conv.stride[2]],
            padding: Padding::Explicit([conv.padding[1], conv.padding[2]]),
            dilation: [conv.dilation[1], conv.dilation[2]],
            groups: conv.groups,
            ..Conv::new()
        };
        let padded = self.pad(2, conv.padding[0][0], conv.padding[0][1]);
        let tap = |k: usize| {
            let first = k * conv.dilation[0];
            let x = padded.slice_step(2, first, conv.stride[0] as isize, count);
            images(&x).conv2d(&w.select(2, k), flat)
        };
        let sum = (1..w.shape()[2]).fold(tap(0), |sum, k| sum + tap(k));
        volumes(&sum, count)
    }

    /// The gradient of [`Tensor::conv3d`] with respect to its input, as a map of its own: every element is spread by the kernel. Padding
    /// is cut off.
    ///
    /// **Shape** `x [N, C, D, H, W]`, `w [C, O / groups, kd, kh, kw]` → `[N, O, D', H', W']` with D' = (D − 1)·stride +
    /// dilation·(kd − 1) + 1 less the padding.
    ///
    /// # Panics
    /// If the shapes do not go together, a setting is 0, or nothing is left beside the padding.
    ///
    /// ```
    /// use gradus_tensor::{Conv3, Tensor};
    /// let (x, w) = (Tensor::ones([1, 1, 2, 1, 1]), Tensor::ones([1, 1, 2, 1, 1]));
    /// assert_eq!(x.conv_transpose3d(&w, Conv3::default()).to_vec::<f32>(), [1.0, 2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn conv_transpose3d(&self, w: &Tensor, conv: Conv3) -> Tensor {
        if let Err(e) = check("conv_transpose3d", self, w, &conv) {
            return Tensor::refuse(e);
        }
        let flat = Conv {
            stride: [conv.stride[1], conv.stride[2]],
            dilation: [conv.dilation[1], conv.dilation[2]],
            groups: conv.groups,
            ..Conv::new()
        };
        let (depth, taps, stride) = (self.shape()[2], w.shape()[2], conv.stride[0]);
        let spread = (depth.max(1) - 1) * stride + 1;
        let all = spread + conv.dilation[0] * (taps - 1);
        let x = images(self);
        let tap = |k: usize| {
            let y = volumes(&x.conv_transpose2d(&w.select(2, k), flat), depth);
            // Zeros between the depths, which the stride leaves open.
            let s = y.shape();
            let wide = y.unsqueeze(3).pad(3, 0, stride - 1);
            let wide = wide.reshape([s[0], s[1], s[2] * stride, s[3], s[4]]).slice(2, ..spread);
            let before = k * conv.dilation[0];
            wide.pad(2, before, all - spread - before)
        };
        let sum = (1..taps).fold(tap(0), |sum, k| sum + tap(k));
        let cut = |y: Tensor, a: usize| {
            let [before, after] = conv.padding[a];
            let size = y.shape()[2 + a];
            y.slice(
                2 + a as isize,
                before.min(size)..size.saturating_sub(after).max(before.min(size)),
            )
        };
        (0..3).fold(sum, cut)
    }

    /// The largest element of each window of volumes.
    ///
    /// **Shape** `x [N, C, D, H, W]` → `[N, C, D', H', W']`.
    ///
    /// # Panics
    /// If this is no volume, or a window does not fit: as [`Tensor::max_pool2d`].
    ///
    /// ```
    /// use gradus_tensor::{DType, Pool3, Tensor};
    /// let x = Tensor::arange(8).cast(DType::F32).reshape([1, 1, 2, 2, 2]);
    /// assert_eq!(x.max_pool3d(Pool3::new(2)).item(), 7.0);
    /// ```
    #[track_caller]
    pub fn max_pool3d(&self, pool: Pool3) -> Tensor {
        self.pooled("max_pool3d", pool, Tensor::max_pool2d)
    }

    /// The mean of each window of volumes.
    ///
    /// **Shape** `x [N, C, D, H, W]` → `[N, C, D', H', W']`.
    ///
    /// # Panics
    /// If this is no volume, or a window does not fit: as [`Tensor::mean_pool2d`].
    ///
    /// ```
    /// use gradus_tensor::{DType, Pool3, Tensor};
    /// let x = Tensor::arange(8).cast(DType::F32).reshape([1, 1, 2, 2, 2]);
    /// assert_eq!(x.mean_pool3d(Pool3::new(2)).item(), 3.5);
    /// ```
    #[track_caller]
    pub fn mean_pool3d(&self, pool: Pool3) -> Tensor {
        self.pooled("mean_pool3d", pool, Tensor::mean_pool2d)
    }

    #[track_caller]
    fn pooled(&self, op: &str, pool: Pool3, f: fn(&Tensor, Pool) -> Tensor) -> Tensor {
        let s = self.shape();
        if s.rank() != 5 {
            let what = format!("x {s}; expected [N, C, D, H, W]");
            return Tensor::refuse(Error::shape(op, what));
        }
        // Parts of a window that lie in the padding are left out on each axis by itself.
        let planes = f(&images(self), pool.flat());
        let p = planes.shape();
        let deep = volumes(&planes, s[2]).reshape([s[0], s[1], s[2], p[2] * p[3]]);
        let y = f(&deep, pool.deep());
        y.reshape([s[0], s[1], y.shape()[2], p[2], p[3]])
    }

    /// How many outputs there are along the depth.
    fn depths(&self, op: &str, w: &Tensor, conv: &Conv3) -> Result<usize> {
        check(op, self, w, conv)?;
        let [before, after] = conv.padding[0];
        let reach = conv.dilation[0].saturating_mul(w.shape()[2] - 1).saturating_add(1);
        let size = self.shape()[2].saturating_add(before).saturating_add(after);
        match size.checked_sub(reach) {
            Some(rest) => Ok(rest / conv.stride[0] + 1),
            None => {
                let what = format!("the kernel reaches over {reach} of {size} depths");
                Err(Error::shape(op, what))
            }
        }
    }
}

fn check(op: &str, x: &Tensor, w: &Tensor, conv: &Conv3) -> Result<()> {
    Tensor::sound([x, w])?;
    let (a, b): (Shape, Shape) = (x.shape(), w.shape());
    if a.rank() != 5 || b.rank() != 5 || b[2] == 0 {
        return Err(Error::shape(op, format!("x {a}, w {b}; expected five axes each")));
    }
    let settings = [conv.stride, conv.dilation, [conv.groups; 3]].concat();
    if settings.contains(&0) {
        return Err(Error::value(op, format!("{conv:?}: a setting is 0")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::check;
    use crate::{DType, try_build};
    use gradus_testkit::{Array, Species};

    fn conv() -> Conv3 {
        Conv3 {
            stride: [2, 1, 2],
            padding: [[1, 0], [0, 1], [1, 1]],
            dilation: [1, 2, 1],
            groups: 1,
        }
    }

    /// What of a padded axis an output and a tap meet, if it is no padding.
    fn met(conv: &Conv3, size: usize, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let at = out * conv.stride[axis] + tap * conv.dilation[axis];
        at.checked_sub(conv.padding[axis][0]).filter(|&at| at < size)
    }

    #[test]
    fn conv3d() {
        let case = check("conv3d", |x| x[0].conv3d(&x[1], conv()));
        let case = case.input([1, 2, 4, 4, 3], -1.0..1.0).input([3, 2, 2, 2, 3], -1.0..1.0);
        let case = case.species(Species::Reduction).empty_axis(None).oracle_of(|x| {
            Array::from_fn([1, 3, 2, 3, 2], |at| {
                let taps = (0..24).map(|t| [t / 12, t / 6 % 2, t / 3 % 2, t % 3]);
                let part = |t: [usize; 4]| {
                    let met = |a: usize| met(&conv(), [4, 4, 3][a], a, at[2 + a], t[1 + a]);
                    let (d, h, w) = (met(0)?, met(1)?, met(2)?);
                    Some(x[0].at(&[0, t[0], d, h, w]) * x[1].at(&[at[1], t[0], t[1], t[2], t[3]]))
                };
                taps.filter_map(part).sum()
            })
        });
        case.run();
    }

    /// ⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩
    #[test]
    fn the_transposed_one_is_the_adjoint() {
        let conv = Conv3 { groups: 2, dilation: [2, 1, 1], ..conv() };
        let w = Tensor::rand([4, 1, 2, 2, 3], 1);
        let x = Tensor::rand([2, 2, 4, 4, 5], 2);
        let y = x.conv3d(&w, conv);
        let dy = Tensor::rand(y.shape(), 3);
        let back = dy.conv_transpose3d(&w, conv);
        assert_eq!(back.shape(), x.shape());
        let (a, b) = ((y * dy).sum(..).item(), (back * x).sum(..).item());
        assert!((a - b).abs() < 1e-3 * a.abs(), "{a} {b}");
    }

    #[test]
    fn means_count_what_is_there() {
        let x = Tensor::arange(12).cast(DType::F32).reshape([1, 1, 3, 2, 2]);
        let pool = Pool3 { stride: [2; 3], padding: [[1, 0], [0, 0], [0, 0]], ..Pool3::new(2) };
        assert_eq!(x.mean_pool3d(pool).to_vec::<f32>(), [1.5, 7.5]);
        let counted = Pool3 { count_include_pad: true, ..pool };
        assert_eq!(x.mean_pool3d(counted).to_vec::<f32>(), [0.75, 7.5]);
        assert_eq!(x.max_pool3d(pool).to_vec::<f32>(), [3.0, 11.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let x = Tensor::zeros([1, 1, 2, 4, 4]);
        let e = try_build(|| x.conv3d(&Tensor::zeros([1, 1, 3, 1, 1]), Conv3::default()));
        let e = e.unwrap_err().to_string();
        assert!(e.starts_with("conv3d: the kernel reaches over 3 of 2 depths"), "{e}");
        assert!(try_build(|| Tensor::zeros([1, 2]).max_pool3d(Pool3::new(1))).is_err());
    }
}
