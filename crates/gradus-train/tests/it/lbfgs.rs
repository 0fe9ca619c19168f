//! L-BFGS where things go wrong: losses that are no numbers, other numbers than what is minimised, parameters that freeze between steps.

use gradus_nn::layers::*;
use gradus_nn::losses::cross_entropy;
use gradus_nn::{Init, Layer, Parameter, Sequential};
use gradus_tensor::Tensor;
use gradus_train::optim::{Lbfgs, LineSearch};
use gradus_train::{Batch, Measured, Objectives, Pace, Task, Updater};
use std::sync::Arc;

const SEARCHES: [LineSearch; 2] = [LineSearch::Fixed, LineSearch::StrongWolfe];

fn nothing() -> Batch {
    Batch::new([("x", Tensor::from([0.0f64]))]).unwrap()
}

/// A task over parameters that are vectors.
fn task(
    updater: Updater,
    all: &[Parameter],
    measure: impl Fn(&[Tensor]) -> Measured + Send + Sync + 'static,
) -> Objectives {
    let names = ["a", "b", "c"];
    let own = all.to_vec();
    let each = names.iter().zip(all);
    let task =
        each.fold(Objectives::new(0), |task, (name, p)| task.module(name, Arc::new(p.clone())));
    task.minimize("loss", updater, &names[..all.len()], move |_, _| {
        measure(&own.iter().map(Parameter::tensor).collect::<Vec<_>>())
    })
}

fn step(task: &mut Objectives) -> Vec<f64> {
    let means = task.train_step(&nothing(), &Pace::CONSTANT).unwrap().means;
    means.iter().map(|m| m.value).collect()
}

fn values(all: &[Parameter]) -> Vec<Vec<f64>> {
    all.iter().map(|p| p.variable().value().to_vec::<f64>()).collect()
}

/// Everything learned, as bits.
fn bits(task: &Objectives) -> Vec<(String, Vec<u64>)> {
    let bits = |t: Tensor| t.to_vec::<f64>().into_iter().map(f64::to_bits).collect();
    task.state().into_iter().map(|(name, v)| (name, bits(v.value()))).collect()
}

#[test]
fn the_search_goes_by_what_is_minimised() {
    let w = Parameter::weight(&Tensor::from([2.0f64, 1.0]));
    let updater = Updater::lbfgs(Lbfgs::new(1.0).line_search(LineSearch::StrongWolfe));
    let mut task = task(updater, std::slice::from_ref(&w), |w| {
        let loss = (&w[0] - 3.0).square();
        let penalty = w[0].square() * 4.0;
        Measured::new(&loss).minimizing(&(&loss + &penalty)).number("penalty", &penalty)
    });
    assert_eq!(step(&mut task), [2.5, 10.0], "reported is not what is minimised");
    let last = step(&mut task);
    for w in w.variable().value().to_vec::<f64>() {
        assert!((w - 0.6).abs() < 1e-6, "{w}");
    }
    assert!((last[0] - 2.4 * 2.4).abs() < 1e-6, "{last:?}");
}

#[test]
fn l1_is_not_applied() {
    for search in SEARCHES {
        let [with, without] = [0.5, 0.0].map(|l1| {
            let w = Parameter::weight(&Tensor::from([2.0f64, -1.0]));
            let updater = Updater::lbfgs(Lbfgs::new(0.5).line_search(search)).l1(l1);
            let mut task = task(updater, std::slice::from_ref(&w), |w| {
                (&w[0] - Tensor::from([3.0f64, 0.5])).square().into()
            });
            step(&mut task);
            values(&[w])
        });
        assert_eq!(with, without, "{search:?}");
    }
}

