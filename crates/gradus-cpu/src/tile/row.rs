//! `RowLoop`: a pointwise program applied to stretches of a matrix's rows while they are hot, the epilogue of a
//! matrix product.

use super::compile::{
    Entry, Home, Program, REGISTER, Rate, SLOT, Target, compile, slot_len, tile_len,
};
use super::convert::{Block, Load, loader};
use crate::dispatch::Isa;
use crate::gemm::Epilogue;
use crate::with_scratch;
use gradus_base::{DType, Element, Expr};

/// A pointwise program over stretches of a matrix's rows. Input 0 is the stretch, every other input a matrix over the
/// same rows and columns; the output is written over the stretch.
pub struct RowLoop {
    program: Program,
    compute: DType,
    matrices: Vec<Matrix>,
    scratch: usize,
    table: usize,
}

/// An input but the first; strides in bytes.
struct Matrix {
    input: usize,
    entry: Entry,
    rows: isize,
    cols: isize,
    scalar: bool,
    /// Read in place.
    direct: bool,
    load: Load,
}

impl RowLoop {
    /// The program for `expr` with one output. Of each input the type and the strides of rows and columns; input 0 is
    /// the stretch, of type `compute` (F32 or F64), its strides are not read.
    ///
    /// # Panics
    /// If the number of inputs or outputs does not fit, or `compute` is another type.
    pub fn new(expr: &Expr, compute: DType, inputs: &[(DType, isize, isize)]) -> RowLoop {
        assert!(matches!(compute, DType::F32 | DType::F64), "rows are f32 or f64, found {compute}");
        assert_eq!(inputs.len(), expr.inputs(), "inputs of the expression");
        assert_eq!(expr.outputs().len(), 1, "outputs of the expression");
        let rate = |i: usize| if i > 0 && inputs[i].2 == 0 { Rate::Once } else { Rate::Element };
        let rates: Vec<Rate> = (0..inputs.len()).map(rate).collect();
        let aliases = |_, input| input == 0;
        let target =
            Target { isa: Isa::best(), compute, rates: &rates, aliases: &aliases, stored: true };
        let program = compile(expr, &target);
        let matrices = (1..inputs.len())
            .filter_map(|input| {
                let (dtype, rows, cols) = inputs[input];
                let size = dtype.size() as isize;
                Some(Matrix {
                    input,
                    entry: program.inputs[input]?,
                    rows: rows * size,
                    cols: cols * size,
                    scalar: cols == 0,
                    direct: cols == 1 && dtype == compute,
                    load: loader(dtype, compute),
                })
            })
            .collect();
        let table = (program.homes.len() * 8).next_multiple_of(64);
        let slots = (program.slots * SLOT).next_multiple_of(64);
        let scratch = table + slots + program.registers * REGISTER;
        RowLoop { program, compute, matrices, scratch, table }
    }

    /// Applies the program to the `len` elements at `at`, those of `row` from `col` on. `inputs` are the matrices'
    /// first elements; the first is not read.
    ///
    /// # Safety
    /// The stretch is valid for reading and writing, the matrices for reading over the same elements.
    pub unsafe fn apply(
        &self,
        inputs: &[*const u8],
        row: usize,
        col: usize,
        at: *mut u8,
        len: usize,
    ) {
        with_scratch(self.scratch, |scratch| {
            // SAFETY: the scratch was measured for this program; the rest is the caller's promise.
            unsafe {
                let table = scratch.cast::<*mut u8>();
                for (i, &home) in self.program.homes.iter().enumerate() {
                    *table.add(i) = self.home(scratch, home);
                }
                let place = |m: &Matrix, col: usize| {
                    let offset = row as isize * m.rows + col as isize * m.cols;
                    inputs[m.input].offset(offset)
                };
                let lanes = slot_len(self.compute);
                for m in self.matrices.iter().filter(|m| m.scalar) {
                    let block = Block { n0: lanes, s0: 0, n1: 1, s1: 0 };
                    (m.load)(*table.add(m.entry as usize), place(m, col), &block);
                }
                self.program.once.iter().for_each(|instr| instr.run(table, lanes));
                let most = tile_len(self.compute);
                let mut done = 0;
                while done < len {
                    // Whole vectors in place; what is left goes through registers.
                    let whole = (len - done).min(most) / lanes * lanes;
                    let n = if whole == 0 { len - done } else { whole };
                    let stretch = at.add(done * self.compute.size());
                    for m in self.matrices.iter().filter(|m| !m.scalar) {
                        self.bind(scratch, m, place(m, col + done), n);
                    }
                    self.run(scratch, stretch, n);
                    done += n;
                }
            }
        });
    }

