//! What an update makes of the derivatives that were added up: the original's descent, and other optimisers; then regularisation,
//! under which links die.

use super::network::Network;
use super::settings::{Optimizer, Regularization, Settings};

/// ρ of Adadelta, α of RMSprop, β of Adam, and what is added to roots.
const ADADELTA: (f64, f64) = (0.9, 1e-6);
const RMSPROP: (f64, f64) = (0.99, 1e-8);
const ADAGRAD: f64 = 1e-10;
const ADAM: (f64, f64, f64) = (0.9, 0.999, 1e-8);

impl Network {
    /// Applies the mean of the derivatives that were added up, at this rate.
    pub(super) fn update(&mut self, settings: &Settings, rate: f64) {
        if self.state.pending == 0 {
            return;
        }
        let count = f64::from(self.state.pending);
        self.state.updates += 1;
        let shares = Shares::after(self.state.updates, settings.optimizer);
        for layer in self.layers.clone() {
            for index in layer.weights..layer.biases + layer.units {
                let is_bias = index >= layer.biases;
                if self.state.dead[index] {
                    self.state.gradients[index] = 0.0;
                    continue;
                }
                self.state.gradients[index] = self.state.sums[index] / count;
                let before = self.state.numbers[index];
                let moved = self.moved(settings, rate, index, is_bias, count, shares);
                self.state.numbers[index] = moved;
                if !is_bias {
                    self.regularise(settings, rate, index, before);
                }
            }
        }
        self.state.sums.fill(0.0);
        self.state.pending = 0;
    }

    /// The number after the optimiser's step.
    fn moved(
        &mut self,
        settings: &Settings,
        rate: f64,
        index: usize,
        is_bias: bool,
        count: f64,
        shares: Shares,
    ) -> f64 {
        let number = self.state.numbers[index];
        if settings.optimizer == Optimizer::Sgd {
            // The original divides now the product, now the rate.
            let sum = self.state.sums[index];
            return if is_bias {
                number - rate * sum / count
            } else {
                number - (rate / count) * sum
            };
        }
        let mut g = self.state.gradients[index];
        let decays = settings.regularization == Regularization::L2 && !is_bias;
        if decays && settings.optimizer != Optimizer::AdamW {
            g += settings.regularization_rate * number;
        }
        let (u, v) = (&mut self.state.first[index], &mut self.state.second[index]);
        match settings.optimizer {
            Optimizer::Sgd => number,
            Optimizer::Momentum => {
                *u = settings.momentum * *u + g;
                number - rate * *u
            }
            Optimizer::Nesterov => {
                *u = settings.momentum * *u + g;
                number - rate * (g + settings.momentum * *u)
            }
            Optimizer::Adagrad => {
                *u += g * g;
                number - rate * (g / (u.sqrt() + ADAGRAD))
            }
            Optimizer::Adadelta => {
                let (rho, small) = ADADELTA;
                *u = rho * *u + (1.0 - rho) * (g * g);
                let step = (*v + small).sqrt() / (*u + small).sqrt() * g;
                *v = rho * *v + (1.0 - rho) * (step * step);
                number - rate * step
            }
            Optimizer::RmsProp => {
                let (alpha, small) = RMSPROP;
                *u = alpha * *u + (1.0 - alpha) * (g * g);
                number - rate * (g / (u.sqrt() + small))
            }
            Optimizer::Adam | Optimizer::AdamW => {
                let (beta1, beta2, small) = ADAM;
                *u = beta1 * *u + (1.0 - beta1) * g;
                *v = beta2 * *v + (1.0 - beta2) * (g * g);
                let kept = match settings.optimizer {
                    Optimizer::AdamW if !is_bias => {
                        number - rate * (number * settings.weight_decay)
                    }
                    _ => number,
                };
                kept - rate * ((*u / shares.first) / ((*v / shares.second).sqrt() + small))
            }
        }
    }

    /// Makes a weight smaller by the slope of its penalty before the step; a link whose weight L1 takes across zero dies.
    fn regularise(&mut self, settings: &Settings, rate: f64, index: usize, before: f64) {
        let slope = match settings.regularization {
            Regularization::None => return,
            Regularization::L1 if before < 0.0 => -1.0,
            Regularization::L1 if before > 0.0 => 1.0,
            Regularization::L1 => 0.0,
            // Of other optimisers the gradient holds it already.
            Regularization::L2 if is_apart(settings.optimizer) => before,
            Regularization::L2 => return,
        };
        let weight = self.state.numbers[index];
        let smaller = weight - (rate * settings.regularization_rate) * slope;
        let crosses = weight * smaller < 0.0;
        if settings.regularization == Regularization::L1 && crosses {
            self.state.numbers[index] = 0.0;
            self.state.dead[index] = true;
        } else {
            self.state.numbers[index] = smaller;
        }
    }
}

/// Whether L2 is a step of its own, as in the original, and not part of the gradient.
fn is_apart(optimizer: Optimizer) -> bool {
    matches!(optimizer, Optimizer::Sgd | Optimizer::AdamW)
}

/// 1 − βᵗ for both β of Adam: what part of a mean that began at zero is of gradients.
#[derive(Clone, Copy)]
struct Shares {
    first: f64,
    second: f64,
}

impl Shares {
    fn after(updates: u32, optimizer: Optimizer) -> Shares {
        match optimizer {
            Optimizer::Adam | Optimizer::AdamW => {
                Shares { first: 1.0 - power(ADAM.0, updates), second: 1.0 - power(ADAM.1, updates) }
            }
            _ => Shares { first: 1.0, second: 1.0 },
        }
    }
}

/// βᵗ by squaring: the same bits everywhere.
fn power(base: f64, exponent: u32) -> f64 {
    let (mut result, mut square, mut left) = (1.0, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        square *= square;
        left >>= 1;
    }
    result
}