/// w − ln w is least at 1 and no number below 0, where steps at this rate come to.
#[test]
fn a_search_narrows_away_from_nan() {
    let lbfgs = Lbfgs::new(10.0).line_search(LineSearch::StrongWolfe);
    let (mut own, mut w) = (lbfgs.clone(), vec![3.0f64]);
    for _ in 0..3 {
        let first = own.step(&mut w, &mut |w| (w[0] - w[0].ln(), vec![1.0 - 1.0 / w[0]]));
        assert!(first.is_finite() && w[0] > 0.0, "loss {first} at {w:?}");
    }
    assert!((w[0] - 1.0).abs() < 1e-4, "{w:?}");
    let w = Parameter::weight(&Tensor::from([3.0f64]));
    let mut task =
        task(Updater::lbfgs(lbfgs), std::slice::from_ref(&w), |w| (&w[0] - w[0].ln()).into());
    for _ in 0..3 {
        assert!(step(&mut task)[0].is_finite());
    }
    let w = w.variable().value().item();
    assert!((w - 1.0).abs() < 1e-4, "as graph: {w}");
}

/// Falls up to a wall, behind which the loss, the gradient or both are not finite.
#[test]
fn no_search_ends_behind_a_wall() {
    let bad = [
        (f64::NAN, f64::NAN),
        (f64::INFINITY, f64::NAN),
        (f64::NEG_INFINITY, -1.0),
        (f64::NAN, -1.0),
        (-100.0, f64::NAN),
    ];
    for (search, (loss, slope)) in SEARCHES.into_iter().flat_map(|s| bad.map(|b| (s, b))) {
        for (wall, rate) in [(0.6, 1.0), (0.6, 8.0), (1.5, 4.0), (40.0, 1.0), (1e-9, 1.0)] {
            let (mut own, mut w) = (Lbfgs::new(rate).line_search(search), vec![0.0f64]);
            for _ in 0..3 {
                own.step(&mut w, &mut |w| match w[0] {
                    w if w > wall => (loss, vec![slope]),
                    w => (-w, vec![-1.0]),
                });
                let what = format!("{search:?} {loss} {slope} {wall} {rate}: {w:?}");
                assert!((0.0..=wall).contains(&w[0]), "{what}");
            }
        }
    }
}

#[test]
fn a_fixed_step_into_nan_is_taken_back() {
    let fixed = |rate| Lbfgs::new(rate);
    // The second step of one call: to 1, then to 2.
    let (mut own, mut w) = (fixed(1.0), vec![0.0f64]);
    let mut wall =
        |w: &[f64]| if w[0] > 1.5 { (f64::NAN, vec![f64::NAN]) } else { (-w[0], vec![-1.0]) };
    own.step(&mut w, &mut wall);
    assert_eq!(w, [1.0]);
    own.step(&mut w, &mut wall);
    assert_eq!(w, [1.0]);
    let w = Parameter::weight(&Tensor::from([3.0f64]));
    let mut task =
        task(Updater::lbfgs(fixed(10.0)), std::slice::from_ref(&w), |w| (&w[0] - w[0].ln()).into());
    for _ in 0..2 {
        assert!(step(&mut task)[0].is_finite());
        assert_eq!(w.variable().value().item(), 3.0);
    }
}

#[test]
fn a_batch_without_a_loss_changes_nothing() {
    for search in SEARCHES {
        let model = Sequential::new([2], &Init::new(0)).add(dense(4)).add(batch_norm());
        let model = Arc::new(model.add(tanh()).add(dense(2)));
        let task = Objectives::new(0).module("m", model.clone());
        let updater = Updater::lbfgs(Lbfgs::new(0.5).line_search(search));
        let mut task = task.minimize("loss", updater, &["m"], move |f, cx| {
            let y = model.forward(&f["x"], cx);
            Measured::new(&cross_entropy(&y, &f["t"])).number("square", &y.square())
        });
        let t = Tensor::from([0i64, 1, 0]);
        let good = Tensor::from([[1f32, 2.0], [0.5, -1.0], [0.0, 4.0]]);
        let numbers = |task: &mut Objectives, x: &Tensor| -> Vec<f64> {
            let batch = Batch::pair(x, &t).unwrap();
            let means = task.train_step(&batch, &Pace::CONSTANT).unwrap().means;
            means.iter().map(|m| m.value).collect()
        };
        assert!(numbers(&mut task, &good).iter().all(|n| n.is_finite()));
        for bad in [f32::NAN, f32::INFINITY] {
            let before = bits(&task);
            let bad = Tensor::from([[1f32, bad], [0.5, -1.0], [0.0, 4.0]]);
            let given = numbers(&mut task, &bad);
            assert!(given.len() == 2 && given.iter().all(|n| n.is_nan()), "{given:?}");
            assert_eq!(bits(&task), before, "{search:?}");
        }
        assert!(numbers(&mut task, &good).iter().all(|n| n.is_finite()));
    }
}

