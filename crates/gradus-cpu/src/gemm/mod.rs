//! The matrix product: C = A·B or C += A·B for any strides, in f32 and f64. The walk ends here: `kernel.rs` holds
//! the register tile of fused multiply-adds, `blocked.rs` the loops around it; `README.md` explains how one gets
//! there from three nested loops.
//!
//! The same shapes and strides give the same bits for any number of threads; NaN and infinities propagate as
//! IEEE arithmetic says, 0·∞ included.

mod blocked;
mod kernel;
mod pack;
#[cfg(test)]
mod tests;
mod vector;

use crate::{Isa, parallel};
use gradus_base::Element;
use kernel::Scalar;
use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::transmute_copy;

/// The element type as a concrete one: `$body` for S = f32 or f64.
macro_rules! match_scalar {
    ($t:ty, $s:ident => $body:expr) => {
        if TypeId::of::<$t>() == TypeId::of::<f32>() {
            type $s = f32;
            $body
        } else if TypeId::of::<$t>() == TypeId::of::<f64>() {
            type $s = f64;
            $body
        } else {
            panic!("a matrix product is computed in f32 or f64, found {}", <$t>::DTYPE)
        }
    };
}

/// A matrix to read: the address of its element (0, 0) and its strides in elements, of either sign.
#[derive(Clone, Copy, Debug)]
pub struct Mat<T> {
    /// Element (0, 0).
    pub ptr: *const T,
    /// From one row to the next.
    pub row_stride: isize,
    /// From one column to the next.
    pub col_stride: isize,
}

/// A matrix to write.
#[derive(Clone, Copy, Debug)]
pub struct MatMut<T> {
    /// Element (0, 0).
    pub ptr: *mut T,
    /// From one row to the next.
    pub row_stride: isize,
    /// From one column to the next.
    pub col_stride: isize,
}

// SAFETY: an address and two numbers; following the address is unsafe where it happens.
unsafe impl<T: Sync> Send for Mat<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Mat<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for MatMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for MatMut<T> {}

impl<T: Copy> Mat<T> {
    /// The address of an element.
    #[inline(always)]
    pub fn at(self, row: usize, col: usize) -> *const T {
        let offset = row as isize * self.row_stride + col as isize * self.col_stride;
        self.ptr.wrapping_offset(offset)
    }
    /// The matrix from an element on.
    #[inline(always)]
    pub fn from(self, row: usize, col: usize) -> Mat<T> {
        Mat { ptr: self.at(row, col), ..self }
    }
    /// Rows and columns exchanged.
    #[inline(always)]
    pub fn transposed(self) -> Mat<T> {
        Mat { ptr: self.ptr, row_stride: self.col_stride, col_stride: self.row_stride }
    }
    fn cast<U: Copy>(self) -> Mat<U> {
        Mat { ptr: self.ptr.cast(), row_stride: self.row_stride, col_stride: self.col_stride }
    }
}

impl<T: Copy> MatMut<T> {
    /// The address of an element.
    #[inline(always)]
    pub fn at(self, row: usize, col: usize) -> *mut T {
        let offset = row as isize * self.row_stride + col as isize * self.col_stride;
        self.ptr.wrapping_offset(offset)
    }
    /// Rows and columns exchanged.
    #[inline(always)]
    pub fn transposed(self) -> MatMut<T> {
        MatMut { ptr: self.ptr, row_stride: self.col_stride, col_stride: self.row_stride }
    }
    fn cast<U: Copy>(self) -> MatMut<U> {
        MatMut { ptr: self.ptr.cast(), row_stride: self.row_stride, col_stride: self.col_stride }
    }
}

/// What follows a product while its result is still in the cache: a bias, an activation, a running sum.
pub trait Epilogue<T>: Sync {
    /// The whole of it, if it is but this: a kernel may then do it before it stores a result, to the same bits.
    fn clip(&self) -> Option<Clip<T>> {
        None
    }

