//! `RowLoop`: a pointwise program applied to stretches of a matrix's rows while they are hot, the epilogue of a
//! matrix product.

use super::compile::{
    Entry, Home, REGISTER, Rate, SLOT, Target, TileCode, compile, slot_len, tile_len,
};
use super::convert::{Block, Load, loader};
use crate::gemm::{Clip, Epilogue};
use crate::lanes::Isa;
use crate::with_scratch;
use gradus_base::expr::Op;
use gradus_base::{DType, Element, Expr};

/// A pointwise program over stretches of a matrix's rows. Input 0 is the stretch, every other input a matrix over the
/// same rows and columns; the output is written over the stretch.
pub struct RowLoop {
    program: TileCode,
    compute: DType,
    matrices: Vec<Matrix>,
    /// Whether a scalar changes from row to row.
    row_scalars: bool,
    scratch: usize,
    table: usize,
    bounds: Option<Bounds>,
}

/// The program as the bounds of a sum with a row that repeats.
#[derive(Clone, Copy)]
struct Bounds {
    /// The input that is added.
    bias: usize,
    low: f64,
    high: f64,
}

impl Bounds {
    /// If `expr` is min(max(input 0 + another, low), high), or without one or both of the bounds.
    fn of(expr: &Expr) -> Option<Bounds> {
        let line = |i: u32| expr.lines()[i as usize];
        let mut last = line(expr.outputs()[0]);
        let mut bound = |op: Op, none: f64| match line(last.args[1]).op.constant() {
            Some(bound) if last.op == op => {
                last = line(last.args[0]);
                bound
            }
            _ => none,
        };
        let high = bound(Op::Min, f64::INFINITY);
        let low = bound(Op::Max, f64::NEG_INFINITY);
        if last.op != Op::Add || high == 0.0 || (low == 0.0 && low.is_sign_negative()) {
            return None;
        }
        match [line(last.args[0]).op, line(last.args[1]).op] {
            [Op::Input(0), Op::Input(i)] | [Op::Input(i), Op::Input(0)] if i > 0 => {
                Some(Bounds { bias: i.into(), low, high })
            }
            _ => None,
        }
    }
}

