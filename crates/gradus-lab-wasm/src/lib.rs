//! A session of the lab in a Web Worker: bytes in, bytes out, work in small pieces. JavaScript has the clock and decides when to work.
//!
//! The worker writes a message at `input` and calls `greet` (a `Hello`; `restore` with what `save` gave) or `handle` (a
//! `Command`). Each gives the length of its answer, a list of `Event`s at `output`.

mod exports;
mod held;

pub use held::Held;