    /// Called on finished stretches of a row of C: `len` contiguous elements from (row, col) on, at `ptr`. Each
    /// element is passed exactly once, from any thread. How rows are cut depends on the shapes alone.
    ///
    /// # Safety
    /// `ptr` is valid for reading and writing `len` elements.
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut T, len: usize);

    /// As [`Epilogue::apply`] for the same stretch of several rows, `row_stride` elements apart: what is the same for
    /// all of them need be set up but once.
    ///
    /// # Safety
    /// As [`Epilogue::apply`], for each row.
    unsafe fn apply_rows(
        &self,
        row: usize,
        col: usize,
        ptr: *mut T,
        row_stride: isize,
        rows: usize,
        len: usize,
    ) {
        for i in 0..rows {
            // SAFETY: the caller's promise.
            unsafe { self.apply(row + i, col, ptr.offset(i as isize * row_stride), len) }
        }
    }
}

/// min(max(x + bias, low), high) for each column's bias. NaN stays NaN; `low` is not −0, `high` not 0.
#[derive(Clone, Copy, Debug)]
pub struct Clip<T> {
    /// The bias of column 0; the others follow.
    pub bias: *const T,
    /// The least result, perhaps −∞.
    pub low: T,
    /// The largest result, perhaps ∞.
    pub high: T,
}

// SAFETY: an address and two numbers; following the address is unsafe where it happens.
unsafe impl<T: Sync> Sync for Clip<T> {}

impl<T: Copy> Clip<T> {
    /// From a column on.
    #[inline(always)]
    pub fn from(self, col: usize) -> Clip<T> {
        Clip { bias: self.bias.wrapping_add(col), ..self }
    }
}

/// C = A·B, or C += A·B if `accumulate`, for A `[m, k]`, B `[k, n]`, C `[m, n]`; then the epilogue. k = 0 is an
/// empty sum: zeros.
///
/// # Safety
/// The matrices must be readable (C writable, its elements at distinct addresses) over their shapes, and C may
/// overlap neither A nor B.
///
/// # Panics
/// If `T` is neither f32 nor f64, or if there is an epilogue and C's columns are not contiguous.
pub unsafe fn gemm<T: Element>(
    m: usize,
    n: usize,
    k: usize,
    a: Mat<T>,
    b: Mat<T>,
    c: MatMut<T>,
    accumulate: bool,
    epilogue: Option<&dyn Epilogue<T>>,
) {
    let b = Right::Strided(b);
    // SAFETY: the caller's promise.
    unsafe { Product { m, n, k, a, b, c, accumulate, epilogue }.compute() }
}

/// C = A·B of f32 matrices by the kernels of an instruction set, so that they can be compared.
///
/// # Safety
/// As [`gemm`].
pub(crate) unsafe fn gemm_by(
    isa: Isa,
    [m, n, k]: [usize; 3],
    a: Mat<f32>,
    b: Mat<f32>,
    c: MatMut<f32>,
) {
    let (kernels, b) = (f32::kernels(isa), Right::Strided(b));
    // SAFETY: the caller's promise.
    unsafe { multiply(&Product { m, n, k, a, b, c, accumulate: false, epilogue: None }, kernels) }
}

/// As [`gemm`] with a B packed by [`pack_b`].
///
/// # Safety
/// As [`gemm`]; `b` must be what `pack_b(k, n, …)` wrote.
///
/// # Panics
/// As [`gemm`].
pub unsafe fn gemm_packed<T: Element>(
    m: usize,
    n: usize,
    k: usize,
    a: Mat<T>,
    b: *const T,
    c: MatMut<T>,
    accumulate: bool,
    epilogue: Option<&dyn Epilogue<T>>,
) {
    let b = Right::Packed(b);
    // SAFETY: the caller's promise.
    unsafe { Product { m, n, k, a, b, c, accumulate, epilogue }.compute() }
}

/// The format of a B that is packed once and used for many A's: panels of a register tile's columns, each k rows
/// long, the last padded with zeros.
pub struct PackedB<T>(PhantomData<T>);

impl<T: Element> PackedB<T> {
    /// How many elements a packed `[k, n]` takes. 64-byte alignment is best.
    ///
    /// # Panics
    /// If `T` is neither f32 nor f64.
    pub fn len(k: usize, n: usize) -> usize {
        let columns = match_scalar!(T, S => S::kernels(Isa::current()).nr);
        n.next_multiple_of(columns) * k
    }
}

/// Packs B `[k, n]` into `PackedB::len(k, n)` elements at `dst`.
///
/// # Safety
/// `b` must be readable over its shape and `dst` writable; they may not overlap.
///
/// # Panics
/// If `T` is neither f32 nor f64.
pub unsafe fn pack_b<T: Element>(k: usize, n: usize, b: Mat<T>, dst: *mut T) {
    // SAFETY: the caller's promise; S is T.
    match_scalar!(T, S => unsafe { pack_b_as::<S>(S::kernels(Isa::current()), k, n, b.cast(), dst.cast()) })
}