/// Elements of a row from which on it is worth an instruction of its own.
const SHORT: usize = 64;

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
        let isa = Isa::current();
        let target = Target { isa, compute, rates: &rates, aliases: &aliases, stored: true };
        let program = compile(expr, &target);
        let matrices: Vec<Matrix> = (1..inputs.len())
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
                    load: loader(isa, dtype, compute),
                })
            })
            .collect();
        let table = (program.homes.len() * 8).next_multiple_of(64);
        let slots = (program.slots * SLOT).next_multiple_of(64);
        let scratch = table + slots + program.registers * REGISTER;
        let row_scalars = matrices.iter().any(|m| m.scalar && m.rows != 0);
        let repeats = |b: &Bounds| inputs[b.bias] == (compute, 0, 1);
        let bounds = Bounds::of(expr).filter(repeats);
        RowLoop { program, compute, matrices, row_scalars, scratch, table, bounds }
    }

    /// The formulas that it does in one piece, for `plan` listings.
    pub fn idioms(&self) -> &[&'static str] {
        &self.program.idioms
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
        // SAFETY: the caller's promise.
        unsafe { self.apply_rows(inputs, [row, col], at, 0, [1, len]) }
    }

    /// As [`RowLoop::apply`] for the same stretch of `rows` rows, `stride` bytes apart.
    ///
    /// # Safety
    /// As [`RowLoop::apply`], for each row.
    pub unsafe fn apply_rows(
        &self,
        inputs: &[*const u8],
        [row, col]: [usize; 2],
        at: *mut u8,
        stride: isize,
        [rows, len]: [usize; 2],
    ) {
        with_scratch(self.scratch, |scratch| {
            // SAFETY: the scratch was measured for this program; the rest is the caller's promise.
            unsafe {
                for (i, &home) in self.program.homes.iter().enumerate() {
                    *scratch.cast::<*mut u8>().add(i) = self.home(scratch, home);
                }
                let run = Run { l: self, scratch, inputs, row, col };
                // Rows that follow each other are one stretch of memory, of which a tile takes a part.
                let dense = stride == (len * self.compute.size()) as isize;
                let most = if dense { tile_len(self.compute) / 2 } else { SHORT };
                if rows > 1 && len <= most && !self.row_scalars {
                    return run.together(at, stride, rows, len);
                }
                run.apart(at, stride, rows, len);
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

    /// The epilogue that applies this program with the given inputs; the first is not read.
    ///
    /// # Safety
    /// The matrices stay readable for as long as the epilogue is used, over the product's rows and columns, and `T`
    /// is the type computed in.
    pub unsafe fn bind_inputs<'a>(&'a self, inputs: &'a [*const u8]) -> RowEpilogue<'a> {
        RowEpilogue { row_loop: self, inputs }
    }
}

/// A program at work on rows from (row, col) on, its table in the scratch.
struct Run<'a> {
    l: &'a RowLoop,
    scratch: *mut u8,
    inputs: &'a [*const u8],
    row: usize,
    col: usize,
}

impl Run<'_> {
    /// Where row `i` of a matrix begins, `done` columns further on.
    unsafe fn place(&self, m: &Matrix, i: usize, done: usize) -> *const u8 {
        let (row, col) = ((self.row + i) as isize, (self.col + done) as isize);
        // SAFETY: the matrices cover the rows and columns.
        unsafe { self.inputs[m.input].offset(row * m.rows + col * m.cols) }
    }

    /// An entry of the table.
    fn entry(&self, entry: Entry) -> *mut *mut u8 {
        self.scratch.cast::<*mut u8>().wrapping_add(entry as usize)
    }

    unsafe fn register(&self, entry: Entry) -> *mut u8 {
        // SAFETY: within the scratch.
        unsafe { self.l.home(self.scratch, self.l.program.homes[entry as usize]) }
    }

    /// What does not change along row `i`.
    unsafe fn scalars(&self, i: usize) {
        let lanes = slot_len(self.l.compute);
        // SAFETY: as for `RowLoop::apply`.
        unsafe {
            for m in self.l.matrices.iter().filter(|m| m.scalar) {
                let block = Block { n0: lanes, s0: 0, n1: 1, s1: 0 };
                (m.load)(*self.entry(m.entry), self.place(m, i, 0), &block);
            }
            self.l.program.once.iter().for_each(|instr| instr.execute(self.scratch.cast(), lanes));
        }
    }

    /// A tile's width of one row after the other: whole vectors in place; what is left goes through registers.
    unsafe fn apart(&self, at: *mut u8, stride: isize, rows: usize, len: usize) {
        let (lanes, most) = (slot_len(self.l.compute), tile_len(self.l.compute));
        let mut done = 0;
        while done < len {
            let whole = (len - done).min(most) / lanes * lanes;
            let n = if whole == 0 { len - done } else { whole };
            for i in 0..rows {
                // SAFETY: as for `RowLoop::apply`.
                unsafe {
                    if self.l.row_scalars || (i == 0 && done == 0) {
                        self.scalars(i);
                    }
                    for m in self.l.matrices.iter().filter(|m| !m.scalar) {
                        // What is the same in all rows stays bound.
                        if m.rows != 0 || i == 0 {
                            self.bind(m, self.place(m, i, done), [1, n]);
                        }
                    }
                    let start = i as isize * stride + (done * self.l.compute.size()) as isize;
                    self.run_body(at.offset(start), 0, [1, n]);
                }
            }
            done += n;
        }
    }

    /// As many short rows at a time as a tile takes.
    unsafe fn together(&self, at: *mut u8, stride: isize, rows: usize, len: usize) {
        let each = tile_len(self.l.compute) / len;
        // SAFETY: as for `RowLoop::apply`; a register holds `each` rows.
        unsafe {
            self.scalars(0);
            for i in (0..rows).step_by(each) {
                let some = each.min(rows - i);
                for m in self.l.matrices.iter().filter(|m| !m.scalar) {
                    // What repeats is there from the first time on, when the rows were most.
                    if m.rows != 0 || i == 0 {
                        self.bind(m, self.place(m, i, 0), [some, len]);
                    }
                }
                self.run_body(at.offset(i as isize * stride), stride, [some, len]);
            }
        }
    }

    /// Makes rows of a matrix readable for the program, in place if they are whole vectors that follow each other.
    unsafe fn bind(&self, m: &Matrix, from: *const u8, [rows, len]: [usize; 2]) {
        let l = self.l;
        let dense = rows == 1 || m.rows == (len * l.compute.size()) as isize;
        // SAFETY: as for `RowLoop::apply`.
        unsafe {
            let entry = self.entry(m.entry);
            if m.direct && dense && (rows * len).is_multiple_of(slot_len(l.compute)) {
                *entry = from.cast_mut();
            } else {
                *entry = self.register(m.entry);
                (m.load)(*entry, from, &Block { n0: len, s0: m.cols, n1: rows, s1: m.rows });
            }
        }
    }

    /// Runs the program over `rows` stretches of `len` elements, `stride` bytes apart; a tile at most.
    unsafe fn run_body(&self, stretch: *mut u8, stride: isize, [rows, len]: [usize; 2]) {
        let p = &self.l.program;
        let (n, bytes) = (rows * len, len * self.l.compute.size());
        let padded = n.next_multiple_of(slot_len(self.l.compute));
        let direct = padded == n && (rows == 1 || stride == bytes as isize);
        // SAFETY: as for `RowLoop::apply`; registers hold a tile.
        unsafe {
            let output = self.register(p.outputs[0]);
            let in_place = direct && !p.staged[0];
            *self.entry(p.outputs[0]) = if in_place { stretch } else { output };
            if let Some(entry) = p.inputs[0] {
                *self.entry(entry) = if direct { stretch } else { self.register(entry) };
                if !direct {
                    let copy = self.register(entry);
                    copy_rows(stretch, stride, copy, bytes as isize, rows, bytes);
                }
            }
            p.body.iter().for_each(|instr| instr.execute(self.scratch.cast(), padded));
            if !in_place {
                copy_rows(output, bytes as isize, stretch, stride, rows, bytes);
            }
        }
    }
}

/// Copies `rows` times `bytes` bytes that do not overlap.
unsafe fn copy_rows(
    from: *const u8,
    from_stride: isize,
    to: *mut u8,
    to_stride: isize,
    rows: usize,
    bytes: usize,
) {
    for i in 0..rows as isize {
        // SAFETY: the caller's promise.
        unsafe {
            let (from, to) = (from.offset(i * from_stride), to.offset(i * to_stride));
            std::ptr::copy_nonoverlapping(from, to, bytes);
        }
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
    fn clip(&self) -> Option<Clip<T>> {
        let Bounds { bias, low, high } = self.row_loop.bounds?;
        let [low, high] = [low, high].map(T::from_f64);
        Some(Clip { bias: self.inputs[bias].cast(), low, high })
    }
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut T, len: usize) {
        debug_assert_eq!(T::DTYPE, self.row_loop.compute);
        // SAFETY: the caller's promise and that of `bind_inputs`.
        unsafe { self.row_loop.apply(self.inputs, row, col, ptr.cast(), len) }
    }
    unsafe fn apply_rows(
        &self,
        row: usize,
        col: usize,
        ptr: *mut T,
        row_stride: isize,
        rows: usize,
        len: usize,
    ) {
        debug_assert_eq!(T::DTYPE, self.row_loop.compute);
        let stride = row_stride * size_of::<T>() as isize;
        // SAFETY: as above.
        unsafe {
            self.row_loop.apply_rows(self.inputs, [row, col], ptr.cast(), stride, [rows, len]);
        }
    }
}
