//! norm_l1(x) = Σ|x|, norm_l2(x) = √Σx² over axes, derived.   [.., N, ..] -> [.., ..]

use super::pointwise::{Pointwise, apply};
use crate::{Axes, Tensor};
use gradus_base::Real;

/// √ of a sum of squares, whose gradient at 0 is 0: a norm and a deviation have their minimum there.
struct RootOfSquares;

impl Pointwise<1> for RootOfSquares {
    const NAME: &'static str = "root_of_squares";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sqrt()
    }
    /// 1/(2√x), from the value
    fn grad<R: Real>(&self, _x: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        let zero = R::constant(0.0);
        let flat = y.eq(zero);
        let safe = R::select(flat, R::constant(1.0), y);
        Some([R::select(flat, zero, R::constant(0.5) * dy / safe)])
    }
}

/// √x of a sum of squares x, with gradient 0 at 0.
#[track_caller]
pub(super) fn root_of_squares(x: &Tensor) -> Tensor {
    apply(RootOfSquares, [x])
}

impl Tensor {
    /// The sum of absolute values, Σ|x|, over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Of no elements it is 0. The gradient at 0 is 0.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, -4.0]).norm_l1(..).item(), 7.0);
    /// ```
    #[track_caller]
    pub fn norm_l1(&self, axes: impl Into<Axes>) -> Tensor {
        self.abs().sum(axes)
    }

    /// The Euclidean norm √Σx² over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Of no elements it is 0. The gradient where all are 0
    /// is 0. The squares may overflow: in f32, which half types are summed in, from 1.8e19 on.
    ///
    /// # Panics
    /// If an axis is not there or is named twice, or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([3.0f32, -4.0]).norm_l2(..).item(), 5.0);
    /// ```
    #[track_caller]
    #[doc(alias = "norm")]
    pub fn norm_l2(&self, axes: impl Into<Axes>) -> Tensor {
        root_of_squares(&self.wide().square().sum(axes)).cast(self.dtype())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use gradus_testkit::{Array, Case, Species};

    fn over_rows(case: Case, norm: fn(&[f64]) -> f64) {
        case.input([3, 5], 0.1..2.0)
            .species(Species::Reduction)
            .oracle_of(move |x| {
                Array::new([x[0].shape[0]], x[0].rows().map(norm).collect::<Vec<_>>())
            })
            .slope_of([Array::new([1, 2], [0.0, 0.0])], Array::new([1, 2], [0.0, 0.0]))
            .run();
    }

    #[test]
    fn norm_l1() {
        let case = check("norm_l1", |x| x[0].norm_l1(1));
        over_rows(case, |row| row.iter().map(|x| x.abs()).sum());
    }

    #[test]
    fn norm_l2() {
        let case = check("norm_l2", |x| x[0].norm_l2(-1));
        let case =
            case.slope_of([Array::new([1, 2], [3.0, -4.0])], Array::new([1, 2], [0.6, -0.8]));
        over_rows(case, |row| row.iter().map(|x| x * x).sum::<f64>().sqrt());
    }
}
