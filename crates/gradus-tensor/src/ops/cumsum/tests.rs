//! Running sums and products of each type and of many elements, and through zeros.

use crate::{DType, Tensor, grad};

#[test]
fn along_each_axis_and_type() {
    let x = Tensor::from([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(x.cumsum(0).to_vec::<f64>(), [1.0, 2.0, 3.0, 5.0, 7.0, 9.0]);
    assert_eq!(x.cumsum(1).to_vec::<f64>(), [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]);
    assert_eq!(x.t().cumsum(-1).to_vec::<f64>(), [1.0, 5.0, 2.0, 7.0, 3.0, 9.0]);
    assert_eq!(x.cumprod(1).to_vec::<f64>(), [1.0, 2.0, 6.0, 4.0, 20.0, 120.0]);
    assert_eq!(Tensor::from([true, false, true]).cumsum(0).to_vec::<i64>(), [1, 1, 2]);
    assert_eq!(Tensor::zeros([3, 0]).cumsum(0).to_vec::<f32>(), [0.0f32; 0]);
    assert_eq!(Tensor::zeros([0]).cumprod(0).to_vec::<f32>(), [0.0f32; 0]);
}

/// A million times .1, whose sum in f32 additions would be 100958, in both directions, as columns, and in half types; and ones
/// beyond 2²⁴, where f32 additions would stand still.
#[test]
fn long_sums_do_not_drift() {
    let many = 1_000_000;
    let x = Tensor::full([many], 0.1);
    let last = |y: Tensor| y.select(0, many - 1).to_vec::<f64>();
    assert_eq!(last(x.cumsum(0)), [100_000.0]);
    assert_eq!(last(x.unsqueeze(1).broadcast_to([many, 3]).cumsum(0)), [100_000.0; 3]);
    let y = x.cumsum(0);
    let [d] = grad(&y.sum(..), [&x]);
    assert_eq!(d.select(0, 0).item(), many as f64);
    assert_eq!(last(Tensor::full_of([many], 0.125, DType::BF16).cumsum(0)), [124_928.0]);
    let ones = Tensor::ones([17_000_000]).cumsum(0);
    assert_eq!(ones.slice(0, 16_999_997..).to_vec::<f64>(), [16_999_998.0, 17e6, 17e6]);
    // Beyond f32 and back.
    let steep = Tensor::from([3e38f32, 3e38, -3e38, -3e38]);
    assert_eq!(steep.cumsum(0).to_vec::<f32>(), [3e38, f32::INFINITY, 3e38, 0.0]);
    let [up, down] = [1e30f32, 1e-30];
    let product = Tensor::from([up, up, down, down]).cumprod(0).to_vec::<f32>();
    let want = [1e30, f32::INFINITY, 1e30, 1.0];
    assert!(product.iter().zip(want).all(|(a, b)| *a == b || (a / b - 1.0).abs() < 1e-6));
    assert!((Tensor::from([up, down, up, down]).prod(..).item() - 1.0).abs() < 1e-6);
    assert!((Tensor::from([up, up, down, down]).prod(..).item() - 1.0).abs() < 1e-6);
}

/// The other reductions of as many.
#[test]
fn long_reductions_do_not_drift() {
    let many = 20_000_000;
    let ones = Tensor::ones([many]);
    assert_eq!(ones.sum(..).item(), many as f64);
    assert_eq!(ones.mean(..).item(), 1.0);
    assert_eq!(ones.var(.., 0.0).item(), 0.0);
    assert_eq!(ones.norm_l1(..).item(), many as f64);
    assert!((ones.norm_l2(..).item() / (many as f64).sqrt() - 1.0).abs() < 1e-6);
    assert_eq!(ones.prod(..).item(), 1.0);
    assert!((ones.logsumexp(0).item() - (many as f64).ln() - 1.0).abs() < 2e-6);
    let columns = ones.reshape([many / 4, 4]).sum(0);
    assert_eq!(columns.to_vec::<f64>(), [many as f64 / 4.0; 4]);
}

#[test]
fn a_product_through_zero_has_a_gradient() {
    let x = Tensor::from([2.0f64, 0.0, 3.0]);
    let [d] = grad(&x.cumprod(0).sum(..), [&x]);
    assert_eq!(d.to_vec::<f64>(), [1.0, 8.0, 0.0]);
}
