//! Layers. Each has a description, made by a lower-case function (`dense(10)`), and a built form (`Dense`).

mod activation;
mod dense;
mod reshape;

pub use activation::*;
pub use dense::*;
pub use reshape::*;
