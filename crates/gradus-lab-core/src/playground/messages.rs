//! What the Playground says and hears. A run is 0, or 1 for the second of two that are compared. Layers count from 0, the first that
//! has weights; the last one gives the outputs.

use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundCommand")]
pub enum Command {
    /// Changes a setting: name and value as the address has them.
    Set {
        /// Whose.
        run: u8,
        /// As in `learningRate`.
        name: String,
        /// As in `0.03`.
        value: String,
    },
    /// Begins again with new weights: the next draw.
    Reset,
    /// Other points of the same kind: the next seed.
    Regenerate,
    /// Opens a second run, a copy of the first, or closes it.
    Compare {
        /// Whether there are two.
        on: bool,
    },
    /// Goes to what was at the end of an epoch. What comes after is forgotten when learning goes on from there.
    Travel {
        /// From `oldest` to `newest` of the picture.
        epoch: u32,
    },
    /// Edits a weight; a dead link lives again.
    Weight {
        /// Whose.
        run: u8,
        /// Of which layer.
        layer: u8,
        /// Which unit the link leads to.
        unit: u8,
        /// Which input of the layer it comes from.
        input: u8,
        /// The new number.
        value: f64,
    },
    /// Edits a bias.
    Bias {
        /// Whose.
        run: u8,
        /// Of which layer.
        layer: u8,
        /// Which unit.
        unit: u8,
        /// The new number.
        value: f64,
    },
    /// Adds a point. As soon as points are added, moved or erased they are the page's own: the data set is `own`.
    AddPoint {
        /// Whose.
        run: u8,
        /// Where and what.
        point: Point,
    },
    /// Moves a point.
    MovePoint {
        /// Whose.
        run: u8,
        /// Which, as in the picture.
        index: u32,
        /// To the right.
        x: f64,
        /// Up.
        y: f64,
    },
    /// Gives a point another label.
    LabelPoint {
        /// Whose.
        run: u8,
        /// Which, as in the picture.
        index: u32,
        /// −1 or 1 for two classes, 0, 1, 2… for more; any number for regression.
        label: f64,
    },
    /// Takes a point away.
    ErasePoint {
        /// Whose.
        run: u8,
        /// Which, as in the picture.
        index: u32,
    },
    /// Takes all points away, to draw one's own.
    ErasePoints {
        /// Whose.
        run: u8,
    },
    /// Own points from a table: columns x, y, label.
    ReadCsv {
        /// Whose.
        run: u8,
        /// The file.
        text: String,
    },
    /// What pictures hold from now on.
    Look(View),
    /// Asks what every unit computes at a place: `Probed`.
    Probe {
        /// Whose.
        run: u8,
        /// To the right.
        x: f64,
        /// Up.
        y: f64,
    },
    /// Asks for small pictures of the data sets: `Thumbnails`.
    Thumbnails {
        /// Whose: the problem and the number of classes.
        run: u8,
    },
    /// Asks for a file: `Exported`.
    Export {
        /// Whose.
        run: u8,
        /// Of which kind.
        format: Format,
    },
}

/// To the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundEvent")]
pub enum Event {
    /// The newest state.
    Picture(Picture),
    /// What every unit computes at a place.
    Probed(Probed),
    /// Small pictures of the data sets.
    Thumbnails(Vec<Thumbnail>),
    /// A file.
    Exported {
        /// Of which kind.
        format: Format,
        /// What it may be called.
        name: String,
        /// What it holds.
        bytes: Vec<u8>,
        /// What it leaves out or needs, in words.
        remarks: Vec<String>,
    },
}

/// Kinds of files.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "PlaygroundFormat")]
pub enum Format {
    /// `gradus train` with these settings.
    CommandLine,
    /// A program that trains the same network with gradus.
    Rust,
    /// The network as it is.
    Onnx,
    /// The points.
    Csv,
    /// Settings, weights and biases.
    Json,
}

/// A sample.
#[derive(Wire, Clone, Copy, Debug, PartialEq)]
#[wire(name = "PlaygroundPoint")]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// −1 or 1 for two classes, 0, 1, 2… for more; any number for regression.
    pub label: f64,
    /// Whether it is not learned from.
    pub is_test: bool,
}

/// A unit, or a feature.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "PlaygroundPlace")]
pub struct Place {
    /// 0 for the features, then the layers from 1.
    pub column: u8,
    /// Which of the column, from above; of the features, of all seven.
    pub unit: u8,
}

/// What pictures hold.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "PlaygroundView")]
pub struct View {
    /// Pixels across each unit's map, 10 to 100.
    pub unit_side: u8,
    /// Pixels across the large map, 20 to 200.
    pub output_side: u8,
    /// Whose map the large one is; the output's, if none.
    pub shown: Option<Place>,
    /// Whether the regions are wanted in which the network is linear.
    pub regions: bool,
    /// Whether the lines are wanted at which units change.
    pub lines: bool,
    /// The column whose outputs the plane is drawn in, if one is wanted: 1 is the first layer.
    pub warp: Option<u8>,
}

/// What is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundPicture")]
pub struct Picture {
    /// Epochs learned.
    pub epoch: u32,
    /// The first epoch to which one can travel.
    pub oldest: u32,
    /// The last one.
    pub newest: u32,
    /// One run, or two.
    pub runs: Vec<RunPicture>,
}

