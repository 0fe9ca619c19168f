//! Augmentations of photographs, as the papers of the large networks have them: windows of random size, colour along the axes
//! in which colours vary, ten crops for testing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::augment::{Augment, cut, middle};
use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::motion::{Motion, Warp};
use crate::random::Rng;
use crate::target::Targets;

/// A window of an image: `(start, length)` along its rows and along its columns.
type Windows = [(f64, f64); 2];

fn whole([_, h, w]: [usize; 3]) -> Windows {
    [(0.0, h as f64), (0.0, w as f64)]
}

fn moved([rows, columns]: Windows, size: usize) -> Motion {
    Motion::Moved(Warp::windows(rows, columns, [size; 2]))
}

/// The whole image, brought to `size`×`size`: stretched if it is no square, averaged where it shrinks, linear where it grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Resize {
    /// Side of the result.
    pub size: usize,
}

impl Augment for Resize {
    fn output_shape(&self, [c, h, w]: [usize; 3]) -> Result<[usize; 3]> {
        match self.size > 0 && h > 0 && w > 0 {
            true => Ok([c, self.size, self.size]),
            false => {
                let found = format!("{self:?} and images of {h}×{w}");
                Err(DataError::invalid("resize", found, "a size and images with pixels"))
            }
        }
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], _: &mut Rng) {
        resample(input, shape, output, [self.size; 2], whole(shape));
    }

    fn motion(&self, shape: [usize; 3], _: &mut Rng) -> Motion {
        moved(whole(shape), self.size)
    }
}

/// A window of random size at a random place, brought to `size`×`size`: what remains of scaling a photograph's shorter side
/// to a random length in `low..=high` and cutting `size`×`size` out of it. The images that come in are squares of side `high`.
/// Simonyan & Zisserman 2014, arXiv:1409.1556 §3.1
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleJitter {
    /// Shortest side that an image is scaled to.
    pub low: usize,
    /// Longest side.
    pub high: usize,
    /// Side of the result.
    pub size: usize,
}

impl ScaleJitter {
    fn window(&self, rng: &mut Rng) -> Windows {
        let side = self.low + rng.below(self.high - self.low + 1);
        let window = self.size as f64 * self.high as f64 / side as f64;
        let place = |rng: &mut Rng| rng.unit() * (self.high as f64 - window);
        let (top, left) = (place(rng), place(rng));
        [(top, window), (left, window)]
    }
}

impl Augment for ScaleJitter {
    fn output_shape(&self, [c, h, w]: [usize; 3]) -> Result<[usize; 3]> {
        let ScaleJitter { low, high, size } = *self;
        let fits = 0 < size && size <= low && low <= high && h == high && w == high;
        let expected = format!("size ≤ low ≤ high and images of {high}×{high}");
        match fits {
            true => Ok([c, size, size]),
            false => {
                let found = format!("{self:?} and images of {h}×{w}");
                Err(DataError::invalid("scale jitter", found, expected))
            }
        }
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        resample(input, shape, output, [self.size; 2], self.window(rng));
    }

    fn motion(&self, _: [usize; 3], rng: &mut Rng) -> Motion {
        moved(self.window(rng), self.size)
    }
}

/// A window of random area and aspect ratio at a random place, brought to `size`×`size`.
/// Szegedy et al. 2014, arXiv:1409.4842 §6
#[derive(Debug, Clone, PartialEq)]
pub struct RandomResizedCrop {
    /// Side of the result.
    pub size: usize,
    /// Smallest and largest share of the image's area.
    pub area: (f64, f64),
    /// Narrowest and widest aspect ratio, width over height.
    pub aspect: (f64, f64),
}

impl RandomResizedCrop {
    /// 8 to 100 % of the area, aspect ratios of 3/4 to 4/3, as in the paper.
    pub fn new(size: usize) -> RandomResizedCrop {
        RandomResizedCrop { size, area: (0.08, 1.0), aspect: (0.75, 4.0 / 3.0) }
    }

