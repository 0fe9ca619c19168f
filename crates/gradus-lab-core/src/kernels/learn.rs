//! A kernel learned from a picture before and after: gradient descent on the mean squared error, all windows of the picture in each
//! step (full batch), with momentum (Polyak 1964, the heavy ball). Pixels are counted from their mean, 0 to 1, and a bias takes up
//! what that moves: else the mean alone would decide how long a step may be.

use super::chain::map_of;
use super::messages::{Learned, Photo, Stage};
use crate::wire::Wire;
use gradus::data::kernels::{Border, Laid, Map};

/// Products and additions in a piece of work.
const PIECE: usize = 400_000;
/// Passes after which it has tried enough.
const ENOUGH: u32 = 20_000;
/// A root mean squared error, in grey values, that is none.
const NONE: f64 = 1e-4;
/// Points of the curve that are kept.
const POINTS: usize = 256;

/// What is learned and how far it is: enough to go on.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Learning {
    /// The kernel as it is.
    pub(super) kernel: Stage,
    /// Who made the picture after, or the picture itself.
    teacher: Option<Stage>,
    after: Option<Photo>,
    bias: f64,
    velocity: Vec<f64>,
    /// Of the pass that is under way: the gradient so far, that of the bias, squared errors, windows, and the next row.
    gradient: Vec<f64>,
    bias_gradient: f64,
    squares: f64,
    row: u32,
    passes: u32,
    errors: Vec<f32>,
    every: u32,
    done: bool,
}

/// What a learning reads again and again; it follows from the pictures.
pub(super) struct Lesson {
    laid: Laid,
    /// Each channel with its border, counted from the mean.
    around: Vec<Map>,
    /// What the sums should be, and which of them count.
    wanted: Map,
    counts: Vec<bool>,
    /// How many count.
    windows: f64,
    /// The sum of the curvatures: none is larger.
    trace: f64,
}

impl Learning {
    pub(super) fn from_kernel(teacher: &Stage, size: u32) -> Result<Learning, String> {
        let begin = Stage {
            size: teacher.size,
            values: vec![0.0; teacher.values.len()],
            ..teacher.clone()
        };
        let kernel = Stage { name: "custom".into(), ..begin }.resized(size)?;
        Ok(Learning::new(kernel, Some(teacher.clone()), None))
    }

    pub(super) fn from_picture(after: Photo, slices: usize, size: u32) -> Result<Learning, String> {
        let flat = Stage::read("0")?.resized(size)?;
        let kernel = Stage { values: vec![0.0; slices * flat.values.len()], ..flat };
        Ok(Learning::new(kernel, None, Some(after)))
    }

    fn new(kernel: Stage, teacher: Option<Stage>, after: Option<Photo>) -> Learning {
        let zeros = vec![0.0; kernel.values.len()];
        let (velocity, gradient) = (zeros.clone(), zeros);
        let (bias, bias_gradient, squares) = (0.0, 0.0, 0.0);
        let (row, passes, every, errors, done) = (0, 0, 1, vec![], false);
        Learning {
            kernel,
            teacher,
            after,
            bias,
            velocity,
            gradient,
            bias_gradient,
            squares,
            row,
            passes,
            errors,
            every,
            done,
        }
    }

    /// Whether it can be, for the picture before.
    pub(super) fn check(&self, before: &Map) -> Result<(), String> {
        self.kernel.check()?;
        let count = self.kernel.values.len();
        let slices = self.kernel.slices();
        let sizes = [self.velocity.len(), self.gradient.len()];
        let teaches = self
            .teacher
            .as_ref()
            .is_none_or(|teacher| teacher.check().is_ok() && teacher.slices() == slices);
        if sizes != [count; 2]
            || (slices != 1 && slices != before.channels())
            || !teaches
            || self.every == 0
            || self.every > ENOUGH
            || self.passes > ENOUGH
            || self.errors.len() > 2 * POINTS
        {
            return Err("a kernel that cannot have been learned here".into());
        }
        if let Some(after) = &self.after {
            let (width, height) = (after.width as usize, after.height as usize);
            if (width, height) != (before.width, before.height) {
                return Err(format!(
                    "the picture after is {width}×{height}, the one before {}×{}: expected the same size",
                    before.width, before.height
                ));
            }
        }
        Ok(())
    }

