//! How the channels of x lie in memory, and sums over each: rows of channels, or planes of one
//! channel each.
//!
//! A sum is taken in the elements' type over some thousand elements, in an order that only the
//! shape decides, and goes on in f64.
#![allow(unsafe_code)]

use crate::ops::kernel::grain;
use crate::ops::lanes::{One, load_each, splat_each};
use crate::ops::norm::orders;
use gradus_base::DType;
use gradus_cpu::lanes::{Lanes, Scalar};
use gradus_graph::{Layouts, Meta, Order, Spec};

/// Elements a task reads at least.
const TASK: usize = 1 << 15;
/// Tasks at most: their partial sums are added by one thread.
const TASKS: usize = 16;
/// Rows added at once.
pub(super) const STEP: usize = 8;
/// Elements of a vector at most.
const LANES: usize = 8;
/// Columns of a row at least, channels side by side; fewer are laid out several times.
const COLUMNS: usize = 64;
/// Vectors of a plane's partial sums kept side by side.
const SIDE: usize = 4;

/// Where channels lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops::norm) enum Walk {
    /// Pixel after pixel, the channels of each side by side.
    Rows { rows: usize, channels: usize },
    /// `n` times all channels, `len` elements of each in a row.
    Planes { n: usize, channels: usize, len: usize },
}

/// Whatever has x's shape in one of the three orders; what has one number per channel dense.
pub(super) fn layouts(inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
    let shape = inputs[0].shape;
    let choice = |axes: Vec<usize>| Layouts {
        inputs: inputs
            .iter()
            .map(|m| if m.shape == shape { Order::Axes(axes.clone()) } else { Order::Dense })
            .collect(),
        outputs: outputs
            .iter()
            .map(|m| if m.shape == shape { axes.clone() } else { vec![0] })
            .collect(),
    };
    orders(shape.rank()).map(choice).to_vec()
}

impl Walk {
    /// Of a step whose input 0 lies in one of the three orders.
    pub(super) fn of(spec: &Spec) -> Walk {
        let view = &spec.inputs[0].view;
        let shape = view.shape;
        let (n, channels) = (shape[0], shape[1]);
        let pixels: usize = shape[2..].iter().product();
        let lies = |axes: &Vec<usize>| Order::Axes(axes.clone()).accepts(view);
        match orders(shape.rank()).iter().position(lies) {
            Some(0) if pixels > 1 => Walk::Planes { n, channels, len: pixels },
            Some(0 | 1) => Walk::Rows { rows: n * pixels, channels },
            _ => Walk::Planes { n: 1, channels, len: n * pixels },
        }
    }

    pub(in crate::ops::norm) fn channels(&self) -> usize {
        match *self {
            Walk::Rows { channels, .. } | Walk::Planes { channels, .. } => channels,
        }
    }

    /// Elements of a channel.
    pub(in crate::ops::norm) fn count(&self) -> usize {
        match *self {
            Walk::Rows { rows, .. } => rows,
            Walk::Planes { n, len, .. } => n * len,
        }
    }

    pub(in crate::ops::norm) fn elements(&self) -> usize {
        self.count() * self.channels()
    }

    /// How often the channels follow each other in a row of columns: so often that it is made of whole vectors.
    fn copies(&self) -> usize {
        match *self {
            Walk::Rows { channels, .. } => {
                let even = LANES >> channels.trailing_zeros().min(LANES.ilog2());
                COLUMNS.div_ceil(channels).next_multiple_of(even)
            }
            Walk::Planes { .. } => 1,
        }
    }

    /// Columns of a row: the channels, perhaps several times.
    pub(in crate::ops::norm) fn columns(&self) -> usize {
        self.copies() * self.channels()
    }

    /// The cut of the sums into tasks.
    pub(in crate::ops::norm) fn cut(&self) -> Cut {
        let want = (self.elements() / TASK).clamp(1, TASKS);
        match *self {
            Walk::Rows { rows, .. } => {
                let rows_each = rows.div_ceil(want).next_multiple_of(STEP * self.copies());
                let parts = rows.div_ceil(rows_each).max(1);
                Cut { parts, each: rows_each, block: self.channels(), blocks: 1 }
            }
            Walk::Planes { n, channels, len } => {
                // Channels first; where they are few, each one's elements too.
                let block = grain(TASK, n * len).min(channels.max(1));
                let blocks = channels.div_ceil(block);
                let parts = want.div_ceil(blocks.max(1));
                let each = (n * len).div_ceil(parts).next_multiple_of(SIDE * LANES);
                Cut { parts: (n * len).div_ceil(each).max(1), each, block, blocks }
            }
        }
    }
}

