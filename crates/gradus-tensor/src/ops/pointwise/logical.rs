//! logical_and, logical_or, logical_xor, logical_not of masks   bool [..], bool [..] -> bool [..]

use super::{compare, mask};
use crate::Tensor;
use gradus_base::Real;
use gradus_base::expr::Sym;

impl Tensor {
    /// A mask, true where both are: a ∧ b. Numbers count as true where they are not 0.
    ///
    /// **Shape** `bool [..], bool [..] -> bool [..]`, broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types have none in common
    /// ([`DType::join`](crate::DType::join)).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.gt(1.0).logical_and(&x.lt(3.0)).to_vec::<bool>(), [false, true, false]);
    /// ```
    #[track_caller]
    pub fn logical_and(&self, other: &Tensor) -> Tensor {
        compare("logical_and", [self, other], |a, b| Sym::and(a.as_mask(), b.as_mask()))
    }

    /// A mask, true where at least one is: a ∨ b. Numbers count as true where they are not 0.
    ///
    /// **Shape** `bool [..], bool [..] -> bool [..]`, broadcast.
    ///
    /// # Panics
    /// As [`Tensor::logical_and`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.le(1.0).logical_or(&x.ge(3.0)).to_vec::<bool>(), [true, false, true]);
    /// ```
    #[track_caller]
    pub fn logical_or(&self, other: &Tensor) -> Tensor {
        compare("logical_or", [self, other], |a, b| Sym::or(a.as_mask(), b.as_mask()))
    }

    /// A mask, true where exactly one is: a ⊕ b. Numbers count as true where they are not 0.
    ///
    /// **Shape** `bool [..], bool [..] -> bool [..]`, broadcast.
    ///
    /// # Panics
    /// As [`Tensor::logical_and`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([false, true]), Tensor::from([true, true]));
    /// assert_eq!(a.logical_xor(&b).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn logical_xor(&self, other: &Tensor) -> Tensor {
        compare("logical_xor", [self, other], |a, b| {
            let (a, b) = (a.as_mask(), b.as_mask());
            Sym::and(Sym::or(a, b), Sym::not(Sym::and(a, b)))
        })
    }

    /// A mask, true where this is not: ¬a. Numbers count as true where they are not 0.
    ///
    /// **Shape** `bool [..] -> bool [..]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([false, true]).logical_not().to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn logical_not(&self) -> Tensor {
        mask("logical_not", [self], |[a]| Sym::not(a.as_mask()))
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;
    use crate::ops::check;

    fn logical(name: &str, op: fn(&Tensor, &Tensor) -> Tensor, want: [f64; 4]) {
        check(name, move |x| op(&x[0], &x[1]))
            .mask()
            .mask()
            .oracle(move |x| want[2 * x[0] as usize + x[1] as usize])
            .example(&[&[0.0, 0.0, 1.0, 1.0], &[0.0, 1.0, 0.0, 1.0]], &want)
            .not_differentiable()
            .run();
    }

    #[test]
    fn logical_and() {
        logical("logical_and", |a, b| a.logical_and(b), [0.0, 0.0, 0.0, 1.0]);
    }
    #[test]
    fn logical_or() {
        logical("logical_or", |a, b| a.logical_or(b), [0.0, 1.0, 1.0, 1.0]);
    }
    #[test]
    fn logical_xor() {
        logical("logical_xor", |a, b| a.logical_xor(b), [0.0, 1.0, 1.0, 0.0]);
    }
    #[test]
    fn logical_not() {
        let case = check("logical_not", |x| x[0].logical_not()).mask().oracle(|x| 1.0 - x[0]);
        case.example(&[&[0.0, 1.0]], &[1.0, 0.0]).not_differentiable().run();
    }
}
