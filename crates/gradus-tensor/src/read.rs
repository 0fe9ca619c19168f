//! Reading values and taking gradients.

use crate::{Tensor, Variable};
use gradus_base::Buffer;
use gradus_base::{DType, Element, Error, Result, bf16, f16};
use gradus_graph::{self as graph, Meta, constant, report};
use std::panic::Location;

impl Tensor {
    /// The elements as `T`, which must hold each of them exactly: numbers are changed by
    /// [`Tensor::cast`] only. Computes them if they are not computed yet.
    ///
    /// **Shape** `[..]` → as many elements, row-major.
    ///
    /// # Panics
    /// If computing the elements meets a bad value, such as an index out of range, or `T` does not
    /// hold one of them exactly. Inside
    /// [`crate::try_build`] that gives zeros, for nobody to see.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor};
    /// let x = Tensor::from([1.0f32, 2.5]);
    /// assert_eq!(x.to_vec::<f64>(), [1.0, 2.5]);
    /// assert_eq!(x.cast(DType::I64).to_vec::<i64>(), [1, 2]);
    /// assert!(x.try_to_vec::<i64>().is_err());
    /// ```
    #[track_caller]
    #[doc(alias("tolist", "numpy", "convert_to_numpy"))]
    pub fn to_vec<T: Element>(&self) -> Vec<T> {
        match self.try_to_vec() {
            Ok(elements) => elements,
            Err(e) => {
                report(e);
                vec![T::from_f64(0.0); self.len()]
            }
        }
    }

    /// [`Tensor::to_vec`] with a `Result`.
    ///
    /// **Shape** `[..]` → as many elements, row-major.
    ///
    /// # Errors
    /// When computing the elements meets a bad value, such as an index out of range, or `T` does
    /// not hold one of them exactly.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.5]);
    /// assert_eq!(x.try_to_vec::<f64>(), Ok(vec![1.0, 2.5]));
    /// let error = x.try_to_vec::<i64>().unwrap_err().to_string();
    /// assert!(error.starts_with("to_vec: element 1 is 2.5, f32, which i64 does not hold"));
    /// ```
    pub fn try_to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.elements("to_vec")
    }

    /// The only element, as f64.
    ///
    /// **Shape** one element under any number of axes, `[]`, `[1]` or `[1, 1]` → a number.
    ///
    /// # Panics
    /// If there is not exactly one element, computing it meets a bad value, or f64 does not hold it
    /// exactly (a large i64). Inside [`crate::try_build`] that gives NaN, for nobody to see.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).sum(..).item(), 3.0);
    /// ```
    #[track_caller]
    pub fn item(&self) -> f64 {
        let element = match self.len() {
            1 => self.elements("item").map(|elements| elements[0]),
            n => {
                let what = format!("shape {} has {n} elements, not one", self.shape());
                Err(Error::shape("item", what))
            }
        };
        match element {
            Ok(element) => element,
            Err(e) => {
                report(e);
                f64::NAN
            }
        }
    }

    fn elements<T: Element>(&self, op: &str) -> Result<Vec<T>> {
        let buffer = graph::read(std::slice::from_ref(&self.0), &[])?.remove(0);
        let (dtype, len) = (self.dtype(), self.len());
        if dtype == T::DTYPE {
            return Ok(buffer.as_slice::<T>()[..len].to_vec());
        }
        converted(&buffer, dtype, len).map_err(|(at, element)| {
            let to = T::DTYPE;
            let what = format!(
                "element {at} is {element}, {dtype}, which {to} does not hold; cast the tensor first: .cast(DType::{to:?})"
            );
            Error::value(op, what)
        })
    }

    /// Computes the elements now; later reads find them.
    ///
    /// **Shape** any.
    ///
    /// # Errors
    /// When computing them meets a bad value, such as an index out of range, or they depend on an
    /// argument of [`compile`](crate::compile) outside of its step.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let rows = Tensor::ones([2, 3]);
    /// assert!(rows.index_select(0, &Tensor::from([1i64])).try_read().is_ok());
    /// let error = rows.index_select(0, &Tensor::from([2i64])).try_read().unwrap_err();
    /// assert!(error.to_string().starts_with("gather: index 2 at position 0 is outside axis 0"));
    /// ```
    pub fn try_read(&self) -> Result<&Tensor> {
        graph::read(std::slice::from_ref(&self.0), &[])?;
        Ok(self)
    }
}

