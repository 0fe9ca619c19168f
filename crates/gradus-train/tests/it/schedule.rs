//! Schedules against PyTorch's, whose values are in `fixtures/optim.json`.

use crate::optim::golden;
use gradus_train::schedule::{Plateau, Schedule};
use serde_json::Value;

fn schedule(name: &str, s: &Value) -> Schedule {
    let f = |k: &str| s[k].as_f64().unwrap();
    let u = |k: &str| s[k].as_u64().unwrap();
    match name {
        "step" => Schedule::Step { every: u("step_size"), gamma: f("gamma") },
        "multi_step" => Schedule::MultiStep {
            milestones: s["milestones"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m.as_u64().unwrap())
                .collect(),
            gamma: f("gamma"),
        },
        "exponential" => Schedule::Exponential { gamma: f("gamma") },
        "cosine" => Schedule::Cosine { steps: u("T_max"), floor: f("eta_min") },
        "cosine_restarts" => {
            Schedule::CosineRestarts { first: u("T_0"), growth: u("T_mult"), floor: f("eta_min") }
        }
        "polynomial" => Schedule::Polynomial { steps: u("total_iters"), power: f("power") },
        "linear_warmup" => Schedule::WarmUp {
            steps: u("total_iters"),
            start: f("start_factor"),
            then: Box::new(Schedule::Constant),
        },
        "one_cycle" => Schedule::OneCycle {
            steps: u("total_steps"),
            rise: f("pct_start"),
            div: f("div_factor"),
            final_div: f("final_div_factor"),
            linear: s["anneal_strategy"] == "linear",
            three_phase: s["three_phase"].as_bool().unwrap(),
            momentum: Some((f("base_momentum"), f("max_momentum"))),
        },
        "warmup_then_cosine" => Schedule::WarmUp {
            steps: u("warmup"),
            start: f("start_factor"),
            then: Box::new(Schedule::Cosine { steps: u("T_max"), floor: f("eta_min") }),
        },
        other => panic!("no schedule {other}"),
    }
}

#[test]
fn every_schedule_gives_pytorchs_rates() {
    let golden = golden();
    let mut compared = 0;
    for case in golden["schedules"].as_array().unwrap() {
        let name = case["schedule"].as_str().unwrap();
        let base = case["lr"].as_f64().unwrap();
        let values: Vec<f64> =
            case["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let settings = &case["settings"];
        if name == "plateau" {
            plateau(case, settings, base, &values);
        } else {
            let s = schedule(name, settings);
            // A cosine's rate past its end is its floor here; PyTorch's rises again.
            let end = if name == "cosine" { settings["T_max"].as_u64().unwrap() } else { 50 };
            for (t, want) in (0..=end).zip(&values) {
                let got = s.rate(base, t);
                assert!(
                    (got - want).abs() < 1e-9 * base,
                    "{name} {settings} step {t}: {got} {want}"
                );
                let momenta = case["momenta"].as_array();
                let want = momenta.map(|m| m[t as usize].as_f64().unwrap());
                let apart = s.momentum(t).zip(want).map_or(0.0, |(got, want)| (got - want).abs());
                assert_eq!(s.momentum(t).is_some(), want.is_some(), "{name}");
                assert!(apart < 1e-9, "{name} {settings} step {t}: {:?} {want:?}", s.momentum(t));
            }
        }
        compared += 1;
    }
    assert_eq!(compared, 20);
}

fn plateau(case: &Value, settings: &Value, base: f64, values: &[f64]) {
    let f = |k: &str| settings[k].as_f64().unwrap();
    let mut p = Plateau::new();
    (p.factor, p.threshold, p.floor) = (f("factor"), f("threshold"), f("min_lr"));
    p.patience = settings["patience"].as_u64().unwrap();
    p.cooldown = settings["cooldown"].as_u64().unwrap();
    p.absolute = settings["threshold_mode"] == "abs";
    p.maximize = settings["mode"] == "max";
    let mut rate = base;
    for (t, metric) in case["metrics"].as_array().unwrap().iter().enumerate() {
        assert!((rate - values[t]).abs() < 1e-12, "{settings} step {t}: {rate} {}", values[t]);
        rate = p.observe(metric.as_f64().unwrap(), rate);
    }
}

/// A rise of a single step is at the top.
#[test]
fn one_cycle_with_phases_of_a_step() {
    for (steps, rise) in [(10, 0.1), (2, 0.5), (1, 0.3), (1, 1.0), (3, 0.3)] {
        for three_phase in [false, true] {
            let (div, final_div, linear) = (25.0, 1e4, false);
            let s = Schedule::OneCycle {
                steps,
                rise,
                div,
                final_div,
                linear,
                three_phase,
                momentum: None,
            };
            let rates: Vec<f64> = (0..steps + 2).map(|t| s.rate(0.1, t)).collect();
            assert!(rates.iter().all(|r| (0.0..=0.1).contains(r)), "{steps} {rise}: {rates:?}");
        }
    }
    let s = Schedule::OneCycle {
        steps: 10,
        rise: 0.1,
        div: 25.0,
        final_div: 1e4,
        linear: true,
        three_phase: false,
        momentum: None,
    };
    assert_eq!(s.rate(0.1, 0), 0.1);
    assert!((s.rate(0.1, 9) - 0.1 / 25e4).abs() < 1e-12);
}

/// A first value that is no number is not the best for ever.
#[test]
fn a_plateau_begins_with_a_number() {
    let mut p = Plateau::new();
    p.patience = 1;
    let mut rate = 1.0;
    for value in [f64::NAN, 3.0, 2.0, 1.0, f64::NAN, 0.5] {
        rate = p.observe(value, rate);
    }
    assert_eq!((rate, p.memory().0), (1.0, Some(0.5)));
    (0..3).for_each(|_| rate = p.observe(f64::NAN, rate));
    assert_eq!(rate, 0.1);
}
