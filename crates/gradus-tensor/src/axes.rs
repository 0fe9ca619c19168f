//! Axes as users name them: one, several, all; negative ones count from the last.

use crate::Tensor;
use gradus_base::Error;
use gradus_graph::fail;
use std::ops::RangeFull;
use std::panic::Location;

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
    /// The axis counted from 0.
    #[track_caller]
    pub(crate) fn axis(&self, op: &str, axis: isize) -> usize {
        let rank = self.rank() as isize;
        let positive = if axis < 0 { axis + rank } else { axis };
        if !(0..rank).contains(&positive) {
            let what = format!("axis {axis} of {}, which has {rank} axes", self.shape());
            fail(Error::shape(op, what), Location::caller());
        }
        positive as usize
    }

    /// The axes counted from 0, in order, each once.
    #[track_caller]
    pub(crate) fn axes(&self, op: &str, axes: impl Into<Axes>) -> Vec<usize> {
        match axes.into() {
            Axes::All => (0..self.rank()).collect(),
            Axes::These(list) => {
                let mut out = Vec::with_capacity(list.len());
                // No closure: in one, the line of a mistake would be this one.
                for &a in &list {
                    out.push(self.axis(op, a));
                }
                out.sort_unstable();
                if out.windows(2).any(|w| w[0] == w[1]) {
                    let what = format!("axes {list:?} of {} name one twice", self.shape());
                    fail(Error::shape(op, what), Location::caller());
                }
                out
            }
        }
    }
}
