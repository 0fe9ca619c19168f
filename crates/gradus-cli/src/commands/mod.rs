//! The commands, one file each.

pub mod bench;
pub mod data;
pub mod devices;
pub mod eval;
pub mod export;
pub mod import;
pub mod kernel;
pub mod models;
pub mod predict;
pub mod run;
pub mod summary;
pub mod train;
