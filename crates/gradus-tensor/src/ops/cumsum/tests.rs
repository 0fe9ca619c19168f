//! Running sums and products against loops, and their gradients.

use crate::ops::numeric::{check_gradients, check_gradients_at};
use crate::{Tensor, grad};

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

#[test]
fn gradients() {
    check_gradients(&[&[4, 3]], |x| x[0].cumsum(0));
    check_gradients(&[&[2, 3, 2]], |x| x[0].cumsum(1));
    check_gradients(&[&[7]], |x| x[0].cumprod(0));
    check_gradients_at(&[Tensor::from([0.5f64, 0.0, 2.0, 0.0, -1.5])], |x| x[0].cumprod(0));
}

#[test]
fn a_product_through_zero_has_a_gradient() {
    let x = Tensor::from([2.0f64, 0.0, 3.0]);
    let [d] = grad(&x.cumprod(0).sum(..), [&x]);
    assert_eq!(d.to_vec::<f64>(), [1.0, 8.0, 0.0]);
}
