//! The lecture's numbers, runs that ail and their cures, what is saved, and hostile commands.

use super::*;
use crate::wire::encode;
use crate::{PageName, Session};

fn open(settings: &str) -> Session {
    let (session, opened) = Session::open(PageName::Flow, settings);
    assert!(matches!(&opened, Any_::Opened { remarks, .. } if remarks.is_empty()), "{opened:?}");
    session
}

fn picture(session: &mut Session) -> Picture {
    match session.handle(Any::Frame).pop() {
        Some(Any_::Flow(Event::Picture(picture))) => picture,
        other => panic!("no picture: {other:?}"),
    }
}

fn take(session: &mut Session, command: Command) {
    let events = session.handle(Any::Flow(command.clone()));
    assert!(!events.iter().any(|e| matches!(e, Any_::Refused { .. })), "{command:?}: {events:?}");
}

/// Works until so many steps were taken in all.
fn work(session: &mut Session, steps: u32) {
    session.handle(Any::Play);
    while session.step() < steps && session.work() {}
    session.handle(Any::Pause);
}

/// Ten layers of 30 units at their start, mean of twenty networks.
#[test]
fn the_lecture_s_ratios() {
    for (activation, init, expected) in [
        ("logistic", "n1n", 2e-6),
        ("logistic", "n01", 1.2e-2),
        ("tanh", "xavier", 0.54),
        ("relu", "he", 1.03),
        ("relu", "n01", 1.5e5),
    ] {
        let mut session = open(&format!("activation={activation}&init={init}"));
        take(&mut session, Command::Measure);
        let measured = picture(&mut session).measured.unwrap();
        assert_eq!((measured.networks, measured.ratios.len(), measured.ratios[9]), (20, 10, 1.0));
        let factor = measured.ratio / expected;
        assert!((1.0 / 3.0..3.0).contains(&factor), "{activation} {init}: {}", measured.ratio);
    }
    // Batch norm and residual connections keep them.
    let mut session = open("norm=on&residual=on&depth=30");
    take(&mut session, Command::Measure);
    let measured = picture(&mut session).measured.unwrap();
    assert!((0.1..30.0).contains(&measured.ratio), "{measured:?}");
}

/// Ten lines of plain arithmetic in f64 give the same gradients as the step reads.
#[test]
fn gradients_are_those_of_the_formula() {
    let mut session =
        open("data=circle&depth=2&width=3&activation=tanh&init=xavier&batch=8&rate=0.5");
    let before = Run::begin(picture(&mut session).settings);
    let weights = before.weights();
    work(&mut session, 1);
    let seen = picture(&mut session).runs.remove(0);
    let data = data::Data::of(&before.settings);
    let (x, t) = data.batch(&data.order(0, 0)[..8]);
    let (x, t) = (x.to_vec::<f64>(), t.to_vec::<i64>());
    let (w1, w2, w3) = (&weights[0], &weights[1], &weights[2]); // [2, 3], [3, 3], [3, 2]
    let times = |x: &[f64], w: &[f64], n: usize| -> Vec<f64> {
        (0..n).map(|j| x.iter().enumerate().map(|(i, x)| x * w[i * n + j]).sum()).collect()
    };
    let back = |d: &[f64], w: &[f64], n: usize| -> Vec<f64> {
        (0..w.len() / n).map(|i| (0..n).map(|j| d[j] * w[i * n + j]).sum()).collect()
    };
    let tanh = |z: Vec<f64>| -> Vec<f64> { z.into_iter().map(f64::tanh).collect() };
    let (mut loss, mut dw, mut dz, mut size) =
        (0.0, [vec![0.0; 6], vec![0.0; 9], vec![0.0; 6]], [0.0; 2], [0.0; 2]);
    for (x, &t) in x.chunks(2).zip(&t) {
        let a1 = tanh(times(x, w1, 3));
        let a2 = tanh(times(&a1, w2, 3));
        let y = times(&a2, w3, 2);
        let sum: f64 = y.iter().map(|y| y.exp()).sum();
        loss -= (y[t as usize].exp() / sum).ln() / 8.0;
        let d3: Vec<f64> = y
            .iter()
            .enumerate()
            .map(|(i, y)| (y.exp() / sum - f64::from(u8::from(i as i64 == t))) / 8.0)
            .collect();
        let slope = |d: Vec<f64>, a: &[f64]| -> Vec<f64> {
            d.iter().zip(a).map(|(d, a)| d * (1.0 - a * a)).collect()
        };
        let d2 = slope(back(&d3, w3, 2), &a2);
        let d1 = slope(back(&d2, w2, 3), &a1);
        for (dw, (a, d)) in dw.iter_mut().zip([(x, &d1), (&a1[..], &d2), (&a2[..], &d3)]) {
            for (i, a) in a.iter().enumerate() {
                let row = &mut dw[i * d.len()..];
                row.iter_mut().zip(d).for_each(|(dw, d)| *dw += a * d);
            }
        }
        for (l, (d, a)) in [(&d1, &a1), (&d2, &a2)].into_iter().enumerate() {
            dz[l] += d.iter().map(|d| d * d).sum::<f64>();
            size[l] += a.iter().map(|a| a * a).sum::<f64>() / 24.0;
        }
    }
    let near =
        |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 1e-4, "{found} {wanted}");
    near(seen.loss, loss);
    for (l, dw) in dw.iter().enumerate() {
        let gradient = dw.iter().map(|g| g * g).sum::<f64>().sqrt();
        let weight = weights[l].iter().map(|w| w * w).sum::<f64>().sqrt();
        near(seen.gradients[l], gradient);
        near(seen.ratios[l], 0.5 * gradient / weight);
    }
    for l in 0..2 {
        near(seen.signals[l], dz[l].sqrt());
        near(seen.activations[l], size[l].sqrt());
    }
}

