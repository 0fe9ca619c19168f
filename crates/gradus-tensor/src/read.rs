//! Reading values and taking gradients.

use crate::{Tensor, Variable};
use gradus_base::{DType, Element, Error, Result, bf16, f16};
use gradus_cpu::Buffer;
use gradus_graph::{self as graph, Meta, constant, fail};
use std::panic::Location;

impl Tensor {
    /// The elements in row-major order, converted to `T`.
    ///
    /// # Panics
    /// Where [`Tensor::try_to_vec`] errs.
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Vec<T> {
        let here = Location::caller();
        self.try_to_vec().unwrap_or_else(|e| fail(e, here))
    }

    /// The elements in row-major order, converted to `T`.
    ///
    /// # Errors
    /// When computing them meets a bad value, such as an index out of range.
    pub fn try_to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let buffer = graph::read(std::slice::from_ref(&self.0), &[])?.remove(0);
        Ok(convert(&buffer, self.dtype(), self.len()))
    }

    /// The only element, as f64.
    ///
    /// # Panics
    /// If there are more or fewer, or where [`Tensor::try_read`] errs.
    #[track_caller]
    pub fn item(&self) -> f64 {
        if self.len() != 1 {
            let what = format!("shape {} has {} elements, not one", self.shape(), self.len());
            fail(Error::shape("item", what), Location::caller());
        }
        self.to_vec::<f64>()[0]
    }

    /// Computes the elements now; later reads find them.
    ///
    /// # Errors
    /// When computing them meets a bad value, such as an index out of range.
    pub fn try_read(&self) -> Result<&Tensor> {
        graph::read(std::slice::from_ref(&self.0), &[])?;
        Ok(self)
    }
}

fn convert<T: Element>(buffer: &Buffer, dtype: DType, len: usize) -> Vec<T> {
    fn all<S: Element, T: Element>(buffer: &Buffer, len: usize) -> Vec<T> {
        let source = &buffer.as_slice::<S>()[..len];
        source.iter().map(|&x| T::from_f64(x.to_f64())).collect()
    }
    match dtype {
        DType::F32 => all::<f32, T>(buffer, len),
        DType::F64 => all::<f64, T>(buffer, len),
        DType::F16 => all::<f16, T>(buffer, len),
        DType::BF16 => all::<bf16, T>(buffer, len),
        DType::I32 => all::<i32, T>(buffer, len),
        DType::I64 => integers(&buffer.as_slice::<i64>()[..len]),
        DType::U8 => all::<u8, T>(buffer, len),
        DType::Bool => all::<bool, T>(buffer, len),
    }
}

/// i64 to i64 must not pass through f64, which holds 53 bits.
fn integers<T: Element>(values: &[i64]) -> Vec<T> {
    let any: &dyn std::any::Any = &values.to_vec();
    match any.downcast_ref::<Vec<T>>() {
        Some(same) => same.clone(),
        None => values.iter().map(|&x| T::from_f64(x as f64)).collect(),
    }
}

/// Computes several tensors together, sharing what they share.
///
/// # Panics
/// When computing meets a bad value; [`Tensor::try_read`] gives an `Err` instead.
#[track_caller]
pub fn read<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) {
    let nodes: Vec<_> = tensors.into_iter().map(|t| t.0.clone()).collect();
    if let Err(e) = graph::read(&nodes, &[]) {
        fail(e, Location::caller());
    }
}

/// Computes `reads` and gives every variable its new value, all together: each new value is computed from what the
/// variables held before.
///
/// # Errors
/// When a new value's shape is not its variable's, or computing meets a bad value.
pub fn update(reads: &[&Tensor], updates: &[(Variable, Tensor)]) -> Result<()> {
    let nodes: Vec<_> = reads.iter().map(|t| t.0.clone()).collect();
    let updates: Vec<_> = updates.iter().map(|(v, t)| (v.0.clone(), t.0.clone())).collect();
    graph::read(&nodes, &updates).map(|_| ())
}

/// The gradients of the one-element `y` with respect to each of `xs`. They are graph, so they have gradients in turn.
///
/// # Panics
/// If `y` has several elements, does not depend on an `x`, or an op between them has no gradient.
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
pub fn grad<const N: usize>(y: &Tensor, xs: [&Tensor; N]) -> [Tensor; N] {
    let nodes: Vec<_> = xs.iter().map(|x| x.0.clone()).collect();
    let found = graph::grad(&y.0, &nodes);
    let mut found = found.into_iter().map(Tensor);
    std::array::from_fn(|_| found.next().expect("one gradient per x"))
}

/// The gradients of the one-element `y` with respect to each of `xs`, `None` where it does not depend on one.
///
/// # Errors
/// When `y` has several elements or an op between them has no gradient.
#[track_caller]
pub fn gradients(y: &Tensor, xs: &[Tensor]) -> Result<Vec<Option<Tensor>>> {
    if y.len() != 1 {
        let what = format!(
            "y has shape {}; a gradient starts at one number: take its sum or mean",
            y.shape()
        );
        return Err(Error::shape("grad", what).at(Location::caller()));
    }
    let nodes: Vec<_> = xs.iter().map(|x| x.0.clone()).collect();
    let one = constant(1.0, Meta::new(y.shape(), y.dtype()));
    let found = graph::gradients(&y.0, &one, &nodes)?;
    Ok(found.into_iter().map(|n| n.map(Tensor)).collect())
}
