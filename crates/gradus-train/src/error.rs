//! What can end training.

use gradus_base::words::figure;
use std::fmt;
use std::path::PathBuf;

/// A result whose error is [`TrainError`].
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// What can end training.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The engine met a mistake or a bad value.
    #[error(transparent)]
    Engine(#[from] gradus_base::Error),
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] gradus_data::DataError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] gradus_io::Error),
    /// The loss is no longer a number.
    #[error("the {number} is {loss} at step {step} (epoch {epoch}, rate {}): {cause}", figure(*.rate, 2))]
    Diverged {
        /// Which number that is: `loss`, or one of several.
        number: String,
        /// The loss.
        loss: f64,
        /// The step.
        step: u64,
        /// The epoch, from 1.
        epoch: u64,
        /// The rate of that step.
        rate: f64,
        /// Whether a step had moved the parameters before; if not, no rate has a part in it.
        moved: bool,
        /// The first op that gave it, or what is known.
        cause: String,
    },
    /// A run directory does not hold what it should.
    #[error("{}: {what}", .path.display())]
    Run {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// As it is displayed: a program whose `main` returns it shows a message, not its parts.
impl fmt::Debug for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
