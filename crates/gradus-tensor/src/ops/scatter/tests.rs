//! Scattering of each type and kind, gradients where factors are 0 and extremes are equal, and what bad indices give.

use super::Scatter;
use crate::{DType, Tensor, grad, try_build};

#[test]
fn every_kind_on_every_type() {
    let ids = Tensor::from([1i64, 1, 0]);
    let cases = [
        (Scatter::Replace, [9, 3, 2]),
        (Scatter::Add, [10, 9, 2]),
        (Scatter::Mul, [9, 24, 2]),
        (Scatter::Max, [9, 4, 2]),
        (Scatter::Min, [1, 2, 2]),
    ];
    for dtype in
        [DType::F32, DType::F64, DType::F16, DType::BF16, DType::I32, DType::I64, DType::U8]
    {
        let x = Tensor::from([1i64, 2, 2]).cast(dtype);
        let src = Tensor::from([4i64, 3, 9]).cast(dtype);
        for (how, want) in cases {
            let y = x.scatter(0, &ids, &src, how).cast(DType::I64).to_vec::<i64>();
            assert_eq!(y, want, "{how:?} of {dtype}");
        }
    }
    let flags = Tensor::from([true, true, false]).scatter(
        0,
        &ids,
        &Tensor::from([true, false, false]),
        Scatter::Replace,
    );
    assert_eq!(flags.to_vec::<bool>(), [false, false, false]);
    let nan = Tensor::from([f32::NAN, 1.0]);
    let y = nan.scatter(0, &Tensor::from([0i64, 1]), &Tensor::from([1.0, f32::NAN]), Scatter::Max);
    assert!(y.to_vec::<f32>().iter().all(|x| x.is_nan()));
}

/// d(x·s₁·s₂) where one factor is 0, and where two are.
#[test]
fn products_with_zeros_have_gradients() {
    let ids = Tensor::from([0i64, 0, 1, 1]);
    let (x, src) = (Tensor::from([2.0f64, 0.0]), Tensor::from([0.0f64, 3.0, 0.0, 5.0]));
    let y = x.scatter(0, &ids, &src, Scatter::Mul);
    let [dx, dsrc] = grad(&y.sum(..), [&x, &src]);
    assert_eq!(dx.to_vec::<f64>(), [0.0, 0.0]);
    assert_eq!(dsrc.to_vec::<f64>(), [6.0, 0.0, 0.0, 0.0]);
}

#[test]
fn equal_extremes_share_their_gradient() {
    let (x, src) = (Tensor::from([3.0f64, 0.0]), Tensor::from([3.0f64, 1.0]));
    let y = x.scatter(0, &Tensor::from([0i64, 0]), &src, Scatter::Max);
    let [dx, dsrc] = grad(&y.sum(..), [&x, &src]);
    assert_eq!(dx.to_vec::<f64>(), [0.5, 1.0]);
    assert_eq!(dsrc.to_vec::<f64>(), [0.5, 0.0]);
}

#[test]
fn slices_of_several_axes() {
    let x = Tensor::from_slice(&(0..24).map(f64::from).collect::<Vec<_>>(), [2, 3, 4]);
    let ids = Tensor::from([[1i64, 2], [0, 0]]);
    assert_eq!(x.gather_nd(&ids, 0).to_vec::<f64>(), [20.0, 21.0, 22.0, 23.0, 0.0, 1.0, 2.0, 3.0]);
    let own = x.gather_nd(&Tensor::from([[[2i64]], [[0]]]), 1);
    assert_eq!(own.shape().to_string(), "[2, 1, 4]");
    assert_eq!(own.to_vec::<f64>(), [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    let all = x.gather_nd(&Tensor::from([[0i64; 0], [0; 0]]).reshape([2, 0]), 0);
    assert_eq!(all.shape().to_string(), "[2, 2, 3, 4]");
}

#[test]
fn bad_indices_are_reported() {
    let (x, src) = (Tensor::zeros([2, 3]), Tensor::zeros([1, 1]));
    for id in [3i64, -1] {
        let y = x.scatter(1, &Tensor::from([[id]]), &src, Scatter::Replace);
        let e = y.try_to_vec::<f32>().unwrap_err().to_string();
        assert!(
            e.contains(&format!("index {id} at position 0 is outside axis 0, whose size is 3")),
            "{e}"
        );
        let y = x.gather_nd(&Tensor::from([[0i64, id]]), 0);
        assert!(y.try_to_vec::<f32>().is_err(), "{id}");
    }
    let ids = Tensor::from([[0i64]]);
    let mixed = || x.scatter(0, &ids, &Tensor::from([[1i64]]), Scatter::Add);
    let e = try_build(mixed).unwrap_err().to_string();
    assert!(e.starts_with("scatter: elements i64 into f32; cast one of them"), "{e}");
    let e = try_build(|| x.gather_nd(&Tensor::from([[0i64, 0, 0]]), 0)).unwrap_err().to_string();
    assert!(e.starts_with("gather_nd: x [2, 3], ids [1, 3], 0 batch axes"), "{e}");
}
