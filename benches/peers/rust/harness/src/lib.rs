//! What the Rust peers share: the cases, their data by formula, and the line protocol of README.md.
//! `python/harness.py` is the same in Python; the two must say the same.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Updates before the loss that serves as a check.
const CHECK_STEPS: usize = 3;

/// One case made ready.
pub struct Work {
    /// Does the case once.
    pub step: Box<dyn FnMut()>,
    /// Restores the starting weights before a measurement.
    pub reset: Box<dyn FnMut()>,
    /// How many units one step does.
    pub amount: f64,
    pub unit: &'static str,
    /// A number all peers agree on.
    pub check: f64,
}

/// A network of the cases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Net {
    Tiny,
    Mlp,
    Lenet,
}

impl Net {
    const ALL: [(&'static str, Net); 3] =
        [("tiny", Net::Tiny), ("mlp", Net::Mlp), ("lenet", Net::Lenet)];

    /// Shapes of the weights, `[out, in]` or `[out, in, kh, kw]`; biases start at zero.
    pub fn shapes(self) -> &'static [&'static [usize]] {
        match self {
            Net::Tiny => &[&[8, 2], &[8, 8], &[1, 8]],
            Net::Mlp => &[&[512, 784], &[512, 512], &[10, 512]],
            Net::Lenet => &[&[6, 1, 5, 5], &[16, 6, 5, 5], &[120, 400], &[84, 120], &[10, 84]],
        }
    }

    /// Shape of one input.
    pub fn input(self) -> &'static [usize] {
        match self {
            Net::Tiny => &[2],
            Net::Mlp => &[784],
            Net::Lenet => &[1, 28, 28],
        }
    }

    /// The starting weights of layer `l`, uniform by He.
    pub fn weight(self, l: usize) -> Vec<f32> {
        let shape = self.shapes()[l];
        let fan_in: usize = shape[1..].iter().product();
        value(shape.iter().product(), 2001 + 1000 * l as u32, (6.0 / fan_in as f64).sqrt())
    }

    /// The same for a linear layer, as `[in, out]`.
    pub fn weight_transposed(self, l: usize) -> Vec<f32> {
        let (w, shape) = (self.weight(l), self.shapes()[l]);
        let (rows, columns) = (shape[0], shape[1]);
        (0..columns * rows).map(|i| w[(i % rows) * columns + i / rows]).collect()
    }

    pub fn unit(self) -> &'static str {
        if self == Net::Lenet { "images/s" } else { "samples/s" }
    }

    /// The shape of a batch and its values.
    pub fn batch(self, batch: usize) -> (Vec<usize>, Vec<f32>) {
        let shape = [&[batch], self.input()].concat();
        let x = value(shape.iter().product(), 1001, 1.0);
        (shape, x)
    }
}

/// How a case trains.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    Sgd,
    Adam,
}

impl Optimizer {
    pub fn learning_rate(self) -> f64 {
        match self {
            Optimizer::Sgd => 0.01,
            Optimizer::Adam => 0.001,
        }
    }
}

/// Labels 7 i mod 10.
pub fn labels(batch: usize) -> Vec<u32> {
    (0..batch as u32).map(|i| i * 7 % 10).collect()
}

/// The tiny net's targets: the product of its two inputs.
pub fn products(x: &[f32]) -> Vec<f32> {
    x.chunks(2).map(|pair| pair[0] * pair[1]).collect()
}

/// `(k - 2^23) / 2^23` with `k = ((i * 2654435761 + salt * 40503) mod 2^32) >> 8`, times `scale` in f64.
pub fn value(len: usize, salt: u32, scale: f64) -> Vec<f32> {
    let element = |i: u32| {
        let k = i.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)) >> 8;
        ((f64::from(k) - 8_388_608.0) / 8_388_608.0 * scale) as f32
    };
    (0..len as u32).map(element).collect()
}

pub fn mean_abs(y: &[f32]) -> f64 {
    y.iter().map(|v| f64::from(v.abs())).sum::<f64>() / y.len() as f64
}

