//! Augmentations: random changes of a training image, each a pure function of the image and a keyed random stream.

use std::sync::Arc;

use crate::error::{DataError, Result};
use crate::motion::{Motion, Warp};
use crate::random::Rng;

/// A change of one image. The stream `rng` is keyed by (seed, epoch, sample, place in the list), so the result does not
/// depend on threads, on the batch, or on the other augmentations.
pub trait Augment: Send + Sync {
    /// Shape of the result for images `[c, h, w]`; an error if such images cannot be changed.
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        Ok(shape)
    }

    /// Writes the changed `input` of shape `shape` into `output`, whose length is that of `output_shape`.
    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng);

    /// Where `apply` with the same stream takes the pixels of the result from, for masks and boxes to go along
    /// ([`OnFields`](crate::OnFields)): it draws the same numbers. Unless it is said here, nothing can go along.
    fn motion(&self, shape: [usize; 3], rng: &mut Rng) -> Motion {
        let _ = (shape, rng);
        Motion::Unknown
    }
}

impl<A: Augment + ?Sized> Augment for Arc<A> {
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        (**self).output_shape(shape)
    }
    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        (**self).apply(input, shape, output, rng);
    }
    fn motion(&self, shape: [usize; 3], rng: &mut Rng) -> Motion {
        (**self).motion(shape, rng)
    }
}

/// Cuts a `height`×`width` window at a random place of the image, which is first padded with zeros (black) all around.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomCrop {
    /// Height of the window.
    pub height: usize,
    /// Width of the window.
    pub width: usize,
    /// Zero pixels added on each side.
    pub padding: usize,
}

impl RandomCrop {
    /// Where the window begins, its row and its column; outside of the image they are negative.
    fn origin(&self, [_, h, w]: [usize; 3], rng: &mut Rng) -> (isize, isize) {
        let top = rng.below(h + 2 * self.padding - self.height + 1) as isize;
        let left = rng.below(w + 2 * self.padding - self.width + 1) as isize;
        (top - self.padding as isize, left - self.padding as isize)
    }
}

impl Augment for RandomCrop {
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        window_shape(shape, self.height, self.width, self.padding)
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        let origin = self.origin(shape, rng);
        cut(input, shape, output, (self.height, self.width), origin);
    }

    fn motion(&self, shape: [usize; 3], rng: &mut Rng) -> Motion {
        let (top, left) = self.origin(shape, rng);
        Motion::Moved(Warp::shift(top as f64, left as f64))
    }
}

/// Cuts the middle `height`×`width` out of the image: the fixed counterpart of [`RandomCrop`] for testing.
#[derive(Debug, Clone, PartialEq)]
pub struct CenterCrop {
    /// Height of the window.
    pub height: usize,
    /// Width of the window.
    pub width: usize,
}

impl CenterCrop {
    fn origin(&self, shape: [usize; 3]) -> (usize, usize) {
        (middle(shape[1] - self.height), middle(shape[2] - self.width))
    }
}

impl Augment for CenterCrop {
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        window_shape(shape, self.height, self.width, 0)
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], _: &mut Rng) {
        let (top, left) = self.origin(shape);
        cut(input, shape, output, (self.height, self.width), (top as isize, left as isize));
    }

    fn motion(&self, shape: [usize; 3], _: &mut Rng) -> Motion {
        let (top, left) = self.origin(shape);
        Motion::Moved(Warp::shift(top as f64, left as f64))
    }
}

/// Half of what is cut away: of an odd number the even one of the two halves, as in torchvision's centre crop.
pub(crate) fn middle(gap: usize) -> usize {
    let half = gap / 2;
    half + half % 2 * (gap % 2)
}

/// Mirrors the image left to right with probability one half.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("RandomHorizontalFlip", "RandomFlip"))]
pub struct HorizontalFlip;