/// The elements as `T`, or the place of the first that `T` does not hold and what it is.
fn converted<T: Element>(
    buffer: &Buffer,
    dtype: DType,
    len: usize,
) -> std::result::Result<Vec<T>, (usize, String)> {
    match dtype {
        DType::F32 => each::<f32, T>(buffer, len, held),
        DType::F64 => each::<f64, T>(buffer, len, held),
        DType::F16 => each::<f16, T>(buffer, len, held),
        DType::BF16 => each::<bf16, T>(buffer, len, held),
        DType::I32 => each::<i32, T>(buffer, len, held),
        DType::U8 => each::<u8, T>(buffer, len, held),
        DType::Bool => each::<bool, T>(buffer, len, held),
        // On their way through f64, which has 53 bits, none may be lost.
        DType::I64 => {
            each::<i64, T>(buffer, len, |x| held(x).filter(|_| x as f64 as i128 == i128::from(x)))
        }
    }
}

fn each<S: Element, T: Element>(
    buffer: &Buffer,
    len: usize,
    held: impl Fn(S) -> Option<T>,
) -> std::result::Result<Vec<T>, (usize, String)> {
    let source = buffer.as_slice::<S>()[..len].iter().enumerate();
    source.map(|(at, &x)| held(x).ok_or_else(|| (at, format!("{x:?}")))).collect()
}

/// The same number in another type, if that has it.
fn held<S: Element, T: Element>(x: S) -> Option<T> {
    let x = x.to_f64();
    let same = match T::DTYPE.is_float() {
        true => x.is_nan() || T::from_f64(x).to_f64() == x,
        false => T::DTYPE.number(x).is_ok(),
    };
    same.then(|| T::from_f64(x))
}

/// Computes several tensors together, so that what they share is computed once.
///
/// **Shape** any.
///
/// # Panics
/// If computing meets a bad value; [`Tensor::try_read`] gives an `Err` instead.
///
/// ```
/// use gradus_tensor::{Tensor, read};
/// let x = Tensor::from([1.0f32, 2.0]).exp();
/// let (sum, largest) = (x.sum(..), x.max(..));
/// read([&sum, &largest]);
/// assert!(sum.item() > largest.item()); // already computed
/// ```
#[track_caller]
pub fn read<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) {
    let nodes: Vec<_> = tensors.into_iter().map(|t| t.0.clone()).collect();
    if let Err(e) = graph::read(&nodes, &[]) {
        report(e);
    }
}

/// Computes `reads` and gives every variable its new value, all together: each new value is
/// computed from what the variables held before.
///
/// **Shape** each new value has that of its variable.
///
/// # Errors
/// When the shape or type of a new value is not that of its variable, a variable gets two values,
/// or computing meets a bad value. Then no variable changes, unless the bad value lies in an update
/// itself.
///
/// ```
/// use gradus_tensor::{Tensor, Variable, update};
/// let [a, b] = [1.0f32, 2.0].map(|x| Variable::new("x", &Tensor::from(x)));
/// update(&[], &[(a.clone(), b.tensor()), (b.clone(), a.tensor())])?;
/// assert_eq!((a.value().item(), b.value().item()), (2.0, 1.0)); // they change places
/// assert!(update(&[], &[(a, Tensor::ones([3]))]).is_err());
/// # Ok::<(), gradus_tensor::Error>(())
/// ```
pub fn update(reads: &[&Tensor], updates: &[(Variable, Tensor)]) -> Result<()> {
    let nodes: Vec<_> = reads.iter().map(|t| t.0.clone()).collect();
    let updates: Vec<_> = updates.iter().map(|(v, t)| (v.0.clone(), t.0.clone())).collect();
    graph::read(&nodes, &updates).map(|_| ())
}

/// The gradients of the one-element `y` with respect to each of `xs`. They are graph, so they have
/// gradients in turn.
///
/// **Shape** `y` of one element → one gradient of the shape of each x.
///
/// # Panics
/// If `y` has not exactly one element or is not a float, does not depend on an `x`, or an op
/// between them has no gradient.
///
/// ```
/// use gradus_tensor::{Tensor, grad};
/// let x = Tensor::from(3.0f32);
/// let y = &x * &x * &x;
/// let [dy] = grad(&y, [&x]);
/// let [ddy] = grad(&dy, [&x]);
/// assert_eq!((dy.item(), ddy.item()), (27.0, 18.0));
/// ```
#[track_caller]
#[doc(alias("backward", "GradientTape"))]
pub fn grad<const N: usize>(y: &Tensor, xs: [&Tensor; N]) -> [Tensor; N] {
    let nodes: Vec<_> = xs.iter().map(|x| x.0.clone()).collect();
    let found = graph::grad(&y.0, &nodes);
    let mut found = found.into_iter().map(Tensor);
    std::array::from_fn(|_| found.next().expect("one gradient per x"))
}

