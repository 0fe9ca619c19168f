//! What networks see, and how they are fooled.
//!
//! A [`Subject`] is a network as it is looked at: a classifier and what is done to a picture before it, so that every question is about the picture's own
//! pixels, 0 to 1. Everything here asks a subject for scores, gradients and what its layers give; nothing changes its weights.

pub mod attack;
mod subject;

pub use gradus_base::{Error, Result};
pub use subject::{LayerShape, Subject, Watched};
