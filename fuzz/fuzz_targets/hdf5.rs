//! Searches for bytes that break the target `hdf5`.
#![no_main]

fuzz::fuzz!("hdf5");
