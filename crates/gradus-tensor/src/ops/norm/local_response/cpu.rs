//! The CPU kernels: a strip of the tensor at a time, whose squares lie in a buffer with zeros around, so that the sum over
//! the neighbourhood is one of shifted vectors.
#![allow(unsafe_code)]

use super::LocalResponse;
use crate::ops::kernel::grain;
use crate::ops::lanes::{Isa, Shared, Task, on};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Lanes, Numbers, Scalar};
use gradus_cpu::{parallel, with_scratch};
use gradus_graph::Spec;

/// Elements of a task, about.
const TILE: usize = 1 << 13;
/// Pixels of a strip where channels lie apart, and elements that its buffer has at most.
const WIDTH: usize = 256;
const ROOM: usize = 1 << 15;
/// Elements of a vector at most.
const LANES: usize = 8;

/// x is [outer, channels, inner] in memory.
struct Response {
    constants: LocalResponse,
    back: bool,
    dtype: DType,
    outer: usize,
    channels: usize,
    inner: usize,
    touches: Touches,
}

pub(super) fn kernel(constants: LocalResponse, back: bool, spec: &Spec) -> Box<dyn Kernel> {
    let view = &spec.inputs[0].view;
    let (shape, channels) = (view.shape, view.shape[1]);
    let order = super::orders(shape.rank())
        .into_iter()
        .position(|axes| gradus_graph::Order::Axes(axes).accepts(view));
    let pixels = shape[2..].iter().product::<usize>();
    let (outer, inner) = match order {
        Some(0) if pixels != 1 => (shape[0], pixels),
        Some(0 | 1) => (shape[0] * pixels, 1),
        _ => (1, pixels * shape[0]),
    };
    Box::new(Response {
        constants,
        back,
        dtype: spec.inputs[0].dtype,
        outer,
        channels,
        inner,
        touches: spec.touches(),
    })
}

// SAFETY: all are dense in the order that the kernel was made for.
unsafe impl Kernel for Response {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.strips::<f64>(args),
                DType::F32 => self.strips::<f32>(args),
                dtype => unreachable!("images of {dtype} are cast"),
            }
        }
    }

    fn algorithm(&self) -> &str {
        if self.inner == 1 { "channels innermost" } else { "planes" }
    }
}

impl Response {
    /// # Safety
    /// As `launch`; all hold `T`.
    unsafe fn strips<T: Scalar>(&self, args: &Args<'_>) {
        let Response { outer, channels, inner, .. } = *self;
        let pixels = (ROOM / channels.max(1)).next_power_of_two().clamp(2 * LANES, WIDTH);
        let across = inner.div_ceil(pixels);
        let strips = outer * across;
        let each = grain(TILE, channels * inner.min(pixels));
        let c = self.constants;
        let (x, y) = (Shared::new(args.input::<T>(0)), Shared::new(args.output::<T>(0)));
        let dy = Shared::new(if self.back { args.input::<T>(1) } else { args.input::<T>(0) });
        let isa = Isa::current();
        let (runs, width) = match inner {
            1 => (1, channels.next_multiple_of(LANES)),
            _ => (channels, pixels.min(inner.next_multiple_of(LANES))),
        };
        let neighbour = if inner == 1 { 1 } else { width };
        let room = runs * width + (c.size - 1) * neighbour + LANES;
        parallel(strips.div_ceil(each), &|task| {
            with_scratch(3 * room * size_of::<T>(), |scratch| {
                for strip in task * each..((task + 1) * each).min(strips) {
                    let at = (strip % across) * pixels;
                    let first = strip / across * channels * inner + at;
                    let strip = Strip {
                        x: x.at(first),
                        dy: dy.at(first),
                        y: y.at(first),
                        runs,
                        len: if inner == 1 { channels } else { pixels.min(inner - at) },
                        stride: inner,
                        width,
                        neighbour,
                        buffers: scratch.cast::<T>(),
                        room,
                        constants: c,
                    };
                    match self.back {
                        true => on(isa, Gradient(strip)),
                        false => on(isa, StripOutput(strip)),
                    }
                }
            });
        });
    }
}

/// Runs of elements; the neighbours of an element lie `neighbour` places apart in the buffers.
struct Strip<T> {
    x: *const T,
    dy: *const T,
    y: *mut T,
    /// How many runs, their length, and from one to the next in memory and in the buffers.
    runs: usize,
    len: usize,
    stride: usize,
    width: usize,
    neighbour: usize,
    /// Three of `room` elements each.
    buffers: *mut T,
    room: usize,
    constants: LocalResponse,
}

