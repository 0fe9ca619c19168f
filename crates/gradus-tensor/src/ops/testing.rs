//! `check` for ops on tensors: the harness of gradus-testkit, which works on nodes.

use crate::Tensor;
use gradus_graph::Node;
use gradus_testkit::Case;

/// A test of `op`, the method `name` of [`Tensor`].
pub(crate) fn check(name: &str, op: impl Fn(&[Tensor]) -> Tensor + 'static) -> Case {
    check_all(name, move |x| vec![op(x)])
}

/// A test of `op` with several outputs.
pub(crate) fn check_all(name: &str, op: impl Fn(&[Tensor]) -> Vec<Tensor> + 'static) -> Case {
    let nodes = |x: &[Node]| x.iter().cloned().map(Tensor::from_node).collect::<Vec<_>>();
    gradus_testkit::check_all(name, move |x| {
        op(&nodes(x)).iter().map(|y| y.node().clone()).collect()
    })
}
