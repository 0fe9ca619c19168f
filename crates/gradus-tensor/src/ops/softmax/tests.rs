//! Against the formula, at the edges of the range, and gradients.

use crate::ops::check;
use crate::ops::numeric::check_gradients;
use crate::{DType, Key, Tensor, try_build};
use gradus_testkit::{Array, Case, Species};

#[test]
fn agrees_with_the_formula_on_any_axis() {
    for (shape, axis) in [([5, 37, 3], 1), ([4, 2, 100], -1), ([16, 3, 1], 0)] {
        let x = Key::new(3).normal_of(shape, DType::F64) * 3.0;
        let p = x.softmax(axis);
        let ones = p.sum(axis).to_vec::<f64>();
        assert!(ones.iter().all(|s| (s - 1.0).abs() < 1e-14));
        // p is right up to a factor per row if ln p − x is constant along the axis.
        let log = p.to_vec::<f64>().iter().map(|p| p.ln()).collect::<Vec<_>>();
        let gap = Tensor::from_slice(&log, shape) - &x;
        let spread = (gap.max(axis) - gap.min(axis)).max(..).item();
        assert!(spread < 1e-13, "{spread}");
        let log_p = x.log_softmax(axis).to_vec::<f64>();
        assert!(log_p.iter().zip(&log).all(|(a, b)| (a - b).abs() < 1e-13));
        let single = x.cast(DType::F32).softmax(axis).to_vec::<f64>();
        assert!(single.iter().zip(p.to_vec::<f64>()).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn holds_at_the_edges() {
    let big = Tensor::from([1e30f32, -1e30, 1e30]);
    assert_eq!(big.softmax(0).to_vec::<f32>(), [0.5, 0.0, 0.5]);
    let masked = Tensor::from([0.0f64, f64::NEG_INFINITY]);
    assert_eq!(masked.softmax(0).to_vec::<f64>(), [1.0, 0.0]);
    assert_eq!(masked.log_softmax(0).to_vec::<f64>(), [0.0, f64::NEG_INFINITY]);
    assert!(Tensor::from([0.0f32, f32::NAN]).softmax(0).to_vec::<f32>().iter().all(|p| p.is_nan()));
    assert_eq!(Tensor::zeros([0, 3]).softmax(0).to_vec::<f32>(), [0.0f32; 0]);
    assert_eq!(Tensor::full_of([2], 1.0, DType::BF16).softmax(0).to_vec::<f32>(), [0.5, 0.5]);
    assert!(try_build(|| Tensor::from([1i64]).softmax(0)).is_err());
}

#[test]
fn gradients() {
    check_gradients(&[&[3, 5]], |x| x[0].softmax(-1));
    check_gradients(&[&[4, 3]], |x| x[0].log_softmax(0));
}

/// [2, 3, 4] over its middle axis against the definition, which does not overflow here.
fn over_axis_1(name: &str, op: fn(&Tensor) -> Tensor, definition: fn(f64, f64) -> f64) -> Case {
    let case = check(name, move |x| op(&x[0])).input([2, 3, 4], -2.0..2.0);
    case.species(Species::Reduction).oracle_of(move |x| {
        let x = &x[0];
        let total = |i, j| (0..x.shape[1]).map(|k| x.at(&[i, k, j]).exp()).sum::<f64>();
        Array::from_fn(x.shape, |at| definition(x.at(at), total(at[0], at[2])))
    })
}

#[test]
fn softmax() {
    let quarters = [0.0, 3f64.ln(), 1000.0, 0.0];
    over_axis_1("softmax", |x| x.softmax(1), |x, total| x.exp() / total)
        .example_of(
            [Array::new([2, 2, 1], quarters)],
            Array::new([2, 2, 1], [0.25, 0.75, 1.0, 0.0]),
        )
        .run();
}

#[test]
fn log_softmax() {
    over_axis_1("log_softmax", |x| x.log_softmax(1), |x, total| x - total.ln())
        .example_of(
            [Array::new([2, 2, 1], [0.0, 3f64.ln(), 1000.0, 0.0])],
            Array::new([2, 2, 1], [-1.386294, -0.287682, 0.0, -1000.0]),
        )
        .run();
}
