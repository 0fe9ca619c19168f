//! What can end a command, and the exit code it ends with.

use gradus::data::DataError;
use gradus::train::TrainError;
use std::any::Any;
use std::io::{self, Write};
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
    Engine(gradus::Error),
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
    /// A signal ended it, and there was nothing to save.
    #[error("{0}")]
    Ended(String),
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
            CliError::Interrupted(_) | CliError::Ended(_) => 130,
            CliError::BrokenPipe => 0,
            _ => 1,
        }
    }

    /// Tells the user, on stderr and, if asked for JSON, on stdout; gives the exit code.
    pub fn tell(&self, json: bool) -> u8 {
        match self {
            CliError::BrokenPipe => return self.exit_code(),
            CliError::Interrupted(_) | CliError::Ended(_) => say!("{self}"),
            _ => say!("error: {}", self.told()),
        }
        if json {
            // A script that reads the last line finds one, whatever happened.
            let mut record = match self {
                CliError::Partly { record, .. } => (**record).clone(),
                _ => serde_json::json!({}),
            };
            record["error"] = self.told().into();
            record["exit_code"] = self.exit_code().into();
            let _ = writeln!(io::stdout(), "{record}");
        }
        self.exit_code()
    }

    /// What is told: a refusal in one line, whatever lines a file's names and texts have; commands that help may follow.
    fn told(&self) -> String {
        let text = self.to_string();
        match self {
            CliError::Diverged { .. } | CliError::Interrupted(_) | CliError::Usage(_) => text,
            _ => one_line(&text),
        }
    }

    /// The operating system refused an action on a path.
    pub fn system(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> CliError {
        move |source| CliError::System { path: path.to_owned(), action, source }
    }
}

/// Lines one after the other, as a sentence has them. Commands that help keep lines of their own, to be pasted.
fn one_line(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut after_command = false;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let is_command = line.starts_with("  gradus ");
        match told.chars().last() {
            None => {}
            Some(_) if is_command || after_command => told.push('\n'),
            Some(':' | ',' | ';' | '.') => told.push(' '),
            Some(_) => told.push_str("; "),
        }
        told.push_str(if is_command { line } else { line.trim() });
        after_command = is_command;
    }
    told
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

impl From<gradus::Error> for CliError {
    /// Without the line it is from: whoever runs a command has written none.
    fn from(mut error: gradus::Error) -> CliError {
        error.at = None;
        CliError::Engine(error)
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

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn lines_become_a_sentence() {
        let listed =
            "x: the weights differ\n  missing (1):\n    dense1: weight\n  more (1):\n    fc\n";
        assert_eq!(
            one_line(listed),
            "x: the weights differ; missing (1): dense1: weight; more (1): fc"
        );
        assert_eq!(one_line("a.\n\n\r\n b"), "a. b");
        let helped = "no checkpoint\n can be read;\n  gradus train x\nor:\n  gradus train y";
        assert_eq!(
            one_line(helped),
            "no checkpoint; can be read;\n  gradus train x\nor:\n  gradus train y"
        );
    }
}
