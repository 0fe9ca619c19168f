//! Pictures brought to a wanted size.

use image::imageops::{self, FilterType};
use image::{DynamicImage, Rgb32FImage, RgbImage};

use super::picture::Fit;
use crate::augment::middle;

pub(super) fn resized(image: DynamicImage, height: u32, width: u32, fit: Fit) -> DynamicImage {
    if (image.height(), image.width()) == (height, width) {
        return image;
    }
    match fit {
        Fit::Stretch => image.resize_exact(width, height, FilterType::Triangle),
        Fit::Cover => {
            let (h, w) = cover(image.height(), image.width(), height, width);
            let (left, top) = (middle((w - width) as usize), middle((h - height) as usize));
            let (left, top) = (left as u32, top as u32);
            // Of a long strip most would be scaled only to be cut off.
            if u64::from(h) * u64::from(w) > MOST_OVER * u64::from(height) * u64::from(width) {
                return window(&image, (h, w), (top, left), (height, width));
            }
            let scaled = image.resize_exact(w, h, FilterType::Triangle);
            imageops::crop_imm(&scaled, left, top, width, height).to_image().into()
        }
    }
}

/// A picture is scaled as a whole up to so many times the wanted size.
const MOST_OVER: u64 = 4;

/// The smallest size with the aspect of `h`×`w` that covers `height`×`width`; the longer side is rounded down, as in torchvision.
fn cover(h: u32, w: u32, height: u32, width: u32) -> (u32, u32) {
    let (h, w, height, width) = (h as u64, w as u64, height as u64, width as u64);
    // Whole-number arithmetic: the scale is height/h or width/w, whichever is larger.
    let (new_h, new_w) =
        if height * w >= width * h { (height, w * height / h) } else { (h * width / w, width) };
    (new_h as u32, new_w as u32)
}

/// Along one side: for each wanted place the first pixel that goes into it, and the weights of that and the next ones.
/// A triangle as wide as a pixel of the larger of both pictures.
fn taps(from: u32, to: u32, first: u32, count: u32) -> Vec<(usize, Vec<f32>)> {
    let ratio = from as f32 / to as f32;
    let scale = ratio.max(1.0);
    let of = |place: u32| {
        let centre = (place as f32 + 0.5) * ratio;
        let left = ((centre - scale).floor() as i64).clamp(0, i64::from(from) - 1);
        let right = ((centre + scale).ceil() as i64).clamp(left + 1, i64::from(from));
        let centre = centre - 0.5;
        let weight = |pixel: i64| (1.0 - ((pixel as f32 - centre) / scale).abs()).max(0.0);
        let weights: Vec<f32> = (left..right).map(weight).collect();
        let sum: f32 = weights.iter().sum();
        (left as usize, weights.into_iter().map(|weight| weight / sum).collect())
    };
    (first..first + count).map(of).collect()
}

/// What is left of a picture that is scaled to a size and then cut, without scaling what is cut off.
fn window(
    image: &DynamicImage,
    scaled: (u32, u32),
    first: (u32, u32),
    wanted: (u32, u32),
) -> DynamicImage {
    let rows = taps(image.height(), scaled.0, first.0, wanted.0);
    let columns = taps(image.width(), scaled.1, first.1, wanted.1);
    let end =
        |taps: &[(usize, Vec<f32>)]| taps.iter().map(|(at, w)| at + w.len()).max().unwrap_or(0);
    let start = |taps: &[(usize, Vec<f32>)]| taps.iter().map(|(at, _)| *at).min().unwrap_or(0);
    let (top, left) = (start(&rows), start(&columns));
    let (high, wide) = (end(&rows) - top, end(&columns) - left);
    let part: Rgb32FImage =
        image.crop_imm(left as u32, top as u32, wide as u32, high as u32).to_rgb32f();
    let source = part.as_raw();
    // First along the columns of pixels, then along the rows.
    let mut tall = vec![0.0f32; rows.len() * wide * 3];
    for (out, (at, weights)) in tall.chunks_exact_mut(wide * 3).zip(&rows) {
        for (row, weight) in (at - top..).zip(weights) {
            let pixels = &source[row * wide * 3..][..wide * 3];
            out.iter_mut().zip(pixels).for_each(|(sum, pixel)| *sum += pixel * weight);
        }
    }
    let byte = |x: f32| (x * 255.0).round().clamp(0.0, 255.0) as u8;
    let mut result = RgbImage::new(wanted.1, wanted.0);
    for (x, y, pixel) in result.enumerate_pixels_mut() {
        let (at, weights) = &columns[x as usize];
        for c in 0..3 {
            let place = |column: usize| (y as usize * wide + column) * 3 + c;
            let parts = (at - left..).zip(weights);
            pixel.0[c] = byte(parts.map(|(column, weight)| tall[place(column)] * weight).sum());
        }
    }
    let result = DynamicImage::from(result);
    if image.color().has_color() { result } else { result.to_luma8().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb};

    /// A strip is given as it would be if all of it was scaled and then cut.
    #[test]
    fn a_strip_is_as_if_it_was_scaled_whole() {
        for (h, w) in [(1, 300), (2, 64), (300, 3), (40, 400), (7, 161)] {
            let noise = |x: u32, y: u32| (x * 37 + y * 101 + x * y % 13) as u8;
            let grey: DynamicImage = GrayImage::from_fn(w, h, |x, y| Luma([noise(x, y)])).into();
            let colour = |x, y| Rgb([noise(x, y), noise(y, x), noise(x + 9, y)]);
            let colours: DynamicImage = RgbImage::from_fn(w, h, colour).into();
            for image in [grey, colours] {
                let (height, width) = (9, 12);
                let (sh, sw) = cover(h, w, height, width);
                let whole = image.resize_exact(sw, sh, FilterType::Triangle);
                let (top, left) = (middle((sh - height) as usize), middle((sw - width) as usize));
                let cut = whole.crop_imm(left as u32, top as u32, width, height);
                let quick = window(&image, (sh, sw), (top as u32, left as u32), (height, width));
                assert_eq!(quick.color(), image.color());
                let apart =
                    cut.as_bytes().iter().zip(quick.as_bytes()).map(|(a, b)| a.abs_diff(*b));
                assert!(apart.max() <= Some(1), "{h}×{w}");
            }
        }
    }

    /// Only what stays is looked at: of a strip of 16,384 pixels some thirty.
    #[test]
    fn of_a_strip_only_the_middle_is_scaled() {
        let strip = GrayImage::from_fn(16_384, 1, |x, _| Luma([if x < 8_192 { 0 } else { 255 }]));
        let small = resized(strip.into(), 28, 28, Fit::Cover).to_luma8();
        // One pixel covers 28: it goes from black to white on the way.
        assert!(small[(0, 9)].0[0] < 10 && small[(27, 9)].0[0] > 245);
        let (_, w) = cover(1, 16_384, 28, 28);
        let taps = taps(16_384, w, (w - 28) / 2, 28);
        let pixels = taps[27].0 + taps[27].1.len() - taps[0].0;
        assert!(pixels < 8, "{pixels}");
    }
}
