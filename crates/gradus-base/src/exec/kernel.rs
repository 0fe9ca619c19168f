//! `Kernel`: what runs, what it touches, and the memory it runs on.

use super::step::{Fault, Step};
use crate::{DType, Element, View};
use std::cell::RefCell;

/// What a step launches. Built for fixed shapes, strides and types.
///
/// # Safety
/// `launch` may touch only the bytes that [`Kernel::touches`] reports, counted from the given pointers, and `workspace()` bytes
/// of the workspace.
pub unsafe trait Kernel: Send + Sync {
    /// Runs on the given memory.
    ///
    /// # Safety
    /// The pointers must be valid for what [`Kernel::touches`] reports; outputs overlap nothing, except where the kernel was told
    /// that one shares an input's place.
    unsafe fn launch(&self, args: &Args<'_>);
    /// What it reads and writes.
    fn touches(&self) -> &Touches;
    /// Bytes of workspace it wants, 64-byte aligned, contents undefined.
    fn workspace(&self) -> usize {
        0
    }
    /// The algorithm's name, for `plan` listings; empty if there is but one.
    fn algorithm(&self) -> &str {
        ""
    }
    /// The formulas it has recognised and does in one piece, by name and in order, for `plan` listings.
    fn idioms(&self) -> &[&'static str] {
        &[]
    }
}

/// The bytes that a kernel touches, counted from the pointers it gets. [`Step::new`] compares them with the places it binds, so that
/// a kernel that was built for other shapes is refused and not run.
///
/// ```
/// use gradus_base::{DType, View, exec::Touches};
/// let row = View::dense([3].into());
/// let t = Touches::new([(DType::F32, row)], [(DType::F64, row.slice(0, 2, -2, 2))]);
/// assert_eq!((t.inputs(), t.outputs()), (&[(0, 12)][..], &[(-16, 8)][..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touches {
    /// Inputs, then outputs: from which byte to which.
    spans: Vec<(isize, isize)>,
    inputs: usize,
}

impl Touches {
    /// Everything that the views reach; their offsets are left out, since kernels get a pointer to the first element.
    pub fn new(
        inputs: impl IntoIterator<Item = (DType, View)>,
        outputs: impl IntoIterator<Item = (DType, View)>,
    ) -> Touches {
        let mut spans: Vec<(isize, isize)> = inputs.into_iter().map(span).collect();
        let inputs = spans.len();
        spans.extend(outputs.into_iter().map(span));
        Touches { spans, inputs }
    }
    /// The same, but of input `i` so many bytes from its pointer on.
    #[must_use]
    pub fn with_input(mut self, i: usize, bytes: usize) -> Touches {
        assert!(i < self.inputs, "input {i} of {}", self.inputs);
        self.spans[i] = (0, bytes as isize);
        self
    }
    /// Whether all that `other` touches is among this, of as many outputs and of no more inputs.
    pub fn cover(&self, other: &Touches) -> bool {
        let within =
            |(a, b): (&(isize, isize), &(isize, isize))| b.0 == b.1 || (a.0 <= b.0 && b.1 <= a.1);
        let all = |a: &[(isize, isize)], b: &[(isize, isize)]| a.iter().zip(b).all(within);
        other.inputs <= self.inputs
            && other.outputs().len() == self.outputs().len()
            && all(self.inputs(), other.inputs())
            && all(self.outputs(), other.outputs())
    }
    /// The bytes touched of each input, from its pointer.
    pub fn inputs(&self) -> &[(isize, isize)] {
        &self.spans[..self.inputs]
    }
    /// The bytes touched of each output, from its pointer.
    pub fn outputs(&self) -> &[(isize, isize)] {
        &self.spans[self.inputs..]
    }
}

fn span((dtype, view): (DType, View)) -> (isize, isize) {
    let (low, high) = View { offset: 0, ..view }.reach();
    let size = dtype.size() as isize;
    (low * size, high * size)
}

