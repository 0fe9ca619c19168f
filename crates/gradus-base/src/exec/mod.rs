//! Execution: a flat list of steps over storages. A step is a kernel with the places it reads and writes,
//! resolved before the first run, so that running allocates nothing.
#![allow(unsafe_code)]

mod kernel;
mod slices;
mod step;

pub use kernel::{Args, Kernel, Touches};
pub use slices::Slices;
pub use step::{Fault, Place, Step};

use crate::buffer::{ALIGN, Buffer};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// A list of steps, ready to run. The first of them may be a prologue, whose results outlast a run.
pub struct Executable {
    /// A number no other program of this process has.
    id: u64,
    steps: Vec<Step>,
    /// How many steps are the prologue, and how many pointers those have.
    prologue: usize,
    prologue_pointers: usize,
    arena_bytes: usize,
    /// For each storage, the bytes the steps reach: a bound buffer must hold as many.
    reach: Vec<usize>,
    /// For each storage, whether a step writes there: of all steps, and of those after the prologue.
    written: [Vec<bool>; 2],
}

/// Which steps a run runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Those after the prologue, whose results of an earlier run still stand.
    AfterPrologue,
}

/// The memory one run of a program uses; kept between runs.
pub struct Memory {
    /// The program it was made for.
    program: u64,
    arena: Buffer,
    bound: Vec<*mut u8>,
    pointers: Vec<*mut u8>,
}

// SAFETY: the pointers are only followed during a run, while the buffers they come from are borrowed.
unsafe impl Send for Memory {}
// SAFETY: shared access only reads the table.
unsafe impl Sync for Memory {}