/// Tasks: each takes a part of every channel's elements, and a block of channels.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops::norm) struct Cut {
    /// Parts of a channel's elements, each of `each` but the last.
    pub(in crate::ops::norm) parts: usize,
    pub(in crate::ops::norm) each: usize,
    /// Channels of a block.
    pub(in crate::ops::norm) block: usize,
    pub(in crate::ops::norm) blocks: usize,
}

/// What is summed of elements of x, those of dy, and the numbers of their channels.
pub(in crate::ops::norm) trait Pair<const K: usize> {
    fn of<V: Lanes>(x: V, dy: V, channel: [V; K]) -> [V; 2];
}

/// Rows of columns, x and dy alike, with K numbers and two sums of each column.
#[derive(Clone, Copy)]
pub(super) struct Columns<T, const K: usize> {
    pub(super) x: *const T,
    pub(super) dy: *const T,
    /// Elements; the last row may be short.
    pub(super) len: usize,
    /// Columns, whole vectors of them.
    pub(super) columns: usize,
    pub(super) each: [*const T; K],
    pub(super) sums: [*mut T; 2],
}

impl<T: Scalar, const K: usize> Columns<T, K> {
    /// Adds all rows to the sums.
    ///
    /// # Safety
    /// All is there, and the machine has the vector's instruction set.
    #[inline(always)]
    pub(super) unsafe fn add<V: Lanes<Scalar = T>, P: Pair<K>>(self) {
        let (rows, pairs) = (self.len / self.columns, self.columns / V::LEN / 2);
        for row in (0..rows).step_by(STEP) {
            // SAFETY: within the rows and columns.
            unsafe {
                match rows - row {
                    STEP.. => self.add_rows::<V, P>(row, STEP, pairs),
                    rest => self.add_rows::<V, P>(row, rest, pairs),
                }
            }
        }
        for at in 0..self.len % self.columns {
            // SAFETY: within the last row.
            unsafe { self.add_some::<One<T>, P, 1>(rows, 1, at) }
        }
    }

    /// Some rows, two vectors at a time: rows a power of two apart leave a first-level cache no time to keep a line.
    #[inline(always)]
    unsafe fn add_rows<V: Lanes<Scalar = T>, P: Pair<K>>(
        self,
        row: usize,
        rows: usize,
        pairs: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            for pair in 0..pairs {
                self.add_some::<V, P, 2>(row, rows, pair * 2 * V::LEN);
            }
            if pairs * 2 * V::LEN < self.columns {
                self.add_some::<V, P, 1>(row, rows, pairs * 2 * V::LEN);
            }
        }
    }

    /// Some rows of N vectors of columns.
    #[inline(always)]
    unsafe fn add_some<V: Lanes<Scalar = T>, P: Pair<K>, const N: usize>(
        self,
        row: usize,
        rows: usize,
        at: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let place = |n: usize| at + n * V::LEN;
            let channel: [_; N] = std::array::from_fn(|n| load_each::<V, K>(self.each, place(n)));
            let sums = self.sums.map(<*mut T>::cast_const);
            let mut all: [_; N] = std::array::from_fn(|n| load_each::<V, 2>(sums, place(n)));
            for r in row..row + rows {
                for n in 0..N {
                    let place = r * self.columns + place(n);
                    let (x, dy) = (V::load(self.x.add(place)), V::load(self.dy.add(place)));
                    let [p, q] = P::of(x, dy, channel[n]);
                    all[n] = [all[n][0].add(p), all[n][1].add(q)];
                }
            }
            for n in 0..N {
                all[n][0].store(self.sums[0].add(place(n)));
                all[n][1].store(self.sums[1].add(place(n)));
            }
        }
    }
}