/// A run.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundRun")]
pub struct RunPicture {
    /// All its settings, as an address holds them.
    pub settings: String,
    /// Whether the settings and the epoch alone lead here: nothing was edited or changed on the way.
    pub is_reproducible: bool,
    /// The rate of the next step, as the schedule has it.
    pub learning_rate: f64,
    /// Mean loss over the training points.
    pub train_loss: f64,
    /// Mean loss over the test points; NaN without any.
    pub test_loss: f64,
    /// What part of the training points is classified rightly; NaN for regression.
    pub train_accuracy: f64,
    /// What part of the test points is.
    pub test_accuracy: f64,
    /// The losses so far.
    pub curve: Curve,
    /// The samples, mixed; those of the test part last.
    pub points: Points,
    /// Which of the seven features are used, in the order of `x, y, xSquared, ySquared, xTimesY, sinX, sinY`: 0 or 1.
    pub features: Vec<u8>,
    /// The layers that have weights; the last gives the outputs.
    pub layers: Vec<Layer>,
    /// Maps of all seven features, then of every unit, column by column, from above; each a square of `unit_side`, rows from above. A level is
    /// 0 for −1 or less, 127 just below 0, 128 at 0, 254 for 1 or more, 255 where it is no number.
    pub maps: Vec<u8>,
    /// The large map, likewise; for more than two classes, if none is chosen: 32 × the class + how sure, 0 to 31.
    pub output: Vec<u8>,
    /// Linear regions and lines, if they are wanted.
    pub regions: Option<Regions>,
    /// The plane as a layer sees it, if it is wanted.
    pub warp: Option<Warp>,
}

/// Losses over the epochs, thinned as they grow.
#[derive(Wire, Clone, Debug, Default, PartialEq)]
#[wire(name = "PlaygroundCurve")]
pub struct Curve {
    /// When.
    pub epochs: Vec<u32>,
    /// Of the training points.
    pub train: Vec<f32>,
    /// Of the test points.
    pub test: Vec<f32>,
}

/// Samples, one list per coordinate.
#[derive(Wire, Clone, Debug, Default, PartialEq)]
#[wire(name = "PlaygroundPoints")]
pub struct Points {
    /// To the right.
    pub x: Vec<f32>,
    /// Up.
    pub y: Vec<f32>,
    /// −1 or 1 for two classes, 0, 1, 2… for more; any number for regression.
    pub label: Vec<f32>,
    /// How many are learned from: the first ones.
    pub train: u32,
}

/// A layer's numbers.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundLayer")]
pub struct Layer {
    /// Units.
    pub units: u8,
    /// Inputs of each.
    pub inputs: u8,
    /// Weights, unit by unit.
    pub weights: Vec<f64>,
    /// Biases.
    pub biases: Vec<f64>,
    /// Which links are dead, unit by unit: 0 or 1.
    pub dead_links: Vec<u8>,
    /// Which units give nothing for any training point (ReLU): 0 or 1.
    pub dead_units: Vec<u8>,
    /// Mean gradients of the last update, unit by unit.
    pub weight_gradients: Vec<f32>,
    /// Those of the biases.
    pub bias_gradients: Vec<f32>,
    /// Length of the layer's gradient.
    pub gradient_norm: f64,
}

/// What every unit computes at a place.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundProbed")]
pub struct Probed {
    /// Whose.
    pub run: u8,
    /// To the right.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// The features in use.
    pub features: Vec<f64>,
    /// Weighted sums, layer by layer.
    pub sums: Vec<Vec<f64>>,
    /// Outputs, layer by layer.
    pub outputs: Vec<Vec<f64>>,
}

/// A small picture of a data set.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "PlaygroundThumbnail")]
pub struct Thumbnail {
    /// The data set, as the address names it.
    pub name: String,
    /// 200 samples without noise.
    pub points: Points,
}

/// Where the network is linear, and the lines between.
#[derive(Wire, Clone, Debug, Default, PartialEq)]
#[wire(name = "PlaygroundRegions")]
pub struct Regions {
    /// Whether they are exact: the activation is piecewise linear, the features are X₁ and X₂. Else there are no regions, and lines are where a
    /// unit's sum is zero, found on a grid.
    pub is_exact: bool,
    /// How many regions are in the square.
    pub count: u32,
    /// Whether there are more, too many to be drawn.
    pub is_cut_off: bool,
    /// The most that so many units in such layers can make.
    pub bound: f64,
    /// Corners of all regions, x and y by turns.
    pub corners: Vec<f32>,
    /// How many corners each region has.
    pub sizes: Vec<u16>,
    /// What the output is in the middle of each region.
    pub values: Vec<f32>,
    /// Lines: x and y of the beginning and of the end.
    pub lines: Vec<f32>,
    /// Whose they are: the layer.
    pub line_layers: Vec<u8>,
    /// Whose they are: the unit.
    pub line_units: Vec<u8>,
}

/// The plane as a layer sees it.
#[derive(Wire, Clone, Debug, Default, PartialEq)]
#[wire(name = "PlaygroundWarp")]
pub struct Warp {
    /// The column: 1 is the first layer.
    pub column: u8,
    /// Nodes of the grid across.
    pub side: u32,
    /// Where the nodes lie, row by row from above, x and y by turns.
    pub nodes: Vec<f32>,
    /// Where the samples lie, in their order.
    pub points: Vec<f32>,
    /// What part of the layer's variance the plane shows: 1 for two units; for more units it is the plane of the two principal axes.
    pub shown: f64,
}
