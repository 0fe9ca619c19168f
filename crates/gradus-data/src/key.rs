//! What a sample is, in 32 bytes: a digest of its content. On which side of a split it falls, and whether data are still those
//! of before, follows from it and not from where the sample stands.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};

/// The SHA-256 of what a sample holds, without its label. Equal samples have equal keys, whatever file they lie in.
///
/// ```
/// use gradus_data::Key;
/// let key = Key::of(b"abc");
/// assert!(key.to_string().starts_with("ba7816bf"));
/// // The same key always falls on the same side; another seed draws anew.
/// assert_eq!(key.draw("test", 1), key.draw("test", 1));
/// assert_ne!(key.draw("test", 1), key.draw("test", 2));
/// assert_ne!(key.draw("test", 1), key.draw("validation", 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Key {
        Key(Sha256::digest(bytes).into())
    }

    /// Of a file's bytes, which are read piece by piece.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(path: &Path) -> Result<Key> {
        let mut file = crate::read::open_file(path)?;
        let mut hasher = Sha256::new();
        std::io::copy(&mut file, &mut hasher).map_err(DataError::io(path, "read the file"))?;
        Ok(Key::finish(hasher))
    }

    pub(crate) fn finish(hasher: Sha256) -> Key {
        Key(hasher.finalize().into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A number from 0 to below 1, drawn by the key and a seed; draws of different streams have nothing to do with each other.
    pub fn draw(&self, stream: &str, seed: u64) -> f64 {
        let mut hasher = Sha256::new();
        feed(&mut hasher, stream.as_bytes());
        hasher.update(seed.to_le_bytes());
        hasher.update(self.0);
        let hash = Key::finish(hasher).0;
        let first = u64::from_le_bytes(hash[..8].try_into().expect("a digest has 32 bytes"));
        // 53 bits are what an f64 holds.
        (first >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A text or bytes after their length, so that nothing can move from one to the next.
pub(crate) fn feed(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}
