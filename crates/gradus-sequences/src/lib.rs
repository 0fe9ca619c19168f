//! Networks of sequences as whole systems: from files as people have them to a trained network, what it is worth, and what it gives.
//!
//! A [`System`] is one of them, about to be trained: its data, its network with a loss and an optimiser, and how it is tested. `Fit` trains it, in
//! a folder from which it goes on after a kill, as everything here; the command `gradus train` is a thin cover over that. What a trained network is and
//! how it is fed is its [`Model`], plain data that lies beside the weights in one file.
//!
//! | system | module | learns |
//! |---|---|---|
//! | character, word and piece models of text | [`language`] | what comes next |
//! | classifiers of nucleotides | [`genome`] | whether a place is a border of an exon |
//! | two problems of remembering | [`memory`] | what stood long before |
//! | sentiment of texts | [`text`] | the class of a text |
//! | labels of signals | [`signals`] | the class of a sequence of numbers, or of each of its steps |
//!
//! Invariants: a system is a pure function of its settings and its data, so that a run that goes on builds the same again; what is left out of data is
//! counted and said in [`System::remarks`]; a test part is never learned from.

pub mod genome;
mod labelled;
pub mod language;
mod logistic;
pub mod memory;
pub mod signals;
mod system;
pub mod text;
mod unrolled;

pub use gradus_train::{Result, TrainError};
pub use system::{Model, Parts, Report, Steps, System};
pub use unrolled::{Mode, Unrolled};