/// The buffer behind a storage for one run.
pub enum Bound<'a> {
    /// Only read.
    Read(&'a Buffer),
    /// Read and written.
    Write(&'a mut Buffer),
}

/// A new arena in place of one that was too small has a part of so many to spare.
const SPARE: usize = 8;

impl Executable {
    /// A program over `storages` storages (the arena is number 0). The first `prologue` steps need not run again as long as
    /// what they read stays the same and what they wrote outside the arena is kept.
    ///
    /// # Panics
    /// If a step reaches outside the arena or names a storage that is not there.
    pub fn new(
        steps: Vec<Step>,
        prologue: usize,
        arena_bytes: usize,
        storages: usize,
    ) -> Executable {
        let mut reach = vec![0; storages];
        let mut written = [vec![false; storages], vec![false; storages]];
        for (i, step) in steps.iter().enumerate() {
            for p in step.inputs.iter().chain(&step.outputs) {
                reach[p.storage] = reach[p.storage].max(p.high);
            }
            for p in &step.outputs {
                written[0][p.storage] = true;
                written[1][p.storage] |= i >= prologue;
            }
            reach[0] = reach[0].max(step.workspace + step.kernel.workspace());
        }
        assert!(reach[0] <= arena_bytes, "a step reaches past the arena");
        let prologue_pointers = steps[..prologue].iter().map(Step::pointers).sum();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Executable { id, steps, prologue, prologue_pointers, arena_bytes, reach, written }
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Bytes of arena.
    pub fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// Fresh memory for runs of this program. Its arena is made by the first run, unless it is given one before.
    pub fn memory(&self) -> Memory {
        Memory {
            program: self.id,
            arena: Buffer::zeroed(0),
            bound: vec![std::ptr::null_mut(); self.reach.len()],
            pointers: vec![std::ptr::null_mut(); self.pointers()],
        }
    }

    /// Gives a memory of this program the arena of another, which its runs then use. One that is too small is dropped for a new one,
    /// never beside it, with some room to spare: whoever meets larger and larger programs does not make an arena for each.
    ///
    /// # Panics
    /// If the memory is another program's.
    pub fn give_arena(&self, memory: &mut Memory, arena: Buffer) {
        assert_eq!(memory.program, self.id, "memory of another program");
        let needed = self.arena_bytes.max(ALIGN);
        memory.arena = arena;
        if (1..needed).contains(&memory.arena.bytes()) {
            memory.arena = Buffer::zeroed(0);
            memory.arena = Buffer::zeroed(needed + needed / SPARE);
        }
        memory.bound[0] = std::ptr::null_mut();
    }

    /// Binds the storages from 1 on, in order, and resolves the places if any moved since the last run.
    fn bind<'a>(&self, memory: &mut Memory, storages: impl Iterator<Item = Bound<'a>>, part: Part) {
        assert_eq!(memory.program, self.id, "memory of another program");
        let written = &self.written[usize::from(part == Part::AfterPrologue)];
        if memory.arena.bytes() < self.arena_bytes.max(ALIGN) {
            memory.arena = Buffer::zeroed(self.arena_bytes.max(ALIGN));
            memory.bound[0] = std::ptr::null_mut();
        }
        let mut stale = memory.bound[0].is_null();
        memory.bound[0] = memory.arena.as_mut_ptr();
        let mut count = 1;
        for (i, bound) in (1..).zip(storages) {
            let (pointer, bytes, writable) = match bound {
                Bound::Read(b) => (b.as_ptr().cast_mut(), b.bytes(), false),
                Bound::Write(b) => (b.as_mut_ptr(), b.bytes(), true),
            };
            assert!(self.reach[i] <= bytes, "storage {i} holds {bytes} of {} bytes", self.reach[i]);
            assert!(writable || !written[i], "storage {i} is written but bound for reading");
            stale |= memory.bound[i] != pointer;
            memory.bound[i] = pointer;
            count += 1;
        }
        assert_eq!(count, self.reach.len(), "storages bound");
        if stale {
            self.resolve(&memory.bound, &mut memory.pointers);
        }
    }

    /// Where every step reads, writes and works, for storages that begin there.
    fn resolve(&self, bound: &[*mut u8], pointers: &mut [*mut u8]) {
        let mut at = 0;
        for step in &self.steps {
            for p in step.inputs.iter().chain(&step.outputs) {
                pointers[at] = bound[p.storage].wrapping_add(p.first);
                at += 1;
            }
            pointers[at] = bound[0].wrapping_add(step.workspace);
            at += 1;
        }
    }

    /// How many pointers [`Executable::execute_at`] works with.
    pub fn pointers(&self) -> usize {
        self.steps.iter().map(Step::pointers).sum()
    }

    /// Runs the steps over storages that begin at the given addresses, the arena first: for a kernel whose workspace is a program's
    /// memory. It takes no memory but `pointers`, which need hold nothing.
    ///
    /// # Errors
    /// As [`Executable::execute`].
    ///
    /// # Safety
    /// Every storage must hold all that the steps reach, the arena [`Executable::arena_bytes`] from an address that is a multiple of
    /// 64; what steps write must overlap no other storage. After the prologue the memory of its results must be as it left it.
    ///
    /// # Panics
    /// If there are fewer pointers than [`Executable::pointers`].
    pub unsafe fn execute_at(
        &self,
        storages: &[*mut u8],
        pointers: &mut [*mut u8],
        part: Part,
    ) -> Result<(), Fault> {
        self.resolve(storages, pointers);
        self.execute_with(pointers, part, |_, kernel, args| {
            // SAFETY: the caller's promise.
            unsafe { kernel.launch(args) }
        })
    }

    /// Runs the steps in order over the given storages, numbers 1, 2, … in order.
    ///
    /// # Errors
    /// The first fault a kernel reports; the steps after it did not run.
    ///
    /// # Panics
    /// If the memory is another program's, or a storage is missing, too small, or written but bound for reading.
    pub fn execute<'a>(
        &self,
        memory: &mut Memory,
        storages: impl Iterator<Item = Bound<'a>>,
        part: Part,
    ) -> Result<(), Fault> {
        self.bind(memory, storages, part);
        self.execute_with(&memory.pointers, part, |_, kernel, args| {
            // SAFETY: the buffers are borrowed for the run; `bind` and `Place` keep every view in bounds.
            unsafe { kernel.launch(args) }
        })
    }

    /// As [`Executable::execute`], calling `before` and `after` with each step's number and memory: for profiles, and for looking at
    /// values.
    ///
    /// # Errors
    /// As [`Executable::execute`].
    pub fn execute_watched<'a>(
        &self,
        memory: &mut Memory,
        storages: impl Iterator<Item = Bound<'a>>,
        part: Part,
        mut before: impl FnMut(usize, &Args<'_>),
        mut after: impl FnMut(usize, &Args<'_>),
    ) -> Result<(), Fault> {
        self.bind(memory, storages, part);
        self.execute_with(&memory.pointers, part, |i, kernel, args| {
            before(i, args);
            // SAFETY: as in `execute`.
            unsafe { kernel.launch(args) }
            after(i, args);
        })
    }

    fn execute_with(
        &self,
        pointers: &[*mut u8],
        part: Part,
        mut each: impl FnMut(usize, &dyn Kernel, &Args<'_>),
    ) -> Result<(), Fault> {
        let fault = RefCell::new(None);
        let (skipped, first) = match part {
            Part::All => (0, 0),
            Part::AfterPrologue => (self.prologue, self.prologue_pointers),
        };
        let mut rest = &pointers[first..];
        for (i, step) in self.steps.iter().enumerate().skip(skipped) {
            let (inputs, tail) = rest.split_at(step.inputs.len());
            let (outputs, tail) = tail.split_at(step.outputs.len());
            let args = Args { inputs, outputs, step, workspace: tail[0], fault: &fault };
            each(i, &*step.kernel, &args);
            if let Some(mut fault) = fault.take() {
                fault.steps.insert(0, i);
                return Err(fault);
            }
            rest = &tail[1..];
        }
        Ok(())
    }
}

impl Memory {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.arena.bytes()
    }
    /// The arena, for another program's memory; this one makes a new arena if it runs before it is given one.
    pub fn take_arena(&mut self) -> Buffer {
        std::mem::replace(&mut self.arena, Buffer::zeroed(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Shape, View};

    /// y = x + x of `len` dense f32.
    struct Double {
        len: usize,
        touches: Touches,
    }
    // SAFETY: input and output are dense, of `len` f32.
    unsafe impl Kernel for Double {
        fn touches(&self) -> &Touches {
            &self.touches
        }
        unsafe fn launch(&self, args: &Args<'_>) {
            for i in 0..self.len {
                // SAFETY: the caller's promise.
                unsafe { *args.output::<f32>(0).add(i) = 2.0 * *args.input::<f32>(0).add(i) }
            }
        }
    }

    /// Storage 2 becomes twice storage 1.
    fn doubling(len: usize) -> Executable {
        let view = View::dense(Shape::from([len]));
        let slot = || [(DType::F32, view)];
        let kernel = Double { len, touches: Touches::new(slot(), slot()) };
        let [x, y] = [1, 2].map(|storage| vec![Place::new(storage, 0, DType::F32, &view)]);
        Executable::new(vec![Step::new(Box::new(kernel), x, y, 0)], 0, 0, 3)
    }

    /// Runs it on two threes, and asks whether so many elements of the result are finite.
    fn doubled(program: &Executable, memory: &mut Memory, asked: usize) -> (Vec<f32>, bool) {
        let (x, mut y) = (Buffer::from_slice(&[3.0f32; 2]), Buffer::zeroed(8));
        let storages = [Bound::Read(&x), Bound::Write(&mut y)].into_iter();
        let mut finite = false;
        let look = |_, args: &Args<'_>| finite = args.is_finite(0, DType::F32, asked);
        program.execute_watched(memory, storages, Part::All, |_, _| {}, look).unwrap();
        (y.as_slice().to_vec(), finite)
    }

    #[test]
    fn runs_in_its_own_memory() {
        let program = doubling(2);
        assert_eq!(doubled(&program, &mut program.memory(), 2), (vec![6.0; 2], true));
    }

    #[test]
    #[should_panic(expected = "a kernel reads bytes 0 to 12 of its value 0, which has 0 to 8")]
    fn refuses_a_kernel_built_for_more() {
        let [three, two] = [3, 2].map(|len| View::dense(Shape::from([len])));
        let slot = || [(DType::F32, three)];
        let kernel = Double { len: 3, touches: Touches::new(slot(), slot()) };
        let place = || vec![Place::new(1, 0, DType::F32, &two)];
        Step::new(Box::new(kernel), place(), place(), 0);
    }

    #[test]
    #[should_panic(expected = "memory of another program")]
    fn refuses_memory_of_another_program() {
        doubled(&doubling(2), &mut doubling(2).memory(), 2);
    }

    #[test]
    #[should_panic(expected = "3 elements of f32 of an output of 8 bytes")]
    fn looks_at_no_more_than_there_is() {
        let program = doubling(2);
        doubled(&program, &mut program.memory(), 3);
    }

    #[test]
    fn runs_where_it_is_told_to() {
        let program = doubling(2);
        let (mut x, mut y) = ([3.0f32; 4], [0.0f32; 4]);
        let mut pointers = vec![std::ptr::null_mut(); program.pointers()];
        let storages =
            [std::ptr::null_mut(), x[2..].as_mut_ptr().cast(), y[1..].as_mut_ptr().cast()];
        // SAFETY: both hold two numbers from there on; no step has an arena.
        unsafe { program.execute_at(&storages, &mut pointers, Part::All) }.unwrap();
        assert_eq!(y, [0.0, 6.0, 6.0, 0.0]);
    }
}