impl Augment for HorizontalFlip {
    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        output.copy_from_slice(input);
        if rng.next_u32() & 1 == 1 {
            output.chunks_exact_mut(shape[2]).for_each(<[f32]>::reverse);
        }
    }

    fn motion(&self, shape: [usize; 3], rng: &mut Rng) -> Motion {
        // An image that is not mirrored moves by nothing, so that boxes are clipped either way.
        let column = match rng.next_u32() & 1 == 1 {
            true => [0.0, -1.0, (shape[2] - 1) as f64],
            false => [0.0, 1.0, 0.0],
        };
        Motion::Moved(Warp { row: [1.0, 0.0, 0.0], column })
    }
}

/// Rotates about the middle, scales and shifts by random amounts; bilinear, zeros (black) from outside.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("RandomAffine", "RandomRotation", "RandomTranslation", "RandomZoom"))]
pub struct Affine {
    /// Largest rotation to either side.
    pub degrees: f64,
    /// Largest shift along each axis, in pixels.
    pub shift: f64,
    /// Largest relative change of size, below 1: 0.1 scales by 0.9 to 1.1.
    pub scale: f64,
}

/// A turn, a change of size and a shift that were drawn.
struct Drawn {
    sin: f64,
    cos: f64,
    down: f64,
    right: f64,
}

impl Affine {
    fn draw(&self, rng: &mut Rng) -> Drawn {
        let angle = rng.uniform(-self.degrees, self.degrees).to_radians();
        let scale = 1.0 + rng.uniform(-self.scale, self.scale);
        let (down, right) =
            (rng.uniform(-self.shift, self.shift), rng.uniform(-self.shift, self.shift));
        // Each output pixel looks back: unshift, then rotate and scale by the inverse about the middle.
        let (sin, cos) = (libm::sin(angle) / scale, libm::cos(angle) / scale);
        Drawn { sin, cos, down, right }
    }
}

impl Augment for Affine {
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        let finite = self.degrees.is_finite() && self.shift.is_finite();
        match finite && (0.0..1.0).contains(&self.scale) {
            true => Ok(shape),
            false => {
                let expected = "finite numbers and a scale in 0..1";
                Err(DataError::invalid("augmentation", format!("{self:?}"), expected))
            }
        }
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        let [_, h, w] = shape;
        let Drawn { sin, cos, down, right } = self.draw(rng);
        let (cy, cx) = ((h - 1) as f64 / 2.0, (w - 1) as f64 / 2.0);
        for (from, to) in input.chunks_exact(h * w).zip(output.chunks_exact_mut(h * w)) {
            for y in 0..h {
                for x in 0..w {
                    let (dy, dx) = (y as f64 - cy - down, x as f64 - cx - right);
                    let (sy, sx) = (cos * dy - sin * dx + cy, sin * dy + cos * dx + cx);
                    to[y * w + x] = bilinear(from, h, w, sy, sx);
                }
            }
        }
    }

    fn motion(&self, [_, h, w]: [usize; 3], rng: &mut Rng) -> Motion {
        let Drawn { sin, cos, down, right } = self.draw(rng);
        let (cy, cx) = ((h - 1) as f64 / 2.0, (w - 1) as f64 / 2.0);
        let (dy, dx) = (-cy - down, -cx - right);
        let row = [cos, -sin, cos * dy - sin * dx + cy];
        Motion::Moved(Warp { row, column: [sin, cos, sin * dy + cos * dx + cx] })
    }
}

/// Multiplies brightness, contrast and (of RGB images) saturation by random factors; the result is clamped to `0..=1`.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("RandomColorJitter", "RandomBrightness"))]
pub struct ColorJitter {
    /// Largest relative change of brightness.
    pub brightness: f64,
    /// Largest relative change of the distance from the mean grey.
    pub contrast: f64,
    /// Largest relative change of the distance from each pixel's own grey.
    pub saturation: f64,
}

