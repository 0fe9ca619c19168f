//! What the page of one neuron says and hears.

use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronCommand")]
pub enum Command {
    /// All weights are zero again.
    Forget,
}

/// To the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronEvent")]
pub enum Event {
    /// The newest state.
    Picture(Picture),
}

/// What is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronPicture")]
pub struct Picture {
    /// Weights of x₁ and x₂ and the bias.
    pub weights: Vec<f64>,
    /// Samples seen.
    pub step: u32,
    /// Mistakes made.
    pub mistakes: u32,
}
