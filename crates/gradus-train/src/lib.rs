//! The training loop of Gradus: fit, callbacks, metrics, optimisers, schedules, checkpoints.

pub mod callbacks;
pub mod diagnosis;
mod error;
pub mod fit;
mod learner;
pub mod metrics;
pub mod optim;
pub mod schedule;
mod source;
mod weights;

pub use error::{Result, TrainError};
pub use fit::{EpochLog, Fit, Progress, evaluate};
pub use learner::{Activity, BatchResult, Group, Learner, Recipe, Units};
pub use source::{Arrays, Pair, Source};
pub use weights::{set_weights, weights};
