//! What a unit makes of its weighted sum, and the slope of that.

use super::settings::named;
use crate::exact::{exp_m1, sigmoid, softplus, tanh};

named!(
    /// What a hidden unit makes of its weighted sum. The first four are the original's.
    Activation {
        Relu = "relu",
        Tanh = "tanh",
        Sigmoid = "sigmoid",
        Linear = "linear",
        /// Of slope 0.01 below zero.
        LeakyRelu = "leakyRelu",
        Elu = "elu",
        /// In its form with tanh (Hendrycks and Gimpel 2016, arXiv:1606.08415).
        Gelu = "gelu",
        Softplus = "softplus",
    }
);

/// The slope of a leaky ReLU below zero.
pub(super) const LEAK: f64 = 0.01;
/// √(2/π), and GELU's cubic part.
const GELU_SCALE: f64 = 0.797_884_560_802_865_4;
const GELU_CUBIC: f64 = 0.044715;

fn relu(z: f64) -> f64 {
    if z <= 0.0 { 0.0 } else { z }
}

fn leaky(z: f64) -> f64 {
    if z > 0.0 { z } else { LEAK * z }
}

fn elu(z: f64) -> f64 {
    if z > 0.0 { z } else { exp_m1(z) }
}

fn gelu_tanh(z: f64) -> f64 {
    tanh(GELU_SCALE * (z + GELU_CUBIC * z * z * z))
}

fn gelu(z: f64) -> f64 {
    0.5 * z * (1.0 + gelu_tanh(z))
}

impl Activation {
    /// Of a sum.
    pub(super) fn value(self, z: f64) -> f64 {
        match self {
            Activation::Relu => relu(z),
            Activation::Tanh => tanh(z),
            Activation::Sigmoid => sigmoid(z),
            Activation::Linear => z,
            Activation::LeakyRelu => leaky(z),
            Activation::Elu => elu(z),
            Activation::Gelu => gelu(z),
            Activation::Softplus => softplus(z),
        }
    }

    /// Of every sum in a list.
    pub(super) fn apply(self, list: &mut [f64]) {
        /// A loop of its own for each function, which the compiler may do for several numbers at once.
        fn each(list: &mut [f64], function: impl Fn(f64) -> f64) {
            list.iter_mut().for_each(|z| *z = function(*z));
        }
        match self {
            Activation::Relu => each(list, relu),
            Activation::Tanh => each(list, tanh),
            Activation::Sigmoid => each(list, sigmoid),
            Activation::Linear => {}
            Activation::LeakyRelu => each(list, leaky),
            Activation::Elu => each(list, elu),
            Activation::Gelu => each(list, gelu),
            Activation::Softplus => each(list, softplus),
        }
    }

    /// The slope where the sum is `z` and the output `y`. At a kink it is the slope below, as in the original.
    pub(super) fn slope(self, z: f64, y: f64) -> f64 {
        let below = |slope: f64| if z <= 0.0 { slope } else { 1.0 };
        match self {
            Activation::Relu => below(0.0),
            Activation::Tanh => 1.0 - y * y,
            Activation::Sigmoid => y * (1.0 - y),
            Activation::Linear => 1.0,
            Activation::LeakyRelu => below(LEAK),
            Activation::Elu => below(y + 1.0),
            Activation::Gelu => {
                let t = gelu_tanh(z);
                let inner = GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * z * z);
                0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * inner
            }
            Activation::Softplus => sigmoid(z),
        }
    }

    /// The slopes below and above zero, of an activation that has no others.
    pub(super) fn pieces(self) -> Option<[f64; 2]> {
        match self {
            Activation::Relu => Some([0.0, 1.0]),
            Activation::LeakyRelu => Some([LEAK, 1.0]),
            Activation::Linear => Some([1.0, 1.0]),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_small_steps() {
        for &activation in Activation::ALL {
            for z in [-3.0, -0.7, -0.01, 0.02, 0.4, 2.5] {
                let step = 1e-5;
                let around = [z + step, z - step].map(|z| activation.value(z));
                let numeric = (around[0] - around[1]) / (2.0 * step);
                let slope = activation.slope(z, activation.value(z));
                assert!((slope - numeric).abs() < 1e-9, "{activation:?} at {z}: {slope} {numeric}");
            }
        }
    }

    #[test]
    fn lists_have_the_bits_of_single_sums() {
        let sums: Vec<f64> = (-40..40).map(|i| f64::from(i) / 3.0).chain([0.0, f64::NAN]).collect();
        for &activation in Activation::ALL {
            let mut list = sums.clone();
            activation.apply(&mut list);
            let bits = |y: f64| y.to_bits();
            let single = sums.iter().map(|z| bits(activation.value(*z)));
            assert!(list.iter().map(|y| bits(*y)).eq(single), "{activation:?}");
        }
    }
}
