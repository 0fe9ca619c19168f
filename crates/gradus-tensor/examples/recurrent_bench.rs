//! Milliseconds of recurrent networks, best of many: a training step's forward and backward pass, of T steps and N samples, and one
//! step of one sample; and what share of the machine's multiply-adds that is.
//!
//! `cargo run --release -p gradus-tensor --example recurrent_bench [part of a case's name] [seconds per case]`

use gradus_cpu::{bench::fma_peak, threads};
use gradus_tensor::{
    DType, GruOptions, Key, LstmOptions, RnnOptions, Step, Tensor, Variable, compile, gradients,
};
use std::time::{Duration, Instant};

/// A net and how many parts its weights have.
type Net = (&'static str, usize, fn(&Tensor, &Tensor, &Tensor) -> Tensor);

const NETS: [Net; 3] = [
    ("lstm", 4, |zx, wh, h0| zx.lstm(wh, h0, h0, None, &LstmOptions::default()).y),
    ("gru", 3, |zx, wh, h0| zx.gru(wh, h0, None, &GruOptions::default()).y),
    ("rnn", 1, |zx, wh, h0| zx.rnn(wh, h0, None, &RnnOptions::default()).y),
];

fn main() {
    let mut args = std::env::args().skip(1);
    let asked = args.next().unwrap_or_default();
    let seconds: f64 = args.next().map_or(0.5, |s| s.parse().expect("seconds"));
    println!("{} thread(s)", threads());
    for net in NETS {
        for [t, n, h] in [[64, 32, 256], [64, 32, 128], [32, 128, 512]] {
            let name = format!("{} {h}, {t} steps of {n}, training", net.0);
            if name.contains(&asked) {
                report(&name, training(net, [t, n, h], seconds), 3 * 4 * t * n * net.1 * h * h);
            }
        }
        let name = format!("{} 256, a step of 1", net.0);
        if name.contains(&asked) {
            report(&name, sampling(net, 256, seconds), 4 * net.1 * 256 * 256);
        }
    }
}

fn report(name: &str, best: Duration, flops: usize) {
    let (ms, peak) = (best.as_secs_f64() * 1e3, fma_peak(threads()));
    let share = 100.0 * flops as f64 / best.as_secs_f64() / 1e9 / peak;
    println!("{name:<36} {ms:9.4} ms, {share:5.1} % of {peak:.0} GFLOP/s");
}

fn weights(seed: u64, shape: [usize; 2]) -> Variable {
    let x = Key::new(seed).normal_of(shape, DType::F32) * (1.0 / (shape[0] as f64).sqrt());
    Variable::new(format!("w{seed}"), &x)
}

/// The loss and its gradients by the inputs and all weights, inputs as wide as the state.
fn training((_, parts, net): Net, [t, n, h]: [usize; 3], seconds: f64) -> Duration {
    let all = [weights(1, [h, parts * h]), weights(2, [h, parts * h]), weights(3, [1, parts * h])];
    let mut step = compile(|x: &[Tensor]| {
        let [wx, wh, b] = all.each_ref().map(Variable::tensor);
        let zx = x[0].reshape([t * n, h]).matmul(&wx) + &b;
        let y = net(&zx.reshape([t, n, parts * h]), &wh, &Tensor::zeros([n, h]));
        let loss = y.square().mean(..);
        let found = gradients(&loss, &[x[0].clone(), wx, wh, b]).expect("gradients");
        found.iter().flatten().fold(Step::new().read(&loss), |step, dx| step.read(dx))
    });
    let x = Key::new(7).normal_of([t, n, h], DType::F32);
    best(seconds, || {
        step.run(&[&x]).expect("a run");
    })
}

/// One step from inputs to the state, which is kept.
fn sampling((_, parts, net): Net, h: usize, seconds: f64) -> Duration {
    let [wx, wh] = [weights(1, [h, parts * h]), weights(2, [h, parts * h])];
    let state = Variable::new("h", &Tensor::zeros([1, h]));
    let mut step = compile(|x: &[Tensor]| {
        let zx = x[0].matmul(&wx.tensor());
        let y = net(&zx, &wh.tensor(), &state.tensor());
        Step::new().read(&y).update(&state, &y.select(0, 0))
    });
    let x = Key::new(7).normal_of([1, 1, h], DType::F32);
    best(seconds, || {
        step.run(&[&x]).expect("a run");
    })
}

fn best(seconds: f64, mut run: impl FnMut()) -> Duration {
    let (begin, mut best) = (Instant::now(), Duration::MAX);
    while best == Duration::MAX || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
    }
    best
}