    /// Prepares what each pass reads.
    pub(super) fn lesson(&self, before: &Map) -> Lesson {
        let size = self.kernel.size as usize;
        let (laid, wanted, mut counts) = match (&self.teacher, &self.after) {
            (Some(teacher), _) => {
                // Of the same size whatever the border, so that a student of another size has the same middle.
                let laid = match teacher.laid() {
                    laid @ Laid { border: Border::Valid, .. } => {
                        Laid { border: Border::Black, ..laid }
                    }
                    laid => laid,
                };
                let wanted = laid.sums(before, &teacher.weights());
                let counts = inside(laid, before, &wanted, teacher.size as usize);
                (laid, wanted, counts)
            }
            (None, after) => {
                let laid = Laid { stride: 1, dilation: 1, border: Border::Black };
                let after = after
                    .as_ref()
                    .map(|photo| map_of(photo, before.channels() == 1 || self.kernel.slices() > 1))
                    .unwrap_or_else(|| before.clone());
                // 0 and 255 may have been cut; of the rest half a grey value was cut off, in the mean.
                let counts =
                    after.values.iter().map(|&value| value > 0.0 && value < 255.0).collect();
                let values = after.values.iter().map(|value| value + 0.5).collect();
                (laid, Map { values, ..after }, counts)
            }
        };
        let own = inside(laid, before, &wanted, size);
        counts.iter_mut().zip(own).for_each(|(counts, own)| *counts &= own);
        let of_pixels = mean(&before.values);
        let of_wanted = mean(&wanted.values);
        let scaled = |values: &[f64], mean: f64| {
            values.iter().map(|value| (value - mean) / 255.0).collect::<Vec<_>>()
        };
        let centred = Map { values: scaled(&before.values, of_pixels), ..before.clone() };
        let around = (0..before.channels())
            .map(|channel| {
                let mut around = laid.with_border(&centred, channel, size);
                if laid.border == Border::Zero {
                    frame(&mut around, laid.around(size).0, before, -of_pixels / 255.0);
                }
                around
            })
            .collect();
        let spread = mean(&centred.values.iter().map(|value| value * value).collect::<Vec<_>>());
        let wanted = Map { values: scaled(&wanted.values, of_wanted), ..wanted };
        let windows = counts.iter().filter(|&&counts| counts).count() as f64;
        Lesson {
            laid,
            around,
            wanted,
            counts,
            windows,
            trace: (spread * self.kernel.values.len() as f64).max(1e-6),
        }
    }

    /// Goes through some rows of windows; gives whether a pass ended with them.
    pub(super) fn work(&mut self, lesson: &Lesson, rate: f64, momentum: f64) -> bool {
        let (width, rows) = (lesson.wanted.width, lesson.wanted.height);
        let cost = 2 * width * self.gradient.len() * lesson.wanted.channels();
        let mut left = PIECE;
        let mut sums = vec![0.0; width];
        while (self.row as usize) < rows {
            self.take_row(lesson, &mut sums);
            self.row += 1;
            left = left.saturating_sub(cost.max(1));
            if left == 0 && (self.row as usize) < rows {
                return false;
            }
        }
        self.update(lesson, rate, momentum);
        true
    }

    /// Adds one row of windows to the gradient, of every map.
    fn take_row(&mut self, lesson: &Lesson, sums: &mut [f64]) {
        let (size, y) = (self.kernel.size as usize, self.row as usize);
        let (flat, width) = (size * size, lesson.wanted.width);
        let mixes = self.kernel.slices() > 1;
        for map in 0..lesson.wanted.channels() {
            let channels = if mixes { 0..lesson.around.len() } else { map..map + 1 };
            let slice =
                |channel: usize| if mixes { channel * flat..(channel + 1) * flat } else { 0..flat };
            sums.fill(self.bias);
            for channel in channels.clone() {
                let weights = &self.kernel.values[slice(channel)];
                lesson.laid.add_row(&lesson.around[channel], weights, size, y, sums);
            }
            let at = (map * lesson.wanted.height + y) * width;
            let wanted = lesson.wanted.values[at..].iter().zip(&lesson.counts[at..]);
            for (sum, (wanted, &counts)) in sums.iter_mut().zip(wanted) {
                *sum = if counts { *sum - wanted } else { 0.0 };
                self.squares += *sum * *sum;
                self.bias_gradient += *sum;
            }
            let (stride, dilation) = (lesson.laid.stride, lesson.laid.dilation);
            for channel in channels {
                let around = &lesson.around[channel];
                for (i, gradient) in self.gradient[slice(channel)].iter_mut().enumerate() {
                    let (row, column) = (i / size * dilation, i % size * dilation);
                    let from = &around.values[(y * stride + row) * around.width + column..];
                    let pixels = from.iter().step_by(stride);
                    *gradient +=
                        sums.iter().zip(pixels).map(|(error, pixel)| error * pixel).sum::<f64>();
                }
            }
        }
    }

