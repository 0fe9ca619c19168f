//! `Rule`: what an op with kernels of its own declares. The planner reads declarations, never
//! names.

use crate::node::Node;
use gradus_base::exec::Kernel;
use gradus_base::{DType, Error, Expr, Kind, Result, Shape, View};
use std::fmt;
use std::sync::Arc;

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
    fn name(&self) -> &'static str;

    /// The shapes and types of the outputs.
    ///
    /// # Errors
    /// What does not fit, with every shape by name.
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>>;

    /// Gradients for the inputs, as nodes: one entry per input, `None` where none flows (an integer input).
    ///
    /// # Errors
    /// [`not_differentiable`], with the reason.
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>>;

    /// The memory orders that the op wants its inputs in and gives its outputs in; dense and
    /// row-major by default.
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        Layouts::dense(inputs.len(), outputs)
    }

    /// Several memory orders, if the op is as fast in each. The one that needs the fewest bytes
    /// copied is taken, of equal ones the first.
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        vec![self.layouts(inputs, outputs)]
    }

    /// Whether the CPU kernel can apply a pointwise expression to its only output while that is in
    /// the cache. `spec` holds the epilogue that it would get.
    fn accepts_epilogue(&self, _spec: &Spec) -> bool {
        false
    }

    /// Whether the CPU kernel can leave out the output of this number. If nobody reads that output,
    /// its slot in the [`Spec`] is then empty, of shape `[0]`, and nothing may be written there.
    fn may_skip(&self, _output: usize) -> bool {
        false
    }

    /// Whether the CPU kernel can write its only output as `spec` has it: with the axes in the
    /// order of [`Rule::layouts`], but with room between them, as a part of a larger value.
    fn accepts_room(&self, _spec: &Spec) -> bool {
        false
    }

    /// The form in which the kernel of [`Rule::cpu`] would rather read an input: packed panels of a
    /// matrix, transformed weights.
    ///
    /// An input that does not change from run to run is packed once and kept; one that several
    /// calls want in the same form is packed once a run. The kernel is then built for a [`Slot`]
    /// that is `packed`. All other inputs it reads as they are.
    fn packing(&self, _input: usize, _spec: &Spec) -> Option<Packing> {
        None
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

    /// The kernel for the given shapes, strides and types. An input whose slot is `packed` comes in the form that
    /// [`Rule::packing`] named for the same spec; others as their view says.
    fn cpu(&self, spec: &Spec) -> Box<dyn Kernel>;

    /// The op's settings by name: beside the inputs, all that tells two uses of it apart. Whoever
    /// writes the op down in another form, such as a model file, reads them. `None`, the default,
    /// says that it cannot be written down.
    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        None
    }

    /// Floating-point operations; a multiply-add counts as two.
    fn flops(&self, inputs: &[Meta], outputs: &[Meta]) -> u64;
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

/// A form of an input that only its rule can read.
pub struct Packing {
    /// What the bytes mean. Inputs that are the same view of the same value and have the same form
    /// share one copy.
    pub form: String,
    /// How many bytes, 64-byte aligned.
    pub bytes: usize,
    /// Packs: its input 0 is the rule's input, its output 0 the bytes.
    pub kernel: Box<dyn Kernel>,
}

/// The memory order that an input must have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Any strides will do.
    Any,
    /// Dense and row-major.
    Dense,
    /// Dense with the axes in this order, outermost first.
    Axes(Vec<usize>),
}

impl Order {
    /// The axes of a copy of a view that lies so, outermost first.
    pub(crate) fn axes(&self, view: &View) -> Vec<usize> {
        match self {
            Order::Axes(axes) => axes.clone(),
            _ => (0..view.shape.rank()).collect(),
        }
    }
    /// Whether a view has this memory order.
    pub fn accepts(&self, view: &View) -> bool {
        match self {
            Order::Any => true,
            Order::Dense => view.is_dense(),
            Order::Axes(order) => {
                let want = View::ordered(view.shape, order);
                (0..view.shape.rank())
                    .all(|a| view.shape[a] == 1 || view.strides[a] == want.strides[a])
            }
        }
    }
}

/// The memory orders a rule wants for its inputs and gives its outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layouts {
    /// One per input.
    pub inputs: Vec<Order>,
    /// The axes of each output, outermost first.
    pub outputs: Vec<Vec<usize>>,
}

impl Layouts {
    /// Dense inputs and outputs.
    pub fn dense(inputs: usize, outputs: &[Meta]) -> Layouts {
        Layouts { inputs: vec![Order::Dense; inputs], ..Layouts::any(0, outputs) }
    }
    /// Inputs of any strides, dense outputs.
    pub fn any(inputs: usize, outputs: &[Meta]) -> Layouts {
        Layouts {
            inputs: vec![Order::Any; inputs],
            outputs: outputs.iter().map(|m| (0..m.shape.rank()).collect()).collect(),
        }
    }
}

/// One value as a kernel sees it. The view's offset is 0: kernels get a pointer to the first
/// element.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// The element type.
    pub dtype: DType,
    /// Shape and strides.
    pub view: View,
    /// Whether the pointer leads to the bytes that [`Rule::packing`] asked for, in place of the
    /// view's elements.
    pub packed: bool,
}

/// What a kernel is built for.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The rule's inputs, then the epilogue's further inputs.
    pub inputs: Vec<Slot>,
    /// The outputs.
    pub outputs: Vec<Slot>,
    /// The expression to apply to the output.
    pub epilogue: Option<Epilogue>,
}

/// A pointwise expression for a kernel to apply to its output. Input 0 is the output itself; the
/// others are the last inputs of the [`Spec`], seen over the output's shape.
#[derive(Clone, Debug)]
pub struct Epilogue {
    /// The expression.
    pub expr: Arc<Expr>,
    /// How many further inputs it reads.
    pub inputs: usize,
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
