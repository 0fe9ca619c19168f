//! GFLOP/s of the convolution's passes by algorithm, and per cent of what the same threads reach with fused
//! multiply-adds alone. The peak is measured again beside every row, so other load on the machine touches both; best of many.
//!
//! `cargo run --release -p gradus-tensor --example conv_bench [part of a layer's name]`
#![allow(unsafe_code)]

use gradus_cpu::bench::multiply_add;
use gradus_cpu::set_threads;
use gradus_tensor::ops::conv2d::{
    Algorithm, Conv2d, Pass, choose, data_gradient, forward, weight_gradient,
};
use std::time::{Duration, Instant};

fn main() {
    let layers = [
        ("LeNet 1→6 5×5 28², batch 64", layer(64, [1, 6], 28, 5, 2)),
        ("LeNet 6→16 5×5 14², batch 64", layer(64, [6, 16], 14, 5, 0)),
        ("64→64 3×3 56², batch 8", layer(8, [64, 64], 56, 3, 1)),
        ("128→128 3×3 28², batch 8", layer(8, [128, 128], 28, 3, 1)),
        ("256→256 3×3 14², batch 8", layer(8, [256, 256], 14, 3, 1)),
        ("512→512 3×3 7², batch 8", layer(8, [512, 512], 7, 3, 1)),
        ("3→64 7×7/2 112², batch 8", Conv2d { stride: [2, 2], ..layer(8, [3, 64], 112, 7, 3) }),
        ("256→64 1×1 56², batch 8", layer(8, [256, 64], 56, 1, 0)),
        ("256→1024 1×1 14², batch 1", layer(1, [256, 1024], 14, 1, 0)),
        ("2048→512 1×1 7², batch 8", layer(8, [2048, 512], 7, 1, 0)),
        (
            "depthwise 144 3×3 56², batch 8",
            Conv2d { groups: 144, ..layer(8, [144, 144], 56, 3, 1) },
        ),
        (
            "depthwise 384 3×3 14², batch 8",
            Conv2d { groups: 384, ..layer(8, [384, 384], 14, 3, 1) },
        ),
    ];
    let asked = std::env::args().nth(1).unwrap_or_default();
    for threads in [1, 2] {
        set_threads(threads);
        println!("{threads} thread(s): GFLOP/s (% of peak); * the algorithm that is chosen");
        for (name, conv) in layers.iter().filter(|(name, _)| name.contains(&asked)) {
            for algorithm in Algorithm::ALL
                .into_iter()
                .filter(|&a| a != Algorithm::Plain && a.fits(conv, Pass::DataGradient))
            {
                row(threads, name, conv, algorithm);
            }
        }
    }
}

fn layer(batch: usize, channels: [usize; 2], size: usize, kernel: usize, padding: isize) -> Conv2d {
    Conv2d {
        batch,
        in_channels: channels[0],
        height: size,
        width: size,
        out_channels: channels[1],
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [[padding; 2]; 2],
        dilation: [1; 2],
        groups: 1,
    }
}

fn row(threads: usize, name: &str, conv: &Conv2d, algorithm: Algorithm) {
    let (x, w, y) =
        (random(conv.x_shape().len()), random(conv.w_shape().len()), random(conv.y_shape().len()));
    let (mut dx, mut dw, mut out) = (x.clone(), w.clone(), y.clone());
    let (x, w, dy) = (x.as_ptr(), w.as_ptr(), y.as_ptr());
    let mut flops = 0.0;
    // SAFETY: the buffers have the geometry's sizes.
    let times = unsafe {
        best(&mut [
            &mut || flops = multiply_add(threads),
            &mut || forward(algorithm, conv, x, w, out.as_mut_ptr(), None),
            &mut || data_gradient(algorithm, conv, dy, w, dx.as_mut_ptr(), None),
            &mut || weight_gradient(algorithm, conv, x, dy, dw.as_mut_ptr()),
        ])
    };
    let peak = flops / times[0] / 1e9;
    print!("{name:>32} {:>13} peak {peak:6.1} ", format!("{algorithm:?}"));
    for (pass, t) in
        [Pass::Forward, Pass::DataGradient, Pass::WeightGradient].into_iter().zip(&times[1..])
    {
        let speed = 2.0 * conv.macs() as f64 / t / 1e9;
        let mark = if choose(conv, pass) == algorithm { '*' } else { ' ' };
        print!("  {pass:?}{mark} {speed:6.1} ({:2.0}%)", 100.0 * speed / peak);
    }
    println!();
}

fn random(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// The best time of each, in seconds, taken in turns.
fn best(bodies: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let repeats: Vec<u32> = bodies.iter_mut().map(|b| repeats(b)).collect();
    let mut times = vec![f64::MAX; bodies.len()];
    for _ in 0..20 {
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
    n
}
