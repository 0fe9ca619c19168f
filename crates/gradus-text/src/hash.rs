//! Hash maps whose keys are packed integers: one multiplication instead of a hash that withstands attacks.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from packed integers; in which order it is walked means nothing.
pub(crate) type PackedMap<V> = HashMap<u64, V, BuildHasherDefault<Mixed>>;

/// Two numbers as one key.
pub(crate) fn packed(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The high and low halves of a product by 2⁶⁴/φ.
#[derive(Default)]
pub(crate) struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }
    fn write_u64(&mut self, key: u64) {
        let product = u128::from(self.0 ^ key) * 0x9E37_79B9_7F4A_7C15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}
