//! Tables, points at random, contradictions, activations, and hostile commands.

use super::*;
use crate::wire::{decode, encode};
use crate::{PageName, Session};
use gradus_base::philox::Rng;

fn open(settings: &str) -> Session {
    let (session, opened) = Session::open(PageName::Neuron, settings);
    assert!(matches!(&opened, Any_::Opened { remarks, .. } if remarks.is_empty()), "{opened:?}");
    session
}

fn picture(session: &mut Session) -> Picture {
    match session.handle(Any::Frame).pop() {
        Some(Any_::Neuron(Event::Picture(picture))) => picture,
        other => panic!("no picture: {other:?}"),
    }
}

/// Works until it is learned, or so many samples were shown.
fn learn(settings: &str, most: u32) -> Picture {
    let mut session = open(settings);
    session.handle(Any::Play);
    while session.step() < most && session.work() {}
    picture(&mut session)
}

#[test]
fn and_is_learned_in_six_epochs() {
    let seen = learn("table=and", 1000);
    assert_eq!((seen.state, &seen.errors[..]), (State::Learned, &[2, 3, 3, 2, 1, 0][..]));
    assert_eq!((seen.weights, seen.step, seen.mistakes), (vec![2.0, 1.0, -3.0], 24, 11));
    assert_eq!(
        (&seen.sums[..], &seen.answers[..]),
        (&[-3.0, -2.0, -1.0, 0.0][..], &[0, 0, 0, 1][..])
    );
    // R² = 3; the plane 2x₁ + 2x₂ − 3 = 0 keeps 1/√17 from (1, 1, 1), (0, 1, 1) and (1, 0, 1).
    assert!((seen.apart.radius - 3f64.sqrt()).abs() < 1e-12);
    assert!((seen.apart.margin - 17f64.sqrt().recip()).abs() < 1e-12, "{}", seen.apart.margin);
    assert!((seen.apart.bound.unwrap() - 51.0).abs() < 1e-9);
    assert_eq!(
        seen.words,
        "Learned: epoch 6 passed without a mistake. 11 mistakes in all, of at most 51."
    );
    for table in ["or", "nand"] {
        let seen = learn(&format!("table={table}"), 1000);
        assert!(seen.state == State::Learned && seen.errors.len() <= 10, "{table}");
    }
}

/// Rounding would make 0.1 + 0.2 − 0.3 differ from 0, and 0 is where the step turns.
#[test]
fn from_zero_the_rate_changes_the_scale_alone() {
    let one = learn("table=and&rate=1", 1000);
    let tenth = learn("table=and&rate=0.1", 1000);
    assert_eq!((tenth.errors, tenth.weights), (one.errors, vec![0.2, 0.1, -0.3]));
    let cycle = learn("table=xor&rate=0.1", 1000).cycle;
    assert_eq!(cycle.len(), learn("table=xor", 1000).cycle.len());
}

#[test]
fn an_update_is_written_out() {
    let mut session = open("table=and&rate=0.5");
    session.handle(Any::Step);
    let update = picture(&mut session).update.unwrap();
    // The step of 0 is 1, wanted is 0: −0.5·1·(0, 0, 1).
    assert_eq!((update.index, update.answer, update.target, update.sum), (0, 1, 0, 0.0));
    assert_eq!(
        (&update.change[..], &update.after[..]),
        (&[0.0, 0.0, -0.5][..], &[0.0, 0.0, -0.5][..])
    );
    for _ in 0..3 {
        session.handle(Any::Step);
    }
    let update = picture(&mut session).update.unwrap();
    assert_eq!((update.index, update.answer, update.target, update.sum), (3, 0, 1, -0.5));
    assert_eq!(update.change, [0.5, 0.5, 0.5]);
}

