//! Milliseconds and GB/s (bytes read and written once) of the memory-bound ops, forward and backward, in each memory
//! order, beside a plain copy of as many bytes; best of many.
//!
//! `cargo run --release -p gradus-tensor --example op_bench [part of a case's name] [seconds per case]`

use gradus_cpu::{parallel, set_threads};
use gradus_graph::{Meta, Node, Program, gradients, input};
use gradus_tensor::{DType, Key, LocalResponse, Pool, Tensor};
use std::hint::black_box;
use std::time::{Duration, Instant};

type Op = Box<dyn Fn(&Tensor) -> Tensor>;

struct Case {
    name: &'static str,
    shape: [usize; 4],
    op: Op,
}

fn case(name: &'static str, shape: [usize; 4], op: impl Fn(&Tensor) -> Tensor + 'static) -> Case {
    Case { name, shape, op: Box::new(op) }
}

fn batch_norm(x: &Tensor) -> Tensor {
    let channels = x.shape()[1];
    let [w, b] = [1, 2].map(|k| Key::new(k).normal_of([channels], DType::F32));
    computed(&w);
    computed(&b);
    x.batch_norm(&w, &b, 1e-5).0
}

fn cases() -> Vec<Case> {
    let wide = [8, 64, 56, 56];
    let deep = [8, 256, 14, 14];
    let small = [128, 16, 32, 32];
    let norm = |name, shape, groups: usize| {
        case(name, shape, move |x| {
            let (w, b) = (Tensor::ones([x.shape()[1]]), Tensor::zeros([x.shape()[1]]));
            x.group_norm(groups, &w, &b, 1e-5)
        })
    };
    let rows = |name, shape, op: fn(&Tensor) -> Tensor| case(name, shape, op);
    vec![
        case("batch_norm", wide, batch_norm),
        case("batch_norm", deep, batch_norm),
        case("batch_norm", small, batch_norm),
        case("batch_norm + relu", wide, |x| batch_norm(x).relu()),
        case("batch_norm + relu", small, |x| batch_norm(x).relu()),
        norm("group_norm 32", wide, 32),
        norm("instance_norm", wide, 64),
        case("max_pool 3/2", [8, 64, 112, 112], |x| {
            x.max_pool2d(Pool::new(3).stride(2).padding(1))
        }),
        case("max_pool 2/2", [8, 64, 112, 112], |x| x.max_pool2d(Pool::new(2))),
        case("max_pool 2/2", [64, 6, 28, 28], |x| x.max_pool2d(Pool::new(2))),
        case("mean_pool 3/1", wide, |x| x.mean_pool2d(Pool::new(3).stride(1).padding(1))),
        case("mean_pool 2/2", [8, 64, 112, 112], |x| x.mean_pool2d(Pool::new(2))),
        case("global mean", [32, 512, 7, 7], |x| x.adaptive_mean_pool2d([1, 1])),
        case("lrn", [16, 96, 55, 55], |x| x.local_response_norm(LocalResponse::ALEXNET)),
        case("concat", [8, 96, 28, 28], |x| {
            Tensor::concat(&[&x.slice(1, ..64), &x.slice(1, 32..), &x.slice(1, ..32)], 1)
        }),
        rows("softmax 10", [1, 1, 8192, 10], |x| x.softmax(-1)),
        rows("softmax 1000", [1, 1, 1024, 1000], |x| x.softmax(-1)),
        rows("log_softmax 1000", [1, 1, 1024, 1000], |x| x.log_softmax(-1)),
        rows("layer_norm 768", [1, 1, 2048, 768], |x| {
            x.layer_norm(&Tensor::ones([768]), &Tensor::zeros([768]), 1e-5)
        }),
    ]
}

/// The axes as they lie in memory, outermost first.
const ORDERS: [(&str, [usize; 4]); 3] = [
    ("channels last", [0, 2, 3, 1]),
    ("batch innermost", [1, 2, 3, 0]),
    ("row-major", [0, 1, 2, 3]),
];

