//! gather and scatter_add: reading along an axis by index, and its opposite.
//!
//! gather: y[i, j, k] = x[i, ids[i, j, k], k]   x [A, N, B]   ids [A, M, B]   y [A, M, B]
//! scatter_add: y[i, n, k] = Σ over j with ids[i, j, k] = n of x[i, j, k]   x [A, M, B]
//! y [A, N, B]
//!
//! With one list of indices for all rows (`index_select`, `embedding`) ids is [M]. Each is the
//! other's gradient, so the family is closed. Sums run in the order of the indices, whatever the
//! number of threads.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
pub(super) mod rows;
#[cfg(test)]
mod tests;

use crate::ops::kernel::expect_i64;
use crate::{DType, Tensor};
use gradus_base::{Error, Result};
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// x, ids → y along `axis`. The ids have y's shape, or are one list for all rows.
#[derive(Clone, Copy, Debug)]
struct Gather {
    axis: usize,
}

/// x, ids → y along `axis`, which gets `size`.
#[derive(Clone, Copy, Debug)]
struct ScatterAdd {
    axis: usize,
    size: usize,
}

impl Rule for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let (x, ids) = (inputs[0], inputs[1].shape);
        let shape = if ids.rank() == 1 { x.shape.try_with(self.axis, ids[0])? } else { ids };
        Ok(vec![Meta::new(shape, x.dtype)])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let size = backward.inputs[0].shape()[self.axis];
        let rule = ScatterAdd { axis: self.axis, size };
        let dx = || sum_in_f32(rule, backward.dy(), &backward.inputs[1]);
        Ok(vec![backward.wanted[0].then(dx), None])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![("axis", Setting::Sizes(vec![self.axis]))])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::gather(self.axis, spec))),
            Device::Reference => {
                let axis = self.axis;
                let gather = move |x: &[Array]| reference::gather(axis, &x[0], &x[1]);
                Some(Plain::of(move |x: &[Array]| Ok(vec![gather(x)?])))
            }
            _ => None,
        }
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

