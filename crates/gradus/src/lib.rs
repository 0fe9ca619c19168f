//! Gradus: a deep learning toolbox. One lazy graph engine trains, explains, draws and scales networks.
//!
//! ```no_run
//! use gradus::prelude::*;
//!
//! let (train, test) = gradus::data::mnist_5k_split();
//! let model = Sequential::new([1, 28, 28], &Init::new(0))
//!     .add(flatten()).add(dense(128)).add(relu()).add(dense(10));
//! ```

pub use gradus_tensor::*;

/// Data sets, loaders, transforms.
pub use gradus_data as data;
/// File formats.
pub use gradus_io as io;
/// The model zoo.
pub use gradus_models as models;
/// The training loop, optimisers, schedules, callbacks.
pub use gradus_train as train;

/// Layers, losses, initialisers, modules.
pub mod nn {
    pub use gradus_macros::Module;
    pub use gradus_nn::*;
}

/// What most programs use.
pub mod prelude {
    pub use crate::nn::layers::*;
    pub use crate::nn::{
        Context, Init, Initializer, Layer, Module, Sequential, losses, parameters,
    };
    pub use crate::train::optim::{Adam, AdamW, Optimizer, Sgd};
    pub use crate::train::{Fit, Learner, Progress, Recipe, callbacks, metrics};
    pub use crate::{DType, Shape, Tensor, Variable, compile, grad};
}
