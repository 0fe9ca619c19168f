//! logsumexp(x) = ln Σ eˣ over an axis, derived: the largest element is taken out first, so that nothing overflows. It is
//! a constant as far as gradients are concerned: it cancels.   [.., N, ..] -> [.., ..]

use crate::Tensor;

impl Tensor {
    /// ln Σ eˣ over the axis, which disappears.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. It overflows only where its value does; of nothing, and of −∞ alone: −∞.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1000.0f64, 1000.0]).logsumexp(0);
    /// assert!((y.item() - 1000.693147).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn logsumexp(&self, axis: isize) -> Tensor {
        let x = self.wide();
        let largest = x.max(axis).stop_gradient();
        // ∞ − ∞ is NaN; without a shift the sum gives 0 or ∞, as it should.
        let shift = largest.is_finite().select_where(&largest, 0.0);
        ((&x - shift.keep(&x, axis)).exp().sum(axis).ln() + shift).cast(self.dtype())
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;
    use crate::ops::check;
    use gradus_testkit::{Array, Species};

    #[test]
    fn logsumexp() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let case = check("logsumexp", |x| x[0].logsumexp(1)).input([2, 3, 4], -2.0..2.0);
        case.species(Species::Reduction)
            .oracle_of(|x| {
                let x = &x[0];
                let total = |at: &[usize]| {
                    (0..x.shape[1]).map(|k| x.at(&[at[0], k, at[1]]).exp()).sum::<f64>()
                };
                Array::from_fn(x.shape.without(1), |at| total(at).ln())
            })
            .example_of(
                [Array::new([1, 2, 4], [1000.0, -inf, -inf, nan, 1000.0, -inf, inf, 0.0])],
                Array::new([1, 4], [1000.693147, -inf, inf, nan]),
            )
            .run();
        assert_eq!(Tensor::zeros([2, 0]).logsumexp(1).to_vec::<f64>(), [-inf, -inf]);
    }
}
