//! Training, seen from outside.

mod bad_batches;
mod diagnosis;
mod extras;
mod fit;
mod heads;
mod kill;
mod numbers;
mod optim;
mod schedule;
mod tensorboard;
