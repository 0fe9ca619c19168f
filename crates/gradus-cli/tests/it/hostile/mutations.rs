//! What may become of a file: by a bad disk, a broken download, or somebody who means harm.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Numbers that look random and are the same each time.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to `n` - 1.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n.max(1) as u64) as usize
    }
}

/// A change of a file, by name.
pub(super) type Mutation = (&'static str, fn(&Path, &[u8], &mut Random));

/// Each of them, the commonest first.
pub(super) const MUTATIONS: &[Mutation] = &[
    ("truncate", |path, bytes, r| put(path, &bytes[..r.below(bytes.len())])),
    ("flip", |path, bytes, r| put(path, &flipped(bytes, 1, r))),
    ("huge", |path, bytes, r| put(path, &with_huge_number(bytes, r))),
    ("splice", |path, bytes, r| put(path, &spliced(bytes, r))),
    ("zeros", |path, bytes, r| put(path, &with_zeros(bytes, r))),
    ("flips", |path, bytes, r| put(path, &flipped(bytes, 12, r))),
    ("empty", |path, _, _| put(path, b"")),
    ("folder", |path, _, _| fs::create_dir(path).unwrap()),
    ("pipe", |path, _, _| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }),
    ("loop", |path, _, _| symlink(path.file_name().unwrap(), path).unwrap()),
    ("device", |path, _, _| symlink("/dev/zero", path).unwrap()),
    ("unreadable", |path, bytes, _| {
        put(path, bytes); // a superuser reads it all the same
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }),
];

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

fn flipped(bytes: &[u8], bits: usize, r: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..bits.min(8 * bytes.len()) {
        let at = r.below(bytes.len());
        bytes[at] ^= 1 << r.below(8);
    }
    bytes
}

/// A part of the file once more, in another place.
fn spliced(bytes: &[u8], r: &mut Random) -> Vec<u8> {
    let (from, to) = (r.below(bytes.len()), r.below(bytes.len()));
    let len = 1 + r.below((bytes.len() - from).min(4096));
    [&bytes[..to], &bytes[from..(from + len).min(bytes.len())], &bytes[to..]].concat()
}

fn with_zeros(bytes: &[u8], r: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let from = r.below(bytes.len());
    let end = (from + 1 + r.below(64)).min(bytes.len());
    bytes[from..end].fill(0);
    bytes
}

/// One number of a text, or some bytes that may be one, as large as it can be.
fn with_huge_number(bytes: &[u8], r: &mut Random) -> Vec<u8> {
    const TEXTS: [&str; 6] =
        ["99999999999", "18446744073709551615", "-1", "1e999", "4294967295", "nan"];
    const WORDS: [u64; 5] = [u64::MAX, 1 << 31, 0x7fff_ffff, 1 << 40, 0x7fff_ffff_ffff_ffff];
    let is_text = bytes.iter().filter(|byte| byte.is_ascii_graphic()).count() * 3 > bytes.len() * 2;
    let digits: Vec<usize> =
        (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()).take(4096).collect();
    if is_text && !digits.is_empty() {
        let at = digits[r.below(digits.len())];
        return [&bytes[..at], TEXTS[r.below(6)].as_bytes(), &bytes[at + 1..]].concat();
    }
    let mut bytes = bytes.to_vec();
    let (word, size) = (WORDS[r.below(5)].to_le_bytes(), [1, 2, 4, 8][r.below(4)]);
    // What counts lies at the beginning or at the end.
    let near = r.below(bytes.len().min(512));
    let at = if r.below(3) == 0 { bytes.len() - 1 - near } else { near };
    let end = (at + size).min(bytes.len());
    bytes[at..end].copy_from_slice(&word[..end - at]);
    bytes
}
