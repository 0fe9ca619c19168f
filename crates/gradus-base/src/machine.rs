//! What a machine may lack: WebAssembly in a browser or in Node has neither a clock nor threads of its own, and asking its standard
//! library for them ends the program.

use std::time::{Duration, Instant};

/// Whether a program may have threads.
///
/// ```
/// assert!(gradus_base::HAS_THREADS || cfg!(target_family = "wasm"));
/// ```
pub const HAS_THREADS: bool = !cfg!(all(target_family = "wasm", not(target_feature = "atomics")));

/// Whether there is a clock.
const HAS_CLOCK: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// The time since a moment, on a machine that has a clock.
///
/// ```
/// use gradus_base::Stopwatch;
/// let watch = Stopwatch::start();
/// let first = watch.elapsed().expect("a clock");
/// assert!(watch.elapsed() >= Some(first));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// From now on.
    pub fn start() -> Stopwatch {
        Stopwatch(HAS_CLOCK.then(Instant::now))
    }
    /// The time since then; none where there is no clock.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.map(|start| start.elapsed())
    }
}
