//! Operators of NaN, and their gradients far from 0.

use crate::operators::ran_of;
use gradus_tensor::{DType, Tensor, grad};

fn run(op: &str, inputs: &[&Tensor]) -> Tensor {
    let inputs: Vec<Tensor> = inputs.iter().map(|&x| x.clone()).collect();
    ran_of(23, op, &[], &inputs).unwrap()
}

/// NaN is no number to any operator of one argument, nor to one that takes the larger or the sum of two, nor to one of rows.
#[test]
fn nan_stays_nan() {
    let one = [
        ["Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil"],
        ["Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu"],
        ["HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu"],
        ["Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus"],
        ["Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Softmax", "LogSoftmax"],
    ];
    for dtype in [DType::F32, DType::F64] {
        let x = Tensor::from([[f64::NAN]]).cast(dtype);
        for op in one.into_iter().flatten() {
            assert!(run(op, &[&x]).item().is_nan(), "{op} of {dtype}");
        }
        let row = Tensor::from([[0.5, f64::NAN, 1.0]]).cast(dtype);
        for op in ["Softmax", "LogSoftmax"] {
            assert!(run(op, &[&row]).to_vec::<f64>().iter().all(|y| y.is_nan()), "{op}");
        }
        for op in ["ReduceMax", "ReduceMin", "ReduceSum", "ReduceLogSumExp", "ReduceL1", "ReduceL2"]
        {
            assert!(run(op, &[&row]).item().is_nan(), "{op}");
        }
        let two = Tensor::from([[2.0]]).cast(dtype);
        for op in ["Add", "Div", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum", "Clip"]
        {
            assert!(run(op, &[&x, &two]).item().is_nan(), "{op}");
        }
    }
}

/// max(0, x) + min(0, e^x − 1), whose e^x is ∞ here; a norm of zeros.
#[test]
fn gradients_are_numbers_far_from_0_and_at_it() {
    for dtype in [DType::F32, DType::F64] {
        let x = Tensor::from([1e4, 1000.0, 2.0, 0.0, -1000.0]).cast(dtype);
        let y = run("Celu", &[&x]);
        assert_eq!(y.to_vec::<f64>(), [1e4, 1000.0, 2.0, 0.0, -1.0]);
        let [slope] = grad(&y.sum(..), [&x]);
        assert_eq!(slope.to_vec::<f64>(), [1.0, 1.0, 1.0, 1.0, 0.0]);
        let zeros = Tensor::from([[0.0, 0.0]]).cast(dtype);
        let [slope] = grad(&run("ReduceL2", &[&zeros]).sum(..), [&zeros]);
        assert_eq!(slope.to_vec::<f64>(), [0.0, 0.0]);
    }
}
