//! The seam between an op and a device, tried on a hard op from outside: a fused LSTM, plainer than the library's own. Several outputs, one of them optional,
//! lengths, a workspace, state that is carried from run to run; a kernel on both devices and an expansion, whose gradients it has.
#![allow(unsafe_code)]

use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Result};
use gradus_graph::{Device, Meta, Node, Plain, Rule, Spec, Strategy, call};
use gradus_reference::Array;
use gradus_tensor::{LstmOptions, Step, Tensor, Variable, compile, grad};
use std::sync::Arc;

/// x `[T, N, I]`, w `[I + H, 4H]`, b `[4H]`, h `[N, H]`, c `[N, H]`, lengths `[N]` → y `[T, N, H]`, h, c after each sample's last step,
/// and, if anybody reads them, the gates `[T, N, 4H]`. Behind a sample's length y is 0 and the state stands still.
#[derive(Clone, Copy, Debug)]
struct Lstm {
    hidden: usize,
}

const GATES: usize = 3;

impl Rule for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
    }
    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let (x, h) = (inputs[0].shape, self.hidden);
        let meta = |shape: &[usize]| Meta::new(shape, inputs[0].dtype);
        let state = meta(&[x[1], h]);
        Ok(vec![meta(&[x[0], x[1], h]), state, state, meta(&[x[0], x[1], 4 * h])])
    }
    /// Unrolled: so the gradient exists, of every order.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x, w, b, h, c, lengths] =
            [0, 1, 2, 3, 4, 5].map(|i| Tensor::from_node(inputs[i].clone()));
        let (mut h, mut c, size) = (h, c, self.hidden);
        let (mut ys, mut gates) = (vec![], vec![]);
        for t in 0..x.shape()[0] {
            let z = Tensor::concat(&[&x.select(0, t), &h], 1).matmul(&w) + &b;
            let part = |k: usize| z.slice(1, k * size..(k + 1) * size);
            let [i, f, o] = [0, 1, 3].map(|k| part(k).sigmoid());
            let g = part(2).tanh();
            let next_c = &f * &c + &i * &g;
            let next_h = &o * next_c.tanh();
            let runs = lengths.gt(t as f64).unsqueeze(1);
            gates.push(Tensor::concat(&[&i, &f, &g, &o], 1).unsqueeze(0));
            ys.push(runs.select_where(&next_h, 0.0).unsqueeze(0));
            (h, c) = (runs.select_where(&next_h, &h), runs.select_where(&next_c, &c));
        }
        let join = |all: &[Tensor]| Tensor::concat(&all.iter().collect::<Vec<_>>(), 0);
        Some([join(&ys), h, c, join(&gates)].map(|t| t.node().clone()).to_vec())
    }
    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let rule = *self;
        match device {
            Device::Cpu => Some(Box::new(OnCpu(rule))),
            Device::Reference => Some(Plain::of(move |x: &[Array]| Ok(rule.plain(x)))),
            _ => None,
        }
    }
    fn flops(&self, inputs: &[Meta], _: &[Meta]) -> u64 {
        let x = inputs[0].shape;
        (2 * x[0] * x[1] * (x[2] + self.hidden) * 4 * self.hidden) as u64
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Lstm {
    /// The reference device's kernel.
    fn plain(&self, inputs: &[Array]) -> Vec<Array> {
        let (shape, size) = (inputs[0].shape, self.hidden);
        let [steps, n, features] = [shape[0], shape[1], shape[2]];
        let [x, w, b] = [0, 1, 2].map(|i| inputs[i].reals());
        let (mut h, mut c) = (inputs[3].reals().to_vec(), inputs[4].reals().to_vec());
        let mut y = vec![0.0; steps * n * size];
        let mut gates = vec![0.0; steps * n * 4 * size];
        for (t, s) in (0..steps).flat_map(|t| (0..n).map(move |s| (t, s))) {
            let row = (t * n + s) * features;
            let old: Vec<f64> = h[s * size..(s + 1) * size].to_vec();
            let input = |k: usize| if k < features { x[row + k] } else { old[k - features] };
            let z = |j: usize| -> f64 {
                b[j] + (0..features + size).map(|k| input(k) * w[k * 4 * size + j]).sum::<f64>()
            };
            for j in 0..size {
                let [i, f, o] = [0, 1, 3].map(|k| sigmoid(z(k * size + j)));
                let g = z(2 * size + j).tanh();
                let at = (t * n + s) * 4 * size + j;
                [i, f, g, o].iter().enumerate().for_each(|(k, v)| gates[at + k * size] = *v);
                if (t as i64) < inputs[5].integers()[s] {
                    c[s * size + j] = f * c[s * size + j] + i * g;
                    h[s * size + j] = o * c[s * size + j].tanh();
                    y[(t * n + s) * size + j] = h[s * size + j];
                }
            }
        }
        let state = [n, size];
        vec![
            Array::new([steps, n, size], y),
            Array::new(state, h),
            Array::new(state, c),
            Array::new([steps, n, 4 * size], gates),
        ]
    }
}

/// The CPU's strategy: dense, and without the gates if nobody reads them.
struct OnCpu(Lstm);
impl Strategy for OnCpu {
    fn may_skip(&self, output: usize) -> bool {
        output == GATES
    }
    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let x = spec.inputs[0].view.shape;
        let gates = spec.outputs[GATES].view.shape.rank() == 3;
        Box::new(Fused { sizes: [x[0], x[1], x[2], self.0.hidden], gates, touches: spec.touches() })
    }
}

