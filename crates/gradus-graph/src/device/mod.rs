//! Devices: where plans run, and what one must be able to do for it.
//!
//! The planner speaks to a [`Backend`] and to the [`Strategy`](crate::Strategy) that a rule has for
//! a device; it knows no device by name.

mod cpu;
mod reference;

pub use reference::Plain;

use gradus_base::exec::{Executable, Kernel, Step};
use gradus_base::{DType, Expr, ReduceOp, Shape, View};
use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// A device.
///
/// ```
/// use gradus_graph::Device;
/// assert_eq!("reference".parse(), Ok(Device::Reference));
/// let e = "tpu".parse::<Device>().unwrap_err();
/// assert_eq!(e, "unknown device \"tpu\"; there are: cpu, reference");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// The processor, with all its threads and vectors.
    #[default]
    Cpu,
    /// Plain loops in one thread: slow, short, and what the others are checked by.
    Reference,
}

/// The device of threads that chose none.
static EVERYWHERE: AtomicU8 = AtomicU8::new(0);
thread_local! {
    static HERE: Cell<Option<Device>> = const { Cell::new(None) };
}

impl Device {
    /// All devices.
    pub const ALL: &'static [Device] = &[Device::Cpu, Device::Reference];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Reference => "reference",
        }
    }

    /// Where this thread plans what it runs next: the device of [`Device::scope`], or else that of
    /// [`Device::choose`], or else the processor.
    pub fn current() -> Device {
        HERE.get().unwrap_or(Device::ALL[usize::from(EVERYWHERE.load(Ordering::Relaxed))])
    }

    /// From now on all threads of this process plan for it, where they are in no [`Device::scope`].
    /// What was planned before stays where it is.
    pub fn choose(self) {
        let number = Device::ALL.iter().position(|&d| d == self).unwrap_or(0);
        EVERYWHERE.store(number as u8, Ordering::Relaxed);
    }

    /// Runs `f`, in which this thread plans for the device.
    ///
    /// ```
    /// use gradus_graph::Device;
    /// assert_eq!(Device::Reference.scope(Device::current), Device::Reference);
    /// ```
    pub fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        struct Restore(Option<Device>);
        impl Drop for Restore {
            fn drop(&mut self) {
                HERE.set(self.0);
            }
        }
        let _restore = Restore(HERE.replace(Some(self)));
        f()
    }

    pub(crate) fn backend(self) -> &'static dyn Backend {
        match self {
            Device::Cpu => &cpu::Cpu,
            Device::Reference => &reference::Reference,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(name: &str) -> Result<Device, String> {
        Device::ALL.iter().find(|d| d.name() == name).copied().ok_or_else(|| {
            let names: Vec<&str> = Device::ALL.iter().map(|d| d.name()).collect();
            format!("unknown device {name:?}; there are: {}", names.join(", "))
        })
    }
}

/// What a device can do with values that lie as views say, whatever the op: the words that plans are written in.
pub(crate) trait Backend: Sync {
    /// What is worth doing on it.
    fn limits(&self) -> &Limits;

    /// The kernel that computes an expression at every element of `shape`, over views of that shape.
    fn pointwise(
        &self,
        expr: &Expr,
        compute: DType,
        shape: Shape,
        inputs: &[(DType, View)],
        outputs: &[(DType, View)],
    ) -> Box<dyn Kernel>;

    /// The kernel that reduces an expression over the marked axes of `shape`; the output's view stands still along those.
    fn reduce(&self, of: &Reduction<'_>) -> Box<dyn Kernel>;

    /// The kernel that copies elements from view to view.
    fn copy(&self, dtype: DType, from: View, to: View) -> Box<dyn Kernel> {
        let shape = to.shape;
        self.pointwise(&Expr::identity(), dtype.compute(), shape, &[(dtype, from)], &[(dtype, to)])
    }

    /// What runs the steps.
    fn executor(
        &self,
        steps: Vec<Step>,
        prologue: usize,
        arena_bytes: usize,
        storages: usize,
    ) -> Executable {
        Executable::new(steps, prologue, arena_bytes, storages)
    }
}

/// A reduction of an expression.
pub(crate) struct Reduction<'a> {
    pub expr: &'a Expr,
    pub compute: DType,
    pub op: ReduceOp,
    /// What is looped over, and which of its axes disappear.
    pub shape: Shape,
    pub reduced: &'a [bool],
    pub inputs: &'a [(DType, View)],
    pub output: (DType, View),
}

/// What is worth doing on a device: sizes of its caches and registers, in the planner's words.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Whether ops are planned together at all: run in one loop, ride on calls, lie inside of one
    /// another, run once or in pieces. Else every op is a step, in the order of making.
    pub together: bool,
    /// Lines of one loop, and values that it reads.
    pub loop_lines: usize,
    pub loop_inputs: usize,
    /// Bytes of a piece of a gradient that its optimiser consumes at once, and pieces at most.
    pub piece: usize,
    pub pieces: usize,
    /// Bytes of a value from which on it comes from memory when it is read.
    pub far: usize,
    /// Bytes that a step reads and writes of a slice of a batch, about, and slices at most.
    pub near: usize,
    pub slices: usize,
    /// Bytes that values in the arena are aligned to.
    pub align: usize,
}
