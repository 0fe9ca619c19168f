//! Gradients of a fused kernel by way of the composition it stands for: the road to second order.

use crate::Tensor;
use gradus_base::{Result, Shape};
use gradus_graph::{Backward, Node, gradients};

/// The gradients that `composition` of the op's inputs has; it must compute the op's outputs. An input that the others
/// determine may be left unread by it: its share then comes with theirs.
pub(crate) fn differentiate(
    backward: &Backward<'_>,
    composition: impl FnOnce(&[Tensor]) -> Vec<Tensor>,
) -> Result<Vec<Option<Node>>> {
    // Stand-ins: nodes of their own, so that the gradient of one input does not flow on into another.
    let stand_ins: Vec<Node> = backward.inputs.iter().map(stand_in).collect();
    let same = |(s, x): (&Node, &Node)| Tensor(s.reshape(x.shape()));
    let inputs: Vec<Tensor> = stand_ins.iter().zip(backward.inputs).map(same).collect();
    let outputs = composition(&inputs);
    let mut total: Vec<Option<Tensor>> = vec![None; inputs.len()];
    for (y, dy) in outputs.iter().zip(backward.dys) {
        let Some(dy) = dy else { continue };
        for (sum, d) in total.iter_mut().zip(gradients(&y.0, dy, &stand_ins)?) {
            let Some(d) = d.map(Tensor) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => sum + d,
                None => d,
            });
        }
    }
    let shaped = |(d, x): (Option<Tensor>, &Node)| d.map(|d| d.reshape(x.shape()).0);
    Ok(total.into_iter().zip(backward.inputs).map(shaped).collect())
}

/// The same elements in a row: a node of its own, whatever the shape.
fn stand_in(x: &Node) -> Node {
    let len = x.shape().len();
    // Of another rank: a reshape to the same shape would be the node itself.
    x.reshape(if x.shape().rank() == 1 { Shape::from([len, 1]) } else { Shape::from([len]) })
}
