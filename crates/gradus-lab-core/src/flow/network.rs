//! A multilayer perceptron whose layers can be looked at.   x [B, in]   z, a [B, width]   y [B, classes]
//!
//! Each hidden layer is a = f(z), z = norm(x·W + b); with residual connections each but the first gives x + a.
//! He et al. 2015, arXiv:1512.03385

use super::messages::FlowSettings as Settings;
use gradus::nn::layers::{BatchNorm, Dense, batch_norm, dense};
use gradus::nn::{Context, Init, Layer, Module, Parameter, State, Visitor, parameters};
use gradus::{Tensor, Variable};

/// A hidden layer.
struct Hidden {
    dense: Dense,
    norm: Option<BatchNorm>,
}

/// The network.
pub(super) struct Network {
    hidden: Vec<Hidden>,
    output: Dense,
    function: fn(&Tensor) -> Tensor,
    residual: bool,
}

/// What a pass gave.
pub(super) struct Passed {
    /// What went into each activation.
    pub(super) sums: Vec<Tensor>,
    /// What each activation gave.
    pub(super) activations: Vec<Tensor>,
    /// The output.
    pub(super) y: Tensor,
}

impl Network {
    /// For so many inputs and outputs, with weights from `init`.
    pub(super) fn new(settings: &Settings, inputs: usize, outputs: usize, init: &Init) -> Network {
        let layer = |units: usize, inputs: usize| {
            dense(units).init(settings.initializer(inputs)).build(inputs, init)
        };
        let width = settings.width as usize;
        let hidden = |l: u32| Hidden {
            dense: layer(width, if l == 0 { inputs } else { width }),
            norm: settings.norm.then(|| batch_norm().build(width, init)),
        };
        Network {
            hidden: (0..settings.depth).map(hidden).collect(),
            output: layer(outputs, width),
            function: settings.function().function,
            residual: settings.residual,
        }
    }

    pub(super) fn forward(&self, x: &Tensor, cx: &Context) -> Passed {
        let (mut sums, mut activations, mut x) = (vec![], vec![], x.clone());
        for (l, hidden) in self.hidden.iter().enumerate() {
            let z = hidden.dense.forward(&x, cx); // [B, width]
            let z = hidden.norm.as_ref().map_or(z.clone(), |norm| norm.forward(&z, cx));
            let a = (self.function)(&z);
            x = if self.residual && l > 0 { x + &a } else { a.clone() };
            sums.push(z);
            activations.push(a);
        }
        Passed { sums, activations, y: self.output.forward(&x, cx) }
    }

    /// All that trains, by path: `hidden1.weight`, …, `output.bias`.
    pub(super) fn parameters(&self) -> Vec<(String, Parameter)> {
        parameters(self)
    }

    /// All that a run changes, by path.
    pub(super) fn variables(&self) -> Vec<(String, Variable)> {
        let states = gradus::nn::named_states(self).into_iter();
        let variable = |(path, state): (String, State<'_>)| match state {
            State::Parameter(p) => Some((path, p.variable().clone())),
            State::Buffer(v) => Some((path, v.clone())),
            State::Child(_) => None,
        };
        states.filter_map(variable).collect()
    }

    /// The weights of each layer, the output's last.
    pub(super) fn weights(&self) -> Vec<Variable> {
        let layers = self.hidden.iter().map(|hidden| &hidden.dense).chain([&self.output]);
        layers.map(|layer| layer.weight.variable().clone()).collect()
    }
}

impl Module for Hidden {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        self.dense.visit(visitor);
        if let Some(norm) = &self.norm {
            visitor("norm", State::Child(norm));
        }
    }
}

impl Module for Network {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (l, hidden) in self.hidden.iter().enumerate() {
            visitor(&format!("hidden{}", l + 1), State::Child(hidden));
        }
        visitor("output", State::Child(&self.output));
    }
}
