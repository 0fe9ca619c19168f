//! Whole numbers drawn by a seed: the same ones on every machine.

/// A source of numbers (SplitMix64, Steele et al. 2014).
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u32) -> Draw {
        Draw(u64::from(seed).wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    /// A number from `least` to `most`.
    pub(super) fn whole(&mut self, least: i64, most: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        least + (mixed >> 33) as i64 % (most - least + 1)
    }
}
