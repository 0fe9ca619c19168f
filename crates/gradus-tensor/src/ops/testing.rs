//! `check` for ops on tensors: the harness of gradus-testkit, which works on nodes.

use crate::Tensor;
use gradus_testkit::Case;

/// A test of `op`, the method `name` of [`Tensor`].
pub(crate) fn check(name: &str, op: impl Fn(&[Tensor]) -> Tensor + 'static) -> Case {
    gradus_testkit::check(name, move |nodes| {
        let x: Vec<Tensor> = nodes.iter().cloned().map(Tensor::from_node).collect();
        op(&x).node().clone()
    })
}
