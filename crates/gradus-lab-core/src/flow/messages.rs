//! What the page of gradients' flow says and hears.

use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "FlowCommand")]
pub enum Command {
    /// Changes settings. Rate, clipping and optimiser change as it trains; anything else begins anew. A comparison ends.
    Set {
        /// As an address holds them: `activation=relu&init=he`.
        change: String,
    },
    /// A second run beside the first, of the same seed, with this change.
    Compare {
        /// As an address holds settings.
        change: String,
    },
    /// Goes on with one of the two runs alone.
    Keep {
        /// Whether it is the second.
        second: bool,
    },
    /// Begins again from the same weights.
    Restart,
    /// Measures how gradients flow in twenty networks like the first run's, before any step.
    Measure,
}

/// To the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "FlowEvent")]
pub enum Event {
    /// The newest state.
    Picture(Picture),
}

/// What is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "FlowPicture")]
pub struct Picture {
    /// The first run's settings.
    pub settings: FlowSettings,
    /// One run, or two that are compared.
    pub runs: Vec<FlowRun>,
    /// What was measured of twenty networks.
    pub measured: Option<Measured>,
}

/// Settings of a run.
#[derive(Wire, Clone, Debug, PartialEq)]
pub struct FlowSettings {
    /// The data: digits, or a set of points in the plane.
    pub data: String,
    /// Hidden layers.
    pub depth: u32,
    /// Units of each.
    pub width: u32,
    /// The activation.
    pub activation: String,
    /// How weights start.
    pub init: String,
    /// Whether batch norm comes before each activation.
    pub norm: bool,
    /// Whether each hidden layer but the first adds to what it was given.
    pub residual: bool,
    /// The optimiser.
    pub optimizer: String,
    /// Its rate.
    pub rate: f64,
    /// The largest norm that all gradients together may have; 0 for any.
    pub clip: f64,
    /// Samples of a step.
    pub batch: u32,
    /// What weights and order are drawn from.
    pub seed: u32,
}

/// A run as it is now.
#[derive(Wire, Clone, Debug, PartialEq)]
pub struct FlowRun {
    /// What of its settings differs from the first run's, in words.
    pub label: String,
    /// Steps taken.
    pub step: u32,
    /// The loss of the last step.
    pub loss: f64,
    /// The part answered rightly in the last twenty batches, each before it was learned from.
    pub accuracy: f64,
    /// Means of the losses so far, so many steps each.
    pub losses: Vec<f32>,
    /// How many steps.
    pub stride: u32,
    /// Norms of the gradients of each layer's weights, the output's last.
    pub gradients: Vec<f64>,
    /// Norms of the gradients of what goes into each hidden layer's activation.
    pub signals: Vec<f64>,
    /// Root mean squares of what each hidden layer gives.
    pub activations: Vec<f64>,
    /// How much the step moved each layer's weights, as a part of their norm.
    pub ratios: Vec<f64>,
    /// The part of each hidden layer's units that are dead (zero on each of the last batches) or, of functions that level off, of
    /// outputs at a level.
    pub idle: Vec<f64>,
    /// Whether the loss is no longer a number: the run has ended.
    pub lost: bool,
    /// What ails it.
    pub remarks: Vec<FlowRemark>,
}

/// What ails a run, and what may help.
#[derive(Wire, Clone, Debug, PartialEq)]
pub struct FlowRemark {
    /// Its name: vanishing, exploding, dead-units, saturated, rate-too-high, rate-too-low, symmetric, lost or fine.
    pub ailment: String,
    /// What was seen, and what may help.
    pub text: String,
    /// Cures, the likeliest first.
    pub cures: Vec<FlowCure>,
}

/// A change of settings that may help.
#[derive(Wire, Clone, Debug, PartialEq)]
pub struct FlowCure {
    /// In words.
    pub label: String,
    /// As an address holds settings.
    pub change: String,
}

/// How gradients flow in networks before any step.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "FlowMeasured")]
pub struct Measured {
    /// How many networks.
    pub networks: u32,
    /// What was measured, in words.
    pub about: String,
    /// The gradient's norm before the first activation over that before the last, mean of the networks.
    pub ratio: f64,
    /// The same for each hidden layer.
    pub ratios: Vec<f64>,
}
