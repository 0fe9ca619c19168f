//! clipped_relu(x, ceiling) = min(max(x, 0), ceiling); relu6 has ceiling 6   [..] -> [..]
//! Hannun et al. 2014, arXiv:1412.5567 §2

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct ClippedRelu {
    ceiling: f64,
}

impl Pointwise<1> for ClippedRelu {
    const NAME: &'static str = "clipped_relu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.max(R::constant(0.0)).min(R::constant(self.ceiling))
    }
    /// 0 where y ≤ 0 or ceiling ≤ y, else 1, from the value
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        let (zero, ceiling) = (R::constant(0.0), R::constant(self.ceiling));
        Some([R::select(R::or(y.le(zero), ceiling.le(y)), zero, dy)])
    }
}

impl Tensor {
    /// A relu that ends at a ceiling: min(max(x, 0), ceiling).
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at the kinks 0 and ceiling is 0.
    ///
    /// **Paper** Hannun et al. 2014, arXiv:1412.5567 §2.
    ///
    /// # Panics
    /// If the elements are integers or booleans and `ceiling` is not a whole number.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-2.0f32, 3.0, 30.0]).clipped_relu(20.0);
    /// assert_eq!(y.to_vec::<f32>(), [0.0, 3.0, 20.0]);
    /// ```
    #[track_caller]
    pub fn clipped_relu(&self, ceiling: f64) -> Tensor {
        apply(ClippedRelu { ceiling }, [self])
    }

    /// A relu that ends at 6: min(max(x, 0), 6).
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at the kinks 0 and 6 is 0.
    ///
    /// **Paper** Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10".
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 3.0, 7.0]).relu6().to_vec::<f32>(), [0.0, 3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn relu6(&self) -> Tensor {
        self.clipped_relu(6.0)
    }
}

#[test]
fn clipped_relu() {
    crate::ops::check("clipped_relu", |x| x[0].clipped_relu(2.0))
        .domain(-3.0..5.0)
        .avoid(&[0.0, 2.0])
        .oracle(|x| x[0].clamp(0.0, 2.0))
        .example(&[&[-2.0, 0.5, 3.0, f64::NAN]], &[0.0, 0.5, 2.0, f64::NAN])
        .slope(&[&[0.0, 0.5, 2.0, f64::NAN]], &[0.0, 1.0, 0.0, 1.0])
        .run();
}

#[test]
fn relu6() {
    let case = crate::ops::check("relu6", |x| x[0].relu6()).domain(-3.0..9.0).avoid(&[0.0, 6.0]);
    case.oracle(|x| x[0].clamp(0.0, 6.0)).example(&[&[-2.0, 3.0, 7.0]], &[0.0, 3.0, 6.0]).run();
}
