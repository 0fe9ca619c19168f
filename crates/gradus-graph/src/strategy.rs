//! `Strategy`: how one device does an op. It lies in the op's folder, in a file named for the
//! device.

use crate::plan::Plan;
use crate::rule::Meta;
use gradus_base::exec::{Kernel, Slices, Touches};
use gradus_base::{DType, Element, Expr, View};
use std::sync::Arc;

/// How a device does an op: in which memory orders, with what fused in, by which kernel.
///
/// An op that wants everything dense and fuses nothing has [`Dense`]; on the reference device,
/// [`Plain`](crate::Plain).
pub trait Strategy {
    /// The memory orders that the kernel wants its inputs in and gives its outputs in; dense and
    /// row-major by default.
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        Layouts::dense(inputs.len(), outputs)
    }

    /// Several memory orders, if the kernel is as fast in each. The one that needs the fewest bytes
    /// copied is taken, of equal ones the first.
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        vec![self.layouts(inputs, outputs)]
    }

    /// Whether the kernel can apply a pointwise expression to its only output while that is in the
    /// cache. `spec` holds the epilogue that it would get.
    fn accepts_epilogue(&self, _spec: &Spec) -> bool {
        false
    }

    /// Whether the kernel can leave out the output of this number. If nobody reads that output, its
    /// slot in the [`Spec`] is then empty, of shape `[0]`, and nothing may be written there.
    fn may_skip(&self, _output: usize) -> bool {
        false
    }

    /// Whether the kernel can write its only output as `spec` has it: with the axes in the order of
    /// [`Strategy::layouts`], but with room between them, as a part of a larger value.
    fn accepts_room(&self, _spec: &Spec) -> bool {
        false
    }

    /// The form in which the kernel would rather read an input: packed panels of a matrix,
    /// transformed weights.
    ///
    /// An input that does not change from run to run is packed once and kept; one that several
    /// calls want in the same form is packed once a run. The kernel is then built for a [`Slot`]
    /// that is `packed`. All other inputs it reads as they are.
    fn packing(&self, _input: usize, _spec: &Spec) -> Option<Packing> {
        None
    }

    /// The plan that the kernel for `spec` runs, and how often, if the op holds a subgraph: it is listed below the op's own
    /// step, and what a step of it finds is told by that step's op, line and layer.
    fn body(&self, _spec: &Spec) -> Option<(Arc<Plan>, usize)> {
        None
    }

    /// The kernel for the given shapes, strides and types. An input whose slot is `packed` comes in the form that
    /// [`Strategy::packing`] named for the same spec; others as their view says. A kernel that [touches](Kernel::touches) more than
    /// the spec has is refused when the plan is made.
    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel>;
}

/// The strategy of dense inputs and outputs and a kernel that fuses nothing.
pub struct Dense<F>(F);

impl<F: Fn(&Spec) -> Box<dyn Kernel>> Dense<F> {
    /// The strategy whose kernel `kernel` makes.
    pub fn of<'a>(kernel: F) -> Box<dyn Strategy + 'a>
    where
        F: 'a,
    {
        Box::new(Dense(kernel))
    }
}

impl<F: Fn(&Spec) -> Box<dyn Kernel>> Strategy for Dense<F> {
    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        (self.0)(spec)
    }
}

/// A form of an input that only its strategy can read.
pub struct Packing {
    /// What the bytes mean. Inputs that are the same view of the same value and have the same form
    /// share one copy.
    pub form: String,
    /// How many bytes, 64-byte aligned.
    pub bytes: usize,
    /// Packs: its input 0 is the rule's input, its output 0 the bytes. `None` once a plan has taken it.
    kernel: Option<Box<dyn Kernel>>,
}

impl Packing {
    /// A form of so many bytes and the kernel that packs into it.
    pub fn new(form: impl Into<String>, bytes: usize, kernel: impl Kernel + 'static) -> Packing {
        Packing { form: form.into(), bytes, kernel: Some(Box::new(kernel)) }
    }

    pub(crate) fn take_kernel(&mut self) -> Box<dyn Kernel> {
        self.kernel.take().expect("a packing is linked once")
    }
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
    /// If the pointer leads to what [`Strategy::packing`] asked for, in place of the view's
    /// elements: how many bytes that is.
    pub packed: Option<usize>,
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

impl Spec {
    /// What a kernel touches that reads and writes all that this names.
    pub fn touches(&self) -> Touches {
        let slots = |slots: &[Slot]| slots.iter().map(|s| (s.dtype, s.view)).collect::<Vec<_>>();
        let all = Touches::new(slots(&self.inputs), slots(&self.outputs));
        let packed = self.inputs.iter().enumerate().filter_map(|(i, s)| Some((i, s.packed?)));
        packed.fold(all, |all, (i, bytes)| all.with_input(i, bytes))
    }

    /// A kernel of a function from the elements of dense inputs to those of dense outputs, all of
    /// type `T`.
    ///
    /// # Panics
    /// If they are of another type or not dense.
    pub fn slices<T: Element>(
        &self,
        function: impl Fn(&[&[T]], &mut [&mut [T]]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Box<dyn Kernel> {
        for slot in self.inputs.iter().chain(&self.outputs) {
            assert!(
                slot.dtype == T::DTYPE && slot.view.is_dense(),
                "a kernel over dense {} gets {} {} with strides {:?}",
                T::DTYPE,
                slot.dtype,
                slot.view.shape,
                slot.view.strides()
            );
        }
        let lens = |slots: &[Slot]| slots.iter().map(|s| s.view.shape.len()).collect::<Vec<_>>();
        Box::new(Slices::new(lens(&self.inputs), lens(&self.outputs), function))
    }

    /// What a kernel touches that packs input `i` into so many bytes.
    pub fn touches_of_packing(&self, i: usize, bytes: usize) -> Touches {
        let slot = &self.inputs[i];
        let packed = View::dense([bytes].as_slice().into());
        Touches::new([(slot.dtype, slot.view)], [(DType::U8, packed)])
    }
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
