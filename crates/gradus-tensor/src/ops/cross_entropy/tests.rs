//! Against log_softmax and gather, extremes and bad labels.

use crate::{DType, Key, Tensor, grad, try_build};

#[test]
fn is_minus_the_log_softmax_of_the_label() {
    let x = Key::new(1).normal_of([2, 3, 11], DType::F64) * 4.0;
    let labels = Tensor::from([[0i64, 10, 3], [5, 5, 1]]);
    let fused = x.softmax_cross_entropy(&labels);
    let composed = -x.log_softmax(-1).gather(-1, &labels.unsqueeze(-1)).squeeze(-1);
    let [a, b] = [&fused, &composed].map(|t| t.to_vec::<f64>());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-13));
    let [da, db] = [fused, composed].map(|t| grad(&t.square().sum(..), [&x])[0].to_vec::<f64>());
    assert!(da.iter().zip(&db).all(|(a, b)| (a - b).abs() < 1e-12));
    let single = x.cast(DType::F32).softmax_cross_entropy(&labels).to_vec::<f64>();
    assert!(single.iter().zip(&a).all(|(s, a)| (s - a).abs() < 2e-6));
}

#[test]
fn holds_where_probabilities_vanish() {
    let x = Tensor::from([[1000.0f32, 0.0], [f32::NEG_INFINITY, 0.0]]);
    let loss = x.softmax_cross_entropy(&Tensor::from([1i64, 1]));
    assert_eq!(loss.to_vec::<f32>(), [1000.0, 0.0]);
    assert_eq!(grad(&loss.sum(..), [&x])[0].to_vec::<f32>(), [1.0, -1.0, 0.0, 0.0]);
    let none = Tensor::zeros([0, 3]).softmax_cross_entropy(&Tensor::from_slice::<i64>(&[], [0]));
    assert_eq!(none.to_vec::<f32>(), [0.0f32; 0]);
}

/// A row with a NaN, at its label or elsewhere, has no finite loss and no finite gradient; other rows keep theirs.
#[test]
fn a_nan_makes_its_row_nan() {
    for dtype in [DType::F32, DType::F64] {
        for classes in [2, 3, 8, 21] {
            for place in 0..classes {
                for bad in [f64::NAN, f64::INFINITY] {
                    let mut x = vec![0.0; 3 * classes];
                    x[classes + place] = bad;
                    let x = Tensor::from_slice(&x, [3, classes]).cast(dtype);
                    let loss = x.softmax_cross_entropy(&Tensor::from([0i64, 1, 1]));
                    let [dx] = grad(&loss.sum(..), [&x]);
                    let (loss, dx) = (loss.to_vec::<f64>(), dx.to_vec::<f64>());
                    assert!(
                        loss[1].is_nan(),
                        "{dtype}, {classes} classes, {bad} at {place}: {loss:?}"
                    );
                    assert!((loss[0] - (classes as f64).ln()).abs() < 1e-6 && loss[0] == loss[2]);
                    assert!(dx[classes..2 * classes].iter().all(|d| d.is_nan()), "{dx:?}");
                    assert!(dx[..classes].iter().all(|d| d.is_finite()));
                }
            }
        }
    }
}

/// The loss, its gradient and a second derivative do not change where a number is added to all scores of a row.
#[test]
fn large_scores_keep_their_digits() {
    for dtype in [DType::F32, DType::F64] {
        let of = |shift: f64| {
            let x = Tensor::from([[0.0, 1.0], [-0.75, 0.5]].map(|row| row.map(|x| x + shift)));
            let x = x.cast(dtype);
            let loss = x.softmax_cross_entropy(&Tensor::from([1i64, 0]));
            let [dx] = grad(&loss.sum(..), [&x]);
            let [second] = grad(&dx.select(1, 0).sum(..), [&x]);
            [loss, dx, second].map(|t| t.to_vec::<f64>())
        };
        let near = of(0.0);
        assert!((near[0][0] - 0.313_261_687_518).abs() < 1e-7, "{near:?}");
        [1e4, -1e4, 1e6].iter().for_each(|&c| assert_eq!(of(c), near, "{dtype} {c}"));
    }
}

#[test]
fn bad_labels_are_named() {
    let x = Tensor::zeros([4, 10]);
    let loss = x.softmax_cross_entropy(&Tensor::from([1i64, 2, 3, 12]));
    let e = loss.try_to_vec::<f32>().unwrap_err().to_string();
    assert!(e.starts_with("cross_entropy: label 12 at sample 3 is outside 0..10"), "{e}");
    let e = try_build(|| x.softmax_cross_entropy(&Tensor::from([1i64]))).unwrap_err().to_string();
    let want = "cross_entropy: scores [.., classes] and labels [..] are [4, 10] and [1]";
    assert!(e.starts_with(want), "{e}");
}