/// y of a strip.
struct StripOutput<T>(Strip<T>);
/// dx of a strip.
struct Gradient<T>(Strip<T>);

/// s^−β
#[inline(always)]
fn power<V: Lanes>(s: V, beta: f64, one: V) -> V {
    if beta == 0.75 {
        let root = s.sqrt();
        one.div(root.mul(root.sqrt()))
    } else if beta == 0.5 {
        one.div(s.sqrt())
    } else if beta == 1.0 {
        one.div(s)
    } else {
        s.each(|s| V::Scalar::of(s.wide().powf(-beta)))
    }
}

impl<T: Scalar> Strip<T> {
    /// The squares into the first buffer, `before` neighbours in.
    #[inline(always)]
    unsafe fn squares<V: Lanes<Scalar = T>>(&self, before: usize) {
        // SAFETY: within the buffer and the strip.
        unsafe {
            std::slice::from_raw_parts_mut(self.buffers, self.room).fill(T::ZERO);
            let buffer = self.buffers.add(before * self.neighbour);
            for run in 0..self.runs {
                for at in (0..self.len).step_by(V::LEN) {
                    let n = V::LEN.min(self.len - at);
                    let x = V::load_left(self.x.add(run * self.stride + at), n);
                    x.mul(x).store(buffer.add(run * self.width + at));
                }
            }
        }
    }

    /// The sum over the neighbourhood that begins at `at` in a buffer.
    #[inline(always)]
    unsafe fn sum<V: Lanes<Scalar = T>>(&self, buffer: *const T, at: usize) -> V {
        // SAFETY: the buffer has room for the last neighbourhood.
        unsafe {
            let mut sum = V::load(buffer.add(at));
            for i in 1..self.constants.size {
                sum = sum.add(V::load(buffer.add(at + i * self.neighbour)));
            }
            sum
        }
    }
}

impl<T: Scalar> Task for StripOutput<T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let StripOutput(t) = self;
        let c = t.constants;
        // SAFETY: within the strip and its buffers; the path was chosen for the machine.
        unsafe {
            t.squares::<V>(c.reach()[0]);
            let (k, scale, one) =
                (V::splat(T::of(c.k)), V::splat(T::of(c.scale)), V::splat(T::ONE));
            for run in 0..t.runs {
                for at in (0..t.len).step_by(V::LEN) {
                    let n = V::LEN.min(t.len - at);
                    let place = run * t.stride + at;
                    let s = t.sum::<V>(t.buffers, run * t.width + at).mul(scale).add(k);
                    let x = V::load_left(t.x.add(place), n);
                    x.mul(power(s, c.beta, one)).store_left(t.y.add(place), n);
                }
            }
        }
    }
}

impl<T: Scalar> Task for Gradient<T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Gradient(t) = self;
        let c = t.constants;
        let [before, after] = c.reach();
        // SAFETY: within the strip and its buffers; the path was chosen for the machine.
        unsafe {
            t.squares::<V>(before);
            // dy·x·s^(−β−1), with zeros around as the squares have, and s^−β.
            let along = t.buffers.add(t.room);
            let powers = t.buffers.add(2 * t.room);
            std::slice::from_raw_parts_mut(along, t.room).fill(T::ZERO);
            let (k, scale, one) =
                (V::splat(T::of(c.k)), V::splat(T::of(c.scale)), V::splat(T::ONE));
            for run in 0..t.runs {
                for at in (0..t.len).step_by(V::LEN) {
                    let n = V::LEN.min(t.len - at);
                    let (place, own) = (run * t.stride + at, run * t.width + at);
                    let s = t.sum::<V>(t.buffers, own).mul(scale).add(k);
                    let p = power(s, c.beta, one);
                    let x = V::load_left(t.x.add(place), n);
                    let dy = V::load_left(t.dy.add(place), n);
                    p.store(powers.add(own));
                    let all = dy.mul(x).mul(p).div(s);
                    all.store(along.add(own + after * t.neighbour));
                }
            }
            let steep = V::splat(T::of(2.0 * c.scale * c.beta));
            for run in 0..t.runs {
                for at in (0..t.len).step_by(V::LEN) {
                    let n = V::LEN.min(t.len - at);
                    let (place, own) = (run * t.stride + at, run * t.width + at);
                    let x = V::load_left(t.x.add(place), n);
                    let dy = V::load_left(t.dy.add(place), n);
                    let rest = x.mul(t.sum::<V>(along, own)).mul(steep);
                    let dx = dy.mul(V::load(powers.add(own))).sub(rest);
                    dx.store_left(t.y.add(place), n);
                }
            }
        }
    }
}
