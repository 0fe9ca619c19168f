//! Philox4x32-10: random bits as a pure function of a counter and a key.   Salmon et al. 2011, "Parallel random numbers:
//! as easy as 1, 2, 3" §3.3
//!
//! A random number of Gradus is named by (seed, stream, step, element): the seed is the key, the rest the counter. So it does
//! not matter which thread draws it, or when.

/// Four random words for a counter and a key.
///
/// ```
/// use gradus_base::philox::philox;
/// assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
#[inline(always)]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// A word as a number in [0, 1), all of its 24 leading bits used: exact in f32.
#[inline(always)]
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The words of one stream at one step, drawn in order.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    stream: u32,
    step: u32,
    next: u64,
    block: [u32; 4],
}

impl Stream {
    /// The words that `(seed, stream, step)` names.
    pub fn new(seed: u64, stream: u32, step: u32) -> Stream {
        let key = [seed as u32, (seed >> 32) as u32];
        Stream { key, stream, step, next: 0, block: [0; 4] }
    }

    /// Goes on with the word of this number, counted from 0.
    pub fn seek(&mut self, word: u64) {
        self.next = word;
        if !word.is_multiple_of(4) {
            self.block = self.at(word);
        }
    }

    /// The block that a word lies in.
    fn at(&self, word: u64) -> [u32; 4] {
        let counter = [(word / 4) as u32, (word >> 34) as u32, self.stream, self.step];
        philox(counter, self.key)
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        let lane = (self.next % 4) as usize;
        if lane == 0 {
            self.block = self.at(self.next);
        }
        self.next += 1;
        self.block[lane]
    }

    /// The next number in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        let (high, low) = (u64::from(self.word()), u64::from(self.word()));
        ((high << 21) ^ (low >> 11)) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// The next standard normal number (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
    }

    /// The next integer in 0..n, unbiased (Lemire 2019, arXiv:1805.10941).
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "below 0");
        let least = n.wrapping_neg() % n;
        loop {
            let m = u64::from(self.word()) * u64::from(n);
            if m as u32 >= least {
                return (m >> 32) as u32;
            }
        }
    }

    /// The numbers 0..n in random order (Fisher & Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i as u32 + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with Random123.
    #[test]
    fn known_answers() {
        assert_eq!(philox([!0; 4], [!0; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        let counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
        let key = [0xa4093822, 0x299f31d0];
        assert_eq!(philox(counter, key), [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
    }

    #[test]
    fn seeking_gives_the_same_words() {
        let mut in_order = Stream::new(7, 1, 2);
        let words: Vec<u32> = (0..11).map(|_| in_order.word()).collect();
        for from in [0, 3, 4, 9] {
            let mut s = Stream::new(7, 1, 2);
            s.seek(from as u64);
            assert_eq!((from..11).map(|_| s.word()).collect::<Vec<_>>(), words[from..]);
        }
    }

    #[test]
    fn moments_and_ranges() {
        let mut s = Stream::new(7, 1, 2);
        let n = 20_000;
        let normal: Vec<f64> = (0..n).map(|_| s.normal()).collect();
        let mean = normal.iter().sum::<f64>() / n as f64;
        let var = normal.iter().map(|x| x * x).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "{mean} {var}");
        let mut seen = s.permutation(100);
        assert_ne!(seen, (0..100).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }
}