    /// Ten tries to find a window that fits; else the largest window in the middle.
    fn window(&self, shape: [usize; 3], rng: &mut Rng) -> Windows {
        let (h, w) = (shape[1] as f64, shape[2] as f64);
        for _ in 0..10 {
            let area = rng.uniform(self.area.0, self.area.1) * h * w;
            let (low, high) = (libm::log(self.aspect.0), libm::log(self.aspect.1));
            let aspect = libm::exp(rng.uniform(low, high));
            let (height, width) = ((area / aspect).sqrt(), (area * aspect).sqrt());
            if height <= h && width <= w {
                let top = rng.unit() * (h - height);
                let left = rng.unit() * (w - width);
                return [(top, height), (left, width)];
            }
        }
        let side = h.min(w);
        [((h - side) / 2.0, side), ((w - side) / 2.0, side)]
    }
}

impl Augment for RandomResizedCrop {
    fn output_shape(&self, [c, _, _]: [usize; 3]) -> Result<[usize; 3]> {
        let within = |(low, high): (f64, f64), most: f64| 0.0 < low && low <= high && high <= most;
        match self.size > 0 && within(self.area, 1.0) && within(self.aspect, f64::MAX) {
            true => Ok([c, self.size, self.size]),
            false => {
                let expected = "a size, shares of the area in 0..=1, aspect ratios above 0";
                Err(DataError::invalid("random resized crop", format!("{self:?}"), expected))
            }
        }
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        resample(input, shape, output, [self.size; 2], self.window(shape, rng));
    }

    fn motion(&self, shape: [usize; 3], rng: &mut Rng) -> Motion {
        moved(self.window(shape, rng), self.size)
    }
}

/// Adds to every pixel the same colour, drawn along the principal axes of a data set's colours: Σ αᵢ·λᵢ·pᵢ with
/// αᵢ ~ N(0, `deviation`²).   Krizhevsky, Sutskever & Hinton 2012 §4.1
///
/// The paper's λ are eigenvalues of the covariance of pixels in 0..255; here pixels and roots of eigenvalues are in 0..1, as
/// every later reproduction has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaColor {
    /// The standard deviation of each α; 0.1 in the paper.
    pub deviation: f64,
    /// λ: standard deviations along the axes, of pixels in 0..1.
    pub spread: [f64; 3],
    /// p: the axes, each (red, green, blue) of length 1.
    pub axes: [[f64; 3]; 3],
}

impl PcaColor {
    /// The axes of a data set of RGB images, from at most `samples` of it, evenly taken.
    ///
    /// # Errors
    /// When the images are not RGB or cannot be read.
    pub fn of(dataset: &dyn Dataset, samples: usize, deviation: f64) -> Result<PcaColor> {
        let &[3, h, w] = dataset.shape() else {
            let found = format!("samples {:?}", dataset.shape());
            return Err(DataError::invalid("PCA colour", found, "RGB images [3, h, w]"));
        };
        let count = samples.clamp(1, dataset.len().max(1));
        let (mut image, area) = (vec![0.0; 3 * h * w], h * w);
        let (mut n, mut sum, mut products) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
        for k in 0..count.min(dataset.len()) {
            dataset.read(k * dataset.len() / count, &mut image)?;
            for p in 0..area {
                let pixel = [0, 1, 2].map(|c| f64::from(image[c * area + p]));
                for a in 0..3 {
                    sum[a] += pixel[a];
                    (0..3).for_each(|b| products[a][b] += pixel[a] * pixel[b]);
                }
            }
            n += area as f64;
        }
        let mean = sum.map(|s| s / f64::max(n, 1.0));
        let covariance = |a: usize, b: usize| products[a][b] / f64::max(n, 1.0) - mean[a] * mean[b];
        let matrix = [0, 1, 2].map(|a| [0, 1, 2].map(|b| covariance(a, b)));
        let (values, axes) = eigen(matrix);
        Ok(PcaColor { deviation, spread: values.map(|v| v.max(0.0).sqrt()), axes })
    }
}

impl Augment for PcaColor {
    fn output_shape(&self, shape: [usize; 3]) -> Result<[usize; 3]> {
        match shape[0] == 3 && self.deviation.is_finite() {
            true => Ok(shape),
            false => Err(DataError::invalid(
                "PCA colour",
                format!("{} channels, deviation {}", shape[0], self.deviation),
                "RGB images and a finite deviation",
            )),
        }
    }

