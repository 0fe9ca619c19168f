//! Instruction sets: as values ([`Isa`], one that this machine has), as types ([`InstructionSet`], what kernels are compiled
//! for), and which one a process uses.

use super::{F32s, Lanes, Numbers, Set, Square};
use std::fmt;
use std::sync::OnceLock;

/// An instruction set that this machine has, and so the path of kernels that run on it.
///
/// There are the names of the table in [`lanes`](super), and values only for what was detected: whoever holds one may run
/// its kernels.
///
/// ```
/// use gradus_cpu::Isa;
/// assert_eq!(Isa::all()[0], Isa::PORTABLE);
/// assert!(Isa::all().contains(&Isa::current()));
/// assert_eq!(Isa::named(Isa::PORTABLE.name()), Ok(Isa::PORTABLE));
/// assert!(Isa::named("abacus").unwrap_err().to_string().starts_with("\"abacus\" is no instruction"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isa(pub(super) Set);

/// Why a name is not an instruction set of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsaError(String);

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for IsaError {}

/// The variable that forces a path.
const VARIABLE: &str = "GRADUS_ISA";

impl Isa {
    /// What any machine has that this build is for: `portable`, or `simd128` where WebAssembly is built with it, for then there is no
    /// other.
    pub const PORTABLE: Isa = Isa(Set::EVERY[0]);

    /// The path of this process: the best of this machine, or the one that the environment's `GRADUS_ISA` named when it was
    /// first asked for.
    ///
    /// # Panics
    /// If `GRADUS_ISA` names none that this machine has, with the text of [`Isa::forced`].
    #[inline]
    pub fn current() -> Isa {
        // Every product asks: one load.
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| match Isa::forced() {
            Ok(forced) => forced.unwrap_or(Isa::all()[Isa::all().len() - 1]),
            Err(error) => panic!("{error}"),
        })
    }

    /// What `GRADUS_ISA` forces, read once; `None` where it is not set or empty.
    ///
    /// # Errors
    /// If it names none that this machine has.
    pub fn forced() -> Result<Option<Isa>, IsaError> {
        static FORCED: OnceLock<Result<Option<Isa>, IsaError>> = OnceLock::new();
        FORCED.get_or_init(|| forced_by(std::env::var_os(VARIABLE).as_deref())).clone()
    }

    /// The paths this machine has, the best last.
    pub fn all() -> &'static [Isa] {
        static ALL: OnceLock<Vec<Isa>> = OnceLock::new();
        ALL.get_or_init(|| Set::EVERY.iter().filter(|s| s.detected()).map(|&s| Isa(s)).collect())
    }

    /// The path of a name.
    ///
    /// # Errors
    /// If the name is unknown, or this machine lacks the instruction set.
    pub fn named(name: &str) -> Result<Isa, IsaError> {
        if let Some(&isa) = Isa::all().iter().find(|isa| isa.name() == name) {
            return Ok(isa);
        }
        Err(IsaError(if Set::NAMES.contains(&name) {
            let all: Vec<&str> = Isa::all().iter().map(|isa| isa.name()).collect();
            format!("this machine lacks {name}; it has {}", all.join(", "))
        } else {
            format!("{name:?} is no instruction set; known are {}", Set::NAMES.join(", "))
        }))
    }

    /// `portable`, `avx2`, …
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// The path of a value of the variable.
fn forced_by(value: Option<&std::ffi::OsStr>) -> Result<Option<Isa>, IsaError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let name = value.to_string_lossy();
    Isa::named(&name).map(Some).map_err(|IsaError(why)| IsaError(format!("{VARIABLE}: {why}")))
}

/// An instruction set as a type: its vectors, and how functions are compiled for it.
///
/// # Safety
/// [`detected`](InstructionSet::detected) is true only where the machine has what `call` and `run` are compiled for and the
/// vectors are made of.
pub unsafe trait InstructionSet: 'static {
    /// Eight f32.
    type F32: F32s;
    /// Four f64.
    type F64: Square<4, Scalar = f64> + Numbers;
    /// The f32 of matrix products' register tiles.
    type WideF32: Lanes<Scalar = f32>;
    /// Their f64.
    type WideF64: Lanes<Scalar = f64>;
    /// The f32 of loops that are exponentials above all: the widest vectors.
    type LongF32: Numbers<Scalar = f32>;
    /// Rows of the largest register tile, two vectors wide: what the registers hold.
    const ROWS: usize;
    /// The instruction set of all loops but matrix products': this one, unless its wider vectors gain them nothing.
    type Loops: InstructionSet;

    /// Whether this machine has it.
    fn detected() -> bool;
    /// Runs a kernel, compiled for this instruction set.
    ///
    /// # Safety
    /// The machine has it; and as [`Form::run`].
    unsafe fn call<F: Form>(work: &F::Work);
    /// Runs a loop, compiled for this instruction set.
    ///
    /// # Safety
    /// The machine has it; and as [`LoopForm::run`].
    unsafe fn call_loop<F: LoopForm>(a: F::A, b: F::B, n: usize);
    /// Runs a task, compiled for this instruction set.
    ///
    /// # Safety
    /// The machine has it.
    unsafe fn run<T: Task>(task: T) -> T::Output;
}

