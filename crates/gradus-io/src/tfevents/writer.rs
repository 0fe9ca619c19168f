//! The event file of a run. A resumed run opens a new one, as TensorBoard wants it, that declares later steps of those before
//! void; what they hold beyond a known position is cut off, so that no event is there twice.

use super::{Data, Event, Graph, Histogram, Image, Value, What, record};
use crate::atomic::folder_of;
use crate::{Disk, Error, Result, Storage};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes an event file. Events are buffered; [`EventWriter::flush`] hands them to the system, and
/// so does dropping.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
}

/// How far the events of a run go: what a checkpoint keeps, so that a run that goes on from it writes no event a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The name of the file at hand.
    pub file: String,
    /// Its length.
    pub bytes: u64,
}

impl EventWriter {
    /// Starts a new event file in `folder`, which is created if need be.
    pub fn create(folder: &Path) -> Result<EventWriter> {
        EventWriter::resume(folder, 0, None)
    }

    /// Starts a new event file for a run that goes on at `step`: TensorBoard drops what earlier
    /// files say of this step and later ones. From `position` on they are cut off, too, and what the run wrote in later files is
    /// removed; other runs' files are left alone.
    ///
    /// # Errors
    /// When the folder cannot be written to, or `position` names no event file.
    pub fn resume(folder: &Path, step: i64, position: Option<&Position>) -> Result<EventWriter> {
        let cannot = |action: &'static str| {
            move |error: io::Error| Error::io(action, &error).in_file(folder)
        };
        if let Some(position) = position {
            if stamp_of(OsStr::new(&position.file)).is_none() || position.file.contains(['/', '\\'])
            {
                let what = format!("found {:?}, expected the name of an event file", position.file);
                return Err(Error::format(what).in_file(folder));
            }
            crate::expect_own_file(&folder.join(&position.file))?;
            cut(folder, position).map_err(cannot("cannot cut off later events"))?;
        }
        let run = position.map(|position| run_of(&position.file).to_owned());
        let (file, path) =
            open_new(folder, run.as_deref()).map_err(cannot("cannot create an event file"))?;
        let mut writer = EventWriter { file: BufWriter::new(file), path, bytes: 0 };
        writer.event(0, What::FileVersion("brain.Event:2".to_owned()))?;
        // In the first file too: TensorBoard takes the first start it meets for no restart.
        writer.event(step, What::Start)?;
        writer.flush()?;
        Disk.sync_folder(folder_of(&writer.path)).map_err(cannot("cannot sync the folder"))?;
        Ok(writer)
    }

    /// How far the events go, those being counted that [`EventWriter::flush`] still keeps.
    pub fn position(&self) -> Position {
        let name = self.path.file_name().unwrap_or_default();
        Position { file: name.to_string_lossy().into_owned(), bytes: self.bytes }
    }

    /// Returns when all events that were flushed are on the medium.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file.get_ref().sync_data();
        synced.map_err(|error| Error::io("cannot sync", &error).in_file(&self.path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number.
    pub fn scalar(&mut self, tag: &str, step: i64, value: f32) -> Result<()> {
        self.value(tag, step, Data::Scalar(value))
    }

    /// A distribution, of weights or gradients.
    pub fn histogram(&mut self, tag: &str, step: i64, histogram: Histogram) -> Result<()> {
        self.value(tag, step, Data::Histogram(histogram))
    }

    /// A picture, given as the bytes of a PNG file.
    pub fn image(&mut self, tag: &str, step: i64, png: &[u8]) -> Result<()> {
        self.value(tag, step, Data::Image(Image::from_png(png)?))
    }

    /// Text in Markdown.
    pub fn text(&mut self, tag: &str, step: i64, markdown: &str) -> Result<()> {
        self.value(tag, step, Data::Text(markdown.to_owned()))
    }

    /// The graph of the computation; a run has one.
    pub fn graph(&mut self, graph: Graph) -> Result<()> {
        self.event(0, What::Graph(graph))
    }

    /// Any event, with its own time.
    pub fn write(&mut self, event: &Event) -> Result<()> {
        let data = event.encode();
        if data.len() > record::MAX_RECORD_BYTES {
            return Err(Error::value(format!("an event of {} bytes is too long", data.len())));
        }
        let framed = record::frame(&data);
        let written = self.file.write_all(&framed);
        written.map_err(|error| Error::io("cannot write", &error).in_file(&self.path))?;
        self.bytes += framed.len() as u64;
        Ok(())
    }

    /// Hands all events to the system, so that TensorBoard sees them and a kill loses none.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| Error::io("cannot write", &error).in_file(&self.path))
    }

    fn value(&mut self, tag: &str, step: i64, data: Data) -> Result<()> {
        self.event(step, What::Summary(vec![Value { tag: tag.to_owned(), data }]))
    }

    fn event(&mut self, step: i64, what: What) -> Result<()> {
        self.write(&Event { wall_time: now(), step, what })
    }
}

fn now() -> f64 {
    // A clock before 1970 is wrong anyway.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

const PREFIX: &str = "events.out.tfevents.";

/// Removes the event files of a folder, those of other programs excepted. For a run that begins again where nothing of it was kept.
///
/// # Errors
/// When one cannot be removed, or the folder cannot be listed.
pub fn remove_events(folder: &Path) -> Result<()> {
    let remove = || -> io::Result<()> {
        for name in names(folder)? {
            if stamp_of(OsStr::new(&name)).is_some() && name.contains(OWN) {
                fs::remove_file(folder.join(name))?;
            }
        }
        Ok(())
    };
    remove().map_err(|error| Error::io("cannot remove event files", &error).in_file(folder))
}

/// Ends names, before the run's number.
const OWN: &str = ".gradus";

/// A file whose name sorts after those of all earlier event files: TensorBoard reads a folder in
/// the order of names, and never goes back. Files of one run share a number, the first one's.
fn open_new(folder: &Path, run: Option<&str>) -> io::Result<(File, PathBuf)> {
    fs::create_dir_all(folder)?;
    let mut stamp = now() as u64;
    for name in names(folder)? {
        if let Some(earlier) = stamp_of(OsStr::new(&name)) {
            stamp = stamp.max(earlier.saturating_add(1));
        }
    }
    loop {
        let more = run.map_or(String::new(), |run| format!(".{run}"));
        let path = folder.join(format!("{PREFIX}{stamp:010}{OWN}{more}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => stamp += 1,
            file => return Ok((file?, path)),
        }
    }
}

/// Cuts off what a run wrote after a position.
fn cut(folder: &Path, position: &Position) -> io::Result<()> {
    let later = |name: &&String| **name > position.file && run_of(name) == run_of(&position.file);
    for name in names(folder)?.iter().filter(later) {
        fs::remove_file(folder.join(name))?;
    }
    let path = folder.join(&position.file);
    match fs::metadata(&path) {
        Ok(found) if found.len() > position.bytes => {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(position.bytes)?;
            file.sync_all()
        }
        // One that somebody has removed is missed by nobody.
        _ => Ok(()),
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().into_string().ok());
    fs::read_dir(folder)?.filter_map(|entry| name(entry).transpose()).collect()
}

/// The number of the run that a file belongs to: that in the first file's name.
fn run_of(name: &str) -> &str {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    match rest.split_once(OWN) {
        Some((stamp, "")) => stamp,
        Some((_, run)) => run.trim_start_matches('.'),
        None => "",
    }
}

/// The seconds in an event file's name, for ten digits at most: more would never sort right.
fn stamp_of(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(PREFIX)?.split('.').next()?;
    digits.parse().ok().filter(|&stamp| stamp < 9_999_999_999)
}
