//! A view: a shape with strides and an offset over a buffer. Strides and offsets count elements.

use crate::shape::{MAX_RANK, Shape};

/// Where each element of a tensor lies in its buffer: element `i` is at `offset + Σ i[a]·stride[a]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct View {
    /// The sizes.
    pub shape: Shape,
    /// Elements to step along each axis; 0 repeats, negative walks backwards.
    pub strides: [isize; MAX_RANK],
    /// The first element's place.
    pub offset: usize,
}

impl View {
    /// A dense row-major view.
    pub fn dense(shape: Shape) -> View {
        View { shape, strides: shape.dense_strides(), offset: 0 }
    }

    /// A dense view whose axes lie in memory in `order`, outermost first: `[1, 2, 3, 0]` puts axis 0 innermost.
    pub fn ordered(shape: Shape, order: &[usize]) -> View {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1;
        for &axis in order.iter().rev() {
            strides[axis] = stride;
            stride *= shape[axis] as isize;
        }
        View { shape, strides, offset: 0 }
    }

    /// The strides of the axes there are.
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.rank()]
    }

    /// True when the elements lie in row-major order without gaps. Axes of size 1 may have any stride.
    pub fn is_dense(&self) -> bool {
        let dense = self.shape.dense_strides();
        self.shape.is_empty()
            || (0..self.shape.rank()).all(|a| self.shape[a] == 1 || self.strides[a] == dense[a])
    }

    /// The axes in the order they lie in memory, outermost first, if this view is a dense permutation.
    pub fn memory_order(&self) -> Option<Vec<usize>> {
        let axes = self.axes_by_stride();
        let ordered = View::ordered(self.shape, &axes);
        let same = (0..self.shape.rank())
            .all(|a| self.shape[a] == 1 || self.strides[a] == ordered.strides[a]);
        same.then_some(axes)
    }

    /// Whether the axes lie in memory in `order`, outermost first, perhaps with gaps: no two elements share a place, and axes lie within each other.
    pub fn lies_in(&self, order: &[usize]) -> bool {
        let mut reach = 1;
        order.iter().rev().filter(|&&a| self.shape[a] != 1).all(|&a| {
            let apart = self.strides[a] >= reach;
            reach = self.strides[a] * self.shape[a] as isize;
            apart
        })
    }

    /// As [`View::memory_order`], of a view that may have gaps, as one of some of the channels of pixels has.
    pub fn memory_order_with_gaps(&self) -> Option<Vec<usize>> {
        let axes = self.axes_by_stride();
        self.lies_in(&axes).then_some(axes)
    }

    /// The axes, that of the largest stride first.
    fn axes_by_stride(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = (0..self.shape.rank()).collect();
        axes.sort_by_key(|&a| (std::cmp::Reverse(self.strides[a]), a));
        axes
    }

    /// The axes reordered: axis `i` of the result is axis `order[i]` of this.
    #[must_use]
    pub fn permute(&self, order: &[usize]) -> View {
        let sizes: Vec<usize> = order.iter().map(|&a| self.shape[a]).collect();
        let mut strides = [0; MAX_RANK];
        for (i, &a) in order.iter().enumerate() {
            strides[i] = self.strides[a];
        }
        View { shape: Shape::new(&sizes), strides, offset: self.offset }
    }

    /// Broadcast to `shape`: new leading axes and axes of size 1 repeat with stride 0.
    #[must_use]
    pub fn expand(&self, shape: Shape) -> View {
        let shift = shape.rank() - self.shape.rank();
        let mut strides = [0; MAX_RANK];
        for a in 0..self.shape.rank() {
            strides[a + shift] =
                if self.shape[a] == 1 && shape[a + shift] != 1 { 0 } else { self.strides[a] };
        }
        View { shape, strides, offset: self.offset }
    }

    /// `len` elements along `axis`, from `start`, every `step`-th; a negative step walks backwards.
    #[must_use]
    pub fn slice(&self, axis: usize, start: usize, step: isize, len: usize) -> View {
        let mut out = *self;
        out.shape = self.shape.with(axis, len);
        // An empty view stays where it is: its buffer may have no bytes to point into.
        if !out.shape.is_empty() {
            out.offset = (self.offset as isize + start as isize * self.strides[axis]) as usize;
        }
        out.strides[axis] = self.strides[axis] * step;
        out
    }

    /// This view seen with another shape of the same length, if strides can express it.
    pub fn reshape(&self, shape: Shape) -> Option<View> {
        if self.shape.is_empty() || self.is_dense() {
            return Some(View { shape, strides: shape.dense_strides(), offset: self.offset });
        }
        // Walk both shapes in groups of equal products; within a group the old axes must merge.
        let old: Vec<(usize, isize)> = (0..self.shape.rank())
            .filter(|&a| self.shape[a] != 1)
            .map(|a| (self.shape[a], self.strides[a]))
            .collect();
        let mut strides = [0; MAX_RANK];
        let (mut i, mut a) = (0, 0);
        while a < shape.rank() {
            let (mut new_len, first) = (shape[a], a);
            if new_len == 1 {
                strides[a] = 1;
                a += 1;
                continue;
            }
            let mut old_len = old[i].0;
            let group = i;
            while old_len != new_len {
                if old_len < new_len {
                    i += 1;
                    old_len *= old[i].0;
                } else {
                    a += 1;
                    new_len *= shape[a];
                }
            }
            if (group..i).any(|j| old[j].1 != old[j + 1].1 * old[j + 1].0 as isize) {
                return None;
            }
            let mut stride = old[i].1;
            for axis in (first..=a).rev() {
                strides[axis] = stride;
                stride *= shape[axis] as isize;
            }
            i += 1;
            a += 1;
        }
        Some(View { shape, strides, offset: self.offset })
    }

    /// The lowest place any element has and one past the highest; `(offset, offset)` if there are none.
    pub fn reach(&self) -> (isize, isize) {
        let offset = self.offset as isize;
        if self.shape.is_empty() {
            return (offset, offset);
        }
        let ends = || self.strides().iter().zip(&*self.shape).map(|(s, &n)| s * (n as isize - 1));
        let low: isize = ends().filter(|&e| e < 0).sum();
        let high: isize = ends().filter(|&e| e > 0).sum();
        (offset + low, offset + high + 1)
    }

    /// The place of the element with the given row-major index.
    pub fn index(&self, mut flat: usize) -> usize {
        let mut place = self.offset as isize;
        for a in (0..self.shape.rank()).rev() {
            place += (flat % self.shape[a]) as isize * self.strides[a];
            flat /= self.shape[a];
        }
        place as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattens_features_of_a_batch_innermost_buffer() {
        // [N, C, H, W] stored as [C, H, W, N]: features merge with stride N, the batch keeps stride 1.
        let v = View::ordered(Shape::from([8, 2, 3, 4]), &[1, 2, 3, 0]);
        let flat = v.reshape(Shape::from([8, 24])).unwrap();
        assert_eq!(flat.strides(), [1, 8]);
        assert!(v.permute(&[0, 2, 1, 3]).reshape(Shape::from([8, 24])).is_none());
        assert_eq!(v.memory_order().unwrap(), [1, 2, 3, 0]);
        assert_eq!(v.memory_order_with_gaps(), v.memory_order());
        let some = v.slice(1, 1, 2, 2);
        assert_eq!(some.memory_order(), None);
        assert_eq!(some.memory_order_with_gaps().unwrap(), [1, 2, 3, 0]);
        assert_eq!(some.slice(0, 1, -1, 2).memory_order_with_gaps(), None);
    }

    #[test]
    fn reshape_of_a_slice_keeps_places() {
        let v = View::dense(Shape::from([4, 6])).slice(0, 3, -2, 2);
        let r = v.reshape(Shape::from([2, 2, 3])).unwrap();
        assert_eq!((v.index(0), r.index(0)), (18, 18));
        assert_eq!((v.index(7), r.index(7)), (7, 7));
    }

    #[test]
    fn an_empty_slice_reaches_nowhere() {
        let v = View::dense(Shape::new(&[0, 10])).slice(1, 5, 1, 5);
        assert_eq!((v.shape.len(), v.reach()), (0, (0, 0)));
    }
}
