//! A shape: the sizes of a tensor's axes, outermost first, stored inline.

use crate::{Error, Result};
use std::fmt;
use std::ops::Deref;

/// The largest rank a tensor may have.
pub const MAX_RANK: usize = 8;

/// The sizes of a tensor's axes, outermost first. `[]` is a scalar.
///
/// ```
/// use gradus_base::Shape;
/// let s = Shape::from([2, 3]);
/// assert_eq!((s.rank(), s.len(), s[1]), (2, 6, 3));
/// assert_eq!(s.to_string(), "[2, 3]");
/// ```
#[derive(Clone, Copy)]
pub struct Shape {
    sizes: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Shape = Shape { sizes: [0; MAX_RANK], rank: 0 };

    /// A shape from sizes; at most [`MAX_RANK`] of them, and a length that fits in `isize`.
    ///
    /// # Errors
    /// When there are more axes than [`MAX_RANK`] or the length overflows.
    pub fn try_new(sizes: &[usize]) -> Result<Shape> {
        if sizes.len() > MAX_RANK {
            let what = format!("{sizes:?} has rank {}, the largest is {MAX_RANK}", sizes.len());
            return Err(Error::shape("shape", what));
        }
        let fits = sizes.iter().filter(|&&s| s > 0).try_fold(1usize, |n, &s| n.checked_mul(s));
        // Eight bytes an element: every dtype's byte length then fits in isize too.
        if fits.is_none_or(|n| n > isize::MAX as usize / 8) {
            return Err(Error::shape("shape", format!("{sizes:?} has too many elements")));
        }
        let mut shape = Shape { sizes: [0; MAX_RANK], rank: sizes.len() as u8 };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        Ok(shape)
    }

    /// A shape from sizes.
    ///
    /// # Panics
    /// Where [`Shape::try_new`] errs.
    #[track_caller]
    pub fn new(sizes: &[usize]) -> Shape {
        Shape::try_new(sizes).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The number of elements: the product of the sizes.
    pub fn len(&self) -> usize {
        self.iter().product()
    }

    /// True when there are no elements: some size is 0. A scalar has one element and is not empty.
    pub fn is_empty(&self) -> bool {
        self.contains(&0)
    }

    /// The strides of a dense buffer in row-major order.
    pub fn dense_strides(&self) -> [isize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1;
        for axis in (0..self.rank()).rev() {
            strides[axis] = stride;
            stride *= self.sizes[axis] as isize;
        }
        strides
    }

    /// The shape two shapes broadcast to, NumPy's rule: aligned at the last axis, sizes equal or one of them 1. None, too,
    /// if that has more elements than [`Shape::try_new`] takes.
    pub fn broadcast(a: &Shape, b: &Shape) -> Option<Shape> {
        let rank = a.rank().max(b.rank());
        let mut sizes = [0; MAX_RANK];
        for i in 1..=rank {
            let x = if i <= a.rank() { a[a.rank() - i] } else { 1 };
            let y = if i <= b.rank() { b[b.rank() - i] } else { 1 };
            sizes[rank - i] = match (x, y) {
                (x, y) if x == y => x,
                (1, y) => y,
                (x, 1) => x,
                _ => return None,
            };
        }
        Shape::try_new(&sizes[..rank]).ok()
    }

    /// This shape with `axis` set to `size`.
    ///
    /// # Panics
    /// Where [`Shape::try_with`] errs, and if the axis is not there.
    #[must_use]
    #[track_caller]
    pub fn with(self, axis: usize, size: usize) -> Shape {
        self.try_with(axis, size).unwrap_or_else(|e| panic!("{e}"))
    }

    /// This shape with `axis` set to `size`.
    ///
    /// # Errors
    /// When the length overflows.
    ///
    /// # Panics
    /// If the axis is not there.
    #[track_caller]
    pub fn try_with(mut self, axis: usize, size: usize) -> Result<Shape> {
        assert!(axis < self.rank(), "axis {axis} of {self}");
        self.sizes[axis] = size;
        Shape::try_new(&self)
    }

    /// This shape without `axis`.
    #[must_use]
    pub fn without(&self, axis: usize) -> Shape {
        let mut v = self.to_vec();
        v.remove(axis);
        Shape::new(&v)
    }

    /// This shape with an axis of `size` put before `axis`.
    ///
    /// # Panics
    /// Where [`Shape::try_inserted`] errs, and if the axis is not there.
    #[must_use]
    #[track_caller]
    pub fn inserted(&self, axis: usize, size: usize) -> Shape {
        self.try_inserted(axis, size).unwrap_or_else(|e| panic!("{e}"))
    }

    /// This shape with an axis of `size` put before `axis`.
    ///
    /// # Errors
    /// When it has [`MAX_RANK`] axes already, or the length overflows.
    ///
    /// # Panics
    /// If the axis is not there.
    pub fn try_inserted(&self, axis: usize, size: usize) -> Result<Shape> {
        let mut v = self.to_vec();
        v.insert(axis, size);
        Shape::try_new(&v)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank as usize]
    }
}
impl PartialEq for Shape {
    fn eq(&self, other: &Shape) -> bool {
        **self == **other
    }
}
impl Eq for Shape {}
impl std::hash::Hash for Shape {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}
impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(sizes: [usize; N]) -> Shape {
        Shape::new(&sizes)
    }
}
impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(sizes: &[usize]) -> Shape {
        Shape::new(sizes)
    }
}
impl From<Vec<usize>> for Shape {
    #[track_caller]
    fn from(sizes: Vec<usize>) -> Shape {
        Shape::new(&sizes)
    }
}
impl From<&Vec<usize>> for Shape {
    #[track_caller]
    fn from(sizes: &Vec<usize>) -> Shape {
        Shape::new(sizes)
    }
}
impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        *shape
    }
}
impl From<usize> for Shape {
    #[track_caller]
    fn from(size: usize) -> Shape {
        Shape::new(&[size])
    }
}
impl From<()> for Shape {
    fn from((): ()) -> Shape {
        Shape::SCALAR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasts_as_numpy_does() {
        let b = |a: &[usize], b: &[usize]| Shape::broadcast(&Shape::new(a), &Shape::new(b));
        assert_eq!(b(&[4, 1, 3], &[2, 1]), Some(Shape::from([4, 2, 3])));
        assert_eq!(b(&[], &[5]), Some(Shape::from([5])));
        assert_eq!(b(&[0, 3], &[1, 3]), Some(Shape::from([0, 3])));
        assert_eq!(b(&[2], &[3]), None);
    }

    #[test]
    fn refuses_what_cannot_be_held() {
        assert!(Shape::try_new(&[1; 9]).unwrap_err().to_string().contains("rank 9"));
        assert!(Shape::try_new(&[usize::MAX, 2]).is_err());
        assert!(Shape::try_new(&[0, usize::MAX]).is_err());
    }

    #[test]
    fn a_changed_shape_is_one_that_can_be_held() {
        let s = Shape::from([8, 0]);
        assert!(s.try_with(0, 1 << 62).unwrap_err().to_string().contains("too many elements"));
        assert_eq!(s.try_with(1, 5), Ok(Shape::from([8, 5])));
        assert_eq!(s.try_inserted(2, 5), Ok(Shape::from([8, 0, 5])));
        assert!(Shape::from([1; 8]).try_inserted(0, 1).unwrap_err().to_string().contains("rank 9"));
        // Their product is 2⁶⁴ + 1, which wraps to one element.
        let (a, b) = (Shape::from([274_177, 1]), Shape::from([1, 67_280_421_310_721]));
        assert_eq!(Shape::broadcast(&a, &b), None);
    }
}
