//! NumPy's files: `.npy`, one array, and `.npz`, a zip archive of them.
//! Format: NumPy Enhancement Proposal 1, and PKWARE's APPNOTE for the archive.

mod npy;
mod npz;

pub(crate) use npy::parse_descriptor;
pub use npy::{parse_npy, read_npy, save_npy, write_npy};
pub(crate) use npz::is_npz;
pub use npz::{Limits, parse_npz, read_npz, save_npz, write_npz};
