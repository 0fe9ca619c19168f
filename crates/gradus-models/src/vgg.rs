//! VGG.   Simonyan & Zisserman 2014, arXiv:1409.1556; with batch normalisation as in torchvision

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};

/// Table 1: how many convolutions each stage has, in configurations A, B, D, E.
const A: [usize; 5] = [1, 1, 2, 2, 2];
const B: [usize; 5] = [2, 2, 2, 2, 2];
const D: [usize; 5] = [2, 2, 3, 3, 3];
const E: [usize; 5] = [2, 2, 4, 4, 4];

/// Table 1: the channels of each stage.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

/// Configuration A: 132,863,336 parameters.
pub fn vgg11(d: &Design, init: &Init) -> Sequential {
    vgg(A, false, d, init)
}
/// Configuration A with batch normalisation: 132,868,840 parameters.
pub fn vgg11_bn(d: &Design, init: &Init) -> Sequential {
    vgg(A, true, d, init)
}
/// Configuration B: 133,047,848 parameters.
pub fn vgg13(d: &Design, init: &Init) -> Sequential {
    vgg(B, false, d, init)
}
/// Configuration B with batch normalisation: 133,053,736 parameters.
pub fn vgg13_bn(d: &Design, init: &Init) -> Sequential {
    vgg(B, true, d, init)
}
/// Configuration D: 138,357,544 parameters.
pub fn vgg16(d: &Design, init: &Init) -> Sequential {
    vgg(D, false, d, init)
}
/// Configuration D with batch normalisation: 138,365,992 parameters.
pub fn vgg16_bn(d: &Design, init: &Init) -> Sequential {
    vgg(D, true, d, init)
}
/// Configuration E: 143,667,240 parameters.
pub fn vgg19(d: &Design, init: &Init) -> Sequential {
    vgg(E, false, d, init)
}
/// Configuration E with batch normalisation: 143,678,248 parameters.
pub fn vgg19_bn(d: &Design, init: &Init) -> Sequential {
    vgg(E, true, d, init)
}

/// Configuration B with batch normalisation for small pictures, as it is trained on CIFAR: of its dense layers the last alone, on 512 numbers. 9,416,010
/// parameters.
pub fn vgg13_bn_cifar(d: &Design, init: &Init) -> Sequential {
    convolutions(B, true, d, init).add(flatten()).add_named("fc", dense(d.classes))
}

fn vgg(stages: [usize; 5], norm: bool, d: &Design, init: &Init) -> Sequential {
    let hidden = || dense(d.channels(4096)).init(Initializer::HeNormal);
    convolutions(stages, norm, d, init)
        .add(flatten())
        .add_named("fc6", hidden())
        .add_named("relu6", relu())
        .add_named("dropout6", dropout(d.drop(0.5)))
        .add_named("fc7", hidden())
        .add_named("relu7", relu())
        .add_named("dropout7", dropout(d.drop(0.5)))
        .add_named("fc8", dense(d.classes).init(Initializer::Normal(0.01)))
}

/// Five stages of convolutions, each of which ends in half the height and width.
fn convolutions(stages: [usize; 5], norm: bool, d: &Design, init: &Init) -> Sequential {
    let mut net = Sequential::new(d.input, init);
    for (stage, (layers, channels)) in stages.into_iter().zip(CHANNELS).enumerate() {
        for layer in 0..layers {
            let first = stage == 0 && layer == 0;
            let pad = if first { 1 + missing(d) } else { 1 };
            let name = format!("{}_{}", stage + 1, layer + 1);
            let conv = conv2d(d.channels(channels), 3).pad(pad).init(Initializer::HeNormal);
            net = net.add_named(&format!("conv{name}"), conv);
            if norm {
                net = net.add_named(&format!("bn{name}"), batch_norm());
            }
            net = net.add_named(&format!("relu{name}"), relu());
        }
        net = net.add(max_pool2d(2)); // half as large
    }
    net
}

/// Pixels on each side that a picture lacks to be halved five times.
fn missing(d: &Design) -> usize {
    let size = d.input.last().copied().unwrap_or(32);
    32usize.saturating_sub(size).div_ceil(2)
}
