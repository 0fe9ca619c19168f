//! Convolution: y[n, o, p, q] = Σ over c, r, s of
//! w[o, c, r, s] · x[n, c, p·stride + r·dilation − padding, …].
//!
//! A closed family of three passes: each one's gradients are the other two, and the data gradient
//! is what a transposed convolution computes. The raw kernels are here; each algorithm wants x, y,
//! dx and dy in its own memory order.
#![allow(unsafe_code)]

pub mod bench;
mod cpu;
mod geometry;
mod kernel;
mod options;
pub mod plain;
mod reference;
mod rule;
mod strategy;
#[cfg(test)]
pub(crate) mod tests;

pub use super::lanes::Isa;
pub use geometry::{Conv2d, Pass};
pub use options::{Conv, Padding};

use gradus_base::View;
use gradus_cpu::Epilogue;
use plain::Operand;

/// Channels up to which images fill the lanes better than channels do.
const FEW_CHANNELS: usize = 16;
/// Images that fill a register tile of [`Algorithm::BatchLanes`].
const FULL_BATCH: usize = 16;

/// How a pass is computed in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Plain loops.
    Plain,
    /// The batch innermost: a lane is an image.
    BatchLanes,
    /// The channels innermost: pixels are lowered tile by tile to rows of a matrix product; depthwise directly.
    ImplicitGemm,
    /// The channels innermost, kernels of two to five taps each way for each pixel of the stride: a 3×3 kernel's tiles of
    /// 4×4 pixels from 36 products in place of 144.
    Winograd,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 4] =
        [Algorithm::Plain, Algorithm::BatchLanes, Algorithm::ImplicitGemm, Algorithm::Winograd];

    /// Whether it computes this pass; only [`Algorithm::Winograd`] refuses any.
    pub fn fits(self, conv: &Conv2d, pass: Pass) -> bool {
        self != Algorithm::Winograd || cpu::winograd::fits(conv, pass)
    }

    /// The order in which the axes of x, y, dx and dy lie in memory, outermost first; weights are
    /// always dense.
    pub fn memory_order(self) -> [usize; 4] {
        match self {
            Algorithm::Plain => [0, 1, 2, 3],
            Algorithm::BatchLanes => [1, 2, 3, 0],
            Algorithm::ImplicitGemm | Algorithm::Winograd => [0, 2, 3, 1],
        }
    }
}

/// The algorithm for a pass; decided by the shapes alone. All passes of a convolution agree on a
/// memory order.
pub fn choose(conv: &Conv2d, pass: Pass) -> Algorithm {
    let channels = conv.in_channels.max(conv.out_channels);
    // Where Winograd's algorithm saves most, it is faster from two full vectors of channels on.
    let three = conv.kernel == [3, 3] && Algorithm::Winograd.fits(conv, Pass::DataGradient);
    let most = if three { FEW_CHANNELS - 1 } else { FEW_CHANNELS };
    let few = conv.groups == 1 && channels <= most;
    if few && conv.batch >= FULL_BATCH {
        Algorithm::BatchLanes
    } else if !few && cpu::winograd::wins(conv, pass) {
        Algorithm::Winograd
    } else {
        Algorithm::ImplicitGemm
    }
}

/// Where a pass that gives images writes them.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The first element.
    pub ptr: *mut f32,
    /// With the channels innermost: elements from one pixel to the next, if that is more than its
    /// channels.
    pub pixel: Option<usize>,
}

impl From<*mut f32> for Target {
    fn from(ptr: *mut f32) -> Target {
        Target { ptr, pixel: None }
    }
}

