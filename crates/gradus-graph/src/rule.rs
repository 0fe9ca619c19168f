//! `Rule`: what an op means, whatever device does it. The planner reads declarations, never names.

use crate::device::Device;
use crate::node::Node;
use crate::strategy::Strategy;
use gradus_base::{DType, Error, Kind, Result, Shape};
use std::fmt;

/// A shape and an element type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Meta {
    /// The shape.
    pub shape: Shape,
    /// The element type.
    pub dtype: DType,
}

impl Meta {
    /// A shape and an element type.
    pub fn new(shape: impl Into<Shape>, dtype: DType) -> Meta {
        Meta { shape: shape.into(), dtype }
    }
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dtype, self.shape)
    }
}

/// An op with kernels of its own: matmul, convolution, sorting.
///
/// Two rules that print the same under `Debug` must behave the same: plans are cached by that text.
pub trait Rule: fmt::Debug + Send + Sync {
    /// The name, as users write the op.
    fn name(&self) -> &str;

    /// The shapes and types of the outputs.
    ///
    /// # Errors
    /// What does not fit, with every shape by name.
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>>;

    /// Gradients for the inputs, as nodes: one entry per input, `None` where none flows (an integer input). Unless it says otherwise,
    /// those of [`Rule::expand`].
    ///
    /// # Errors
    /// [`not_differentiable`], with the reason.
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        crate::grad::through(backward, self.name(), |inputs| self.expand(inputs))
    }

    /// The op as nodes of simpler ops, one per output: what a device does that has no strategy for it, and the road to second order
    /// where the gradient is no rule of its own. An input that the others determine (a mean of another input) may be left unread.
    fn expand(&self, _inputs: &[Node]) -> Option<Vec<Node>> {
        None
    }

    /// The same outputs by less work, as other nodes, where these inputs allow it: the product of rows that are chosen from a short
    /// table is a choice of the rows of the table's product. The algebra is exact; rounding may differ. A device whose plans do ops
    /// together asks when a plan is made. Gradients are nodes by then, so a value that is no longer computed had its gradient.
    fn simpler(&self, _inputs: &[Node]) -> Option<Vec<Node>> {
        None
    }

    /// How `device` does it; `None` if the device has no way of its own: then the op is expanded
    /// there.
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>>;

    /// What it does beside computing its outputs; nothing by default.
    fn effect(&self) -> Effect {
        Effect::None
    }

    /// The input, and its axis, that a factor along `axis` of the only output may be multiplied
    /// into instead: for the channels of a convolution, its filters. `None` if there is no such
    /// input.
    fn scaling(&self, _axis: usize) -> Option<(usize, usize)> {
        None
    }

    /// How slices of the outputs along `axis` are computed from slices of the inputs: for each
    /// input the axis that it is cut along, or `None` if it is needed whole. So rows of a matrix
    /// product take rows of the first factor and all of the second. `None` if the outputs cannot be
    /// computed in slices.
    fn slices(&self, _axis: usize) -> Option<Vec<Option<usize>>> {
        None
    }

    /// The op's settings by name: beside the inputs, all that tells two uses of it apart. Whoever
    /// writes the op down in another form, such as a model file, reads them. `None`, the default,
    /// says that it cannot be written down.
    fn settings(&self) -> Option<Vec<(&str, Setting)>> {
        None
    }

    /// Floating-point operations; a multiply-add counts as two.
    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64;
}

/// What an op does beside computing its outputs.
///
/// Calls with an effect are never merged, repeated, left out or run ahead of a run: each runs once
/// in every run that wants its outputs. A step with such calls commits its updates together when it
/// has ended well, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// It reaches outside of the plan: a message, a collective, a file. Such calls run in the order in which they were made.
    Outside,
    /// It waits for what a call with [`Effect::Outside`] has started, and runs as late as those who read it allow: what does not
    /// depend on it is computed meanwhile. It reads everything that what was started still uses, so that this memory stays.
    Wait,
}

/// A setting of a [`Rule`].
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// Sizes, strides, axes, counts.
    Sizes(Vec<usize>),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

/// What a gradient rule works with.
pub struct Backward<'a> {
    /// The op's inputs.
    pub inputs: &'a [Node],
    /// The op's outputs.
    pub outputs: &'a [Node],
    /// The gradient of each output; `None` if the loss does not depend on it.
    pub dys: &'a [Option<Node>],
    /// Which inputs' gradients are asked for.
    pub wanted: &'a [bool],
}

impl Backward<'_> {
    /// The gradient of the only output.
    ///
    /// # Panics
    /// If the op has several outputs.
    pub fn dy(&self) -> &Node {
        assert_eq!(self.dys.len(), 1, "an op of several outputs has several gradients");
        self.dys[0].as_ref().expect("a gradient rule runs only when some output has a gradient")
    }
}

/// The error of an op that has no gradient.
pub fn not_differentiable(op: &str, why: &str) -> Error {
    Error::new(Kind::Gradient, op, format!("has no gradient: {why}"))
}
