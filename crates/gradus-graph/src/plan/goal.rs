//! What is to be planned, and what can be chosen about it.

use crate::node::Node;
use crate::variable::Variable;

/// What can be chosen about a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Whether the values that the loss, the first wanted value, is made of are computed again
    /// where later values (its gradients) read them, instead of being kept until then. That takes
    /// less memory and more time, and gives the same bits.
    pub recompute: bool,
    /// Whether a run ends at the first wanted value, the loss, if that is not finite. Then no
    /// variable is updated, except one whose new value is computed in one loop with the loss, and
    /// the other wanted values are not those of this run.
    pub stop_unless_finite: bool,
    /// Whether the updates of a run can be undone. New values are written beside the variables and
    /// change places with the old ones when the run has ended well, so an update that cannot be
    /// computed changes nothing.
    pub undo: bool,
    /// Whether every step's values are compared, in every run, with what the reference device makes
    /// of the same inputs. A run ends with an error at the first that differ by more than rounding.
    /// It takes the memory of packed inputs' originals and much time.
    pub check: bool,
}

/// What is to be planned.
pub(crate) struct Goal<'a> {
    /// The nodes whose values are wanted.
    pub outputs: &'a [Node],
    /// The variables to be written and their new values.
    pub updates: &'a [(Variable, Node)],
    /// Whether the leaves are the same at every run.
    pub leaves_stay: bool,
    /// How many of the arguments, the first, differ from run to run. The others stay until all is computed anew.
    pub changing: usize,
}
