//! Where sessions are while nobody sits at them: in memory for a while, and in files, so that they outlive the process.

use crate::token;
use gradus_lab_core::Session;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Sessions kept in memory with nobody at them.
const ASLEEP: usize = 16;
/// Files of sessions that are kept.
const FILES: usize = 100;
/// How long a file is kept that nobody takes up.
const AGE: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long whoever sits at a session has to leave it to another.
const LEAVE: Duration = Duration::from_secs(2);
/// The ending of a session's file.
const ENDING: &str = "session";

/// All sessions.
pub(crate) struct Keeper {
    folder: Option<PathBuf>,
    places: Mutex<HashMap<String, Place>>,
    left: Condvar,
}

/// Where a session is.
enum Place {
    /// Somebody sits at it: set this to have it.
    Taken(Arc<AtomicBool>),
    /// Nobody does, since this time.
    Asleep(Box<Session>, SystemTime),
}

/// A session with somebody at it.
pub(crate) struct Seated {
    pub(crate) session: Session,
    token: String,
    wanted: Arc<AtomicBool>,
}

impl Seated {
    /// What the session is taken up by.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Whether another wants the session.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

/// What comes of a token.
pub(crate) enum Taken {
    /// Its session.
    Session(Seated),
    /// There is none.
    Nothing,
    /// Its file says something else.
    Unreadable(String),
}

impl Keeper {
    /// Keeps in a folder, which is made.
    pub(crate) fn new(folder: Option<PathBuf>) -> io::Result<Keeper> {
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
            clean(folder);
        }
        Ok(Keeper { folder, places: Mutex::default(), left: Condvar::new() })
    }

    fn places(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session, with somebody at it.
    pub(crate) fn begin(&self, session: Session) -> io::Result<Seated> {
        let token = token::random()?;
        Ok(self.seat(&mut self.places(), session, token))
    }

    fn seat(&self, places: &mut HashMap<String, Place>, session: Session, token: String) -> Seated {
        let wanted = Arc::new(AtomicBool::new(false));
        places.insert(token.clone(), Place::Taken(wanted.clone()));
        Seated { session, token, wanted }
    }

    /// The session of a token, from whoever sits at it, from memory, or from its file.
    pub(crate) fn take(&self, token: &str) -> Taken {
        if !token::is_one(token) {
            return Taken::Nothing;
        }
        let mut places = self.places();
        if let Some(Place::Taken(wanted)) = places.get(token) {
            wanted.store(true, Ordering::Relaxed);
            let is_taken = |places: &mut HashMap<String, Place>| {
                matches!(places.get(token), Some(Place::Taken(_)))
            };
            let waited = self.left.wait_timeout_while(places, LEAVE, is_taken);
            places = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match places.remove(token) {
            Some(Place::Asleep(session, _)) => {
                return Taken::Session(self.seat(&mut places, *session, token.into()));
            }
            Some(taken) => {
                places.insert(token.into(), taken);
                return Taken::Unreadable("its other page does not leave it".into());
            }
            None => {}
        }
        let Some(bytes) = self.file(token).and_then(|at| fs::read(at).ok()) else {
            return Taken::Nothing;
        };
        match Session::restore(&bytes) {
            Ok((session, _)) => Taken::Session(self.seat(&mut places, session, token.into())),
            Err(what) => Taken::Unreadable(what.to_string()),
        }
    }

    /// Writes a session's file. A full disk loses the file, not the session: it is tried again with the next change.
    pub(crate) fn keep(&self, seated: &Seated) {
        if let Some(at) = self.file(&seated.token) {
            let _ = write(&at, &seated.session.save());
        }
    }

    /// Takes a session back whose page has gone.
    pub(crate) fn leave(&self, seated: Seated) {
        self.keep(&seated);
        let mut places = self.places();
        let asleep = Place::Asleep(Box::new(seated.session), SystemTime::now());
        places.insert(seated.token, asleep);
        self.bound(&mut places);
        drop(places);
        self.left.notify_all();
    }

    /// Forgets a session, and its file.
    pub(crate) fn forget(&self, seated: &Seated) {
        self.places().remove(&seated.token);
        if let Some(at) = self.file(&seated.token) {
            let _ = fs::remove_file(at);
        }
        self.left.notify_all();
    }

    /// Forgets what sleeps longest; its file stays, where sessions have files.
    fn bound(&self, places: &mut HashMap<String, Place>) {
        let mut asleep: Vec<(SystemTime, String)> = places
            .iter()
            .filter_map(|(token, place)| match place {
                Place::Asleep(_, since) => Some((*since, token.clone())),
                Place::Taken(_) => None,
            })
            .collect();
        asleep.sort();
        let over = asleep.len().saturating_sub(ASLEEP);
        asleep.iter().take(over).for_each(|(_, token)| drop(places.remove(token)));
    }

    fn file(&self, token: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(token).with_extension(ENDING))
    }
}

/// Writes a file whole, or leaves the old one: under another name, then renamed. Half a second of a session is not worth the wait for
/// the disk: the system writes it when it likes.
fn write(at: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = at.with_extension("part");
    fs::write(&beside, bytes)?;
    fs::rename(&beside, at)
}

/// Removes files that nobody takes up any more: the oldest, and what a crash left half-written.
fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, PathBuf)> = vec![];
    for entry in entries.flatten() {
        let path = entry.path();
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if !token::is_one(stem) || ![ENDING, "part"].contains(&ending) {
            continue; // not ours
        }
        let time = entry.metadata().and_then(|of| of.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        files.push((time, path));
    }
    files.sort();
    let over = files.len().saturating_sub(FILES);
    let oldest = SystemTime::now() - AGE;
    for (i, (time, path)) in files.iter().enumerate() {
        if i < over || *time < oldest {
            let _ = fs::remove_file(path);
        }
    }
}
