//! Layers. Each has a description, made by a lower-case function (`dense(10)`), and a built form
//! (`Dense`).

mod activation;
mod attention;
mod branches;
mod cast;
mod connection_table;
mod conv2d;
mod dense;
mod dropout;
mod embedding;
mod lookahead;
mod maxout;
mod noise;
mod norm;
mod pool2d;
mod positions;
mod prelu;
mod radial_basis;
mod recurrent;
mod reshape;
mod resize;
mod transformer;

pub use activation::*;
pub use attention::{Cache, MultiHeadAttention, MultiHeadAttentionConfig, multi_head_attention};
pub use branches::*;
pub use cast::*;
pub use connection_table::*;
pub use conv2d::*;
pub use dense::*;
pub use dropout::*;
pub use embedding::*;
pub use lookahead::*;
pub use maxout::*;
pub use noise::*;
pub use norm::*;
pub use pool2d::*;
pub use positions::*;
pub use prelu::*;
pub use radial_basis::*;
pub use recurrent::*;
pub use reshape::*;
pub use resize::*;
pub use transformer::*;