pub fn threads() -> usize {
    std::env::var("PEER_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// A network that trains, as a peer offers it.
pub trait Trainer: 'static {
    fn step(&mut self);
    fn loss(&self) -> f64;
    /// Back to the starting weights and a fresh optimiser.
    fn reset(&mut self);
}

/// The work of a trainer; the check is the loss after three updates.
pub fn train_work(net: Net, batch: usize, mut trainer: impl Trainer) -> Work {
    for _ in 0..CHECK_STEPS {
        trainer.step();
    }
    let check = trainer.loss();
    let trainer = std::rc::Rc::new(std::cell::RefCell::new(trainer));
    let again = trainer.clone();
    let (amount, unit) =
        if net == Net::Tiny { (1.0, "steps/s") } else { (batch as f64, net.unit()) };
    Work {
        step: Box::new(move || trainer.borrow_mut().step()),
        reset: Box::new(move || again.borrow_mut().reset()),
        amount,
        unit,
        check,
    }
}

/// The work of a function that gives the network's output.
pub fn infer_work(net: Net, batch: usize, mut run: impl FnMut() -> Vec<f32> + 'static) -> Work {
    let check = mean_abs(&run());
    Work {
        step: Box::new(move || drop(black_box(run()))),
        reset: Box::new(|| ()),
        amount: batch as f64,
        unit: net.unit(),
        check,
    }
}

/// A maker of one case.
pub type Make = Box<dyn Fn() -> Work>;
/// Cases by name.
pub type Cases = BTreeMap<String, Make>;

/// The training cases.
pub fn train_cases(make: fn(Net, Optimizer, usize) -> Work) -> Cases {
    use Optimizer::{Adam, Sgd};
    let cases: [(&str, Net, Optimizer, usize); 5] = [
        ("train_tiny", Net::Tiny, Sgd, 10),
        ("train_mlp_sgd", Net::Mlp, Sgd, 64),
        ("train_mlp_adam", Net::Mlp, Adam, 64),
        ("train_lenet_sgd", Net::Lenet, Sgd, 64),
        ("train_lenet_adam", Net::Lenet, Adam, 64),
    ];
    let entry = |(name, net, optimizer, batch): (&str, Net, Optimizer, usize)| {
        (name.to_string(), Box::new(move || make(net, optimizer, batch)) as Make)
    };
    cases.into_iter().map(entry).collect()
}

/// The inference cases.
pub fn infer_cases(make: fn(Net, usize) -> Work) -> Cases {
    let pairs = Net::ALL.into_iter().flat_map(|net| [1, 64].map(|batch| (net, batch)));
    let entry = |((name, net), batch)| {
        (format!("infer_{name}_{batch}"), Box::new(move || make(net, batch)) as Make)
    };
    pairs.map(entry).collect()
}

/// `c = a b`, row-major, into the slice it is called with.
pub type Product = Box<dyn FnMut(&mut [f32])>;

/// The matrix products, given a maker from m, k, n and the values of a and b.
pub fn gemm_cases(make: fn([usize; 3], Vec<f32>, Vec<f32>) -> Product) -> Cases {
    const SHAPES: [(usize, usize, usize); 9] = [
        (64, 64, 64),
        (256, 256, 256),
        (512, 512, 512),
        (1024, 1024, 1024),
        (2048, 2048, 2048),
        (64, 784, 512),
        (128, 1024, 1024),
        (32, 2048, 1000),
        (64, 512, 10),
    ];
    let entry = |(m, k, n)| {
        let work = move || {
            let mut run = make([m, k, n], value(m * k, 1001, 1.0), value(k * n, 2001, 1.0));
            let mut c = vec![0.0; m * n];
            run(&mut c);
            let check = mean_abs(&c);
            Work {
                step: Box::new(move || run(black_box(&mut c))),
                reset: Box::new(|| ()),
                amount: 2e-9 * (m * k * n) as f64,
                unit: "GFLOP/s",
                check,
            }
        };
        (format!("gemm_{m}x{k}x{n}"), Box::new(work) as Make)
    };
    SHAPES.into_iter().map(entry).collect()
}

/// Units a second: whole chunks of steps until `seconds` are over.
fn measure(work: &mut Work, seconds: f64) -> f64 {
    (work.reset)();
    let (mut chunk, mut calls, start) = (1, 0, Instant::now());
    loop {
        let before = Instant::now();
        for _ in 0..chunk {
            (work.step)();
        }
        calls += chunk;
        let elapsed = start.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return calls as f64 * work.amount / elapsed;
        }
        if before.elapsed() < Duration::from_millis(10) {
            chunk *= 2;
        }
    }
}

/// Answers requests, one JSON line each, until stdin ends.
pub fn serve(name: &str, version: &str, cases: &Cases) {
    let mut works = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.expect("stdin")).expect("a JSON line");
        let case = request["case"].as_str().expect("`case` is a string").to_string();
        let seconds = request["seconds"].as_f64().unwrap_or(2.0);
        let mut reply = if case == "about" {
            let names: Vec<_> = cases.keys().collect();
            json!({"name": name, "version": version, "threads": threads(), "cases": names})
        } else {
            answer(cases, &mut works, &case, seconds)
        };
        reply["case"] = json!(case);
        println!("{reply}");
        std::io::stdout().flush().expect("stdout");
    }
}

fn answer(cases: &Cases, works: &mut BTreeMap<String, Work>, case: &str, seconds: f64) -> Value {
    let Some(make) = cases.get(case) else {
        return json!({"unsupported": "no such case here"});
    };
    let fresh = !works.contains_key(case);
    let work = works.entry(case.to_string()).or_insert_with(make);
    if fresh {
        measure(work, seconds.min(0.2));
    }
    json!({"value": measure(work, seconds), "unit": work.unit, "check": work.check})
}
