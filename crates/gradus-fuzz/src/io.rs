//! Targets of gradus-io: safetensors, checkpoints, npy and npz, event files, logs.

use crate::readable;
use gradus_io::numpy::{Limits, parse_npy, parse_npz, write_npy, write_npz};
use gradus_io::safetensors::{Contents, parse as parse_safetensors, write as write_safetensors};
use gradus_io::tfevents::{self, Event};
use gradus_io::{Checkpoint, Crc32c, DType, NamedArray, Result, Storage};
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

/// The value, or `None` after a look at the message.
fn accepted<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| readable(error)).ok()
}

fn by_name(mut arrays: Vec<NamedArray>) -> Vec<NamedArray> {
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    arrays
}

/// A safetensors file.
pub(crate) fn safetensors(bytes: &[u8]) -> bool {
    let Some(Contents { metadata, arrays }) = accepted(parse_safetensors(bytes)) else {
        return false;
    };
    let mut written = vec![];
    write_safetensors(&mut written, &metadata, &arrays).expect("what was read can be written");
    let again = parse_safetensors(&written).expect("what was written is read");
    assert_eq!(again.metadata, metadata);
    assert_eq!(by_name(again.arrays), by_name(arrays));
    true
}

/// A checkpoint; and, so that its checksum hides nothing, a checkpoint of whatever a safetensors file holds.
pub(crate) fn checkpoint(bytes: &[u8]) -> bool {
    let read = accepted(Checkpoint::parse(bytes));
    read.iter().for_each(check_checkpoint);
    let Ok(contents) = parse_safetensors(bytes) else { return false };
    let mut sealed = Checkpoint::new(contents.arrays);
    for (key, text) in &contents.metadata {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        accepted(sealed.set(key, &value));
    }
    check_checkpoint(&sealed);
    read.is_some()
}

fn check_checkpoint(checkpoint: &Checkpoint) {
    let memory = Memory::default();
    checkpoint.save_on(&memory, Path::new("x")).expect("what was read can be written");
    let again = Checkpoint::parse(&memory.0.borrow()).expect("what was written is read");
    for key in checkpoint.keys() {
        // serde_json refuses a few numbers it writes: those beyond f64 come back as an error, not as another number.
        let [old, new] = [checkpoint, &again].map(|c| c.get::<serde_json::Value>(key));
        if let (Some(old), Some(new)) = (accepted(old), accepted(new)) {
            assert_eq!(old, new);
        }
        accepted(checkpoint.get::<(u64, usize)>(key));
    }
    assert_eq!(by_name(again.arrays.clone()), by_name(checkpoint.arrays.clone()));
    let wanted =
        gradus_io::checkpoint::Expected { name: "w".into(), dtype: DType::F32, shape: vec![2] };
    accepted(checkpoint.expect(&[wanted]));
}

/// A disk of one file, in memory.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Memory {
    type File = Memory;
    fn create(&self, _: &Path) -> io::Result<Memory> {
        Ok(self.clone())
    }
    fn sync(&self, _: &Memory) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// One array of NumPy's.
pub(crate) fn npy(bytes: &[u8]) -> bool {
    let Some(array) = accepted(parse_npy("x", bytes)) else { return false };
    array.check().expect("it fits its shape");
    let mut written = vec![];
    if accepted(write_npy(&mut written, &array)).is_some() {
        assert_eq!(parse_npy("x", &written).expect("what was written is read"), array);
    }
    true
}

/// An archive of arrays.
pub(crate) fn npz(bytes: &[u8]) -> bool {
    let limits = Limits { members: 16, unpacked_bytes: Some(1 << 20), ..Limits::default() };
    let Some(arrays) = accepted(parse_npz(bytes, limits)) else { return false };
    if let Some(written) = accepted(write_npz(&arrays)) {
        let again = parse_npz(&written, Limits::default()).expect("what was written is read");
        assert_eq!(again, arrays);
    }
    true
}

/// A TensorBoard event file; and, so that its checksums hide nothing, a file with one record of the bytes.
pub(crate) fn events(bytes: &[u8]) -> bool {
    let file = accepted(tfevents::parse(bytes));
    accepted(Event::parse(bytes));
    let mut framed = frame(bytes);
    let whole = accepted(tfevents::parse(&framed));
    assert_eq!(whole.is_some(), Event::parse(bytes).is_ok());
    framed.pop();
    let cut = tfevents::parse(&framed).expect("a torn record is dropped");
    assert!(cut.torn && cut.events.is_empty());
    file.is_some_and(|file| !file.torn)
}

/// A record as TensorFlow frames it: the length, the data, and a checksum of each.
pub fn frame(data: &[u8]) -> Vec<u8> {
    let masked = |bytes: &[u8]| Crc32c::of(bytes).rotate_right(15).wrapping_add(0xa282_ead8);
    let len = (data.len() as u64).to_le_bytes();
    [&len[..], &masked(&len).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

/// A log of JSON lines, as a file is read and as it is mended before more is appended.
pub(crate) fn log(bytes: &[u8]) -> bool {
    let Some(log) = accepted(gradus_io::log::parse_json_lines(bytes)) else { return false };
    let text: String = log.records.iter().map(|record| format!("{record}\n")).collect();
    let again =
        gradus_io::log::parse_json_lines(text.as_bytes()).expect("what was written is read");
    assert_eq!((again.records, again.torn), (log.records, false));
    !log.torn
}