/// The gradients of the one-element `y` with respect to each of `xs`, `None` where it does not
/// depend on one.
///
/// **Shape** `y` of one element → one gradient of the shape of each x.
///
/// # Errors
/// When `y` has not exactly one element or is not a float, or an op between `y` and an x has no
/// gradient.
///
/// ```
/// use gradus_tensor::{Tensor, gradients};
/// let (x, z) = (Tensor::from(3.0f32), Tensor::from(5.0f32));
/// let found = gradients(&x.square(), &[x.clone(), z])?;
/// assert_eq!(found[0].as_ref().map(Tensor::item), Some(6.0));
/// assert!(found[1].is_none());
/// let error = gradients(&x.floor(), &[x]).unwrap_err().to_string();
/// assert!(error.starts_with("floor: has no gradient"));
/// # Ok::<(), gradus_tensor::Error>(())
/// ```
#[track_caller]
#[doc(alias = "zero_grad")]
pub fn gradients(y: &Tensor, xs: &[Tensor]) -> Result<Vec<Option<Tensor>>> {
    gradients_by(y, xs, |_| None)
}

/// As [`gradients`], but by rules of your own where they are given: for each function of one value that a gradient crosses
/// (`relu`, `tanh`, `exp`), `rule` may say what is passed on instead of the derivative times `dy`. What comes out is then no
/// gradient of `y`, but what such rules define: guided backpropagation, a deconvolutional net, relevances. An op of your own
/// is met by its name.
///
/// **Shape** `y` of one element → one value of the shape of each x.
///
/// # Errors
/// As [`gradients`], and when a rule gives another shape or type than its `x` has.
///
/// **Paper** Springenberg et al. 2014, arXiv:1412.6806 §3.4, for the rule of the example.
///
/// ```
/// use gradus_tensor::{Tensor, gradients, gradients_by};
/// let x = Tensor::from([2.0f32, -1.0, 3.0]);
/// let y = (x.relu() * Tensor::from([1.0f32, 1.0, -5.0])).sum(..);
/// // Guided: a negative gradient stops, as one does that meets a negative value.
/// let guided = gradients_by(&y, &[x.clone()], |at| {
///     (at.op == "relu").then(|| at.dy.relu() * at.x.step())
/// })?;
/// assert_eq!(guided[0].as_ref().unwrap().to_vec::<f32>(), [1.0, 0.0, 0.0]);
/// assert_eq!(gradients(&y, &[x])?[0].as_ref().unwrap().to_vec::<f32>(), [1.0, 0.0, -5.0]);
/// # Ok::<(), gradus_tensor::Error>(())
/// ```
#[track_caller]
pub fn gradients_by(
    y: &Tensor,
    xs: &[Tensor],
    rule: impl Fn(&Crossing<'_>) -> Option<Tensor>,
) -> Result<Vec<Option<Tensor>>> {
    if y.len() != 1 {
        let what = format!(
            "y has shape {}; a gradient starts at one number: take its sum or mean",
            y.shape()
        );
        return Err(Error::shape("grad", what).at(Location::caller()));
    }
    let nodes: Vec<_> = xs.iter().map(|x| x.0.clone()).collect();
    let one = constant(1.0, Meta::new(y.shape(), y.dtype()));
    let rule = |node: &graph::Node, dy: &graph::Node| {
        let [x, y, dy] = [&node.inputs()[0], node, dy].map(|node| Tensor(node.clone()));
        rule(&Crossing { op: node.name(), x: &x, y: &y, dy: &dy }).map(|dx| dx.0)
    };
    let found = graph::gradients_by(&[(y.0.clone(), one)], &nodes, &rule)?;
    Ok(found.into_iter().map(|n| n.map(Tensor)).collect())
}

/// A function of one value that a gradient crosses: see [`gradients_by`].
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    /// The name of the op.
    pub op: &'a str,
    /// What it was given.
    pub x: &'a Tensor,
    /// What it gave.
    pub y: &'a Tensor,
    /// What has come back to it: the gradient of `y`, by the rules that were crossed so far.
    pub dy: &'a Tensor,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::try_build;

    /// What is one number everywhere has its gradient as anything else, whatever way it goes.
    #[test]
    fn views_of_constants_have_gradients() {
        let x = Tensor::ones([2, 3]);
        let w = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let by = |y: Tensor| gradients(&y.sum(..), std::slice::from_ref(&x)).unwrap().remove(0);
        let found = [
            by(x.reshape([6]) * w.reshape([6])),
            by(x.t() * w.t()),
            by(x.slice(1, 1..) * w.slice(1, 1..)),
            by(x.unsqueeze(0).broadcast_to([2, 2, 3]) * &w),
            by(&x * &w + x.reshape([3, 2]).reshape([2, 3]) * &w),
        ];
        let found = found.map(|dx| dx.expect("it depends on x").to_vec::<f32>());
        let times = |k: f32| [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(|w| k * w);
        let part = [0.0, 2.0, 3.0, 0.0, 5.0, 6.0];
        assert_eq!(found, [times(1.0), times(1.0), part, times(2.0), times(2.0)]);
    }

    #[test]
    fn a_rule_for_gradients_is_held_to_its_shape() {
        let x = Tensor::from([1.0f32, 2.0]);
        let by = |give: fn(&Tensor) -> Tensor| {
            gradients_by(&x.tanh().sum(..), std::slice::from_ref(&x), |at| Some(give(at.dy)))
        };
        assert_eq!(by(|dy| dy * 3.0).unwrap()[0].as_ref().unwrap().to_vec::<f32>(), [3.0, 3.0]);
        let e = by(|dy| dy.sum(..)).unwrap_err().to_string();
        assert!(e.starts_with("tanh: a rule gave f32 [] for the gradient of f32 [2]"), "{e}");
    }

    #[test]
    fn reading_keeps_every_number_or_says_which_it_cannot() {
        let nan = f32::NAN;
        assert_eq!(Tensor::from([1.5f32, -0.25]).to_vec::<f64>(), [1.5, -0.25]);
        let half = Tensor::from([1.5f64, -0.25]).to_vec::<f16>();
        assert_eq!(half, [1.5, -0.25].map(f16::from_f64));
        assert_eq!(Tensor::from([3.0f32, -2.0]).to_vec::<i64>(), [3, -2]);
        assert_eq!(Tensor::from([7u8, 255]).to_vec::<i32>(), [7, 255]);
        assert_eq!(Tensor::from([true, false]).to_vec::<f32>(), [1.0, 0.0]);
        assert_eq!(Tensor::from([1i64, 0]).to_vec::<bool>(), [true, false]);
        assert_eq!(Tensor::from([i64::MAX]).to_vec::<i64>(), [i64::MAX]);
        assert_eq!(Tensor::from([i64::MIN]).to_vec::<f64>(), [-(2f64.powi(63))]);
        let far = Tensor::from([f32::INFINITY, nan]).to_vec::<f64>();
        assert!(far[0] == f64::INFINITY && far[1].is_nan());
        let refused = [
            Tensor::from([0.0f32, 1.5]).try_to_vec::<i64>().map(|_| ()),
            Tensor::from([0.0f32, nan]).try_to_vec::<u8>().map(|_| ()),
            Tensor::from([0.0f32, 2f32.powi(63)]).try_to_vec::<i64>().map(|_| ()),
            Tensor::from([0i64, 300]).try_to_vec::<u8>().map(|_| ()),
            Tensor::from([0i64, 2]).try_to_vec::<bool>().map(|_| ()),
            Tensor::from([0i64, (1 << 24) + 1]).try_to_vec::<f32>().map(|_| ()),
            Tensor::from([0i64, (1 << 53) + 1]).try_to_vec::<f64>().map(|_| ()),
            Tensor::from([0i64, i64::MAX]).try_to_vec::<f64>().map(|_| ()),
            Tensor::from([0.0f64, 0.1]).try_to_vec::<f32>().map(|_| ()),
            Tensor::from([0.0f64, 1e300]).try_to_vec::<f32>().map(|_| ()),
        ];
        for (case, read) in refused.into_iter().enumerate() {
            let e = read.expect_err(&format!("case {case}")).to_string();
            assert!(e.starts_with("to_vec: element 1 is ") && e.contains(".cast(DType::"), "{e}");
        }
        let e = try_build(|| Tensor::from([0.5f64, 0.1]).to_vec::<f32>()).unwrap_err().to_string();
        let want = "to_vec: element 1 is 0.1, f64, which f32 does not hold; cast the tensor first: \
                    .cast(DType::F32)\n  at ";
        assert!(e.starts_with(want) && e.contains("read.rs:"), "{e}");
        let e = try_build(|| Tensor::from([(1i64 << 53) + 1]).item()).unwrap_err().to_string();
        assert!(e.starts_with("item: element 0 is 9007199254740993, i64, which f64"), "{e}");
    }
}
