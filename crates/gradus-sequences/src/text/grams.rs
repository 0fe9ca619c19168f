//! Which words and groups of words a text has, as numbers of buckets, and what naive Bayes says of each.

use std::collections::HashSet;

/// How many words a group has at most.
pub(super) const LONGEST: usize = 3;

/// Groups of one to three words, each in one of so many buckets by its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grams {
    /// How many buckets there are; the first stands for no group.
    pub(super) buckets: usize,
    /// The id of words that are not known: a group with one of them is none.
    pub(super) unknown: i64,
}

impl Grams {
    /// Appends a row for each word: its id, and the buckets of the groups that end with it, each where it occurs first in the text, else 0.
    pub(super) fn rows(&self, ids: &[i64], rows: &mut Vec<i64>) {
        let mut seen = HashSet::new();
        for at in 0..ids.len() {
            rows.push(ids[at]);
            for words in 1..=LONGEST {
                let group = (at + 1).checked_sub(words).map(|start| &ids[start..=at]);
                let group = group.filter(|group| !group.contains(&self.unknown));
                let bucket = group.map_or(0, |group| self.bucket(group));
                rows.push(if bucket > 0 && seen.insert(bucket) { bucket } else { 0 });
            }
        }
    }

    /// From 1 to below the number of buckets, mixed as in SplitMix64 (Steele, Lea and Flood 2014).
    fn bucket(&self, group: &[i64]) -> i64 {
        let mut state = group.len() as u64;
        for &id in group {
            state = state.wrapping_add(id as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
            state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            state ^= state >> 31;
        }
        1 + (state % (self.buckets as u64 - 1)) as i64
    }
}

/// For each bucket and class the logarithm of how much more often texts of the class have it than all others, `[buckets, C]`; of the rows that
/// [`Grams::rows`] gives. Each is counted once more than it was seen. What one text alone has says nothing: 0.
pub(super) fn naive_bayes(
    buckets: usize,
    classes: usize,
    texts: impl Iterator<Item = (Vec<i64>, i64)>,
) -> Vec<f32> {
    let mut counts = vec![1.0f64; buckets * classes];
    for (rows, label) in texts {
        for row in rows.chunks_exact(1 + LONGEST) {
            for &bucket in row[1..].iter().filter(|&&bucket| bucket > 0) {
                counts[bucket as usize * classes + label as usize] += 1.0;
            }
        }
    }
    let mut sums = vec![0.0f64; classes];
    for row in counts.chunks_exact(classes) {
        sums.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
    }
    let all: f64 = sums.iter().sum();
    let ratio = |row: &[f64], class: usize| {
        let others = row.iter().sum::<f64>() - row[class];
        ((row[class] / sums[class]) / (others / (all - sums[class]))).ln() as f32
    };
    let alone = classes as f64 + 1.0;
    let mut ratios = Vec::with_capacity(counts.len());
    for row in counts.chunks_exact(classes) {
        let is_seen = row.iter().sum::<f64>() > alone;
        ratios.extend((0..classes).map(|class| if is_seen { ratio(row, class) } else { 0.0 }));
    }
    ratios
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMS: Grams = Grams { buckets: 1 << 20, unknown: 1 };

    fn rows(ids: &[i64]) -> Vec<i64> {
        let mut rows = vec![];
        GRAMS.rows(ids, &mut rows);
        rows
    }

    #[test]
    fn groups_count_once_and_none_has_an_unknown_word() {
        let [word, pair, three] = [&[5][..], &[5, 6], &[5, 6, 5]].map(|group| GRAMS.bucket(group));
        let all = rows(&[5, 6, 5, 1, 5, 6]);
        let columns = |at: usize| all[4 * at..4 * at + 4].to_vec();
        assert_eq!(columns(0), [5, word, 0, 0]);
        assert_eq!(columns(1)[2], pair);
        assert_eq!((columns(2)[1], columns(2)[3]), (0, three), "the word was seen, the group not");
        assert_eq!(columns(3), [1, 0, 0, 0]);
        assert_eq!(columns(5), [6, 0, 0, 0], "all of it was seen");
        assert_ne!(GRAMS.bucket(&[5, 6]), GRAMS.bucket(&[6, 5]));
    }

    #[test]
    fn naive_bayes_by_hand() {
        // Two buckets of three occur: the first in both texts of class 0, the second in the one of class 1 only.
        let text = |bucket: i64| vec![9, bucket, 0, 0];
        let found = naive_bayes(3, 2, [(text(1), 0), (text(1), 0), (text(2), 1)].into_iter());
        // Counts with one more each: class 0 [1, 3, 1], class 1 [1, 1, 2].
        let ratio = (3.0f32 / 5.0 / (1.0 / 4.0)).ln();
        let expected = [0.0, 0.0, ratio, -ratio, 0.0, 0.0];
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{found:?}"));
    }
}
