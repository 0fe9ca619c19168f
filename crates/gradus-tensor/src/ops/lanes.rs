//! What kernels are written in: vectors of f32 or f64, tasks on them, and pointers that tasks share. Products and sums are not
//! fused outside elementary functions, so all else of the loops over memory has the same bits on every path.
#![allow(unsafe_code)]

pub use gradus_cpu::Isa;
pub(super) use gradus_cpu::Shared;
use gradus_cpu::lanes::{self, InstructionSet, Lanes, Numbers, Portable, Scalar};

/// Lanes of a vector of the direct kernels of convolution and pooling.
pub(super) const LANES: usize = 8;

/// One element, for what is left over.
pub(crate) type One<T> = Portable<T, 1>;

/// The vectors `at` elements after each pointer. A loop, as are all that make vectors: a closure would be a function without
/// the instruction set, and each of its operations a call.
///
/// # Safety
/// As [`Lanes::load`].
#[inline(always)]
pub(crate) unsafe fn load_each<V: Lanes, const K: usize>(
    from: [*const V::Scalar; K],
    at: usize,
) -> [V; K] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut all = [V::zero(); K];
        for k in 0..K {
            all[k] = V::load(from[k].wrapping_add(at));
        }
        all
    }
}

/// A vector of each number.
///
/// # Safety
/// As [`Lanes::splat`].
#[inline(always)]
pub(crate) unsafe fn splat_each<V: Lanes, const K: usize>(from: [V::Scalar; K]) -> [V; K] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut all = [V::zero(); K];
        for k in 0..K {
            all[k] = V::splat(from[k]);
        }
        all
    }
}

/// A piece of work on elements of one type. `compute`, and what it calls, is `#[inline(always)]`, so that it becomes part of
/// the function of its instruction set.
pub(crate) trait Task {
    type Element: Scalar;
    fn compute<V: Numbers<Scalar = Self::Element>>(self);
}

/// A task on the vectors of an instruction set.
struct OnVectors<K>(K);

impl<K: Task> lanes::Task for OnVectors<K> {
    type Output = ();
    #[inline(always)]
    fn run<P: InstructionSet>(self) {
        self.0.compute::<<K::Element as Scalar>::Vector<P>>();
    }
}

/// As [`OnVectors`], on the longest.
struct OnLongest<K>(K);

impl<K: Task> lanes::Task for OnLongest<K> {
    type Output = ();
    #[inline(always)]
    fn run<P: InstructionSet>(self) {
        self.0.compute::<<K::Element as Scalar>::Long<P>>();
    }
}

/// Runs a task that is exponentials above all on a path.
#[inline]
pub(crate) fn on_longest<K: Task>(isa: Isa, task: K) {
    isa.run_widest(OnLongest(task));
}

/// Runs a task on a path.
#[inline]
pub(crate) fn on<K: Task>(isa: Isa, task: K) {
    isa.run(OnVectors(task));
}
