//! Each trainer against its formulas in double precision.

use super::*;

/// ConvNetJS's arithmetic for one number: its value and its two memories.
fn moved(method: Method, [w, m, v]: [f64; 3], g: f64, updates: i32) -> [f64; 3] {
    let (rate, momentum, rho, epsilon) = (0.01, 0.9, 0.95, 1e-6);
    let window = |mean: f64, value: f64| rho * mean + (1.0 - rho) * value;
    match method {
        Method::Sgd => {
            let step = momentum * m - rate * g;
            [w + step, step, v]
        }
        Method::Nesterov => {
            let next = momentum * m + rate * g;
            [w + momentum * m - (1.0 + momentum) * next, next, v]
        }
        Method::Adam => {
            let (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g);
            let unbiased = [m / (1.0 - 0.9f64.powi(updates)), v / (1.0 - 0.999f64.powi(updates))];
            [w - rate * unbiased[0] / (unbiased[1].sqrt() + 1e-8), m, v]
        }
        Method::Adagrad => {
            let v = v + g * g;
            [w - rate / (v + epsilon).sqrt() * g, m, v]
        }
        Method::Windowgrad => {
            let v = window(v, g * g);
            [w - rate / (v + epsilon).sqrt() * g, m, v]
        }
        Method::Adadelta => {
            let v = window(v, g * g);
            let step = -((m + epsilon) / (v + epsilon)).sqrt() * g;
            [w + step, window(m, step * step), v]
        }
    }
}

#[test]
fn trainers_do_as_their_formulas() {
    for method in Method::ALL {
        let settings = format!("method={}&batch=5", method.name());
        let mut page = Digits::new(Settings::read(&settings).0);
        // Layers' weights (which decay) and biases (which do not), followed one by one.
        let followed = [(0, 3), (1, 2), (2, 77), (4, 11), (5, 9)];
        let values = page.network.values();
        let mut expected = followed.map(|(i, k)| [f64::from(values[i][k]), 0.0, 0.0]);
        for update in 1..=4 {
            while page.counted.filled < 5 {
                page.work();
            }
            let sums = page.network.memories();
            for ((i, k), numbers) in followed.into_iter().zip(&mut expected) {
                let decay = if i % 2 == 0 { 1e-3f32 * page.network.values()[i][k] } else { 0.0 };
                let gradient = f64::from(sums[3 * i][k] + decay) / 5.0;
                *numbers = moved(method, *numbers, gradient, update);
            }
            page.work();
            let values = page.network.values();
            for ((i, k), numbers) in followed.into_iter().zip(&expected) {
                let apart = (f64::from(values[i][k]) - numbers[0]).abs();
                assert!(apart < 1e-5, "{method:?}, update {update}, number {i} {k}: {apart}");
            }
            assert!(page.network.memories().iter().step_by(3).flatten().all(|sum| *sum == 0.0));
        }
    }
}

#[test]
fn another_trainer_begins_its_memories_anew() {
    let mut page = page();
    work(&mut page, 2);
    let moved = |page: &Digits| page.network.memories().iter().flatten().any(|m| *m != 0.0);
    assert!(moved(&page));
    let options = Options { method: Method::Adam, ..Options::default() };
    page.answer(Command::Options(options)).expect("taken");
    assert!(!moved(&page));
    assert_eq!((page.counted.updates, page.step()), (0, 2));
}

#[test]
fn the_decay_s_loss_is_half_of_decay_times_squares_of_weights() {
    let mut page = page();
    let weights = page.network.values();
    let squares = weights.iter().step_by(2).flatten().map(|w| f64::from(*w).powi(2));
    let expected = 0.5e-3 * squares.sum::<f64>();
    work(&mut page, 1);
    let found = f64::from(page.drawn().decay_loss.expect("an update"));
    assert!((found / expected - 1.0).abs() < 1e-5, "{found} {expected}");
}
