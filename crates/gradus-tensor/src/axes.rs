//! Axes as users name them: one, several, all; negative ones count from the last.

use crate::Tensor;
use gradus_base::{Error, Result};
use gradus_graph::report;
use std::ops::RangeFull;

/// The axes a reduction runs over: `..` for all, `1`, `-1`, `[0, 2]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Every axis.
    All,
    /// These, negative ones counting from the last.
    These(Vec<isize>),
}

impl From<RangeFull> for Axes {
    fn from(_: RangeFull) -> Axes {
        Axes::All
    }
}
impl From<isize> for Axes {
    fn from(axis: isize) -> Axes {
        Axes::These(vec![axis])
    }
}
impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Axes {
        Axes::These(axes.to_vec())
    }
}
impl From<&[isize]> for Axes {
    fn from(axes: &[isize]) -> Axes {
        Axes::These(axes.to_vec())
    }
}
impl From<Vec<isize>> for Axes {
    fn from(axes: Vec<isize>) -> Axes {
        Axes::These(axes)
    }
}

impl Tensor {
    /// The axis counted from 0. `None` if it is not there, which is reported.
    #[track_caller]
    pub(crate) fn axis(&self, op: &str, axis: isize) -> Option<usize> {
        match self.find_axis(op, axis) {
            Ok(axis) => Some(axis),
            Err(e) => {
                report(e);
                None
            }
        }
    }

    /// The axes counted from 0, in order, each once. `None` if one is not there or is named twice, which is reported.
    #[track_caller]
    pub(crate) fn axes(&self, op: &str, axes: impl Into<Axes>) -> Option<Vec<usize>> {
        match self.find_axes(op, &axes.into()) {
            Ok(axes) => Some(axes),
            Err(e) => {
                report(e);
                None
            }
        }
    }

    /// The axis counted from 0.
    pub(crate) fn find_axis(&self, op: &str, axis: isize) -> Result<usize> {
        Tensor::sound([self])?;
        let rank = self.rank() as isize;
        let positive = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&positive) {
            let what = format!("axis {axis} of {}, which has {rank} axes", self.shape());
            return Err(Error::shape(op, what));
        }
        Ok(positive as usize)
    }

    fn find_axes(&self, op: &str, axes: &Axes) -> Result<Vec<usize>> {
        let list = match axes {
            Axes::All => return Ok((0..self.rank()).collect()),
            Axes::These(list) => list,
        };
        let found: Result<Vec<usize>> = list.iter().map(|&a| self.find_axis(op, a)).collect();
        let mut found = found?;
        found.sort_unstable();
        if found.windows(2).any(|w| w[0] == w[1]) {
            let what = format!("axes {list:?} of {} name one twice", self.shape());
            return Err(Error::shape(op, what));
        }
        Ok(found)
    }
}
