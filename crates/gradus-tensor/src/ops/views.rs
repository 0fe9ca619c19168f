//! Views: the same elements under other axes. None copies unless memory must be rearranged.

use crate::Tensor;
use gradus_base::{Error, Result, Shape};
use gradus_graph::concat;
use std::ops::{Bound, RangeBounds};

impl Tensor {
    /// The elements in row-major order under another shape.
    ///
    /// **Shape** `[..]` → `shape`, which has as many elements.
    ///
    /// # Panics
    /// If the shapes have different numbers of elements.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([2, 2]);
    /// assert_eq!(x.sum(1).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "view")]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor {
        Tensor(self.0.reshape(shape.into()))
    }

    /// Makes all axes from `axis` on one.
    ///
    /// **Shape** `[.., N, M, ..] -> [.., N·M·..]`: `flatten(1)` of `[N, C, H, W]` is `[N, C·H·W]`.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3, 4]).flatten(1).shape().to_string(), "[2, 12]");
    /// ```
    #[track_caller]
    #[doc(alias = "ravel")]
    pub fn flatten(&self, axis: isize) -> Tensor {
        let Some(axis) = self.axis("flatten", axis) else { return Tensor::poisoned() };
        let mut sizes = self.shape()[..axis].to_vec();
        sizes.push(self.shape()[axis..].iter().product());
        self.reshape(sizes)
    }

    /// Reorders the axes: axis i of the result is axis `order[i]` of this.
    ///
    /// **Shape** `[A, B, C]` → `[C, A, B]` for the order `[2, 0, 1]`.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3, 4]).permute([2, 0, 1]).shape().to_string(), "[4, 2, 3]");
    /// ```
    #[track_caller]
    #[doc(alias("transpose", "moveaxis"))]
    pub fn permute(&self, order: impl AsRef<[isize]>) -> Tensor {
        let order = order.as_ref().iter().map(|&a| self.find_axis("permute", a));
        match order.collect::<Result<Vec<usize>>>() {
            Ok(order) => Tensor(self.0.permute(&order)),
            Err(e) => Tensor::refuse(e),
        }
    }

    /// Exchanges two axes.
    ///
    /// **Shape** `[.., M, .., N, ..] -> [.., N, .., M, ..]`.
    ///
    /// # Panics
    /// If an axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3, 4]).transpose(0, -1).shape().to_string(), "[4, 3, 2]");
    /// ```
    #[track_caller]
    #[doc(alias = "swapaxes")]
    pub fn transpose(&self, a: isize, b: isize) -> Tensor {
        let mut order: Vec<usize> = (0..self.rank()).collect();
        let Some(a) = self.axis("transpose", a) else { return Tensor::poisoned() };
        let Some(b) = self.axis("transpose", b) else { return Tensor::poisoned() };
        order.swap(a, b);
        Tensor(self.0.permute(&order))
    }

    /// Exchanges the last two axes: the transpose of a matrix.
    ///
    /// **Shape** `[.., M, N] -> [.., N, M]`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.t().to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "mT")]
    pub fn t(&self) -> Tensor {
        self.transpose(-2, -1)
    }

    /// Repeats axes of size 1 until the shape is `shape`; NumPy's rule: aligned at the last axis,
    /// sizes equal or 1.
    ///
    /// **Shape** `[.., 1, ..]` → `shape`.
    ///
    /// # Panics
    /// If this shape does not broadcast to it.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32], [2.0]]);
    /// assert_eq!(x.broadcast_to([2, 3]).to_vec::<f32>(), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "expand")]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        Tensor(self.0.expand(shape.into()))
    }

    /// Adds an axis of size 1 before `axis`; −1 appends it.
    ///
    /// **Shape** `[.., ..] -> [.., 1, ..]`.
    ///
    /// # Panics
    /// If `axis` is further than one past the last, or there are 8 axes already.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::ones([2, 3]);
    /// assert_eq!(x.unsqueeze(0).shape().to_string(), "[1, 2, 3]");
    /// assert_eq!(x.unsqueeze(-1).shape().to_string(), "[2, 3, 1]");
    /// ```
    #[track_caller]
    #[doc(alias = "expand_dims")]
    pub fn unsqueeze(&self, axis: isize) -> Tensor {
        let rank = self.rank() as isize;
        let at = if axis < 0 { axis + rank + 1 } else { axis };
        if !(0..=rank).contains(&at) {
            let what = format!("axis {axis} of {}", self.shape());
            return Tensor::refuse(Error::shape("unsqueeze", what));
        }
        match self.shape().try_inserted(at as usize, 1) {
            Ok(shape) => self.reshape(shape),
            Err(e) => Tensor::refuse(Error { op: "unsqueeze".into(), ..e }),
        }
    }

    /// Removes an axis of size 1.
    ///
    /// **Shape** `[.., 1, ..] -> [.., ..]`.
    ///
    /// # Panics
    /// If the axis is not there or its size is not 1.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 1, 3]).squeeze(1).shape().to_string(), "[2, 3]");
    /// ```
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Tensor {
        let Some(a) = self.axis("squeeze", axis) else { return Tensor::poisoned() };
        if self.shape()[a] != 1 {
            let what = format!("axis {axis} of {} has size {}", self.shape(), self.shape()[a]);
            return Tensor::refuse(Error::shape("squeeze", what));
        }
        self.reshape(self.shape().without(a))
    }

    /// The elements of a range along an axis.
    ///
    /// **Shape** `[.., N, ..] -> [.., M, ..]`, where M is the length of the range.
    ///
    /// # Panics
    /// If the axis is not there or the range leaves it or runs backwards.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([10, 11, 12, 13]);
    /// assert_eq!(x.slice(0, 1..3).to_vec::<i32>(), [11, 12]);
    /// ```
    #[track_caller]
    #[doc(alias = "narrow")]
    pub fn slice(&self, axis: isize, range: impl RangeBounds<usize>) -> Tensor {
        let Some(axis) = self.axis("slice", axis) else { return Tensor::poisoned() };
        let start = match range.start_bound() {
            Bound::Included(&s) => s,
            Bound::Excluded(&s) => s + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&e) => e + 1,
            Bound::Excluded(&e) => e,
            Bound::Unbounded => self.shape()[axis],
        };
        if start > end || end > self.shape()[axis] {
            let what = format!("{start}..{end} on axis {axis} of {}", self.shape());
            return Tensor::refuse(Error::shape("slice", what));
        }
        Tensor(self.0.slice(axis, start, 1, end - start))
    }

    /// `len` elements along an axis from `start`, every `step`-th; a negative step walks backwards.
    ///
    /// **Shape** `[.., N, ..] -> [.., len, ..]`.
    ///
    /// # Panics
    /// If the axis is not there, the elements leave it, or the step is 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([10, 11, 12, 13, 14]);
    /// assert_eq!(x.slice_step(0, 0, 2, 3).to_vec::<i32>(), [10, 12, 14]);
    /// assert_eq!(x.slice_step(0, 3, -1, 2).to_vec::<i32>(), [13, 12]);
    /// ```
    #[track_caller]
    pub fn slice_step(&self, axis: isize, start: usize, step: isize, len: usize) -> Tensor {
        let Some(axis) = self.axis("slice_step", axis) else { return Tensor::poisoned() };
        Tensor(self.0.slice(axis, start, step, len))
    }

    /// One element of an axis, which is removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`.
    ///
    /// # Panics
    /// If the axis or the element is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.select(1, 0).to_vec::<f32>(), [1.0, 3.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "take")]
    pub fn select(&self, axis: isize, index: usize) -> Tensor {
        let Some(a) = self.axis("select", axis) else { return Tensor::poisoned() };
        Tensor(self.0.slice(a, index, 1, 1)).reshape(self.shape().without(a))
    }

    /// Reverses the order of the elements along an axis.
    ///
    /// **Shape** `[.., N, ..] -> [.., N, ..]`.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0, 3.0]).flip(0).to_vec::<f32>(), [3.0, 2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Tensor {
        let Some(a) = self.axis("flip", axis) else { return Tensor::poisoned() };
        let size = self.shape()[a];
        Tensor(self.0.slice(a, size.saturating_sub(1), -1, size))
    }

    /// Joins tensors along an axis.
    ///
    /// **Shape** `[.., M, ..], [.., N, ..], .. -> [.., M + N + .., ..]`.
    ///
    /// # Panics
    /// If there are none, the axis is not there, or shapes differ elsewhere or types differ.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32]));
    /// assert_eq!(Tensor::concat(&[&a, &b], 0).to_vec::<f32>(), [1.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    #[doc(alias("cat", "concatenate"))]
    pub fn concat(tensors: &[&Tensor], axis: isize) -> Tensor {
        let nodes: Vec<_> = tensors.iter().map(|t| t.0.clone()).collect();
        let first = tensors.first().map(|t| t.find_axis("concat", axis)).transpose();
        let axis = match first {
            Ok(axis) => axis.unwrap_or(0),
            Err(e) => return Tensor::refuse(e),
        };
        Tensor(concat(&nodes, axis))
    }

    /// Joins K tensors of one shape along a new axis.
    ///
    /// **Shape** `[.., ..], .. -> [.., K, ..]`.
    ///
    /// # Panics
    /// If there are none, the new axis is further than one past the last, or shapes or types
    /// differ.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32, 4.0]));
    /// assert_eq!(Tensor::stack(&[&a, &b], 0).to_vec::<f32>(), [1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(Tensor::stack(&[&a, &b], 1).to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], axis: isize) -> Tensor {
        let mut wide = Vec::with_capacity(tensors.len());
        for t in tensors {
            wide.push(t.unsqueeze(axis));
        }
        let axis = match tensors.first() {
            Some(t) if axis < 0 => axis + t.rank() as isize + 1,
            _ => axis,
        };
        Tensor::concat(&wide.iter().collect::<Vec<_>>(), axis)
    }

    /// Cuts an axis into pieces of the given sizes.
    ///
    /// **Shape** `[.., M + N, ..] -> [.., M, ..], [.., N, ..]`, as many pieces as sizes.
    ///
    /// # Panics
    /// If the axis is not there or the sizes do not add up to its own.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let pieces = Tensor::from([1.0f32, 2.0, 3.0]).split(&[1, 2], 0);
    /// assert_eq!(pieces[1].to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "chunk")]
    pub fn split(&self, sizes: &[usize], axis: isize) -> Vec<Tensor> {
        let Some(a) = self.axis("split", axis) else {
            return vec![Tensor::poisoned(); sizes.len()];
        };
        if sizes.iter().sum::<usize>() != self.shape()[a] {
            let what = format!("{sizes:?} do not add up to axis {axis} of {}", self.shape());
            return vec![Tensor::refuse(Error::shape("split", what)); sizes.len()];
        }
        let mut start = 0;
        let mut pieces = Vec::with_capacity(sizes.len());
        for &size in sizes {
            pieces.push(Tensor(self.0.slice(a, start, 1, size)));
            start += size;
        }
        pieces
    }

    /// Puts zeros before and after an axis. With 0 of both, any axis will do.
    ///
    /// **Shape** `[.., N, ..] -> [.., before + N + after, ..]`.
    ///
    /// # Panics
    /// If the axis is not there or would be longer than a tensor can be.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).pad(0, 1, 2).to_vec::<f32>(), [0.0, 1.0, 2.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn pad(&self, axis: isize, before: usize, after: usize) -> Tensor {
        if (before, after) == (0, 0) {
            return self.clone();
        }
        let Some(a) = self.axis("pad", axis) else { return Tensor::poisoned() };
        let size = match self.padded("pad", a, before, after) {
            Ok(size) => size,
            Err(e) => return Tensor::refuse(e),
        };
        Tensor(self.0.embed(a, size, before, 1))
    }

    /// The size of an axis with so much put around it.
    pub(crate) fn padded(
        &self,
        op: &str,
        axis: usize,
        before: usize,
        after: usize,
    ) -> Result<usize> {
        let shape = self.shape();
        let size = before.checked_add(shape[axis]).and_then(|n| n.checked_add(after));
        size.filter(|&n| shape.try_with(axis, n).is_ok()).ok_or_else(|| {
            let what = format!(
                "{before} before and {after} after axis {axis} of {shape} are more elements than a tensor can have"
            );
            Error::shape(op, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{PadMode, Tensor, try_build};
    use gradus_testkit::{Array, Case};

    #[test]
    fn slice_step() {
        for (start, step, len) in [(0, 2, 3), (4, -3, 2)] {
            let case = check("slice_step", move |x| x[0].slice_step(1, start, step, len));
            picked(case.input([2, 5], -1.0..1.0), len, move |k| {
                (start as isize + k as isize * step) as usize
            });
        }
    }

    #[test]
    fn flip() {
        picked(check("flip", |x| x[0].flip(1)).input([2, 3], -1.0..1.0), 3, |k| 2 - k);
    }

    /// Element k of the last axis comes from place `from(k)`.
    fn picked(case: Case, len: usize, from: impl Fn(usize) -> usize + 'static) {
        let case = case.oracle_of(move |x| {
            Array::from_fn(x[0].shape.with(1, len), |at| x[0].at(&[at[0], from(at[1])]))
        });
        case.run();
    }

    #[test]
    fn steps_and_walks_backwards() {
        let x = Tensor::from([[0.0f32, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]);
        assert_eq!(x.slice_step(1, 1, 2, 2).to_vec::<f32>(), [1.0, 3.0, 5.0, 7.0]);
        assert_eq!(x.slice_step(1, 3, -2, 2).to_vec::<f32>(), [3.0, 1.0, 7.0, 5.0]);
        assert_eq!(x.flip(0).to_vec::<f32>(), [4.0, 5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(x.flip(-1).flip(-1).to_vec::<f32>(), x.to_vec::<f32>());
    }

    #[test]
    fn what_no_memory_can_hold_is_refused() {
        let x = Tensor::zeros([8]);
        let fails = |f: &dyn Fn() -> Tensor| try_build(f).unwrap_err().to_string();
        let e = fails(&|| x.pad(0, 1 << 62, 0));
        assert!(e.starts_with("pad: 4611686018427387904 before and 0 after axis 0 of [8]"), "{e}");
        assert!(fails(&|| x.pad(0, usize::MAX, 1)).starts_with("pad: "));
        assert!(fails(&|| x.pad_with(0, usize::MAX, 9, PadMode::Replicate)).starts_with("pad: "));
        let large = Tensor::zeros([(1 << 60) - 1]);
        assert!(fails(&|| Tensor::concat(&[&large; 17], 0)).contains("too many elements"));
        // 2⁶⁴ + 1 elements, one if nobody looks.
        let (a, b) = (Tensor::zeros([274_177, 1]), Tensor::zeros([1, 67_280_421_310_721]));
        assert!(fails(&|| &a + &b).starts_with("add: the shapes do not broadcast"));
        // Four steps of 2⁶² lead back to the first element, if nobody looks.
        assert!(fails(&|| Tensor::zeros([1; 8]).unsqueeze(0)).starts_with("unsqueeze: [1, 1, 1"));
        let e = fails(&|| x.slice_step(0, 0, 1 << 62, 5));
        assert!(e.starts_with("slice: 5 elements from 0 by 4611686018427387904"), "{e}");
    }

    #[test]
    fn a_slice_of_nothing_reads_nothing() {
        let x = Tensor::zeros([4, 0]).exp();
        assert_eq!((x.slice(0, 2..) + 1.0).to_vec::<f32>(), [0.0; 0]);
    }
}
