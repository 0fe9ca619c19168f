//! Normalisation: to mean 0 and variance 1 over the batch, over features, over groups of channels,
//! over neighbours.
//!
//! `batch` normalises per channel, `rows` groups of channels of each sample, `local_response` by
//! the neighbouring channels; the others are compositions of these.

mod batch;
#[cfg(test)]
pub(crate) mod cases;
mod local_response;
mod moments;
mod rows;
#[cfg(test)]
mod tests;

pub use local_response::LocalResponse;

use crate::Tensor;
use crate::ops::pointwise::{Pointwise, apply};
use gradus_base::{Error, Real, Result, Shape};

/// 1/√(v + ε)
struct InverseDeviation {
    eps: f64,
}

impl Pointwise<1> for InverseDeviation {
    const NAME: &'static str = "inverse_deviation";
    fn formula<R: Real>(&self, [v]: [R; 1]) -> R {
        (v + R::constant(self.eps)).sqrt().recip()
    }
    /// d/dv (v + ε)^(−½) = −½y³
    fn grad<R: Real>(&self, _v: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([R::constant(-0.5) * dy * (y * y * y)])
    }
}

fn inverse_deviation(variance: &Tensor, eps: f64) -> Tensor {
    apply(InverseDeviation { eps }, [variance])
}

impl Tensor {
    /// Normalises each channel by given statistics, as a trained batch norm does: (x −
    /// mean)/√(variance + eps)·w + b.
    ///
    /// **Shape** `x [N, C, ..]`, the others `[C]` → `[N, C, ..]`.
    ///
    /// # Panics
    /// If x has fewer than two axes, one of the others is not `[C]`, or the types differ or are not
    /// floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (mean, variance) = (Tensor::full([1], 2.0), Tensor::full([1], 4.0));
    /// let (w, b) = (Tensor::ones([1]), Tensor::zeros([1]));
    /// let y = Tensor::from([[1.0f32], [4.0]]).batch_norm_with(&mean, &variance, &w, &b, 0.0);
    /// assert_eq!(y.to_vec::<f32>(), [-0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn batch_norm_with(
        &self,
        mean: &Tensor,
        variance: &Tensor,
        w: &Tensor,
        b: &Tensor,
        eps: f64,
    ) -> Tensor {
        let given = [("mean", mean), ("variance", variance), ("w", w), ("b", b)];
        if let Err(e) = check_channels("batch_norm", self, &given) {
            return Tensor::refuse(e);
        }
        let scale = w * inverse_deviation(variance, eps);
        let spread = |t: &Tensor| over_channels(t, self);
        (self - spread(mean)) * spread(&scale) + spread(b)
    }

    /// Normalises each sample by itself over the last axes, those that w and b have, then
    /// multiplies by w and adds b.
    ///
    /// **Shape** `x [.., F]`, `w [F]`, `b [F]` → `[.., F]`, where F is one or several axes.
    ///
    /// **Paper** Ba, Kiros & Hinton 2016, arXiv:1607.06450.
    ///
    /// # Panics
    /// If the shapes of w and b are not the last axes of x, the elements are not floats, or the
    /// types of x and w or b have none in common ([`DType::join`](crate::DType::join)).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0], [10.0, 30.0]]);
    /// let y = x.layer_norm(&Tensor::ones([2]), &Tensor::zeros([2]), 0.0);
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn layer_norm(&self, w: &Tensor, b: &Tensor, eps: f64) -> Tensor {
        let (x, features) = (self.shape(), w.shape());
        let lead = x.rank().checked_sub(features.rank());
        if b.shape() != features || lead.is_none_or(|lead| x[lead..] != *features) {
            let what =
                format!("x {x}, w {features}, b {}: w and b must be x's last axes", b.shape());
            return Tensor::refuse(Error::shape("layer_norm", what));
        }
        let rows = x.len() / features.len().max(1);
        let normal = self.reshape([rows, 1, features.len()]).normalize_groups(1, eps);
        normal.reshape(x) * w + b
    }

    /// Normalises each sample by itself over groups of neighbouring channels, then multiplies each
    /// channel by w and adds b.
    ///
    /// **Shape** `x [N, C, ..]`, `w [C]`, `b [C]` → `[N, C, ..]`.
    ///
    /// **Paper** Wu & He 2018, arXiv:1803.08494.
    ///
    /// # Panics
    /// If the groups do not divide the channels, x has fewer than two axes, w or b is not `[C]`, or
    /// the types differ or are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0, 10.0, 30.0]]);
    /// let y = x.group_norm(2, &Tensor::ones([4]), &Tensor::zeros([4]), 0.0);
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn group_norm(&self, groups: usize, w: &Tensor, b: &Tensor, eps: f64) -> Tensor {
        if let Err(e) = check_channels("group_norm", self, &[("w", w), ("b", b)]) {
            return Tensor::refuse(e);
        }
        let channels = self.shape()[1];
        if groups == 0 || !channels.is_multiple_of(groups) {
            let what = format!("{channels} channels cannot be cut into {groups} groups");
            return Tensor::refuse(Error::value("group_norm", what));
        }
        self.normalize_groups(groups, eps) * over_channels(w, self) + over_channels(b, self)
    }

    /// Normalises each channel of each sample by itself, then multiplies by w and adds b.
    ///
    /// **Shape** `x [N, C, ..]`, `w [C]`, `b [C]` → `[N, C, ..]`.
    ///
    /// **Paper** Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022.
    ///
    /// # Panics
    /// If x has fewer than two axes, w or b is not `[C]`, or the types differ or are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[[1.0f32, 3.0], [10.0, 30.0]]]);
    /// let y = x.instance_norm(&Tensor::ones([2]), &Tensor::zeros([2]), 0.0);
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn instance_norm(&self, w: &Tensor, b: &Tensor, eps: f64) -> Tensor {
        if let Err(e) = check_channels("instance_norm", self, &[("w", w), ("b", b)]) {
            return Tensor::refuse(e);
        }
        let normal = self.normalize_groups(self.shape()[1], eps);
        normal * over_channels(w, self) + over_channels(b, self)
    }

    /// Divides by the root of the mean square over the last axis, then multiplies by w.
    ///
    /// **Shape** `x [.., F]`, `w [F]` → `[.., F]`.
    ///
    /// **Paper** Zhang & Sennrich 2019, arXiv:1910.07467.
    ///
    /// # Panics
    /// If w is not `[F]`, the elements are not floats, or the types of x and w have none in common
    /// ([`DType::join`](crate::DType::join)).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1.0f64, 7.0]).rms_norm(&Tensor::from([1.0f64, 10.0]), 0.0);
    /// let y = y.to_vec::<f64>();
    /// assert!((y[0] - 0.2).abs() < 1e-9 && (y[1] - 14.0).abs() < 1e-9);
    /// ```
    #[track_caller]
    pub fn rms_norm(&self, w: &Tensor, eps: f64) -> Tensor {
        if self.shape().last() != w.shape().last() || w.rank() != 1 {
            let what = format!("x {}, w {}: w must be x's last axis", self.shape(), w.shape());
            return Tensor::refuse(Error::shape("rms_norm", what));
        }
        let x = self.wide();
        let scale = inverse_deviation(&x.square().mean(-1), eps);
        (x * scale.unsqueeze(-1)).cast(self.dtype()) * w
    }
}

