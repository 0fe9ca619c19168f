//! Rows with a NaN, large numbers, and the edges of the range.

use crate::{DType, Key, Tensor, grad, try_build};

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

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Rows longer than a vector, NaN in each place: nothing of a row with a NaN is a number, and no other row has one. So it is with
/// ∞, whose share of ∞ is not defined, and with nothing but −∞.
#[test]
fn a_nan_makes_its_row_nan() {
    for dtype in [DType::F32, DType::F64] {
        for n in [1, 3, 8, 21] {
            for place in 0..n {
                for bad in [NAN, -NAN, INF] {
                    let mut x = vec![0.5; 3 * n];
                    x[n + place] = bad;
                    let x = Tensor::from_slice(&x, [3, n]).cast(dtype);
                    let y = [x.softmax(1), x.log_softmax(1)].map(|y| y.to_vec::<f64>());
                    for y in y {
                        assert!(
                            y[n..2 * n].iter().all(|y| y.is_nan()),
                            "{dtype} {n} {place}: {y:?}"
                        );
                        assert!(y[..n].iter().chain(&y[2 * n..]).all(|y| y.is_finite()), "{y:?}");
                    }
                }
            }
            let none = Tensor::full_of([n], -INF, dtype);
            assert!(none.log_softmax(0).to_vec::<f64>().iter().all(|y| y.is_nan()));
        }
    }
}

/// ln softmax(x + c) = ln softmax(x) wherever x + c is exact, and so are gradients of first and second order.
#[test]
fn large_numbers_keep_their_digits() {
    let small = [0.0, 1.0, -0.5, 2.0, 0.25];
    let (dtypes, shifts) = ([DType::F32, DType::F64], [1e4, -1e4, 1e6, -1e6]);
    for dtype in dtypes {
        let of = |shift: f64| {
            let x = Tensor::from(small.map(|x| x + shift)).cast(dtype);
            let v = Tensor::from([1.0, -2.0, 0.5, 3.0, 0.0]).cast(dtype);
            let y = x.log_softmax(0);
            let [d] = grad(&(&y * &v).sum(..), [&x]);
            let [second] = grad(&(&d * &v).sum(..), [&x]);
            [y, d, second].map(|t| t.to_vec::<f64>())
        };
        let near = of(0.0);
        shifts.iter().for_each(|&shift| assert_eq!(of(shift), near, "{dtype} {shift}"));
        let total = small.iter().map(|x: &f64| x.exp()).sum::<f64>().ln();
        let tolerance = if dtype == DType::F32 { 5e-7 } else { 1e-15 };
        assert!(near[0].iter().zip(small).all(|(y, x)| (y - (x - total)).abs() < tolerance));
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
