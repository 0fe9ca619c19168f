//! Negative controls: an expansion that is not what the plain kernel computes, in its numbers, its
//! type or its gradient.

use super::{c, fails, op};
use gradus_base::{DType, Result, Shape};
use gradus_graph::{Backward, Device as On, Meta, Node, Plain, Rule, Strategy, call_one};
use gradus_reference::Array as Elements;
use gradus_testkit::{Array, Case, Device, Species, check};

/// 2x. The processor has no kernel for it.
#[derive(Debug)]
struct Double {
    expand: fn(&Node) -> Node,
}

impl Rule for Double {
    fn name(&self) -> &'static str {
        "double"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![Some(twice(backward.dy()))])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        Some(vec![(self.expand)(&inputs[0])])
    }

    fn strategy(&self, device: On) -> Option<Box<dyn Strategy + '_>> {
        let double =
            |x: &Elements| Elements::new(x.shape, x.reals().iter().map(|x| 2.0 * x).collect());
        match device {
            On::Reference => Some(Plain::of(move |x: &[Elements]| Ok(vec![double(&x[0])]))),
            _ => None,
        }
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        0
    }
}

fn twice(x: &Node) -> Node {
    op(std::slice::from_ref(x), |x| x[0] * c(2.0), None, None)
}

fn case(expand: fn(&Node) -> Node) -> Case {
    let case = check("double", move |x| call_one(Double { expand }, &[&x[0]]));
    let case = case.input([3, 4], 0.5..2.0).species(Species::Kernel);
    let case = case.dtypes(&[DType::F64, DType::F32]);
    case.oracle_of(|x| Array::from_fn(x[0].shape, |at| 2.0 * x[0].at(at)))
}

#[test]
fn a_device_without_a_kernel_computes_the_expansion_which_is_compared() {
    let checked = case(twice).run();
    assert!(checked.expanded.contains("double"));
    let kernels: Vec<_> = checked.kernels.iter().map(|(rule, device)| (&**rule, *device)).collect();
    assert_eq!(kernels, [("double", "reference")]);
    assert_eq!(checked.devices, ["cpu", "reference"]);
}

#[test]
fn a_wrong_expansion_fails() {
    let wrong: fn(&Node) -> Node =
        |x| op(std::slice::from_ref(x), |x| x[0] * c(2.0001), None, None);
    fails(&case(wrong), "on cpu: values in f64");
    let alone = |expand| case(expand).devices(&[Device::REFERENCE]);
    alone(twice).run();
    let says = "on reference: double and what it is expanded to: ";
    fails(&alone(wrong), &format!("{says}element"));
    let flat: fn(&Node) -> Node = |x| twice(x).reshape(Shape::from([x.shape().len()]));
    fails(&alone(flat), &format!("{says}f64 [3, 4] and f64 [12]"));
}
