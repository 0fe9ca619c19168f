//! Optimisers against PyTorch's: 20 steps on the function that `fixtures/make_optim.py` describes, in f64.

use gradus_nn::Parameter;
use gradus_tensor::{DType, Tensor, Variable, grad, update};
use gradus_testkit::formula;
use gradus_train::optim::*;
use gradus_train::{Batch, Objectives, Pace, Task, Updater};
use serde_json::Value;
use std::sync::Arc;

pub(crate) fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/optim.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn start(shape: &[usize], salt: u32) -> Tensor {
    let n = shape.iter().product();
    Tensor::from_slice(&formula(n, salt).map(|v| v as f32 as f64).collect::<Vec<_>>(), shape)
}

/// A bowl, a chain of Rosenbrock's, and a coupling of both.
pub(crate) fn loss(a: &Tensor, b: &Tensor) -> Tensor {
    let q: Vec<f64> = (0..12).map(|i| 0.5 + 0.25 * f64::from(i)).collect();
    let q = Tensor::from_slice(&q, [3, 4]);
    let bowl = (q * (a - start(&[3, 4], 101)).square()).sum(..) * 0.5;
    let (head, tail) = (b.slice(0, ..3), b.slice(0, 1..));
    let chain = ((tail - head.square()).square() + (1.0 - &head).square() * 0.1).sum(..);
    bowl + chain + (b * a.sum(0)).sum(..) * 0.1
}

fn optimizer(name: &str, s: &Value) -> Box<dyn Optimizer> {
    let f = |k: &str| s[k].as_f64().unwrap();
    let on = |k: &str| s[k].as_bool().unwrap();
    let beta = |i: usize| s["betas"][i].as_f64().unwrap();
    match name {
        "sgd" => {
            let o = Sgd::new(f("lr")).momentum(f("momentum")).dampening(f("dampening"));
            let o = o.weight_decay(f("weight_decay"));
            Box::new(if on("nesterov") { o.nesterov() } else { o })
        }
        "adagrad" => Box::new(
            Adagrad::new(f("lr"))
                .rate_decay(f("lr_decay"))
                .epsilon(f("eps"))
                .initial_accumulator(f("initial_accumulator_value"))
                .weight_decay(f("weight_decay")),
        ),
        "adadelta" => Box::new(
            Adadelta::new(f("lr")).rho(f("rho")).epsilon(f("eps")).weight_decay(f("weight_decay")),
        ),
        "rmsprop" => {
            let o = RmsProp::new(f("lr")).alpha(f("alpha")).epsilon(f("eps"));
            let o = o.momentum(f("momentum")).weight_decay(f("weight_decay"));
            Box::new(if on("centered") { o.centered() } else { o })
        }
        "adam" => {
            let o = Adam::new(f("lr")).betas(beta(0), beta(1)).epsilon(f("eps"));
            let o = o.weight_decay(f("weight_decay"));
            Box::new(if on("amsgrad") { o.amsgrad() } else { o })
        }
        "adamw" => {
            let o = AdamW::new(f("lr")).betas(beta(0), beta(1)).epsilon(f("eps"));
            let o = o.weight_decay(f("weight_decay"));
            Box::new(if on("amsgrad") { o.amsgrad() } else { o })
        }
        other => panic!("no optimiser {other}"),
    }
}

fn clip(case: &Value) -> Option<Clip> {
    let clip = &case["clip"];
    clip["norm"].as_f64().map(Clip::Norm).or(clip["value"].as_f64().map(Clip::Value))
}

pub(crate) fn floats(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

pub(crate) fn close(got: &[f64], want: &[f64], what: &str) {
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() < 1e-9 * (1.0 + w.abs()), "{what}: {got:?} against {want:?}");
    }
}

#[test]
fn every_optimizer_walks_pytorchs_way() {
    let golden = golden();
    let mut walked = 0;
    for case in golden["trajectories"].as_array().unwrap() {
        let name = case["optimizer"].as_str().unwrap();
        match name {
            "lbfgs" => lbfgs(case),
            _ => first_order(name, case),
        }
        walked += 1;
    }
    assert_eq!(walked, 37);
}

fn first_order(name: &str, case: &Value) {
    let o = optimizer(name, &case["settings"]);
    let what = format!("{name} {}", case["settings"]);
    let vars = [Variable::new("a", &start(&[3, 4], 202)), Variable::new("b", &start(&[4], 303))];
    let mut slots = Slots::new();
    for step in 0..20 {
        let [a, b] = [vars[0].tensor(), vars[1].tensor()];
        let f = loss(&a, &b);
        let mut grads = grad(&f, [&a, &b]).to_vec();
        if let Some(clip) = clip(case) {
            grads = clip.apply(&grads);
        }
        let scalars: Vec<Tensor> =
            o.scalars(step + 1, o.learning_rate()).into_iter().map(Tensor::from).collect();
        let mut updates = vec![];
        for (i, v) in vars.iter().enumerate() {
            let target = Target {
                variable: v,
                w: &v.tensor(),
                g: &grads[i],
                weight_decay: o.weight_decay(),
                rate_scale: 1.0,
                scalars: &scalars,
            };
            updates.extend(o.update(&target, slots.at(&i.to_string())));
        }
        update(&[&f], &updates).unwrap();
        let at = step as usize;
        close(&[f.item()], &[case["loss"][at].as_f64().unwrap()], &format!("{what} loss {step}"));
        close(&vars[0].value().to_vec(), &floats(&case["a"][at]), &format!("{what} a {step}"));
        close(&vars[1].value().to_vec(), &floats(&case["b"][at]), &format!("{what} b {step}"));
    }
}