/// Rosenbrock's valley, in two parameters of equal size, and a bowl in a larger one.
fn valley(w: &[Tensor]) -> Measured {
    let valley = (&w[1] - w[0].square()).square() * 10.0 + (1.0 - &w[0]).square();
    (valley.mean(..) + (&w[2] - &w[0].mean(..)).square().mean(..)).into()
}

fn three(at: &[Vec<f64>]) -> Vec<Parameter> {
    at.iter().map(|w| Parameter::weight(&Tensor::from_slice(w, [w.len()]))).collect()
}

fn begun() -> Vec<Parameter> {
    three(&[vec![-1.2, 0.3], vec![1.0, -0.5], vec![0.5, 2.0, -1.0]])
}

fn freeze(all: &[Parameter], frozen: [bool; 3]) {
    all.iter().zip(frozen).for_each(|(p, frozen)| p.freeze(frozen));
}

fn short(search: LineSearch) -> Updater {
    let rate = if search == LineSearch::Fixed { 0.05 } else { 1.0 };
    Updater::lbfgs(Lbfgs::new(rate).history(4).limits(3, None).line_search(search))
}

#[test]
fn after_other_parameters_froze_it_begins_anew() {
    for search in SEARCHES {
        let masks = [
            ([true, false, false], [false; 3]),
            ([false; 3], [false, false, true]),
            ([true, false, true], [false, true, true]),
        ];
        for (first, then) in masks {
            let all = begun();
            freeze(&all, first);
            let mut task1 = task(short(search), &all, valley);
            (0..2).for_each(|_| drop(step(&mut task1)));
            freeze(&all, then);
            task1.retrace();
            let fresh = three(&values(&all));
            freeze(&fresh, then);
            let mut task2 = task(short(search), &fresh, valley);
            for i in 0..3 {
                assert_eq!(step(&mut task1), step(&mut task2), "{search:?} {first:?} {i}");
                assert_eq!(values(&all), values(&fresh), "{search:?} {first:?} {i}");
            }
            assert_eq!(bits(&task1), bits(&task2));
        }
    }
}

/// A run that is continued from all it has learned, also after parameters were unfrozen, goes on to the bit; so does one that was
/// traced again.
#[test]
fn it_continues_to_the_bit() {
    for search in SEARCHES {
        for unfrozen in [false, true] {
            let all = begun();
            freeze(&all, [unfrozen, false, false]);
            let mut task1 = task(short(search), &all, valley);
            step(&mut task1);
            freeze(&all, [false; 3]);
            task1.retrace();
            step(&mut task1);
            let again = begun();
            freeze(&again, [unfrozen, false, false]);
            let mut task2 = task(short(search), &again, valley);
            task2.prepare(&nothing(), &Pace::CONSTANT).unwrap();
            freeze(&again, [false; 3]);
            task2.retrace();
            for ((name, own), (other, v)) in task2.state().iter().zip(task1.state()) {
                assert_eq!(*name, other);
                own.set(&v.value()).unwrap();
            }
            task2.set_counters(&task1.counters()).unwrap();
            task1.retrace();
            for _ in 0..3 {
                assert_eq!(step(&mut task1), step(&mut task2));
                assert_eq!(bits(&task1), bits(&task2));
            }
        }
    }
}

#[test]
fn with_all_frozen_nothing_moves() {
    for search in SEARCHES {
        let all = begun();
        let mut task = task(short(search), &all, valley);
        step(&mut task);
        let before = values(&all);
        freeze(&all, [true; 3]);
        task.retrace();
        let error = task.train_step(&nothing(), &Pace::CONSTANT).unwrap_err().to_string();
        assert!(error.contains("every parameter that it is to move is frozen"), "{error}");
        assert_eq!(values(&all), before);
        freeze(&all, [false; 3]);
        task.retrace();
        let first = step(&mut task)[0];
        assert!(step(&mut task)[0] < first);
    }
}
