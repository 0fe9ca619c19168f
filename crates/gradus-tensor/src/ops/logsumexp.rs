//! logsumexp(x) = ln Σ eˣ over an axis, derived: the largest element is taken out first, so that
//! nothing overflows. It is a constant as far as gradients are concerned: it cancels.
//! [.., N, ..] -> [.., ..]

use crate::Tensor;

impl Tensor {
    /// The logarithm of a sum of exponentials, ln Σ eˣ, over the axis, which is removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. It overflows only where its value does. Of no elements,
    /// and where all are −∞, it is −∞.
    ///
    /// # Panics
    /// If the axis is not there or the elements are not floats.
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
    use crate::ops::check;
    use crate::{DType, Tensor, grad};
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
        // Far from 0 and far apart the gradient is softmax and its own is softmax's, as near 0.
        let of = |shift: f64, dtype: DType| {
            let x = Tensor::from([0.0, 1.0, -300.0, 2.0].map(|x| x + shift)).cast(dtype);
            let [d] = grad(&x.logsumexp(0), [&x]);
            let v = Tensor::from([1.0, -2.0, 5.0, 3.0]).cast(dtype);
            let [second] = grad(&(&d * v).sum(..), [&x]);
            [d, second].map(|t| t.to_vec::<f64>())
        };
        for dtype in [DType::F32, DType::F64] {
            [1e4, -1e4].iter().for_each(|&far| assert_eq!(of(far, dtype), of(0.0, dtype)));
            let apart = Tensor::from([1e30, -1e30, 1e30]).cast(dtype);
            let [d] = grad(&apart.logsumexp(0), [&apart]);
            assert_eq!(d.to_vec::<f64>(), [0.5, 0.0, 0.5]);
            let [second] = grad(&d.select(0, 0), [&apart]);
            assert_eq!(second.to_vec::<f64>(), [0.25, 0.0, -0.25]);
        }
        assert_eq!(Tensor::zeros([2, 0]).logsumexp(1).to_vec::<f64>(), [-inf, -inf]);
    }
}
