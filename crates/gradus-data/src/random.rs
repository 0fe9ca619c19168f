//! Random numbers as a pure function of a key. A stream of Philox words is named (seed, purpose, epoch, sample), so that
//! any sample of any epoch can be made again alone, in any order, on any thread.

pub use gradus_base::philox::Rng;

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

/// The random numbers of the augmentation at place `index` in a loader's list, for one sample of one epoch.
///
/// ```
/// use gradus_data::rng_for_augment;
/// let draw = |epoch, sample| rng_for_augment(1, epoch, sample, 0).below(1000);
/// assert_eq!(draw(3, 12), draw(3, 12));
/// assert_ne!(draw(3, 12), draw(4, 12));
/// ```
pub fn rng_for_augment(seed: u64, epoch: u64, sample: usize, index: usize) -> Rng {
    stream(seed, Purpose::Augment as u8 + index as u8, epoch, sample as u64)
}

/// The random numbers of a purpose in one epoch, of one sample.
pub(crate) fn rng(seed: u64, purpose: Purpose, epoch: u64, sample: u64) -> Rng {
    stream(seed, purpose as u8, epoch, sample)
}

/// 40-bit samples, 48-bit epochs: their high bits share the last word with the 8-bit purpose.
fn stream(seed: u64, purpose: u8, epoch: u64, sample: u64) -> Rng {
    let high = (purpose as u32) << 24
        | ((sample >> 32) as u32 & 0xFF) << 16
        | ((epoch >> 32) as u32 & 0xFFFF);
    Rng::from_counter(seed, [sample as u32, epoch as u32, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_part_of_the_key() {
        let draw = |seed, purpose, epoch, sample| stream(seed, purpose, epoch, sample).next_u64();
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
}
