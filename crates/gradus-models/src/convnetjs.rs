//! The network of ConvNetJS's digit demonstration: 5,994 parameters.   Karpathy 2014, convnetjs

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};

/// 8 and 16 maps of 5×5 with ReLU, max-pooling by 2 and by 3, one dense layer; made for crops of 24×24.
pub fn convnetjs(d: &Design, init: &Init) -> Sequential {
    let he = Initializer::HeNormal;
    Sequential::new(d.input, init)
        .add(conv2d(8, 5).pad(2).init(he)) // [8, 24, 24]
        .add(relu())
        .add(max_pool2d(2)) // [8, 12, 12]
        .add(conv2d(16, 5).pad(2).init(he)) // [16, 12, 12]
        .add(relu())
        .add(max_pool2d(3)) // [16, 4, 4]
        .add(flatten())
        .add(dense(d.classes))
}
