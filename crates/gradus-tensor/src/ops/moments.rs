//! var(x) = Σ(x − mean)²/(n − correction), std(x) = √var(x) over axes, derived.
//! [.., N, ..] -> [.., ..]

use super::vector_norm::root_of_squares;
use crate::{Axes, Tensor};

impl Tensor {
    /// The variance Σ(x − mean)²/(n − correction) over the axes, which are removed. The correction
    /// is 0 for the variance of these numbers, as batch normalisation wants it, and 1 for an
    /// unbiased estimate of that of what they were drawn from.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Where n ≤ correction it is NaN or ∞, never a number
    /// that looks like a variance.
    ///
    /// # Panics
    /// If an axis is not there or is named twice, or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 3.0, 5.0]);
    /// assert_eq!((x.var(.., 1.0).item(), x.var(.., 3.0).item()), (4.0, f64::INFINITY));
    /// ```
    #[track_caller]
    pub fn var(&self, axes: impl Into<Axes>, correction: f64) -> Tensor {
        self.wide_var(axes.into(), correction).cast(self.dtype())
    }

    /// The variance in the type that is computed in.
    #[track_caller]
    fn wide_var(&self, axes: Axes, correction: f64) -> Tensor {
        let Some(over) = self.axes("var", axes.clone()) else { return Tensor::poisoned() };
        let count: usize = over.iter().map(|&a| self.shape()[a]).product();
        let x = self.wide();
        let centred = &x - x.mean(axes.clone()).keep(&x, axes.clone());
        centred.square().sum(axes) / (count as f64 - correction).max(0.0)
    }

    /// The standard deviation √(Σ(x − mean)²/(n − correction)) over the axes, which are removed;
    /// its correction is that of [`Tensor::var`].
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Where all elements are equal, the gradient of any order
    /// is 0: the deviation has its minimum there.
    ///
    /// # Panics
    /// If an axis is not there or is named twice, or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 3.0, 5.0]).std(.., 1.0).item(), 2.0);
    /// ```
    #[track_caller]
    pub fn std(&self, axes: impl Into<Axes>, correction: f64) -> Tensor {
        root_of_squares(&self.wide_var(axes.into(), correction)).cast(self.dtype())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{DType, Tensor, grad};
    use gradus_testkit::{Array, Case, Species};

    /// [2, 3, 4] over axes 0 and 2.
    fn case(name: &str, op: fn(&Tensor) -> Tensor, of_var: fn(f64) -> f64) -> Case {
        let case = check(name, move |x| op(&x[0])).input([2, 3, 4], -2.0..3.0);
        case.species(Species::Reduction).empty_axis(Some(1)).oracle_of(move |x| {
            let x = &x[0];
            let column = |j| (0..2).flat_map(move |i| (0..4).map(move |k| x.at(&[i, j, k])));
            let var = |j| {
                let mean = column(j).sum::<f64>() / 8.0;
                column(j).map(|v| (v - mean) * (v - mean)).sum::<f64>() / 7.0
            };
            Array::from_fn([x.shape[1]], |j| of_var(var(j[0])))
        })
    }

    #[test]
    fn var() {
        case("var", |x| x.var([0, 2], 1.0), |v| v).run();
        let x = Tensor::from([1.0f64, 3.0, 5.0]);
        assert!((x.var(.., 0.0).item() - 8.0 / 3.0).abs() < 1e-15);
        assert!(x.slice(0, ..1).var(.., 1.0).item().is_nan());
    }

    #[test]
    fn std() {
        let flat = Array::new([2, 1, 3], [3.0; 6]);
        let case = case("std", |x| x.std([0, -1], 1.0), f64::sqrt);
        case.slope_of([flat], Array::new([2, 1, 3], [0.0; 6])).run();
    }

    /// Of equal numbers gradients of first and second order are 0; of one number with a correction they are no numbers.
    #[test]
    fn a_deviation_of_0_has_a_gradient_of_0() {
        for dtype in [DType::F32, DType::F64] {
            let x = Tensor::from([[3.0f64, 3.0, 3.0], [1.0, 3.0, 5.0]]).cast(dtype);
            let [d] = grad(&x.std(1, 1.0).sum(..), [&x]);
            assert_eq!(d.to_vec::<f64>(), [0.0, 0.0, 0.0, -0.5, 0.0, 0.5]);
            let [second] = grad(&(&d * &Tensor::from([1.0, 2.0, 4.0]).cast(dtype)).sum(..), [&x]);
            let second = second.to_vec::<f64>();
            assert_eq!(second[..3], [0.0; 3]);
            // (∂/∂x)(s·c) of s = std: (c − mean c)/2s·… by hand: (v − mean v − (v·z)z)/(2·2), z = (−½, 0, ½)·√2
            let [v, z] = [[1.0, 2.0, 4.0], [-0.5f64.sqrt(), 0.0, 0.5f64.sqrt()]];
            let along: f64 = v.iter().zip(&z).map(|(v, z)| v * z).sum();
            for i in 0..3 {
                let want = (v[i] - 7.0 / 3.0 - along * z[i]) / 4.0;
                assert!((second[3 + i] - want).abs() < 1e-6, "{second:?}: {want} at {i}");
            }
        }
        let one = Tensor::from([2.0f32]);
        assert!(grad(&one.std(.., 1.0), [&one])[0].item().is_nan());
        assert_eq!(grad(&one.std(.., 0.0), [&one])[0].item(), 0.0);
    }
}
