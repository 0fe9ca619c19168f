//! How much memory plans need: gradients that are used at once, activations that are computed again.

use gradus_tensor::ops::conv2d::{Conv, Padding};
use gradus_tensor::{Compiled, Key, Step, Tensor, Variable, compile, gradients};

/// A network's parameters, made at the first forward pass.
#[derive(Default)]
struct Net {
    parameters: Vec<Variable>,
    next: usize,
}

impl Net {
    fn parameter(&mut self, shape: &[usize], scale: f64) -> Tensor {
        if self.next == self.parameters.len() {
            let value = Tensor::randn(shape, self.next as u64) * scale;
            self.parameters.push(Variable::new(format!("p{}", self.next), &value));
        }
        self.next += 1;
        self.parameters[self.next - 1].tensor()
    }

    fn dense(&mut self, x: &Tensor, width: usize) -> Tensor {
        let w = self.parameter(&[x.shape()[1], width], (1.0 / x.shape()[1] as f64).sqrt());
        x.matmul(&w) + self.parameter(&[width], 0.0)
    }

    fn conv(&mut self, x: &Tensor, channels: usize, kernel: usize, stride: usize) -> Tensor {
        let fan = x.shape()[1] * kernel * kernel;
        let shape = [channels, x.shape()[1], kernel, kernel];
        let w = self.parameter(&shape, (2.0 / fan as f64).sqrt());
        x.conv2d(&w, Conv::new().stride(stride).padding(Padding::Half))
    }

    fn norm(&mut self, x: &Tensor) -> Tensor {
        let (w, b) =
            (self.parameter(&[x.shape()[1]], 0.1) + 1.0, self.parameter(&[x.shape()[1]], 0.0));
        x.batch_norm(&w, &b, 1e-5).0
    }

    fn block(&mut self, x: &Tensor, channels: usize, stride: usize) -> Tensor {
        let a = self.conv(x, channels, 3, stride);
        let a = self.norm(&a).relu();
        let a = self.conv(&a, channels, 3, 1);
        let a = self.norm(&a);
        let skip = if stride == 1 && x.shape()[1] == channels {
            x.clone()
        } else {
            let s = self.conv(x, channels, 1, stride);
            self.norm(&s)
        };
        (a + skip).relu()
    }

    /// ResNet-18, as narrow and small as given.
    fn resnet18(&mut self, x: &Tensor, width: usize) -> Tensor {
        let stem = self.conv(x, width, 3, 1);
        let mut y = self.norm(&stem).relu();
        for stage in 0..4 {
            for block in 0..2 {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                y = self.block(&y, width << stage, stride);
            }
        }
        self.dense(&y.mean([2, 3]), 10)
    }
}

type Forward = fn(&mut Net, &Tensor) -> Tensor;

/// A step with momentum: the loss is the mean square of what the network gives.
fn training(forward: Forward, recompute: bool) -> (Compiled<impl FnMut(&[Tensor]) -> Step>, Net) {
    let mut net = Net::default();
    // The parameters exist before the step is traced.
    forward(&mut net, &Tensor::zeros(shape_of(forward)));
    let parameters = net.parameters.clone();
    let moved: Vec<Variable> =
        parameters.iter().map(|p| Variable::new("m", &p.value().zeros_like())).collect();
    let given = net.parameters.clone();
    let step = compile(move |a: &[Tensor]| {
        let mut net = Net { parameters: parameters.clone(), next: 0 };
        let loss = forward(&mut net, &a[0]).square().mean(..);
        let ws: Vec<Tensor> = parameters.iter().map(Variable::tensor).collect();
        let mut step = Step::new().read(&loss);
        for (((p, m), w), g) in
            parameters.iter().zip(&moved).zip(&ws).zip(gradients(&loss, &ws).unwrap())
        {
            let m2 = m.tensor() * 0.9 + g.unwrap();
            step = step.update(p, &(w - &m2 * 0.01)).update(m, &m2);
        }
        step
    });
    (step.recompute(recompute), Net { parameters: given, next: 0 })
}

fn shape_of(forward: Forward) -> Vec<usize> {
    match forward {
        f if std::ptr::fn_addr_eq(f, mlp as Forward) => vec![4, 64],
        _ => vec![4, 3, 16, 16],
    }
}

fn mlp(net: &mut Net, x: &Tensor) -> Tensor {
    (0..20).fold(x.clone(), |x, _| net.dense(&x, 64).tanh())
}

fn resnet(net: &mut Net, x: &Tensor) -> Tensor {
    net.resnet18(x, 8)
}

/// 20 layers of convolution, batch norm, ReLU and dropout.
fn chain(net: &mut Net, x: &Tensor) -> Tensor {
    let mut y = net.conv(x, 16, 3, 1);
    for i in 0..20 {
        let a = net.conv(&y, 16, 3, 1);
        let key = Key::of(&Tensor::from([7i64, i]));
        // Dropout.
        y = net.norm(&a).relu() * key.uniform(a.shape()).gt(0.1).cast(a.dtype()) / 0.9;
    }
    y
}

