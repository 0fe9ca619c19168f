//! Training, seen from outside.

mod bad_batches;
mod devices;
mod diagnosis;
mod extras;
mod fit;
mod heads;
mod idioms;
mod interrupted;
mod kill;
mod lbfgs;
mod mistakes;
mod momentum;
mod not_finite;
mod numbers;
mod objectives;
mod optim;
mod padding;
mod paths;
mod records;
mod recurrent;
mod resumed;
mod schedule;
mod sequences;
mod targets;
mod tensorboard;
mod whole_sets;
