//! Training, seen from outside.

mod diagnosis;
mod fit;
mod kill;
mod optim;
mod schedule;
mod tensorboard;
