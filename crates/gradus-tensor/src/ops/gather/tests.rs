//! Gathering and scattering along each axis, of each type, of many elements, and what they say of bad indices.

use crate::{DType, Key, Tensor, grad, try_build};

#[test]
fn gathers_along_each_axis_as_the_formula_says() {
    let x = Key::new(1).normal_of([3, 4, 5], DType::F64);
    let v = x.to_vec::<f64>();
    let at = |i: usize, j: usize, k: usize| v[(i * 4 + j) * 5 + k];
    let ids: Vec<i64> = (0..30).map(|i| (i * 7 % 4) as i64).collect();
    let ids = Tensor::from_slice(&ids, [3, 2, 5]);
    let picked = x.gather(1, &ids).to_vec::<f64>();
    let id = ids.to_vec::<i64>();
    for (n, &y) in picked.iter().enumerate() {
        assert_eq!(y, at(n / 10, id[n] as usize, n % 5));
    }
    let rows = x.transpose(0, 2).index_select(1, &Tensor::from([3i64, 0])).to_vec::<f64>();
    assert_eq!(
        rows[..6],
        [at(0, 3, 0), at(1, 3, 0), at(2, 3, 0), at(0, 0, 0), at(1, 0, 0), at(2, 0, 0)]
    );
}

#[test]
fn works_on_every_type_and_on_nothing() {
    let ids = Tensor::from([1i64, 0]);
    assert_eq!(Tensor::from([true, false]).index_select(0, &ids).to_vec::<bool>(), [false, true]);
    assert_eq!(Tensor::from([7u8, 8]).gather(0, &ids).to_vec::<u8>(), [8, 7]);
    let half = Tensor::from([1.5f32, 2.0]).cast(DType::F16);
    assert_eq!(half.index_select(0, &ids).to_vec::<f32>(), [2.0, 1.5]);
    assert_eq!(half.scatter_add(0, &ids, 3).to_vec::<f32>(), [2.0, 1.5, 0.0]);
    let none = Tensor::from_slice::<i64>(&[], [0]);
    assert_eq!(Tensor::zeros([3, 0]).index_select(0, &ids).shape().to_string(), "[2, 0]");
    assert_eq!(Tensor::zeros([3, 2]).index_select(0, &none).to_vec::<f32>(), [0.0f32; 0]);
    assert_eq!(Tensor::zeros([0]).scatter_add(0, &none, 2).to_vec::<f32>(), [0.0, 0.0]);
}

#[test]
fn an_embedding_sums_its_gradient_over_repeated_ids() {
    let table = Tensor::from([[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let ids = Tensor::from([[2i64, 0], [2, 2]]);
    let y = table.embedding(&ids);
    assert_eq!(y.shape().to_string(), "[2, 2, 2]");
    assert_eq!(y.to_vec::<f64>(), [5.0, 6.0, 1.0, 2.0, 5.0, 6.0, 5.0, 6.0]);
    let [d] = grad(&y.sum(..), [&table]);
    assert_eq!(d.to_vec::<f64>(), [1.0, 1.0, 0.0, 0.0, 3.0, 3.0]);
}

#[test]
fn many_destinations_are_shared_out_and_summed_in_order() {
    let (m, n) = (50_000, 40_000);
    let ids: Vec<i64> = (0..m as i64).map(|i| i * i % n).collect();
    let x = Tensor::rand([m], 3);
    let mut want = vec![0.0f32; n as usize];
    for (&id, v) in ids.iter().zip(x.to_vec::<f32>()) {
        want[id as usize] += v;
    }
    let ids = Tensor::from_slice(&ids, [m]);
    assert_eq!(x.scatter_add(0, &ids, n as usize).to_vec::<f32>(), want);
}

#[test]
fn bad_indices_are_named() {
    let x = Tensor::zeros([4, 3]);
    let e =
        x.index_select(1, &Tensor::from([0i64, 3])).try_to_vec::<f32>().unwrap_err().to_string();
    assert!(e.contains("index 3 at position 1 is outside axis 1, whose size is 3"), "{e}");
    let e =
        x.gather(0, &Tensor::from([[0i64, -1, 0]])).try_to_vec::<f32>().unwrap_err().to_string();
    assert!(e.contains("gather: index -1 at position 1 is outside axis 0, whose size is 4"), "{e}");
    let e = try_build(|| x.gather(0, &Tensor::from([[0i64, 1]]))).unwrap_err().to_string();
    assert!(
        e.starts_with("gather: x [4, 3] and ids [1, 2] differ elsewhere than on axis 0"),
        "{e}"
    );
    assert!(try_build(|| x.index_select(0, &Tensor::from([1.0f32]))).is_err());
}
