//! The norms against their formulas in each memory order and on odd sizes, threads, errors.

use super::batch::tests as batch_tests;
use super::inverse_deviation;
use crate::ops::norm::local_response::LocalResponse;
use crate::{DType, Key, Tensor, grad, try_build};

pub(super) const EPS: f64 = 1e-5;

pub(super) fn near(a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (a.to_vec::<f64>(), b.to_vec::<f64>());
    let top = b.iter().fold(1.0f64, |top, b| top.max(b.abs()));
    let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= tolerance * top, "error {worst} of {top}");
}

pub(super) fn parameters(channels: usize, dtype: DType) -> [Tensor; 2] {
    [1, 2].map(|s| Key::new(50).stream(s).normal_of([channels], dtype))
}

/// The batch norm by its formula, of [N, C, L].
pub(super) fn formula(x: &Tensor, w: &Tensor, b: &Tensor) -> (Tensor, Tensor, Tensor) {
    let mean = x.mean([0, 2]);
    let variance = (x - mean.unsqueeze(1)).square().mean([0, 2]);
    let y = (x - mean.unsqueeze(1)) * inverse_deviation(&variance, EPS).unsqueeze(1);
    (y * w.unsqueeze(1) + b.unsqueeze(1), mean, variance)
}

#[test]
fn layer_group_instance_and_rms_norm_are_their_formulas() {
    let x = Key::new(3).normal_of([2, 4, 3, 2], DType::F64) * 3.0 - 1.0;
    let [w, b] = parameters(4, DType::F64);
    let by_hand = |rows: usize| {
        let x = x.reshape([rows, x.len() / rows]);
        let centred = &x - x.mean(1).unsqueeze(1);
        let scale = inverse_deviation(&centred.square().mean(1), EPS).unsqueeze(1);
        (centred * scale).reshape([2, 4, 3, 2])
    };
    let affine = |t: Tensor| t * w.reshape([4, 1, 1]) + b.reshape([4, 1, 1]);
    near(&x.group_norm(2, &w, &b, EPS), &affine(by_hand(4)), 1e-13);
    near(&x.instance_norm(&w, &b, EPS), &affine(by_hand(8)), 1e-13);
    let [w, b] = parameters(6, DType::F64).map(|t| t.reshape([3, 2]));
    near(&x.layer_norm(&w, &b, EPS), &(by_hand(8) * &w + &b), 1e-13);
    let y = Tensor::from([[3.0f64, 4.0]]).rms_norm(&Tensor::from([1.0f64, 2.0]), 0.0);
    near(&y, &(Tensor::from([[3.0f64, 8.0]]) / 12.5f64.sqrt()), 1e-15);
}

#[test]
fn group_norm_in_each_order_on_odd_sizes() {
    for (shape, groups) in
        [([3, 6, 7], 2), ([2, 17, 49], 17), ([2, 12, 1300], 3), ([1, 64, 50], 32), ([4, 3, 1], 1)]
    {
        let x = Key::new(5).normal_of(shape, DType::F64) * 3.0 + 50.0;
        let weight = Key::new(6).normal_of(shape, DType::F64);
        let [w, b] = parameters(shape[1], DType::F64);
        let by_hand = |x: &Tensor| {
            let rows = x.reshape([shape[0] * groups, x.len() / (shape[0] * groups)]);
            let centred = &rows - rows.mean(1).unsqueeze(1);
            let scale = inverse_deviation(&centred.square().mean(1), EPS).unsqueeze(1);
            (centred * scale).reshape(shape) * w.unsqueeze(1) + b.unsqueeze(1)
        };
        let dx = |x: &Tensor, y: &Tensor| grad(&(y.square() * weight.cast(y.dtype())).sum(..), [x]);
        let (y0, dx0) = (by_hand(&x), dx(&x, &by_hand(&x)));
        for axes in batch_tests::ORDERS {
            let x = batch_tests::lying(&x, axes);
            let y = x.group_norm(groups, &w, &b, EPS);
            near(&y, &y0, 1e-12);
            near(&dx(&x, &y)[0], &dx0[0], 1e-9);
            let [x, w, b] = [&x, &w, &b].map(|t| t.cast(DType::F32));
            let x = batch_tests::lying(&x, axes);
            let y = x.group_norm(groups, &w, &b, EPS);
            near(&y, &y0, 2e-5);
            near(&dx(&x, &y)[0], &dx0[0], 1e-4);
        }
    }
}

