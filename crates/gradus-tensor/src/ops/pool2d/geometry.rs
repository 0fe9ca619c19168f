//! The windows of pooling: which pixels of the input each pixel of the output sees.
//!
//! N batch, C channels; H W the input's height and width, P Q the output's.

use gradus_base::Shape;

/// A 2-D pooling: x `[N, C, H, W]` → y `[N, C, P, Q]`. A 1-D pooling has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2d {
    /// N.
    pub batch: usize,
    /// C.
    pub channels: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// Those of the rows and those of the columns.
    pub windows: [Windows; 2],
    /// Whether a mean counts the zeros of the padding (never those that `ceil` alone adds).
    pub count_include_pad: bool,
}

/// The windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Windows {
    /// Windows of one size, `stride` apart.
    Sliding {
        /// Pixels of a window, at least 1.
        kernel: usize,
        /// Pixels from one window to the next, at least 1.
        stride: usize,
        /// Pixels before and after the input; a maximum ignores them.
        padding: [usize; 2],
        /// From one pixel of a window to the next, at least 1.
        dilation: usize,
        /// Whether a last window may reach past the padding; it must begin before its end.
        ceil: bool,
    },
    /// So many windows, as equal as can be: u sees ⌊u·size/output⌋ .. ⌈(u + 1)·size/output⌉.
    Adaptive {
        /// How many.
        output: usize,
    },
}

/// The pixels one window sees: `first`, `first + step`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) first: usize,
    pub(super) step: usize,
    /// Pixels inside the input.
    pub(super) len: usize,
    /// Pixels inside the input or its padding.
    pub(super) padded: usize,
}

impl Window {
    pub(super) fn pixels(&self) -> impl Iterator<Item = usize> {
        let Window { first, step, .. } = *self;
        (0..self.len).map(move |t| first + t * step)
    }
}

impl Windows {
    /// How many windows an axis of `size` pixels has.
    pub fn output(&self, size: usize) -> usize {
        match *self {
            Windows::Adaptive { output } => output,
            Windows::Sliding { kernel, stride, padding, dilation, ceil } => {
                let reach = dilation * (kernel.max(1) - 1) + 1;
                let Some(room) = (size + padding[0] + padding[1]).checked_sub(reach) else {
                    return 0;
                };
                let count = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
                // A window that begins in the padding behind sees nothing.
                if ceil && (count - 1) * stride >= size + padding[0] { count - 1 } else { count }
            }
        }
    }

    /// Window u of an axis of `size` pixels.
    pub(super) fn get(&self, u: usize, size: usize) -> Window {
        match *self {
            Windows::Adaptive { output } => {
                let first = u * size / output;
                let len = ((u + 1) * size).div_ceil(output) - first;
                Window { first, step: 1, len, padded: len }
            }
            Windows::Sliding { kernel, stride, padding, dilation, .. } => {
                // Taps before a position, counted from the window's begin in padded coordinates.
                let begin = u * stride;
                let before = |end: usize| end.saturating_sub(begin).div_ceil(dilation).min(kernel);
                let skipped = before(padding[0]);
                let len = before(padding[0] + size) - skipped;
                let padded = before(padding[0] + size + padding[1]);
                let first = (begin + skipped * dilation).saturating_sub(padding[0]);
                Window { first, step: dilation, len, padded }
            }
        }
    }
}

impl Pool2d {
    /// P and Q.
    pub fn output(&self) -> [usize; 2] {
        [self.windows[0].output(self.height), self.windows[1].output(self.width)]
    }

    /// `[N, C, H, W]`.
    pub fn x_shape(&self) -> Shape {
        Shape::from([self.batch, self.channels, self.height, self.width])
    }

    /// `[N, C, P, Q]`.
    pub fn y_shape(&self) -> Shape {
        let [p, q] = self.output();
        Shape::from([self.batch, self.channels, p, q])
    }

    /// The windows of output pixel (u, v).
    #[inline(always)]
    pub(super) fn window(&self, u: usize, v: usize) -> [Window; 2] {
        [self.windows[0].get(u, self.height), self.windows[1].get(v, self.width)]
    }

    /// What a mean over these windows divides by.
    #[inline(always)]
    pub(super) fn divisor(&self, [rows, cols]: &[Window; 2]) -> usize {
        if self.count_include_pad { rows.padded * cols.padded } else { rows.len * cols.len }
    }
}
