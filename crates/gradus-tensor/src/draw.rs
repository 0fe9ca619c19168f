//! Drawing the graph behind tensors.

use crate::{Tensor, Variable};
use gradus_graph as graph;

/// A picture of the tensors and all they are made of. Values flow upwards, from arguments and
/// variables.
///
/// **Shape** any.
///
/// # Panics
/// Never.
///
/// ```
/// use gradus_tensor::{Tensor, Variable, draw};
/// let w = Variable::new("w", &Tensor::ones([2, 1]));
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let y = x.matmul(&w.tensor()).relu();
/// let svg = draw([&y]).name(&x, "x").to_svg();
/// assert!(svg.contains(">matmul</text>") && svg.contains(">w</text>"));
/// ```
pub fn draw<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Drawing {
    let nodes: Vec<_> = tensors.into_iter().map(|t| t.0.clone()).collect();
    Drawing(graph::Drawing::new(&nodes))
}

/// A picture of a graph.
#[derive(Clone, Debug)]
pub struct Drawing(graph::Drawing);

impl Drawing {
    /// Gives a tensor another name, for example an argument of a compiled step, which has none of
    /// its own.
    #[must_use]
    pub fn name(self, tensor: &Tensor, name: &str) -> Drawing {
        Drawing(self.0.name(&tensor.0, name))
    }
    /// Gives a variable another name, such as its path in a model.
    #[must_use]
    pub fn name_variable(self, variable: &Variable, name: &str) -> Drawing {
        Drawing(self.0.name_variable(&variable.0, name))
    }
    /// The picture as SVG.
    pub fn to_svg(&self) -> String {
        self.0.to_svg()
    }
    /// The picture as Graphviz reads it, one cluster per layer.
    pub fn to_dot(&self) -> String {
        self.0.to_dot()
    }
}
