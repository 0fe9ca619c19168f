//! Softmax regression: one dense layer, 7,850 parameters for 28×28 images of 10 classes.

use gradus_base::Shape;
use gradus_nn::layers::{dense, flatten};
use gradus_nn::{Init, Sequential};

/// in – classes.
pub fn linear(input: Shape, classes: usize, init: &Init) -> Sequential {
    Sequential::new(input, init).add(flatten()).add(dense(classes))
}