impl Augment for ColorJitter {
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        let amounts = [self.brightness, self.contrast, self.saturation];
        match amounts.iter().all(|amount| (0.0..=1.0).contains(amount)) {
            true => Ok(shape),
            false => {
                Err(DataError::invalid("augmentation", format!("{self:?}"), "amounts in 0..=1"))
            }
        }
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        let mut factor = |amount: f64| (1.0 + rng.uniform(-amount, amount)) as f32;
        let (brightness, contrast, saturation) =
            (factor(self.brightness), factor(self.contrast), factor(self.saturation));
        let mean = input.iter().map(|&x| x as f64).sum::<f64>() / input.len() as f64;
        let mean = mean as f32 * brightness;
        for (to, &from) in output.iter_mut().zip(input) {
            *to = mean + contrast * (brightness * from - mean);
        }
        if let [3, h, w] = shape {
            saturate(output, h * w, saturation);
        }
        output.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
    }

    fn motion(&self, _: [usize; 3], _: &mut Rng) -> Motion {
        Motion::Still
    }
}

/// Moves each pixel away from its grey (ITU-R BT.601 weights) by `factor`.
fn saturate(rgb: &mut [f32], area: usize, factor: f32) {
    let (red, rest) = rgb.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let grey = 0.299 * *r + 0.587 * *g + 0.114 * *b;
        for x in [r, g, b] {
            *x = grey + factor * (*x - grey);
        }
    }
}

fn window_shape(
    [c, h, w]: [usize; 3],
    height: usize,
    width: usize,
    padding: usize,
) -> Result<[usize; 3]> {
    let fits = |size: usize, whole: usize| size > 0 && size <= whole + 2 * padding;
    match fits(height, h) && fits(width, w) {
        true => Ok([c, height, width]),
        false => Err(DataError::invalid(
            "crop",
            format!("a window of {height}×{width}"),
            format!("at most {h}×{w} plus padding {padding} a side"),
        )),
    }
}

/// The window with its top left corner at `origin` (which may be outside: zeros).
pub(crate) fn cut(
    input: &[f32],
    [_, h, w]: [usize; 3],
    output: &mut [f32],
    (height, width): (usize, usize),
    (top, left): (isize, isize),
) {
    output.fill(0.0);
    // The columns of the window that lie inside the image.
    let first = (-left).clamp(0, width as isize) as usize;
    let last = (w as isize - left).clamp(first as isize, width as isize) as usize;
    for (from, to) in input.chunks_exact(h * w).zip(output.chunks_exact_mut(height * width)) {
        for (y, row) in to.chunks_exact_mut(width).enumerate() {
            let source_y = top + y as isize;
            if (0..h as isize).contains(&source_y) && first < last {
                let start = source_y as usize * w + (left + first as isize) as usize;
                row[first..last].copy_from_slice(&from[start..start + last - first]);
            }
        }
    }
}

/// The value between the four pixels about `(y, x)`; pixels outside are 0.
fn bilinear(plane: &[f32], h: usize, w: usize, y: f64, x: f64) -> f32 {
    if y <= -1.0 || x <= -1.0 || y >= h as f64 || x >= w as f64 {
        return 0.0;
    }
    // Truncation is the floor of what is positive, and far cheaper than `floor`.
    let (y0, x0) = ((y + 1.0) as usize, (x + 1.0) as usize);
    let (fy, fx) = ((y + 1.0 - y0 as f64) as f32, (x + 1.0 - x0 as f64) as f32);
    // `y0` and `x0` are one too large from here on.
    let corners = if y0 >= 1 && x0 >= 1 && y0 < h && x0 < w {
        let top = (y0 - 1) * w + x0 - 1;
        [plane[top], plane[top + 1], plane[top + w], plane[top + w + 1]]
    } else {
        let at = |y: usize, x: usize| match (1..=h).contains(&y) && (1..=w).contains(&x) {
            true => plane[(y - 1) * w + x - 1],
            false => 0.0,
        };
        [at(y0, x0), at(y0, x0 + 1), at(y0 + 1, x0), at(y0 + 1, x0 + 1)]
    };
    let top = corners[0] * (1.0 - fx) + corners[1] * fx;
    let bottom = corners[2] * (1.0 - fx) + corners[3] * fx;
    top * (1.0 - fy) + bottom * fy
}
