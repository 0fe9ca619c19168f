//! Models from outside and to the outside.

mod control;
mod edges;
mod export;
mod export_errors;
mod export_ops;
mod extremes;
mod families;
mod half_types;
mod hostile;
mod nodes;
mod operators;
mod resize;
mod rules;
mod shaken;
