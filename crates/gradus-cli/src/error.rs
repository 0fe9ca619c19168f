//! What can end a command, and the exit code it ends with.

use gradus::data::DataError;
use gradus::train::TrainError;
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};

/// What can end a command.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What was asked for does not exist or does not go together.
    #[error("{0}")]
    Usage(String),
    /// The work failed.
    #[error("{0}")]
    Work(String),
    /// Training failed.
    #[error(transparent)]
    Train(TrainError),
    /// A run's loss is no longer a number.
    #[error("{error}{remedy}")]
    Diverged {
        /// Where, and why.
        error: Box<TrainError>,
        /// What helps, from a line of its own on; empty if nothing is known to.
        remedy: String,
    },
    /// Data could not be read.
    #[error(transparent)]
    Data(DataError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] gradus::io::Error),
    /// The engine met a mistake or a bad value.
    #[error(transparent)]
    Engine(#[from] gradus::Error),
    /// An ONNX model cannot be read or run.
    #[error(transparent)]
    Onnx(#[from] gradus::onnx::Error),
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Some of it failed, all else is done.
    #[error("{what}")]
    Partly {
        /// What failed.
        what: String,
        /// What `--json` says of what is done.
        record: Box<serde_json::Value>,
    },
    /// Ctrl-C ended it, and everything is saved.
    #[error("interrupted; everything is saved. Go on with:\n  gradus train --resume {}", shell_word(.0))]
    Interrupted(PathBuf),
    /// Whoever read stdout has gone, such as `head`.
    #[error("stdout is closed")]
    BrokenPipe,
}

/// A result whose error is [`CliError`].
pub type Result<T, E = CliError> = std::result::Result<T, E>;

impl CliError {
    /// The exit code: 1 for failed work, 2 for bad usage, 130 after Ctrl-C as shells have it.
    pub fn exit_code(&self) -> u8 {
        match self {
            CliError::Usage(_) => 2,
            CliError::Interrupted(_) => 130,
            CliError::BrokenPipe => 0,
            _ => 1,
        }
    }

    /// The operating system refused an action on a path.
    pub fn system(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> CliError {
        move |source| CliError::System { path: path.to_owned(), action, source }
    }
}

/// A path as a word for the shell, quoted where it must be: what is suggested can be pasted.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "-_./+:,@%=".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// What a panic said.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "the program panicked without a message".to_owned())
}

impl From<DataError> for CliError {
    fn from(error: DataError) -> CliError {
        match error {
            // A set or option that does not exist is a mistake in the command line.
            DataError::Unknown { .. } => CliError::Usage(error.to_string()),
            error => CliError::Data(error),
        }
    }
}

impl From<TrainError> for CliError {
    fn from(error: TrainError) -> CliError {
        match error {
            TrainError::Data(error) => error.into(),
            TrainError::File(error) => error.into(),
            TrainError::Engine(error) => error.into(),
            error => CliError::Train(error),
        }
    }
}

impl From<io::Error> for CliError {
    /// Only stdout is written to directly; files have errors with their names.
    fn from(error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
            _ => CliError::Work(format!("stdout: cannot write: {error}")),
        }
    }
}