/// Two sums over stretches of one channel.
#[derive(Clone, Copy)]
pub(in crate::ops::norm) struct Sums<V: Lanes> {
    lanes: [[V; SIDE]; 2],
    rest: [One<V::Scalar>; 2],
}

impl<V: Lanes> Sums<V> {
    /// # Safety
    /// The machine has the vector's instruction set.
    #[inline(always)]
    pub(in crate::ops::norm) unsafe fn zero() -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let zero = V::Scalar::ZERO;
            Sums { lanes: [[V::splat(zero); SIDE]; 2], rest: [One::splat(zero); 2] }
        }
    }

    /// Adds a stretch, of x and dy alike.
    #[inline(always)]
    pub(in crate::ops::norm) fn add<P: Pair<K>, const K: usize>(
        &mut self,
        [x, dy]: [&[V::Scalar]; 2],
        channel: [V::Scalar; K],
    ) {
        assert_eq!(x.len(), dy.len());
        let (x, dy, len) = (x.as_ptr(), dy.as_ptr(), x.len());
        let whole = len - len % V::LEN;
        // SAFETY: within both stretches; a vector made these sums.
        unsafe {
            let side = whole - whole % (SIDE * V::LEN);
            let all = splat_each::<V, K>(channel);
            let [mut a, mut b] = self.lanes;
            for at in (0..side).step_by(SIDE * V::LEN) {
                for i in 0..SIDE {
                    let at = at + i * V::LEN;
                    let [p, q] = P::of(V::load(x.add(at)), V::load(dy.add(at)), all);
                    (a[i], b[i]) = (a[i].add(p), b[i].add(q));
                }
            }
            for at in (side..whole).step_by(V::LEN) {
                let [p, q] = P::of(V::load(x.add(at)), V::load(dy.add(at)), all);
                (a[0], b[0]) = (a[0].add(p), b[0].add(q));
            }
            self.lanes = [a, b];
            let one = splat_each::<One<_>, K>(channel);
            for at in whole..len {
                let [p, q] = P::of(One::load(x.add(at)), One::load(dy.add(at)), one);
                self.rest = [self.rest[0].add(p), self.rest[1].add(q)];
            }
        }
    }

    #[inline(always)]
    pub(in crate::ops::norm) fn total(&self) -> [f64; 2] {
        let mut total = [0.0; 2];
        for i in 0..2 {
            let [a, b, c, d] = self.lanes[i];
            let lanes = a.add(b).add(c.add(d)).sum();
            total[i] = lanes.wide() + self.rest[i].sum().wide();
        }
        total
    }
}

/// Calls `f` with every stretch of channel `channel` among its elements `from..to`, numbered through all samples.
#[inline(always)]
pub(super) fn stretches(
    walk: Walk,
    channel: usize,
    from: usize,
    to: usize,
    mut f: impl FnMut(std::ops::Range<usize>),
) {
    let Walk::Planes { channels, len, .. } = walk else { unreachable!("planes") };
    let mut at = from;
    while at < to {
        let (sample, offset) = (at / len, at % len);
        let n = (len - offset).min(to - at);
        let begin = (sample * channels + channel) * len + offset;
        f(begin..begin + n);
        at += n;
    }
}

/// Whether kernels of this type run in f64.
pub(super) fn is_f64(dtype: DType) -> bool {
    dtype == DType::F64
}

/// The numbers the normalisation needs of each column, (x − middle)·scale + shift: the mean rounded to T, w/√(var + ε),
/// and b less what the rounding left. `numbers` has room for three per column.
pub(super) fn affine<'a, T: Scalar>(
    walk: Walk,
    eps: f64,
    [w, b]: [&[T]; 2],
    [mean, variance]: [&[f64]; 2],
    numbers: &'a mut [T],
) -> [&'a [T]; 3] {
    let columns = walk.columns();
    let (middle, rest) = numbers.split_at_mut(columns);
    let (scale, shift) = rest.split_at_mut(columns);
    for column in 0..columns {
        let c = column % walk.channels();
        middle[column] = T::of(mean[c]);
        scale[column] = w[c] * T::of(1.0 / (variance[c] + eps).sqrt());
        let left = mean[c] - middle[column].wide();
        shift[column] = T::of(b[c].wide() - left * scale[column].wide());
    }
    [middle, scale, shift]
}
