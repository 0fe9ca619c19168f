//! Random numbers against the stream they are defined by, against their distributions, and across threads.

use crate::{DType, Key, Step, Tensor, compile};
use gradus_base::Real;
use gradus_base::philox::{Rng, unit};

/// Kolmogorov & Smirnov: the largest distance of the empirical distribution function from `cdf`, times √n. Above 1.63
/// with probability 1 %.
fn distance(mut x: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let gap = |(i, &x): (usize, &f64)| {
        (cdf(x) - i as f64 / n).abs().max((cdf(x) - (i + 1) as f64 / n).abs())
    };
    x.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn elements_are_the_words_of_their_stream_in_order() {
    let key = Key::of(&Tensor::from([-5i64, 9])).stream(3);
    let mut stream = Rng::new(-5i64 as u64, 3, 9);
    let want: Vec<f32> = (0..103).map(|_| unit(stream.next_u32())).collect();
    assert_eq!(key.uniform([103]).to_vec::<f32>(), want);
    let zero = Key::new(0).bits([2]).to_vec::<i64>();
    assert_eq!(zero, [0x6627e8d5e169c58d, 0xbc57ac4c9b00dbd8u64 as i64]);
}

#[test]
fn uniform_and_normal_numbers_are_so_distributed() {
    let n = 20_000;
    let phi = |x: f64| 0.5 * (1.0 + Real::erf(x / std::f64::consts::SQRT_2));
    for dtype in [DType::F32, DType::F64] {
        let u = Key::new(1).uniform_of([n], dtype).to_vec::<f64>();
        assert!(u.iter().all(|u| (0.0..1.0).contains(u)));
        assert!(distance(u, |x| x) < 1.63, "{dtype}");
        let z = Key::new(2).normal_of([n], dtype).to_vec::<f64>();
        let mean = z.iter().sum::<f64>() / n as f64;
        let variance = z.iter().map(|z| z * z).sum::<f64>() / n as f64;
        let fourth = z.iter().map(|z| z.powi(4)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04 && (fourth - 3.0).abs() < 0.25);
        assert!(distance(z, phi) < 1.63, "{dtype}");
    }
}

#[test]
fn streams_steps_and_neighbours_are_uncorrelated() {
    let n = 10_000;
    let a = Key::new(5).normal([n]).to_vec::<f64>();
    let others = [
        Key::new(6).normal([n]).to_vec::<f64>(),
        Key::new(5).stream(1).normal([n]).to_vec::<f64>(),
        Key::new(5).stream(1 << 32).normal([n]).to_vec::<f64>(),
        Key::of(&Tensor::from([5i64, 1])).normal([n]).to_vec::<f64>(),
        a[1..].iter().chain(&a[..1]).copied().collect(),
    ];
    for (i, b) in others.iter().enumerate() {
        let r = a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / n as f64;
        assert!(r.abs() < 0.04, "{i}: {r}");
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let draw = || Tensor::randn([70_001], 11).to_vec::<f32>();
    gradus_cpu::set_threads(1);
    let one = draw();
    gradus_cpu::set_threads(3);
    assert_eq!(one, draw());
}

#[test]
fn bernoulli_is_true_as_often_as_asked() {
    let share = |p| Tensor::bernoulli([50_000], p, 3).cast(DType::F32).mean(..).item();
    assert_eq!((share(0.0), share(1.0)), (0.0, 1.0));
    assert!((share(0.3) - 0.3).abs() < 0.01);
    assert!(crate::try_build(|| Tensor::bernoulli([1], 1.5, 0)).is_err());
}

#[test]
fn a_compiled_step_draws_anew_when_its_key_changes() {
    let mut step = compile(|x: &[Tensor]| Step::new().read(&Key::of(&x[0]).normal([5])));
    let mut draw = |n: i64| step.run(&[&Tensor::from([1, n])]).unwrap().tensor(0).to_vec::<f32>();
    let (a, b, again) = (draw(0), draw(1), draw(0));
    assert_ne!(a, b);
    assert_eq!(a, again);
}

#[test]
fn empty_and_odd_shapes() {
    assert_eq!(Tensor::randn([0, 3], 1).to_vec::<f32>(), [0.0f32; 0]);
    assert_eq!(Tensor::randn([7], 1).to_vec::<f32>(), Tensor::randn([9], 1).to_vec::<f32>()[..7]);
    assert!(Key::new(1).normal_of([3], DType::BF16).dtype() == DType::BF16);
}

#[test]
fn a_permutation_has_every_number_once() {
    let order = Tensor::permutation(1000, 5).to_vec::<i64>();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..1000) && order != sorted);
    assert_ne!(order, Tensor::permutation(1000, 6).to_vec::<i64>());
}
