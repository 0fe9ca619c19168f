//! What networks see, and how they are fooled.
//!
//! A [`Subject`] is a network as it is looked at: a classifier and what is done to a picture before it, so that every question is about the picture's own
//! pixels, 0 to 1. Everything here asks a subject for scores, gradients and what its layers give; nothing changes its weights.
//!
//! | question | module |
//! |---|---|
//! | which pixels, layers and parts made it say so | [`attribution`] |
//! | which pictures excite a unit most, and what of them | [`TopPatches`], [`Subject::sent_back`] |
//! | what a class or a unit would like to see | [`preferred`] |
//! | which samples a layer takes for neighbours | [`projection`] |
//! | whether what people name moves a class | [`concept`] |
//! | which training samples helped it, and which hindered | [`influence`] |
//! | how little it takes to fool it | [`attack`] |

pub mod attack;
pub mod attribution;
mod back_projection;
pub mod concept;
mod features;
mod influence;
mod patches;
pub mod preferred;
pub mod projection;
mod statistics;
mod subject;

pub use back_projection::Backward;
pub use features::activations;
pub use gradus_base::{Error, Result};
pub use influence::{Labelled, Then, influence};
pub use patches::{Peak, TopPatches, patch};
pub use preferred::{Ascent, Objective, Preferred, Prior};
pub use subject::{LayerShape, Subject, Watched};

/// What a compiled step of this crate computes.
type Traced = Box<dyn FnMut(&[gradus_tensor::Tensor]) -> gradus_tensor::Step>;
