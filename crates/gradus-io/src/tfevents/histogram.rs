//! TensorFlow's histogram: buckets that grow by a tenth, from 1e-12 to 1e20 on both sides of zero.

use crate::Result;
use crate::wire::{Message, fields};
use std::sync::LazyLock;

/// Counts of values in buckets; bucket `i` holds `limits[i - 1] <= x < limits[i]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// How many values.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_of_squares: f64,
    /// The upper end of each bucket.
    pub limits: Vec<f64>,
    /// The values in each bucket.
    pub counts: Vec<f64>,
}

/// The upper ends of all buckets; the outermost are ±`f64::MAX`.
static LIMITS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let growing = std::iter::successors(Some(1e-12), |limit| Some(limit * 1.1));
    let mut positive: Vec<f64> = growing.take_while(|&limit| limit < 1e20).collect();
    positive.push(f64::MAX);
    let negative = positive.iter().rev().map(|limit| -limit);
    negative.chain([0.0]).chain(positive.iter().copied()).collect()
});

/// For each pattern of an f32's sign, exponent and first three mantissa bits, the bucket of the
/// smallest value that has it. A pattern spans at most an eighth of its values, so three buckets:
/// a short walk replaces a search of 1551 limits, which took three times as long.
static FIRST_BUCKETS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let smallest = |pattern: u32| {
        let is_negative = pattern & 0x800 != 0;
        f32::from_bits(pattern << 20 | if is_negative { 0xf_ffff } else { 0 })
    };
    let bucket = |x: f64| LIMITS.partition_point(|&limit| limit <= x) as u16;
    (0..1 << 12).map(|pattern| bucket(smallest(pattern).into())).collect()
});

fn bucket_of(x: f32) -> usize {
    let first = usize::from(FIRST_BUCKETS[(x.to_bits() >> 20) as usize]);
    let above = LIMITS[first..].iter().position(|&limit| limit > x.into());
    first + above.expect("f64::MAX is above every finite f32")
}

impl Histogram {
    /// The histogram of the finite values among `values`. NaN and infinities have no bucket: the
    /// difference between the number of values and `count` tells how many there were.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Histogram {
        let mut histogram = Histogram { min: f64::MAX, max: -f64::MAX, ..Histogram::default() };
        let mut counts = vec![0u64; LIMITS.len()];
        for x in values.into_iter().filter(|x| x.is_finite()) {
            counts[bucket_of(x)] += 1;
            let x = f64::from(x);
            histogram.min = histogram.min.min(x);
            histogram.max = histogram.max.max(x);
            histogram.sum += x;
            histogram.sum_of_squares += x * x;
        }
        let count: u64 = counts.iter().sum();
        if count == 0 {
            (histogram.min, histogram.max) = (0.0, 0.0);
        }
        histogram.count = count as f64;
        histogram.fill(&counts);
        histogram
    }

    /// Takes over the buckets, a run of empty ones as a single one.
    fn fill(&mut self, counts: &[u64]) {
        for (i, &count) in counts.iter().enumerate() {
            let run_goes_on = count == 0 && counts.get(i + 1) == Some(&0);
            if !run_goes_on {
                self.limits.push(LIMITS[i]);
                self.counts.push(count as f64);
            }
        }
    }

    /// `HistogramProto`: 1 min, 2 max, 3 num, 4 sum, 5 sum_squares, 6 bucket_limit, 7 bucket.
    pub(super) fn encode(&self, message: &mut Message) {
        message.double(1, self.min);
        message.double(2, self.max);
        message.double(3, self.count);
        message.double(4, self.sum);
        message.double(5, self.sum_of_squares);
        message.doubles(6, &self.limits);
        message.doubles(7, &self.counts);
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Histogram> {
        let mut histogram = Histogram::default();
        fields(bytes, |number, field| {
            match number {
                1 => histogram.min = field.double()?,
                2 => histogram.max = field.double()?,
                3 => histogram.count = field.double()?,
                4 => histogram.sum = field.double()?,
                5 => histogram.sum_of_squares = field.double()?,
                6 => field.doubles(&mut histogram.limits)?,
                7 => field.doubles(&mut histogram.counts)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_tensorflows() {
        assert_eq!(LIMITS.len(), 2 * 775 + 1);
        assert!(LIMITS.is_sorted());
        assert_eq!((LIMITS[775], LIMITS[776], LIMITS[777]), (0.0, 1e-12, 1e-12 * 1.1));
        assert_eq!((LIMITS[0], LIMITS[1550]), (-f64::MAX, f64::MAX));
    }

    #[test]
    fn the_short_walk_finds_what_the_search_finds() {
        let near = |x: f64| [(x as f32).next_down(), x as f32, (x as f32).next_up()];
        let spread = (0..1 << 16).map(|i| f32::from_bits(i << 16 | 0x5a5a));
        for x in LIMITS.iter().flat_map(|&limit| near(limit)).chain(spread) {
            if x.is_finite() {
                let found = LIMITS.partition_point(|&limit| limit <= x.into());
                assert_eq!(bucket_of(x), found, "{x}");
            }
        }
    }

    #[test]
    fn every_finite_value_is_in_its_bucket() {
        let values = [-3e38, -1.0, -0.0, 0.0, 1e-20, 0.5, 0.5, 3e38, f32::NAN, f32::INFINITY];
        let histogram = Histogram::of(values);
        assert_eq!(
            (histogram.count, histogram.min, histogram.max),
            (8.0, f64::from(-3e38f32), f64::from(3e38f32))
        );
        assert_eq!(histogram.counts.iter().sum::<f64>(), 8.0);
        let bucket_of = |x: f64| histogram.limits.iter().position(|&limit| limit > x).unwrap();
        assert_eq!(histogram.counts[bucket_of(0.5)], 2.0);
        assert_eq!(histogram.counts[bucket_of(0.0)], 3.0); // both zeros and 1e-20
        assert!(histogram.counts.windows(2).all(|pair| pair != [0.0, 0.0]));
    }

    #[test]
    fn no_values_give_one_empty_bucket() {
        let histogram = Histogram::of([f32::NAN]);
        assert_eq!((histogram.count, histogram.min, histogram.max), (0.0, 0.0, 0.0));
        assert_eq!((histogram.limits, histogram.counts), (vec![f64::MAX], vec![0.0]));
    }
}
