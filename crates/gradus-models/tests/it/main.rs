//! The zoo: parameter counts as published, and LeNet-5 against PyTorch.

mod caffe;
mod counts;
mod import;
mod lenet;