#[test]
fn xor_goes_round_and_four_demands_contradict() {
    let seen = learn("table=xor", 1000);
    assert_eq!(seen.state, State::Cycling);
    let cycle: Vec<&[f64]> = seen.cycle.chunks(3).collect();
    assert_eq!(cycle.len(), 4, "{cycle:?}");
    // Shown once more, the same weights come again.
    let again = learn("table=xor", 1000 + cycle.len() as u32);
    assert_eq!((again.weights, &again.cycle), (seen.weights.clone(), &seen.cycle));
    let right = |w: &[f64]| {
        let answers = [0.0, 1.0, 1.0, 0.0].iter().enumerate();
        answers
            .filter(|(i, t)| {
                (w[0] * (i / 2) as f64 + w[1] * (i % 2) as f64 + w[2] >= 0.0) == (**t == 1.0)
            })
            .count()
    };
    assert!(cycle.iter().all(|weights| right(weights) <= 3));
    assert_eq!(
        seen.apart.demands,
        [
            "(0, 1) → 1: w₂ + b ≥ 0",
            "(1, 0) → 1: w₁ + b ≥ 0",
            "(0, 0) → 0: b < 0",
            "(1, 1) → 0: w₁ + w₂ + b < 0"
        ]
    );
    assert_eq!(
        seen.apart.why,
        "No line can do it: the way from (0, 0) to (1, 1) crosses that from (0, 1) to (1, 0), and both are of one class each. \
         Added up, those ≥ 0 give w₁ + w₂ + 2 b ≥ 0, and those < 0 give w₁ + w₂ + 2 b < 0. Both cannot be."
    );
}

#[test]
fn without_a_constant_input_and_is_impossible() {
    let seen = learn("table=and&bias=off", 1000);
    assert_eq!(
        (seen.state, seen.apart.can, &seen.apart.against[..]),
        (State::Cycling, false, &[0][..])
    );
    assert!(
        seen.apart.why.contains("without a constant input it cannot be 0"),
        "{}",
        seen.apart.why
    );
    assert_eq!(seen.apart.demands, ["(0, 0) → 0: 0 < 0"]);
    // NAND wants w₁ ≥ 0, w₂ ≥ 0 and w₁ + w₂ < 0.
    let seen = learn("table=nand&bias=off", 1000);
    assert_eq!(seen.apart.against, [1, 2, 3]);
    // Points on the line itself are 1: it can be done, without a margin.
    let seen = learn("points=1,0,1;-1,0,1;0,-1,0&bias=off", 1000);
    assert!(seen.apart.can && seen.apart.bound.is_none() && seen.state == State::Learned);
}

/// Points drawn from a small grid, so that they often touch, lie in a row, or at one place.
fn drawn(rng: &mut Rng) -> Vec<Point> {
    let count = 1 + rng.below(7);
    let spread = 2 + rng.below(2);
    let mut whole = || 100 * (rng.below(2 * spread + 1) as i32 - spread as i32);
    let places: Vec<_> = (0..count).map(|_| (whole(), whole())).collect();
    places.into_iter().map(|(x, y)| Point { x, y, one: rng.below(2) == 1 }).collect()
}

/// Weights that answer every point rightly, looked for among all lines through or just beside two points.
fn brute(points: &[Point], bias: bool) -> bool {
    let inputs: Vec<[i64; 3]> = points.iter().map(|p| p.input(bias)).collect();
    let does = |w: [i64; 3]| {
        let sum = |x: &[i64; 3]| x.iter().zip(w).map(|(x, w)| x * w).sum::<i64>();
        inputs.iter().zip(points).all(|(x, p)| (sum(x) >= 0) == p.one)
    };
    // Normals: all small directions, finer than the grid needs; offsets: all places of points, and just beside them.
    let reach = -13..=13;
    reach.clone().any(|a| {
        reach.clone().any(|b| {
            if !bias {
                return does([a, b, 0]);
            }
            let offsets = inputs.iter().map(|x| -(a * x[0] + b * x[1]));
            let offsets: Vec<i64> =
                offsets.flat_map(|c| [c, c + 1, c - 1]).chain([1, -1]).collect();
            // The constant is 100: weights times 100 keep the offset whole.
            offsets.into_iter().any(|c| does([100 * a, 100 * b, c]))
        })
    })
}

#[test]
fn what_is_told_apart_is_what_brute_force_finds() {
    let (mut rng, mut seen) = (Rng::new(1, 0, 0), [0; 4]);
    for round in 0..400 {
        let (points, bias) = (drawn(&mut rng), round % 2 == 0);
        let found = apart::clash(&points, bias);
        assert_eq!(found.is_none(), brute(&points, bias), "{points:?} bias {bias}: {found:?}");
        seen[2 * usize::from(bias) + usize::from(found.is_some())] += 1;
        let Some(clash) = found else { continue };
        // The contradiction is one: the same sum for both classes, and some point that must be below 0.
        let mut sums = [[0i64; 3]; 2];
        for &(i, times) in &clash.points {
            assert!(times > 0);
            let sum = &mut sums[usize::from(points[i].one)];
            sum.iter_mut().zip(points[i].input(bias)).for_each(|(to, x)| *to += times * x);
        }
        assert_eq!(sums[0], sums[1], "{points:?}: {clash:?}");
        assert!(clash.points.iter().any(|&(i, _)| !points[i].one));
        assert!(clash.points.len() <= if bias { 4 } else { 3 });
    }
    assert!(seen.iter().all(|&count| count > 30), "{seen:?}");
}