    fn apply(&self, input: &[f32], shape: [usize; 3], output: &mut [f32], rng: &mut Rng) {
        let mut added = [0.0; 3];
        for (axis, spread) in self.axes.iter().zip(self.spread) {
            let amount = rng.normal() * self.deviation * spread;
            (0..3).for_each(|c| added[c] += amount * axis[c]);
        }
        let area = shape[1] * shape[2];
        for c in 0..3 {
            let planes = c * area..(c + 1) * area;
            for (to, from) in output[planes.clone()].iter_mut().zip(&input[planes]) {
                *to = from + added[c] as f32;
            }
        }
    }

    fn motion(&self, _: [usize; 3], _: &mut Rng) -> Motion {
        Motion::Still
    }
}

/// Eigenvalues and eigenvectors (as rows) of a symmetric matrix, largest first, by Jacobi's rotations.
fn eigen(mut a: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..50 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for k in 0..3 {
                (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]);
            }
            for k in 0..3 {
                (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                (v[p][k], v[q][k]) = (c * v[p][k] - s * v[q][k], s * v[p][k] + c * v[q][k]);
            }
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (order.map(|i| a[i][i]), order.map(|i| v[i]))
}

/// An image by its number.
type Numbered = (usize, Arc<[f32]>);

/// Ten views of every image: the four corners and the middle, each as it is and mirrored. View `k` of image `i` is sample
/// 10·i + k; a network's answer for an image is the mean of its answers to the ten.   Krizhevsky, Sutskever & Hinton 2012 §4.1
#[derive(Clone)]
pub struct TenCrop {
    whole: Arc<dyn Dataset>,
    image: [usize; 3],
    shape: [usize; 3],
    /// Images read lately: the views of one follow each other, and reading may mean decoding.
    recent: Arc<Mutex<VecDeque<Numbered>>>,
}

impl TenCrop {
    /// How many views an image has.
    pub const VIEWS: usize = 10;

    /// Views of `size`×`size`.
    ///
    /// # Errors
    /// When the samples are no images, or smaller than the views.
    pub fn new(whole: Arc<dyn Dataset>, size: usize) -> Result<TenCrop> {
        let &[c, h, w] = whole.shape() else {
            let found = format!("samples {:?}", whole.shape());
            return Err(DataError::invalid("ten crops", found, "images [c, h, w]"));
        };
        if size == 0 || size > h || size > w {
            let found = format!("views of {size}×{size}");
            return Err(DataError::invalid("ten crops", found, format!("1 to {h}×{w}")));
        }
        Ok(TenCrop { whole, image: [c, h, w], shape: [c, size, size], recent: Arc::default() })
    }

    /// An image, read once for its ten views.
    fn image(&self, index: usize) -> Result<Arc<[f32]>> {
        // Each thread is at work on an image of its own; nobody waits while another decodes.
        const KEPT: usize = 16;
        let lock = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pixels)) = lock().iter().find(|(i, _)| *i == index) {
            return Ok(pixels.clone());
        }
        let mut pixels = vec![0.0; self.image.iter().product()];
        self.whole.read(index, &mut pixels)?;
        let pixels: Arc<[f32]> = pixels.into();
        let mut recent = lock();
        recent.truncate(KEPT - 1);
        recent.push_front((index, pixels.clone()));
        Ok(pixels)
    }
}

impl Dataset for TenCrop {
    fn len(&self) -> usize {
        TenCrop::VIEWS * self.whole.len()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn classes(&self) -> &[String] {
        self.whole.classes()
    }
    fn label(&self, index: usize) -> i64 {
        self.whole.label(index / TenCrop::VIEWS)
    }
    fn targets(&self) -> Targets<'_> {
        self.whole.targets()
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        self.whole.target(index / TenCrop::VIEWS, out);
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let (image, view) = (index / TenCrop::VIEWS, index % TenCrop::VIEWS);
        let whole = self.image(image)?;
        let [_, h, w] = self.image;
        let side = self.shape[1];
        let (bottom, right) = (h - side, w - side);
        let corners =
            [(0, 0), (0, right), (bottom, 0), (bottom, right), (middle(bottom), middle(right))];
        let (top, left) = corners[view % 5];
        cut(&whole, self.image, out, (side, side), (top as isize, left as isize));
        if view >= 5 {
            out.chunks_exact_mut(side).for_each(<[f32]>::reverse);
        }
        Ok(())
    }
}

impl From<TenCrop> for Arc<dyn Dataset> {
    fn from(views: TenCrop) -> Arc<dyn Dataset> {
        Arc::new(views)
    }
}

