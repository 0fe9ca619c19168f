//! Averages of weights.   Polyak & Juditsky 1992

use super::Slots;
use gradus_tensor::{Tensor, Variable};

/// Keeps an exponential moving average of each parameter, from its first value on: a ← βa + (1−β)w.
#[derive(Clone, Copy, Debug)]
#[doc(alias("AveragedModel", "use_ema"))]
pub struct Ema {
    beta: f64,
}

impl Ema {
    /// An average of which `beta` remains after a step: 0.999 averages over about 1,000 steps.
    pub fn new(beta: f64) -> Ema {
        Ema { beta }
    }
    /// The average's new value, given the parameter's.
    pub fn update(
        &self,
        parameter: &Variable,
        w: &Tensor,
        slots: &mut Slots,
    ) -> (Variable, Tensor) {
        let average = slots.get_or("ema", || parameter.value());
        let next = average.tensor() * self.beta + w * (1.0 - self.beta);
        (average, next)
    }
}
