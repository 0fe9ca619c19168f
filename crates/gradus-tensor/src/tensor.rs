//! `Tensor`: the one type users compute with.

use gradus_base::{DType, Error, Result, Shape};
use gradus_graph::{self as graph, Node};

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
    /// Reports a mistake in building: panics at the caller's line, or inside [`crate::try_build`] gives a poisoned tensor. What is
    /// made of it is poisoned, and `try_build` ends with the first mistake.
    ///
    /// ```
    /// use gradus_tensor::{Error, Tensor, try_build};
    /// #[track_caller]
    /// fn halves(x: &Tensor) -> Tensor {
    ///     match x.rank() {
    ///         1 => x.reshape([2, x.len() / 2]),
    ///         rank => Tensor::refuse(Error::shape("halves", format!("{rank} axes, expected 1"))),
    ///     }
    /// }
    /// let error = try_build(|| halves(&Tensor::zeros([2, 2])) + 1.0).unwrap_err();
    /// assert!(error.to_string().starts_with("halves: 2 axes, expected 1"));
    /// ```
    ///
    /// # Panics
    /// Outside of [`crate::try_build`].
    #[cold]
    #[track_caller]
    pub fn refuse(error: Error) -> Tensor {
        Tensor(graph::refuse(error))
    }
    /// A poisoned tensor for the mistake just reported, for whoever was told of it by another function.
    #[cold]
    #[track_caller]
    pub fn poisoned() -> Tensor {
        Tensor(graph::poisoned())
    }
    /// The mistake that left this tensor without a value, if it is poisoned.
    pub fn mistake(&self) -> Option<&Error> {
        self.0.mistake().map(|mistake| &**mistake)
    }
    /// Errs if one of the tensors is poisoned: with its mistake, before anything is said about a shape that is none.
    pub(crate) fn sound<const N: usize>(tensors: [&Tensor; N]) -> Result<()> {
        graph::sound(tensors.map(|t| &t.0))
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
    /// If the axis is not there. Inside [`crate::try_build`] its size is then 1, for nobody to see.
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        self.axis("size", axis).map_or(1, |axis| self.shape()[axis])
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
