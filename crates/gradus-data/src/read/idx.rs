//! IDX, the format of MNIST and Fashion-MNIST: two zero bytes, an element type, the number of axes, the big-endian
//! sizes, the elements. Raw or gzip-compressed; unsigned bytes (type 0x08) only, as in all published sets.

use std::io::Read;
use std::path::Path;

use flate2::bufread::GzDecoder;

use crate::error::{DataError, Place, Result};
use crate::image_set::ImageDataset;
use crate::read::read_file;

const UNSIGNED_BYTE: u8 = 0x08;
/// What compressed files may become: pictures shrink by less than this factor, and of a small file so many bytes are no harm.
const MAX_INFLATION: u64 = 64;
const FREE: u64 = 64 << 20;

/// An array of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// The elements, last axis fastest.
    pub data: Vec<u8>,
}

/// Reads an IDX file, compressed or not.
pub fn read_idx(path: &Path) -> Result<Idx> {
    parse_idx(&read_file(path)?, &path.display().to_string())
}

/// Reads a file of images (`[n, h, w]`, or `[n, c, h, w]`) and its file of labels.
pub fn read_idx_images(images: &Path, labels: &Path, classes: &[String]) -> Result<ImageDataset> {
    let images_name = images.display().to_string();
    let labels_name = labels.display().to_string();
    combine(read_idx(images)?, &images_name, read_idx(labels)?, &labels_name, classes)
}

/// Joins images and labels to a data set.
pub(crate) fn combine(
    images: Idx,
    images_name: &str,
    labels: Idx,
    labels_name: &str,
    classes: &[String],
) -> Result<ImageDataset> {
    let (n, shape) = match images.shape[..] {
        [n, h, w] => (n, [1, h, w]),
        [n, c, h, w] => (n, [c, h, w]),
        _ => {
            return Err(DataError::malformed(
                images_name,
                Place::Byte(3),
                format!("sizes {:?}", images.shape),
                "images [n, h, w] or [n, c, h, w]",
            ));
        }
    };
    if labels.shape != [n] {
        return Err(DataError::malformed(
            labels_name,
            Place::Whole,
            format!("labels of shape {:?}", labels.shape),
            format!("[{n}], one for each image of {images_name}"),
        ));
    }
    let labels: Vec<i64> = labels.data.iter().map(|&l| l as i64).collect();
    crate::image_set::check_labels(labels_name, &labels, classes.len())?;
    ImageDataset::new(images_name, shape, images.data, labels, classes.to_vec())
}

/// Parses IDX bytes, compressed or not; `name` is the file's name in errors.
pub fn parse_idx(bytes: &[u8], name: &str) -> Result<Idx> {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let capacity = bytes.len() as u64 * MAX_INFLATION + FREE;
        parse(Source { name, reader: GzDecoder::new(bytes), offset: 0 }, capacity)
    } else {
        parse(Source { name, reader: bytes, offset: 0 }, bytes.len() as u64)
    }
}

/// The bytes of an IDX file with this content, uncompressed.
pub fn encode_idx(idx: &Idx) -> Vec<u8> {
    let mut bytes = vec![0, 0, UNSIGNED_BYTE, idx.shape.len() as u8];
    for &size in &idx.shape {
        bytes.extend_from_slice(&(size as u32).to_be_bytes());
    }
    bytes.extend_from_slice(&idx.data);
    bytes
}

/// `capacity`: no more bytes than this can come out of the reader.
fn parse<R: Read>(mut source: Source<'_, R>, capacity: u64) -> Result<Idx> {
    let name = source.name;
    let magic = source.take(4, "a 4-byte IDX header")?;
    if magic[..2] != [0, 0] {
        return Err(DataError::malformed(
            name,
            Place::Byte(0),
            format!("{:02x} {:02x}", magic[0], magic[1]),
            "00 00, the start of an IDX file",
        ));
    }
    if magic[2] != UNSIGNED_BYTE {
        return Err(DataError::malformed(
            name,
            Place::Byte(2),
            format!("element type 0x{:02x}", magic[2]),
            "0x08 (unsigned byte)",
        ));
    }
    let axes = magic[3] as usize;
    let sizes = source.take(4 * axes, "the sizes of the axes")?;
    let shape: Vec<usize> = sizes
        .chunks_exact(4)
        .map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]) as usize)
        .collect();
    let len = shape.iter().try_fold(1u64, |len, &size| len.checked_mul(size as u64));
    let Some(len) = len.filter(|&len| len <= capacity) else {
        return Err(DataError::malformed(
            name,
            Place::Byte(4),
            format!("sizes {shape:?}"),
            format!("sizes whose product is at most {capacity}, what this file can hold"),
        ));
    };
    let data = source.take(len as usize, &format!("{len} elements of shape {shape:?}"))?;
    source.end()?;
    Ok(Idx { shape, data })
}

/// A reader that knows its file's name and where it is.
struct Source<'a, R> {
    name: &'a str,
    reader: R,
    offset: u64,
}

impl<R: Read> Source<'_, R> {
    /// Exactly `n` bytes; memory grows with what arrives, not with `n`.
    fn take(&mut self, n: usize, what: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let outcome = self.reader.by_ref().take(n as u64).read_to_end(&mut bytes);
        self.offset += bytes.len() as u64;
        let at = Place::Byte(self.offset);
        if let Err(error) = outcome {
            return Err(DataError::malformed(
                self.name,
                at,
                format!("corrupt gzip data ({error})"),
                what,
            ));
        }
        if bytes.len() < n {
            let found = format!("the end of the file, {} of {n} bytes there", bytes.len());
            return Err(DataError::malformed(self.name, at, found, what));
        }
        Ok(bytes)
    }

    /// Nothing may follow; reading the end also makes gzip check its sum.
    fn end(&mut self) -> Result<()> {
        let at = Place::Byte(self.offset);
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(DataError::malformed(self.name, at, "more data", "the end of the file")),
            Err(error) => Err(DataError::malformed(
                self.name,
                at,
                format!("corrupt gzip data ({error})"),
                "the end of the file",
            )),
        }
    }
}
