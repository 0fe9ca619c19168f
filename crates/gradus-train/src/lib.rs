//! The training loop of Gradus: fit, callbacks, metrics, optimisers, schedules, checkpoints.

pub mod optim;
pub mod schedule;
