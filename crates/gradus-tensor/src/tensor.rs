//! `Tensor`: the one type users compute with.

use gradus_base::{DType, Error, Result, Shape};
use gradus_graph::{self as graph, Node};

/// A value of the graph, perhaps not computed yet. Cloning copies a pointer; nothing ever changes a
/// tensor, but [`Tensor::refill`] makes one another.
///
/// Rank, shape and element type are run-time values. What the `# Panics` of a method lists panics
/// at the line that calls it, with every shape named; inside [`crate::try_build`] it comes back as
/// an `Err`. Beyond that, a shape that [`Shape::new`] refuses panics wherever it is made, also
/// inside [`crate::try_build`].
#[derive(Clone)]
#[doc(alias("convert_to_tensor", "ndarray"))]
pub struct Tensor(pub(crate) Node);

impl Tensor {
    /// The tensor of a graph node.
    ///
    /// **Shape** the node's.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::ones([2, 3]);
    /// assert_eq!(Tensor::from_node(x.node().clone()).shape().to_string(), "[2, 3]");
    /// ```
    pub fn from_node(node: Node) -> Tensor {
        Tensor(node)
    }
    /// Reports a mistake in building: panics at the line of the caller, or inside
    /// [`crate::try_build`] gives a poisoned tensor. What is made of it is poisoned, and `try_build`
    /// ends with the first mistake.
    ///
    /// **Shape** none that is meant: some axes of size 1.
    ///
    /// # Panics
    /// Outside of [`crate::try_build`].
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
    #[cold]
    #[track_caller]
    pub fn refuse(error: Error) -> Tensor {
        Tensor(graph::refuse(error))
    }
    /// A poisoned tensor for the mistake that was reported last, for whoever was told of it by
    /// another function.
    ///
    /// **Shape** none that is meant: some axes of size 1.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Error, Tensor, report, try_build};
    /// let error = try_build(|| {
    ///     report(Error::value("load", "the file is empty"));
    ///     Tensor::poisoned().exp()
    /// });
    /// assert!(error.unwrap_err().to_string().starts_with("load: the file is empty"));
    /// ```
    #[cold]
    #[track_caller]
    pub fn poisoned() -> Tensor {
        Tensor(graph::poisoned())
    }
    /// The mistake that left this tensor without a value, if it is poisoned.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, try_build};
    /// let mut told = None;
    /// let _ = try_build(|| told = Tensor::zeros([2]).reshape([3]).mistake().cloned());
    /// assert_eq!(told.unwrap().op, "reshape");
    /// ```
    pub fn mistake(&self) -> Option<&Error> {
        self.0.mistake().map(|mistake| &**mistake)
    }
    /// Errs if one of the tensors is poisoned: with its mistake, before anything is said about a
    /// shape that is none.
    pub(crate) fn sound<const N: usize>(tensors: [&Tensor; N]) -> Result<()> {
        graph::sound(tensors.map(|t| &t.0))
    }
    /// The graph node behind this tensor.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3]).exp().node().name(), "exp");
    /// ```
    pub fn node(&self) -> &Node {
        &self.0
    }
    /// The sizes of the axes, outermost first.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3]).sum(0).shape().to_string(), "[3]");
    /// ```
    pub fn shape(&self) -> Shape {
        self.0.shape()
    }
    /// The size of one axis; negative axes count from the last.
    ///
    /// **Shape** `[.., N, ..]` → N.
    ///
    /// # Panics
    /// If the axis is not there. Inside [`crate::try_build`] its size is then 1, for nobody to see.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::ones([2, 3]);
    /// assert_eq!((x.size(0), x.size(-1)), (2, 3));
    /// ```
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        self.axis("size", axis).map_or(1, |axis| self.shape()[axis])
    }
    /// The number of axes: 0 for a scalar, 2 for a matrix.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3]).rank(), 2);
    /// ```
    #[doc(alias("dim", "ndim"))]
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }
    /// The number of elements: the product of the sizes, 1 for a scalar.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::ones([2, 3]).len(), 6);
    /// ```
    #[doc(alias("numel", "size"))]
    pub fn len(&self) -> usize {
        self.shape().len()
    }
    /// Whether there are no elements, because some axis has size 0.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert!(Tensor::ones([2, 0]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shape().is_empty()
    }
    /// The element type.
    ///
    /// **Shape** any.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::from([1i64, 2]).dtype(), DType::I64);
    /// ```
    pub fn dtype(&self) -> DType {
        self.0.dtype()
    }

    /// The same value, through which no gradient flows. If it has been read, this also lets go of
    /// the graph it came from, so that a running sum does not keep every step alive.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, grad};
    /// let x = Tensor::from(3.0f32);
    /// let y = &x * x.stop_gradient();
    /// assert_eq!((y.item(), grad(&y, [&x])[0].item()), (9.0, 3.0)); // not 2x = 6
    /// ```
    #[track_caller]
    #[doc(alias = "detach")]
    pub fn stop_gradient(&self) -> Tensor {
        Tensor(self.0.detach())
    }
}

impl AsRef<Tensor> for Tensor {
    fn as_ref(&self) -> &Tensor {
        self
    }
}
