//! What lies between the products of a block: scores to weights, and back to the slopes of the scores. A row at a time.
#![allow(unsafe_code)]

use super::blocks::{Block, Float, Head, Mask};
use crate::ops::lanes::Task;
use crate::ops::softmax::{exponentials, largest};
use gradus_cpu::MatMut;
use gradus_cpu::lanes::{Lanes, Numbers};

/// What is known of the rows of a block of queries: the largest score so far, and Σ e^(score − top).
#[derive(Clone, Copy)]
pub(super) struct Ends<T> {
    pub(super) top: *mut T,
    pub(super) sum: *mut T,
}

impl<T: Float> Ends<T> {
    /// Nothing was read yet.
    ///
    /// # Safety
    /// So many rows have room.
    pub(super) unsafe fn begin(self, rows: usize) {
        for r in 0..rows {
            // SAFETY: the caller's promise.
            unsafe {
                *self.top.add(r) = T::LOWEST;
                *self.sum.add(r) = T::ZERO;
            }
        }
    }
}

/// Keys of a block that its row `r` reads.
fn open<T>(head: &Head<T>, block: &Block, r: usize) -> usize {
    let until = if head.causal { (block.i + r + 1).saturating_sub(block.j) } else { block.n };
    until.min(block.n)
}

/// Adds the mask's row `i`, from key `j` on, to so many scores.
#[inline(always)]
unsafe fn add_mask<T: Float>(mask: &Mask<T>, [i, j]: [usize; 2], row: &mut [T]) {
    let closed = |score: T, flag: u8| if flag == 0 { score + T::LOWEST } else { score };
    // SAFETY: the mask is readable over the scores.
    unsafe {
        match *mask {
            Mask::Flags(flags) if flags.col_stride == 1 => {
                let flags = std::slice::from_raw_parts(flags.at(i, j), row.len());
                row.iter_mut().zip(flags).for_each(|(x, &flag)| *x = closed(*x, flag));
            }
            Mask::Flags(flags) => {
                row.iter_mut().enumerate().for_each(|(c, x)| *x = closed(*x, *flags.at(i, j + c)));
            }
            Mask::Floats(floats) if floats.col_stride == 1 => {
                let floats = std::slice::from_raw_parts(floats.at(i, j), row.len());
                row.iter_mut().zip(floats).for_each(|(x, &m)| *x += m);
            }
            Mask::Floats(floats) => {
                row.iter_mut().enumerate().for_each(|(c, x)| *x += *floats.at(i, j + c));
            }
        }
    }
}

/// A block's scores become e^(score − top), 0 where nothing is read; where a score is larger than all before, what was summed up, y
/// too, is made smaller.
pub(super) struct Weights<'a, T> {
    pub(super) head: &'a Head<T>,
    pub(super) block: Block,
    pub(super) scores: *mut T,
    pub(super) ends: Ends<T>,
    pub(super) y: MatMut<T>,
}

impl<T: Float> Task for Weights<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Weights { head, block, scores, ends, y } = self;
        for r in 0..block.rows {
            let n = open(head, &block, r);
            // SAFETY: the block, its ends and its rows of y have room; the path was chosen for the machine.
            unsafe {
                let x = scores.add(r * head.row());
                if let Some(mask) = &head.mask {
                    add_mask(mask, [block.i + r, block.j], std::slice::from_raw_parts_mut(x, n));
                }
                let (before, found) = (*ends.top.add(r), largest::<V>(x, n));
                let top = if found > before { found } else { before };
                // With nothing read yet there is nothing to shift by.
                let shift = if top == T::LOWEST { T::ZERO } else { top };
                let sum = exponentials::<V, true>(x, n, shift, x);
                x.add(n).write_bytes(0, block.n - n);
                let less = V::splat(before - shift).exp_negative();
                *ends.sum.add(r) = *ends.sum.add(r) * less.lanes()[0] + sum;
                *ends.top.add(r) = top;
                if block.j > 0 && top != before {
                    times::<V>(y.at(r, 0), head.sizes.e, less);
                }
            }
        }
    }
}

/// x = x·factor
#[inline(always)]
unsafe fn times<V: Lanes>(x: *mut V::Scalar, n: usize, factor: V) {
    for at in (0..n).step_by(V::LEN) {
        // SAFETY: the caller's promise of n elements.
        unsafe {
            let (x, few) = (x.add(at), V::LEN.min(n - at));
            V::load_left(x, few).mul(factor).store_left(x, few);
        }
    }
}