fn lbfgs(case: &Value) {
    let s = &case["settings"];
    let f = |k: &str| s[k].as_f64().unwrap();
    let n = |k: &str| s[k].as_u64().unwrap() as usize;
    let mut o = Lbfgs::new(f("lr"))
        .limits(n("max_iter"), Some(n("max_eval")))
        .tolerances(f("tolerance_grad"), f("tolerance_change"))
        .history(n("history_size"));
    if s["line_search_fn"] == "strong_wolfe" {
        o = o.line_search(LineSearch::StrongWolfe);
    }
    let mut w = start(&[3, 4], 202).to_vec::<f64>();
    w.extend(start(&[4], 303).to_vec::<f64>());
    let mut evaluate = |w: &[f64]| {
        let (a, b) = (Tensor::from_slice(&w[..12], [3, 4]), Tensor::from_slice(&w[12..], [4]));
        let f = loss(&a, &b);
        let [da, db] = grad(&f, [&a, &b]);
        let mut g = da.to_vec::<f64>();
        g.extend(db.to_vec::<f64>());
        (f.item(), g)
    };
    for step in 0..20 {
        let first = o.step(&mut w, &mut evaluate);
        close(&[first], &[case["loss"][step].as_f64().unwrap()], &format!("lbfgs {s} loss {step}"));
        close(&w[..12], &floats(&case["a"][step]), &format!("lbfgs {s} a {step}"));
        close(&w[12..], &floats(&case["b"][step]), &format!("lbfgs {s} b {step}"));
    }
    lbfgs_as_graph(&o, case);
}

/// The same, as the updater of a task.
fn lbfgs_as_graph(o: &Lbfgs, case: &Value) {
    let [a, b] = [start(&[3, 4], 202), start(&[4], 303)].map(|w| Parameter::weight(&w));
    let (x, y) = (a.clone(), b.clone());
    let task = Objectives::new(0).module("a", Arc::new(a.clone())).module("b", Arc::new(b.clone()));
    let fresh = Updater::lbfgs(o.clone());
    let mut task = task
        .minimize("loss", fresh, &["a", "b"], move |_, _| loss(&x.tensor(), &y.tensor()).into());
    let batch = Batch::new([("x", Tensor::from([0.0f64]))]).unwrap();
    for step in 0..20 {
        let first = task.train_step(&batch, &Pace::CONSTANT).unwrap().means[0].value;
        let what = format!("lbfgs as graph {} {step}", case["settings"]);
        close(&[first], &[case["loss"][step].as_f64().unwrap()], &what);
        close(&a.variable().value().to_vec(), &floats(&case["a"][step]), &what);
        close(&b.variable().value().to_vec(), &floats(&case["b"][step]), &what);
    }
}

#[test]
fn ema_starts_at_the_parameter() {
    let w = Variable::new("w", &Tensor::full_of([2], 4.0, DType::F64));
    let mut slots = Slots::new();
    let (average, next) =
        Ema::new(0.75).update(&w, &Tensor::full_of([2], 8.0, DType::F64), slots.at("w"));
    assert_eq!(average.value().to_vec::<f64>(), [4.0, 4.0]);
    assert_eq!(next.to_vec::<f64>(), [5.0, 5.0]);
}

/// Against the recurrence written out in numbers, on f = ½w².
#[test]
fn window_grad_follows_its_recurrence() {
    let o = RmsProp::window_grad(0.1).alpha(0.9).epsilon(1e-3).weight_decay(0.5);
    let v = Variable::new("w", &Tensor::full_of([1], 2.0, DType::F64));
    let mut slots = Slots::new();
    let (mut w, mut s) = (2.0f64, 0.0f64);
    for step in 1..=20 {
        let scalars: Vec<Tensor> = o.scalars(step, 0.1).into_iter().map(Tensor::from).collect();
        let (now, g) = (v.tensor(), v.tensor());
        let target = Target {
            variable: &v,
            w: &now,
            g: &g,
            weight_decay: Optimizer::weight_decay(&o),
            rate_scale: 1.0,
            scalars: &scalars,
        };
        update(&[], &o.update(&target, slots.at("w"))).unwrap();
        let g = w + 0.5 * w;
        s = 0.9 * s + 0.1 * g * g;
        w -= 0.1 * g / (s + 1e-3).sqrt();
        close(&v.value().to_vec(), &[w], &format!("step {step}"));
    }
    assert!(w < 1.0);
}
