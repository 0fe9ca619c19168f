//! ConvNetJS's trainers, as one formula for each number that is learned. Gradients of a batch are summed, the decay is added, and both
//! are divided by the batch's size.

use crate::wire::Wire;
use gradus::Tensor;

/// How numbers are moved.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "DigitsMethod")]
pub enum Method {
    /// Downhill, with momentum.
    Sgd,
    /// Momentum that looks ahead (Nesterov 1983).
    Nesterov,
    /// Kingma and Ba 2014, arXiv:1412.6980.
    Adam,
    /// Duchi, Hazan and Singer 2011.
    Adagrad,
    /// Zeiler 2012, arXiv:1212.5701.
    Adadelta,
    /// Adagrad over a window: Zeiler's first idea, RMSprop's arithmetic.
    Windowgrad,
}

impl Method {
    pub(super) const ALL: [Method; 6] = [
        Method::Sgd,
        Method::Nesterov,
        Method::Adam,
        Method::Adagrad,
        Method::Adadelta,
        Method::Windowgrad,
    ];

    /// ConvNetJS's name of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Sgd => "sgd",
            Method::Nesterov => "nesterov",
            Method::Adam => "adam",
            Method::Adagrad => "adagrad",
            Method::Adadelta => "adadelta",
            Method::Windowgrad => "windowgrad",
        }
    }

    pub(super) fn named(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }

    pub(super) fn names() -> String {
        Method::ALL.map(Method::name).join(", ")
    }
}

/// What can be changed while it learns.
#[derive(Wire, Clone, Copy, Debug, PartialEq)]
#[wire(name = "DigitsOptions")]
pub struct Options {
    /// How numbers are moved.
    pub method: Method,
    /// The learning rate; Adadelta has none.
    pub rate: f32,
    /// What of the last step goes on: SGD and Nesterov.
    pub momentum: f32,
    /// Pictures between two updates.
    pub batch: u32,
    /// The weights' decay: λ of λ·w²/2, divided by the batch as ConvNetJS does.
    pub decay: f32,
}

impl Default for Options {
    fn default() -> Options {
        Options { method: Method::Adadelta, rate: 0.01, momentum: 0.9, batch: 20, decay: 1e-3 }
    }
}

/// Of Adadelta and windowgrad: what of the mean of squares stays.
const RHO: f64 = 0.95;
const EPSILON: f64 = 1e-6;
/// Of Adam.
const BETAS: [f64; 2] = [0.9, 0.999];

/// What the numbers of an update are that may change between updates: rate, momentum, decay, 1/batch, and Adam's two corrections for
/// means that begin at 0.
pub(super) fn rates(options: &Options, updates: u32) -> Vec<f32> {
    let correction = |beta: f64| 1.0 / (1.0 - beta.powi(updates.min(1 << 20) as i32 + 1));
    let [first, second] = BETAS.map(correction);
    let share = 1.0 / f64::from(options.batch);
    vec![options.rate, options.momentum, options.decay, share as f32, first as f32, second as f32]
}

/// A number `w` and its two memories `m` and `v` after an update by the gradient `g`, which has the decay in it and is divided by the
/// batch.
pub(super) fn moved(
    method: Method,
    rates: &Tensor,
    [w, m, v]: [&Tensor; 3],
    g: &Tensor,
) -> [Tensor; 3] {
    let [rate, momentum, .., first, second] = [0, 1, 2, 3, 4, 5].map(|i| rates.select(0, i)); // []
    let window = |mean: &Tensor, square: Tensor| mean * RHO + square * (1.0 - RHO);
    match method {
        Method::Sgd => {
            let step = m * &momentum - g * &rate;
            [w + &step, step, v.clone()]
        }
        Method::Nesterov => {
            let next = m * &momentum + g * &rate;
            [w + (m * &momentum - (&momentum + 1.0) * &next), next, v.clone()]
        }
        Method::Adam => {
            let m = m * BETAS[0] + g * (1.0 - BETAS[0]);
            let v = v * BETAS[1] + g.square() * (1.0 - BETAS[1]);
            let step = &rate * (&m * &first) / ((&v * &second).sqrt() + 1e-8);
            [w - step, m, v]
        }
        Method::Adagrad => {
            let v = v + g.square();
            [w - &rate * g / (&v + EPSILON).sqrt(), m.clone(), v]
        }
        Method::Windowgrad => {
            let v = window(v, g.square());
            [w - &rate * g / (&v + EPSILON).sqrt(), m.clone(), v]
        }
        Method::Adadelta => {
            let v = window(v, g.square());
            let step = ((m + EPSILON) / (&v + EPSILON)).sqrt() * g;
            [w - &step, window(m, step.square()), v]
        }
    }
}
