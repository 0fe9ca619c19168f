//! The lazy computation graph of Gradus: nodes, gradients, plans and their execution.
//!
//! A [`Node`] is a cheap handle on a value that may not be computed yet. Building nodes computes
//! nothing; [`read`] plans and runs what the wanted nodes need, [`Program`] does so once and
//! replays it. This crate knows views, reductions, pointwise expressions and calls of a [`Rule`];
//! it knows no op by name.

mod body;
mod build;
mod cache;
mod check;
mod device;
mod draw;
mod grad;
mod mistake;
mod node;
mod plan;
mod program;
mod rule;
mod run;
mod scope;
mod strategy;
mod variable;

pub use body::Body;
pub use build::{call, call_all, call_one, concat, constant, data, input, pointwise};
pub use cache::CACHED_PLANS;
pub use check::{Checked, check_everything, checked};
pub use device::{Device, Plain};
pub use draw::{Drawing, to_dot, to_svg};
pub use grad::{grad, gradients, gradients_by, gradients_of};
pub use mistake::{fail, mistaken, poisoned, refuse, report, report_at, sound, try_build};
pub use node::{Kind, Node, Pointwise, ViewOp};
pub use plan::{Options, Plan, PlanStep, Storage};
/// Mistakes to be planted in tests of what is to find them.
#[doc(hidden)]
pub mod faults {
    pub use crate::plan::fault::{Fault, planted};
}

pub use program::{Program, ProgramOutputs};
pub use rule::{Backward, Effect, Meta, Rule, Setting, not_differentiable};
pub use run::{Update, read};
pub use scope::{Caller, layer_scope, scope, scope_path, with_place};
pub use strategy::{Dense, Epilogue, Layouts, Order, Packing, Slot, Spec, Strategy};
pub use variable::Variable;
