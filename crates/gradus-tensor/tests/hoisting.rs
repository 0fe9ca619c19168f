//! What does not change from run to run is computed once, and again when a variable it depends on was written.

use gradus_tensor::ops::conv2d::{Conv, Padding};
use gradus_tensor::{Compiled, PlanStep, Step, Tensor, Variable, compile, read, update};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn names<F: FnMut(&[Tensor]) -> Step>(step: &mut Compiled<F>, x: &Tensor) -> Vec<(String, bool)> {
    let plan = step.plan(&[x.node().meta()]).unwrap();
    plan.steps().iter().map(|s| (s.name.clone(), s.once)).collect()
}

fn close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-5 * most, "{a} {b}");
    }
}

/// y = x·(w·2) + b, with everything but x in variables.
fn dense(w: &Variable, b: &Variable, x: &Tensor) -> Tensor {
    x.matmul(&(w.tensor() * 2.0)) + b.tensor()
}

#[test]
fn a_weight_is_prepared_once_and_again_after_it_was_set() {
    let (w, b) = (
        Variable::new("w", &Tensor::randn([33, 21], 1)),
        Variable::new("b", &Tensor::randn([21], 2)),
    );
    let x = Tensor::randn([5, 33], 3);
    let mut step = compile(|a: &[Tensor]| Step::new().read(&dense(&w, &b, &a[0])));
    let expected = [("mul", true), ("pack", true), ("matmul + add", false)];
    assert_eq!(names(&mut step, &x), expected.map(|(n, once)| (n.to_owned(), once)));
    let check = |step: &mut Compiled<_>| {
        let y = step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>();
        // Values that are data, not variables: nothing is kept of them.
        let (w, b) = (w.value(), b.value());
        close(&y, &(x.matmul(&(w * 2.0)) + b).to_vec::<f32>());
    };
    check(&mut step);
    check(&mut step);
    w.set(&Tensor::randn([33, 21], 4)).unwrap();
    check(&mut step);
    update(&[], &[(w.clone(), w.tensor() * 0.5)]).unwrap();
    check(&mut step);
    b.set(&Tensor::randn([21], 5)).unwrap();
    check(&mut step);
}

#[test]
fn a_variable_that_the_step_writes_is_not_kept() {
    let w = Variable::new("w", &Tensor::randn([8, 8], 1));
    let x = Tensor::randn([4, 8], 3);
    let mut step = compile(|a: &[Tensor]| {
        let y = a[0].matmul(&(w.tensor() * 2.0));
        Step::new().read(&y).update(&w, &(w.tensor() + 1.0))
    });
    assert!(names(&mut step, &x).iter().all(|(_, once)| !once));
    for _ in 0..3 {
        let before = w.value();
        let y = step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>();
        close(&y, &x.matmul(&(before * 2.0)).to_vec::<f32>());
    }
}

#[test]
fn what_is_repeated_over_a_loop_is_not_written_out() {
    let b = Variable::new("b", &Tensor::randn([16], 1));
    let x = Tensor::randn([64, 16], 2);
    let mut step = compile(|a: &[Tensor]| {
        let row = b.tensor().unsqueeze(0).broadcast_to([64, 16]) * 3.0 + 1.0;
        Step::new().read(&(&a[0] * &row))
    });
    assert_eq!(names(&mut step, &x), [("mul".to_owned(), false)]);
    let y = step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>();
    close(&y, &(&x * (b.value() * 3.0 + 1.0)).to_vec::<f32>());
}

#[test]
fn two_products_with_one_changing_matrix_pack_it_once() {
    let w = Variable::new("w", &Tensor::randn([8, 8], 1));
    let x = Tensor::randn([4, 8], 3);
    let mut step = compile(|a: &[Tensor]| {
        let y = a[0].matmul(&w.tensor()).tanh().matmul(&w.tensor());
        Step::new().read(&y).update(&w, &(w.tensor() + 1.0))
    });
    let names = names(&mut step, &x);
    assert_eq!(names.iter().filter(|(n, once)| n == "pack" && !once).count(), 1, "{names:?}");
    for _ in 0..3 {
        let (w, x) = (w.value(), &x);
        let y = step.run(&[x]).unwrap().tensor(0).to_vec::<f32>();
        close(&y, &x.matmul(&w).tanh().matmul(&w).to_vec::<f32>());
    }
}