unsafe fn pack_b_as<S: Scalar>(
    kernels: &kernel::Kernels<S>,
    k: usize,
    n: usize,
    b: Mat<S>,
    dst: *mut S,
) {
    let nr = kernels.nr;
    let dst = MatMut { ptr: dst, row_stride: 1, col_stride: 1 };
    let panels = n.div_ceil(nr);
    let each = (PACK_TILE / (nr * k.max(1))).max(1);
    parallel(panels.div_ceil(each), &|tile| {
        for j in (tile * each..((tile + 1) * each).min(panels)).map(|panel| panel * nr) {
            let columns = nr.min(n - j);
            let src = b.from(0, j).transposed();
            // SAFETY: the caller's promise; tiles write distinct panels.
            unsafe { pack::interleave(kernels, src, columns, nr, k, dst.at(j * k, 0)) }
        }
    });
}

/// Elements a packing tile copies, at least.
const PACK_TILE: usize = 1 << 14;

/// B as given.
#[derive(Clone, Copy)]
enum Right<T> {
    Strided(Mat<T>),
    Packed(*const T),
}

/// A product to compute.
#[derive(Clone, Copy)]
struct Product<'a, T> {
    m: usize,
    n: usize,
    k: usize,
    a: Mat<T>,
    b: Right<T>,
    c: MatMut<T>,
    accumulate: bool,
    epilogue: Option<&'a dyn Epilogue<T>>,
}

// SAFETY: the pointers are followed under `gemm`'s contract, each element of C by one thread; the epilogue is Sync.
unsafe impl<T: Element> Sync for Product<'_, T> {}

impl<'a, T: Element> Product<'a, T> {
    unsafe fn compute(self) {
        assert!(
            self.epilogue.is_none() || self.c.col_stride == 1 || self.n <= 1,
            "an epilogue needs contiguous columns, found a column stride of {}",
            self.c.col_stride
        );
        // SAFETY: S is T, and the caller's promise.
        match_scalar!(T, S => unsafe { multiply(&self.cast::<S>(), S::kernels(Isa::current())) })
    }

    /// # Safety
    /// U must be T.
    unsafe fn cast<U: Copy>(self) -> Product<'a, U> {
        Product {
            m: self.m,
            n: self.n,
            k: self.k,
            a: self.a.cast(),
            b: match self.b {
                Right::Strided(b) => Right::Strided(b.cast()),
                Right::Packed(b) => Right::Packed(b.cast()),
            },
            c: self.c.cast(),
            accumulate: self.accumulate,
            // SAFETY: the same type under another name.
            epilogue: unsafe { transmute_copy(&self.epilogue) },
        }
    }
}

unsafe fn multiply<S: Scalar>(p: &Product<'_, S>, kernels: &'static kernel::Kernels<S>) {
    if p.m == 0 || p.n == 0 {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if p.k == 0 {
            return empty_sum(p);
        }
        if !vector::multiply_vector(p, kernels) {
            blocked::multiply_blocked(&p.by_rows(), kernels);
        }
    }
}

impl<T: Element> Product<'_, T> {
    /// The same product with contiguous columns in C if a transposition gives them: Cᵀ = Bᵀ·Aᵀ.
    fn by_rows(&self) -> Self {
        match self.b {
            Right::Strided(b)
                if self.c.col_stride != 1 && self.c.row_stride == 1 && self.epilogue.is_none() =>
            {
                Product {
                    m: self.n,
                    n: self.m,
                    a: b.transposed(),
                    b: Right::Strided(self.a.transposed()),
                    c: self.c.transposed(),
                    ..*self
                }
            }
            _ => *self,
        }
    }
}

unsafe fn empty_sum<S: Scalar>(p: &Product<'_, S>) {
    for i in 0..p.m {
        // SAFETY: within C.
        unsafe {
            if !p.accumulate {
                (0..p.n).for_each(|j| *p.c.at(i, j) = S::default());
            }
        }
    }
    if let Some(epilogue) = p.epilogue {
        // SAFETY: all of C.
        unsafe { epilogue.apply_rows(0, 0, p.c.ptr, p.c.row_stride, p.m, p.n) }
    }
}
