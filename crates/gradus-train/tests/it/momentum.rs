//! Momentum that a one-cycle schedule moves, against PyTorch's: `fixtures/make_momentum.py`.

use crate::optim::{close, floats, loss, start};
use gradus_nn::{Init, Sequential, layers::dense, parameters};
use gradus_tensor::{Tensor, Variable, grad, update};
use gradus_train::optim::*;
use gradus_train::schedule::Schedule;
use gradus_train::{Fit, Learner, Progress};
use serde_json::Value;

const GOLDEN: &str = include_str!("../fixtures/momentum.json");
const STEPS: u64 = 30;

fn optimizer(case: &Value) -> Box<dyn Optimizer> {
    let s = &case["settings"];
    let f = |k: &str| s[k].as_f64().unwrap_or(0.0);
    match case["optimizer"].as_str().unwrap() {
        "sgd" => {
            let sgd = Sgd::new(f("lr")).momentum(f("momentum")).weight_decay(f("weight_decay"));
            Box::new(if s["nesterov"] == true { sgd.nesterov() } else { sgd })
        }
        "adam" => Box::new(Adam::new(f("lr"))),
        _ => Box::new(AdamW::new(f("lr")).weight_decay(f("weight_decay"))),
    }
}

fn cycle(three: bool) -> Schedule {
    match Schedule::one_cycle(STEPS).cycle_momentum(0.85, 0.95) {
        Schedule::OneCycle { steps, rise, div, final_div, linear, momentum, .. } => {
            Schedule::OneCycle { steps, rise, div, final_div, linear, three_phase: three, momentum }
        }
        other => other,
    }
}

#[test]
fn cycled_momentum_walks_pytorchs_way() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let runs = golden["runs"].as_array().unwrap();
    for case in runs {
        let (o, schedule) = (optimizer(case), cycle(case["three_phase"] == true));
        let vars =
            [Variable::new("a", &start(&[3, 4], 202)), Variable::new("b", &start(&[4], 303))];
        let mut slots = Slots::new();
        for t in 0..STEPS {
            let [a, b] = [vars[0].tensor(), vars[1].tensor()];
            let grads = grad(&loss(&a, &b), [&a, &b]);
            let rate = schedule.rate(o.learning_rate(), t);
            let momentum = schedule.momentum(t).unwrap();
            let numbers = o.scalars(t + 1, rate).into_iter().chain([momentum]);
            let scalars: Vec<Tensor> = numbers.map(Tensor::from).collect();
            let mut updates = vec![];
            for (i, (variable, g)) in vars.iter().zip(&grads).enumerate() {
                let (w, weight_decay) = (&variable.tensor(), o.weight_decay());
                let (rate_scale, scalars) = (1.0, &scalars[..]);
                let target = Target { variable, w, g, weight_decay, rate_scale, scalars };
                updates.extend(o.update(&target, slots.at(&i.to_string())));
            }
            update(&[], &updates).unwrap();
            let (what, at) = (format!("{} step {t}", case["optimizer"]), t as usize);
            close(&vars[0].value().to_vec(), &floats(&case["a"][at]), &format!("{what} a"));
            close(&vars[1].value().to_vec(), &floats(&case["b"][at]), &format!("{what} b"));
        }
    }
    assert_eq!(runs.len(), 4);
}

fn learner(optimizer: Box<dyn Optimizer>) -> Learner {
    let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(dense(2));
    Learner::with(model.into(), optimizer, Default::default(), 0)
}

fn weights(learner: &Learner) -> Vec<f32> {
    let all = parameters(&**learner.model());
    all.iter().flat_map(|(_, p)| p.variable().value().to_vec::<f32>()).collect()
}

/// `fit` gives each step its momentum, as a loop of one's own would; without a cycle nothing is another than before.
#[test]
fn fit_gives_steps_their_momentum() {
    let (x, t) = (Tensor::randn([8, 2], 1), Tensor::from([0i64, 1, 1, 0, 1, 0, 0, 1]));
    let batches = gradus_train::Arrays::new(&x, &t, 2).unwrap();
    let fitted = |schedule: &Schedule, optimizer: fn() -> Box<dyn Optimizer>| {
        let mut learner = learner(optimizer());
        let mut fit = Fit { epochs: 2, schedule: schedule.clone(), ..Fit::default() };
        fit.run(&mut learner, &batches, None, &mut Progress::default()).map(|()| weights(&learner))
    };
    let looped = |schedule: &Schedule, optimizer: fn() -> Box<dyn Optimizer>| {
        let mut learner = learner(optimizer());
        for step in 0..8u64 {
            let at = 2 * (step as isize % 4);
            learner.set_momentum(schedule.momentum(step)).unwrap();
            let rate = schedule.rate(learner.learning_rate(), step);
            let rows = |t: &Tensor| t.slice(0, at as usize..at as usize + 2);
            learner.train_batch(&rows(&x), &rows(&t), rate).unwrap();
        }
        weights(&learner)
    };
    let plain = Schedule::one_cycle(8);
    let cycled = plain.clone().cycle_momentum(0.85, 0.95);
    let makers: [fn() -> Box<dyn Optimizer>; 2] =
        [|| Box::new(Sgd::new(0.1).momentum(0.9)), || Box::new(Adam::new(0.1))];
    for maker in makers {
        let [with, without] = [&cycled, &plain].map(|s| fitted(s, maker).unwrap());
        assert_eq!(with, looped(&cycled, maker));
        assert_eq!(without, looped(&plain, maker));
        assert_ne!(with, without);
    }
    let error = fitted(&cycled, || Box::new(Adagrad::new(0.1))).unwrap_err().to_string();
    assert!(error.contains("adagrad has none that changes from step to step"), "{error}");
}
