//! LeNet-5.   LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition"

use crate::Design;
use gradus_nn::layers::*;
use gradus_nn::{Init, Initializer, Sequential};

/// LeNet-5 as it is built today: ReLU, max-pooling, every map connected. 61,706 parameters for 28×28 images.
pub fn lenet(d: &Design, init: &Init) -> Sequential {
    let he = Initializer::HeNormal;
    Sequential::new(d.input, init)
        .add(conv2d(6, 5).pad(2).init(he)) // [6, 28, 28]
        .add(relu())
        .add(max_pool2d(2)) // [6, 14, 14]
        .add(conv2d(16, 5).init(he)) // [16, 10, 10]
        .add(relu())
        .add(max_pool2d(2)) // [16, 5, 5]
        .add(flatten())
        .add(dense(120).init(he))
        .add(relu())
        .add(dense(84).init(he))
        .add(relu())
        .add(dense(d.classes))
}
