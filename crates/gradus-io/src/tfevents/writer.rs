//! The event file of a run, and what a resumed run does to the files before it: nothing. It opens
//! a new one that declares later steps of the old ones void.

use super::{Data, Event, Graph, Histogram, Image, Value, What, record};
use crate::{Error, Result};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes an event file. Events are buffered; [`EventWriter::flush`] hands them to the system, and
/// so does dropping.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<File>,
    path: PathBuf,
}

impl EventWriter {
    /// Starts a new event file in `folder`, which is created if need be.
    pub fn create(folder: &Path) -> Result<EventWriter> {
        EventWriter::resume(folder, 0)
    }

    /// Starts a new event file for a run that goes on at `step`: TensorBoard drops what earlier
    /// files say of this step and later ones.
    pub fn resume(folder: &Path, step: i64) -> Result<EventWriter> {
        let (file, path) = open_new(folder)
            .map_err(|error| Error::io("cannot create an event file", &error).in_file(folder))?;
        let mut writer = EventWriter { file: BufWriter::new(file), path };
        writer.event(0, What::FileVersion("brain.Event:2".to_owned()))?;
        // In the first file too: TensorBoard takes the first start it meets for no restart.
        writer.event(step, What::Start)?;
        writer.flush()?;
        Ok(writer)
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
        let written = self.file.write_all(&record::frame(&data));
        written.map_err(|error| Error::io("cannot write", &error).in_file(&self.path))
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

/// A file whose name sorts after those of all earlier event files: TensorBoard reads a folder in
/// the order of names, and never goes back.
fn open_new(folder: &Path) -> io::Result<(File, PathBuf)> {
    std::fs::create_dir_all(folder)?;
    let mut stamp = now() as u64;
    for entry in std::fs::read_dir(folder)? {
        if let Some(earlier) = stamp_of(&entry?.file_name()) {
            stamp = stamp.max(earlier.saturating_add(1));
        }
    }
    loop {
        let path = folder.join(format!("{PREFIX}{stamp:010}.gradus"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => stamp += 1,
            file => return Ok((file?, path)),
        }
    }
}

/// The seconds in an event file's name, for ten digits at most: more would never sort right.
fn stamp_of(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(PREFIX)?.split('.').next()?;
    digits.parse().ok().filter(|&stamp| stamp < 9_999_999_999)
}
