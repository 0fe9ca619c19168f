//! A kernel laid over a picture: what lies around the picture, where the windows are, and their sums.

use super::Weights;

/// Values over pixels, channel by channel, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// [C, H, W].
    pub values: Vec<f64>,
}

impl Map {
    /// How many channels.
    pub fn channels(&self) -> usize {
        self.values.len() / (self.width * self.height).max(1)
    }

    /// One value.
    pub fn at(&self, channel: usize, row: usize, column: usize) -> f64 {
        self.values[(channel * self.height + row) * self.width + column]
    }

    /// A channel's values.
    pub fn channel(&self, channel: usize) -> &[f64] {
        let area = self.width * self.height;
        &self.values[channel * area..(channel + 1) * area]
    }
}

/// A sum as a byte: what is behind the point is cut off, what is out of 0..=255 is its nearer end.
pub fn byte(sum: f64) -> u8 {
    sum as u8
}

/// A colour's grey as pictures are read, by ITU-R BT.709, rounded.
pub fn grey([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 2126 * u32::from(red) + 7152 * u32::from(green) + 722 * u32::from(blue);
    ((sum + 5_000) / 10_000) as u8
}

/// What is taken for pixels beyond the picture's border. All but [`Valid`](Border::Valid) keep the size at stride 1; of an odd
/// number of pixels around it, as even kernels need, the last one lies right and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Nothing can be: a sum that would need one is 0.
    Black,
    /// Nothing can be: only whole windows are summed, and the result is smaller.
    Valid,
    /// 0.
    Zero,
    /// The picture mirrored at its outermost pixels, which are not repeated.
    Reflect,
    /// The outermost pixel.
    Replicate,
    /// The picture again.
    Circular,
}

impl Border {
    /// Which pixel of a row of `len` stands at `at`, which may lie beyond its ends; none where a 0 stands or nothing.
    pub fn source(self, at: isize, len: usize) -> Option<usize> {
        let end = len as isize;
        if (0..end).contains(&at) {
            return Some(at as usize);
        }
        let within = match self {
            Border::Black | Border::Valid | Border::Zero => return None,
            Border::Reflect if len == 1 => 0,
            Border::Reflect => {
                let period = 2 * (end - 1);
                let folded = at.rem_euclid(period);
                folded.min(period - folded)
            }
            Border::Replicate => at.clamp(0, end - 1),
            Border::Circular => at.rem_euclid(end),
        };
        Some(within as usize)
    }
}

/// How a kernel is laid: its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laid {
    /// Pixels from one window to the next, at least 1.
    pub stride: usize,
    /// Pixels from one number of the kernel to the next, at least 1.
    pub dilation: usize,
    /// What lies around the picture.
    pub border: Border,
}

impl Laid {
    /// Pixels that a row of the kernel reaches over: D·(K − 1) + 1.
    pub fn reach(&self, size: usize) -> usize {
        self.dilation * (size - 1) + 1
    }

    /// Pixels put before and after a row.
    pub fn around(&self, size: usize) -> (usize, usize) {
        let total = match self.border {
            Border::Valid => 0,
            _ => self.reach(size) - 1,
        };
        (total / 2, total - total / 2)
    }

    /// Windows along `len` pixels: ⌊(L + P − D·(K − 1) − 1) / S⌋ + 1, P being all that is put around; 0 if not one fits.
    pub fn windows(&self, len: usize, size: usize) -> usize {
        let (before, after) = self.around(size);
        (len + before + after)
            .checked_sub(self.reach(size))
            .map_or(0, |room| room / self.stride + 1)
    }

    /// Where number `tap` of a row of the kernel lies in window `window`; it may be beyond the picture.
    pub fn place(&self, window: usize, tap: usize, size: usize) -> isize {
        (window * self.stride + tap * self.dilation) as isize - self.around(size).0 as isize
    }

    /// Whether a window lies within `len` pixels.
    pub fn is_inside(&self, window: usize, len: usize, size: usize) -> bool {
        self.place(window, 0, size) >= 0 && self.place(window, size - 1, size) < len as isize
    }

