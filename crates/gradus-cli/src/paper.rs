//! Pixels with letters on them: pictures that commands draw.

use gradus::io::{self, png};

/// The colour of what is not drawn on.
const BLANK: [u8; 3] = [255, 255, 255];
/// The colour of letters.
pub const DARK: [u8; 3] = [80, 80, 80];
/// Pixels that a letter takes across, its gap included, and downwards.
pub const LETTER: (usize, usize) = (6, 7);

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
    pub fn text(&mut self, text: &str, x: usize, y: usize) {
        for (i, c) in text.chars().enumerate() {
            each_dot(c, |column, row| self.put(x + LETTER.0 * i + column, y + row, DARK));
        }
    }
    /// The same in letters of twice the size.
    pub fn large_text(&mut self, text: &str, x: usize, y: usize) {
        for (i, c) in text.chars().enumerate() {
            each_dot(c, |column, row| {
                for (right, down) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let left = x + 2 * (LETTER.0 * i + column);
                    self.put(left + right, y + 2 * row + down, DARK);
                }
            });
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
    /// Writes from below upwards, the middle at `y`.
    pub fn upright(&mut self, text: &str, x: usize, y: usize) {
        let foot = y + width(text) / 2;
        for (i, c) in text.chars().enumerate() {
            each_dot(c, |column, row| {
                self.put(x + row, foot.saturating_sub(LETTER.0 * i + column), DARK);
            });
        }
    }
}

/// Pixels that a text is wide.
pub fn width(text: &str) -> usize {
    LETTER.0 * text.chars().count()
}

/// A text in the letters that there are, for so many pixels: of one that is too long the beginning, and dots.
pub fn written(text: &str, room: usize) -> String {
    const DOTS: &str = "...";
    let drawn = |c: char| if glyph(c).is_some() { c } else { '-' };
    let all: Vec<char> = text.to_uppercase().chars().map(drawn).collect();
    let fitting = room / LETTER.0;
    if all.len() <= fitting {
        return all.into_iter().collect();
    }
    let kept = fitting.saturating_sub(DOTS.len());
    all[..kept].iter().copied().chain(DOTS.chars()).collect()
}

/// Calls with the column and row of each dot of a letter of 5 by 7.
fn each_dot(c: char, mut dot: impl FnMut(usize, usize)) {
    for (row, bits) in glyph(c).into_iter().flatten().enumerate() {
        (0..5).filter(|column| bits >> (4 - column) & 1 == 1).for_each(|column| dot(column, row));
    }
}

/// The rows of a letter from top to bottom, five bits each, the leftmost first.
fn glyph(c: char) -> Option<[u8; 7]> {
    const LETTERS: &[(char, [u8; 7])] = &[
        (' ', [0, 0, 0, 0, 0, 0, 0]),
        ('0', [14, 17, 19, 21, 25, 17, 14]),
        ('1', [4, 12, 4, 4, 4, 4, 14]),
        ('2', [14, 17, 1, 2, 4, 8, 31]),
        ('3', [31, 2, 4, 2, 1, 17, 14]),
        ('4', [2, 6, 10, 18, 31, 2, 2]),
        ('5', [31, 16, 30, 1, 1, 17, 14]),
        ('6', [6, 8, 16, 30, 17, 17, 14]),
        ('7', [31, 1, 2, 4, 8, 8, 8]),
        ('8', [14, 17, 17, 14, 17, 17, 14]),
        ('9', [14, 17, 17, 15, 1, 2, 12]),
        ('.', [0, 0, 0, 0, 0, 12, 12]),
        ('-', [0, 0, 0, 31, 0, 0, 0]),
        ('+', [0, 4, 4, 31, 4, 4, 0]),
        ('_', [0, 0, 0, 0, 0, 0, 31]),
        ('%', [24, 25, 2, 4, 8, 19, 3]),
        ('>', [8, 4, 2, 1, 2, 4, 8]),
        ('/', [1, 1, 2, 4, 8, 16, 16]),
        (':', [0, 12, 12, 0, 12, 12, 0]),
        ('(', [2, 4, 8, 8, 8, 4, 2]),
        (')', [8, 4, 2, 2, 2, 4, 8]),
        ('A', [14, 17, 17, 31, 17, 17, 17]),
        ('B', [30, 17, 17, 30, 17, 17, 30]),
        ('C', [14, 17, 16, 16, 16, 17, 14]),
        ('D', [28, 18, 17, 17, 17, 18, 28]),
        ('E', [31, 16, 16, 30, 16, 16, 31]),
        ('F', [31, 16, 16, 30, 16, 16, 16]),
        ('G', [14, 17, 16, 23, 17, 17, 15]),
        ('H', [17, 17, 17, 31, 17, 17, 17]),
        ('I', [14, 4, 4, 4, 4, 4, 14]),
        ('J', [7, 2, 2, 2, 2, 18, 12]),
        ('K', [17, 18, 20, 24, 20, 18, 17]),
        ('L', [16, 16, 16, 16, 16, 16, 31]),
        ('M', [17, 27, 21, 21, 17, 17, 17]),
        ('N', [17, 17, 25, 21, 19, 17, 17]),
        ('O', [14, 17, 17, 17, 17, 17, 14]),
        ('P', [30, 17, 17, 30, 16, 16, 16]),
        ('Q', [14, 17, 17, 17, 21, 18, 13]),
        ('R', [30, 17, 17, 30, 20, 18, 17]),
        ('S', [15, 16, 16, 14, 1, 1, 30]),
        ('T', [31, 4, 4, 4, 4, 4, 4]),
        ('U', [17, 17, 17, 17, 17, 17, 14]),
        ('V', [17, 17, 17, 17, 17, 10, 4]),
        ('W', [17, 17, 17, 21, 21, 21, 10]),
        ('X', [17, 17, 10, 4, 10, 17, 17]),
        ('Y', [17, 17, 17, 10, 4, 4, 4]),
        ('Z', [31, 1, 2, 4, 8, 16, 31]),
    ];
    LETTERS.iter().find(|(letter, _)| *letter == c).map(|(_, rows)| *rows)
}
