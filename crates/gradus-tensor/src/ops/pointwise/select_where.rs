//! select_where(mask, a, b) = a where the mask is set, else b   bool [..], [..], [..] -> [..]

use super::{Pointwise, apply};
use crate::ops::Operand;
use crate::{DType, Tensor};
use gradus_base::{Error, Real};

struct SelectWhere;

impl Pointwise<3> for SelectWhere {
    const NAME: &'static str = "select_where";
    fn formula<R: Real>(&self, [mask, a, b]: [R; 3]) -> R {
        R::select(mask.eq(R::constant(0.0)), b, a)
    }
}

impl Tensor {
    /// `yes` where this mask is true, else `no`: NumPy's `where(mask, yes, no)`. Two numbers give
    /// f32.
    ///
    /// **Shape** `bool [..], [..], [..] -> [..]`, broadcast. NaN on the side not taken leaves no
    /// trace, neither in the value nor in the gradient.
    ///
    /// # Panics
    /// If this is not bool, the shapes do not broadcast, `yes` and `no` have no type in common
    /// ([`DType::join`]), or a number is one that the other side's type does not hold.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([-1.0f32, 2.0]);
    /// assert_eq!(x.gt(0.0).select_where(&x, 0.0).to_vec::<f32>(), [0.0, 2.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "where")]
    pub fn select_where<'a>(
        &self,
        yes: impl Into<Operand<'a>>,
        no: impl Into<Operand<'a>>,
    ) -> Tensor {
        if self.dtype() != DType::Bool {
            let what = format!("the mask is {} {}, not bool", self.dtype(), self.shape());
            return Tensor::refuse(Error::dtype("select_where", what));
        }
        let (yes, no) = match (yes.into(), no.into()) {
            (Operand::Tensor(a), b) => (a.clone(), b.beside("select_where", a)),
            (a, Operand::Tensor(b)) => (a.beside("select_where", b), b.clone()),
            // Two numbers have no type from a tensor: they are floats.
            (a, b) => {
                let float = Tensor::zeros(());
                (a.beside("select_where", &float), b.beside("select_where", &float))
            }
        };
        apply(SelectWhere, [self, &yes, &no])
    }
}

#[test]
fn select_where() {
    let nan = f64::NAN;
    crate::ops::check("select_where", |x| x[0].select_where(&x[1], &x[2]))
        .mask()
        .domain(-2.0..2.0)
        .domain(-2.0..2.0)
        .oracle(|x| if x[0] != 0.0 { x[1] } else { x[2] })
        .example(&[&[1.0, 0.0, 1.0], &[1.0, nan, nan], &[nan, 2.0, 3.0]], &[1.0, 2.0, nan])
        .run();
    let mask = Tensor::from([true, false]);
    assert_eq!(mask.select_where(1.0, &Tensor::from([5i64, 6])).to_vec::<i64>(), [1, 6]);
    assert_eq!(mask.select_where(1.0, -1.0).to_vec::<f32>(), [1.0, -1.0]);
    let e = crate::try_build(|| Tensor::from([1.0f32]).select_where(1.0, 0.0)).unwrap_err();
    assert!(e.to_string().starts_with("select_where: the mask is f32 [1], not bool"), "{e}");
}

/// √ of what is not taken has gradient ∞ at 0, which must not become NaN.
#[test]
fn the_side_not_taken_leaves_no_nan() {
    let x = Tensor::from([0.0f64, 4.0]);
    let safe = x.gt(0.0).select_where(&x, 1.0);
    let y = x.gt(0.0).select_where(&safe.sqrt(), 0.0);
    assert_eq!(crate::grad(&y.sum(..), [&x])[0].to_vec::<f64>(), [0.0, 0.25]);
}
