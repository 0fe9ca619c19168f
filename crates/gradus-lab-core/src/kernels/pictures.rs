//! The page's own pictures, drawn by formulas: sums, products and roots alone, so that every machine draws the same bytes.

use super::messages::Photo;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 120;

type Colour = [f64; 3];
type Painter = fn(f64, f64) -> Colour;

/// The pictures by name. Places are 0 to 1 from left to right, 0 to 0.75 from top to bottom.
const PICTURES: [(&str, Painter); 6] = [
    ("landscape", landscape),
    ("face", face),
    ("shapes", shapes),
    ("letters", letters),
    ("slope", slope),
    ("checks", checks),
];

/// The first is the one that a page opens with.
pub(super) fn names() -> Vec<String> {
    PICTURES.iter().map(|(name, _)| (*name).into()).collect()
}

/// Draws the picture of that name.
pub(super) fn draw(name: &str) -> Option<Photo> {
    let (_, paint) = PICTURES.iter().find(|(known, _)| *known == name)?;
    let mut rgb = Vec::with_capacity((3 * WIDTH * HEIGHT) as usize);
    for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
        let mut colour = [0.0; 3];
        for (i, j) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
            let place = |at: u32, part: f64| (f64::from(at) + part) / f64::from(WIDTH);
            let part = paint(place(x, i), place(y, j));
            colour.iter_mut().zip(part).for_each(|(sum, part)| *sum += part / 4.0);
        }
        // A grain as of a film: without it neighbours are so alike that a kernel cannot be learned from them.
        let grain = 14.0 * (noise(x, y) - 0.5);
        rgb.extend(colour.map(|part| (255.0 * part + grain + 0.5) as u8));
    }
    Some(Photo { width: WIDTH, height: HEIGHT, rgb })
}

/// 0 to 1, for each place its own.
fn noise(x: u32, y: u32) -> f64 {
    let mut mixed = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77).rotate_left(13);
    for factor in [0x7FEB_352D, 0x846C_A68B] {
        mixed = (mixed ^ (mixed >> 15)).wrapping_mul(factor);
    }
    f64::from((mixed ^ (mixed >> 16)) >> 8) / f64::from(1u32 << 24)
}

/// Noise of a scale, smooth between its corners.
fn smooth(x: f64, y: f64, scale: f64) -> f64 {
    let (x, y) = (x * scale + 64.0, y * scale + 64.0);
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (column, row) = (x.floor(), y.floor());
    let (right, below) = (ease(x - column), ease(y - row));
    let at = |i: u32, j: u32| noise(column as u32 + i, row as u32 + j);
    let top = mix1(at(0, 0), at(1, 0), right);
    mix1(top, mix1(at(0, 1), at(1, 1), right), below)
}

fn mix1(a: f64, b: f64, share: f64) -> f64 {
    a + (b - a) * share.clamp(0.0, 1.0)
}

fn mix(a: Colour, b: Colour, share: f64) -> Colour {
    [0, 1, 2].map(|i| mix1(a[i], b[i], share))
}

/// 1 in an ellipse, 0 outside.
fn is_in(x: f64, y: f64, middle: [f64; 2], radii: [f64; 2]) -> bool {
    let [dx, dy] = [(x - middle[0]) / radii[0], (y - middle[1]) / radii[1]];
    dx * dx + dy * dy < 1.0
}

/// The height of hills at x.
fn ridge(x: f64, scale: f64, high: f64, rough: f64) -> f64 {
    high + rough * (smooth(x, 3.0, scale) - 0.5) + 0.3 * rough * (smooth(x, 7.0, 4.0 * scale) - 0.5)
}

fn landscape(x: f64, y: f64) -> Colour {
    let shore = 0.5;
    let (up, mirrored) = (if y > shore { 2.0 * shore - y } else { y }, y > shore);
    let mut colour = mix([0.25, 0.48, 0.78], [0.96, 0.86, 0.72], up / shore);
    if is_in(x, up, [0.72, 0.17], [0.055, 0.055]) {
        colour = [1.0, 0.95, 0.7];
    }
    if up > ridge(x, 5.0, 0.3, 0.3) {
        let snow = up < ridge(x, 5.0, 0.34, 0.3) && smooth(x, up, 40.0) > 0.3;
        colour = if snow {
            [0.93, 0.95, 1.0]
        } else {
            mix([0.42, 0.45, 0.55], [0.28, 0.3, 0.4], smooth(x, up, 22.0))
        };
    }
    if up > ridge(x + 4.0, 9.0, 0.43, 0.12) {
        colour = mix([0.13, 0.3, 0.16], [0.3, 0.45, 0.2], smooth(x, up, 60.0));
    }
    if mirrored {
        let ripple = smooth(0.3 * x, y, 90.0);
        colour =
            mix(mix(colour, [0.12, 0.25, 0.4], 0.45), [0.75, 0.85, 0.95], 0.5 * (ripple - 0.45));
    }
    // A hut with a window, and its door.
    let (dx, dy) = (x - 0.22, y - 0.5);
    if (0.0..0.13).contains(&dx) && (-0.09..0.0).contains(&dy) {
        colour = [0.55, 0.22, 0.16];
        if (0.02..0.05).contains(&dx) && (-0.065..-0.035).contains(&dy) {
            colour = [1.0, 0.88, 0.45];
        } else if (0.08..0.105).contains(&dx) && dy > -0.06 {
            colour = [0.2, 0.12, 0.1];
        }
    } else if (-0.15..-0.09).contains(&dy) && (dx - 0.065).abs() < 0.08 * (dy + 0.15) / 0.06 {
        colour = [0.24, 0.2, 0.22];
    }
    colour
}

