//! What the page of digits says and hears.

pub use super::trainer::{Method, Options};
use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "DigitsCommand")]
pub enum Command {
    /// Learn with other options from now on.
    Options(Options),
    /// Begin again with the network of a text.
    Network {
        /// Lines as ConvNetJS has them.
        text: String,
    },
    /// Say what is wrong with a text, if something is.
    Check {
        /// Lines as ConvNetJS has them.
        text: String,
    },
    /// Send the network as ConvNetJS's JSON.
    Save,
    /// Take a network that is ConvNetJS's JSON.
    Load {
        /// What [`Command::Save`] or ConvNetJS's `toJSON` gave.
        json: String,
    },
    /// Test the next pictures.
    Test {
        /// How many, 100 at most.
        count: u32,
    },
    /// Look at a picture of the test, layer by layer.
    Show {
        /// From 0 to 999.
        test: u32,
    },
    /// Look at a drawing, layer by layer.
    ShowDrawing {
        /// 28 × 28 pixels.
        pixels: Vec<u8>,
        /// What it is meant to be: gradients are of that class's loss.
        label: u8,
    },
    /// Whether pictures hold the layers.
    Layers {
        /// Whether they do.
        on: bool,
    },
    /// Begin the curves anew.
    ClearCurves,
    /// Tell what a drawing is.
    Predict {
        /// Grey, one row after the other; 255 is white.
        pixels: Vec<u8>,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Send pictures that were taken for another digit, or for the right one.
    Cell {
        /// What they are.
        digit: u8,
        /// What they were taken for.
        guess: u8,
    },
    /// Change a picture so that it is taken for another digit.
    Attack {
        /// 28 × 28 pixels.
        pixels: Vec<u8>,
        /// The other digit.
        target: u8,
        /// How far a pixel may move, of 0 to 1.
        epsilon: f32,
    },
    /// Send the network as a program.
    Export,
}

impl Command {
    /// Whether it changes nothing that is learned, counted or shown.
    pub(super) fn asks(&self) -> bool {
        matches!(
            self,
            Command::Check { .. }
                | Command::Save
                | Command::Predict { .. }
                | Command::Cell { .. }
                | Command::Attack { .. }
                | Command::Export
        )
    }
}

/// To the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "DigitsEvent")]
pub enum Event {
    /// The newest state.
    Picture(Box<Picture>),
    /// What is wrong with a text; nothing where `what` is empty.
    Checked {
        /// From 1.
        line: u32,
        /// From 1.
        column: u32,
        /// In words.
        what: String,
        /// What the network would be, where nothing is wrong.
        summary: String,
    },
    /// The network as ConvNetJS's JSON.
    Saved {
        /// The text of a file.
        json: String,
    },
    /// What a drawing is.
    Predicted {
        /// As the network sees it: 28 × 28.
        pixels: Vec<u8>,
        /// Of each digit.
        probabilities: Vec<f32>,
    },
    /// Nothing is drawn.
    Empty,
    /// The pictures of a cell of the confusion matrix.
    Cell {
        /// What they are.
        digit: u8,
        /// What they were taken for.
        guess: u8,
        /// Which of the test.
        tests: Vec<u32>,
        /// 28 × 28 each.
        pixels: Vec<u8>,
    },
    /// A picture changed.
    Attacked {
        /// 28 × 28.
        pixels: Vec<u8>,
        /// By how much, of −1 to 1.
        change: Vec<f32>,
        /// Probabilities of the picture as it was.
        before: Vec<f32>,
        /// Probabilities of the changed one.
        after: Vec<f32>,
        /// Steps that it took.
        steps: u32,
    },
    /// A program that builds and trains the network.
    Exported {
        /// Rust.
        rust: String,
    },
}

/// What is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "DigitsPicture")]
pub struct Picture {
    /// Updates made.
    pub step: u32,
    /// Pictures seen, those of the validation too.
    pub examples: u32,
    /// How it learns.
    pub options: Options,
    /// The network's text.
    pub network: String,
    /// Numbers that are learned.
    pub parameters: u32,
    /// Mean of −ln of the right digit's probability, over the last 100 pictures.
    pub loss: Option<f32>,
    /// What the decay adds.
    pub decay_loss: Option<f32>,
    /// Right answers of the last 100 pictures that were learned from.
    pub train_accuracy: Option<f32>,
    /// Right answers of the last 100 pictures that were held back.
    pub validation_accuracy: Option<f32>,
    /// Right answers of the last 200 tests.
    pub test_accuracy: Option<f32>,
    /// Curves.
    pub curves: Curves,
    /// The last tests, the newest first.
    pub tests: Vec<Tested>,
    /// How often digit `i / 10` was taken for `i % 10`, by the last test of each picture.
    pub confusion: Vec<u32>,
    /// What is looked at: 28 × 28 pixels.
    pub shown: Vec<u8>,
    /// What it is.
    pub shown_label: u8,
    /// Probabilities of what is looked at.
    pub shown_probabilities: Vec<f32>,
    /// Layer by layer, of its middle 24 × 24 pixels.
    pub layers: Vec<LayerPicture>,
}

/// Means over time.
#[derive(Wire, Clone, Debug, Default, PartialEq)]
#[wire(name = "DigitsCurves")]
pub struct Curves {
    /// Pictures seen.
    pub examples: Vec<f32>,
    /// Losses.
    pub losses: Vec<f32>,
    /// Accuracies of training.
    pub train: Vec<f32>,
    /// Accuracies of validation.
    pub validation: Vec<f32>,
}

/// A picture of the test and what it was taken for.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "DigitsTested")]
pub struct Tested {
    /// From 0 to 999.
    pub test: u32,
    /// What it is.
    pub label: u8,
    /// 28 × 28.
    pub pixels: Vec<u8>,
    /// Of each digit.
    pub probabilities: Vec<f32>,
}

/// A layer and what goes through it.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "DigitsLayer")]
pub struct LayerPicture {
    /// ConvNetJS's name.
    pub name: String,
    /// "24x24x8".
    pub size: String,
    /// Filters or windows, and stride: "5x5x1, stride 1"; empty where there are none.
    pub windows: String,
    /// "8x5x5x1+8 = 208"; empty where nothing is learned.
    pub parameters: String,
    /// Channels.
    pub channels: u32,
    /// Columns of a channel.
    pub columns: u32,
    /// What comes out, channel by channel.
    pub values: Field,
    /// The loss's gradient there; none of the softmax.
    pub gradients: Field,
    /// Pixels along a side of a filter, 0 where there are none.
    pub filter_side: u32,
    /// Filters, each plane by plane.
    pub weights: Field,
    /// Their gradients, of the shown picture alone.
    pub weight_gradients: Field,
}

/// Numbers and the least and the largest of them.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "DigitsField")]
pub struct Field {
    /// Numbers.
    pub values: Vec<f32>,
    /// The least.
    pub least: f32,
    /// The largest.
    pub largest: f32,
}

impl Field {
    pub(super) fn new(values: Vec<f32>) -> Field {
        let over = |of: fn(f32, f32) -> f32| values.iter().copied().reduce(of).unwrap_or(0.0);
        let (least, largest) = (over(f32::min), over(f32::max));
        Field { values, least, largest }
    }
}
