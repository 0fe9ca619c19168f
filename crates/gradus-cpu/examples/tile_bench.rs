//! Pointwise loops and reductions against hand-written loops: `cargo run --release --example tile_bench`.
#![allow(unsafe_code)] // kernels take pointers

use gradus_base::ReduceOp;
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, MAX_RANK, Real, Shape, View};
use gradus_cpu::{Pointwise, Reduce, set_threads};
use std::hint::black_box;
use std::time::Instant;

/// The least time of a call, in seconds.
fn least(calls: usize, mut f: impl FnMut()) -> f64 {
    f();
    (0..9)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| f());
            start.elapsed().as_secs_f64() / calls as f64
        })
        .fold(f64::MAX, f64::min)
}

fn dense(n: usize) -> (DType, View) {
    (DType::F32, View::dense(Shape::from([n])))
}

/// relu((sigmoid(x)·y + z)·x)
fn chain<R: Real>(x: R, y: R, z: R) -> R {
    let s = R::constant(1.0) / (R::constant(1.0) + (-x).exp());
    ((s * y + z) * x).max(R::constant(0.0))
}

fn main() {
    set_threads(1);
    chains();
    tiny();
    updates();
    reductions();
}

fn chains() {
    for (name, n, calls) in [("64 Ki", 1 << 16, 200), ("16 Mi", 1 << 24, 1)] {
        let x: Vec<f32> = (0..n).map(|i| (i % 1000) as f32 * 0.01 - 5.0).collect();
        let (y, z) = (x.clone(), x.clone());
        let mut out = vec![0f32; n];
        let expr = Expr::trace(3, |x| vec![chain(x[0], x[1], x[2])]);
        let p = Pointwise::new(&expr, DType::F32, Shape::from([n]), &[dense(n); 3], &[dense(n)]);
        let ins = [x.as_ptr().cast(), y.as_ptr().cast(), z.as_ptr().cast()];
        let outs = [out.as_mut_ptr().cast()];
        // SAFETY: the vectors hold the views.
        let tiled = least(calls, || unsafe { p.apply(&ins, &outs) });
        let by_hand = least(calls, || {
            if is_x86() {
                // SAFETY: checked; the slices have one length.
                unsafe { hand::chain(&x, &y, &z, &mut out) }
            }
            black_box(&mut out);
        });
        let ratio = tiled / by_hand;
        println!(
            "chain {name}: {:.1} us, by hand {:.1} us, ratio {ratio:.2}",
            tiled * 1e6,
            by_hand * 1e6
        );
    }
}

fn tiny() {
    for n in [10, 32, 84, 100] {
        let expr =
            Expr::trace(2, |x| vec![(x[0] + x[1]).max(Sym::constant(0.0)) * Sym::constant(0.5)]);
        let p = Pointwise::new(&expr, DType::F32, Shape::from([n]), &[dense(n); 2], &[dense(n)]);
        let (x, mut y) = (vec![1f32; n], vec![0f32; n]);
        let ins = [x.as_ptr().cast(), x.as_ptr().cast()];
        let outs = [y.as_mut_ptr().cast()];
        // SAFETY: the vectors hold the views.
        let t = least(10_000, || unsafe { p.apply(black_box(&ins), &outs) });
        println!("tiny loop of {n}, 3 lines: {:.0} ns", t * 1e9);
    }
    let shape = Shape::from([10, 8]);
    let expr = Expr::trace(2, |x| vec![(x[0] + x[1]).max(Sym::constant(0.0))]);
    let x = (DType::F32, View::dense(shape));
    let b = (DType::F32, View::dense(Shape::from([8])).expand(shape));
    let p = Pointwise::new(&expr, DType::F32, shape, &[x, b], &[x]);
    let (x, mut y) = (vec![1f32; 80], vec![0f32; 80]);
    let ins = [x.as_ptr().cast(), x.as_ptr().cast()];
    let outs = [y.as_mut_ptr().cast()];
    // SAFETY: the vectors hold the views.
    let t = least(10_000, || unsafe { p.apply(black_box(&ins), &outs) });
    println!("tiny loop [10, 8] with a bias: {:.0} ns", t * 1e9);
}

fn updates() {
    // The weights of a small network, and what the second-level cache holds of one.
    [669_706, 1 << 15].into_iter().for_each(update);
}

