//! File formats of Gradus: safetensors, checkpoints, npy/npz, PyTorch's .pth, pickles, HDF5, Keras's
//! files, Caffe's, ONNX, TensorBoard events and logs.
//!
//! Three rules hold for all of them. A file is written whole or not at all ([`atomic_write`]), or
//! it is a log whose torn last record does no harm. What is read is not trusted: every parser takes
//! `&[u8]`, never panics, never allocates more than the input justifies, and says which file and
//! which array is wrong. Parsed bytes are plain [`NamedArray`]s: this crate knows no tensors.

mod array;
mod atomic;
mod budget;
pub mod caffe;
pub mod checkpoint;
mod crc;
mod error;
mod file;
pub mod hdf5;
pub mod keras;
mod lock;
pub mod log;
mod natural;
pub mod numpy;
pub mod onnx;
pub mod pickle;
pub mod png;
pub mod pytorch;
pub mod safetensors;
mod sha1;
mod strided;
pub mod tfevents;
pub mod weights;
mod wire;
mod zip;

pub use array::{NamedArray, byte_len};
pub use atomic::{Disk, SmallDisk, Storage, atomic_write, atomic_write_on, remove_leftovers};
pub use budget::Budget;
pub use checkpoint::Checkpoint;
pub use crc::Crc32c;
pub use error::{Error, Kind, Result, printable, visible};
pub use file::{expect_file, expect_own_file, expect_own_folder, read_file, read_text};
pub use gradus_base::DType;
pub use lock::RunLock;
pub use natural::natural_order;
