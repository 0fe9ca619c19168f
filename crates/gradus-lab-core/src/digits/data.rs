//! The embedded digits, cut as the network sees them.

use super::layers::SIDE;
use super::network::PICTURE;
use gradus::data::mnist_5k;
use std::sync::OnceLock;

/// Pixels of a picture.
pub(super) const PIXELS: usize = PICTURE * PICTURE;
/// Pictures of each digit that are kept for the test.
const TESTED: usize = 100;
/// Pictures of the test.
pub(super) const TESTS: usize = 1000;

/// The digits, shared by all pages.
pub(super) struct Digits {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    /// Pictures to learn from, and to test on.
    pub(super) train: Vec<u32>,
    pub(super) test: Vec<u32>,
}

/// 4,000 digits to learn from and 1,000 to test on: the last hundred of each.
pub(super) fn digits() -> &'static Digits {
    static DIGITS: OnceLock<Digits> = OnceLock::new();
    DIGITS.get_or_init(|| {
        let all = mnist_5k().expect("digits are embedded");
        let labels: Vec<u8> = all.labels().iter().map(|label| *label as u8).collect();
        let (mut train, mut test) = (vec![], vec![]);
        for digit in 0..10 {
            let of = labels.iter().zip(0..).filter(|(label, _)| **label == digit);
            let of: Vec<u32> = of.map(|(_, i)| i).collect();
            let cut = of.len() - TESTED;
            train.extend(&of[..cut]);
            test.extend(&of[cut..]);
        }
        // The test's pictures in turn: one of each digit, then the next of each.
        let test = (0..TESTS).map(|i| test[i % 10 * TESTED + i / 10]).collect();
        Digits { pixels: all.pixels().to_vec(), labels, train, test }
    })
}

impl Digits {
    /// 28 × 28 pixels, 255 where the pen was.
    pub(super) fn picture(&self, index: u32) -> &[u8] {
        &self.pixels[index as usize * PIXELS..][..PIXELS]
    }

    pub(super) fn label(&self, index: u32) -> u8 {
        self.labels[index as usize]
    }
}

/// Pixels from 0 to 1.
pub(super) fn light(pixels: &[u8]) -> impl Iterator<Item = f32> {
    pixels.iter().map(|pixel| f32::from(*pixel) / 255.0)
}

/// Appends a crop of 24 × 24 that begins at a row and a column, from 0 to 4.
pub(super) fn crop(pixels: &[u8], [row, column]: [usize; 2], to: &mut Vec<f32>) {
    for r in 0..SIDE {
        to.extend(light(&pixels[(row + r) * PICTURE + column..][..SIDE]));
    }
}

/// Why a drawing cannot be read.
#[derive(Debug, PartialEq)]
pub(super) enum Unusable {
    /// Sizes that are 0 or too large, or other numbers of pixels.
    Size,
    /// Nothing is drawn.
    Empty,
}

/// Brings a drawing into MNIST's form: the ink's larger side becomes 20 pixels, its centre of mass the middle of 28 × 28. A picture on
/// light ground, as paper is, is turned round.
pub(super) fn as_mnist(pixels: &[u8], width: usize, height: usize) -> Result<Vec<u8>, Unusable> {
    if !(1..=MOST).contains(&width)
        || !(1..=MOST).contains(&height)
        || pixels.len() != width * height
    {
        return Err(Unusable::Size);
    }
    let rim = (0..width).flat_map(|c| [c, (height - 1) * width + c]);
    let rim = rim.chain((0..height).flat_map(|r| [r * width, r * width + width - 1]));
    let rim: Vec<u64> = rim.map(|i| u64::from(pixels[i])).collect();
    let paper = rim.iter().sum::<u64>() > 127 * rim.len() as u64;
    let ink: Vec<f32> =
        light(pixels).map(|value| if paper { 1.0 - value } else { value }).collect();
    let darkest = ink.iter().fold(0.0f32, |most, value| most.max(*value));
    let (mut rows, mut columns) = ([height, 0], [width, 0]);
    let faint = (darkest * 0.1).max(0.08);
    for (i, _) in ink.iter().enumerate().filter(|(_, value)| **value > faint) {
        rows = [rows[0].min(i / width), rows[1].max(i / width + 1)];
        columns = [columns[0].min(i % width), columns[1].max(i % width + 1)];
    }
    if rows[1] == 0 {
        return Err(Unusable::Empty);
    }
    let extent = (rows[1] - rows[0]).max(columns[1] - columns[0]) as f32;
    let scale = extent / 20.0; // pixels of the drawing for each of the picture
    let (mut mass, mut middle) = (0.0, [0.0f32; 2]);
    for r in rows[0]..rows[1] {
        for c in columns[0]..columns[1] {
            let value = ink[r * width + c];
            mass += value;
            middle = [middle[0] + value * (r as f32 + 0.5), middle[1] + value * (c as f32 + 0.5)];
        }
    }
    // Whole pixels of the picture, as MNIST was made, whose centres of mass lie from 14 to 15: a digit of MNIST stays itself.
    let corner = [0, 1].map(|axis| {
        let begins = [rows[0], columns[0]][axis] as f32;
        let centre = (middle[axis] / mass - begins) / scale;
        begins - (14.499 - centre).round() * scale
    });
    let value = |r: usize, c: usize| {
        let area = [corner[0] + r as f32 * scale, corner[1] + c as f32 * scale];
        255.0 * mean(&ink, [height, width], area, scale) / darkest
    };
    Ok((0..PIXELS).map(|i| value(i / PICTURE, i % PICTURE).round() as u8).collect())
}

/// Pixels along a side of a drawing, at most.
const MOST: usize = 1024;

/// The mean of a square area, whose parts outside of the picture are empty.
fn mean(ink: &[f32], [height, width]: [usize; 2], [top, left]: [f32; 2], side: f32) -> f32 {
    let span = |from: f32, size: usize| {
        let first = from.floor().max(0.0) as usize;
        let last = ((from + side).ceil().max(0.0) as usize).min(size);
        first.min(last)..last
    };
    let share = |i: usize, from: f32| ((i + 1) as f32).min(from + side) - (i as f32).max(from);
    let mut sum = 0.0;
    for r in span(top, height) {
        for c in span(left, width) {
            sum += ink[r * width + c] * share(r, top) * share(c, left);
        }
    }
    sum / (side * side)
}
