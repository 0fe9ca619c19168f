//! The three passes in plain loops, for f32 and f64 and any strides: the oracle, and the portable path.
#![allow(unsafe_code)]

use super::geometry::{Conv2d, Gather};
use gradus_base::{Element, View};
use gradus_cpu::parallel;
use std::ops::{Add, Mul};

/// What plain loops compute in: f32 or f64.
pub trait Number: Element + Add<Output = Self> + Mul<Output = Self> {}
impl Number for f32 {}
impl Number for f64 {}

/// A rank-4 operand: the address of its first element, and its strides in elements.
#[derive(Clone, Copy, Debug)]
pub struct Operand<T> {
    ptr: *mut T,
    strides: [isize; 4],
}
// SAFETY: an address and four numbers; following the address is unsafe where it happens.
unsafe impl<T: Send> Send for Operand<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Operand<T> {}

impl<T> Operand<T> {
    /// A rank-4 view over the buffer at `buffer`; what is only read may come from a `*const`.
    pub fn new(buffer: *const T, view: &View) -> Operand<T> {
        let s = &view.strides;
        Operand {
            ptr: buffer.cast_mut().wrapping_add(view.offset),
            strides: [s[0], s[1], s[2], s[3]],
        }
    }

    /// The address of an element.
    #[inline(always)]
    pub fn at(&self, [a, b, c, d]: [usize; 4]) -> *mut T {
        let s = &self.strides;
        let place = a as isize * s[0] + b as isize * s[1] + c as isize * s[2] + d as isize * s[3];
        self.ptr.wrapping_offset(place)
    }
}

/// y from x and w.
///
/// # Safety
/// The operands must be valid over the geometry's shapes; y may overlap neither x nor w.
pub unsafe fn forward<T: Number>(conv: &Conv2d, x: Operand<T>, w: Operand<T>, y: Operand<T>) {
    // SAFETY: the caller's promise.
    unsafe { gather(&conv.forward(), x, w, y, false) }
}

/// dx from dy and w.
///
/// # Safety
/// As [`forward`], with dx written.
pub unsafe fn data_gradient<T: Number>(
    conv: &Conv2d,
    dy: Operand<T>,
    w: Operand<T>,
    dx: Operand<T>,
) {
    for phase in conv.data_gradient() {
        // SAFETY: the caller's promise; phases write distinct pixels.
        unsafe { gather(&phase, dy, w, dx, true) }
    }
}

/// dw from x and dy.
///
/// # Safety
/// As [`forward`], with dw written.
pub unsafe fn weight_gradient<T: Number>(
    conv: &Conv2d,
    x: Operand<T>,
    dy: Operand<T>,
    dw: Operand<T>,
) {
    let g = conv.forward();
    let filters = g.channels_in * g.groups * g.channels_out;
    parallel(filters, &|i| {
        let (o, c) = (i / g.channels_in, i % g.channels_in);
        let source = o / g.channels_out * g.channels_in + c;
        for a in 0..g.rows.taps {
            for b in 0..g.cols.taps {
                let mut sum = T::default();
                let (us, vs) = (g.rows.interior(a..a + 1), g.cols.interior(b..b + 1));
                for n in 0..g.batch {
                    for u in us.clone() {
                        for v in vs.clone() {
                            let (h, k) = (g.rows.at(u, a) as usize, g.cols.at(v, b) as usize);
                            // SAFETY: inside the shapes: u and v see the source through these taps.
                            sum = sum + unsafe { *x.at([n, source, h, k]) * *dy.at([n, o, u, v]) };
                        }
                    }
                }
                // SAFETY: inside the shape of w; each task writes its own filter.
                unsafe { *dw.at([o, c, a, b]) = sum }
            }
        }
    });
}

/// One gathering; tasks are images × target channels.
unsafe fn gather<T: Number>(
    g: &Gather,
    source: Operand<T>,
    w: Operand<T>,
    target: Operand<T>,
    transposed: bool,
) {
    let channels = g.groups * g.channels_out;
    parallel(g.batch * channels, &|i| {
        let (n, o) = (i / channels, i % channels);
        for u in 0..g.rows.count {
            for v in 0..g.cols.count {
                // SAFETY: the caller's promise; each task writes its own channel of its own image.
                unsafe {
                    let at = [n, o, g.rows.target(u), g.cols.target(v)];
                    *target.at(at) = pixel(g, source, w, transposed, [n, o, u, v]);
                }
            }
        }
    });
}

/// The sum one target pixel is.
unsafe fn pixel<T: Number>(
    g: &Gather,
    source: Operand<T>,
    w: Operand<T>,
    transposed: bool,
    [n, o, u, v]: [usize; 4],
) -> T {
    let (group, o) = (o / g.channels_out, o % g.channels_out);
    let mut sum = T::default();
    for c in 0..g.channels_in {
        let from = group * g.channels_in + c;
        // w is [O, C/G, R, S] in both passes.
        let (first, second) = if transposed { (from, o) } else { (group * g.channels_out + o, c) };
        for a in g.rows.seen(u) {
            for b in g.cols.seen(v) {
                let (h, k) = (g.rows.at(u, a) as usize, g.cols.at(v, b) as usize);
                let tap = [first, second, g.rows.tap(a), g.cols.tap(b)];
                // SAFETY: inside the shapes: only seen taps are visited.
                sum = sum + unsafe { *source.at([n, from, h, k]) * *w.at(tap) };
            }
        }
    }
    sum
}
