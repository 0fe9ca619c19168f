//! The model zoo of Gradus: each network a short file that reads like its paper's table.

mod convnetjs;
mod lenet;
mod lenet_original;
mod linear;
mod mlp;

use gradus_base::Shape;
use gradus_nn::{Init, Sequential};

pub use convnetjs::convnetjs;
pub use lenet::lenet;
pub use lenet_original::lenet_original;
pub use linear::linear;
pub use mlp::mlp;

/// A network by name.
pub struct Entry {
    /// The name users write.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The input it is made for, without the batch axis.
    pub input: &'static [usize],
    /// Builds it for inputs of a shape and a number of classes.
    pub build: fn(Shape, usize, &Init) -> Sequential,
}

/// Every network, by name.
pub const ZOO: &[Entry] = &[
    Entry {
        name: "convnetjs",
        about: "two convolutions of 8 and 16 maps, 5,994 parameters",
        source: "Karpathy 2014",
        input: &[1, 24, 24],
        build: convnetjs,
    },
    Entry {
        name: "lenet",
        about: "LeNet-5 with ReLU and max-pooling, 61,706 parameters",
        source: "LeCun et al. 1998",
        input: &[1, 28, 28],
        build: lenet,
    },
    Entry {
        name: "lenet_original",
        about: "LeNet-5 as published, tanh and distances to bitmaps, 60,000 parameters",
        source: "LeCun et al. 1998",
        input: &[1, 32, 32],
        build: lenet_original,
    },
    Entry {
        name: "linear",
        about: "one dense layer: softmax regression",
        source: "-",
        input: &[1, 28, 28],
        build: linear,
    },
    Entry {
        name: "mlp",
        about: "784-128-10 with ReLU",
        source: "TensorFlow's first tutorial",
        input: &[1, 28, 28],
        build: mlp,
    },
];

/// The network of a name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ZOO.iter().find(|e| e.name == name)
}
