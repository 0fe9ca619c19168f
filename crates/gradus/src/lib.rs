//! Gradus: a deep learning toolbox. One lazy graph engine trains, explains, draws and scales networks.
//!
//! ```
//! use gradus::prelude::*;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (train, test) = gradus::data::mnist_5k_split()?;
//! let train = Loader::new(train.into(), LoaderOptions { shuffle: true, ..Default::default() })?;
//! let test = Loader::new(test.into(), LoaderOptions::default())?;
//! let model = Sequential::new([1, 28, 28], &Init::new(0))
//!     .add(conv2d(6, 5).pad(2)).add(relu()).add(max_pool2d(2))
//!     .add(flatten()).add(dense(10));
//! let recipe = Recipe { metrics: vec![metrics::accuracy()], ..Recipe::default() };
//! let mut learner = Learner::with(model.into(), Box::new(Adam::new(3e-3)), recipe, 0);
//! Fit { epochs: 1, ..Fit::default() }.run(&mut learner, &train, None, &mut Progress::default())?;
//! println!("{:?}", evaluate(&mut learner, &test)?);
//! # assert!(evaluate(&mut learner, &test)?.metrics[0] > 0.85);
//! # Ok(()) }
//! ```
//!
//! Numbers of your own need no data set: [`Arrays`](train::Arrays) holds them, a row for each sample.
//!
//! ```
//! use gradus::prelude::*;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let x = Tensor::randn([600, 20], 1); // or of a Vec: Tensor::from_slice(&numbers, [600, 20])
//! let t = x.select(1, 0).gt(0.0).cast(DType::I64); // the class of each row, from 0: [600]
//! let (train, test) = Arrays::new(&x, &t, 32)?.shuffle(0).split(0.2, 0)?;
//! let model = Sequential::new([20], &Init::new(0)).add(dense(32)).add(relu()).add(dense(2));
//! let mut learner = Learner::new(model.into(), Adam::new(3e-3));
//! learner.fit(&train, 10)?;
//! println!("{:?}", learner.evaluate(&test)?);
//! # assert!(learner.evaluate(&test)?.loss < 0.4);
//! # Ok(()) }
//! ```
//!
//! Anything else is [`Records`](data::Records): named fields of any type, each sample as long as it is. Padding weighs nothing.
//!
//! ```
//! use gradus::prelude::*;
//! use gradus::data::Padding;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = gradus::data::InMemory::new()
//!     .ragged("x", vec![vec![3i64, 1, 4], vec![1, 5], vec![9]])? // the words of each sentence
//!     .ragged("t", vec![vec![1i64, 1, 0], vec![1, 1], vec![1]])?; // a class for each word
//! let padding = vec![("x".into(), Padding::default()), ("t".into(), Padding::along("x"))];
//! let train = RecordLoader::new(data, RecordOptions { padding, ..Default::default() })?;
//! let model = Sequential::new([1], &Init::new(0)).add(embedding(10, 8)).add(dense(2));
//! let mut learner = Learner::new(model.into(), Adam::new(0.05));
//! learner.fit(&train, 10)?;
//! # assert!(learner.evaluate(&train)?.loss < 0.5);
//! # Ok(()) }
//! ```

pub use gradus_tensor::*;

/// Data sets, loaders, transforms.
pub use gradus_data as data;
/// File formats.
pub use gradus_io as io;
/// The model zoo.
pub use gradus_models as models;
/// ONNX models.
pub use gradus_onnx as onnx;
/// What networks see, and how they are fooled.
#[cfg(feature = "see")]
pub use gradus_see as see;
/// Networks of sequences as whole systems: language models and what else learns from texts, genomes and signals.
#[cfg(feature = "sequences")]
pub use gradus_sequences as sequences;
/// Text: files, tokenisers, n-gram models, word vectors, sampling.
#[cfg(feature = "text")]
pub use gradus_text as text;
/// The training loop, optimisers, schedules, callbacks.
pub use gradus_train as train;

/// Ops of your own with kernels of their own: what they mean ([`Rule`](op::Rule)), and how a device does them
/// ([`Strategy`](op::Strategy)). Formulas need less: see [`apply`](ops::pointwise::apply) and the example `12_custom_op`.
pub mod op {
    pub use gradus_base::View;
    pub use gradus_base::exec::{Args, Kernel, Slices, Touches};
    pub use gradus_graph::{
        Backward, Dense, Effect, Epilogue, Layouts, Meta, Node, Order, Packing, Plain, Rule,
        Setting, Slot, Spec, Strategy, call, call_one, not_differentiable,
    };
    pub use gradus_reference::{Array, Values};
}

/// Layers, losses, initialisers, modules.
pub mod nn {
    pub use gradus_macros::Module;
    pub use gradus_nn::*;
}

/// What most programs use.
pub mod prelude {
    pub use crate::data::{Loader, LoaderOptions, RecordLoader, RecordOptions};
    pub use crate::nn::layers::*;
    pub use crate::nn::{
        Context, Init, Initializer, Layer, Module, Sequential, Spec, losses, parameters,
    };
    pub use crate::train::optim::{Adam, AdamW, Optimizer, Sgd};
    pub use crate::train::{
        Arrays, Batch, Fit, Learner, Measured, Objectives, Progress, Recipe, Task, Updater,
        callbacks, evaluate, metrics,
    };
    pub use crate::{DType, Shape, Tensor, Variable, compile, grad};
}