    unsafe fn home(&self, scratch: *mut u8, home: Home) -> *mut u8 {
        let slots = (self.program.slots * SLOT).next_multiple_of(64);
        // SAFETY: within the scratch. Constants are only read.
        unsafe {
            match home {
                Home::Const(i) => (&raw const self.program.constants[i]).cast_mut().cast(),
                Home::Slot(i) => scratch.add(self.table + i * SLOT),
                Home::Register(i) => scratch.add(self.table + slots + i * REGISTER),
            }
        }
    }

    /// Makes `n` elements of a matrix readable for the program.
    unsafe fn bind(&self, scratch: *mut u8, m: &Matrix, from: *const u8, n: usize) {
        // SAFETY: as for `apply`.
        unsafe {
            let entry = scratch.cast::<*mut u8>().add(m.entry as usize);
            if m.direct && n.is_multiple_of(slot_len(self.compute)) {
                *entry = from.cast_mut();
            } else {
                *entry = self.home(scratch, self.program.homes[m.entry as usize]);
                (m.load)(*entry, from, &Block { n0: n, s0: m.cols, n1: 1, s1: 0 });
            }
        }
    }

    /// Runs the program over `n` elements of the stretch.
    unsafe fn run(&self, scratch: *mut u8, stretch: *mut u8, n: usize) {
        let p = &self.program;
        let padded = n.next_multiple_of(slot_len(self.compute));
        let bytes = n * self.compute.size();
        let output = p.outputs[0] as usize;
        // SAFETY: as for `apply`; registers hold a tile.
        unsafe {
            let table = scratch.cast::<*mut u8>();
            let register = self.home(scratch, p.homes[output]);
            let in_place = padded == n && !p.staged[0];
            *table.add(output) = if in_place { stretch } else { register };
            if let Some(entry) = p.inputs[0] {
                *table.add(entry as usize) = if padded == n {
                    stretch
                } else {
                    let copy = self.home(scratch, p.homes[entry as usize]);
                    std::ptr::copy_nonoverlapping(stretch, copy, bytes);
                    copy
                };
            }
            p.body.iter().for_each(|instr| instr.run(table, padded));
            if !in_place {
                std::ptr::copy_nonoverlapping(register, stretch, bytes);
            }
        }
    }

    /// The epilogue that applies this program with the given inputs; the first is not read.
    ///
    /// # Safety
    /// The matrices stay readable for as long as the epilogue is used, over the product's rows and columns, and `T`
    /// is the type computed in.
    pub unsafe fn bind_inputs<'a>(&'a self, inputs: &'a [*const u8]) -> RowEpilogue<'a> {
        RowEpilogue { row_loop: self, inputs }
    }
}

/// A [`RowLoop`] with its inputs.
pub struct RowEpilogue<'a> {
    row_loop: &'a RowLoop,
    inputs: &'a [*const u8],
}

// SAFETY: the inputs are only read.
unsafe impl Sync for RowEpilogue<'_> {}

impl<T: Element> Epilogue<T> for RowEpilogue<'_> {
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut T, len: usize) {
        debug_assert_eq!(T::DTYPE, self.row_loop.compute);
        // SAFETY: the caller's promise and that of `bind_inputs`.
        unsafe { self.row_loop.apply(self.inputs, row, col, ptr.cast(), len) }
    }
}
