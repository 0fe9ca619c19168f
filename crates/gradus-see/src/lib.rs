//! What networks see, and how they are fooled.
//!
//! A [`Subject`] is a network as it is looked at: a classifier and what is done to a picture before it, so that every question is about the picture's own
//! pixels, 0 to 1. Everything here asks a subject for scores, gradients and what its layers give; nothing changes its weights.

mod back_projection;
mod patches;
pub mod preferred;
mod subject;

pub use back_projection::Backward;
pub use gradus_base::{Error, Result};
pub use patches::{Peak, TopPatches, patch};
pub use preferred::{Ascent, Objective, Preferred, Prior};
pub use subject::{LayerShape, Subject, Watched};

/// What a compiled step of this crate computes.
type Traced = Box<dyn FnMut(&[gradus_tensor::Tensor]) -> gradus_tensor::Step>;
