//! What asks a training, a service or what makes files to end: Ctrl-C (SIGINT), SIGTERM, and SIGHUP when its terminal goes. What this process was
//! started to ignore stays ignored: SIGHUP under `nohup`, SIGINT of the background jobs of scripts.

use crate::error::{CliError, Result};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the first signal does.
enum First {
    /// Ends the program: nothing is to be saved, because training has not begun,
    Loading,
    /// or because all is saved, in this run.
    Testing(PathBuf),
    /// Asks training to end; it saves first.
    Training,
    /// Ends the program between the files that it makes, of which these are whole.
    Making(Vec<PathBuf>),
    /// Ends a service, by this.
    Serving(Box<dyn Fn() + Send>),
}

/// Listens to signals for as long as the program runs.
#[derive(Clone)]
pub struct Signals(Arc<Shared>);

struct Shared {
    asked: Arc<AtomicBool>,
    first: Mutex<First>,
    json: bool,
}

impl Signals {
    /// Begins to listen; a signal ends the program until [`Signals::train`] is called.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen(json: bool) -> Result<Signals> {
        Signals::begin(First::Loading, json)
    }

    /// Begins to listen; a signal ends the program and tells which files that it made are kept.
    ///
    /// # Errors
    /// As [`Signals::listen`].
    pub fn of_files(json: bool) -> Result<Signals> {
        Signals::begin(First::Making(vec![]), json)
    }

    fn begin(first: First, json: bool) -> Result<Signals> {
        let shared = Shared { asked: Arc::default(), first: Mutex::new(first), json };
        let signals = Signals(Arc::new(shared));
        let shared = signals.0.clone();
        system::on_signals(move || shared.came())
            .map_err(|e| CliError::Work(format!("cannot listen to signals: {e}")))?;
        Ok(signals)
    }

    /// From now on the first signal sets this flag, and the second ends the program.
    pub fn train(&self) -> Arc<AtomicBool> {
        *self.0.first() = First::Training;
        self.0.asked.clone()
    }

    /// Writes some of the files that are made. A signal waits for it: all of them are there, or none.
    ///
    /// # Errors
    /// What `write` reports.
    pub fn write(&self, files: &[PathBuf], write: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut first = self.0.first();
        write()?;
        if let First::Making(kept) = &mut *first {
            kept.extend_from_slice(files);
        }
        Ok(())
    }

    /// From now on the first signal ends a service by `stop`, and the second ends the program.
    #[cfg(feature = "lab")]
    pub fn serve(&self, stop: impl Fn() + Send + 'static) {
        *self.0.first() = First::Serving(Box::new(stop));
    }

    /// From now on the first signal ends the program: all of this run is saved.
    ///
    /// # Errors
    /// When one has come already.
    pub fn test(&self, run: PathBuf) -> Result<()> {
        let mut first = self.0.first();
        if self.0.asked.load(Ordering::Relaxed) {
            return Err(CliError::Interrupted(run));
        }
        *first = First::Testing(run);
        Ok(())
    }
}

impl Shared {
    fn first(&self) -> std::sync::MutexGuard<'_, First> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a signal does.
    fn came(&self) {
        let again = self.asked.swap(true, Ordering::Relaxed);
        let error = match &*self.first() {
            First::Training if !again => {
                say!("interrupted: finishing the step at hand, then saving (again to end at once)");
                return;
            }
            First::Serving(stop) if !again => return stop(),
            First::Serving(_) => CliError::Ended("ended at once".into()),
            First::Training => {
                CliError::Ended("ended without saving; the last checkpoint stays".into())
            }
            First::Loading => CliError::Ended("interrupted before the first step".into()),
            First::Making(kept) => CliError::Ended(made(kept)),
            First::Testing(run) => CliError::Interrupted(run.clone()),
        };
        process::exit(error.tell(self.json).into());
    }
}

/// What is left of what was made.
fn made(kept: &[PathBuf]) -> String {
    let names: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
    match &names[..] {
        [] => "interrupted: nothing was written".into(),
        [one] => format!("interrupted: {one} is kept"),
        all => format!("interrupted: {} are kept", all.join(", ")),
    }
}

#[cfg(unix)]
mod system {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use std::io;

    /// Calls a function in a thread of its own whenever a signal comes that is not ignored.
    pub(super) fn on_signals(mut act: impl FnMut() + Send + 'static) -> io::Result<()> {
        let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
        let mut signals = Signals::new(heard)?;
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || signals.forever().for_each(|_| act()))?;
        Ok(())
    }

    /// Whether this process was started with a signal ignored.
    fn is_ignored(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").ok();
        let mask = status.as_deref().and_then(ignored_mask);
        mask.map_or_else(|| is_ignored_by_children(signal), |mask| mask >> (signal - 1) & 1 == 1)
    }

    /// The line `SigIgn:` of Linux's `/proc/PID/status`: a bit for each signal.
    fn ignored_mask(status: &str) -> Option<u64> {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    }

    /// Where the system does not tell: a child inherits what is ignored, so a shell that sends itself the signal lives on.
    fn is_ignored_by_children(signal: i32) -> bool {
        let script = format!("kill -{signal} $$; exit 0");
        let child = std::process::Command::new("/bin/sh").args(["-c", &script]).status();
        child.is_ok_and(|status| status.success())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn both_ways_agree() {
            let status = "Name:\tgradus\nSigIgn:\t0000000000001001\nSigCgt:\t00000000280b2603\n";
            assert_eq!(ignored_mask(status), Some(0x1001));
            assert_eq!(ignored_mask("Name:\tgradus\n"), None);
            for signal in [SIGHUP, SIGINT, SIGTERM] {
                assert_eq!(is_ignored(signal), is_ignored_by_children(signal), "{signal}");
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    /// Calls a function in a thread of its own whenever Ctrl-C is pressed.
    pub(super) fn on_signals(act: impl FnMut() + Send + 'static) -> io::Result<()> {
        ctrlc::set_handler(act).map_err(io::Error::other)
    }
}