    /// A step, at the end of a pass.
    fn update(&mut self, lesson: &Lesson, rate: f64, momentum: f64) {
        let count = lesson.windows.max(1.0);
        // A step may be 2 / curvature long; no curvature is above the trace.
        let length = rate * 2.0 / lesson.trace;
        for (i, gradient) in self.gradient.iter_mut().enumerate() {
            self.velocity[i] = momentum * self.velocity[i] - length * *gradient / count;
            self.kernel.values[i] += self.velocity[i];
            *gradient = 0.0;
        }
        self.bias -= rate * self.bias_gradient / count;
        let error = 255.0 * (self.squares / count).sqrt();
        if self.passes.is_multiple_of(self.every) {
            self.errors.push(error as f32);
        }
        if self.errors.len() == POINTS {
            self.errors = self.errors.iter().step_by(2).copied().collect();
            self.every *= 2;
        }
        (self.row, self.bias_gradient, self.squares) = (0, 0.0, 0.0);
        self.passes += 1;
        let is_mad = self.kernel.values.iter().any(|value| value.is_nan() || value.abs() > 1e6);
        self.done = error < NONE || self.passes == ENOUGH || is_mad || lesson.windows == 0.0;
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The largest difference of a number to the teacher's, the smaller of the two kernels having zeros around it.
    fn off(&self) -> Option<f64> {
        let teacher = self.teacher.as_ref()?;
        let plain = |stage: &Stage| Stage { name: "custom".into(), ..stage.clone() };
        let size = teacher.size.max(self.kernel.size);
        let [a, b] = [teacher, &self.kernel].map(|stage| plain(stage).resized(size).ok());
        let pairs = a?.values.into_iter().zip(b?.values);
        Some(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
    }

    pub(super) fn told(&self) -> Learned {
        let (off, last) = (self.off(), self.errors.last().copied().unwrap_or(0.0));
        let words = match (self.passes, off) {
            (0, _) => "All numbers are 0. Play, and each pass over the picture moves them down the slope of the squared error.".into(),
            (n, Some(off)) if off < 0.01 => format!("After {n} passes every number is within {} of the kernel that made the picture.", gradus_base::words::figure(off, 2)),
            (n, Some(off)) if self.done => format!("After {n} passes the pictures are alike to {} grey values, though a number is off by {}: this picture does not tell such kernels apart.", gradus_base::words::figure(f64::from(last), 2), gradus_base::words::figure(off, 2)),
            (n, Some(off)) => format!("After {n} passes the results differ by {} grey values, and the numbers by {} at most.", gradus_base::words::figure(f64::from(last), 3), gradus_base::words::figure(off, 2)),
            (n, None) => format!("After {n} passes the results differ by {} grey values. What was cut to 0 or 255 does not count.", gradus_base::words::figure(f64::from(last), 3)),
        };
        Learned {
            kernel: self.kernel.clone(),
            teacher: self.teacher.clone(),
            off,
            passes: self.passes,
            errors: self.errors.clone(),
            every: self.every,
            done: self.done,
            words,
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Puts a value around a picture that has a border of zeros.
fn frame(around: &mut Map, before: usize, picture: &Map, value: f64) {
    for (i, pixel) in around.values.iter_mut().enumerate() {
        let (y, x) = (i / around.width, i % around.width);
        let is_inside = (before..before + picture.height).contains(&y)
            && (before..before + picture.width).contains(&x);
        *pixel = if is_inside { *pixel } else { value };
    }
}

/// Which sums have a window that lies within the picture, where the border says that others are none.
fn inside(laid: Laid, picture: &Map, sums: &Map, size: usize) -> Vec<bool> {
    let (width, height) = (sums.width.max(1), sums.height.max(1));
    let is_inside = |i: usize| {
        laid.is_inside(i % width, picture.width, size)
            && laid.is_inside(i / width % height, picture.height, size)
    };
    (0..sums.values.len()).map(|i| laid.border != Border::Black || is_inside(i)).collect()
}
