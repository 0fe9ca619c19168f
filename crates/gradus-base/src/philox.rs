//! Philox4x32-10: random bits as a pure function of a counter and a key.   Salmon et al. 2011, "Parallel random numbers:
//! as easy as 1, 2, 3" §3.3
//!
//! A random number of Gradus is named by (seed, stream, step, element): the seed is the key, the rest the counter. So it does
//! not matter which thread draws it, or when.

use std::f64::consts::TAU;

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

/// Random numbers drawn in order: the words of one stream, the same on every platform.
///
/// ```
/// use gradus_base::philox::Rng;
/// let mut rng = Rng::new(7, 1, 2);
/// let first = rng.next_u32();
/// assert!((0.0..1.0).contains(&rng.unit()) && rng.below(6) < 6);
/// rng.seek(0);
/// assert_eq!(rng.next_u32(), first);
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    key: [u32; 2],
    /// Words 1 to 3 of the first block's counter; its word 0 is 0.
    counter: [u32; 3],
    next: u64,
    block: [u32; 4],
}

impl Rng {
    /// The stream that `(seed, stream, step)` names.
    pub fn new(seed: u64, stream: u32, step: u32) -> Rng {
        Rng::from_counter(seed, [0, stream, step])
    }

    /// The stream whose blocks have these words 1 to 3 in their counters. Word 0 counts blocks, and goes over into word 1 after
    /// 2³² of them.
    pub fn from_counter(seed: u64, counter: [u32; 3]) -> Rng {
        let key = [seed as u32, (seed >> 32) as u32];
        Rng { key, counter, next: 0, block: [0; 4] }
    }

    /// Goes on with the word of this number, counted from 0.
    pub fn seek(&mut self, word: u64) {
        self.next = word;
        if !word.is_multiple_of(4) {
            self.block = self.at(word);
        }
    }

    /// The block that a word lies in.
    #[inline]
    fn at(&self, word: u64) -> [u32; 4] {
        let [high, stream, step] = self.counter;
        let high = high.wrapping_add((word >> 34) as u32);
        philox([(word / 4) as u32, high, stream, step], self.key)
    }

    /// The next 32 random bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        let lane = (self.next % 4) as usize;
        if lane == 0 {
            self.block = self.at(self.next);
        }
        self.next += 1;
        self.block[lane]
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    /// A number in `[0, 1)` with 53 random bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number in `[low, high)`.
    #[inline]
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A standard normal number (Box & Muller 1958; the sine half is not used, to keep one call one draw).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(TAU * self.unit())
    }

    /// As [`Rng::normal`], by the standard library's functions, whose last bits are the platform's: initial weights are drawn so.
    pub fn normal_std(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// An integer in `0..bound`, without bias (Lemire 2019, arXiv:1805.10941).
    ///
    /// # Panics
    /// If `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "Rng::below: found bound 0, expected a positive bound");
        let bound = bound as u64;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            // The low half falls below 2^64 mod bound exactly for the surplus draws.
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as usize;
            }
        }
    }

    /// As [`Rng::below`], of 32 bits each.
    fn below_u32(&mut self, bound: u32) -> u32 {
        loop {
            let product = u64::from(self.next_u32()) * u64::from(bound);
            if product as u32 >= bound.wrapping_neg() % bound {
                return (product >> 32) as u32;
            }
        }
    }

    /// Puts items in random order (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// The numbers 0..n in random order (Fisher & Yates), of half the words that [`Rng::shuffle`] takes.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below_u32(i as u32 + 1) as usize);
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
        let mut in_order = Rng::new(7, 1, 2);
        let words: Vec<u32> = (0..11).map(|_| in_order.next_u32()).collect();
        for from in [0, 3, 4, 9] {
            let mut s = Rng::new(7, 1, 2);
            s.seek(from as u64);
            assert_eq!((from..11).map(|_| s.next_u32()).collect::<Vec<_>>(), words[from..]);
        }
    }

    #[test]
    fn words_lie_where_the_counter_says() {
        let key = [7, 1];
        let block = |counter| philox(counter, key);
        let mut rng = Rng::from_counter(7 | 1 << 32, [5, 6, 9]);
        let words: Vec<u32> = (0..8).map(|_| rng.next_u32()).collect();
        assert_eq!(words, [block([0, 5, 6, 9]), block([1, 5, 6, 9])].concat());
        rng.seek(1 << 34);
        assert_eq!(rng.next_u32(), block([0, 6, 6, 9])[0]);
    }

    #[test]
    fn moments_and_ranges() {
        let n = 20_000;
        for normal in [Rng::normal, Rng::normal_std] {
            let mut rng = Rng::new(7, 1, 2);
            let drawn: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
            let mean = drawn.iter().sum::<f64>() / n as f64;
            let var = drawn.iter().map(|x| x * x).sum::<f64>() / n as f64;
            assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "{mean} {var}");
        }
        let mut rng = Rng::new(7, 1, 2);
        let counts = (0..n).fold([0; 5], |mut counts, _| {
            counts[rng.below(5)] += 1;
            counts
        });
        assert!(counts.iter().all(|&c| (3_700..4_300).contains(&c)), "{counts:?}");
    }

    #[test]
    fn orders_hold_every_number_once() {
        let mut rng = Rng::new(7, 1, 2);
        let sorted: Vec<usize> = (0..100).collect();
        let mut shuffled = sorted.clone();
        rng.shuffle(&mut shuffled);
        for mut order in [shuffled, rng.permutation(100)] {
            assert_ne!(order, sorted);
            order.sort_unstable();
            assert_eq!(order, sorted);
        }
    }
}
