//! CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's own instruction where it has one: the checksum of TensorBoard's
//! records and of checkpoints.

/// A running CRC-32C.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc32c(u32);

impl Crc32c {
    /// The checksum of `bytes`.
    ///
    /// ```
    /// assert_eq!(gradus_io::Crc32c::of(b"123456789"), 0xe306_9283);
    /// ```
    pub fn of(bytes: &[u8]) -> u32 {
        crc32c::crc32c(bytes)
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    /// The checksum so far.
    pub fn value(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3720 B.4.
    #[test]
    fn known_checksums() {
        assert_eq!(Crc32c::of(&[0; 32]), 0x8a91_36aa);
        assert_eq!(Crc32c::of(&[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(Crc32c::of(&ascending), 0x46dd_794e);
    }

    /// Long enough for the three lanes that the instruction is run in.
    #[test]
    fn pieces_give_the_checksum_of_the_whole() {
        let bytes: Vec<u8> =
            (0..30_000u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
        let by_bit = !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
        });
        assert_eq!(Crc32c::of(&bytes), by_bit);
        for cut in (0..bytes.len()).step_by(997) {
            let mut crc = Crc32c::default();
            crc.update(&bytes[..cut]);
            crc.update(&bytes[cut..]);
            assert_eq!(crc.value(), by_bit);
        }
    }
}
