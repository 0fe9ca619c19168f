//! Reading and writing by indices into several axes, or along one: what is made of flat rows.

use super::{Scatter, flat};
use crate::ops::kernel::expect_i64;
use crate::{DType, Shape, Tensor};
use gradus_base::{Error, Result};

/// Places of a shape's elements in a flat row.
fn strides(shape: &[usize]) -> Vec<i64> {
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>() as i64;
    (0..shape.len()).map(stride).collect()
}

/// src joined to x at flat places.
#[track_caller]
fn joined(how: Scatter, x: &Tensor, places: &Tensor, src: &Tensor) -> Tensor {
    let (shape, dtype) = (x.shape(), x.dtype());
    let [x, places, src] = [x, places, src].map(|t| t.reshape([t.len()]));
    let y = match how {
        Scatter::Add => {
            // Booleans and bytes hold no sums.
            let wide = if dtype.is_float() { dtype } else { DType::I64 };
            let (x, src) = (x.cast(wide), src.cast(wide));
            (&x + src.scatter_add(0, &places, x.len())).cast(dtype)
        }
        // Products of half types are made in f32 and rounded once, as sums are.
        Scatter::Mul if matches!(dtype, DType::F16 | DType::BF16) => {
            flat(how, &x.cast(DType::F32), &places, &src.cast(DType::F32)).cast(dtype)
        }
        _ => flat(how, &x, &places, &src),
    };
    y.reshape(shape)
}

fn same_type(op: &str, x: &Tensor, src: &Tensor) -> Result<()> {
    Tensor::sound([x, src])?;
    match x.dtype() == src.dtype() {
        true => Ok(()),
        false => {
            let what = format!("elements {} into {}; cast one of them", src.dtype(), x.dtype());
            Err(Error::dtype(op, what))
        }
    }
}

impl Tensor {
    /// Joins each element of `src` to the one of this tensor whose place on `axis` its index names: y[.., ids[.., j, ..], ..].
    /// Elements that meet in one place are joined in order. PyTorch has it as `scatter` and `scatter_reduce`.
    ///
    /// **Shape** `x [A, N, B]`, `ids i64 [A', M, B']` and `src [A', M, B']` with A' ≤ A and B' ≤ B → `[A, N, B]`. An index outside
    /// the axis is an error of the run. The gradients of a product are right where factors are 0, equal extremes share theirs.
    ///
    /// # Panics
    /// If the axis is not there, `ids` is not i64 or larger than this elsewhere than on the axis, or `src` has another shape than
    /// `ids` or another type than this.
    ///
    /// ```
    /// use gradus_tensor::{Scatter, Tensor};
    /// let (x, ids) = (Tensor::from([1.0f32, 2.0, 3.0]), Tensor::from([2i64, 0, 2]));
    /// let src = Tensor::from([4.0f32, 5.0, 6.0]);
    /// assert_eq!(x.scatter(0, &ids, &src, Scatter::Replace).to_vec::<f32>(), [5.0, 2.0, 6.0]);
    /// assert_eq!(x.scatter(0, &ids, &src, Scatter::Mul).to_vec::<f32>(), [5.0, 2.0, 72.0]);
    /// ```
    #[track_caller]
    pub fn scatter(&self, axis: isize, ids: &Tensor, src: &Tensor, how: Scatter) -> Tensor {
        const OP: &str = "scatter";
        let Some(axis) = self.axis(OP, axis) else { return Tensor::poisoned() };
        let checked = expect_i64(OP, "indices", ids).and_then(|()| same_type(OP, self, src));
        if let Err(e) = checked {
            return Tensor::refuse(e);
        }
        let (shape, small) = (self.shape(), ids.shape());
        let fits = small.rank() == shape.rank()
            && (0..shape.rank()).all(|a| a == axis || small[a] <= shape[a]);
        if !fits || src.shape() != small {
            let what = format!("x {shape}, ids {small}, elements {}", src.shape());
            return Tensor::refuse(Error::shape(OP, what));
        }
        // A place is the index's own plus that of the element on the other axes.
        let strides = strides(&shape);
        let mut rest = small;
        rest = rest.with(axis, 1);
        let mut base = vec![0i64; rest.len()];
        for (i, base) in base.iter_mut().enumerate() {
            let mut left = i;
            for a in (0..rest.rank()).rev() {
                *base += (left % rest[a]) as i64 * strides[a];
                left /= rest[a];
            }
        }
        let own = bounded(ids, shape[axis]) * Tensor::scalar(strides[axis]);
        joined(how, self, &(own + Tensor::from_slice(&base, rest)), src)
    }

