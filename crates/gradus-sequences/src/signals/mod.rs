//! Classes of signals: who spoke a vowel, what a movement is, in which state a machine is at each step.   x `[B, T, C]`   scores `[B, K]`, or `[B, T, K]`
//!
//! [`Signals`] are sequences of numbers, of a `.ts` file or a table, with a label each or a label at each step; [`SignalModel`] describes the network, a
//! recurrent one from both ends; [`SignalLabels`] is the system that trains it. A trained network is a [`Labeller`].

mod labeller;
mod network;
mod set;
mod system;
mod table;
mod ts;

pub use labeller::Labeller;
pub use network::{Cell, Pooling, SignalModel, SignalNetwork};
pub use set::Signals;
pub use system::SignalLabels;
pub use table::SignalColumns;
pub use ts::{Ts, parse_ts};
