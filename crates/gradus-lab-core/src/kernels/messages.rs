//! What the page of kernels says and hears.

use crate::wire::Wire;

/// From the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsCommand")]
pub enum Command {
    /// Take one of the page's own pictures.
    Take {
        /// Its name.
        name: String,
    },
    /// Take a picture of the user's.
    Upload {
        /// It.
        photo: Photo,
    },
    /// What becomes of colours.
    Colour {
        /// That.
        colour: Colour,
    },
    /// How sums become bytes.
    Show {
        /// So.
        shown: Shown,
    },
    /// Whether kernels of a chain hand on exact sums, or bytes.
    Between {
        /// Sums.
        exact: bool,
    },
    /// Put a kernel with a name into the chain.
    Named {
        /// Where.
        stage: u32,
        /// Its name.
        name: String,
    },
    /// Put a kernel into the chain, with all that belongs to it.
    Put {
        /// Where.
        stage: u32,
        /// It.
        kernel: Stage,
    },
    /// Change one number.
    Number {
        /// Of which kernel.
        stage: u32,
        /// Which, slice by slice and row by row.
        at: u32,
        /// To what.
        value: f64,
    },
    /// Change a kernel's size; what is in its middle stays.
    Size {
        /// Of which kernel.
        stage: u32,
        /// To what.
        size: u32,
    },
    /// Add a kernel to the end of the chain: the identity.
    Add,
    /// Take a kernel out of the chain.
    Remove {
        /// Which.
        stage: u32,
    },
    /// Look at one kernel of the chain.
    Watch {
        /// Which.
        stage: u32,
    },
    /// Begin to learn a kernel from the picture before and after the one that is looked at.
    Learn {
        /// Numbers of a row of what is learned.
        size: u32,
    },
    /// Begin to learn a kernel from the picture and another one that some kernel made of it.
    LearnFrom {
        /// Numbers of a row of what is learned.
        size: u32,
        /// The picture after, as large as the one before.
        after: Photo,
    },
    /// How fast it learns.
    Rate {
        /// Length of a step as a share of the safe one, 0 to 1.
        rate: f64,
        /// How much of a step is taken again, 0 to 1.
        momentum: f64,
    },
    /// Learn no more, and forget what was learned.
    Forget,
    /// A question: how is a pixel computed?
    Look {
        /// Whether the pixel is one after the kernel; else one before it, at the middle of the window.
        after: bool,
        /// Its column.
        x: u32,
        /// Its row.
        y: u32,
    },
    /// A question: what does the chain make of a camera's picture?
    Filter {
        /// It.
        photo: Photo,
    },
    /// A question: which kernels have the trained networks that are here?
    Trained,
    /// A question: which arrays of a safetensors file are kernels that can be laid over a picture?
    Header {
        /// The file's header.
        json: Vec<u8>,
        /// Bytes that follow it.
        follow: f64,
    },
    /// A question: the kernels of one array of a file.
    Array {
        /// As the answer to [`Header`](Command::Header) told it.
        array: Array,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Command {
    /// Whether it asks only: nothing changes by it.
    pub(crate) fn is_question(&self) -> bool {
        use Command::{Array, Filter, Header, Look, Trained};
        matches!(self, Look { .. } | Filter { .. } | Trained | Header { .. } | Array { .. })
    }
}

/// To the page.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsEvent")]
#[allow(clippy::large_enum_variant)] // one is made for each drawing
pub enum Event {
    /// The newest state.
    Picture(Picture),
    /// How a pixel is computed.
    Sum(Sum),
    /// What became of a camera's picture.
    Filtered {
        /// It.
        image: Image,
    },
    /// Kernels of trained networks.
    Banks {
        /// Network by network.
        banks: Vec<Bank>,
    },
    /// Arrays that are kernels.
    Arrays {
        /// In the file's order.
        arrays: Vec<Array>,
    },
}

/// A picture of the user's: red, green and blue bytes, row by row.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsPhoto")]
pub struct Photo {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 3·width·height.
    pub rgb: Vec<u8>,
}

/// What becomes of colours.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "KernelsColour")]
pub enum Colour {
    /// The picture is made grey.
    Grey,
    /// Red, green and blue each go through the kernel.
    Apart,
    /// The first kernel has numbers for red, green and blue each and adds all up.
    Mixed,
}

/// How sums become bytes.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "KernelsShown")]
pub enum Shown {
    /// Below 0 is black.
    Cut,
    /// Below 0 is as bright as above.
    Absolute,
    /// 0 is the middle grey, below is darker: 128 + sum / 2.
    Middle,
}

/// What is taken for pixels beyond the picture's border.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
#[wire(name = "KernelsBorder")]
pub enum Border {
    /// Nothing: sums that would need one are black.
    Black,
    /// Nothing: the result is smaller.
    Valid,
    /// 0.
    Zero,
    /// The picture mirrored.
    Reflect,
    /// The outermost pixel.
    Replicate,
    /// The picture again.
    Circular,
}

/// A kernel of the chain.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsStage")]
pub struct Stage {
    /// Its name, or `custom`.
    pub name: String,
    /// Numbers of a row.
    pub size: u32,
    /// Its numbers, slice by slice, row by row.
    pub values: Vec<f64>,
    /// Pixels from one window to the next.
    pub stride: u32,
    /// Pixels from one number to the next.
    pub dilation: u32,
    /// What lies around.
    pub border: Border,
}

/// A picture that is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsImage")]
pub struct Image {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Grey, or red, green and blue.
    pub channels: u32,
    /// Channel by channel, row by row.
    pub bytes: Vec<u8>,
}

/// What is drawn.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsPicture")]
pub struct Picture {
    /// The picture's name, or `own`.
    pub taken: String,
    /// Names of pictures.
    pub pictures: Vec<String>,
    /// Names of kernels.
    pub kernels: Vec<String>,
    /// What becomes of colours.
    pub colour: Colour,
    /// How sums become bytes.
    pub shown: Shown,
    /// Whether sums are handed on.
    pub exact: bool,
    /// The chain.
    pub stages: Vec<Stage>,
    /// The kernel that is looked at.
    pub watched: u32,
    /// The picture, and what each kernel makes of it.
    pub images: Vec<Image>,
    /// What each kernel does, in words.
    pub told: Vec<String>,
    /// The size after each kernel, by the formula.
    pub formulas: Vec<String>,
    /// The one kernel that does what the chain does, if there is one that is not too large.
    pub equal: Option<Stage>,
    /// About it, or why there is none; nothing if the chain is one kernel.
    pub about_equal: String,
    /// What is learned.
    pub learned: Option<Learned>,
    /// Length of a step.
    pub rate: f64,
    /// How much of a step is taken again.
    pub momentum: f64,
}

/// A kernel that is learned.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsLearned")]
pub struct Learned {
    /// It.
    pub kernel: Stage,
    /// What it is learned from; none if that is a picture.
    pub teacher: Option<Stage>,
    /// The largest difference of a number to the one that made the picture after.
    pub off: Option<f64>,
    /// Passes over the picture.
    pub passes: u32,
    /// The root of the mean squared error, in grey values, pass by pass: every so many.
    pub errors: Vec<f32>,
    /// Every how many.
    pub every: u32,
    /// Whether it is through.
    pub done: bool,
    /// How it stands, in words.
    pub words: String,
}

/// How a pixel is computed.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsSum")]
pub struct Sum {
    /// By which kernel of the chain.
    pub stage: u32,
    /// The pixel's column.
    pub x: u32,
    /// Its row.
    pub y: u32,
    /// What is added, channel by channel, row by row.
    pub terms: Vec<Term>,
    /// The sum of each channel after the kernel; nothing where a pixel that is not there would be needed.
    pub sums: Vec<f64>,
    /// The bytes that are drawn.
    pub bytes: Vec<u8>,
    /// In words.
    pub words: String,
}

/// A product.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsTerm")]
pub struct Term {
    /// The pixel's column; it may be beyond the border.
    pub x: i32,
    /// Its row.
    pub y: i32,
    /// The pixel, or what is taken for it.
    pub pixel: Option<f64>,
    /// The kernel's number.
    pub weight: f64,
}

/// Kernels of a network's layer.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsBank")]
pub struct Bank {
    /// The network, the array.
    pub name: String,
    /// How it was trained; empty if that is not known.
    pub made: String,
    /// Numbers of a row.
    pub size: u32,
    /// Slices of each kernel.
    pub slices: u32,
    /// Kernel by kernel.
    pub values: Vec<f64>,
}

/// An array of a file.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "KernelsArray")]
pub struct Array {
    /// Its name.
    pub name: String,
    /// Kernels, slices, rows, columns.
    pub shape: Vec<u32>,
    /// The type of its numbers.
    pub kind: String,
    /// Where its bytes begin, counted from the end of the header.
    pub begin: f64,
    /// How many they are.
    pub bytes: u32,
}
