//! n-gram models: what the last few symbols say of the next one. What every network that reads text should be better than.

mod arpa;
mod counts;
mod model;
mod smoothing;
mod trie;

pub use counts::Counts;
pub use model::NGram;
pub use smoothing::{Discounts, Smoothing};