fn bytes(forward: Forward, recompute: bool) -> (usize, usize, usize) {
    let (mut step, net) = training(forward, recompute);
    let x = Tensor::randn(shape_of(forward), 1);
    let plan = step.plan(&[x.node().meta()]).unwrap();
    let weights: usize = net.parameters.iter().map(|p| 4 * p.shape().len()).sum();
    (plan.arena_bytes(), plan.live_bytes(), weights)
}

#[test]
fn a_gradient_is_used_before_the_next_is_computed() {
    let (arena, live, weights) = bytes(mlp, false);
    // 20 matrices of 16 KiB, of whose gradients one or two exist at a time, and 20 activations of 1 KiB.
    assert!(arena < weights / 4, "arena {arena}, all gradients {weights}");
    assert!(arena >= live && arena <= live * 11 / 10, "arena {arena}, live {live}");
}

#[test]
fn a_residual_network_has_an_arena_close_to_what_is_live() {
    let (arena, live, _) = bytes(resnet, false);
    assert!(arena >= live && arena <= live * 21 / 20, "arena {arena}, live {live}");
}

#[test]
fn recomputing_halves_the_arena_of_twenty_layers() {
    let (kept, ..) = bytes(chain, false);
    let (again, ..) = bytes(chain, true);
    assert!(again * 2 < kept, "kept {kept}, recomputed {again}");
    let ((kept, ..), (again, ..)) = (bytes(resnet, false), bytes(resnet, true));
    assert!(again * 4 < kept * 3, "kept {kept}, recomputed {again}");
}

#[test]
fn recomputed_steps_have_the_same_bits() {
    for forward in [chain as Forward, resnet, mlp] {
        let x = Tensor::randn(shape_of(forward), 1);
        let runs = [false, true].map(|recompute| {
            let (mut step, net) = training(forward, recompute);
            let losses: Vec<u64> =
                (0..3).map(|_| step.run(&[&x]).unwrap().item(0).to_bits()).collect();
            let weights: Vec<Vec<f32>> =
                net.parameters.iter().map(|p| p.value().to_vec::<f32>()).collect();
            (losses, weights)
        });
        assert!(runs[0].0[0] != runs[0].0[2], "it learns");
        assert!(runs[0] == runs[1]);
    }
}

/// Two dense layers with momentum: the loss, and for each weight its new momentum and its new value.
fn dense_step(x: &Tensor, state: &[[Tensor; 2]; 2]) -> (Tensor, Vec<[Tensor; 2]>) {
    let weights = [0, 1].map(|i: usize| state[i][0].clone());
    let loss = x.matmul(&weights[0]).relu().matmul(&weights[1]).square().mean(..);
    let found = gradients(&loss, &weights).unwrap();
    let moved = state.iter().zip(found).map(|([w, m], g)| {
        let m = m * 0.9 + g.unwrap();
        [w - &m * 0.1, m]
    });
    (loss, moved.collect())
}

#[test]
fn a_large_gradient_is_made_and_used_in_pieces() {
    let shapes = [[1100, 2001], [2001, 1200]];
    let pair = |shape: [usize; 2]| {
        let w = Tensor::randn(shape, shape[0] as u64) * 0.05;
        [Variable::new("w", &w), Variable::new("m", &Tensor::zeros(shape))]
    };
    let variables = shapes.map(pair);
    let x = Tensor::randn([4, 1100], 3);
    let mut state = variables.each_ref().map(|v| v.each_ref().map(Variable::value));
    let mut step = compile(|a: &[Tensor]| {
        let (loss, moved) =
            dense_step(&a[0], &variables.each_ref().map(|v| v.each_ref().map(Variable::tensor)));
        let moved = variables.iter().zip(moved).flat_map(|(v, new)| v.clone().into_iter().zip(new));
        Step::new().read(&loss).updates(moved)
    });
    let plan = step.plan(&[x.node().meta()]).unwrap();
    // The gradient of the second weight alone would take 9.6 MB.
    assert!(plan.arena_bytes() < 6_000_000, "{plan}");
    let rows = |name: &str| -> usize {
        let large = plan.steps().iter().filter(|s| s.name == name && s.shape[0] > 8);
        large.map(|s| s.shape[0]).sum()
    };
    assert_eq!((rows("matmul"), rows("copy")), (1100 + 2001, 0), "{plan}");
    for _ in 0..3 {
        let loss = step.run(&[&x]).unwrap().item(0);
        // Of values, every gradient is computed as a whole and read.
        let (expected, moved) = dense_step(&x, &state);
        gradus_tensor::read([&expected].into_iter().chain(moved.iter().flatten()));
        assert!((loss - expected.item()).abs() < 1e-5 * loss.abs(), "{loss} {}", expected.item());
        state = moved.try_into().unwrap();
        for (variable, value) in variables.iter().flatten().zip(state.iter().flatten()) {
            let off = (variable.value() - value).abs().max(..).item();
            assert!(off <= 1e-5 * value.abs().max(..).item(), "{}: {off}", variable.name());
        }
    }
}
