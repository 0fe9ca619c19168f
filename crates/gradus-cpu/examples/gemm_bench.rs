//! GFLOP/s of the matrix product, and per cent of what the same threads reach with fused multiply-adds alone.
//! The peak is measured again before every shape, so other load on the machine touches both; best of many.
//!
//! `cargo run --release -p gradus-cpu --example gemm_bench [MxKxN ... | ladder]`
#![allow(unsafe_code)]

use gradus_base::Buffer;
use gradus_cpu::bench::{Product, fma_peak};
use gradus_cpu::{Isa, Mat, MatMut, PackedB, gemm, gemm_packed, pack_b, parallel, set_threads};
use std::time::{Duration, Instant};

/// M, K, N.
const SHAPES: [[usize; 3]; 13] = [
    [64, 64, 64],
    [128, 128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [1024, 1024, 1024],
    [2048, 2048, 2048],
    [64, 784, 512],
    [128, 1024, 1024],
    [32, 2048, 1000],
    [64, 512, 10],
    [10, 8, 8],
    [10, 2, 8],
    [8, 10, 1],
];

fn main() {
    if std::env::args().nth(1).is_some_and(|s| s == "ladder") {
        return ladder();
    }
    let asked: Vec<[usize; 3]> = std::env::args().skip(1).map(|s| shape(&s)).collect();
    let shapes = if asked.is_empty() { SHAPES.to_vec() } else { asked };
    for threads in [1, 2] {
        set_threads(threads);
        println!("{threads} thread(s): GFLOP/s (% of peak), time of A·B");
        println!(
            "{:>16} {:>6}  {:>11} {:>11} {:>11} {:>11}",
            "M×K×N", "peak", "A·B", "Aᵀ·B", "A·Bᵀ", "packed B"
        );
        for s in shapes.iter() {
            row(threads, *s);
        }
    }
    println!(
        "fork and join of two empty tiles: {:.2} µs",
        best(&mut [&mut || parallel(2, &|_| ())])[0] * 1e6
    );
}

/// The rungs that lead to the library's product, one thread.
fn ladder() {
    set_threads(1);
    let n = 256;
    let (a, b) = (random(n * n), random(n * n));
    let mut c = vec![0.0; n * n];
    let mut product = Product::new([n; 3], &a, &b, false);
    let mut packed = Product::new([n; 3], &a, &b, true);
    let peak = fma_peak(1);
    println!("{n}×{n}×{n}, one thread, peak {peak:.1} GFLOP/s");
    let print = |rung: &str, body: &mut dyn FnMut()| {
        let speed = 2.0 * (n * n * n) as f64 / best(&mut [body])[0] / 1e9;
        println!("{rung:>16} {speed:6.1} ({:.0}%)", 100.0 * speed / peak);
    };
    print("naive", &mut || blocked(n, n, &a, &b, &mut c));
    print("blocked", &mut || blocked(n, 32, &a, &b, &mut c));
    for &isa in Isa::all() {
        print(isa.name(), &mut || product.compute_by(isa));
    }
    print("packed before", &mut || packed.compute());
}

/// Three loops over blocks; one block of all is the naive product.
fn blocked(n: usize, size: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    c.fill(0.0);
    for i0 in (0..n).step_by(size) {
        for j0 in (0..n).step_by(size) {
            for p0 in (0..n).step_by(size) {
                for i in i0..i0 + size {
                    for j in j0..j0 + size {
                        for p in p0..p0 + size {
                            c[i * n + j] += a[i * n + p] * b[p * n + j];
                        }
                    }
                }
            }
        }
    }
}

fn shape(text: &str) -> [usize; 3] {
    let sizes: Vec<usize> = text.split('x').map(|s| s.parse().expect("MxKxN")).collect();
    sizes.try_into().expect("MxKxN")
}

fn row(threads: usize, [m, k, n]: [usize; 3]) {
    let a = random(m * k);
    let b = random(k * n);
    let mut packed = Buffer::zeroed(PackedB::<f32>::len(k, n) * 4);
    let mut c = Buffer::zeroed(m * n * 4);
    let c = MatMut { ptr: c.as_mut_ptr().cast::<f32>(), row_stride: n as isize, col_stride: 1 };
    let packed = packed.as_mut_ptr().cast::<f32>();
    let (rows_a, cols_a) = (matrix(&a, k, 1), matrix(&a, 1, m));
    let (rows_b, cols_b) = (matrix(&b, n, 1), matrix(&b, 1, k));
    let product = |a, b| {
        // SAFETY: the buffers hold the shapes.
        move || unsafe { gemm(m, n, k, a, b, c, false, None) }
    };
    // SAFETY: as above.
    unsafe { pack_b(k, n, rows_b, packed) };
    let peak = fma_peak(threads);
    let times = best(&mut [
        &mut product(rows_a, rows_b),
        &mut product(cols_a, rows_b),
        &mut product(rows_a, cols_b),
        // SAFETY: as above.
        &mut || unsafe { gemm_packed(m, n, k, rows_a, packed, c, false, None) },
    ]);
    print!("{:>16} {peak:6.1} ", format!("{m}×{k}×{n}"));
    for t in &times {
        let speed = 2.0 * (m * n * k) as f64 / t / 1e9;
        print!(" {speed:6.1} ({:2.0}%)", 100.0 * speed / peak);
    }
    println!("  {:10.3} µs", times[0] * 1e6);
}

fn random(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn matrix(values: &[f32], row_stride: usize, col_stride: usize) -> Mat<f32> {
    Mat { ptr: values.as_ptr(), row_stride: row_stride as isize, col_stride: col_stride as isize }
}

/// The best time of each, in seconds, taken in turns.
fn best(bodies: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let repeats: Vec<u32> = bodies.iter_mut().map(|b| repeats(b)).collect();
    let mut times = vec![f64::MAX; bodies.len()];
    for _ in 0..40 {
        for ((body, &repeats), time) in bodies.iter_mut().zip(&repeats).zip(&mut times) {
            body();
            let start = Instant::now();
            (0..repeats).for_each(|_| body());
            *time = time.min(start.elapsed().as_secs_f64() / f64::from(repeats));
        }
    }
    times
}

/// How often to run a body for a reading of about two milliseconds.
fn repeats(body: &mut dyn FnMut()) -> u32 {
    body();
    let start = Instant::now();
    let mut n = 0;
    while start.elapsed() < Duration::from_millis(2) {
        body();
        n += 1;
    }
    n.max(1)
}
