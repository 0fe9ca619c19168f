//! Pixels with letters on them: pictures that commands draw.

mod letters;

use gradus::io::{self, png};
pub use letters::Letters;

/// The colour of what is not drawn on.
const BLANK: [u8; 3] = [255, 255, 255];
/// The colour of letters.
pub const DARK: [u8; 3] = [80, 80, 80];

/// The colours of what is right and of what is not.
pub const RIGHT: [u8; 3] = [0, 122, 61];
/// See [`RIGHT`].
pub const WRONG: [u8; 3] = [192, 38, 28];

/// Pixels, row by row, RGB.
pub struct Paper {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    pixels: Vec<u8>,
}

impl Paper {
    /// A blank one.
    pub fn new(width: usize, height: usize) -> Paper {
        Paper { width, height, pixels: BLANK.repeat(width * height) }
    }

    /// As a PNG.
    pub fn to_png(&self) -> io::Result<Vec<u8>> {
        png::encode(self.width, self.height, 3, &self.pixels)
    }

    /// A pixel; none beside the paper.
    pub fn pixel(&mut self, x: usize, y: usize) -> Option<&mut [u8]> {
        let at = 3 * (y * self.width + x);
        (x < self.width && y < self.height).then(|| &mut self.pixels[at..at + 3])
    }
    /// Colours a pixel.
    pub fn put(&mut self, x: usize, y: usize, color: [u8; 3]) {
        if let Some(pixel) = self.pixel(x, y) {
            pixel.copy_from_slice(&color);
        }
    }

    /// Writes to the right of a place and below it.
    pub fn text(&mut self, text: &str, (x, y): (usize, usize), letters: Letters, color: [u8; 3]) {
        letters.each_pixel(text, |right, down, ink| self.ink(x + right, y + down, color, ink));
    }
    /// Mixes a share of a colour into a pixel.
    pub fn ink(&mut self, x: usize, y: usize, color: [u8; 3], share: f64) {
        for (old, new) in self.pixel(x, y).into_iter().flatten().zip(color) {
            *old = (f64::from(*old) * (1.0 - share) + f64::from(new) * share).round() as u8;
        }
    }
    /// Draws a sample `[channels, height, width]` of 0 to 1, each pixel a square of `scale`.
    pub fn picture(
        &mut self,
        sample: &[f32],
        [channels, height, width]: [usize; 3],
        scale: usize,
        (left, top): (usize, usize),
    ) {
        let area = height * width;
        let byte = |at: usize| (sample[at] * 255.0).round() as u8;
        for y in 0..height * scale {
            for x in 0..width * scale {
                let at = y / scale * width + x / scale;
                let color = [0, 1, 2].map(|c| byte(if channels == 3 { c * area + at } else { at }));
                self.put(left + x, top + y, color);
            }
        }
    }
    /// A frame around a picture of this size, two pixels thick.
    pub fn frame(&mut self, (w, h): (usize, usize), (left, top): (usize, usize), color: [u8; 3]) {
        for thick in 0..2 {
            let (first, last) = (left.wrapping_sub(1 + thick), left + w + thick);
            let (upper, lower) = (top.wrapping_sub(1 + thick), top + h + thick);
            (first..=last).for_each(|x| [upper, lower].iter().for_each(|&y| self.put(x, y, color)));
            (upper..=lower).for_each(|y| [first, last].iter().for_each(|&x| self.put(x, y, color)));
        }
    }
    /// Writes from below upwards, the middle at `y`.
    pub fn upright(&mut self, text: &str, x: usize, y: usize, letters: Letters) {
        let foot = y + letters.width(text) / 2;
        letters.each_pixel(text, |right, down, ink| {
            self.ink(x + down, foot.saturating_sub(right), DARK, ink);
        });
    }
}