struct Fused {
    sizes: [usize; 4],
    gates: bool,
    touches: Touches,
}

// SAFETY: all are dense and of the sizes that the spec gave, which `touches` reports; the workspace holds a row of all gates.
unsafe impl Kernel for Fused {
    unsafe fn launch(&self, args: &Args<'_>) {
        let [steps, n, features, size] = self.sizes;
        // SAFETY: the caller's pointers are valid for these lengths; outputs overlap nothing.
        unsafe {
            let input =
                |i: usize, len: usize| std::slice::from_raw_parts(args.input::<f32>(i), len);
            let output =
                |i: usize, len: usize| std::slice::from_raw_parts_mut(args.output::<f32>(i), len);
            let x = input(0, steps * n * features);
            let (w, b) = (input(1, (features + size) * 4 * size), input(2, 4 * size));
            let lengths = std::slice::from_raw_parts(args.input::<i64>(5), n);
            let (y, h, c) = (output(0, steps * n * size), output(1, n * size), output(2, n * size));
            h.copy_from_slice(input(3, n * size));
            c.copy_from_slice(input(4, n * size));
            let z = std::slice::from_raw_parts_mut(args.workspace::<f32>(), 4 * size);
            for (t, s) in (0..steps).flat_map(|t| (0..n).map(move |s| (t, s))) {
                z.copy_from_slice(b);
                let own = &mut h[s * size..][..size];
                let from_x = x[(t * n + s) * features..][..features].iter();
                for (v, row) in from_x.chain(own.iter()).zip(w.chunks_exact(4 * size)) {
                    z.iter_mut().zip(row).for_each(|(z, w)| *z += v * w);
                }
                let runs = (t as i64) < lengths[s];
                for j in 0..size {
                    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
                    let [i, f, o] = [0, 1, 3].map(|k| sigmoid(z[k * size + j]));
                    let g = z[2 * size + j].tanh();
                    if self.gates {
                        let gates = output(GATES, steps * n * 4 * size);
                        let at = (t * n + s) * 4 * size + j;
                        [i, f, g, o]
                            .iter()
                            .enumerate()
                            .for_each(|(k, v)| gates[at + k * size] = *v);
                    }
                    let state = &mut c[s * size + j];
                    y[(t * n + s) * size + j] = 0.0;
                    if runs {
                        *state = f * *state + i * g;
                        own[j] = o * state.tanh();
                        y[(t * n + s) * size + j] = own[j];
                    }
                }
            }
        }
    }
    fn touches(&self) -> &Touches {
        &self.touches
    }
    fn workspace(&self) -> usize {
        4 * self.sizes[3] * size_of::<f32>()
    }
    fn algorithm(&self) -> &str {
        if self.gates { "with gates" } else { "without gates" }
    }
}

const T: usize = 5;
const N: usize = 3;
const I: usize = 2;
const H: usize = 4;

fn inputs() -> [Tensor; 6] {
    let given = |shape: &[usize], seed| {
        let x = Tensor::randn(shape, seed) * 0.5;
        Tensor::from_slice(&x.to_vec::<f32>(), shape)
    };
    [
        given(&[T, N, I], 1),
        given(&[I + H, 4 * H], 2),
        given(&[4 * H], 3),
        given(&[N, H], 4),
        given(&[N, H], 5),
        Tensor::from([5i64, 2, 0]),
    ]
}

fn lstm(x: &[Tensor; 6]) -> Vec<Tensor> {
    let nodes = x.iter().map(|t| t.node().clone()).collect();
    call::<4>(Arc::new(Lstm { hidden: H }), nodes).into_iter().map(Tensor::from_node).collect()
}

fn expanded(x: &[Tensor; 6]) -> Vec<Tensor> {
    let nodes: Vec<Node> = x.iter().map(|t| t.node().clone()).collect();
    let outputs = Lstm { hidden: H }.expand(&nodes).unwrap();
    outputs.into_iter().map(Tensor::from_node).collect()
}

