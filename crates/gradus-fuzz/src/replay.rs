//! The files of `fuzz/corpus`, and what a bad disk or a broken download makes of them.

use crate::Target;
use std::fs;
use std::path::{Path, PathBuf};

/// Cuts and flips of each file.
const DAMAGES: usize = 48;

/// The files of a target, in order.
///
/// # Panics
/// When its folder cannot be read.
pub fn files(target: &Target) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Whether a target must accept the file: `valid-*`. The others once broke one.
pub fn is_valid(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"valid-"))
}

/// The bytes cut at many places, and each time with another bit flipped.
pub fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..DAMAGES).flat_map(|i| {
        // 2654435761 ≈ 2³²/φ: multiples of it are spread evenly.
        let bit = i.wrapping_mul(2_654_435_761) % (8 * whole.len()).max(1);
        let mut flipped = whole.to_vec();
        if let Some(byte) = flipped.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        [whole[..whole.len() * i / DAMAGES].to_vec(), flipped]
    })
}
