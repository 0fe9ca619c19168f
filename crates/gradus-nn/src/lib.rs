//! Layers, losses and initialisers of Gradus. No device code, no unsafe.
//!
//! A layer is described first and built for an input second: `dense(10)` is a description,
//! `dense(10).build(84, &init)` has weights. [`Sequential`] builds its descriptions one after the
//! other, each for the output of the one before.
//!
//! ```
//! use gradus_nn::{Context, Init, Layer, Sequential, layers::*};
//! use gradus_tensor::Tensor;
//! let model = Sequential::new([4], &Init::new(7)).add(dense(8)).add(relu()).add(dense(3));
//! let y = model.forward(&Tensor::ones([2, 4]), &Context::eval());
//! assert_eq!(y.shape().to_string(), "[2, 3]");
//! ```

mod context;
pub mod functional;
mod init;
pub mod layers;
pub mod losses;
mod module;
mod refused;
mod sequential;
mod spec;
mod summary;

pub use context::{Context, Hook};
pub use init::{Init, Initializer};
pub use module::{
    Config, Layer, Module, Padding, Parameter, State, Visitor, named_states, parameters,
};
pub use sequential::Sequential;
pub use spec::{Input, Spec, Takes};
pub use summary::{Field, Row, Summary};