/// `[C]` seen as `[C, 1, ..]`, to go with `[N, C, ..]`.
#[track_caller]
fn over_channels(t: &Tensor, like: &Tensor) -> Tensor {
    let mut shape = vec![1; like.rank() - 1];
    shape[0] = t.len();
    t.reshape(shape)
}

fn check_channels(op: &str, x: &Tensor, given: &[(&str, &Tensor)]) -> Result<()> {
    Tensor::sound([x])?;
    if x.rank() < 2 {
        return Err(Error::shape(op, format!("x must be [N, C, ..], found {}", x.shape())));
    }
    let channels = x.shape()[1];
    if let Some((name, t)) = given.iter().find(|(_, t)| t.shape() != Shape::from([channels])) {
        let what = format!("{name} must be [{channels}] for x {}, found {}", x.shape(), t.shape());
        return Err(Error::shape(op, what));
    }
    if let Some((name, t)) = given.iter().find(|(_, t)| t.dtype() != x.dtype()) {
        let what =
            format!("x is {}, {name} is {}; they must be one float type", x.dtype(), t.dtype());
        return Err(Error::dtype(op, what));
    }
    if !x.dtype().is_float() {
        return Err(Error::dtype(op, format!("the elements must be floats, found {}", x.dtype())));
    }
    Ok(())
}

/// The three memory orders of `[N, C, ..]`: row-major, channels innermost, batch innermost.
fn orders(rank: usize) -> [Vec<usize>; 3] {
    let pixels = || 2..rank;
    [
        (0..rank).collect(),
        std::iter::once(0).chain(pixels()).chain([1]).collect(),
        std::iter::once(1).chain(pixels()).chain([0]).collect(),
    ]
}
