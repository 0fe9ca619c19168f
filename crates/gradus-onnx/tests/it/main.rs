//! Models from outside and to the outside.

mod edges;
mod export;
mod export_errors;
mod export_ops;
mod half_types;
mod hostile;
mod operators;
mod resize;
mod rules;
mod shaken;