/// What ails a run at first, the first cure, and both after so many steps.
fn cured(settings: &str, ailment: &str, change: &str, steps: u32) -> (FlowRun, FlowRun) {
    let mut session = open(settings);
    work(&mut session, steps);
    let ill = picture(&mut session).runs.remove(0);
    let found = ill.remarks.iter().find(|remark| remark.ailment == ailment);
    let found = found.unwrap_or_else(|| panic!("{settings}: {:?}", ill.remarks));
    assert_eq!(found.cures[0].change, change, "{found:?}");
    take(&mut session, Command::Compare { change: change.into() });
    session.handle(Any::Play);
    while picture(&mut session).runs[1].step < steps && session.work() {}
    let mut runs = picture(&mut session).runs;
    assert_eq!(runs[0].step, ill.step, "the first waits until the second has caught up");
    let second = runs.remove(1);
    assert!(!second.remarks.iter().any(|remark| remark.ailment == ailment), "{:?}", second.remarks);
    (runs.remove(0), second)
}

#[test]
fn cures_cure() {
    let (ill, well) = cured("rate=0.1", "vanishing", "activation=relu&init=he", 400);
    assert!(ill.accuracy < 0.2 && well.accuracy > 0.7, "{} {}", ill.accuracy, well.accuracy);
    assert_eq!(well.label, "with ReLU, He initialisation");
    let (ill, well) =
        cured("activation=relu&init=n01&clip=1&rate=0.05", "exploding", "init=he", 400);
    assert!(ill.accuracy < 0.5 && well.accuracy > 0.6, "{} {}", ill.accuracy, well.accuracy);
    let (ill, well) = cured("activation=relu&init=zeros&rate=0.1", "symmetric", "init=he", 400);
    assert!(ill.accuracy < 0.2 && well.accuracy > 0.7, "{} {}", ill.accuracy, well.accuracy);
    let (_, well) = cured(
        "activation=tanh&init=n01&rate=0.01&width=100&depth=4",
        "saturated",
        "init=xavier",
        150,
    );
    assert!(well.accuracy > 0.6, "{}", well.accuracy);
    let (ill, well) =
        cured("activation=tanh&init=xavier&rate=0.00001", "rate-too-low", "rate=0.1", 120);
    assert!(well.loss < ill.loss, "{} {}", ill.loss, well.loss);
    let (ill, well) =
        cured("activation=tanh&init=xavier&rate=3&depth=3", "rate-too-high", "rate=0.3", 60);
    assert!(ill.loss > 5.0 && well.loss < 2.0, "{} {}", ill.loss, well.loss);
    let (ill, _) = cured("activation=relu&init=he&rate=0.5&depth=3", "dead-units", "rate=0.05", 60);
    assert!(ill.idle.iter().any(|part| *part >= 0.4), "{:?}", ill.idle);
}

