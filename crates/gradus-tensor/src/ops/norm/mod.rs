//! Normalisation: to mean 0 and variance 1 over the batch, over features, over groups of channels, over neighbours.
//!
//! `batch` normalises per channel, `rows` groups of channels of each sample, `local_response` by the neighbouring channels; the others are
//! compositions of these.

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
use gradus_base::{Error, Real, Shape};
use gradus_graph::fail;
use std::panic::Location;

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
    /// Normalised per channel by given statistics: (x − mean)/√(var + ε)·w + b, as a trained batch norm does.
    ///
    /// **Shape** `x [N, C, ..]`, the others `[C]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
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
        check_channels("batch_norm", self, &given);
        let scale = w * inverse_deviation(variance, eps);
        let spread = |t: &Tensor| over_channels(t, self);
        (self - spread(mean)) * spread(&scale) + spread(b)
    }

    /// Normalised over the axes that `w` and `b` have, the last ones, each sample by itself; then ·w + b.
    ///
    /// **Shape** `x [.., F]`, `w [F]`, `b [F]`, F one or several axes.   Ba, Kiros & Hinton 2016, arXiv:1607.06450
    ///
    /// # Panics
    /// If the shapes of `w` and `b` are not the last axes of this.
    #[track_caller]
    pub fn layer_norm(&self, w: &Tensor, b: &Tensor, eps: f64) -> Tensor {
        let (x, features) = (self.shape(), w.shape());
        let lead = x.rank().checked_sub(features.rank());
        if b.shape() != features || lead.is_none_or(|lead| x[lead..] != *features) {
            let what =
                format!("x {x}, w {features}, b {}: w and b must be x's last axes", b.shape());
            fail(Error::shape("layer_norm", what), Location::caller());
        }
        let rows = x.len() / features.len().max(1);
        let normal = self.reshape([rows, 1, features.len()]).normalize_groups(1, eps);
        normal.reshape(x) * w + b
    }

    /// Normalised over groups of neighbouring channels, each sample by itself; then per channel ·w + b.
    ///
    /// **Shape** `x [N, C, ..]`, `w [C]`, `b [C]`.   Wu & He 2018, arXiv:1803.08494
    ///
    /// # Panics
    /// If the groups do not divide the channels or the shapes do not fit.
    #[track_caller]
    pub fn group_norm(&self, groups: usize, w: &Tensor, b: &Tensor, eps: f64) -> Tensor {
        check_channels("group_norm", self, &[("w", w), ("b", b)]);
        let channels = self.shape()[1];
        if groups == 0 || !channels.is_multiple_of(groups) {
            let what = format!("{channels} channels cannot be cut into {groups} groups");
            fail(Error::value("group_norm", what), Location::caller());
        }
        self.normalize_groups(groups, eps) * over_channels(w, self) + over_channels(b, self)
    }

    /// Normalised over each channel of each sample; then ·w + b.
    ///
    /// **Shape** `x [N, C, ..]`, `w [C]`, `b [C]`.   Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn instance_norm(&self, w: &Tensor, b: &Tensor, eps: f64) -> Tensor {
        check_channels("instance_norm", self, &[("w", w), ("b", b)]);
        let normal = self.normalize_groups(self.shape()[1], eps);
        normal * over_channels(w, self) + over_channels(b, self)
    }

    /// Divided by the root of the mean square over the last axis, then ·w.
    ///
    /// **Shape** `x [.., F]`, `w [F]`.   Zhang & Sennrich 2019, arXiv:1910.07467
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn rms_norm(&self, w: &Tensor, eps: f64) -> Tensor {
        if self.shape().last() != w.shape().last() || w.rank() != 1 {
            let what = format!("x {}, w {}: w must be x's last axis", self.shape(), w.shape());
            fail(Error::shape("rms_norm", what), Location::caller());
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

#[track_caller]
fn check_channels(op: &str, x: &Tensor, given: &[(&str, &Tensor)]) {
    let at = Location::caller();
    if x.rank() < 2 {
        fail(Error::shape(op, format!("x must be [N, C, ..], found {}", x.shape())), at);
    }
    let channels = x.shape()[1];
    if let Some((name, t)) = given.iter().find(|(_, t)| t.shape() != Shape::from([channels])) {
        let what = format!("{name} must be [{channels}] for x {}, found {}", x.shape(), t.shape());
        fail(Error::shape(op, what), at);
    }
    if let Some((name, t)) = given.iter().find(|(_, t)| t.dtype() != x.dtype()) {
        let what =
            format!("x is {}, {name} is {}; they must be one float type", x.dtype(), t.dtype());
        fail(Error::dtype(op, what), at);
    }
    if !x.dtype().is_float() {
        fail(Error::dtype(op, format!("the elements must be floats, found {}", x.dtype())), at);
    }
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
