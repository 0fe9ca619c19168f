//! Remarks on stderr. Work does not end because nobody reads them any more, as in `gradus train mlp 2>&1 | head -3`.

use std::fmt::Arguments;
use std::io::Write;

/// As `eprintln!`, but a stderr that is closed or full is no reason to panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::stderr::line(format_args!($($text)*)) };
}

/// Writes a line, if that can be.
pub fn line(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
