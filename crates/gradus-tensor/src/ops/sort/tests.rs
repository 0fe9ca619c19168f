//! Order, ties, NaN and bad requests.

use crate::{Key, Tensor, try_build};

#[test]
fn ties_keep_their_order_both_ways_and_nan_is_largest() {
    let x = Tensor::from([2.0f32, -0.0, f32::NAN, 0.0, 2.0, f32::NEG_INFINITY, -3.0]);
    assert_eq!(x.argsort(0, false).to_vec::<i64>(), [5, 6, 1, 3, 0, 4, 2]);
    assert_eq!(x.argsort(0, true).to_vec::<i64>(), [2, 0, 4, 1, 3, 6, 5]);
    let (values, places) = x.top_k(3, 0);
    assert_eq!(places.to_vec::<i64>(), [2, 0, 4]);
    assert_eq!(values.to_vec::<f32>()[1..], [2.0, 2.0]);
}

#[test]
fn integers_axes_and_nothing() {
    let x = Tensor::from([[3i64, -1], [i64::MIN, 7], [i64::MAX, 0]]);
    assert_eq!(x.sort(0, false).to_vec::<i64>(), [i64::MIN, -1, 3, 0, i64::MAX, 7]);
    assert_eq!(x.sort(1, true).to_vec::<i64>(), [3, -1, 7, i64::MIN, i64::MAX, 0]);
    assert_eq!(Tensor::from([true, false]).argsort(0, false).to_vec::<i64>(), [1, 0]);
    assert_eq!(Tensor::zeros([0, 3]).sort(0, false).to_vec::<f32>(), [0.0f32; 0]);
    assert_eq!(Tensor::zeros([2, 3]).top_k(0, 1).0.shape().to_string(), "[2, 0]");
}

#[test]
fn agrees_with_the_library_on_many_rows() {
    let x = Key::new(4).normal([50, 300]);
    let v = x.to_vec::<f32>();
    let sorted = x.sort(1, false).to_vec::<f32>();
    let top = x.top_k(7, 1).0.to_vec::<f32>();
    for row in 0..50 {
        let mut want = v[row * 300..][..300].to_vec();
        want.sort_by(f32::total_cmp);
        assert_eq!(sorted[row * 300..][..300], want);
        want.reverse();
        assert_eq!(top[row * 7..][..7], want[..7]);
    }
}

#[test]
fn asks_for_no_more_than_there_is() {
    let e = try_build(|| Tensor::zeros([2, 3]).top_k(4, 1)).err().unwrap().to_string();
    assert!(e.starts_with("top_k: the 4 largest of axis 1 of [2, 3], which has 3"), "{e}");
}