fn main() {
    let mut args = std::env::args().skip(1);
    let asked = args.next().unwrap_or_default();
    let seconds: f64 = args.next().map_or(0.2, |s| s.parse().expect("seconds"));
    for threads in [1, 2] {
        set_threads(threads);
        println!("{threads} thread(s)");
        for case in cases().iter().filter(|c| c.name.contains(&asked)) {
            let orders = if case.shape[0] * case.shape[1] == 1 { &ORDERS[2..] } else { &ORDERS };
            for (order, axes) in orders {
                measure(case, order, axes, seconds);
            }
        }
    }
}

fn measure(case: &Case, order: &str, axes: &[usize; 4], seconds: f64) {
    let inverse = |axes: &[usize; 4]| {
        let mut inverse = [0; 4];
        (0..4).for_each(|i| inverse[axes[i]] = i);
        inverse.map(|a| a as isize)
    };
    let forth = axes.map(|a| a as isize);
    let lying = |shape: &[usize]| axes.map(|a| shape[a]);
    let x = Tensor::from_node(input(0, Meta::new(lying(&case.shape), DType::F32)));
    let y = (case.op)(&x.permute(inverse(axes)));
    let dy = Tensor::from_node(input(1, Meta::new(lying(&y.shape()), DType::F32)));
    let grads = gradients(y.node(), dy.permute(inverse(axes)).node(), &[x.node().clone()]);
    let dx = grads.expect("a gradient").remove(0).expect("y depends on x");
    let values = [&x, &dy].map(|t| Key::new(7).normal_of(t.shape(), DType::F32));
    values.iter().for_each(computed);
    let buffers = values.each_ref().map(|v| &**v.node().value().expect("computed"));
    let y = y.permute(forth);
    let wanted: [Vec<Node>; 2] = [vec![y.node().clone()], vec![dx]];
    let metas = [&x, &dy].map(|t| Meta::new(t.shape(), DType::F32));
    for (what, wanted) in ["forward", "backward"].iter().zip(wanted) {
        let mut program = Program::new(&metas, &wanted, &[]).expect("a plan");
        let mut best = vec![Duration::MAX; program.plan().steps().len()];
        let begin = Instant::now();
        while begin.elapsed().as_secs_f64() < seconds {
            let mut times = vec![Duration::ZERO; best.len()];
            program.run_timed(&buffers, &mut times).expect("a run");
            best.iter_mut().zip(times).for_each(|(b, t)| *b = t.min(*b));
        }
        let shape = case.shape;
        println!("{} {shape:?} {order} {what}: {:.3} ms", case.name, ms(best.iter().sum()));
        for (step, &time) in program.plan().steps().iter().zip(&best) {
            let bytes = step.bytes;
            let copy = copy_speed(bytes as usize / 2, seconds / 20.0);
            let speed = bytes as f64 / time.as_secs_f64() / 1e9;
            let share = 100.0 * speed / copy;
            let (name, ms) = (&step.name, ms(time));
            println!("    {name:<28} {ms:8.3} ms {speed:7.1} GB/s, {share:4.0} % of a copy");
        }
    }
}

fn ms(t: Duration) -> f64 {
    t.as_secs_f64() * 1e3
}

/// GB/s of a copy of so many bytes, those read and those written.
fn copy_speed(bytes: usize, seconds: f64) -> f64 {
    const TASK: usize = 1 << 17;
    let from = vec![1u8; bytes.max(1)];
    let mut parts: Vec<std::sync::Mutex<Vec<u8>>> = vec![];
    parts.extend(from.chunks(TASK).map(|c| std::sync::Mutex::new(c.to_vec())));
    let mut best = Duration::MAX;
    let begin = Instant::now();
    while best == Duration::MAX || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        parallel(parts.len(), &|i| {
            let mut to = parts[i].lock().expect("one task each");
            let n = to.len();
            to.copy_from_slice(&from[i * TASK..][..n]);
            black_box(&mut to);
        });
        best = best.min(start.elapsed());
    }
    2.0 * bytes as f64 / best.as_secs_f64() / 1e9
}

fn computed(t: &Tensor) {
    t.try_read().expect("elements");
}
