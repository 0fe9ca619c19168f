//! clamp(x, low, high) = min(max(x, low), high)   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::{Error, Real};

struct Clamp {
    low: f64,
    high: f64,
}

impl Pointwise<1> for Clamp {
    const NAME: &'static str = "clamp";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.max(R::constant(self.low)).min(R::constant(self.high))
    }
    /// 1 where low < x < high, else 0
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let (low, high) = (R::constant(self.low), R::constant(self.high));
        Some([R::select(R::and(low.lt(x), x.lt(high)), dy, R::constant(0.0))])
    }
}

impl Tensor {
    /// Limited to an interval: min(max(x, low), high). Either bound may be infinite.
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at a bound is 0, as that of every
    /// clipped function here and as in PyTorch 2.15; before, PyTorch's was 1.
    ///
    /// # Panics
    /// If `low` > `high`, a bound is NaN, or the elements are integers or booleans of a type that
    /// does not hold a bound.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.5, 3.0]).clamp(0.0, 1.0).to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "clip")]
    pub fn clamp(&self, low: f64, high: f64) -> Tensor {
        if low > high || low.is_nan() || high.is_nan() {
            let what = format!("low {low} must not exceed high {high}");
            return Tensor::refuse(Error::value("clamp", what));
        }
        if self.dtype().is_float() {
            return apply(Clamp { low, high }, [self]);
        }
        // Of integers a bound is one of them, or there is none.
        let above = match low {
            f64::NEG_INFINITY => self.clone(),
            low => self.maximum(&Operand::Number(low).beside("clamp", self)),
        };
        match high {
            f64::INFINITY => above,
            high => above.minimum(&Operand::Number(high).beside("clamp", self)),
        }
    }
}

#[test]
fn clamp() {
    crate::ops::check("clamp", |x| x[0].clamp(-1.0, 2.0))
        .domain(-3.0..3.0)
        .avoid(&[-1.0, 2.0])
        .oracle(|x| x[0].clamp(-1.0, 2.0))
        .example(&[&[-2.0, 0.5, 3.0, f64::NAN]], &[-1.0, 0.5, 2.0, f64::NAN])
        .slope(&[&[-2.0, -1.0, 0.5, 2.0, 3.0]], &[0.0, 0.0, 1.0, 0.0, 0.0])
        .run();
}

#[test]
fn clamp_refuses_crossed_bounds() {
    let e = crate::try_build(|| Tensor::from(1.0f32).clamp(1.0, 0.0)).unwrap_err();
    assert!(e.to_string().starts_with("clamp: low 1 must not exceed high 0"), "{e}");
}