/// A kernel that is written once: `P::call::<F>` is the function of it that is compiled for P, the same type for all. Declared
/// by [`form!`](crate::form).
pub trait Form {
    /// What it works on.
    type Work;
    /// Does the work. It is `#[inline(always)]`, and so is what it calls, to become part of the instruction set's function.
    ///
    /// # Safety
    /// The kernel's own; and it is called by [`InstructionSet::call`] alone.
    unsafe fn run<P: InstructionSet>(work: &Self::Work);
}

/// A [`Form`] over `n` elements and two addresses that stay in registers: what is called for a few nanoseconds' work must not
/// find it in memory.
pub trait LoopForm {
    /// An address.
    type A;
    /// The other.
    type B;
    /// Does the work. As [`Form::run`].
    ///
    /// # Safety
    /// The loop's own; and it is called by [`InstructionSet::call_loop`] alone.
    unsafe fn run<P: InstructionSet>(a: Self::A, b: Self::B, n: usize);
}

/// A piece of work that is written once for all instruction sets, with what it works on.
pub trait Task {
    /// What comes of it.
    type Output;
    /// Does it. As [`Form::run`], `#[inline(always)]`; called by [`InstructionSet::run`] alone, where the machine has P.
    fn run<P: InstructionSet>(self) -> Self::Output;
}

/// Something there is one of for each instruction set, such as a table of kernels.
pub trait Choice {
    /// What there is.
    type Output;
    /// That of P.
    fn of<P: InstructionSet>(self) -> Self::Output;
}

/// Declares kernels as [`Form`]s: a name, its constants, the work, and the function that does it on the vectors of P.
///
/// ```
/// use gradus_cpu::lanes::{Choice, InstructionSet, Lanes};
/// # #[inline(always)]
/// unsafe fn fill<V: Lanes<Scalar = f32>, const N: usize>(to: &*mut f32) {
///     // SAFETY: N vectors have room.
///     unsafe { (0..N).for_each(|i| V::splat(1.5).store(to.add(i * V::LEN))) }
/// }
/// gradus_cpu::form! { Fill[N: usize](*mut f32), P => fill::<P::F32, N> }
///
/// struct Filling;
/// impl Choice for Filling {
///     type Output = unsafe fn(&*mut f32);
///     fn of<P: InstructionSet>(self) -> Self::Output {
///         P::call::<Fill<2>>
///     }
/// }
/// let mut numbers = [0f32; 16];
/// // SAFETY: two vectors of eight have room.
/// unsafe { gradus_cpu::Isa::current().choose(Filling)(&numbers.as_mut_ptr()) }
/// assert_eq!(numbers, [1.5; 16]);
/// ```
#[macro_export]
macro_rules! form {
    ($($name:ident $([$($c:ident: $t:ty),*])? ($work:ty), $p:ident => $function:expr;)*) => {
        $($crate::form! { $name $([$($c: $t),*])? ($work), $p => $function })*
    };
    ($name:ident $([$($c:ident: $t:ty),*])? ($work:ty), $p:ident => $function:expr) => {
        enum $name $(<$(const $c: $t),*>)? {}
        impl $(<$(const $c: $t),*>)? $crate::lanes::Form for $name $(<$($c),*>)? {
            type Work = $work;
            #[inline(always)]
            unsafe fn run<$p: $crate::lanes::InstructionSet>(work: &$work) {
                let function = $function;
                // SAFETY: passed on.
                unsafe { function(work) }
            }
        }
    };
}