/// How one new element is made of old ones: the first, and their shares.
struct Share {
    first: usize,
    shares: Vec<f32>,
}

/// The shares that make `new` elements of the window `(start, len)` of an axis, by a triangle as wide as an old or a new
/// element, whichever is wider: linear between neighbours when growing, a weighted mean when shrinking.
fn shares(old: usize, new: usize, (start, len): (f64, f64)) -> Vec<Share> {
    let scale = len / new as f64;
    let reach = scale.max(1.0);
    let one = |i: usize| {
        let centre = start + (i as f64 + 0.5) * scale - 0.5;
        let first = (centre - reach).ceil().clamp(0.0, old as f64 - 1.0) as usize;
        let last = (centre + reach).floor().clamp(first as f64, old as f64 - 1.0) as usize;
        let share = |k: usize| (1.0 - (k as f64 - centre).abs() / reach).max(0.0);
        let all: Vec<f64> = (first..=last).map(share).collect();
        let sum: f64 = all.iter().sum();
        // Beyond an end there is only the end itself.
        let shares = match sum > 0.0 {
            true => all.iter().map(|s| (s / sum) as f32).collect(),
            false => vec![1.0; 1],
        };
        Share { first, shares }
    };
    (0..new).map(one).collect()
}

/// A window of each plane, `(start, length)` along each axis, brought to a size.
fn resample(
    input: &[f32],
    [_, h, w]: [usize; 3],
    output: &mut [f32],
    [new_h, new_w]: [usize; 2],
    [rows, columns]: Windows,
) {
    let (rows, columns) = (shares(h, new_h, rows), shares(w, new_w, columns));
    let mut row = vec![0.0f32; w];
    for (from, to) in input.chunks_exact(h * w).zip(output.chunks_exact_mut(new_h * new_w)) {
        for (share, to) in rows.iter().zip(to.chunks_exact_mut(new_w)) {
            row.fill(0.0);
            for (k, s) in share.shares.iter().enumerate() {
                let old = &from[(share.first + k) * w..][..w];
                row.iter_mut().zip(old).for_each(|(sum, x)| *sum += s * x);
            }
            for (share, to) in columns.iter().zip(to) {
                let old = &row[share.first..][..share.shares.len()];
                *to = old.iter().zip(&share.shares).map(|(x, s)| x * s).sum();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_of_a_known_matrix() {
        // Axes (1, 1, 0)/√2, (1, −1, 0)/√2, (0, 0, 1) with 3, 1, 2.
        let (values, axes) = eigen([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 2.0]]);
        for (found, want) in values.iter().zip([3.0, 2.0, 1.0]) {
            assert!((found - want).abs() < 1e-12, "{values:?}");
        }
        let r = 0.5f64.sqrt();
        let along = |a: [f64; 3], b: [f64; 3]| (0..3).map(|i| a[i] * b[i]).sum::<f64>().abs();
        assert!((along(axes[0], [r, r, 0.0]) - 1.0).abs() < 1e-12, "{axes:?}");
        assert!((along(axes[1], [0.0, 0.0, 1.0]) - 1.0).abs() < 1e-12, "{axes:?}");
    }

    #[test]
    fn a_whole_window_of_its_own_size_changes_nothing() {
        let input: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let mut output = vec![0.0; 24];
        resample(&input, [2, 3, 4], &mut output, [3, 4], [(0.0, 3.0), (0.0, 4.0)]);
        assert_eq!(input, output);
    }

    /// Halving takes weighted means, so that the mean stays and a fine pattern greys out.
    #[test]
    fn shrinking_does_not_alias() {
        let stripes: Vec<f32> = (0..64).map(|i| (i % 2) as f32).collect();
        let mut output = vec![0.0; 16];
        resample(&stripes, [1, 8, 8], &mut output, [4, 4], [(0.0, 8.0), (0.0, 8.0)]);
        assert!(output.iter().all(|x| (x - 0.5).abs() < 0.13), "{output:?}");
    }

    #[test]
    fn growing_is_linear() {
        let mut output = vec![0.0; 4];
        resample(&[0.0, 4.0], [1, 1, 2], &mut output, [1, 4], [(0.0, 1.0), (0.0, 2.0)]);
        assert_eq!(output, [0.0, 1.0, 3.0, 4.0]);
    }
}