/// The memory a kernel runs on.
pub struct Args<'a> {
    pub(super) inputs: &'a [*mut u8],
    pub(super) outputs: &'a [*mut u8],
    pub(super) step: &'a Step,
    pub(super) workspace: *mut u8,
    pub(super) fault: &'a RefCell<Option<Fault>>,
}

impl Args<'_> {
    /// The first element of input `i`.
    pub fn input<T>(&self, i: usize) -> *const T {
        self.inputs[i].cast_const().cast()
    }
    /// All inputs' first bytes.
    #[inline]
    pub fn inputs(&self) -> &[*const u8] {
        // SAFETY: *mut u8 and *const u8 have the same layout.
        unsafe { std::slice::from_raw_parts(self.inputs.as_ptr().cast(), self.inputs.len()) }
    }
    /// The first element of output `i`.
    pub fn output<T>(&self, i: usize) -> *mut T {
        self.outputs[i].cast()
    }
    /// All outputs' first bytes.
    #[inline]
    pub fn outputs(&self) -> &[*mut u8] {
        self.outputs
    }
    /// All bytes that input `i`'s place reaches, and which of them is its first element's first.
    pub fn input_bytes(&self, i: usize) -> (&[u8], usize) {
        let place = &self.step.inputs[i];
        // SAFETY: the storage behind the pointer is borrowed for the run and holds all that the place reaches.
        unsafe { (place.bytes(self.inputs[i]), place.first - place.low) }
    }
    /// As [`Args::input_bytes`], of output `i`.
    pub fn output_bytes(&self, i: usize) -> (&[u8], usize) {
        let place = &self.step.outputs[i];
        // SAFETY: as there.
        unsafe { (place.bytes(self.outputs[i]), place.first - place.low) }
    }
    /// Reports a bad value in the data, such as an index out of range; the run ends after this step. The first report
    /// counts.
    pub fn fail(&self, what: impl FnOnce() -> String) {
        self.fail_within(|| Fault { steps: vec![], what: what() });
    }
    /// As [`Args::fail`], of a kernel that runs a program of its own: what a step of that has found.
    pub fn fail_within(&self, fault: impl FnOnce() -> Fault) {
        self.fault.borrow_mut().get_or_insert_with(fault);
    }
    /// The workspace.
    pub fn workspace<T>(&self) -> *mut T {
        self.workspace.cast()
    }
}

impl Args<'_> {
    /// Whether the first `len` elements of output `i` are finite; true for integers.
    ///
    /// # Panics
    /// If the output does not reach as far, or does not lie as elements of that type do.
    pub fn is_finite(&self, i: usize, dtype: DType, len: usize) -> bool {
        let (place, size) = (&self.step.outputs[i], dtype.size());
        let fits = len.checked_mul(size).is_some_and(|bytes| bytes <= place.high - place.first);
        assert!(
            fits,
            "{len} elements of {dtype} of an output of {} bytes",
            place.high - place.first
        );
        assert_eq!(self.outputs[i].align_offset(size), 0, "an output that is no {dtype}");
        // SAFETY: the buffer behind the output holds all that its place reaches, `len` elements at least; see above.
        unsafe {
            match dtype {
                DType::F32 => finite(self.outputs[i].cast::<f32>(), len),
                DType::F64 => finite(self.outputs[i].cast::<f64>(), len),
                DType::F16 => finite(self.outputs[i].cast::<crate::f16>(), len),
                DType::BF16 => finite(self.outputs[i].cast::<crate::bf16>(), len),
                _ => true,
            }
        }
    }
}

/// # Safety
/// `len` elements must lie at `p`.
unsafe fn finite<T: Element>(p: *const T, len: usize) -> bool {
    // SAFETY: the caller's promise.
    let values = unsafe { std::slice::from_raw_parts(p, len) };
    values.iter().all(|v| v.to_f64().is_finite())
}