/// The functions of an [`InstructionSet`] that are compiled with its features.
macro_rules! compiled_with {
    ($($features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        unsafe fn call<F: $crate::lanes::Form>(work: &F::Work) {
            // SAFETY: the caller's promise.
            unsafe { F::run::<Self>(work) }
        }
        $(#[target_feature(enable = $features)])?
        unsafe fn call_loop<F: $crate::lanes::LoopForm>(a: F::A, b: F::B, n: usize) {
            // SAFETY: the caller's promise.
            unsafe { F::run::<Self>(a, b, n) }
        }
        $(#[target_feature(enable = $features)])?
        unsafe fn run<T: $crate::lanes::Task>(task: T) -> T::Output {
            task.run::<Self>()
        }
    };
}
pub(super) use compiled_with;

/// Declares the table of instruction sets: a line for each, the better later, with the module and name, the type there that
/// is its [`InstructionSet`], and where it can be.
macro_rules! instruction_sets {
    ($($name:ident: $set:ident $(where $cfg:meta)?;)*) => {
        $($(#[cfg($cfg)])? mod $name;)*
        $($(#[cfg($cfg)])? pub use $name::*;)*

        /// One line of the table.
        #[allow(non_camel_case_types)] // named as their modules are
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        enum Set { $($(#[cfg($cfg)])? $name,)* }

        impl Set {
            /// Those that this build has.
            const EVERY: &[Set] = &[$($(#[cfg($cfg)])? Set::$name),*];
            /// Those there are on any machine.
            const NAMES: &[&str] = &[$(stringify!($name)),*];

            fn name(self) -> &'static str {
                match self { $($(#[cfg($cfg)])? Set::$name => stringify!($name),)* }
            }
            fn detected(self) -> bool {
                match self { $($(#[cfg($cfg)])? Set::$name => $set::detected(),)* }
            }
        }

        impl Isa {
            /// What there is for loops on this path.
            #[inline]
            pub fn choose<C: Choice>(self, choice: C) -> C::Output {
                match self.0 {
                    $($(#[cfg($cfg)])?
                    Set::$name => choice.of::<<$set as InstructionSet>::Loops>(),)*
                }
            }
            /// What there is for matrix products on this path.
            #[inline]
            pub fn choose_widest<C: Choice>(self, choice: C) -> C::Output {
                match self.0 { $($(#[cfg($cfg)])? Set::$name => choice.of::<$set>(),)* }
            }
            /// Runs a task that is exponentials above all on this path, on [`InstructionSet::LongF32`].
            #[inline]
            pub fn run_widest<T: Task>(self, task: T) -> T::Output {
                match self.0 {
                    // SAFETY: there are values of what was detected only.
                    $($(#[cfg($cfg)])?
                    Set::$name => unsafe { <$set as InstructionSet>::run(task) },)*
                }
            }
            /// Runs a task on this path.
            #[inline]
            pub fn run<T: Task>(self, task: T) -> T::Output {
                match self.0 {
                    // SAFETY: there are values of what was detected only.
                    $($(#[cfg($cfg)])?
                    Set::$name => unsafe { <$set as InstructionSet>::Loops::run(task) },)*
                }
            }
        }
    };
}
pub(super) use instruction_sets;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_a_path_or_says_what_there_is() {
        for unset in [None, Some("")] {
            assert_eq!(forced_by(unset.map(str::as_ref)), Ok(None));
        }
        for &isa in Isa::all() {
            assert_eq!(forced_by(Some(isa.name().as_ref())), Ok(Some(isa)));
        }
        let unknown = forced_by(Some("AVX2".as_ref())).unwrap_err().to_string();
        let known = Set::NAMES.join(", ");
        assert_eq!(
            unknown,
            format!("GRADUS_ISA: \"AVX2\" is no instruction set; known are {known}")
        );
        let has = |name: &&&str| Isa::all().iter().any(|isa| isa.name() == **name);
        let all: Vec<&str> = Isa::all().iter().map(|isa| isa.name()).collect();
        for lacking in Set::NAMES.iter().filter(|name| !has(name)) {
            let error = forced_by(Some(lacking.as_ref())).unwrap_err().to_string();
            let all = all.join(", ");
            assert_eq!(error, format!("GRADUS_ISA: this machine lacks {lacking}; it has {all}"));
        }
    }

    #[test]
    fn names_are_told_apart() {
        let all: std::collections::HashSet<_> = Set::NAMES.iter().collect();
        assert_eq!(all.len(), Set::NAMES.len());
        assert_eq!(Isa::all()[0], Isa::PORTABLE);
    }
}