#[test]
fn what_goes_well_is_told() {
    let mut session = open("activation=relu&init=he&rate=0.1&depth=5");
    work(&mut session, 60);
    let run = picture(&mut session).runs.remove(0);
    assert_eq!(run.remarks.len(), 1, "{:?}", run.remarks);
    assert_eq!(run.remarks[0].ailment, "fine");
    assert!(
        run.remarks[0]
            .text
            .starts_with("nothing ails this run so far: between hidden1.weight and output.weight")
    );
    // The first loss of ten classes, as it should be, falls.
    assert!((1.0..4.0).contains(&run.losses[0]) && run.loss < 1.5, "{:?}", run.losses);
}

#[test]
fn rate_clipping_and_optimiser_change_as_it_trains() {
    let mut session = open("activation=relu&init=he&depth=3&data=moons");
    work(&mut session, 10);
    for change in ["rate=0.01", "clip=0.5", "optimizer=adam", "optimizer=momentum&rate=0.2"] {
        let before = picture(&mut session).runs[0].step;
        take(&mut session, Command::Set { change: change.into() });
        assert_eq!(picture(&mut session).runs[0].step, before, "{change}");
        let steps = session.step() + 3;
        work(&mut session, steps);
        assert!(picture(&mut session).runs[0].loss.is_finite());
    }
    take(&mut session, Command::Set { change: "depth=4".into() });
    let run = picture(&mut session).runs.remove(0);
    assert_eq!((run.step, session.step()), (0, 22));
}

/// Losses of neighbouring steps are joined when there are many.
#[test]
fn the_curve_stays_short() {
    let mut session = open("data=circle&depth=1&width=2&batch=8&activation=tanh&init=xavier");
    work(&mut session, 700);
    let run = picture(&mut session).runs.remove(0);
    assert_eq!((run.stride, run.losses.len(), run.step), (4, 175, 700));
}

#[test]
fn what_is_saved_goes_on_alike() {
    for settings in [
        "depth=3&width=8&data=spiral&norm=on&residual=on&optimizer=adam&rate=0.01&activation=gelu&init=he",
        "depth=2&width=16&optimizer=momentum&clip=1&activation=relu&init=orthogonal&seed=7",
        "depth=2&width=5&data=spiral3&compare=activation:relu,init:he",
    ] {
        let mut session = open(settings);
        work(&mut session, 23);
        let (mut other, _) = Session::restore(&session.save()).unwrap();
        for session in [&mut session, &mut other] {
            work(session, 60);
        }
        let wanted = encode(&picture(&mut session));
        assert_eq!(encode(&picture(&mut other)), wanted, "{settings}");
        let Some(Any_::Journal { journal }) = session.handle(Any::Journal).pop() else { panic!() };
        let mut replayed = open("depth=1");
        replayed.handle(Any::Replay { journal });
        while replayed.work() {}
        assert_eq!(encode(&picture(&mut replayed)), wanted, "{settings}");
    }
}

/// With two runs each is worked to the step; one that is lost on the way keeps the other from nothing, and plays no more.
#[test]
fn an_address_leads_to_a_step() {
    let settings = "data=moons&depth=2&width=4&activation=tanh&init=xavier&compare=rate:1";
    let mut far = open(&format!("{settings}&step=9"));
    while far.work() {}
    let mut near = open(settings);
    work(&mut near, 18);
    assert_eq!(encode(&picture(&mut far)), encode(&picture(&mut near)));
    work(&mut far, 24);
    assert_eq!(picture(&mut far).runs[1].step, 12);
    let lost = "activation=relu&init=n01&depth=20&width=60&compare=init:he&step=6";
    let (mut session, _) = Session::restore(&open(lost).save()).unwrap();
    while session.work() {}
    let runs = picture(&mut session).runs;
    assert!(runs[0].lost && runs[0].step < 6 && runs[1].step == 6, "{runs:?}");
}

/// Also with commands between the steps.
#[test]
fn a_journal_gives_the_same() {
    let mut session = open("depth=3&width=6&data=xor&activation=tanh&init=xavier");
    work(&mut session, 5);
    take(&mut session, Command::Compare { change: "rate=1".into() });
    work(&mut session, 15);
    take(&mut session, Command::Keep { second: true });
    work(&mut session, 20);
    take(&mut session, Command::Set { change: "optimizer=rmsprop&rate=0.01".into() });
    work(&mut session, 30);
    let Some(Any_::Journal { journal }) = session.handle(Any::Journal).pop() else { panic!() };
    let mut replayed = open("");
    replayed.handle(Any::Replay { journal });
    while replayed.work() {}
    assert_eq!(encode(&picture(&mut replayed)), encode(&picture(&mut session)));
    // A restart takes the same way again.
    let last = picture(&mut session);
    take(&mut session, Command::Restart);
    assert_eq!(picture(&mut session).runs[0].step, 0);
    assert_eq!(picture(&mut session).settings, last.settings);
}

