//! Searches for bytes that break the target `cifar`.
#![no_main]

fuzz::fuzz!("cifar");
