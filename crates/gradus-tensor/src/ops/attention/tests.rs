//! Queries that may read nothing, what lies behind the lengths, memory, threads, and bad arguments.

use crate::{Attention, DType, Key, Meta, Step, Tensor, Variable, compile, grad, try_build};

#[test]
fn queries_that_may_read_nothing_get_zeros_and_no_gradient() {
    for dtype in [DType::F64, DType::F32] {
        let q = Tensor::from([[1.0, -2.0], [0.5, 1.0]]).cast(dtype);
        let v = Tensor::from([[3.0], [5.0]]).cast(dtype);
        let flags = Tensor::from([[false, false], [true, false]]);
        let (zero, none) = (0.0, f64::NEG_INFINITY);
        let floats = Tensor::from([[none, none], [zero, none]]).cast(dtype);
        for mask in [flags, floats] {
            let how = Attention::new().mask(&mask);
            let y = q.scaled_dot_product_attention(&q, &v, &how);
            assert_eq!(y.to_vec::<f64>(), [0.0, 3.0]);
            let [dq, dv] = grad(&y.sum(..), [&q, &v]);
            assert_eq!(dq.to_vec::<f64>(), [0.0; 4]);
            assert_eq!(dv.to_vec::<f64>(), [1.0, 0.0]);
        }
        let lengths = Tensor::from([0i64, 2]);
        let both = Tensor::stack(&[&q, &q], 0);
        let how = Attention::new().lengths(&lengths);
        let y = both.scaled_dot_product_attention(&both, &both, &how).to_vec::<f64>();
        assert!(y[..4] == [0.0; 4] && y[4..].iter().all(|y| *y != 0.0), "{y:?}");
    }
}

/// Products that are all −∞ are no mask: their shares are not defined, and NaN says so.
#[test]
fn overflow_is_no_mask() {
    let q = Tensor::from([[3e38f32, 0.0]]);
    let k = Tensor::from([[-3e38f32, 0.0], [-2e38, 0.0]]);
    for how in [Attention::new(), Attention::new().mask(&Tensor::from([[true, false]]))] {
        let y = q.scaled_dot_product_attention(&k, &k, &how);
        assert!(y.to_vec::<f32>().iter().all(|y| y.is_nan()), "{y}");
    }
}

/// NaN behind the lengths goes nowhere, forward or backward.
#[test]
fn nothing_is_read_beyond_the_lengths() {
    let [q, k, v] = [0, 1, 2].map(|i| Key::new(i).normal([2, 3, 300, 8]));
    let lengths = Tensor::from([[300i64], [7]]);
    let there = Tensor::arange(300).cast(DType::I64).lt(&lengths).reshape([2, 1, 300, 1]);
    let spoilt = |x: &Tensor| there.broadcast_to(x.shape()).select_where(x, f64::NAN);
    let (k2, v2) = (spoilt(&k), spoilt(&v));
    let of = |k: &Tensor, v: &Tensor| {
        let y = q.scaled_dot_product_attention(k, v, &Attention::new().lengths(&lengths));
        let [dq, dk, dv] = grad(&y.square().sum(..), [&q, k, v]);
        [y, dq, dk, dv].map(|t| t.to_vec::<f32>())
    };
    let found = of(&k2, &v2);
    assert!(found.iter().flatten().all(|x| x.is_finite()));
    assert_eq!(found, of(&k, &v));
    let behind = |t: &[f32]| t[(2 * 3 - 1) * 300 * 8 + 7 * 8..].iter().all(|&x| x == 0.0);
    assert!(behind(&found[2]) && behind(&found[3]));
}

