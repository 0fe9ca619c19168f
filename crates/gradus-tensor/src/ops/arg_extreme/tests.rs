//! Ties, NaN, axes and types.

use crate::{Key, Tensor, try_build};

#[test]
fn first_of_equals_and_nan_wins() {
    let x = Tensor::from([[1.0f64, 3.0, 3.0], [2.0, f64::NAN, f64::NAN], [-1.0, -1.0, -2.0]]);
    assert_eq!(x.argmax(1).to_vec::<i64>(), [1, 1, 0]);
    assert_eq!(x.argmin(1).to_vec::<i64>(), [0, 1, 2]);
    assert_eq!(x.argmax(0).to_vec::<i64>(), [1, 1, 1]);
}

#[test]
fn along_an_inner_axis_of_a_strided_tensor() {
    let x = Key::new(8).normal([6, 5, 7]).transpose(0, 2);
    let v = x.to_vec::<f32>();
    let best = x.argmax(1).to_vec::<i64>();
    for (at, &j) in best.iter().enumerate() {
        let value = |j: usize| v[((at / 6) * 5 + j) * 6 + at % 6];
        assert!((0..5).all(|other| value(other) <= value(j as usize)));
    }
}

#[test]
fn integers_masks_and_empty_axes() {
    assert_eq!(Tensor::from([5u8, 250, 3]).argmax(0).item(), 1.0);
    assert_eq!(Tensor::from([i64::MAX - 1, i64::MAX]).argmax(0).item(), 1.0);
    assert_eq!(Tensor::from([true, false]).argmin(0).item(), 1.0);
    assert_eq!(Tensor::zeros([0, 3]).argmax(1).to_vec::<i64>(), [0i64; 0]);
    let e = try_build(|| Tensor::zeros([2, 0]).argmax(1)).unwrap_err().to_string();
    assert!(e.starts_with("argmax: axis 1 of [2, 0] has no element"), "{e}");
}