/// What only the prologue reads packed is packed there too, before it.
#[test]
fn what_several_steps_of_the_prologue_read_is_packed_before_them() {
    let n = 32;
    let (w, v) = (
        Variable::new("w", &Tensor::randn([n, n], 1)),
        Variable::new("v", &Tensor::randn([n, n], 2)),
    );
    let kernel = Variable::new("kernel", &Tensor::randn([16, 16, 5, 5], 3));
    let x = Tensor::randn([5, n], 4);
    let (a, b) = (Tensor::randn([40, n], 5), Tensor::randn([50, n], 6));
    let (c, d) = (Tensor::randn([1, 16, 8, 9], 7), Tensor::randn([1, 16, 8, 9], 8));
    read([&a, &b, &c, &d]);
    let conv = Conv::new().stride(2).padding(Padding::Half);
    // Of x, w, v and the convolution's weights.
    type Expression<'a> = Box<dyn Fn([&Tensor; 4]) -> Tensor + 'a>;
    let expressions: [(&str, Expression<'_>); 6] = [
        ("a chain", Box::new(|[x, w, ..]| x.matmul(&w.matmul(w).matmul(w)))),
        (
            "a chain and its factor",
            Box::new(|[x, w, ..]| x.matmul(&w.matmul(w).matmul(w)).matmul(w)),
        ),
        (
            "a sum of products",
            Box::new(|[x, w, v, _]| x.matmul(&((w * 2.0).matmul(v) + w.tanh().matmul(v)))),
        ),
        ("added rows", Box::new(|[x, w, ..]| x + w.matmul(w).matmul(w).sum(0))),
        (
            "one layer of two constants",
            Box::new(|[x, w, ..]| {
                let [a, b] = [&a, &b].map(|anchors| x.matmul(&anchors.matmul(w).t()));
                Tensor::concat(&[&a, &b], 1)
            }),
        ),
        (
            "one convolution of two constants",
            Box::new(|[x, _, _, k]| {
                let row = c.conv2d(k, conv).tanh() + d.conv2d(k, conv).tanh();
                x.sum(..) * &row
            }),
        ),
    ];
    for (name, of) in &expressions {
        let mut step = compile(|x: &[Tensor]| {
            Step::new().read(&of([&x[0], &w.tensor(), &v.tensor(), &kernel.tensor()]))
        });
        let plan = step.plan(&[x.node().meta()]).unwrap();
        assert!(plan.steps().iter().any(|s| s.once && s.name == "pack"), "{name}: {plan}");
        let mut check = || {
            // Values that are data, not variables: nothing is kept of them.
            let eager = of([&x, &w.value(), &v.value(), &kernel.value()]).to_vec::<f32>();
            for _ in 0..2 {
                close(&step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>(), &eager);
            }
        };
        check();
        w.set(&Tensor::randn([n, n], 9)).unwrap();
        v.set(&Tensor::randn([n, n], 10)).unwrap();
        kernel.set(&Tensor::randn([16, 16, 5, 5], 11)).unwrap();
        check();
        update(&[], &[(w.clone(), w.tensor() * 0.5), (v.clone(), v.tensor() * 0.5)]).unwrap();
        check();
    }
}

#[test]
fn a_bare_loop_sees_new_weights_and_other_models() {
    let x = Tensor::randn([4, 8], 3);
    let models = [1, 2].map(|s| Variable::new("w", &Tensor::randn([8, 8], s)));
    for round in 0..4 {
        for w in &models {
            let y = x.matmul(&(w.tensor() * 2.0)).to_vec::<f32>();
            close(&y, &x.matmul(&(w.value() * 2.0)).to_vec::<f32>());
            if round == 1 {
                w.set(&Tensor::randn([8, 8], 9)).unwrap();
            }
        }
    }
}

#[test]
fn a_captured_tensor_is_prepared_once() {
    let w = Tensor::randn([8, 8], 1);
    read([&w]);
    let x = Tensor::randn([4, 8], 3);
    let mut step = compile(|a: &[Tensor]| Step::new().read(&a[0].matmul(&w)));
    assert_eq!(names(&mut step, &x), [("pack".to_owned(), true), ("matmul".to_owned(), false)]);
    let y = step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>();
    close(&y, &x.matmul(&w).to_vec::<f32>());
}

/// Four threads predict while a fifth writes the weights: every answer is that of one state of them.
#[test]
fn concurrent_predictions_see_whole_states() {
    let w = Variable::new("w", &Tensor::ones([32, 32]));
    let done = Arc::new(AtomicBool::new(false));
    std::thread::scope(|s| {
        for _ in 0..4 {
            let (w, done) = (w.clone(), done.clone());
            s.spawn(move || {
                let x = Tensor::ones([2, 32]);
                let mut step =
                    compile(|a: &[Tensor]| Step::new().read(&a[0].matmul(&(w.tensor() * 2.0))));
                let mut last = 0.0;
                while !done.load(Ordering::Relaxed) {
                    let y = step.run(&[&x]).unwrap().tensor(0).to_vec::<f32>();
                    assert!(y.iter().all(|&v| v == y[0]) && y[0] % 64.0 == 0.0, "{y:?}");
                    assert!(y[0] >= last);
                    last = y[0];
                }
            });
        }
        for i in 2..50 {
            w.set(&Tensor::full([32, 32], f64::from(i))).unwrap();
            std::thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn convolutions_with_packed_weights_equal_those_without() {
    let cases = [(1, 1, 1), (2, 1, 3), (1, 2, 5), (2, 4, 5)]; // stride, groups, kernel
    let mut by_product = 0;
    for (stride, groups, kernel) in cases {
        let conv = Conv::new().stride(stride).groups(groups).padding(Padding::Half);
        let w = Tensor::randn([24, 16 / groups, kernel, kernel], 1);
        let kept = Variable::new("w", &w);
        let x = Tensor::randn([3, 16, 9, 10], 2);
        let y = Tensor::randn([3, 24, 5, 6], 3);
        let both = |w: &Tensor, a: &[Tensor]| {
            Step::new().read(&a[0].conv2d(w, conv)).read(&a[1].conv_transpose2d(w, conv))
        };
        let mut packed = compile(|a: &[Tensor]| both(&kept.tensor(), a));
        let mut plain = compile(|a: &[Tensor]| both(&a[2], a));
        let plan = packed.plan(&[x.node().meta(), y.node().meta()]).unwrap();
        let count = |f: &dyn Fn(&PlanStep) -> bool| plan.steps().iter().filter(|s| f(s)).count();
        let products = count(&|s| !s.once && s.algorithm == "implicit GEMM");
        assert!(count(&|s| s.once && s.name == "pack") >= products, "{plan}");
        by_product += products;
        for _ in 0..2 {
            let a = packed.run(&[&x, &y]).unwrap();
            let b = plain.run(&[&x, &y, &w]).unwrap();
            for i in 0..2 {
                assert_eq!(a.tensor(i).to_vec::<f32>(), b.tensor(i).to_vec::<f32>());
            }
        }
    }
    assert!(by_product >= 4, "few convolutions are computed as products: {by_product}");
}
