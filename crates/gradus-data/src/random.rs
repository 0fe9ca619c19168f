//! Random numbers as a pure function of a key. A stream of Philox words is named (seed, purpose, epoch, sample), so that
//! any sample of any epoch can be made again alone, in any order, on any thread.

use gradus_base::philox::philox;

/// What a stream is drawn for; part of its key, so that purposes never share numbers.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Shuffle = 1,
    Split = 2,
    Toy = 3,
    /// The order of batches whose samples were put together before.
    Batches = 4,
    /// Augmentation number `k` of a loader uses `Augment + k`.
    Augment = 16,
}

/// A counter-based stream of random numbers, the same bits on every platform.
#[derive(Debug, Clone)]
pub struct Rng {
    key: [u32; 2],
    /// Words 0: block number; 1 and 2: sample and epoch; 3: purpose and the high bits of sample and epoch.
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Rng {
    /// The stream of the augmentation at place `index` in a loader's list, for one sample of one epoch.
    pub fn for_augment(seed: u64, epoch: u64, sample: usize, index: usize) -> Rng {
        Rng::stream(seed, Purpose::Augment as u8 + index as u8, epoch, sample as u64)
    }

    pub(crate) fn new(seed: u64, purpose: Purpose, epoch: u64, sample: u64) -> Rng {
        Rng::stream(seed, purpose as u8, epoch, sample)
    }

    /// 40-bit samples, 48-bit epochs: their high bits share the last word with the 8-bit purpose.
    fn stream(seed: u64, purpose: u8, epoch: u64, sample: u64) -> Rng {
        let high = (purpose as u32) << 24
            | ((sample >> 32) as u32 & 0xFF) << 16
            | ((epoch >> 32) as u32 & 0xFFFF);
        Rng {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, sample as u32, epoch as u32, high],
            block: [0; 4],
            used: 4,
        }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    fn next_u64(&mut self) -> u64 {
        (self.next_u32() as u64) << 32 | self.next_u32() as u64
    }

    /// An integer in `0..bound`, without bias (Lemire 2019, arXiv:1805.10941). `bound` must be positive.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "Rng::below: found bound 0, expected a positive bound");
        let bound = bound as u64;
        loop {
            let product = self.next_u64() as u128 * bound as u128;
            // The low half falls below 2^64 mod bound exactly for the surplus draws.
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as usize;
            }
        }
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number in `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A standard normal number (Box & Muller 1958; the sine half is not used, to keep one call one draw).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Fisher and Yates's shuffle, in place.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_part_of_the_key() {
        let draw =
            |seed, purpose, epoch, sample| Rng::stream(seed, purpose, epoch, sample).next_u64();
        let all = [
            draw(0, 1, 0, 0),
            draw(1, 1, 0, 0),
            draw(1 << 32, 1, 0, 0),
            draw(0, 2, 0, 0),
            draw(0, 1, 1, 0),
            draw(0, 1, 1 << 32, 0),
            draw(0, 1, 0, 1),
            draw(0, 1, 0, 1 << 32),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn moments_are_right() {
        let mut rng = Rng::new(7, Purpose::Toy, 0, 0);
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = normals.iter().sum::<f64>() / n as f64;
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / n as f64 - mean * mean;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        let counts = (0..n).fold([0; 5], |mut counts, _| {
            counts[rng.below(5)] += 1;
            counts
        });
        assert!(counts.iter().all(|&c| (3_700..4_300).contains(&c)), "{counts:?}");
    }
}