    /// Slices by indices into the first axes: y[i.., ..] = x[ids[i.., 0], ids[i.., 1], ..]. With `batch` axes, those come before on
    /// both sides and each has its own.
    ///
    /// **Shape** `x [B.., N.., S..]`, `ids i64 [B.., I.., k]` with one of k for each of N → `[B.., I.., S..]`. An index outside its
    /// axis is an error of the run.
    ///
    /// # Panics
    /// If `ids` is not i64, or has not the batch axes of this and at most as many indices in its last axis as there are axes left.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.gather_nd(&Tensor::from([[0i64, 1], [1, 0]]), 0).to_vec::<f32>(), [2.0, 3.0]);
    /// assert_eq!(x.gather_nd(&Tensor::from([[1i64]]), 0).to_vec::<f32>(), [3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn gather_nd(&self, ids: &Tensor, batch: usize) -> Tensor {
        let places = match places("gather_nd", self, ids, batch) {
            Ok(places) => places,
            Err(e) => return Tensor::refuse(e),
        };
        let (shape, k) = (self.shape(), ids.shape()[ids.rank() - 1]);
        let sizes = [&ids.shape()[..ids.rank() - 1], &shape[batch + k..]].concat();
        let shape = match Shape::try_new(&sizes) {
            Ok(shape) => shape,
            Err(e) => return Tensor::refuse(Error { op: "gather_nd".into(), ..e }),
        };
        let (count, slice) = (places.len(), self.shape()[batch + k..].iter().product::<usize>());
        let rows = self.len().checked_div(slice).unwrap_or(0);
        let taken = match rows {
            0 => Tensor::full_of([count, slice], 0.0, self.dtype()),
            _ => self.reshape([rows, slice]).index_select(0, &places.reshape([count])),
        };
        taken.reshape(shape)
    }

    /// Joins slices to those of this tensor that indices into the first axes name: y[ids[i.., 0], ids[i.., 1], ..] with src[i.., ..].
    /// Slices that meet in one place are joined in order.
    ///
    /// **Shape** `x [N.., S..]`, `ids i64 [I.., k]` with one of k for each of N, `src [I.., S..]` → `[N.., S..]`. An index outside its
    /// axis is an error of the run. Gradients are those of [`Tensor::scatter`].
    ///
    /// # Panics
    /// If `ids` is not i64 or has more indices in its last axis than there are axes, or `src` has another shape or type.
    ///
    /// ```
    /// use gradus_tensor::{Scatter, Tensor};
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let (ids, src) = (Tensor::from([[0i64, 1], [1, 1]]), Tensor::from([5.0f32, 6.0]));
    /// let y = x.scatter_nd(&ids, &src, Scatter::Replace);
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 5.0, 3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn scatter_nd(&self, ids: &Tensor, src: &Tensor, how: Scatter) -> Tensor {
        const OP: &str = "scatter_nd";
        let checked = same_type(OP, self, src).and_then(|()| places(OP, self, ids, 0));
        let places = match checked {
            Ok(places) => places,
            Err(e) => return Tensor::refuse(e),
        };
        let k = ids.shape()[ids.rank() - 1];
        let rest = &self.shape()[k..];
        if *src.shape() != *[&ids.shape()[..ids.rank() - 1], rest].concat() {
            let (x, ids, src) = (self.shape(), ids.shape(), src.shape());
            let what = format!("x {x}, ids {ids}, elements {src}");
            return Tensor::refuse(Error::shape(OP, what));
        }
        let slice: usize = rest.iter().product();
        let count = places.len();
        let inner: Vec<i64> = (0..slice as i64).collect();
        let first = places.reshape([count, 1]) * Tensor::scalar(slice as i64);
        joined(how, self, &(first + Tensor::from_slice(&inner, [1, slice])), src)
    }
}

/// Indices as they are, or an error of the run that names the first outside of an axis of this size.
fn bounded(ids: &Tensor, size: usize) -> Tensor {
    let all: Vec<i64> = (0..size as i64).collect();
    let flat = ids.reshape([ids.len()]);
    Tensor::from_slice(&all, [size]).index_select(0, &flat).reshape(ids.shape())
}

/// For each tuple of indices the number of its slice.
fn places(op: &str, x: &Tensor, ids: &Tensor, batch: usize) -> Result<Tensor> {
    Tensor::sound([x, ids])?;
    expect_i64(op, "indices", ids)?;
    let (shape, tuples) = (x.shape(), ids.shape());
    let k = tuples.last().copied().unwrap_or(0);
    let fits = tuples.rank() > batch
        && batch + k <= shape.rank()
        && tuples.rank() > 0
        && tuples[..batch] == shape[..batch];
    if !fits {
        let what = format!("x {shape}, ids {tuples}, {batch} batch axes");
        return Err(Error::shape(op, what));
    }
    let indexed = &shape[..batch + k];
    let strides = strides(indexed);
    let mut sum = Tensor::full_of(tuples.with(tuples.rank() - 1, 1), 0.0, DType::I64).squeeze(-1);
    for axis in 0..batch {
        let number: Vec<i64> = (0..shape[axis] as i64).map(|n| n * strides[axis]).collect();
        let mut along = vec![1; sum.rank()];
        along[axis] = shape[axis];
        sum += Tensor::from_slice(&number, along);
    }
    for j in 0..k {
        let own = bounded(&ids.select(-1, j), shape[batch + j]);
        sum += own * Tensor::scalar(strides[batch + j]);
    }
    Ok(sum)
}