/// γ is exact: u keeps it from all points, and u·γ is a mean of points, so that no direction does better.
#[test]
fn the_margin_is_the_largest() {
    let (mut rng, mut checked) = (Rng::new(2, 0, 0), 0);
    for round in 0..300 {
        let points: Vec<Point> = (0..2 + rng.below(20))
            .map(|_| {
                let at = Point::at(rng.uniform(-2.0, 2.0), rng.uniform(-2.0, 2.0), false).unwrap();
                Point { one: 3 * at.x + 2 * at.y > 40, ..at }
            })
            .collect();
        let apart = apart::judge(&points, true);
        assert!(apart.can, "{points:?}");
        let turned: Vec<[f64; 3]> = points
            .iter()
            .map(|p| p.input(true).map(|x| x as f64 / if p.one { 100.0 } else { -100.0 }))
            .collect();
        let least = |u: &[f64]| {
            turned
                .iter()
                .map(|z| z.iter().zip(u).map(|(z, u)| z * u).sum::<f64>())
                .fold(f64::INFINITY, f64::min)
        };
        assert!((least(&apart.widest) - apart.margin).abs() < 1e-9, "{round}");
        for _ in 0..200 {
            let other: Vec<f64> = apart.widest.iter().map(|u| u + 0.1 * rng.normal()).collect();
            let size = other.iter().map(|u| u * u).sum::<f64>().sqrt();
            assert!(least(&other) / size <= apart.margin + 1e-9, "{round}");
        }
        checked += 1;
    }
    assert_eq!(checked, 300);
}

/// Novikoff 1962, on a thousand random sets.
#[test]
fn mistakes_stay_within_the_bound() {
    let (mut rng, mut closest) = (Rng::new(3, 0, 0), 0.0f64);
    for _ in 0..1000 {
        let (a, b, c) = (rng.normal(), rng.normal(), 0.5 * rng.normal());
        let mut points = vec![];
        while points.len() < 12 {
            let (x, y) = (rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.0));
            let far = (a * x + b * y + c) / (a * a + b * b + c * c).sqrt();
            if far.abs() > 0.06 {
                points.push(Point::at(x, y, far > 0.0).unwrap());
            }
        }
        let bound = apart::judge(&points, true).bound.unwrap();
        let mut perceptron = Perceptron::new(RATES, true);
        while perceptron.learn(&points) {}
        assert!(perceptron.learned && f64::from(perceptron.mistakes) <= bound);
        closest = closest.max(f64::from(perceptron.mistakes) / bound);
    }
    assert!(closest > 0.05, "{closest}");
}

#[test]
fn slopes_are_those_of_the_functions() {
    for (at, name) in activation::names().into_iter().enumerate() {
        for x in [-2.3, -0.7, 0.4, 1.9] {
            let h = 1e-5;
            let [low, here, high] = [x - h, x, x + h].map(|x| activation::look(at, x, 3));
            let numeric = (high.value - low.value) / (2.0 * h);
            assert!((here.slope - numeric).abs() < 1e-7, "{name} at {x}: {} {numeric}", here.slope);
            let chain = activation::look(at, here.value, 1).slope * here.slope;
            assert!((here.along[1] - chain).abs() < 1e-12);
        }
        // Nowhere on the drawn part is it steeper.
        let drawn = activation::look(at, 0.0, 1);
        let steepest = drawn.slopes.iter().copied().fold(0.0f32, f32::max);
        assert!(f64::from(steepest) <= drawn.steepest + 1e-6, "{name}: {steepest}");
        assert!(
            name == "step" || f64::from(steepest) > 0.99 * drawn.steepest,
            "{name}: {steepest}"
        );
    }
    let logistic = activation::look(1, 0.0, 10);
    assert_eq!((logistic.name.as_str(), logistic.slope), ("logistic", 0.25));
    assert!((logistic.most[9] - 0.25f64.powi(10)).abs() < 1e-20);
    assert_eq!(
        logistic.words,
        "At z = 0 its slope is 0.25, at most 0.25. Through 10 layers with weights of 1 pass at most 9.5e-7 of a gradient, and \
         9.5e-7 if every unit works here."
    );
    assert_eq!(activation::look(4, 0.0, 1).slope, 0.0);
}

