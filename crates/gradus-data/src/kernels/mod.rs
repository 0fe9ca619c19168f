//! Kernels over pictures: the ones with names, and how any of them is laid over the pixels. A kernel is laid as it is written, it
//! is not turned round (a cross-correlation), as convolutional networks have it.
//!
//! The names, their numbers and [`Border::Black`] are those of the page "Image Kernels" (setosa.io/ev/image-kernels).

mod laid;
#[cfg(test)]
mod tests;

pub use laid::{Border, Laid, Map, byte, grey};

/// The kernels by name, row by row.
#[rustfmt::skip]
pub const KERNELS: &[(&str, [f64; 9])] = &[
    ("identity",     [0., 0., 0., 0., 1., 0., 0., 0., 0.]),
    ("blur",         [0.0625, 0.125, 0.0625, 0.125, 0.25, 0.125, 0.0625, 0.125, 0.0625]),
    ("sharpen",      [0., -1., 0., -1., 5., -1., 0., -1., 0.]),
    ("outline",      [-1., -1., -1., -1., 8., -1., -1., -1., -1.]),
    ("emboss",       [-2., -1., 0., -1., 1., 1., 0., 1., 2.]),
    ("left-sobel",   [1., 0., -1., 2., 0., -2., 1., 0., -1.]),
    ("right-sobel",  [-1., 0., 1., -2., 0., 2., -1., 0., 1.]),
    ("top-sobel",    [1., 2., 1., 0., 0., 0., -1., -2., -1.]),
    ("bottom-sobel", [-1., -2., -1., 0., 0., 0., 1., 2., 1.]),
];

/// The kernel of that name.
///
/// ```
/// assert_eq!(gradus_data::kernels::named("sharpen").map(|k| k[4]), Some(5.0));
/// ```
pub fn named(name: &str) -> Option<[f64; 9]> {
    KERNELS.iter().find(|(known, _)| *known == name).map(|(_, kernel)| *kernel)
}

/// A square of weights: K×K for each slice. One slice is laid over every channel alike and keeps them apart; with a slice for each
/// channel all are added up into one map.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// K.
    pub size: usize,
    /// Slice by slice, row by row.
    pub values: Vec<f64>,
}

impl Weights {
    /// One slice of K×K numbers.
    pub fn flat(size: usize, values: impl Into<Vec<f64>>) -> Weights {
        let values = values.into();
        assert_eq!(values.len(), size * size, "K·K numbers");
        Weights { size, values }
    }

    /// How many slices.
    pub fn slices(&self) -> usize {
        self.values.len() / (self.size * self.size)
    }

    /// The number of a slice at a row and a column.
    pub fn at(&self, slice: usize, row: usize, column: usize) -> f64 {
        self.values[(slice * self.size + row) * self.size + column]
    }
}