    /// The sums of all windows. Each is taken from 0 in the order of the kernel's numbers, so it has the same bits everywhere.
    ///
    /// The picture has as many channels as the kernel has slices, or the kernel has one.
    ///
    /// ```
    /// use gradus_data::kernels::{Border, Laid, Map, Weights};
    /// let picture = Map { width: 3, height: 1, values: vec![1., 2., 4.] };
    /// let laid = Laid { stride: 1, dilation: 1, border: Border::Replicate };
    /// let sums = laid.sums(&picture, &Weights::flat(2, [1., 10., 0., 0.]));
    /// assert_eq!(sums.values, [21., 42., 44.]);
    /// ```
    pub fn sums(&self, picture: &Map, kernel: &Weights) -> Map {
        let (size, channels) = (kernel.size, picture.channels());
        let mixes = kernel.slices() > 1;
        assert!(!mixes || kernel.slices() == channels, "a slice for each channel");
        let [height, width] = [picture.height, picture.width].map(|len| self.windows(len, size));
        let maps = if mixes { 1 } else { channels };
        let mut sums = Map { width, height, values: vec![0.0; maps * height * width] };
        if width == 0 || height == 0 {
            return Map { width: 0, height: 0, values: vec![] };
        }
        for channel in 0..channels {
            let (slice, map) = if mixes { (channel, 0) } else { (0, channel) };
            let around = self.with_border(picture, channel, size);
            let weights = &kernel.values[slice * size * size..(slice + 1) * size * size];
            let rows = sums.values[map * height * width..].chunks_exact_mut(width).take(height);
            for (y, row) in rows.enumerate() {
                self.add_row(&around, weights, size, y, row);
            }
        }
        if self.border == Border::Black {
            self.blacken(picture, size, &mut sums);
        }
        sums
    }

    /// A channel with what lies around it.
    pub fn with_border(&self, picture: &Map, channel: usize, size: usize) -> Map {
        let (before, after) = self.around(size);
        let [height, width] = [picture.height, picture.width].map(|len| before + len + after);
        let columns: Vec<Option<usize>> = (0..width)
            .map(|x| self.border.source(x as isize - before as isize, picture.width))
            .collect();
        let mut values = Vec::with_capacity(height * width);
        for y in 0..height {
            match self.border.source(y as isize - before as isize, picture.height) {
                None => values.resize(values.len() + width, 0.0),
                Some(row) => {
                    let from = &picture.channel(channel)[row * picture.width..][..picture.width];
                    let ends = |range: std::ops::Range<usize>| {
                        columns[range].iter().map(|x| x.map_or(0.0, |x| from[x]))
                    };
                    values.extend(ends(0..before));
                    values.extend_from_slice(from);
                    values.extend(ends(before + picture.width..width));
                }
            }
        }
        Map { width, height, values }
    }

    /// Adds the sums of one row of windows.
    pub fn add_row(&self, around: &Map, weights: &[f64], size: usize, y: usize, sums: &mut [f64]) {
        for (i, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            let (row, column) = (i / size * self.dilation, i % size * self.dilation);
            let from = &around.values[(y * self.stride + row) * around.width + column..];
            if self.stride == 1 {
                // Without steps the compiler makes vectors of it.
                sums.iter_mut().zip(from).for_each(|(sum, pixel)| *sum += weight * pixel);
            } else {
                let pixels = from.iter().step_by(self.stride);
                sums.iter_mut().zip(pixels).for_each(|(sum, pixel)| *sum += weight * pixel);
            }
        }
    }

    /// Makes the sums 0 whose windows reach beyond the picture.
    fn blacken(&self, picture: &Map, size: usize, sums: &mut Map) {
        let columns: Vec<bool> =
            (0..sums.width).map(|x| self.is_inside(x, picture.width, size)).collect();
        for (at, row) in sums.values.chunks_exact_mut(sums.width).enumerate() {
            let is_row_inside = self.is_inside(at % sums.height, picture.height, size);
            let outside = |x: usize| !is_row_inside || !columns[x];
            row.iter_mut().enumerate().filter(|(x, _)| outside(*x)).for_each(|(_, sum)| *sum = 0.0);
        }
    }
}
