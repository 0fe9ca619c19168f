//! What can be chosen about a scan: its direction, how many steps, and how long each sample is.

use crate::Tensor;

/// Direction, steps and lengths of a [`scan`](super::scan).
///
/// ```
/// use gradus_tensor::{Scan, Tensor};
/// let options = Scan::new().reverse(true).lengths(&Tensor::from([3i64, 1]));
/// assert!(options.reverse);
/// ```
#[derive(Clone, Default)]
pub struct Scan {
    /// Whether it begins at the last step. What it gives lies in the order of time all the same.
    pub reverse: bool,
    /// How many steps, where no sequence says it.
    pub steps: Option<usize>,
    /// How many steps each of N samples has, `i64 [N]`.
    pub lengths: Option<Tensor>,
}

impl Scan {
    /// From the first step to the last, all samples of one length.
    pub fn new() -> Scan {
        Scan::default()
    }
    /// Whether it begins at the last step.
    #[must_use]
    pub fn reverse(self, reverse: bool) -> Scan {
        Scan { reverse, ..self }
    }
    /// How many steps there are. Sequences say it themselves.
    #[must_use]
    pub fn steps(self, steps: usize) -> Scan {
        Scan { steps: Some(steps), ..self }
    }
    /// How many steps each of N samples has, `i64 [N]`: at steps beyond, its rows of what is carried stand still, and its rows of what is
    /// given are 0. A length of more than all steps means all.
    #[must_use]
    pub fn lengths(self, lengths: &Tensor) -> Scan {
        Scan { lengths: Some(lengths.clone()), ..self }
    }
}
