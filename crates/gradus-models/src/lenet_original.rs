//! LeNet-5 as published: 60,000 trained parameters.   LeCun, Bottou, Bengio & Haffner 1998 §II.B

use crate::Design;
use gradus_base::Error;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::{Tensor, report};

/// Table I: the maps of S2 that each map of C3 sees.
const C3: [&[usize]; 16] = [
    &[0, 1, 2],
    &[1, 2, 3],
    &[2, 3, 4],
    &[3, 4, 5],
    &[0, 4, 5],
    &[0, 1, 5],
    &[0, 1, 2, 3],
    &[1, 2, 3, 4],
    &[2, 3, 4, 5],
    &[0, 3, 4, 5],
    &[0, 1, 4, 5],
    &[0, 1, 2, 5],
    &[0, 1, 3, 4],
    &[1, 2, 4, 5],
    &[0, 2, 3, 5],
    &[0, 1, 2, 3, 4, 5],
];

/// Digits of 7×12 pixels, row by row. The idea is figure 3's; the pictures are seven segments, not its drawings.
const DIGITS: [[&str; 12]; 10] = [
    seven_segments(0b111_0111),
    seven_segments(0b001_0010),
    seven_segments(0b101_1101),
    seven_segments(0b101_1011),
    seven_segments(0b011_1010),
    seven_segments(0b110_1011),
    seven_segments(0b110_1111),
    seven_segments(0b101_0010),
    seven_segments(0b111_1111),
    seven_segments(0b111_1011),
];

/// Bits: top, upper left, upper right, middle, lower left, lower right, bottom.
const fn seven_segments(on: u8) -> [&'static str; 12] {
    const fn bar(on: bool) -> &'static str {
        if on { ".#####." } else { "......." }
    }
    const fn sides(left: bool, right: bool) -> &'static str {
        match (left, right) {
            (true, true) => "##...##",
            (true, false) => "##.....",
            (false, true) => ".....##",
            (false, false) => ".......",
        }
    }
    let upper = sides(on & 0b010_0000 != 0, on & 0b001_0000 != 0);
    let lower = sides(on & 0b000_0100 != 0, on & 0b000_0010 != 0);
    let (top, middle, bottom) = (bar(on & 64 != 0), bar(on & 8 != 0), bar(on & 1 != 0));
    [top, top, upper, upper, upper, middle, middle, lower, lower, lower, bottom, bottom]
}

/// LeNet-5 as published, for digits of 28×28 (padded by 2) or 32×32: 1.7159 tanh(2x/3), trained subsampling, C3's
/// connection table, and an output of distances to the digits' bitmaps, whose 840 weights are fixed.
///
/// # Panics
/// If there are not ten classes: the output's codes are pictures of the ten digits.
#[track_caller]
pub fn lenet_original(d: &Design, init: &Init) -> Sequential {
    if d.classes != 10 {
        let what =
            format!("{} classes; its output compares with pictures of the ten digits", d.classes);
        report(Error::value("lenet_original", what));
    }
    let pad = if d.input.last() == Some(&28) { 2 } else { 0 };
    let lecun = Initializer::LecunUniform;
    Sequential::new(d.input, init)
        .add_named("c1", conv2d(6, 5).pad(pad).init(lecun)) // [6, 28, 28]
        .add(lecun_tanh())
        .add_named("s2", trainable_mean_pool2d(2)) // [6, 14, 14]
        .add(lecun_tanh())
        .add_named("c3", table_conv2d(&C3, 5).init(lecun)) // [16, 10, 10]
        .add(lecun_tanh())
        .add_named("s4", trainable_mean_pool2d(2)) // [16, 5, 5]
        .add(lecun_tanh())
        .add_named("c5", conv2d(120, 5).init(lecun)) // [120, 1, 1]
        .add(lecun_tanh())
        .add(flatten())
        .add_named("f6", dense(84).init(lecun))
        .add(lecun_tanh())
        .add_named("output", radial_basis(&codes()))
}

/// The bitmaps as ±1, `[10, 84]`.
fn codes() -> Tensor {
    let pixel = |p| if p == '#' { 1.0f32 } else { -1.0 };
    let pixels: Vec<f32> = DIGITS.iter().flatten().flat_map(|row| row.chars().map(pixel)).collect();
    Tensor::from_slice(&pixels, [10, 84])
}
