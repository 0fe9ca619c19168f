//! `Step`: a kernel with the places it reads and writes.

use super::kernel::Kernel;
use crate::{DType, View};

/// A place in a storage: where a value's first element lies and the range of bytes its view reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) storage: usize,
    pub(super) low: usize,
    pub(super) first: usize,
    pub(super) high: usize,
}

impl Place {
    /// The place of a value whose buffer begins at byte `begin` of `storage`. Storage 0 is the arena.
    ///
    /// # Panics
    /// If the view reaches before the buffer's beginning.
    pub fn new(storage: usize, begin: usize, dtype: DType, view: &View) -> Place {
        if view.shape.is_empty() {
            // Nothing is touched, wherever the view would begin.
            return Place { storage, low: begin, first: begin, high: begin };
        }
        let (low, high) = view.reach();
        assert!(low >= 0, "a view reaches before its buffer");
        let size = dtype.size();
        let [low, first, high] =
            [low as usize, view.offset, high as usize].map(|element| begin + element * size);
        Place { storage, low, first, high }
    }
    /// Whether bytes from `low` to `high`, counted from the first element's, lie within.
    fn holds(&self, (low, high): (isize, isize)) -> bool {
        let at = |by: isize| self.first.checked_add_signed(by);
        low == high
            || at(low).is_some_and(|low| low >= self.low)
                && at(high).is_some_and(|high| high <= self.high)
    }
    /// # Safety
    /// `first` must point to the first element's byte, in memory that holds all that the place reaches.
    pub(super) unsafe fn bytes<'a>(&self, first: *const u8) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe {
            std::slice::from_raw_parts(first.sub(self.first - self.low), self.high - self.low)
        }
    }
    /// Which storage.
    pub fn storage(&self) -> usize {
        self.storage
    }
    /// The first element's byte.
    pub fn first(&self) -> usize {
        self.first
    }
}

/// A step found a bad value in its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The step's number; then, if that step runs a program of its own, the number of the step in there, and so on.
    pub steps: Vec<usize>,
    /// What it found.
    pub what: String,
}

/// One kernel with its places.
pub struct Step {
    pub(super) kernel: Box<dyn Kernel>,
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Place>,
    pub(super) workspace: usize,
}

impl Step {
    /// A step; `workspace` is the arena byte where its workspace begins. There may be more inputs than the kernel reads: they
    /// stay alive beside it.
    ///
    /// # Panics
    /// If the kernel touches more than a place reaches, or has other numbers of inputs and outputs.
    pub fn new(
        kernel: Box<dyn Kernel>,
        inputs: Vec<Place>,
        outputs: Vec<Place>,
        workspace: usize,
    ) -> Step {
        let touches = kernel.touches();
        let (reads, writes) = (touches.inputs(), touches.outputs());
        assert!(
            reads.len() <= inputs.len() && writes.len() == outputs.len(),
            "a kernel of {} inputs and {} outputs is given {} and {}",
            reads.len(),
            writes.len(),
            inputs.len(),
            outputs.len()
        );
        for (what, spans, places) in [("reads", reads, &inputs), ("writes", writes, &outputs)] {
            for (i, (&(low, high), place)) in spans.iter().zip(places).enumerate() {
                assert!(
                    place.holds((low, high)),
                    "a kernel {what} bytes {low} to {high} of its value {i}, which has {} to {}",
                    place.low as isize - place.first as isize,
                    place.high - place.first
                );
            }
        }
        Step { kernel, inputs, outputs, workspace }
    }
    /// The kernel.
    pub fn kernel(&self) -> &dyn Kernel {
        &*self.kernel
    }
    /// Where it reads.
    pub fn inputs(&self) -> &[Place] {
        &self.inputs
    }
    /// Where it writes.
    pub fn outputs(&self) -> &[Place] {
        &self.outputs
    }
    pub(super) fn pointers(&self) -> usize {
        self.inputs.len() + self.outputs.len() + 1
    }
}
