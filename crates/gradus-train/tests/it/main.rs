//! Training, seen from outside.

mod fit;
mod optim;
mod schedule;
mod tensorboard;
