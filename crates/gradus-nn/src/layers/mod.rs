//! Layers. Each has a description, made by a lower-case function (`dense(10)`), and a built form (`Dense`).

mod activation;
mod conv2d;
mod dense;
mod dropout;
mod norm;
mod pool2d;
mod reshape;

pub use activation::*;
pub use conv2d::*;
pub use dense::*;
pub use dropout::*;
pub use norm::*;
pub use pool2d::*;
pub use reshape::*;
