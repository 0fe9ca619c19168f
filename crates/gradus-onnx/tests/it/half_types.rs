//! Operators on half types and narrow integers: the result has the input's type, and nothing overflows on the way to it.

use crate::operators::ran_of;
use gradus_tensor::{DType, Tensor};

/// The operator's first output.
fn run(op: &str, attributes: &[(&str, i64)], inputs: &[&Tensor]) -> Tensor {
    let inputs: Vec<Tensor> = inputs.iter().map(|&x| x.clone()).collect();
    ran_of(23, op, attributes, &inputs).unwrap()
}

#[test]
fn sums_on_the_way_are_f32() {
    for dtype in [DType::F16, DType::BF16] {
        let x = Tensor::full_of([1, 1, 64, 64], 96.0, dtype);
        let first = |op: &str, attributes: &[(&str, i64)]| {
            let y = run(op, attributes, &[&x]);
            assert_eq!(y.dtype(), dtype, "{op}");
            y.to_vec::<f32>()[0]
        };
        assert_eq!(first("ReduceMean", &[]), 96.0);
        assert_eq!(first("ReduceL2", &[]), 6144.0);
        assert_eq!(first("GlobalAveragePool", &[]), 96.0);
        assert_eq!(first("GlobalLpPool", &[("p", 2)]), 6144.0);
        assert_eq!(first("LpNormalization", &[("axis", 2)]), 0.125);
        assert_eq!(first("MeanVarianceNormalization", &[]), 0.0);
        let ones = Tensor::full_of([64], 1.0, dtype);
        assert_eq!(run("RMSNormalization", &[], &[&x, &ones]).to_vec::<f32>()[0], 1.0);
    }
}

#[test]
fn layers_of_large_numbers_are_normalised() {
    let values = (Tensor::rand([4, 1024], 5) * 8.0).floor() + 96.0; // f16 and bf16 hold 96 … 103
    let (w, b) = (Tensor::full([1024], 2.0), Tensor::full([1], 0.5));
    let mean = values.mean(1).unsqueeze(1);
    let want = (&values - &mean) / (values.var(1, 0.0).unsqueeze(1) + 1e-5).sqrt() * 2.0 + 0.5;
    for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F16, 4e-3), (DType::BF16, 4e-2)] {
        let [x, w, b] = [&values, &w, &b].map(|t| t.cast(dtype));
        let y = run("LayerNormalization", &[], &[&x, &w, &b]);
        assert_eq!(y.dtype(), dtype);
        let worst = (y.cast(DType::F32) - &want).abs().max(..).item();
        assert!(worst < tolerance, "{dtype}: {worst}");
    }
}

#[test]
fn narrow_integers_stay_what_they_are() {
    let x = Tensor::from([[200i32, 100, 7]]);
    let y = run("ReduceSum", &[("keepdims", 0)], &[&x]);
    assert_eq!((y.dtype(), y.to_vec::<i32>()), (DType::I32, vec![307]));
    assert_eq!(run("ReduceMean", &[("keepdims", 0)], &[&x]).to_vec::<i32>(), [102]);
    assert_eq!(run("ReduceMax", &[("keepdims", 0)], &[&x]).to_vec::<i32>(), [200]);
    let bytes = Tensor::from([[200u8, 100]]);
    assert_eq!(run("ReduceMin", &[("keepdims", 0)], &[&bytes]).dtype(), DType::U8);
}
