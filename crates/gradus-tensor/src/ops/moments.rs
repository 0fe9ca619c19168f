//! var(x) = Σ(x − mean)²/(n − correction), std(x) = √var(x) over axes, derived.   [.., N, ..] -> [.., ..]

use crate::{Axes, Tensor};

impl Tensor {
    /// Σ(x − mean)²/(n − correction) over the axes, which disappear: correction 0 for the variance of these numbers
    /// (as batch normalisation wants), 1 for an unbiased estimate of what they were drawn from.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Where n ≤ correction: NaN or ∞, never a number that looks like a variance.
    ///
    /// # Panics
    /// If an axis is not there.
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
        let count: usize =
            self.axes("var", axes.clone()).iter().map(|&a| self.shape()[a]).product();
        let x = self.wide();
        let centred = &x - x.mean(axes.clone()).keep(&x, axes.clone());
        centred.square().sum(axes) / (count as f64 - correction).max(0.0)
    }

    /// √Σ(x − mean)²/(n − correction) over the axes, which disappear.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Where all are equal the gradient is NaN; add an epsilon to
    /// [`Tensor::var`] and take the root of that.
    ///
    /// # Panics
    /// If an axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 3.0, 5.0]).std(.., 1.0).item(), 2.0);
    /// ```
    #[track_caller]
    pub fn std(&self, axes: impl Into<Axes>, correction: f64) -> Tensor {
        self.wide_var(axes.into(), correction).sqrt().cast(self.dtype())
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;
    use crate::ops::check;
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
        case("std", |x| x.std([0, -1], 1.0), f64::sqrt).run();
    }
}
