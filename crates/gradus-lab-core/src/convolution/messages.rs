//! What the page of convolution says and hears.

use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionCommand")]
pub enum Command {
    /// Take another layer: sizes change, numbers are drawn anew where they do.
    Layer {
        /// It.
        layer: Layer,
    },
    /// Draw other numbers.
    Draw {
        /// Which: the same seed draws the same ones.
        seed: u32,
    },
    /// Change a number of the input.
    Pixel {
        /// Which, channel by channel, row by row.
        at: u32,
        /// To what.
        value: f64,
    },
    /// Change a number of the kernels.
    Weight {
        /// Which, kernel by kernel, channel by channel, row by row.
        at: u32,
        /// To what.
        value: f64,
    },
    /// Change a bias.
    Bias {
        /// Of which kernel.
        at: u32,
        /// To what.
        value: f64,
    },
    /// The loss grows by 1 where any output does.
    Ones,
    /// The loss grows by 1 where one output does, and by that one alone.
    One {
        /// Which, map by map, row by row.
        at: u32,
    },
    /// Ask a question of the lecture.
    Ask {
        /// Which.
        question: u32,
        /// With which numbers; 0 has the lecture's.
        seed: u32,
    },
    /// Answer the question.
    Answer {
        /// As it was typed or chosen.
        text: String,
    },
    /// A question: how is an output computed?
    Output {
        /// Which, map by map, row by row.
        at: u32,
    },
    /// A question: what does an input do?
    Input {
        /// Which, channel by channel, row by row.
        at: u32,
    },
    /// A question: what does a weight do?
    Slope {
        /// Which, kernel by kernel, channel by channel, row by row.
        at: u32,
    },
}

impl Command {
    /// Whether it asks only: nothing changes by it.
    pub(crate) fn is_question(&self) -> bool {
        matches!(self, Command::Output { .. } | Command::Input { .. } | Command::Slope { .. })
    }
}

/// To the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionEvent")]
#[allow(clippy::large_enum_variant)] // one is made for each drawing
pub enum Event {
    /// The newest state.
    Picture(Picture),
    /// How an output is computed, or a gradient.
    Sum(Sum),
}

/// What the layer does with a window.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "ConvolutionOp")]
pub enum Op {
    /// The sum of products with each kernel.
    Convolution,
    /// Its largest number.
    Max,
    /// Its mean.
    Mean,
}

/// How much is put around the input.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "ConvolutionPadding")]
pub enum Padding {
    /// Nothing.
    Valid,
    /// So much that ⌈L / S⌉ outputs are there; an odd row or column goes below or right.
    Same,
    /// D·(K − 1) on every side: each window that touches the input.
    Full,
    /// D·(K − 1) above and left: no output sees what comes after it.
    Causal,
    /// So many on every side.
    Explicit,
}

/// A layer.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "ConvolutionLayer")]
pub struct Layer {
    /// What it does.
    pub op: Op,
    /// L: rows and columns of the input.
    pub size: u32,
    /// C: channels of the input.
    pub channels: u32,
    /// C′: kernels, and so channels of the output; those of the input where it is a pool.
    pub kernels: u32,
    /// K: rows and columns of the window.
    pub window: u32,
    /// S: from one window to the next.
    pub stride: u32,
    /// D: from one number of a kernel to the next; 1 where it is a pool.
    pub dilation: u32,
    /// What lies around.
    pub padding: Padding,
    /// How many, where it is [`Explicit`](Padding::Explicit).
    pub explicit: u32,
    /// Whether a last window of a pool may reach past the end, as in Caffe.
    pub ceil: bool,
}

/// What is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionPicture")]
pub struct Picture {
    /// The layer.
    pub layer: Layer,
    /// By which its numbers were drawn.
    pub seed: u32,
    /// Rows and columns of the output.
    pub out: u32,
    /// Rows put above and below; columns left and right.
    pub around: Vec<u32>,
    /// [C, L, L].
    pub input: Vec<f64>,
    /// [C′, C, K, K]; empty where it is a pool.
    pub weights: Vec<f64>,
    /// [C′]; empty where it is a pool.
    pub biases: Vec<f64>,
    /// [C′, out, out].
    pub output: Vec<f64>,
    /// How much the loss grows with each output.
    pub upstream: Vec<f64>,
    /// And with each input: [C, L, L].
    pub input_slopes: Vec<f64>,
    /// And with each weight.
    pub weight_slopes: Vec<f64>,
    /// And with each bias.
    pub bias_slopes: Vec<f64>,
    /// The formula of sizes, with its numbers.
    pub formula: String,
    /// What the padding is.
    pub about_padding: String,
    /// How many parameters there are, and how many a dense layer would have.
    pub parameters: String,
    /// The question that is asked.
    pub question: Question,
}

/// A question of the lecture.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionQuestion")]
pub struct Question {
    /// Which.
    pub question: u32,
    /// How many there are.
    pub of: u32,
    /// With which numbers.
    pub seed: u32,
    /// It.
    pub text: String,
    /// What can be chosen; empty if a number is to be typed.
    pub options: Vec<String>,
    /// Squares of numbers that are shown with it.
    pub grids: Vec<Grid>,
    /// Whether the last answer was right; none if there is none yet.
    pub right: Option<bool>,
    /// Why.
    pub why: String,
    /// Questions answered rightly at the first try.
    pub won: u32,
    /// Questions tried.
    pub tried: u32,
}

/// A square of numbers.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionGrid")]
pub struct Grid {
    /// Its name.
    pub name: String,
    /// Rows and columns.
    pub size: u32,
    /// Its numbers, row by row; none where there is a question mark or nothing.
    pub values: Vec<Option<f64>>,
    /// The number that is asked for.
    pub marked: Option<u32>,
}

/// How a number is computed.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionSum")]
pub struct Sum {
    /// What it is of.
    pub of: Of,
    /// Which one.
    pub at: u32,
    /// What is added.
    pub terms: Vec<Term>,
    /// What is added at last.
    pub bias: f64,
    /// All.
    pub value: f64,
    /// In words.
    pub words: String,
}

/// What a sum is of.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "ConvolutionOf")]
pub enum Of {
    /// An output.
    Output,
    /// What the loss gains with an input.
    Input,
    /// What the loss gains with a weight.
    Weight,
}

/// A product.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ConvolutionTerm")]
pub struct Term {
    /// The input; none beyond the border.
    pub input: Option<u32>,
    /// The weight; none where it is a pool.
    pub weight: Option<u32>,
    /// The output.
    pub output: u32,
    /// Row and column, where the input would be.
    pub row: i32,
    /// Column.
    pub column: i32,
    /// The first number: the pixel, or the gradient that comes from above.
    pub first: f64,
    /// The second: the weight, or what stands in its place.
    pub second: f64,
}
