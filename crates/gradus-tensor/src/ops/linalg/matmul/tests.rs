//! Products and gradients against hand-computed ones, errors, half types, and where an update writes.

use crate::{DType, Tensor, grad, try_build};

#[test]
fn names_both_shapes_when_they_do_not_fit() {
    let e = try_build(|| Tensor::zeros([32, 784]).matmul(&Tensor::zeros([512, 10]))).unwrap_err();
    let text = e.to_string();
    let want = "matmul: the inner sizes differ\n  a [32, 784]   b [512, 10]      a's last axis (784) must equal \
                b's second-last (512)\n  at ";
    assert!(text.starts_with(want), "{text}");
}

#[test]
fn batches_broadcast_and_vectors_lose_their_axis() {
    let a = Tensor::from([[[1.0f64, 2.0]], [[3.0, 4.0]]]); // [2, 1, 2]
    let b = Tensor::from([[1.0f64, 0.0], [0.0, 10.0]]);
    assert_eq!(a.matmul(&b).to_vec::<f64>(), [1.0, 20.0, 3.0, 40.0]);
    let v = Tensor::from([1.0f64, 1.0]);
    assert_eq!(b.matmul(&v).to_vec::<f64>(), [1.0, 10.0]);
    assert_eq!(v.matmul(&v).item(), 2.0);
    let c = Tensor::from([[[1.0f64], [1.0]], [[2.0], [2.0]]]); // [2, 2, 1]
    assert_eq!(b.unsqueeze(0).matmul(&c).to_vec::<f64>(), [1.0, 10.0, 2.0, 20.0]);
}

#[test]
fn gradients_of_a_transposed_product() {
    let a = Tensor::from([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let b = Tensor::from([[1.0f64, -1.0, 2.0]]);
    let y = a.matmul(&b.t()).square().sum(..);
    let [da, db] = grad(&y, [&a, &b]);
    assert_eq!(da.to_vec::<f64>(), [10.0, -10.0, 20.0, 22.0, -22.0, 44.0]);
    assert_eq!(db.to_vec::<f64>(), [98.0, 130.0, 162.0]);
}

#[test]
fn half_types_sum_in_f32() {
    let ones = Tensor::full_of([1, 4096], 1.0, DType::BF16);
    assert_eq!(ones.matmul(&ones.t()).item(), 4096.0);
}

#[test]
fn an_update_from_a_product_is_written_over_its_variable() {
    let w = crate::Variable::new("w", &Tensor::ones([3, 2]));
    let mut step = crate::compile(|x: &[Tensor]| {
        let y = x[0].matmul(&w.tensor()).square().sum(..);
        let [dw] = grad(&y, [&w.tensor()]);
        crate::Step::new().update(&w, &(w.tensor() - dw * 0.1))
    });
    let plan = step.plan(&[crate::Meta::new([4, 3], DType::F32)]).unwrap();
    let names: Vec<&str> = plan.steps().iter().map(|s| s.name.as_str()).collect();
    assert!(!names.contains(&"copy"), "{plan}");
}
