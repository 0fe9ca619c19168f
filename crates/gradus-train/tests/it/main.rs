//! Training, seen from outside.

mod auxiliary;
mod diagnosis;
mod extras;
mod fit;
mod kill;
mod optim;
mod schedule;
mod tensorboard;
