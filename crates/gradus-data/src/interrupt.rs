//! Ending a long read: who listens to signals sets a flag, and what reads many files or rows looks at it now and then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{DataError, Result};

/// There is one for the process, as there is one of each signal.
static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on tables, folders and fingerprints are not read to their end once `flag` is set, but give
/// [`DataError::Interrupted`]. Reading single samples goes on: a step at hand can be finished. The first flag of a process
/// counts; later ones are passed over.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// use gradus_data::{CsvOptions, DataError, interrupt_by, parse_csv};
/// let flag = Arc::new(AtomicBool::new(false));
/// interrupt_by(flag.clone());
/// assert!(parse_csv(b"1,2\n3,4\n", "t.csv", &CsvOptions::default()).is_ok());
/// flag.store(true, Ordering::Relaxed);
/// let ended = parse_csv(b"1,2\n3,4\n", "t.csv", &CsvOptions::default());
/// assert!(matches!(ended, Err(DataError::Interrupted { .. })));
/// ```
pub fn interrupt_by(flag: Arc<AtomicBool>) {
    let _ = FLAG.set(flag);
}

/// Fails once the flag is set that [`interrupt_by`] was given; `what` is being read. Without a flag it never does.
///
/// ```
/// assert!(gradus_data::go_on(&"photos").is_ok());
/// ```
///
/// # Errors
/// [`DataError::Interrupted`].
pub fn go_on(what: &dyn std::fmt::Display) -> Result<()> {
    match FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
        true => Err(DataError::Interrupted { what: what.to_string() }),
        false => Ok(()),
    }
}
