//! Training, seen from outside.

mod optim;
mod schedule;
