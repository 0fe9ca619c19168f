//! Negative controls of what only kernels have: several outputs, algorithms by name, gradients in f32, empty inputs, refusals.

use super::{Formula, c, fails, op};
use gradus_base::{DType, Error};
use gradus_graph::{Node, fail};
use gradus_testkit::{Array, Case, Required, Species, check, check_all};
use std::panic::Location;

fn squares(x: &[Array]) -> Array {
    Array::from_fn(x[0].shape, |at| x[0].at(at).powi(2))
}

fn square(x: &[Node]) -> Node {
    op(x, |x| x[0] * x[0], None, None)
}

fn case(f: impl Fn(&[Node]) -> Node + 'static) -> Case {
    let case = check("square", f).input([3, 4], 0.5..2.0).species(Species::Kernel);
    case.oracle_of(squares)
}

#[test]
fn each_output_is_compared_and_differentiated() {
    let both = |second: Formula| {
        let case = check_all("both", move |x| vec![square(x), op(x, second, None, None)]);
        case.input([3, 4], 0.5..2.0)
            .oracles_of(|x| vec![squares(x), Array::from_fn(x[0].shape, |at| 3.0 * x[0].at(at))])
    };
    assert_eq!(both(|x| x[0] * c(3.0)).run().orders, [1, 2]);
    fails(&both(|x| x[0] * c(3.01)), "output 1: element");
    let one = check("one", square).input([3, 4], 0.5..2.0).oracles_of(|_| vec![]);
    fails(&one, "1 outputs where 0 were expected");
    let cut = check_all("cut", |x| vec![square(x), op(&[x[0].detach()], |x| x[0], None, None)]);
    let cut = cut.input([3, 4], 0.5..2.0).oracles_of(|x| vec![squares(x), x[0].clone()]);
    // The numeric derivative sees the second output, the gradient does not.
    fails(&cut, "gradient of input 0");
}

#[test]
fn an_algorithm_by_name_is_compared_and_noted() {
    let by_name = |factor: f64| {
        case(square).forced("by name", 1e-6, move |x| {
            let y = squares(x);
            Array::new(y.shape, y.values.iter().map(|y| factor * y).collect::<Vec<f64>>())
        })
    };
    assert!(by_name(1.0).run().algorithms.contains("by name"));
    fails(&by_name(1.00001), "algorithm by name: element");
}

#[test]
fn a_wrong_gradient_in_f32_fails() {
    let sloped = |factor: f64| {
        case(move |x| {
            let right: Formula = |x| c(2.0) * x[0] * x[2];
            let wrong: Formula = |x| c(2.02) * x[0] * x[2];
            let narrow = x[0].dtype() == DType::F32 && factor != 2.0;
            op(x, |x| x[0] * x[0], Some(if narrow { wrong } else { right }), None)
        })
    };
    sloped(2.0).run();
    fails(&sloped(2.02), "gradient of order 1 in f32, of float input 0");
}

#[test]
fn empty_inputs_and_refusals() {
    let refusing = |words: &'static str| {
        case(move |x| {
            if x[0].shape().len() == 1 {
                fail(Error::shape("square", words), Location::caller());
            }
            square(x)
        })
    };
    refusing("of one element").empty(&[&[3, 0]]).refuses(&[&[1, 1]], "of one element").run();
    fails(&refusing("of one").refuses(&[&[1, 1]], "of one element"), "are refused without");
    fails(&case(square).refuses(&[&[1, 1]], "of one element"), "[1, 1] are not refused");
    let filled = check("sum", |x| x[0].reduce(gradus_base::ReduceOp::Sum, &[1]));
    let filled = filled.input([3, 4], 0.5..2.0).empty(&[&[3, 0]]).oracle_of(|x| {
        let empty = x[0].values.is_empty();
        Array::from_fn([x[0].shape[0]], |at| {
            let row = (0..x[0].shape[1]).map(|j| x[0].at(&[at[0], j])).sum::<f64>();
            if empty { 1.0 } else { row }
        })
    });
    fails(
        &filled.species(Species::Reduction),
        "inputs of shapes [3, 0]: element 2 is 0.0, expected 1.0",
    );
}

/// Numbers that lie apart never come nearer than their count allows.
#[test]
fn numbers_that_lie_apart() {
    let nearest = |apart: bool| {
        let case = check("square", square).input([60], 0.0..6.0).oracle_of(move |x| {
            let mut sorted = x[0].values.clone();
            sorted.sort_by(f64::total_cmp);
            let gap = sorted.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
            Array::from_fn(x[0].shape, |at| if gap > 0.09 { x[0].at(at).powi(2) } else { -1.0 })
        });
        if apart { case.apart() } else { case }
    };
    nearest(true).dtypes(&[DType::F64]).empty_axis(None).run();
    fails(&nearest(false).dtypes(&[DType::F64]).empty_axis(None), "expected -1.0");
}

/// The guard on what a real case has checked.
#[test]
fn what_a_case_leaves_out_is_missing() {
    let checked = [case(square).run()];
    let required = |algorithm: &str, orders: &[usize]| Required {
        family: "squares".to_owned(),
        rules: [].into(),
        whole: [].into(),
        algorithms: if algorithm.is_empty() { [].into() } else { [algorithm.to_owned()].into() },
        orders: orders.to_vec(),
        dtypes: vec![DType::F64, DType::BF16],
    };
    assert_eq!(required("", &[1, 2]).missing(&checked), [""; 0]);
    assert_eq!(
        required("", &[1, 2, 3]).missing(&checked),
        ["squares: square: order 3 is not checked"]
    );
    let lanes = required("lanes", &[1]).missing(&checked);
    assert_eq!(lanes, ["squares: algorithm \"lanes\" computed nothing"]);
}
