//! The training loop of Gradus: fit, callbacks, metrics, optimisers, schedules, checkpoints.

mod batch;
pub mod callbacks;
mod confusion;
pub mod diagnosis;
mod error;
pub mod fit;
mod forward;
mod learner;
mod measured;
pub mod metrics;
mod number;
mod objective;
mod objectives;
pub mod optim;
mod quasi_newton;
mod rate_finder;
mod resumable;
mod sanity;
pub mod schedule;
mod source;
mod task;
mod updater;
mod weights;

pub use batch::{Batch, Fields, Name};
pub use confusion::Confusion;
pub use error::{Result, TrainError};
pub use fit::{BatchEnd, EpochLog, Fit, INTERRUPTED, Progress, evaluate, measure};
pub use learner::{Activity, BatchResult, Learner, Predictor, Recipe, Units};
pub use measured::Measured;
pub use objectives::Objectives;
pub use rate_finder::{RateCurve, Sweep};
pub use sanity::{overfit_one_batch, validation_split};
pub use source::{Arrays, Source};
pub use task::{Mean, NumberName, Numbers, Pace, Rows, Task};
pub use updater::{Group, Updater};
pub use weights::{load_weights, save_weights, set_weights, weights};