#[test]
fn group_norm_has_the_same_bits_on_any_number_of_threads() {
    let x = Tensor::randn([3, 24, 2000], 1);
    let [w, b] = parameters(24, DType::F32);
    for axes in batch_tests::ORDERS {
        let x = batch_tests::lying(&x, axes);
        let run = |threads| {
            gradus_cpu::set_threads(threads);
            let x = &x * 1.0;
            let y = x.group_norm(8, &w, &b, EPS);
            let [dx] = grad(&(y.square() * &y).sum(..), [&x]);
            [y, dx].map(|t| t.to_vec::<f32>())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

#[test]
fn rows_have_the_same_bits_on_any_number_of_threads() {
    let x = Tensor::randn([7, 30, 500], 1);
    let labels = Tensor::from_slice(&(0..210).map(|i| i * 7 % 500).collect::<Vec<i64>>(), [7, 30]);
    let run = |threads| {
        gradus_cpu::set_threads(threads);
        let x = &x * 1.0;
        let y = x.local_response_norm(LocalResponse::ALEXNET);
        let loss = y.softmax_cross_entropy(&labels).sum(..) + (x.softmax(-1) * &x).sum(..);
        let layer = x.layer_norm(&Tensor::ones([500]), &Tensor::zeros([500]), EPS);
        let [dx] = grad(&(loss + (layer.square() * &x).sum(..)), [&x]);
        [y, layer, dx].map(|t| t.to_vec::<f32>())
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn local_response_divides_by_the_neighbourhood() {
    let x = Tensor::from([[[1.0f64], [2.0], [3.0], [4.0]]]);
    let rule = LocalResponse { size: 3, scale: 0.5, beta: 1.0, k: 2.0 };
    let y = x.local_response_norm(rule).to_vec::<f64>();
    let want = [1.0 / 4.5, 2.0 / 9.0, 3.0 / 16.5, 4.0 / 14.5];
    assert!(y.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15), "{y:?}");
    let mean = LocalResponse::of_mean(3, 1.5, 1.0, 2.0);
    near(&x.local_response_norm(mean), &x.local_response_norm(rule), 1e-15);
}

/// y of the formula, one element at a time.
fn response(x: &[f64], [n, c, l]: [usize; 3], rule: LocalResponse) -> Vec<f64> {
    let before = rule.size / 2;
    let at = |i: usize, j: usize, k: usize| x[(i * c + j) * l + k];
    let of = |i: usize, j: usize, k: usize| {
        let window = j.saturating_sub(before)..(j + rule.size - before).min(c);
        let sum: f64 = window.map(|j| at(i, j, k) * at(i, j, k)).sum();
        at(i, j, k) * (rule.k + rule.scale * sum).powf(-rule.beta)
    };
    (0..n * c * l).map(|e| of(e / (c * l), e / l % c, e % l)).collect()
}

#[test]
fn local_response_in_each_order_with_usual_and_odd_exponents() {
    for (shape, size, beta) in [
        ([2, 17, 9], 5, 0.75),
        ([3, 1, 5], 5, 0.75),
        ([2, 7, 300], 4, 0.5),
        ([9, 3, 1], 3, 1.0),
        ([1, 96, 11], 5, 0.6),
    ] {
        let rule = LocalResponse { size, scale: 0.2, beta, k: 1.5 };
        let x = Key::new(8).normal_of(shape, DType::F64);
        let wanted = Tensor::from_slice(&response(&x.to_vec::<f64>(), shape, rule), shape);
        let weight = Key::new(9).normal_of(shape, DType::F64);
        let dx =
            |x: &Tensor| grad(&(x.local_response_norm(rule) * weight.cast(x.dtype())).sum(..), [x]);
        let by_hand = {
            let h = 1e-6;
            let along = Key::new(10).normal_of(shape, DType::F64);
            let at = |t: f64| {
                let moved = (&x + &along * t).to_vec::<f64>();
                let y = Tensor::from_slice(&response(&moved, shape, rule), shape);
                (y * &weight).sum(..).item()
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            let exact = (&dx(&x)[0] * &along).sum(..).item();
            assert!((slope - exact).abs() < 1e-6 * slope.abs().max(1.0), "{slope} {exact}");
            dx(&x)
        };
        for axes in batch_tests::ORDERS {
            let x = batch_tests::lying(&x, axes);
            near(&x.local_response_norm(rule), &wanted, 1e-13);
            near(&dx(&x)[0], &by_hand[0], 1e-12);
            let x = batch_tests::lying(&x.cast(DType::F32), axes);
            near(&x.local_response_norm(rule), &wanted, 1e-6);
            near(&dx(&x)[0], &by_hand[0], 1e-5);
        }
    }
}

#[test]
fn says_what_does_not_fit() {
    let e = try_build(|| {
        Tensor::zeros([2, 3, 4]).batch_norm(&Tensor::ones([4]), &Tensor::zeros([3]), EPS)
    });
    let e = e.err().unwrap().to_string();
    assert!(e.starts_with("batch_norm: w must be [3] for x [2, 3, 4], found [4]"), "{e}");
    let e = try_build(|| {
        Tensor::zeros([2, 3]).group_norm(2, &Tensor::ones([3]), &Tensor::ones([3]), EPS)
    });
    assert!(
        e.unwrap_err()
            .to_string()
            .starts_with("group_norm: 3 channels cannot be cut into 2 groups")
    );
    assert!(
        try_build(|| Tensor::zeros([0, 3]).batch_norm(&Tensor::ones([3]), &Tensor::ones([3]), EPS))
            .is_err()
    );
}
