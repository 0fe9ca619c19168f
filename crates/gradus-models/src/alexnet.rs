//! AlexNet.   Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks"; in one
//! piece: Krizhevsky 2014, arXiv:1404.5997

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::{LocalResponse, Pool};

/// Weights, and the biases of layers that would else start with dead units.
type Start = (Initializer, f64);

/// §5: weights from N(0, 0.01²), ones.
const PUBLISHED: Start = (Initializer::Normal(0.01), 1.0);

/// The paper's network: two groups, as it lay on two GPUs, response normalisation, overlapping pools. 60,965,224
/// parameters for 227×227 (the paper says 224, which does not divide).
pub fn alexnet(d: &Design, init: &Init) -> Sequential {
    after_conv1(d, init, conv2d(d.channels(96), 11).stride(4), PUBLISHED) // [96, 55, 55]
}

/// AlexNet with a first layer of 5×5 without stride, for pictures of 28×28 and more, and He's weights, which suit any
/// width; everything else as published.
pub fn alexnet_mini(d: &Design, init: &Init) -> Sequential {
    let start = (Initializer::HeNormal, 0.0);
    after_conv1(d, init, conv2d(d.channels(96), 5).pad(2), start)
}

fn after_conv1(d: &Design, init: &Init, conv1: Conv2dConfig, start: Start) -> Sequential {
    let (weights, alive) = start;
    let conv = |maps, kernel: usize| conv2d(d.channels(maps), kernel).pad(kernel / 2).init(weights);
    let one = |conv: Conv2dConfig| conv.bias_init(alive);
    let hidden = || dense(d.channels(4096)).init(weights).bias_init(alive);
    let response = || local_response_norm(LocalResponse::ALEXNET);
    let overlapping = || max_pool2d_with(Pool::new(3).stride(2));
    Sequential::new(d.input, init)
        .add_named("conv1", conv1.init(weights)) // [96, 55, 55]
        .add(relu())
        .add(response())
        .add(overlapping()) // [96, 27, 27]
        .add_named("conv2", one(conv(256, 5).groups(2))) // [256, 27, 27]
        .add(relu())
        .add(response())
        .add(overlapping()) // [256, 13, 13]
        .add_named("conv3", conv(384, 3)) // [384, 13, 13]
        .add(relu())
        .add_named("conv4", one(conv(384, 3).groups(2)))
        .add(relu())
        .add_named("conv5", one(conv(256, 3).groups(2))) // [256, 13, 13]
        .add(relu())
        .add(overlapping()) // [256, 6, 6]
        .add(flatten())
        .add_named("fc6", hidden())
        .add(relu())
        .add(dropout(d.drop(0.5)))
        .add_named("fc7", hidden())
        .add(relu())
        .add(dropout(d.drop(0.5)))
        .add_named("fc8", dense(d.classes).init(weights))
}

/// AlexNet in one piece, torchvision's `alexnet`: 61,100,840 parameters for 224×224.
pub fn alexnet_owt(d: &Design, init: &Init) -> Sequential {
    let he = Initializer::HeNormal;
    let conv = |maps, kernel: usize| conv2d(d.channels(maps), kernel).pad(kernel / 2).init(he);
    let overlapping = || max_pool2d_with(Pool::new(3).stride(2));
    Sequential::new(d.input, init)
        .add_named("conv1", conv(64, 11).pad(2).stride(4)) // [64, 55, 55]
        .add(relu())
        .add(overlapping()) // [64, 27, 27]
        .add_named("conv2", conv(192, 5)) // [192, 27, 27]
        .add(relu())
        .add(overlapping()) // [192, 13, 13]
        .add_named("conv3", conv(384, 3)) // [384, 13, 13]
        .add(relu())
        .add_named("conv4", conv(256, 3))
        .add(relu())
        .add_named("conv5", conv(256, 3)) // [256, 13, 13]
        .add(relu())
        .add(overlapping()) // [256, 6, 6]
        .add(flatten())
        .add(dropout(d.drop(0.5)))
        .add_named("fc6", dense(d.channels(4096)).init(he))
        .add(relu())
        .add(dropout(d.drop(0.5)))
        .add_named("fc7", dense(d.channels(4096)).init(he))
        .add(relu())
        .add_named("fc8", dense(d.classes))
}
