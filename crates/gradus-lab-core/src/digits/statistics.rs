//! What is counted while it learns: windows of the last answers, curves, the newest test of each picture.

use super::data::{TESTS, digits};
use super::messages::Curves;
use crate::wire::Wire;

/// The last values, and their mean.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Window {
    values: Vec<f32>,
    /// The next to be overwritten.
    at: u32,
    room: u32,
}

impl Window {
    pub(super) fn new(room: u32) -> Window {
        Window { values: vec![], at: 0, room }
    }

    pub(super) fn add(&mut self, value: f32) {
        if self.values.len() < self.room as usize {
            self.values.push(value);
        } else {
            self.values[self.at as usize] = value;
            self.at = (self.at + 1) % self.room;
        }
    }

    /// The mean, if there is one.
    pub(super) fn mean(&self) -> Option<f32> {
        let sum: f64 = self.values.iter().map(|value| f64::from(*value)).sum();
        (!self.values.is_empty()).then(|| (sum / self.values.len() as f64) as f32)
    }
}

/// A test: which picture, and its probabilities.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) test: u32,
    pub(super) probabilities: Vec<f32>,
}

/// What is counted.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Statistics {
    pub(super) losses: Window,
    pub(super) train: Window,
    pub(super) validation: Window,
    pub(super) tests: Window,
    pub(super) decay_loss: Option<f32>,
    pub(super) curves: Curves,
    /// Pictures from one point of the curves to the next, and when the next comes.
    apart: u32,
    next: u32,
    /// The last tests, the oldest first.
    pub(super) answers: Vec<Answer>,
    /// What each picture of the test was last taken for; 255 before.
    guesses: Vec<u8>,
}

/// Tests that are shown.
const SHOWN: usize = 12;
/// Points of a curve, at most; then every other one goes.
const POINTS: usize = 400;

impl Statistics {
    pub(super) fn new() -> Statistics {
        Statistics {
            losses: Window::new(100),
            train: Window::new(100),
            validation: Window::new(100),
            tests: Window::new(200),
            decay_loss: None,
            curves: Curves::default(),
            apart: 200,
            next: 200,
            answers: vec![],
            guesses: vec![255; TESTS],
        }
    }

    /// Adds points to the curves when it is time.
    pub(super) fn seen(&mut self, examples: u32) {
        if examples < self.next {
            return;
        }
        self.next = self.next.saturating_add(self.apart);
        let value = |window: &Window| window.mean().unwrap_or(f32::NAN);
        self.curves.examples.push(examples as f32);
        self.curves.losses.push(value(&self.losses));
        self.curves.train.push(value(&self.train));
        self.curves.validation.push(value(&self.validation));
        if self.curves.examples.len() > POINTS {
            let Curves { examples, losses, train, validation } = &mut self.curves;
            for curve in [examples, losses, train, validation] {
                *curve = curve.iter().skip(1).step_by(2).copied().collect();
            }
            self.apart = self.apart.saturating_mul(2);
        }
    }

    pub(super) fn clear_curves(&mut self, examples: u32) {
        self.curves = Curves::default();
        (self.apart, self.next) = (200, examples.saturating_add(200));
    }

    /// Adds a test.
    pub(super) fn tested(&mut self, test: u32, probabilities: &[f32]) {
        let digits = digits();
        let guess = largest(probabilities);
        self.guesses[test as usize] = guess as u8;
        self.tests.add(f32::from(guess == digits.label(digits.test[test as usize]) as usize));
        self.answers.push(Answer { test, probabilities: probabilities.to_vec() });
        if self.answers.len() > SHOWN {
            self.answers.remove(0);
        }
    }

    /// How often each digit was taken for each.
    pub(super) fn confusion(&self) -> Vec<u32> {
        let mut counts = vec![0; 100];
        for (digit, guess, _) in self.guessed() {
            counts[usize::from(digit) * 10 + usize::from(guess)] += 1;
        }
        counts
    }

    /// Pictures of the test that are a digit and were taken for one.
    pub(super) fn cell(&self, cell: (u8, u8)) -> Vec<u32> {
        self.guessed().filter(|(d, g, _)| (*d, *g) == cell).map(|(.., test)| test).collect()
    }

    fn guessed(&self) -> impl Iterator<Item = (u8, u8, u32)> {
        let digits = digits();
        let all = self.guesses.iter().zip(0..).filter(|(guess, _)| **guess < 10);
        all.map(|(guess, test)| (digits.label(digits.test[test as usize]), *guess, test))
    }
}

/// The index of the largest.
pub(super) fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
