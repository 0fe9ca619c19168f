//! Systems of sequences, seen from outside.

mod memory;
mod names;
mod textgenrnn;