/// The end of a block of queries: y is divided by the sums, and the logarithms are written.
pub(super) struct End<'a, T> {
    pub(super) head: &'a Head<T>,
    pub(super) i: usize,
    pub(super) rows: usize,
    pub(super) ends: Ends<T>,
    pub(super) y: MatMut<T>,
    pub(super) logarithms: *mut T,
}

impl<T: Float> Task for End<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        for r in 0..self.rows {
            // SAFETY: the rows have ends, logarithms and rows of y; the path was chosen for the machine.
            unsafe {
                let (top, sum) = (*self.ends.top.add(r), *self.ends.sum.add(r));
                let logarithm = self.logarithms.add(self.i + r);
                if sum != T::ZERO {
                    *logarithm = top + V::ln_of(sum);
                    times(self.y.at(r, 0), self.head.sizes.e, V::splat(T::ONE / sum));
                    continue;
                }
                // The largest of scores has the weight 1, so there is none above −∞: of a query that reads nothing, or of products
                // that are −∞ themselves, whose shares are not defined.
                let (nan, none) = (T::of(f64::NAN), T::of(f64::INFINITY));
                let reads = reads(self.head, self.i + r);
                *logarithm = if reads { nan } else { none };
                let fill = V::splat(if reads { nan } else { T::ZERO });
                let e = self.head.sizes.e;
                for at in (0..e).step_by(V::LEN) {
                    fill.store_left(self.y.at(r, at), e - at);
                }
            }
        }
    }
}

/// Whether query `i` may read anything.
unsafe fn reads<T: Float>(head: &Head<T>, i: usize) -> bool {
    let keys = if head.causal { head.there.min(i + 1) } else { head.there };
    // SAFETY: the mask is readable over the scores.
    let at = |j: usize| unsafe {
        match head.mask {
            None => true,
            Some(Mask::Flags(flags)) => *flags.at(i, j) != 0,
            Some(Mask::Floats(floats)) => *floats.at(i, j) > T::LOWEST,
        }
    };
    (0..keys).any(at)
}

/// A block's scores become weights, e^(score − logarithm), and the slopes of the weights those of the scores: w·(dw − Σ w·dw).
pub(super) struct Slopes<'a, T> {
    pub(super) head: &'a Head<T>,
    pub(super) block: Block,
    pub(super) scores: *mut T,
    pub(super) slopes: *mut T,
    /// Of the block's first row.
    pub(super) logarithms: *const T,
    /// Σ w·dw of each row of the block.
    pub(super) means: *const T,
}

impl<T: Float> Task for Slopes<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Slopes { head, block, scores, slopes, .. } = self;
        for r in 0..block.rows {
            let n = open(head, &block, r);
            // SAFETY: both blocks have room, and each row its numbers; the path was chosen for the machine.
            unsafe {
                let (x, dx) = (scores.add(r * head.row()), slopes.add(r * head.row()));
                if let Some(mask) = &head.mask {
                    add_mask(mask, [block.i + r, block.j], std::slice::from_raw_parts_mut(x, n));
                }
                let logarithm = V::splat(*self.logarithms.add(r));
                let mean = V::splat(*self.means.add(r));
                for at in (0..n).step_by(V::LEN) {
                    let (few, x, dx) = (V::LEN.min(n - at), x.add(at), dx.add(at));
                    let w = V::load_left(x, few).sub(logarithm).exp_negative();
                    w.store_left(x, few);
                    w.mul(V::load_left(dx, few).sub(mean)).store_left(dx, few);
                }
                x.add(n).write_bytes(0, block.n - n);
                dx.add(n).write_bytes(0, block.n - n);
            }
        }
    }
}

/// Σ y·dy of each row of some dense rows, which is Σ w·dw of their weights: y is the mean of what dw are products with.
pub(super) struct Means<T> {
    pub(super) y: *const T,
    pub(super) dy: *const T,
    pub(super) rows: usize,
    pub(super) e: usize,
    pub(super) means: *mut T,
}

impl<T: Float> Task for Means<T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        for r in 0..self.rows {
            // SAFETY: the rows have e elements each; the path was chosen for the machine.
            unsafe {
                let (y, dy) = (self.y.add(r * self.e), self.dy.add(r * self.e));
                let mut sum = V::zero();
                for at in (0..self.e).step_by(V::LEN) {
                    let few = self.e - at;
                    sum = V::load_left(y.add(at), few).mul_add(V::load_left(dy.add(at), few), sum);
                }
                *self.means.add(r) = sum.sum();
            }
        }
    }
}
