//! The machine's own limit: independent fused multiply-adds from registers, on one thread and on all.

use std::collections::BTreeMap;
use std::hint::black_box;

use harness::{Cases, Make, Work};

/// Independent sums a thread keeps: enough to hide the latency of a fused multiply-add on two pipes.
const SUMS: usize = 12;
/// Multiply-adds per sum and call. The sums start behind a `black_box`: equal ones would be computed once.
const DEPTH: usize = 1 << 20;

pub fn cases() -> Cases {
    let all = harness::threads();
    let make = |threads: usize| Box::new(move || work(threads)) as Make;
    BTreeMap::from([("fma_peak_1".to_string(), make(1)), ("fma_peak".to_string(), make(all))])
}

fn work(threads: usize) -> Work {
    let step = move || {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(run);
            }
            run();
        });
    };
    Work {
        step: Box::new(step),
        reset: Box::new(|| ()),
        amount: 2e-9 * (threads * SUMS * DEPTH * lanes()) as f64,
        unit: "GFLOP/s",
        check: 0.0,
    }
}

#[cfg(target_arch = "x86_64")]
fn lanes() -> usize {
    if is_x86_feature_detected!("avx512f") { 16 } else { 8 }
}

#[cfg(not(target_arch = "x86_64"))]
fn lanes() -> usize {
    4
}

fn run() {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F, as just asked.
            return unsafe { sums_512() };
        }
        assert!(is_x86_feature_detected!("fma"), "the peak needs FMA");
        // SAFETY: the processor has FMA, as just asked, and with it AVX.
        unsafe { sums_256() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let mut sums = black_box([[1.0f32; 4]; SUMS]);
        for _ in 0..DEPTH {
            for lane in sums.iter_mut().flatten() {
                *lane = lane.mul_add(0.999, 0.001);
            }
        }
        black_box(sums);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx,fma")]
fn sums_256() {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let (factor, term) = black_box((_mm256_set1_ps(0.999), _mm256_set1_ps(0.001)));
    let mut sums = black_box([_mm256_set1_ps(1.0); SUMS]);
    for _ in 0..DEPTH {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, factor, term);
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sums_512() {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let (factor, term) = black_box((_mm512_set1_ps(0.999), _mm512_set1_ps(0.001)));
    let mut sums = black_box([_mm512_set1_ps(1.0); SUMS]);
    for _ in 0..DEPTH {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, term);
        }
    }
    black_box(sums);
}
