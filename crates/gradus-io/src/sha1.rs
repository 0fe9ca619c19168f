//! SHA-1 (FIPS 180-4 §6.1): no longer for secrets, but the checksum that ONNX states of files beside a model.

/// A running SHA-1.
pub(crate) struct Sha1 {
    state: [u32; 5],
    block: [u8; 64],
    /// Bytes taken in; those of an unfinished block lie in `block`.
    len: u64,
}

impl Default for Sha1 {
    fn default() -> Sha1 {
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        Sha1 { state, block: [0; 64], len: 0 }
    }
}

impl Sha1 {
    /// Takes in more bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = (self.len % 64) as usize;
            let (now, rest) = bytes.split_at(bytes.len().min(64 - at));
            self.block[at..at + now.len()].copy_from_slice(now);
            self.len += now.len() as u64;
            bytes = rest;
            if self.len.is_multiple_of(64) {
                self.mix();
            }
        }
    }

    /// The digest in hexadecimal.
    pub(crate) fn hex(mut self) -> String {
        let bits = 8 * self.len;
        self.update(&[0x80]);
        while self.len % 64 != 56 {
            self.update(&[0]);
        }
        self.update(&bits.to_be_bytes());
        self.state.iter().map(|word| format!("{word:08x}")).collect()
    }

    fn mix(&mut self) {
        let mut w = [0u32; 80];
        for (w, word) in w.iter_mut().zip(self.block.as_chunks::<4>().0) {
            *w = u32::from_be_bytes(*word);
        }
        for t in 16..80 {
            w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = self.state;
        for (t, w) in w.iter().enumerate() {
            let (f, k) = match t {
                ..20 => (b & c | !b & d, 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e);
            let next = next.wrapping_add(k).wrapping_add(*w);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (state, new) in self.state.iter_mut().zip([a, b, c, d, e]) {
            *state = state.wrapping_add(new);
        }
    }
}

/// The examples of FIPS 180, whole and in pieces.
#[test]
fn known_digests() {
    let of = |bytes: &[u8], piece: usize| {
        let mut sha1 = Sha1::default();
        bytes.chunks(piece).for_each(|piece| sha1.update(piece));
        sha1.hex()
    };
    let million = vec![b'a'; 1_000_000];
    for piece in [1, 7, 64, 1000] {
        assert_eq!(of(b"", piece), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(of(b"abc", piece), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let two = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(of(two, piece), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert_eq!(of(&million, piece), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }
}
