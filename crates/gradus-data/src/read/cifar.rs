//! CIFAR-10 and CIFAR-100, binary version: records of one or two label bytes and 3×32×32 pixel bytes, plane by plane.

use std::path::Path;

use crate::error::{DataError, Place, Result};
use crate::image_set::ImageDataset;
use crate::read::read_file;

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;

/// Names of CIFAR-10's classes.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Which of CIFAR-100's two labels to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar100Labels {
    /// The 20 superclasses.
    Coarse,
    /// The 100 classes.
    Fine,
}

/// Parses one CIFAR-10 batch file; `name` is the file's name in errors.
pub fn parse_cifar10(bytes: &[u8], name: &str) -> Result<ImageDataset> {
    let classes = CIFAR10_CLASSES.iter().map(|c| c.to_string()).collect();
    parse_records(bytes, name, 1, 0, classes)
}

/// Parses a CIFAR-100 file; its classes are numbered, since the binary files do not hold their names.
pub fn parse_cifar100(bytes: &[u8], name: &str, labels: Cifar100Labels) -> Result<ImageDataset> {
    let (which, count) = match labels {
        Cifar100Labels::Coarse => (0, 20),
        Cifar100Labels::Fine => (1, 100),
    };
    parse_records(bytes, name, 2, which, (0..count).map(|c: usize| c.to_string()).collect())
}

/// Reads CIFAR-10 batch files as one set.
pub fn read_cifar(paths: &[&Path]) -> Result<ImageDataset> {
    let Some((first, rest)) = paths.split_first() else {
        return Err(DataError::invalid("CIFAR-10 files", "none", "at least one"));
    };
    let read = |path: &Path| parse_cifar10(&read_file(path)?, &path.display().to_string());
    rest.iter().try_fold(read(first)?, |all, path| all.concat(&read(path)?))
}

/// Records of `label_bytes` labels, of which label `which` counts, and the pixels.
fn parse_records(
    bytes: &[u8],
    name: &str,
    label_bytes: usize,
    which: usize,
    classes: Vec<String>,
) -> Result<ImageDataset> {
    let record = label_bytes + PIXELS;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(DataError::malformed(
            name,
            Place::Byte((bytes.len() / record * record) as u64),
            format!(
                "{} of {record} bytes of record {}",
                bytes.len() % record,
                bytes.len() / record
            ),
            format!("a positive number of whole records of {record} bytes"),
        ));
    }
    let n = bytes.len() / record;
    let mut pixels = Vec::with_capacity(n * PIXELS);
    let mut labels = Vec::with_capacity(n);
    for record in bytes.chunks_exact(record) {
        labels.push(record[which] as i64);
        pixels.extend_from_slice(&record[label_bytes..]);
    }
    ImageDataset::new(name, SHAPE, pixels, labels, classes)
}