/// y from x and w. The epilogue sees y as a matrix in memory order: [O, P·Q·N] with the batch
/// innermost, [N·P·Q, O] with the channels innermost.
///
/// # Safety
/// x, w and y must be valid over the geometry's shapes and dense, x and y in the algorithm's memory
/// order, but for the room between y's pixels that [`Target`] names; y may overlap neither x nor w.
///
/// # Panics
/// If plain loops are given an epilogue, or the algorithm does not fit the convolution.
pub unsafe fn forward(
    algorithm: Algorithm,
    conv: &Conv2d,
    x: *const f32,
    w: *const f32,
    y: impl Into<Target>,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let y = y.into();
    // SAFETY: the caller's promise.
    unsafe {
        match algorithm {
            Algorithm::Plain => {
                refuse(epilogue);
                let [x, w, y] = dense(conv, x, w, y.ptr);
                plain::forward(conv, x, w, y);
            }
            Algorithm::BatchLanes => {
                cpu::batch_lanes::forward(Isa::current(), conv, x, w, y.ptr, epilogue);
            }
            Algorithm::ImplicitGemm => {
                cpu::implicit_gemm::forward(Isa::current(), conv, x, w, y, epilogue);
            }
            Algorithm::Winograd => {
                fitting(conv, Pass::Forward);
                cpu::winograd::forward(Isa::current(), conv, x, w, y, epilogue);
            }
        }
    }
}

/// dx from dy and w. The epilogue sees dx as [`forward`]'s sees y.
///
/// # Safety
/// As [`forward`], with dx written.
///
/// # Panics
/// If plain loops are given an epilogue, or the algorithm does not fit the convolution.
pub unsafe fn data_gradient(
    algorithm: Algorithm,
    conv: &Conv2d,
    dy: *const f32,
    w: *const f32,
    dx: impl Into<Target>,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let dx = dx.into();
    // SAFETY: the caller's promise.
    unsafe {
        match algorithm {
            Algorithm::Plain => {
                refuse(epilogue);
                let [dx, w, dy] = dense(conv, dx.ptr, w, dy);
                plain::data_gradient(conv, dy, w, dx);
            }
            Algorithm::BatchLanes => {
                cpu::batch_lanes::data_gradient(Isa::current(), conv, dy, w, dx.ptr, epilogue);
            }
            Algorithm::ImplicitGemm => {
                cpu::implicit_gemm::data_gradient(Isa::current(), conv, dy, w, dx, epilogue);
            }
            Algorithm::Winograd => {
                fitting(conv, Pass::DataGradient);
                cpu::winograd::data_gradient(Isa::current(), conv, dy, w, dx, epilogue);
            }
        }
    }
}

/// dw from x and dy.
///
/// # Safety
/// As [`forward`], with dw written.
pub unsafe fn weight_gradient(
    algorithm: Algorithm,
    conv: &Conv2d,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match algorithm {
            Algorithm::Plain => {
                let [x, dw, dy] = dense(conv, x, dw, dy);
                plain::weight_gradient(conv, x, dy, dw);
            }
            Algorithm::BatchLanes => {
                cpu::batch_lanes::weight_gradient(Isa::current(), conv, x, dy, dw);
            }
            Algorithm::ImplicitGemm => {
                cpu::implicit_gemm::weight_gradient(Isa::current(), conv, x, dy, dw);
            }
            Algorithm::Winograd => {
                fitting(conv, Pass::WeightGradient);
                cpu::winograd::weight_gradient(Isa::current(), conv, x, dy, dw);
            }
        }
    }
}

/// x, w and y (or their gradients) in row-major order.
fn dense(conv: &Conv2d, x: *const f32, w: *const f32, y: *const f32) -> [Operand<f32>; 3] {
    [(x, conv.x_shape()), (w, conv.w_shape()), (y, conv.y_shape())]
        .map(|(ptr, shape)| Operand::new(ptr, &View::dense(shape)))
}

fn fitting(conv: &Conv2d, pass: Pass) {
    let fits = Algorithm::Winograd.fits(conv, pass);
    assert!(fits, "Winograd's algorithm does not compute this {pass:?}: {conv:?}");
}

fn refuse(epilogue: Option<&dyn Epilogue<f32>>) {
    assert!(epilogue.is_none(), "plain loops take no epilogue");
}
