//! TensorBoard event files: records of checksummed protobuf messages, appended as a run goes.
//!
//! `record` frames, `wire` encodes protobuf, `message` knows the field numbers, `histogram` the
//! buckets, `writer` files and steps. Everything written can be read back by [`parse`].

mod graph;
mod histogram;
mod message;
mod record;
mod writer;

pub use graph::{Graph, Node};
pub use histogram::Histogram;
pub use message::{Data, Event, Image, Value, What};
pub use record::MAX_RECORD_BYTES;
pub use writer::{EventWriter, Position, remove_events};

use crate::Result;
use std::path::Path;

/// The events of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// In the order they were written.
    pub events: Vec<Event>,
    /// Whether the file ends within a record, as after a kill.
    pub torn: bool,
}

/// Parses an event file. A record cut off by the end of the file is dropped; a wrong checksum is
/// an error.
pub fn parse(bytes: &[u8]) -> Result<Events> {
    let mut events = Events::default();
    let mut records = record::Records::new(bytes);
    while let Some(data) = records.next()? {
        events.events.push(Event::parse(data)?);
    }
    events.torn = records.torn();
    Ok(events)
}

/// Reads an event file.
pub fn read(path: &Path) -> Result<Events> {
    let bytes = crate::read_file(path)?;
    parse(&bytes).map_err(|error| error.in_file(path))
}