/// Blocks with a running maximum agree with the composition, which has all scores at once; also where scores grow from block to block,
/// and from memory in which heads lie between places.
#[test]
fn blocks_agree_with_the_composition() {
    for (dtype, most) in [(DType::F64, 1e-12), (DType::F32, 3e-5)] {
        let of = |i: u64, features: usize| {
            let x = Key::new(i).normal_of([2, 530, 3, features], dtype);
            x.permute([0, 2, 1, 3])
        };
        let (q, v) = (of(0, 40), of(2, 72));
        let slope = Tensor::linspace(0.1, 3.0, 530).cast(dtype).reshape([530, 1]);
        let k = of(1, 40) * slope;
        let open = Key::new(7).uniform([530, 530]).gt(0.2);
        for how in [Attention::new(), Attention::new().causal(), Attention::new().mask(&open)] {
            let fused = q.scaled_dot_product_attention(&k, &v, &how);
            let composed = q.attention_weights(&k, &how).matmul(&v);
            let both = [fused, composed].map(|y| {
                let [dq, dk, dv] = grad(&y.square().sum(..), [&q, &k, &v]);
                [y, dq, dk, dv].map(|t| t.to_vec::<f64>())
            });
            for (a, b) in both[0].iter().zip(&both[1]) {
                let largest = b.iter().fold(0.0, |m: f64, b| m.max(b.abs()));
                let far = a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
                assert!(far <= most * largest, "{dtype} {how:?}: {far:e} of {largest}");
            }
        }
    }
}

/// A step's memory grows with L as its inputs do, where the composition's, which holds the scores of a batch, grows with L².
#[test]
fn a_step_holds_no_scores() {
    let bytes = |l: usize, fused: bool| {
        let w = Variable::new("w", &Tensor::ones([64]));
        let mut step = compile(|x: &[Tensor]| {
            let (q, how) = (&x[0] * w.tensor(), Attention::new().causal());
            let y = match fused {
                true => q.scaled_dot_product_attention(&x[0], &x[0], &how),
                false => q.attention_weights(&x[0], &how).matmul(&x[0]),
            };
            let loss = y.square().sum(..);
            let [dw] = grad(&loss, [&w.tensor()]);
            Step::new().update(&w, &(w.tensor() - dw)).read(&loss)
        });
        step.plan(&[Meta::new([128, l, 64], DType::F32)]).unwrap().arena_bytes() as f64
    };
    let growth = |fused: bool| bytes(256, fused) / bytes(128, fused);
    assert!(growth(true) < 2.01, "{}", growth(true));
    assert!(growth(false) > 2.5, "{}", growth(false));
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for heads in [1, 20] {
        let [q, k, v] = [0, 1, 2].map(|i| Key::new(i).normal([heads, 300, 16]));
        let of = |threads: usize| {
            gradus_cpu::set_threads(threads);
            let y = q.scaled_dot_product_attention(&k, &v, &Attention::new().causal());
            let all = grad(&y.square().sum(..), [&q, &k, &v]);
            let bits = |t: &Tensor| t.to_vec::<f32>().iter().map(|x| x.to_bits()).collect();
            all.iter().chain([&y]).map(bits).collect::<Vec<Vec<u32>>>()
        };
        let one = of(1);
        [2, 3, 4].iter().for_each(|&n| assert!(of(n) == one, "{heads} heads, {n} threads"));
    }
}

#[test]
fn bad_arguments_are_named() {
    let q = Tensor::ones([2, 3, 4]);
    let says = |how: Attention, want: &str| {
        let e = try_build(|| q.scaled_dot_product_attention(&q, &q, &how)).unwrap_err();
        assert!(e.to_string().starts_with(want), "{e}");
    };
    let name = super::OP;
    let mask = Tensor::ones([3, 4]).gt(0.0);
    says(
        Attention::new().mask(&mask),
        &format!("{name}: the mask [3, 4] does not broadcast to [2, 3, 3]"),
    );
    let mask = mask.cast(DType::I64);
    says(
        Attention::new().mask(&mask),
        &format!("{name}: the mask is i64; expected booleans or floats"),
    );
    let lengths = Tensor::from([1i64, 2, 3]);
    let want = format!("{name}: lengths are i64 [3]; expected i64, broadcasting to [2]");
    says(Attention::new().lengths(&lengths), &want);
    let how = Attention::new().lengths(&Tensor::from([3i64, 4]));
    let y = q.scaled_dot_product_attention(&q, &q, &how);
    let e = y.try_to_vec::<f32>().unwrap_err().to_string();
    assert!(e.starts_with(&format!("{name}: length 4 at [1] is outside 0..=3")), "{e}");
    let ids = Tensor::from([[1i64]]);
    let e = try_build(|| ids.attention_weights(&ids, &Attention::new())).unwrap_err().to_string();
    assert!(e.starts_with(&format!("{name}: elements are i64; expected floats")), "{e}");
}
