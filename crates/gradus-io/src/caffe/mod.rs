//! Caffe's files: `.prototxt`, a network as text, and `.caffemodel`, its weights.
//! Format: `caffe.proto` of Jia et al. 2014, arXiv:1408.5093.

mod blobs;
mod text;

pub use blobs::{parse_caffemodel, read_caffemodel, save_caffemodel, write_caffemodel};
pub use text::{Field, Message, Place, Value};
