//! A multilayer perceptron, with one hidden layer of 128 unless others are asked for: 101,770 parameters for 28×28 images of 10 classes.

use crate::Design;
use gradus_nn::layers::{dense, flatten, relu};
use gradus_nn::{Init, Initializer, Sequential};

/// The units of its hidden layers where nothing is said.
const HIDDEN: &[usize] = &[128];

/// in – 128 – classes, ReLU, He initialisation; with [`Design::hidden`] other hidden layers, one after the other.
///
/// ```
/// use gradus_models::{Design, mlp};
/// use gradus_nn::Init;
/// let parameters = |d: &Design| mlp(d, &Init::blank()).summary().parameters;
/// let design = Design::new([4], 3);
/// assert_eq!(parameters(&design), 5 * 128 + 129 * 3);
/// assert_eq!(parameters(&design.hidden([256, 64])), 5 * 256 + 257 * 64 + 65 * 3);
/// ```
pub fn mlp(d: &Design, init: &Init) -> Sequential {
    let hidden = if d.hidden.is_empty() { HIDDEN } else { &d.hidden };
    let model = Sequential::new(d.input, init).add(flatten());
    let model = hidden.iter().fold(model, |model, &units| {
        model.add(dense(units).init(Initializer::HeNormal)).add(relu())
    });
    model.add(dense(d.classes))
}
