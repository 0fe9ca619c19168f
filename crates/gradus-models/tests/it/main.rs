//! The zoo: counts and shapes as published, and what its networks compute against PyTorch.

mod caffe;
mod conventions;
mod counts;
mod depth;
mod import;
mod keras;
mod lenet;
mod parity;
mod pytorch;
mod recurrent;
mod refused;
mod shapes;
