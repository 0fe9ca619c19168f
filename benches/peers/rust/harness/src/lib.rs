//! What the Rust peers share: the cases, their data by formula, and the line protocol of README.md.
//! `python/harness.py` is the same in Python; the two must say the same.

pub mod nets;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use nets::{Convnet, Layer};
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
    Convnet(Convnet),
}

impl Net {
    /// Shapes of the weights, `[out, in]` or `[out, in, kh, kw]`; biases start at zero.
    pub fn shapes(self) -> Vec<Vec<usize>> {
        let shapes: &[&[usize]] = match self {
            Net::Tiny => &[&[8, 2], &[8, 8], &[1, 8]],
            Net::Mlp => &[&[512, 784], &[512, 512], &[10, 512]],
            Net::Lenet => &[&[6, 1, 5, 5], &[16, 6, 5, 5], &[120, 400], &[84, 120], &[10, 84]],
            Net::Convnet(net) => return net.layers().iter().filter_map(Layer::weight).collect(),
        };
        shapes.iter().map(|shape| shape.to_vec()).collect()
    }

    /// Shape of one input.
    pub fn input(self) -> Vec<usize> {
        match self {
            Net::Tiny => vec![2],
            Net::Mlp => vec![784],
            Net::Lenet => vec![1, 28, 28],
            Net::Convnet(net) => net.input().to_vec(),
        }
    }

    /// The starting weights of layer `l`, uniform by He.
    pub fn weight(self, l: usize) -> Vec<f32> {
        let shape = &self.shapes()[l];
        value(shape.iter().product(), salt(l), he(shape))
    }

    /// The same for a linear layer, as `[in, out]`.
    pub fn weight_transposed(self, l: usize) -> Vec<f32> {
        let shape = &self.shapes()[l];
        let (rows, columns) = (shape[0], shape[1]);
        let index = |i| (i % rows) * columns + i / rows;
        (0..columns * rows).map(|i| element(index(i) as u32, salt(l), he(shape))).collect()
    }

    pub fn unit(self) -> &'static str {
        if matches!(self, Net::Tiny | Net::Mlp) { "samples/s" } else { "images/s" }
    }

    /// Labels 7 i mod the number of classes.
    pub fn labels(self, batch: usize) -> Vec<u32> {
        let classes = self.shapes().last().map_or(1, |shape| shape[0]) as u32;
        (0..batch as u32).map(|i| i * 7 % classes).collect()
    }

    /// The shape of a batch and its values.
    pub fn batch(self, batch: usize) -> (Vec<usize>, Vec<f32>) {
        let shape = [vec![batch], self.input()].concat();
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
    pub fn learning_rate(self, net: Net) -> f64 {
        match (self, net) {
            (Optimizer::Adam, _) | (_, Net::Convnet(_)) => 0.001,
            (Optimizer::Sgd, _) => 0.01,
        }
    }
}

/// The salt of the weights of layer `l`.
fn salt(l: usize) -> u32 {
    2001 + 1000 * l as u32
}

/// The scale of a weight, uniform by He.
fn he(shape: &[usize]) -> f64 {
    (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt()
}

/// The tiny net's targets: the product of its two inputs.
pub fn products(x: &[f32]) -> Vec<f32> {
    x.chunks(2).map(|pair| pair[0] * pair[1]).collect()
}

/// `(k - 2^23) / 2^23` with `k = ((i * 2654435761 + salt * 40503) mod 2^32) >> 8`, times `scale` in f64.
pub fn value(len: usize, salt: u32, scale: f64) -> Vec<f32> {
    (0..len as u32).map(|i| element(i, salt, scale)).collect()
}

fn element(i: u32, salt: u32, scale: f64) -> f32 {
    let k = i.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)) >> 8;
    ((f64::from(k) - 8_388_608.0) / 8_388_608.0 * scale) as f32
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

/// The training cases of the small networks.
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

/// The training cases of the convolutional networks.
pub fn convnet_train_cases(make: fn(Net, Optimizer, usize) -> Work) -> Cases {
    use Convnet::{Alexnet, Googlenet, Resnet18, Resnet20, Resnet50, Vgg16};
    let cases =
        [(Alexnet, 16), (Vgg16, 4), (Googlenet, 8), (Resnet18, 8), (Resnet50, 4), (Resnet20, 128)];
    let entry = |(net, batch): (Convnet, usize)| {
        let work = move || make(Net::Convnet(net), Optimizer::Sgd, batch);
        (format!("train_{}_sgd", net.name()), Box::new(work) as Make)
    };
    cases.into_iter().map(entry).collect()
}

/// The inference cases of the small networks.
pub fn infer_cases(make: fn(Net, usize) -> Work) -> Cases {
    let nets = [("tiny", Net::Tiny), ("mlp", Net::Mlp), ("lenet", Net::Lenet)];
    nets.into_iter().flat_map(|(name, net)| infer_entries(name, net, [1, 64], make)).collect()
}

/// The inference cases of the convolutional networks.
pub fn convnet_infer_cases(make: fn(Net, usize) -> Work) -> Cases {
    use Convnet::{Googlenet, MobilenetV2, Resnet18, Resnet50, Squeezenet, Vgg16};
    let nets = [Vgg16, Googlenet, Resnet18, Resnet50, Squeezenet, MobilenetV2];
    let entries = |net: Convnet| infer_entries(net.name(), Net::Convnet(net), [1, 16], make);
    nets.into_iter().flat_map(entries).collect()
}

fn infer_entries(
    name: &str,
    net: Net,
    batches: [usize; 2],
    make: fn(Net, usize) -> Work,
) -> [(String, Make); 2] {
    batches
        .map(|batch| (format!("infer_{name}_{batch}"), Box::new(move || make(net, batch)) as Make))
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
