//! A multilayer perceptron with one hidden layer of 128: 101,770 parameters for 28×28 images of 10 classes.

use crate::Design;
use gradus_nn::layers::{dense, flatten, relu};
use gradus_nn::{Init, Initializer, Sequential};

/// in – 128 – classes, ReLU, He initialisation.
pub fn mlp(d: &Design, init: &Init) -> Sequential {
    Sequential::new(d.input, init)
        .add(flatten())
        .add(dense(128).init(Initializer::HeNormal))
        .add(relu())
        .add(dense(d.classes))
}
