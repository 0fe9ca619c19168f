//! Activations, their slopes, and what of a gradient passes through layers of them.

use super::messages::Activation;
use gradus::{DType, Tensor, grad};

/// One that can be looked at.
struct Known {
    name: &'static str,
    formula: &'static str,
    function: fn(&Tensor) -> Tensor,
    /// Where its slope is largest.
    steepest: f64,
}

/// All of them, by the lecture's order.
const KNOWN: [Known; 10] = [
    Known { name: "step", formula: "1 if z ≥ 0, else 0", function: Tensor::step, steepest: 1.0 },
    Known {
        name: "logistic", formula: "1/(1 + e⁻ᶻ)", function: Tensor::sigmoid, steepest: 0.0
    },
    Known { name: "tanh", formula: "tanh z", function: Tensor::tanh, steepest: 0.0 },
    Known {
        name: "lecun-tanh",
        formula: "1.7159 tanh(2z/3)",
        function: Tensor::lecun_tanh,
        steepest: 0.0,
    },
    Known { name: "relu", formula: "max(0, z)", function: Tensor::relu, steepest: 1.0 },
    Known {
        name: "leaky",
        formula: "z if z > 0, else 0.01 z",
        function: |z| z.leaky_relu(0.01),
        steepest: 1.0,
    },
    Known {
        name: "elu",
        formula: "z if z > 0, else eᶻ − 1",
        function: |z| z.elu(1.0),
        steepest: 1.0,
    },
    Known {
        name: "softplus",
        formula: "ln(1 + eᶻ)",
        function: |z| z.softplus(1.0),
        steepest: 40.0,
    },
    // z·Φ(z) has its steepest slope Φ(z) + zφ(z) where 2φ = z²φ.
    Known {
        name: "gelu",
        formula: "z·Φ(z)",
        function: Tensor::gelu,
        steepest: std::f64::consts::SQRT_2,
    },
    // σ + zσ(1 − σ) has no closed maximum: 2 + z(1 − 2σ(z)) = 0.
    Known {
        name: "silu",
        formula: "z·σ(z)",
        function: Tensor::silu,
        steepest: 2.399_357_280_520_545_7,
    },
];

/// The ends of what is drawn.
pub(super) const END: f64 = 6.0;
/// The most layers.
pub(super) const LAYERS: u32 = 100;
const DRAWN: usize = 241;

/// The place of a name among all.
pub(super) fn named(name: &str) -> Option<usize> {
    KNOWN.iter().position(|known| known.name == name)
}

/// All names.
pub(super) fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.name).collect()
}

impl Known {
    /// f at each place.
    fn values(&self, xs: &[f64]) -> Vec<f64> {
        (self.function)(&Tensor::from_slice(xs, [xs.len()])).to_vec()
    }

    /// f′ at each place. The step is flat wherever it has a slope.
    fn slopes(&self, xs: &[f64]) -> Vec<f64> {
        if self.name == "step" {
            return vec![0.0; xs.len()];
        }
        let x = Tensor::from_slice(xs, [xs.len()]);
        let [dx] = grad(&(self.function)(&x).sum(..), [&x]);
        dx.to_vec()
    }

    /// What passes through units in a row, each fed by the one before.
    fn along(&self, x: f64, layers: u32) -> Vec<f64> {
        let (mut x, mut passed) = (x, 1.0);
        let mut layer = || {
            passed *= self.slopes(&[x])[0];
            x = self.values(&[x])[0];
            passed
        };
        (0..layers).map(|_| layer()).collect()
    }
}

/// One of them, looked at.
pub(super) fn look(which: usize, x: f64, layers: u32) -> Activation {
    let known = &KNOWN[which];
    let xs = Tensor::linspace(-END, END, DRAWN).cast(DType::F64).to_vec::<f64>();
    let short = |numbers: Vec<f64>| numbers.into_iter().map(|x| x as f32).collect::<Vec<f32>>();
    let powers = |slope: f64| (1..=layers).map(|n| slope.powi(n as i32)).collect::<Vec<_>>();
    let (value, slope) = (known.values(&[x])[0], known.slopes(&[x])[0]);
    let steepest = known.slopes(&[known.steepest])[0];
    let mut looked = Activation {
        names: names().into_iter().map(str::to_owned).collect(),
        name: known.name.into(),
        formula: known.formula.into(),
        values: short(known.values(&xs)),
        slopes: short(known.slopes(&xs)),
        xs: short(xs),
        x,
        value,
        slope,
        steepest,
        layers,
        most: powers(steepest),
        here: powers(slope),
        along: known.along(x, layers),
        words: String::new(),
    };
    looked.words = words(&looked);
    looked
}

/// What is seen.
fn words(seen: &Activation) -> String {
    use gradus_base::words::figure;
    let n = seen.layers;
    let at = format!("At z = {} its slope is {}", figure(seen.x, 3), figure(seen.slope, 3));
    let most = seen.most.last().copied().unwrap_or(1.0);
    let here = seen.here.last().copied().unwrap_or(1.0);
    match seen.name.as_str() {
        "step" => format!(
            "{at}, as everywhere but at its jump: no gradient passes, so descent cannot train it. The perceptron's rule does \
             without."
        ),
        _ if seen.slope == 0.0 => format!(
            "{at}: a unit that works there passes no gradient. One that does so for every sample is dead."
        ),
        _ => format!(
            "{at}, at most {}. Through {n} layers with weights of 1 pass at most {} of a gradient, and {} if every unit works here.",
            figure(seen.steepest, 4),
            figure(most, 2),
            figure(here, 2)
        ),
    }
}