#[test]
fn what_is_saved_goes_on_alike() {
    let mut session = open("table=xor&rate=0.3&f=gelu&x=1.25");
    (0..7).for_each(|_| drop(session.handle(Any::Step)));
    session.handle(Any::Neuron(Command::Add { x: -0.333, y: 1.5, one: true }));
    (0..9).for_each(|_| drop(session.handle(Any::Step)));
    let (mut other, _) = Session::restore(&session.save()).unwrap();
    let Some(Any_::Journal { journal }) = session.handle(Any::Journal).pop() else { panic!() };
    let mut replayed = open("table=or");
    replayed.handle(Any::Replay { journal });
    while replayed.work() {}
    for _ in 0..30 {
        let wanted = encode(&picture(&mut session));
        assert_eq!(encode(&picture(&mut other)), wanted);
        assert_eq!(encode(&picture(&mut replayed)), wanted);
        for session in [&mut session, &mut other, &mut replayed] {
            session.handle(Any::Step);
        }
    }
    // An address leads to the same points and the same line.
    let mut far = open("table=xor&step=9");
    let mut near = open("table=xor");
    (0..9).for_each(|_| drop(near.handle(Any::Step)));
    assert_eq!(picture(&mut far), picture(&mut near));
}

#[test]
fn bad_settings_are_told_and_the_rest_is_taken() {
    let bad =
        "table=nor&rate=0&bias=1&f=swish&x=nan&layers=4000000000&points=1,2&colour=red&step=x";
    let (mut session, opened) = Session::open(PageName::Neuron, bad);
    let Any_::Opened { remarks, settings, .. } = opened else { panic!() };
    let wanted = [
        "table \"nor\" is none of and, or, nand, xor, own",
        "rate 0: expected 0.001 to 10",
        "bias \"1\" is neither on nor off",
        "activation \"swish\" is none of step, logistic, tanh, lecun-tanh, relu, leaky, elu, softplus, gelu, silu",
        "z = NaN: expected −6 to 6",
        "4000000000 layers: expected 1 to 100",
        "point \"1,2\": expected x,y and 0 or 1, as 0.5,-1,1",
        "\"colour\" is no setting of this page",
        "step \"x\" is no number",
    ];
    assert_eq!(remarks, wanted);
    assert_eq!(settings, "table=and&rate=1&f=logistic&x=0&layers=10");
    let before = picture(&mut session);
    let far = u32::MAX;
    let hostile = [
        Command::Add { x: f64::NAN, y: 0.0, one: true },
        Command::Add { x: 0.0, y: f64::INFINITY, one: true },
        Command::Move { index: far, x: 0.0, y: 0.0 },
        Command::Move { index: 0, x: 1e300, y: 0.0 },
        Command::Erase { index: 4 },
        Command::Turn { index: far },
        Command::Rate { rate: f64::NAN },
        Command::Rate { rate: -1.0 },
        Command::Table { name: "".into() },
        Command::Look { name: "relu".into(), x: f64::NAN, layers: 1 },
        Command::Look { name: "relu".into(), x: 0.0, layers: far },
    ];
    for command in hostile {
        let events = session.handle(Any::Neuron(command.clone()));
        assert!(matches!(&events[..], [Any_::Refused { .. }]), "{command:?}: {events:?}");
        assert_eq!(picture(&mut session), before);
    }
    let add = |i: u32| {
        Any::Neuron(Command::Add {
            x: f64::from(i % 9) / 3.0,
            y: f64::from(i) / 20.0,
            one: i.is_multiple_of(3),
        })
    };
    let refused =
        (0..100).filter(|&i| matches!(session.handle(add(i))[..], [Any_::Refused { .. }])).count();
    assert_eq!((picture(&mut session).xs.len(), refused), (MOST, 40));
    session.handle(Any::Neuron(Command::Clear));
    assert_eq!((picture(&mut session).state, session.work()), (State::Empty, false));
    assert!(Neuron::load(&encode(&Kept { activation: 99, ..Kept::begin() })).is_err());
}

/// A picture's front as bytes: the browser's half reads these.
#[test]
fn a_picture_is_these_bytes() {
    let bytes = encode(&picture(&mut open("points=1,-0.5,1")));
    let front = [3u8, 0, 0, 0, b'o', b'w', b'n', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 240, 63];
    assert_eq!(&bytes[..front.len()], front);
    assert_eq!(decode::<Picture>(&bytes).unwrap().ys, [-0.5]);
}