fn near(a: &Tensor, b: &Tensor, what: &str) {
    for (a, b) in a.to_vec::<f32>().iter().zip(b.to_vec::<f32>()) {
        assert!((a - b).abs() < 2e-6, "{what}: {a} and {b}");
    }
}

#[test]
fn both_devices_and_the_expansion_agree() {
    let x = inputs();
    let other = expanded(&x);
    for device in [Device::Cpu, Device::Reference] {
        device.scope(|| {
            for (n, (a, b)) in lstm(&x).iter().zip(&other).enumerate() {
                near(a, b, &format!("output {n} on {device}"));
            }
        });
    }
    let y = lstm(&x)[0].to_vec::<f32>();
    let at = |t: usize, s: usize| y[(t * N + s) * H];
    assert!(at(1, 1) != 0.0 && at(2, 1) == 0.0 && at(0, 2) == 0.0, "what is behind a length is 0");
    assert_eq!(lstm(&x)[1].to_vec::<f32>()[2 * H..], x[3].to_vec::<f32>()[2 * H..]);
}

#[test]
fn gradients_of_both_orders_are_the_expansions() {
    let gradients = |f: &dyn Fn(&[Tensor; 6]) -> Vec<Tensor>| {
        let x = inputs();
        let y = f(&x);
        let loss = y[0].square().sum(..) + y[2].sin().sum(..);
        let all = [&x[0], &x[1], &x[2], &x[3], &x[4]];
        let [dx, dw, db, dh, dc] = grad(&loss, all);
        let [second] = grad(&dw.square().sum(..), [&x[1]]);
        [dx, dw, db, dh, dc, second]
    };
    for (n, (a, b)) in gradients(&lstm).iter().zip(gradients(&expanded)).enumerate() {
        assert!(a.to_vec::<f32>().iter().any(|d| *d != 0.0));
        near(a, &b, &format!("gradient {n}"));
    }
}

#[test]
fn gates_are_computed_for_those_who_read_them() {
    let algorithm = |read: usize| {
        let x = inputs();
        let mut step = compile(move |_: &[Tensor]| Step::new().read(&lstm(&x)[read]));
        let plan = step.plan(&[]).unwrap();
        let named = plan.steps().iter().find(|s| s.name == "lstm").unwrap().algorithm.clone();
        (named, plan.arena_bytes())
    };
    let (without, least) = algorithm(0);
    let (with, most) = algorithm(GATES);
    assert_eq!((&*without, &*with), ("without gates", "with gates"));
    // Both have the workspace, a row of all gates; the gates themselves are an output when they are read.
    assert!(least >= 4 * H * 4 && most + 4 * T * N * H >= least, "{least} and {most} bytes");
}

#[test]
fn the_state_is_carried_from_run_to_run() {
    let x = inputs();
    let full = [
        x[0].clone(),
        x[1].clone(),
        x[2].clone(),
        x[3].clone(),
        x[4].clone(),
        Tensor::from([T as i64; N]),
    ];
    let whole = lstm(&full)[0].to_vec::<f32>();
    let (h, c) = (Variable::new("h", &x[3]), Variable::new("c", &x[4]));
    let one = |args: &[Tensor]| {
        let x = [
            args[0].clone(),
            x[1].clone(),
            x[2].clone(),
            h.tensor(),
            c.tensor(),
            Tensor::from([1i64; N]),
        ];
        let y = lstm(&x);
        Step::new().read(&y[0]).update(&h, &y[1]).update(&c, &y[2])
    };
    let mut step = compile(one).checked(true);
    for t in 0..T {
        let y = step.run(&[&x[0].slice(0, t..t + 1)]).unwrap().tensor(0).to_vec::<f32>();
        assert_eq!(y, whole[t * N * H..(t + 1) * N * H], "step {t}");
    }
    assert_eq!(h.tensor().dtype(), DType::F32);
}

/// What a loss says of an op's output, where nothing that the output was made from is asked about.
#[test]
fn an_output_is_asked_about_and_nothing_below_it() {
    let zx = Tensor::randn([3, 2, 8], 1);
    let (wh, zero) = (Tensor::randn([2, 8], 2), Tensor::zeros([2, 2]));
    let out = zx.lstm(&wh, &zero, &zero, None, &LstmOptions::default());
    let loss = out.y.square().sum(..) + out.c.sum(..);
    let [dy, dc] = grad(&loss, [&out.y, &out.c]);
    let twice: Vec<f32> = out.y.to_vec::<f32>().iter().map(|y| 2.0 * y).collect();
    assert_eq!((dy.to_vec::<f32>(), dc.to_vec::<f32>()), (twice, vec![1.0; 4]));
}
