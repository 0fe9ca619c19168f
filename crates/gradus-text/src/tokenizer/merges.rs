//! Byte-pair encoding: the merges that were learned, applied to a word in the order in which they were learned.   Gage 1994; Sennrich et al.
//! 2016, arXiv:1508.07909

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gradus_data::{DataError, Place, Result, quote};

use crate::hash::{PackedMap, packed};
use crate::vocabulary::Vocabulary;

/// Pairs of tokens that become one, the earliest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Merges {
    pairs: Vec<(u32, u32)>,
    /// The place among them and the token that a pair becomes.
    becomes: PackedMap<(u32, u32)>,
    /// What stands behind the last character of a word; empty: nothing.
    pub(crate) suffix: String,
    /// Whether a word that is a token itself is taken as such, whatever merges there are.
    pub(crate) whole_first: bool,
    /// Whether unknown symbols next to each other are one.
    pub(crate) fuse_unknown: bool,
}

impl Merges {
    /// Merges of pairs of tokens, each of which must be in the vocabulary, as must what they become. `name` is the file's in errors.
    pub(crate) fn new<'t>(
        pairs: impl IntoIterator<Item = (&'t str, &'t str)>,
        vocabulary: &Vocabulary,
        name: &str,
    ) -> Result<Merges> {
        let mut merges = Merges::default();
        for (number, (left, right)) in pairs.into_iter().enumerate() {
            let find = |token: &str| {
                vocabulary.id(token).map(|id| id as u32).ok_or_else(|| {
                    let (left, right) = (quote(left), quote(right));
                    let found = format!("merge {number} of {left} and {right}");
                    let expected = format!("{} in the vocabulary", quote(token));
                    DataError::malformed(name, Place::Whole, found, expected)
                })
            };
            let (left_id, right_id) = (find(left)?, find(right)?);
            let whole = find(&format!("{left}{right}"))?;
            merges.push(left_id, right_id, whole);
        }
        Ok(merges)
    }

    /// The next merge. Of a pair that is merged twice the last one counts.
    pub(crate) fn push(&mut self, left: u32, right: u32, whole: u32) {
        self.becomes.insert(packed(left, right), (self.pairs.len() as u32, whole));
        self.pairs.push((left, right));
    }

    /// The pairs, the earliest first.
    pub(crate) fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    /// Merges the symbols of a word: always the pair that was learned first, of several equal ones the leftmost.
    pub(crate) fn apply(&self, symbols: &mut Vec<u32>) {
        if symbols.len() < 2 {
            return;
        }
        const GONE: usize = usize::MAX;
        let n = symbols.len();
        // A list with links: what is merged away is skipped.
        let mut next: Vec<usize> = (1..=n).collect();
        let mut before: Vec<usize> = (0..n).map(|at| at.wrapping_sub(1)).collect();
        let mut heap = BinaryHeap::new();
        let look = |left: usize, right: usize, symbols: &[u32]| {
            self.becomes.get(&packed(symbols[left], symbols[right]))
        };
        for left in 0..n - 1 {
            let found = look(left, left + 1, symbols);
            heap.extend(found.map(|&(rank, whole)| Reverse((rank, left, whole))));
        }
        while let Some(Reverse((_, left, whole))) = heap.pop() {
            let right = next[left];
            if right >= n || look(left, right, symbols).is_none_or(|found| found.1 != whole) {
                continue; // merged otherwise meanwhile
            }
            symbols[left] = whole;
            next[left] = next[right];
            next[right] = GONE;
            if next[left] < n {
                before[next[left]] = left;
            }
            for (left, right) in [(before[left], left), (left, next[left])] {
                if left < n && right < n {
                    let found = look(left, right, symbols);
                    heap.extend(found.map(|&(rank, whole)| Reverse((rank, left, whole))));
                }
            }
        }
        let mut kept = 0;
        let mut at = 0;
        while at < n {
            symbols[kept] = symbols[at];
            kept += 1;
            at = next[at];
        }
        symbols.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::Merges;
    use crate::vocabulary::Vocabulary;

    fn merged(tokens: &[&str], pairs: &[(&str, &str)], word: &str) -> String {
        let vocabulary = Vocabulary::new(tokens.iter().copied(), &[]).unwrap();
        let merges = Merges::new(pairs.iter().copied(), &vocabulary, "t").unwrap();
        let id = |c: char| vocabulary.id(&c.to_string()).unwrap() as u32;
        let mut symbols: Vec<u32> = word.chars().map(id).collect();
        merges.apply(&mut symbols);
        let texts = symbols.iter().map(|&id| vocabulary.token(i64::from(id)).unwrap());
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn earliest_first_then_leftmost() {
        let tokens = ["a", "b", "c", "ab", "bc", "aa", "abc", "aab"];
        assert_eq!(merged(&tokens, &[("b", "c"), ("a", "b")], "abcab"), "a bc ab");
        assert_eq!(merged(&tokens, &[("a", "b"), ("ab", "c")], "abcabc"), "abc abc");
        assert_eq!(merged(&tokens, &[("a", "a"), ("aa", "b")], "aaab"), "aa a b");
        assert_eq!(merged(&tokens, &[("a", "a"), ("a", "b")], "aaab"), "aa ab");
        assert_eq!(merged(&tokens, &[], "abc"), "a b c");
    }

    #[test]
    fn what_a_merge_lacks_is_named() {
        let vocabulary = Vocabulary::new(["a", "b"], &[]).unwrap();
        let error = Merges::new([("a", "b")], &vocabulary, "t.json").unwrap_err().to_string();
        let said = r#"t.json: found merge 0 of "a" and "b", expected "ab" in the vocabulary"#;
        assert_eq!(error, said);
    }
}
