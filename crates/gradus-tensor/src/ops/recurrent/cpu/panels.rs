//! Weights as the kernels read them: cut into blocks of units, each block's columns of all parts one after another, in the panels
//! of matrix products. So a block's product is one run through memory, and what is made of a unit's sums is made where they lie.
#![allow(unsafe_code)]

use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Element};
use gradus_cpu::{Mat, MatMut, PackedB, Shared, gemm_packed, pack_b, parallel};

/// Units of a block: the columns of some whole panels, on every path.
pub(super) const UNITS: usize = 32;

/// A matrix `[k, parts·width]` that is cut so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panels {
    pub k: usize,
    pub parts: usize,
    pub width: usize,
    /// Where the first element lies.
    pub from: isize,
    /// From one row to the next, and from one column to the next.
    pub strides: [isize; 2],
}

impl Panels {
    pub(super) fn blocks(&self) -> usize {
        self.width.div_ceil(UNITS)
    }

    /// How many units block `i` has.
    pub(super) fn units(&self, block: usize) -> usize {
        UNITS.min(self.width - block * UNITS)
    }

    /// Elements of one part of a block.
    fn each<T: Element>(&self) -> usize {
        PackedB::<T>::len(self.k, UNITS)
    }

    /// Elements of all.
    pub(super) fn len<T: Element>(&self) -> usize {
        self.blocks() * self.parts * self.each::<T>()
    }

    /// Bytes of all.
    pub(super) fn bytes(&self, dtype: DType) -> usize {
        match dtype {
            DType::F64 => self.len::<f64>() * size_of::<f64>(),
            _ => self.len::<f32>() * size_of::<f32>(),
        }
    }

    /// Packs the matrix at `from`.
    ///
    /// # Safety
    /// It is readable over its shape, and `to` writable over [`Panels::len`] elements.
    pub(super) unsafe fn pack<T: Element>(&self, from: *const T, to: *mut T) {
        let (from, to) = (Shared::new(from), Shared::new(to.cast_const()));
        let [row_stride, col_stride] = self.strides;
        parallel(self.blocks() * self.parts, &|i| {
            let (block, part) = (i / self.parts, i % self.parts);
            let column = (part * self.width + block * UNITS) as isize;
            let ptr = from.get().cast_const().wrapping_offset(self.from + column * col_stride);
            let to = to.at(i * self.each::<T>());
            // SAFETY: the caller's promise; each call writes its own part.
            unsafe { pack_b(self.k, self.units(block), Mat { ptr, row_stride, col_stride }, to) }
        });
    }

    /// z = a·w for one block of the packed w: rows of `parts` times [`UNITS`] columns, a part's behind each other.
    ///
    /// # Safety
    /// `packed` is what [`Panels::pack`] wrote, a readable over `[rows, k]`, z writable; k is not 0.
    pub(super) unsafe fn multiply<T: Element>(
        &self,
        packed: *const T,
        rows: usize,
        a: Mat<T>,
        block: usize,
        z: *mut T,
    ) {
        let (each, units, row) = (self.each::<T>(), self.units(block), self.parts * UNITS);
        let packed = packed.wrapping_add(block * self.parts * each);
        let c =
            |at: usize| MatMut { ptr: z.wrapping_add(at), row_stride: row as isize, col_stride: 1 };
        let whole = units == UNITS && PackedB::<T>::len(1, UNITS) == UNITS;
        // SAFETY: the caller's promise.
        unsafe {
            if whole {
                return gemm_packed(rows, row, self.k, a, packed, c(0), false, None);
            }
            for part in 0..self.parts {
                let packed = packed.wrapping_add(part * each);
                gemm_packed(rows, units, self.k, a, packed, c(part * UNITS), false, None);
            }
        }
    }
}

/// Packs matrices that are views of one input, one after another.
pub(super) struct Pack {
    pub dtype: DType,
    pub all: Vec<Panels>,
    pub touches: Touches,
}

// SAFETY: reads the input over its view and writes as many elements as the panels have.
unsafe impl Kernel for Pack {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the caller's pointers are valid for what was asked.
        unsafe {
            match self.dtype {
                DType::F64 => pack_all(&self.all, args.input::<f64>(0), args.output(0)),
                DType::F32 => pack_all(&self.all, args.input::<f32>(0), args.output(0)),
                dtype => unreachable!("weights of {dtype} are cast"),
            }
        }
    }
}

/// Packs views of one matrix, one after another.
///
/// # Safety
/// As [`Panels::pack`].
pub(super) unsafe fn pack_all<T: Element>(all: &[Panels], from: *const T, to: *mut T) {
    let mut at = 0;
    for panels in all {
        // SAFETY: the caller's promise.
        unsafe { panels.pack(from, to.wrapping_add(at)) }
        at += panels.len::<T>();
    }
}
