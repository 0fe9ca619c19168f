//! What data were, in a few characters: enough to see later whether they are the same, or the same in another order.

use sha2::{Digest, Sha256};

use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::key::{Key, feed};
use crate::target::{Targets, target_of};

/// What of its samples a fingerprint was taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// All that they hold.
    Whole,
    /// The names and sizes of their files, of which there is more than was to be read.
    NamesAndSizes,
}

/// What data were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of columns, classes, and every sample with its label or target, in their order.
    pub ordered: String,
    /// Of the same, whatever the order of the samples.
    pub unordered: String,
    /// What of the samples was looked at.
    pub content: Content,
}

/// The fingerprint of data in one or several parts, such as `train` and `test`. Of samples in files that hold more than `most`
/// bytes together only names and sizes are looked at.
///
/// ```
/// use gradus_data::{CsvOptions, TabularDataset, fingerprint, parse_csv};
/// let of = |text: &str| {
///     let table = parse_csv(text.as_bytes(), "t.csv", &CsvOptions::default())?;
///     fingerprint(&[("all", &TabularDataset::new(table, "t.csv", None)?)], 1 << 30)
/// };
/// let first = of("x,y,label\n1,2,a\n3,4,b\n")?;
/// assert_eq!(first, of("y,x,label\n2,1.0,a\n4,3,b\n")?); // columns are known by their names
/// let sorted = of("x,y,label\n3,4,b\n1,2,a\n")?;
/// assert_eq!((first.unordered == sorted.unordered, first.ordered == sorted.ordered), (true, false));
/// assert_ne!(first.unordered, of("x,y,label\n1,2,b\n3,4,b\n")?.unordered);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// When a sample cannot be read.
pub fn fingerprint(parts: &[(&str, &dyn Dataset)], most: u64) -> Result<Fingerprint> {
    let mut bytes = 0u64;
    for (_, data) in parts {
        for index in 0..data.len() {
            bytes = bytes.saturating_add(file_size(*data, index)?);
        }
    }
    let content = if bytes > most { Content::NamesAndSizes } else { Content::Whole };
    let mut ordered = Sha256::new();
    let mut sum = 0u128;
    for (name, data) in parts {
        head(&mut ordered, name, *data);
        for index in 0..data.len() {
            let key = match content {
                Content::Whole => data.key(index)?,
                Content::NamesAndSizes => name_and_size(*data, index)?,
            };
            let mut sample = Sha256::new();
            feed(&mut sample, name.as_bytes());
            sample.update(data.label(index).to_le_bytes());
            // −0 is 0: as numbers they are equal.
            let target = target_of(*data, index);
            target.iter().for_each(|x| sample.update((x + 0.0).to_bits().to_le_bytes()));
            sample.update(key.as_bytes());
            let sample = Key::finish(sample);
            ordered.update(sample.as_bytes());
            let half = sample.as_bytes()[..16].try_into().expect("a digest has 32 bytes");
            sum = sum.wrapping_add(u128::from_le_bytes(half));
        }
    }
    let mut unordered = Sha256::new();
    parts.iter().for_each(|(name, data)| head(&mut unordered, name, *data));
    unordered.update(sum.to_le_bytes());
    let text = |hasher| Key::finish(hasher).to_string();
    Ok(Fingerprint { ordered: text(ordered), unordered: text(unordered), content })
}

/// What holds for a part as a whole.
fn head(hasher: &mut Sha256, name: &str, data: &dyn Dataset) {
    feed(hasher, name.as_bytes());
    hasher.update((data.len() as u64).to_le_bytes());
    let mut columns = data.columns().map_or(vec![], |columns| columns.features.clone());
    columns.sort();
    for list in [&columns[..], data.classes()] {
        hasher.update((list.len() as u64).to_le_bytes());
        list.iter().for_each(|name| feed(hasher, name.as_bytes()));
    }
    if let Targets::Numbers(names) = data.targets() {
        names.iter().for_each(|name| feed(hasher, name.as_bytes()));
    }
}

fn file_size(data: &dyn Dataset, index: usize) -> Result<u64> {
    let Some(path) = data.file(index) else { return Ok(0) };
    Ok(std::fs::metadata(path).map_err(DataError::io(path, "open the file"))?.len())
}

/// Of a file: its name, that of its folder, and its size; of what is in memory all.
fn name_and_size(data: &dyn Dataset, index: usize) -> Result<Key> {
    let Some(path) = data.file(index) else { return data.key(index) };
    let mut bytes = vec![];
    for name in path.iter().rev().take(2) {
        bytes.extend_from_slice(name.to_string_lossy().as_bytes());
        bytes.push(0);
    }
    bytes.extend_from_slice(&file_size(data, index)?.to_le_bytes());
    Ok(Key::of(&bytes))
}
