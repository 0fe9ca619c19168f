//! `Tensor`: the one type users compute with.

use gradus_base::{DType, Shape};
use gradus_graph::Node;

/// A value of the graph, perhaps not computed yet. Cloning copies a pointer; nothing ever changes a tensor.
///
/// Rank, shape and element type are run-time values. Mistakes in shapes panic at the line that makes them, with
/// every shape named; inside [`crate::try_build`] they come back as an `Err`.
#[derive(Clone)]
pub struct Tensor(pub(crate) Node);

impl Tensor {
    /// The tensor of a graph node.
    pub fn from_node(node: Node) -> Tensor {
        Tensor(node)
    }
    /// The graph node.
    pub fn node(&self) -> &Node {
        &self.0
    }
    /// The sizes of the axes, outermost first.
    pub fn shape(&self) -> Shape {
        self.0.shape()
    }
    /// The size of one axis; negative axes count from the last.
    ///
    /// # Panics
    /// If the axis is not there.
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        self.shape()[self.axis("size", axis)]
    }
    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape().len()
    }
    /// True when there are no elements.
    pub fn is_empty(&self) -> bool {
        self.shape().is_empty()
    }
    /// The element type.
    pub fn dtype(&self) -> DType {
        self.0.dtype()
    }

    /// The same value, through which no gradient flows. Of a tensor already read, this also lets go of the
    /// graph it came from, so that a running sum does not keep every step alive.
    #[track_caller]
    pub fn stop_gradient(&self) -> Tensor {
        Tensor(self.0.detach())
    }
}

impl AsRef<Tensor> for Tensor {
    fn as_ref(&self) -> &Tensor {
        self
    }
}
