//! SqueezeNet 1.1.   Iandola et al. 2016, arXiv:1602.07360; version 1.1 from its authors' repository

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};
use gradus_tensor::{Padding, Pool};

/// (squeeze 1×1, expand 1×1, expand 3×3) of fire2 to fire9.
const FIRES: [(usize, usize, usize); 8] = [
    (16, 64, 64),
    (16, 64, 64),
    (32, 128, 128),
    (32, 128, 128),
    (48, 192, 192),
    (48, 192, 192),
    (64, 256, 256),
    (64, 256, 256),
];

/// 1,235,496 parameters, as torchvision has it: no padding before the first layer, pools that round up.
pub fn squeezenet(d: &Design, init: &Init) -> Sequential {
    fires(d, init, Padding::Valid, Pool::new(3).stride(2).ceil())
}

/// The same as its Keras port has it: the first layer padded below and right, pools that round down.
pub fn squeezenet_keras(d: &Design, init: &Init) -> Sequential {
    fires(d, init, Padding::Same, Pool::new(3).stride(2))
}

fn fires(d: &Design, init: &Init, padding: Padding, pool: Pool) -> Sequential {
    let he = Initializer::HeUniform;
    let mut net = Sequential::new(d.input, init)
        .add_named("conv1", conv2d(d.channels(64), 3).stride(2).padding(padding).init(he))
        .add(relu()) // [64, 111, 111]
        .add(max_pool2d_with(pool)); // [64, 55, 55]
    for (i, sizes) in FIRES.into_iter().enumerate() {
        let (squeeze, one, three) = sizes;
        let sizes = [squeeze, one, three].map(|n| d.channels(n));
        net = net.add_named(&format!("fire{}", i + 2), sequential(move |p| fire(p, sizes)));
        if [3, 5].contains(&(i + 2)) {
            net = net.add(max_pool2d_with(pool)); // after fire3 [128, 27, 27], after fire5 [256, 13, 13]
        }
    }
    net.add(dropout(d.drop(0.5)))
        .add_named("conv10", conv2d(d.classes, 1).init(Initializer::Normal(0.01)))
        .add(relu()) // [1000, 13, 13]
        .add(global_mean_pool2d())
}

/// Figure 1.
fn fire(path: Sequential, [squeeze, one, three]: [usize; 3]) -> Sequential {
    let conv = |n, kernel: usize| conv2d(n, kernel).pad(kernel / 2).init(Initializer::HeUniform);
    let expand = concat()
        .path_named("1x1", move |p| p.add_named("conv", conv(one, 1)).add(relu()))
        .path_named("3x3", move |p| p.add_named("conv", conv(three, 3)).add(relu()));
    path.add_named("squeeze", conv(squeeze, 1)).add(relu()).add_named("expand", expand)
}