#[test]
fn bad_settings_are_told_and_the_rest_is_taken() {
    let bad = "data=cats&depth=0&width=4000000000&activation=step&init=he&norm=yes&rate=nan&clip=-1&batch=31&seed=-1&x=1&compare=init:he&step=-1";
    let (mut session, opened) = Session::open(PageName::Flow, bad);
    let Any_::Opened { remarks, settings, .. } = opened else { panic!() };
    let wanted = [
        "data \"cats\" is none of digits, circle, xor, gauss, spiral, moons, spiral3",
        "depth \"0\": expected 1 to 50",
        "width \"4000000000\": expected 1 to 128",
        "activation \"step\" is none of logistic, tanh, lecun-tanh, relu, leaky, elu, softplus, gelu, silu",
        "norm \"yes\" is neither on nor off",
        "rate \"nan\": expected 0.000001 to 100",
        "clip \"-1\": expected 0 to 1000000",
        "batch \"31\" is none of 8, 16, 32, 64, 128",
        "seed \"-1\": expected 0 to 4294967295",
        "\"x\" is no setting of this page",
        "\"init=he\" changes nothing, so there is nothing to compare",
        "step \"-1\": expected 0 to 1000000",
    ];
    assert_eq!(remarks, wanted);
    assert!(
        settings.starts_with("data=digits&depth=10&width=30&activation=logistic&init=he&norm=off")
    );
    work(&mut session, 2);
    let before = encode(&picture(&mut session));
    let text = |change: &str| change.to_owned();
    for command in [
        Command::Set { change: text("depth=51") },
        Command::Set { change: text("rate=inf&activation=relu") },
        Command::Set { change: "é=".repeat(1000) },
        Command::Compare { change: text("") },
        Command::Compare { change: text("width=0") },
        Command::Keep { second: true },
    ] {
        let events = session.handle(Any::Flow(command.clone()));
        assert!(matches!(&events[..], [Any_::Refused { .. }]), "{command:?}: {events:?}");
        assert_eq!(encode(&picture(&mut session)), before);
    }
    let saved = session.save();
    for cut in [saved.len() / 3, saved.len() / 2, saved.len() - 1] {
        assert!(Session::restore(&saved[..cut]).is_err());
    }
    let mut zeros = open("init=zeros");
    let events = zeros.handle(Any::Flow(Command::Measure));
    assert!(
        matches!(&events[..], [Any_::Refused { what }] if what.starts_with("every gradient is 0 there"))
    );
}

/// A first loss that is no number ends a run, and is told.
#[test]
fn a_run_that_is_lost_ends() {
    let mut session = open("activation=relu&init=n01&depth=50&width=128");
    session.handle(Any::Play);
    assert!(!session.work());
    let run = picture(&mut session).runs.remove(0);
    assert!(run.lost && run.step == 1);
    assert_eq!(run.remarks[0].ailment, "exploding");
    assert_eq!(run.remarks[0].cures[0].change, "init=he");
}

/// What grew too large before is told with the loss that is lost, and first where the start is to blame.
#[test]
fn a_lost_loss_has_a_cause() {
    let ailments = |settings: &str| {
        let mut session = open(settings);
        session.handle(Any::Play);
        while session.step() < 200 && session.work() {}
        let run = picture(&mut session).runs.remove(0);
        assert!(run.lost, "{settings}: {run:?}");
        run.remarks.into_iter().map(|remark| remark.ailment).collect::<Vec<_>>()
    };
    let start = ailments("activation=relu&init=n01&depth=20&width=60");
    assert_eq!(start, ["exploding", "rate-too-high"]);
    assert_eq!(ailments("activation=relu&init=he&depth=3&rate=10")[0], "rate-too-high");
}

/// A small picture's front as bytes: the browser's half reads these.
#[test]
fn a_picture_is_these_bytes() {
    let bytes = encode(&picture(&mut open("data=xor&depth=2&width=3")));
    let front =
        [3u8, 0, 0, 0, b'x', b'o', b'r', 2, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, b'l', b'o', b'g'];
    assert_eq!(&bytes[..front.len()], front);
    assert_eq!(bytes.last(), Some(&0), "nothing is measured yet");
}
