//! How far a result may lie from its oracle: one table, by element type and species of op.

use crate::Array;
use gradus_base::DType;

/// What an op does with rounding errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Species {
    /// Each element on its own: a few roundings.
    Pointwise,
    /// Sums and products over an axis.
    Reduction,
    /// Matrix products, convolutions, transforms: long sums of products.
    Kernel,
}

/// The largest accepted max|a − b| / max|b|. Integers and masks are exact.
pub(crate) fn tolerance(dtype: DType, species: Species) -> f64 {
    use Species::{Kernel, Pointwise, Reduction};
    match (dtype, species) {
        (DType::F64, Pointwise) => 1e-13,
        (DType::F64, Reduction) => 1e-12,
        (DType::F64, Kernel) => 1e-11,
        (DType::F32, Pointwise) => 1e-6,
        (DType::F32, Reduction) => 5e-6,
        (DType::F32, Kernel) => 1e-4,
        // A half type is rounded once, when stored: half a unit in the last place, with room for derived ops.
        (DType::F16, Pointwise | Reduction) => 2e-3,
        (DType::F16, Kernel) => 5e-3,
        (DType::BF16, Pointwise | Reduction) => 1.6e-2,
        (DType::BF16, Kernel) => 4e-2,
        _ => 0.0,
    }
}

/// The hand-computed numbers of examples carry six or seven digits.
pub(crate) const EXAMPLE: f64 = 2e-6;
/// Central differences against a gradient, relative to the sum of the parts of the directional derivative.
pub(crate) const GRADIENT: f64 = 1e-6;
/// A directional derivative smaller than this proves nothing: any gradient near 0 would pass.
pub(crate) const VACUOUS: f64 = 1e-5;

/// Says where `got` is further from `want` than `tolerance` times the largest finite |want|.
pub(crate) fn compare(got: &Array, want: &Array, tolerance: f64) -> Result<(), String> {
    if got.shape != want.shape {
        return Err(format!("shape {} where {} was expected", got.shape, want.shape));
    }
    let finite = want.values.iter().filter(|w| w.is_finite());
    let scale = finite.fold(0.0, |m: f64, w| m.max(w.abs()));
    let worst = (0..got.values.len())
        .map(|i| (error(got.values[i], want.values[i]), i))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match worst {
        Some((e, i)) if e > tolerance * scale.max(f64::MIN_POSITIVE) => Err(format!(
            "element {i} is {:?}, expected {:?}: the error {:.1e} of the largest value {scale:.3e} exceeds {tolerance:.0e}",
            got.values[i],
            want.values[i],
            e / scale
        )),
        _ => Ok(()),
    }
}

/// |got − want|, 0 for equal infinities and for two NaN, ∞ when only one is NaN or they are unlike infinities.
fn error(got: f64, want: f64) -> f64 {
    match (got.is_nan(), want.is_nan()) {
        (true, true) => 0.0,
        (false, false) if got == want => 0.0,
        (false, false) => (got - want).abs(),
        _ => f64::INFINITY,
    }
}
