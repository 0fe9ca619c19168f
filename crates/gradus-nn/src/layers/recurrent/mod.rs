//! Recurrent layers.   x [B, T, I]   y [B, T, P], or [B, P] of the last step.   P = units, or what a projection gives.
//!
//! `config` is what is asked for, `layer` what is built: for each layer and direction the weights of a `direction`, which runs as one
//! op over all steps, or step by step in ordinary ops (`unrolled`) where the op knows nothing of what is asked for.

mod cell;
mod config;
mod direction;
mod layer;
mod start;
#[cfg(test)]
mod tests;
mod unrolled;

pub use cell::{Cell as RecurrentCell, Gru, Lstm, Rnn};
pub use config::{Merge, RecurrentConfig, gru, lstm, rnn};
pub use layer::{Recurrent, RecurrentState};
pub use start::InitialState;
