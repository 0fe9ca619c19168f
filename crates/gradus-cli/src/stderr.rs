//! Remarks on stderr. Work does not end because nobody reads them any more, as in `gradus train mlp 2>&1 | head -3`.

use indicatif::{ProgressBar, ProgressStyle};
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

/// A bar on a terminal; nothing anywhere else.
pub struct Bar(ProgressBar);

impl Bar {
    /// Of so many parts.
    pub fn new(parts: u64) -> Bar {
        let bar = ProgressBar::new(parts);
        let style = ProgressStyle::with_template("[{bar:24}] {pos}/{len}  {eta} left")
            .expect("the template is sound");
        bar.set_style(style.progress_chars("=> "));
        Bar(bar)
    }
    /// So many are done.
    pub fn at(&self, done: u64) {
        self.0.set_position(done);
    }
    /// All is done.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
