//! The lowered form: steps over buffers, before kernels are made and memory is laid out.

use crate::node::Node;
use crate::rule::{Meta, Rule};
use crate::strategy::{Packing, Slot, Spec};
use gradus_base::{DType, Expr, ReduceOp, Shape, View};
use std::sync::Arc;

/// Where a buffer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Arena,
    /// In memory that outlasts a run.
    Kept,
    Input(usize),
    Leaf(usize),
    Variable(usize),
    Output(usize),
    /// Beside a variable, whose new value it holds.
    Next(usize),
}

/// A buffer of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Buf {
    pub home: Home,
    pub bytes: usize,
}

/// A computed item: a view of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BufferView {
    pub buf: usize,
    pub dtype: DType,
    pub view: View,
}

impl BufferView {
    /// As a kernel sees it.
    pub(crate) fn slot(&self) -> Slot {
        Slot { dtype: self.dtype, view: View { offset: 0, ..self.view }, packed: None }
    }
    /// Its type and, as a kernel sees it, its view.
    pub(crate) fn typed(&self) -> (DType, View) {
        (self.dtype, View { offset: 0, ..self.view })
    }
}

/// What a step does.
pub(crate) enum Work {
    /// An expression at every element of the outputs.
    Loop { expr: Arc<Expr>, compute: DType },
    /// A reduction of an expression over the marked axes of `shape`.
    Reduce { expr: Arc<Expr>, compute: DType, op: ReduceOp, shape: Shape, reduced: Vec<bool> },
    /// A rule's kernel for a spec.
    Call { rule: Arc<dyn Rule>, spec: Spec },
    /// An input of a later call into the form that its kernel reads.
    Pack(Packing),
}

/// A step before its memory is fixed.
pub(crate) struct Lowered {
    pub work: Work,
    pub inputs: Vec<BufferView>,
    pub outputs: Vec<BufferView>,
    /// Of inputs that come packed, by number: the values that they were packed from, if they are
    /// kept to compare with.
    pub originals: Vec<(usize, BufferView)>,
    pub label: Label,
    /// Whether it runs once, until a variable changes that it depends on.
    pub once: bool,
}

/// What a step is called.
pub(crate) struct Label {
    pub name: String,
    /// For its layer and line.
    pub node: Node,
    pub flops: u64,
}

impl Lowered {
    pub(crate) fn new(
        work: Work,
        inputs: Vec<BufferView>,
        outputs: Vec<BufferView>,
        label: Label,
    ) -> Lowered {
        Lowered { work, inputs, outputs, originals: vec![], label, once: false }
    }

    /// Whether an output may take the place of an input with the same view.
    pub(crate) fn aligned(&self) -> bool {
        matches!(self.work, Work::Loop { .. })
    }

    /// All values that must be there when it runs.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &BufferView> {
        self.inputs.iter().chain(self.originals.iter().map(|(_, v)| v))
    }
}

/// All steps and buffers.
pub(crate) struct LoweredPlan {
    pub steps: Vec<Lowered>,
    /// How many of the steps, the first, run once.
    pub prologue: usize,
    pub bufs: Vec<Buf>,
    pub updated: Vec<bool>,
    pub outputs: Vec<Meta>,
}
