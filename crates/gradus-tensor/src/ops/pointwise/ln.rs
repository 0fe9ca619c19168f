//! ln(x) = logₑ x; log2(x) = ln x / ln 2; log10(x) = ln x / ln 10   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;
use std::f64::consts::{LOG2_E, LOG10_E};

struct Ln;

impl Pointwise<1> for Ln {
    const NAME: &'static str = "ln";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.ln()
    }
}

impl Tensor {
    /// The natural logarithm ln x.
    ///
    /// **Shape** `[..] -> [..]`. At 0 it is −∞, below 0 NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1.0f64, 2.0]).ln().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.693147).abs() < 1e-6);
    /// ```
    #[track_caller]
    #[doc(alias = "log")]
    pub fn ln(&self) -> Tensor {
        apply(Ln, [self])
    }

    /// The logarithm to base 2, ln x / ln 2.
    ///
    /// **Shape** `[..] -> [..]`. At 0 it is −∞, below 0 NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert!((Tensor::from(8.0f64).log2().item() - 3.0).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn log2(&self) -> Tensor {
        self.ln() * LOG2_E
    }

    /// The logarithm to base 10, ln x / ln 10.
    ///
    /// **Shape** `[..] -> [..]`. At 0 it is −∞, below 0 NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert!((Tensor::from(1000.0f64).log10().item() - 3.0).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn log10(&self) -> Tensor {
        self.ln() * LOG10_E
    }
}

#[test]
fn ln() {
    crate::ops::check("ln", |x| x[0].ln())
        .domain(0.1..5.0)
        .oracle(|x| x[0].ln())
        .example(&[&[1.0, 2.0, 0.0, -1.0]], &[0.0, 0.693147, f64::NEG_INFINITY, f64::NAN])
        .run();
}

#[test]
fn log2() {
    let case = crate::ops::check("log2", |x| x[0].log2()).domain(0.1..5.0);
    case.oracle(|x| x[0].log2()).example(&[&[8.0, 0.5]], &[3.0, -1.0]).run();
}

#[test]
fn log10() {
    let case = crate::ops::check("log10", |x| x[0].log10()).domain(0.1..5.0);
    case.oracle(|x| x[0].log10()).example(&[&[1000.0, 0.1]], &[3.0, -1.0]).run();
}