fn update(n: usize) {
    let v = dense(n);
    let one = (DType::F32, View { strides: [0; MAX_RANK], ..v.1 });
    let (mut p, g) = (vec![1f32; n], vec![1e-3f32; n]);
    let (mut m, mut s) = (vec![0f32; n], vec![0f32; n]);
    let rate = [1e-3f32];
    let (pp, mp, sp) =
        (p.as_mut_ptr().cast::<u8>(), m.as_mut_ptr().cast::<u8>(), s.as_mut_ptr().cast::<u8>());
    let (gp, rp) = (g.as_ptr().cast::<u8>(), rate.as_ptr().cast::<u8>());
    let sgd = Expr::trace(3, |x| vec![x[0] - x[2] * x[1]]);
    let sgd = Pointwise::new(&sgd, DType::F32, Shape::from([n]), &[v, v, one], &[v]);
    let adam = Expr::trace(5, |x| {
        let (p, g, m, s, rate) = (x[0], x[1], x[2], x[3], x[4]);
        let c = Sym::constant;
        let m = m * c(0.9) + g * c(0.1);
        let s = s * c(0.999) + g * g * c(0.001);
        vec![p - rate * (m / (s.sqrt() * c(1.5) + c(1e-8))), m, s]
    });
    let adam = Pointwise::new(&adam, DType::F32, Shape::from([n]), &[v, v, v, v, one], &[v; 3]);
    for threads in [1, 2] {
        set_threads(threads);
        // SAFETY: the vectors hold the views; outputs lie where inputs do.
        let t = least(20, || unsafe { sgd.apply(&[pp, gp, rp], &[pp]) });
        println!(
            "sgd of {n}, {threads} threads: {:.0} us, {:.1} GB/s",
            t * 1e6,
            n as f64 * 12.0 / t / 1e9
        );
        // SAFETY: as above.
        let t = least(20, || unsafe { adam.apply(&[pp, gp, mp, sp, rp], &[pp, mp, sp]) });
        println!(
            "adam of {n}, {threads} threads: {:.0} us, {:.1} GB/s",
            t * 1e6,
            n as f64 * 28.0 / t / 1e9
        );
    }
    set_threads(1);
}

fn reductions() {
    let cases: [(&str, &[usize], &[bool]); 6] = [
        ("bias gradient [50176, 6]", &[50_176, 6], &[true, false]),
        ("bias gradient [64, 120]", &[64, 120], &[true, false]),
        ("rows [64, 1000]", &[64, 1000], &[false, true]),
        ("rows [64, 10]", &[64, 10], &[false, true]),
        ("channels [64, 6, 784]", &[64, 6, 784], &[true, false, true]),
        ("all of 16 Mi", &[1 << 24], &[true]),
    ];
    for (name, sizes, reduced) in cases {
        let shape = Shape::new(sizes);
        let v = (DType::F32, View::dense(shape));
        let mut out = v;
        let mut stride = 1;
        for a in (0..sizes.len()).rev() {
            out.1.strides[a] = if reduced[a] { 0 } else { stride };
            stride *= if reduced[a] { 1 } else { sizes[a] as isize };
        }
        let r =
            Reduce::new(&Expr::identity(), DType::F32, ReduceOp::Sum, shape, reduced, &[v], out);
        let (x, mut y) = (vec![1f32; shape.len()], vec![0f32; stride as usize]);
        let ins = [x.as_ptr().cast()];
        // SAFETY: the vectors hold the views.
        let t = least(10, || unsafe { r.apply(&ins, y.as_mut_ptr().cast()) });
        println!("{name}: {:.2} us, {:.1} GB/s", t * 1e6, shape.len() as f64 * 4.0 / t / 1e9);
    }
}

fn is_x86() -> bool {
    gradus_cpu::Isa::named("avx2").is_ok()
}

#[cfg(not(target_arch = "x86_64"))]
mod hand {
    pub(crate) unsafe fn chain(_: &[f32], _: &[f32], _: &[f32], _: &mut [f32]) {}
}

#[cfg(target_arch = "x86_64")]
mod hand {
    //! The chain as one loop, as one would write it for this machine.
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,fma")]
    fn exp(x: __m256) -> __m256 {
        let set = |x: f32| _mm256_set1_ps(x);
        let x = _mm256_max_ps(set(-104.0), _mm256_min_ps(set(89.0), x));
        let n = _mm256_round_ps::<8>(_mm256_mul_ps(x, set(std::f32::consts::LOG2_E)));
        let r = _mm256_fnmadd_ps(n, set(0.693_359_4), x);
        let r = _mm256_fnmadd_ps(n, set(-2.121_944_4e-4), r);
        let mut p = set(1.0 / 5040.0);
        for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5] {
            p = _mm256_fmadd_ps(p, r, set(c));
        }
        let y = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r), set(1.0));
        let n = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
        _mm256_mul_ps(y, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(n)))
    }

    #[target_feature(enable = "avx2,fma")]
    pub(crate) unsafe fn chain(x: &[f32], y: &[f32], z: &[f32], out: &mut [f32]) {
        let one = _mm256_set1_ps(1.0);
        for i in (0..out.len() / 8 * 8).step_by(8) {
            // SAFETY: within the slices.
            unsafe {
                let a = _mm256_loadu_ps(x.as_ptr().add(i));
                let e = exp(_mm256_xor_ps(a, _mm256_set1_ps(-0.0)));
                let s = _mm256_div_ps(one, _mm256_add_ps(one, e));
                let z = _mm256_loadu_ps(z.as_ptr().add(i));
                let t = _mm256_fmadd_ps(s, _mm256_loadu_ps(y.as_ptr().add(i)), z);
                let t = _mm256_max_ps(_mm256_mul_ps(t, a), _mm256_setzero_ps());
                _mm256_storeu_ps(out.as_mut_ptr().add(i), t);
            }
        }
    }
}
