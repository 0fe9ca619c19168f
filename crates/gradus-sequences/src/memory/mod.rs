//! Long memories: two made-up problems that a network solves only by keeping something in mind over many steps. There is no file to read, and no
//! sequence comes twice.
//!
//! | problem | sequence | who remembers nothing |
//! |---|---|---|
//! | [`Problem::Adding`] | T numbers, of which two are marked; their sum is asked for at the end | mean squared error 1/6 |
//! | [`Problem::Copy`] | ten symbols, T steps without news; then the symbols are asked for | 10·ln 8 / (T + 20) nats a place |
//!
//! Over a hundred steps a tanh network is as wrong after five thousand batches as who always says 1; gates learn to add within as many. Why is drawn:
//! [`LongMemory`] shows how much of the error's gradient comes back from the end to each step.
//!
//! Hochreiter and Schmidhuber 1997, "Long short-term memory", Neural Computation 9; in the form of Arjovsky, Shah and Bengio 2015, arXiv:1511.06464

mod gradients;
mod network;
mod picture;
mod problem;
mod system;

pub use network::{Cell, MemoryModel, MemoryNetwork};
pub use problem::{Generated, Problem};
pub use system::LongMemory;