impl Rule for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![Meta::new(inputs[0].shape.try_with(self.axis, self.size)?, inputs[0].dtype)])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let rule = Gather { axis: self.axis };
        let dx = || call_one(rule, &[backward.dy(), &backward.inputs[1]]);
        Ok(vec![backward.wanted[0].then(dx), None])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let sizes = |n| Setting::Sizes(vec![n]);
        Some(vec![("axis", sizes(self.axis)), ("size", sizes(self.size))])
    }

    fn simpler(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        (self.axis == 0)
            .then(|| rows::sums_of_product(&inputs[0], &inputs[1], self.size))?
            .map(|y| vec![y])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::scatter_add(self.axis, spec))),
            Device::Reference => {
                let ScatterAdd { axis, size } = *self;
                let add = move |x: &[Array]| reference::scatter_add(axis, size, &x[0], &x[1]);
                Some(Plain::of(move |x: &[Array]| Ok(vec![add(x)?])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

/// Half types are summed in f32.
#[track_caller]
fn sum_in_f32(rule: ScatterAdd, x: &Node, ids: &Node) -> Node {
    let x = Tensor::from_node(x.clone());
    let wide = match x.dtype() {
        DType::F16 | DType::BF16 => x.cast(DType::F32),
        _ => x.clone(),
    };
    Tensor(call_one(rule, &[&wide.0, ids])).cast(x.dtype()).0
}

impl Tensor {
    /// Takes elements along `axis` by index: y[.., j, ..] = x[.., ids[.., j, ..], ..].
    ///
    /// **Shape** `x [A, N, B]`, `ids i64 [A, M, B]` → `[A, M, B]`. An index outside the axis is an
    /// error of the run.
    ///
    /// # Panics
    /// If the axis is not there, `ids` is not i64, or its shape differs elsewhere than on `axis`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let ids = Tensor::from([[2i64], [0]]);
    /// assert_eq!(x.gather(1, &ids).to_vec::<f32>(), [3.0, 4.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "take_along_axis")]
    pub fn gather(&self, axis: isize, ids: &Tensor) -> Tensor {
        let Some(a) = self.axis("gather", axis) else { return Tensor::poisoned() };
        if let Err(e) = check(self, a, ids, "gather") {
            return Tensor::refuse(e);
        }
        if self.rank() == 1 {
            return self.index_select(0, ids);
        }
        Tensor(call_one(Gather { axis: a }, &[&self.0, &ids.0]))
    }

    /// Adds each element to the place on `axis` that its index names, starting from zeros: the
    /// opposite of [`Tensor::gather`]. Elements that meet in one place are summed in order.
    ///
    /// **Shape** `x [A, M, B]`, `ids i64 [A, M, B]` → `[A, size, B]`. An index outside `0..size` is
    /// an error of the run.
    ///
    /// # Panics
    /// If the axis is not there, `ids` is not i64 or has another shape than this, or the elements
    /// are u8 or bool.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 4.0]);
    /// let y = x.scatter_add(0, &Tensor::from([1i64, 3, 1]), 4);
    /// assert_eq!(y.to_vec::<f32>(), [0.0, 5.0, 0.0, 2.0]);
    /// ```
    #[track_caller]
    #[doc(alias("scatter_add_", "index_add_", "scatter", "segment_sum"))]
    pub fn scatter_add(&self, axis: isize, ids: &Tensor, size: usize) -> Tensor {
        let Some(axis) = self.axis("scatter_add", axis) else { return Tensor::poisoned() };
        if let Err(e) = check(self, axis, ids, "scatter_add") {
            return Tensor::refuse(e);
        }
        if ids.shape() != self.shape() {
            let what = format!("x is {}, ids {}; they must be the same", self.shape(), ids.shape());
            return Tensor::refuse(Error::shape("scatter_add", what));
        }
        if matches!(self.dtype(), DType::Bool | DType::U8) {
            let what = format!("{} does not hold sums; cast to i64 first", self.dtype());
            return Tensor::refuse(Error::dtype("scatter_add", what));
        }
        Tensor(sum_in_f32(ScatterAdd { axis, size }, &self.0, &ids.0))
    }

    /// The slices of an axis that a list of indices names, in its order.
    ///
    /// **Shape** `x [A, N, B]`, `ids i64 [M]` → `[A, M, B]`. An index outside the axis is an error
    /// of the run.
    ///
    /// # Panics
    /// If the axis is not there or `ids` is not an i64 vector.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let y = x.index_select(1, &Tensor::from([1i64, 1, 0]));
    /// assert_eq!(y.to_vec::<f32>(), [2.0, 2.0, 1.0, 4.0, 4.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn index_select(&self, axis: isize, ids: &Tensor) -> Tensor {
        let Some(axis) = self.axis("index_select", axis) else { return Tensor::poisoned() };
        if let Err(e) = expect_i64("index_select", "indices", ids) {
            return Tensor::refuse(e);
        }
        if ids.rank() != 1 {
            let what = format!("indices must be a vector, found {}", ids.shape());
            return Tensor::refuse(Error::shape("index_select", what));
        }
        Tensor(call_one(Gather { axis }, &[&self.0, &ids.0]))
    }

    /// The rows of this table that `ids` name.
    ///
    /// **Shape** table `[N, D]`, `ids i64 [..]` → `[.., D]`. An index outside `0..N` is an error of
    /// the run. The gradient sums, row by row, in the order of `ids`.
    ///
    /// # Panics
    /// If the table is not a matrix or `ids` is not i64.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let table = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let rows = table.embedding(&Tensor::from([1i64, 0, 1]));
    /// assert_eq!(rows.to_vec::<f32>(), [3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn embedding(&self, ids: &Tensor) -> Tensor {
        if self.rank() != 2 {
            let what = format!("the table must be [rows, features], found {}", self.shape());
            return Tensor::refuse(Error::shape("embedding", what));
        }
        match ids.shape().try_inserted(ids.rank(), self.shape()[1]) {
            Ok(shape) => self.index_select(0, &ids.reshape([ids.len()])).reshape(shape),
            Err(e) => Tensor::refuse(Error { op: "embedding".into(), ..e }),
        }
    }

    /// 1 at the place that each id names, 0 elsewhere, in f32.
    ///
    /// **Shape** `ids i64 [..]` → `[.., classes]`. An id outside `0..classes` is an error of the
    /// run.
    ///
    /// # Panics
    /// If the ids are not i64.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let ids = Tensor::from([2i64, 0]);
    /// assert_eq!(ids.one_hot(3).to_vec::<f32>(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "to_categorical")]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        let ids = self.unsqueeze(-1);
        Tensor::ones(ids.shape()).scatter_add(-1, &ids, classes)
    }
}

fn check(x: &Tensor, axis: usize, ids: &Tensor, op: &str) -> Result<()> {
    Tensor::sound([x])?;
    expect_i64(op, "indices", ids)?;
    let (a, b) = (x.shape(), ids.shape());
    if a.rank() != b.rank() || a.with(axis, 0) != b.with(axis, 0) {
        let what = format!("x {a} and ids {b} differ elsewhere than on axis {axis}");
        return Err(Error::shape(op, what));
    }
    Ok(())
}
