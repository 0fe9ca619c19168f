//! Kullback-Leibler divergence.   Kullback & Leibler 1951

use super::{rest, same_shape};
use gradus_tensor::Tensor;

/// Σ t·(ln t − x) over all axes but the batch, for log-probabilities `x` and probabilities `t`.
/// Where t is 0 it gives 0; where t is negative or NaN, and so no probability, NaN.
#[track_caller]
#[doc(alias("KLDivLoss", "KLDivergence"))]
pub fn kl_divergence(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("kl_divergence", x, t);
    let none = t.eq(0.0);
    let each = t * (none.select_where(1.0, t).ln() - x);
    none.select_where(0.0, &each).sum(rest(x))
}

#[test]
fn nothing_costs_nothing_and_no_number_stays_none() {
    let low = f64::NEG_INFINITY;
    let x = Tensor::from([[-0.5, low], [-0.5, -1.0], [f64::NAN, -1.0], [-0.5, -1.0]]);
    let t = Tensor::from([[1.0, 0.0], [f64::NAN, 0.5], [0.5, 0.5], [-0.5, 1.5]]);
    let loss = kl_divergence(&x, &t).to_vec::<f64>();
    assert_eq!(loss[0], 0.5);
    assert!(loss[1..].iter().all(|l| l.is_nan()), "{loss:?}");
}
