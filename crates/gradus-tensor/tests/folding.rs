//! What a plan says in fewer steps: batch norms inside convolutions, epilogues, constants.

use gradus_tensor::ops::conv2d::{Conv, Padding};
use gradus_tensor::{Compiled, PlanStep, Step, Tensor, Variable, compile, grad};

fn replayed<F: FnMut(&[Tensor]) -> Step>(step: &mut Compiled<F>, args: &[&Tensor]) -> Vec<String> {
    let metas: Vec<_> = args.iter().map(|a| a.node().meta()).collect();
    let plan = step.plan(&metas).unwrap();
    plan.steps().iter().filter(|s| !s.once).map(|s| s.name.clone()).collect()
}

fn error(a: &Tensor, b: &Tensor) -> f64 {
    ((a - b).abs().max(..) / b.abs().max(..)).item()
}

/// Mean, variance, scale and shift of a batch norm.
struct Norm([Variable; 4]);

impl Norm {
    fn new(channels: usize, seed: u64) -> Norm {
        let random = |i: u64| Tensor::randn([channels], 10 * seed + i);
        Norm([
            Variable::new("mean", &random(0)),
            Variable::new("variance", &(random(1).square() + 0.1)),
            Variable::new("w", &random(2)),
            Variable::new("b", &random(3)),
        ])
    }
    fn apply(&self, x: &Tensor, values: bool) -> Tensor {
        let get = |v: &Variable| if values { v.value() } else { v.tensor() };
        let [mean, variance, w, b] = self.0.each_ref().map(get);
        x.batch_norm_with(&mean, &variance, &w, &b, 1e-5)
    }
}

#[test]
fn a_batch_norm_at_inference_is_part_of_its_convolution() {
    for (groups, stride) in [(1, 1), (2, 2), (16, 1)] {
        let conv = Conv::new().groups(groups).stride(stride).padding(Padding::Half);
        let w = Variable::new("w", &Tensor::randn([32, 16 / groups, 3, 3], 1));
        let bias = Variable::new("bias", &Tensor::randn([32, 1, 1], 2));
        let norm = Norm::new(32, 3);
        let x = Tensor::randn([2, 16, 9, 9], 4);
        let mut step = compile(|a: &[Tensor]| {
            let y = a[0].conv2d(&w.tensor(), conv) + bias.tensor();
            Step::new().read(&norm.apply(&y, false).relu())
        });
        let steps = replayed(&mut step, &[&x]);
        let work: Vec<&String> = steps.iter().filter(|s| *s != "copy").collect();
        assert_eq!(work, ["conv2d + relu"], "{steps:?}");
        let scaled = |p: &PlanStep| p.once && p.name == "mul" && p.shape == w.shape();
        let plan = step.plan(&[x.node().meta()]).unwrap();
        assert_eq!(plan.steps().iter().filter(|s| scaled(s)).count(), 1, "{plan}");
        for round in 0..2 {
            let y = step.run(&[&x]).unwrap().tensor(0);
            let conv = x.conv2d(&w.value(), conv) + bias.value();
            conv.try_read().unwrap();
            let expected = norm.apply(&conv, true).relu();
            assert!(error(&y, &expected) < 1e-5, "round {round}: {}", error(&y, &expected));
            norm.0[0].set(&Tensor::randn([32], 77)).unwrap();
        }
    }
}

#[test]
fn a_residual_block_at_inference_is_one_step_a_convolution() {
    let conv = Conv::new().padding(Padding::Half);
    let ws = [1, 2].map(|s| Variable::new("w", &(Tensor::randn([16, 16, 3, 3], s) * 0.1)));
    let norms = [3, 4].map(|s| Norm::new(16, s));
    let x = Tensor::randn([1, 16, 8, 8], 5);
    let block = |x: &Tensor, values: bool| {
        let get = |v: &Variable| if values { v.value() } else { v.tensor() };
        let inner = norms[0].apply(&x.conv2d(&get(&ws[0]), conv), values).relu();
        (norms[1].apply(&inner.conv2d(&get(&ws[1]), conv), values) + x).relu()
    };
    let mut step = compile(|a: &[Tensor]| Step::new().read(&block(&block(&a[0], false), false)));
    let mut steps = replayed(&mut step, &[&x]);
    steps.retain(|s| s != "copy");
    assert_eq!(steps, ["conv2d + relu"; 4]);
    let y = step.run(&[&x]).unwrap().tensor(0);
    assert!(error(&y, &block(&block(&x, true), true)) < 1e-5);
}

#[test]
fn a_factor_moves_into_matrices_and_transposed_convolutions() {
    let (w, k) = (
        Variable::new("w", &Tensor::randn([12, 20], 1)),
        Variable::new("k", &Tensor::randn([6, 10, 3, 3], 2)),
    );
    let (dense, image) = (Norm::new(20, 3), Norm::new(10, 4));
    let (x, z) = (Tensor::randn([7, 12], 5), Tensor::randn([2, 6, 5, 5], 6));
    let of = |a: &[Tensor], values: bool| {
        let get = |v: &Variable| if values { v.value() } else { v.tensor() };
        let y = dense.apply(&a[0].matmul(&get(&w)), values);
        // 1 − 2·(…): constants and the other order of a difference.
        let t = 1.0 - image.apply(&a[1].conv_transpose2d(&get(&k), Conv::new()), values) * 2.0;
        [y, t]
    };
    let mut step = compile(|a: &[Tensor]| {
        let [y, t] = of(a, false);
        Step::new().read(&y).read(&t)
    });
    let mut steps = replayed(&mut step, &[&x, &z]);
    steps.retain(|s| s != "copy");
    assert_eq!(steps.len(), 2, "{steps:?}");
    let out = step.run(&[&x, &z]).unwrap();
    let expected = of(&[x.clone(), z.clone()], true);
    for (i, e) in expected.iter().enumerate() {
        assert!(error(&out.tensor(i), e) < 1e-5);
    }
}

#[test]
fn a_convolution_that_trains_keeps_bias_and_relu_as_its_epilogue() {
    let w = Variable::new("w", &Tensor::randn([8, 4, 3, 3], 1));
    let b = Variable::new("b", &Tensor::zeros([8, 1, 1]));
    let x = Tensor::randn([2, 4, 6, 6], 3);
    let mut step = compile(|a: &[Tensor]| {
        let y = (a[0].conv2d(&w.tensor(), Conv::new()) + b.tensor()).relu();
        let loss = y.square().mean(..);
        let [dw, db] = grad(&loss, [&w.tensor(), &b.tensor()]);
        let step = Step::new().read(&loss);
        step.update(&w, &(w.tensor() - dw * 0.1)).update(&b, &(b.tensor() - db * 0.1))
    });
    let steps = replayed(&mut step, &[&x]);
    assert!(steps.contains(&"conv2d + relu".to_owned()), "{steps:?}");
}

#[test]
fn constants_are_computed_with_the_plan() {
    let x = Tensor::randn([8], 1);
    let mut step = compile(|a: &[Tensor]| {
        let two = Tensor::full([], 6.0) / Tensor::full([], 3.0);
        let eight = Tensor::ones([8]).sum(..);
        Step::new().read(&(&a[0] * two.exp().ln() / eight))
    });
    assert_eq!(replayed(&mut step, &[&x]), ["div"]);
    let y = step.run(&[&x]).unwrap().tensor(0);
    assert!(error(&y, &(&x * 0.25)) < 1e-6);
}
