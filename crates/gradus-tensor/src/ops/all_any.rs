//! all(m) = ∀m, any(m) = ∃m over axes of masks, derived.   [.., N, ..] -> bool [.., ..]

use crate::{Axes, DType, Tensor};

impl Tensor {
    /// Whether all elements along the axes are other than 0; the axes are removed.
    ///
    /// **Shape** `[.., N, ..] -> bool [.., ..]`. True where there are no elements.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let m = Tensor::from([[true, true], [true, false]]);
    /// assert_eq!(m.all(1).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn all(&self, axes: impl Into<Axes>) -> Tensor {
        self.logical_not().count("all", axes).eq(0.0)
    }

    /// Whether some element along the axes is other than 0; the axes are removed.
    ///
    /// **Shape** `[.., N, ..] -> bool [.., ..]`. False where there are no elements.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let m = Tensor::from([[false, false], [true, false]]);
    /// assert_eq!(m.any(1).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    pub fn any(&self, axes: impl Into<Axes>) -> Tensor {
        self.cast(DType::Bool).count("any", axes).ne(0.0)
    }

    /// How many elements of a mask are set.
    #[track_caller]
    fn count(&self, op: &str, axes: impl Into<Axes>) -> Tensor {
        let Some(axes) = self.axes(op, axes) else { return Tensor::poisoned() };
        let axes: Vec<isize> = axes.iter().map(|&a| a as isize).collect();
        self.cast(DType::I64).sum(axes)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{DType, Tensor};
    use gradus_testkit::{Array, Case};

    fn over_rows(case: Case, oracle: fn(&[f64]) -> bool) {
        case.typed([4, 3], DType::Bool, 0..2)
            .oracle_of(move |x| {
                let of_row = |row: &[f64]| f64::from(u8::from(oracle(row)));
                Array::new([x[0].shape[0]], x[0].rows().map(of_row).collect::<Vec<_>>())
            })
            .not_differentiable()
            .run();
    }

    #[test]
    fn all() {
        over_rows(check("all", |x| x[0].all(1)), |row| row.iter().all(|&m| m != 0.0));
        assert_eq!(Tensor::zeros([2, 0]).gt(0.0).all(1).to_vec::<bool>(), [true, true]);
    }

    #[test]
    fn any() {
        over_rows(check("any", |x| x[0].any(1)), |row| row.iter().any(|&m| m != 0.0));
        assert_eq!(Tensor::zeros([2, 0]).gt(0.0).any(1).to_vec::<bool>(), [false, false]);
        assert_eq!(Tensor::from([0.0f32, 0.5]).any(..).to_vec::<bool>(), [true]);
    }
}
