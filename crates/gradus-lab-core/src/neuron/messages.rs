//! What the page of one neuron says and hears.

use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronCommand")]
pub enum Command {
    /// All weights are zero again.
    Forget,
    /// Begins with the points of a table: and, or, nand, xor; `own` keeps those that are there.
    Table {
        /// Its name.
        name: String,
    },
    /// The rate of the updates to come.
    Rate {
        /// From 0.001 to 10.
        rate: f64,
    },
    /// With the constant input, whose weight is the bias, or without it; begins anew.
    Bias {
        /// With it.
        on: bool,
    },
    /// Another point.
    Add {
        /// To the right.
        x: f64,
        /// Upwards.
        y: f64,
        /// Whether its answer is 1.
        one: bool,
    },
    /// A point goes elsewhere.
    Move {
        /// Which, counted from 0.
        index: u32,
        /// To the right.
        x: f64,
        /// Upwards.
        y: f64,
    },
    /// A point is of the other class.
    Turn {
        /// Which, counted from 0.
        index: u32,
    },
    /// A point goes away.
    Erase {
        /// Which, counted from 0.
        index: u32,
    },
    /// All points go away.
    Clear,
    /// Which activation is looked at, where, and how many layers of it.
    Look {
        /// Its name, as the picture lists them.
        name: String,
        /// From −6 to 6.
        x: f64,
        /// From 1 to 100.
        layers: u32,
    },
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
    /// The table that is learned, or `own`.
    pub table: String,
    /// The points, to the right.
    pub xs: Vec<f64>,
    /// The points, upwards.
    pub ys: Vec<f64>,
    /// 1 where the answer wanted is 1.
    pub ones: Vec<u8>,
    /// w·x of each point by the weights as they are.
    pub sums: Vec<f64>,
    /// What each point gives: 1 where that is not below 0.
    pub answers: Vec<u8>,
    /// Whether there is a constant input.
    pub bias: bool,
    /// The rate.
    pub rate: f64,
    /// Weights of x₁ and x₂ and the bias.
    pub weights: Vec<f64>,
    /// Samples seen.
    pub step: u32,
    /// Mistakes made.
    pub mistakes: u32,
    /// Mistakes of each of the last epochs that have ended.
    pub errors: Vec<u32>,
    /// Epochs that ended before those.
    pub earlier: u32,
    /// The sample that comes next, counted from 0.
    pub next: u32,
    /// What the last sample did.
    pub update: Option<Update>,
    /// Where learning is.
    pub state: State,
    /// Weights after each sample, over and over: three numbers each.
    pub cycle: Vec<f64>,
    /// Whether a line can tell the points apart.
    pub apart: Apart,
    /// Whether learning began with zero weights and one rate, as the bound wants.
    pub fresh: bool,
    /// What is seen, in words.
    pub words: String,
    /// The activation that is looked at.
    pub activation: Activation,
}

/// Where learning is.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "NeuronState")]
pub enum State {
    /// There is no point to learn.
    Empty,
    /// Mistakes are still made.
    Learning,
    /// An epoch passed without a mistake.
    Learned,
    /// The weights come back for ever.
    Cycling,
    /// A million samples were seen, and that is enough.
    Weary,
}

/// What a sample did.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronUpdate")]
pub struct Update {
    /// Which, counted from 0.
    pub index: u32,
    /// The inputs: x₁, x₂ and the constant, which is 0 without a bias.
    pub input: Vec<f64>,
    /// The answer wanted, y.
    pub target: u8,
    /// w·x.
    pub sum: f64,
    /// The answer given, ŷ.
    pub answer: u8,
    /// The rate, α.
    pub rate: f64,
    /// The weights before.
    pub before: Vec<f64>,
    /// −α(ŷ−y)x.
    pub change: Vec<f64>,
    /// The weights after.
    pub after: Vec<f64>,
}

/// Whether a line can tell the points apart, and why.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronApart")]
pub struct Apart {
    /// It can.
    pub can: bool,
    /// The length of the longest input, R.
    pub radius: f64,
    /// The largest distance γ that a plane through the origin keeps from all inputs; 0 if there is none.
    pub margin: f64,
    /// (R/γ)², the most mistakes from zero weights.
    pub bound: Option<f64>,
    /// The weights of length 1 with that distance.
    pub widest: Vec<f64>,
    /// The points that contradict each other.
    pub against: Vec<u32>,
    /// How often each counts.
    pub times: Vec<f64>,
    /// What each of them demands.
    pub demands: Vec<String>,
    /// Why, in words.
    pub why: String,
}

/// An activation, its slope, and what of a gradient passes through layers of it.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "NeuronActivation")]
pub struct Activation {
    /// All that there are, by name.
    pub names: Vec<String>,
    /// The one that is looked at.
    pub name: String,
    /// Its formula.
    pub formula: String,
    /// Where it is drawn.
    pub xs: Vec<f32>,
    /// f there.
    pub values: Vec<f32>,
    /// f′ there.
    pub slopes: Vec<f32>,
    /// Where it is looked at.
    pub x: f64,
    /// f(x).
    pub value: f64,
    /// f′(x).
    pub slope: f64,
    /// The steepest it is.
    pub steepest: f64,
    /// Layers.
    pub layers: u32,
    /// steepestⁿ: the most that passes through 1, 2, … layers where each weight is 1.
    pub most: Vec<f64>,
    /// f′(x)ⁿ: what passes if every unit works at x.
    pub here: Vec<f64>,
    /// What passes through units in a row, each fed by the one before: f′(x)·f′(f(x))·…
    pub along: Vec<f64>,
    /// What that means, in words.
    pub words: String,
}
