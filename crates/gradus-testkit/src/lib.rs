//! `check(op)`: the one harness every op is tested with.
//!
//! A [`Case`] says what an op takes and, independently of the engine, what it should give. From that follow: values in
//! every element type against an f64 oracle; strided, sliced, broadcast and empty inputs; first- and second-order
//! gradients in random directions against central differences, refused where there is nothing to differentiate, and for kernels
//! the same gradients in f32; each algorithm that a case names; and for pointwise ops values and derivatives of both orders at
//! large arguments. All of it on every [`Device`]; and what a rule is expanded to where a device has no kernel for it is compared with
//! its plain kernel.
//!
//! A case that has run says what it [`Checked`]; a family of ops says what is [`Required`], and what is missing fails.
//!
//! Golden numbers of other frameworks are read by [`read_golden`].
//!
//! The harness works on [`gradus_graph::Node`] and knows no op, so the crate of the ops can use it in its own tests.

mod array;
mod case;
mod checked;
mod device;
mod expansion;
mod far;
mod forced;
mod golden;
mod gradient;
mod input;
mod layout;
mod narrow;
mod session;
mod tolerance;
mod value;

pub use array::Array;
pub use case::{Case, check, check_all};
pub use checked::{Checked, Required};
pub use device::Device;
pub use golden::{GoldenCase, formula, read_golden};
pub use tolerance::Species;
