//! The model zoo of Gradus: each network a short file that reads like its paper's table; weights of other programs
//! for them, and the networks of Caffe's files.

mod alexnet;
mod all_cnn;
pub mod caffe;
mod cifar_resnet;
mod convnetjs;
mod design;
mod googlenet;
pub mod import;
mod lenet;
mod lenet_original;
mod linear;
mod mlp;
mod mobilenet_v2;
mod names;
mod recipes;
mod resnet;
mod squeezenet;
mod vgg;
mod zoo;

pub use alexnet::{alexnet, alexnet_mini, alexnet_owt};
pub use all_cnn::{all_cnn_a, all_cnn_b, all_cnn_c, conv_pool_cnn_c};
pub use cifar_resnet::{Shortcut, cifar_resnet};
pub use convnetjs::convnetjs;
pub use design::{Design, ShortcutPadding};
pub use googlenet::{googlenet, googlenet_aux, googlenet_bn, googlenet_bn_aux, inception_mini};
pub use lenet::lenet;
pub use lenet_original::lenet_original;
pub use linear::linear;
pub use mlp::mlp;
pub use mobilenet_v2::{mobilenet_v2, mobilenet_v2_cifar, mobilenet_v2_keras};
pub use names::{Layout, Library, Name, names};
pub use recipes::{RECIPES, recipe};
pub use resnet::{
    resnet18, resnet34, resnet50, resnet50_v1, resnet101, resnet101_v1, resnet152, resnet152_v1,
};
pub use squeezenet::{squeezenet, squeezenet_keras};
pub use vgg::{vgg11, vgg11_bn, vgg13, vgg13_bn, vgg13_bn_cifar, vgg16, vgg16_bn, vgg19, vgg19_bn};
pub use zoo::{Entry, ZOO, find};
