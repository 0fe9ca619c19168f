//! The training loop of Gradus: fit, callbacks, metrics, optimisers, schedules, checkpoints.

pub mod callbacks;
mod confusion;
pub mod diagnosis;
mod error;
pub mod fit;
mod learner;
pub mod metrics;
mod number;
pub mod optim;
mod rate_finder;
mod sanity;
pub mod schedule;
mod source;
mod weights;

pub use confusion::Confusion;
pub use error::{Result, TrainError};
pub use fit::{EpochLog, Fit, INTERRUPTED, Progress, evaluate};
pub use learner::{Activity, BatchResult, Group, Learner, Recipe, Units};
pub use rate_finder::{RateCurve, Sweep};
pub use sanity::{overfit_one_batch, validation_split};
pub use source::{Arrays, Pair, Source};
pub use weights::{load_weights, save_weights, set_weights, weights};
