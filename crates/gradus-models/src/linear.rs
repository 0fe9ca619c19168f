//! Softmax regression: one dense layer, 7,850 parameters for 28×28 images of 10 classes.

use crate::Design;
use gradus_nn::layers::{dense, flatten};
use gradus_nn::{Init, Sequential};

/// in – classes.
pub fn linear(d: &Design, init: &Init) -> Sequential {
    Sequential::new(d.input, init).add(flatten()).add(dense(d.classes))
}