fn face(x: f64, y: f64) -> Colour {
    let mut colour = mix([0.3, 0.42, 0.46], [0.14, 0.2, 0.26], y + 0.4 * smooth(x, y, 6.0));
    if is_in(x, y, [0.5, 0.9], [0.36, 0.27]) {
        colour = mix([0.55, 0.2, 0.22], [0.4, 0.12, 0.16], smooth(x, y, 30.0));
    }
    if is_in(x, y, [0.5, 0.34], [0.24, 0.29]) {
        colour = mix([0.16, 0.1, 0.07], [0.34, 0.22, 0.14], smooth(9.0 * x, y, 9.0));
    }
    let is_face = is_in(x, y, [0.5, 0.38], [0.175, 0.24]) && y > 0.2 + 0.1 * (x - 0.4).abs();
    if is_face || is_in(x, y, [0.5, 0.6], [0.08, 0.1]) {
        let shade = (x - 0.5) * 1.6 + (y - 0.4) * 0.5;
        colour = mix([0.95, 0.77, 0.63], [0.66, 0.44, 0.34], 0.25 + shade);
    }
    for side in [-1.0, 1.0] {
        let eye = [0.5 + side * 0.075, 0.35];
        if is_in(x, y, [eye[0], 0.3], [0.05, 0.009]) {
            colour = [0.2, 0.12, 0.08];
        }
        if is_in(x, y, eye, [0.037, 0.019]) {
            colour = [0.97, 0.97, 0.95];
        }
        if is_in(x, y, eye, [0.017, 0.017]) {
            colour = [0.18, 0.32, 0.42];
        }
        if is_in(x, y, eye, [0.008, 0.008]) {
            colour = [0.02; 3];
        }
    }
    if is_in(x, y, [0.512, 0.43], [0.018, 0.036]) && !is_in(x, y, [0.506, 0.425], [0.016, 0.034]) {
        colour = [0.55, 0.34, 0.27];
    }
    let smile =
        is_in(x, y, [0.5, 0.49], [0.07, 0.042]) && !is_in(x, y, [0.5, 0.468], [0.085, 0.042]);
    if smile {
        colour = [0.68, 0.2, 0.22];
    }
    colour
}

fn shapes(x: f64, y: f64) -> Colour {
    let mut colour = [0.93, 0.92, 0.88];
    if (0.07..0.34).contains(&x) && (0.08..0.32).contains(&y) {
        colour = [0.13, 0.36, 0.62];
    }
    if is_in(x, y, [0.56, 0.22], [0.14, 0.14]) && !is_in(x, y, [0.56, 0.22], [0.07, 0.07]) {
        colour = [0.85, 0.33, 0.12];
    }
    if y > 0.08 && y < 0.34 && (x - 0.84).abs() < 0.5 * (y - 0.08) {
        colour = [0.15, 0.5, 0.32];
    }
    if y > 0.42 && x < 0.5 && (x - y).rem_euclid(0.12) < 0.05 {
        colour = [0.1, 0.1, 0.12];
    }
    if y > 0.42 && x > 0.56 {
        let (dx, dy) = (x - 0.78, y - 0.58);
        let far = (dx * dx + dy * dy).sqrt();
        if far < 0.16 {
            colour = mix([0.98, 0.9, 0.45], [0.5, 0.1, 0.35], far / 0.16);
        }
    }
    colour
}

/// Letters of five by seven squares, a row for each five bits.
const GLYPHS: [[u8; 7]; 6] = [
    [0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01110],
    [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
    [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
    [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110],
    [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
    [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
];

fn letters(x: f64, y: f64) -> Colour {
    let paper = mix([0.97, 0.95, 0.9], [0.86, 0.83, 0.76], smooth(x, y, 5.0));
    // Lines of text, each half as high as the one above.
    let mut top = 0.06;
    for high in [0.28, 0.14, 0.07, 0.04] {
        let square = high / 7.0;
        let (column, row) = (((x - 0.04) / square).floor(), ((y - top) / square).floor());
        if (0.0..7.0).contains(&row) && column >= 0.0 && x < 0.97 {
            let (letter, bit) = (column as usize / 6 % GLYPHS.len(), column as usize % 6);
            let is_ink = bit < 5 && GLYPHS[letter][row as usize] >> (4 - bit) & 1 == 1;
            return if is_ink { [0.1, 0.09, 0.12] } else { paper };
        }
        top += 1.35 * high;
    }
    paper
}

fn slope(x: f64, y: f64) -> Colour {
    match y {
        y if y < 0.25 => [x; 3],
        y if y < 0.5 => [(x * 8.0).floor() / 7.0; 3],
        _ => [x, 1.0 - x, (y - 0.5) * 4.0],
    }
}

fn checks(x: f64, y: f64) -> Colour {
    // Finer from left to right.
    let side = match x {
        x if x < 0.4 => 0.1,
        x if x < 0.7 => 0.05,
        _ => 0.025,
    };
    let odd = ((x / side).floor() + (y / side).floor()).rem_euclid(2.0) > 0.5;
    if odd { [0.9, 0.88, 0.82] } else { [0.16, 0.2, 0.3] }
}
