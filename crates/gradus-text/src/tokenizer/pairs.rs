//! Which pairs of tokens become one: the pair that occurs most often, again and again.   Sennrich et al. 2016, arXiv:1508.07909, algorithm 1
//!
//! Of pairs that occur equally often the one whose tokens are older comes first, so that a text and a size have one outcome. Counts are kept up to
//! date by what each merge changes; where a pair occurs is noted when it comes to be.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::hash::{PackedMap, packed};

/// Words as symbols, how often each occurs, and which tokens there are.
pub(super) struct Pairs {
    words: Vec<Vec<u32>>,
    often: Vec<i64>,
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
    counts: PackedMap<i64>,
    /// The words that a pair came to be in since they were last looked at.
    fresh: PackedMap<Vec<u32>>,
    /// Pairs by count, then by age, with where they occur.
    queue: BinaryHeap<(i64, Reverse<u64>, Vec<u32>)>,
}

/// A merge: two tokens, and the one that they become.
pub(super) type Merged = (u32, u32, u32);

impl Pairs {
    pub(super) fn new(words: Vec<(Vec<u32>, u64)>, tokens: Vec<String>) -> Pairs {
        let ids = tokens.iter().cloned().zip(0..).collect();
        let (words, often): (Vec<_>, Vec<_>) =
            words.into_iter().map(|(word, often)| (word, often as i64)).unzip();
        let (counts, fresh) = (PackedMap::default(), PackedMap::default());
        let mut pairs =
            Pairs { words, often, tokens, ids, counts, fresh, queue: BinaryHeap::new() };
        for word in 0..pairs.words.len() {
            for at in 1..pairs.words[word].len() {
                let pair = packed(pairs.words[word][at - 1], pairs.words[word][at]);
                pairs.change(pair, 1, word);
            }
        }
        pairs.enqueue();
        pairs
    }

    /// Merges until there are so many tokens, or no pair occurs so often.
    pub(super) fn learn(mut self, size: usize, min_count: u64) -> (Vec<String>, Vec<Merged>) {
        let least = i64::try_from(min_count.max(1)).unwrap_or(i64::MAX);
        let mut merges = vec![];
        while self.tokens.len() < size {
            let Some((count, Reverse(pair), places)) = self.queue.pop() else { break };
            let now = self.counts[&pair];
            if count != now {
                self.queue.push((now, Reverse(pair), places));
                continue;
            }
            if count < least {
                break;
            }
            let (left, right) = ((pair >> 32) as u32, pair as u32);
            let whole = self.token(left, right);
            merges.push((left, right, whole));
            for word in places {
                self.merge(word as usize, left, right, whole);
            }
            self.enqueue();
        }
        (self.tokens, merges)
    }

    /// The token that two become, which may be there already.
    fn token(&mut self, left: u32, right: u32) -> u32 {
        let text = format!("{}{}", self.tokens[left as usize], self.tokens[right as usize]);
        *self.ids.entry(text).or_insert_with_key(|text| {
            self.tokens.push(text.clone());
            self.tokens.len() as u32 - 1
        })
    }

    /// Merges a pair wherever it is in a word, from the left.
    fn merge(&mut self, word: usize, left: u32, right: u32, whole: u32) {
        let symbols = std::mem::take(&mut self.words[word]);
        let mut merged: Vec<u32> = Vec::with_capacity(symbols.len());
        let mut at = 0;
        while at < symbols.len() {
            if symbols[at] != left || symbols.get(at + 1) != Some(&right) {
                merged.push(symbols[at]);
                at += 1;
                continue;
            }
            if let Some(&before) = merged.last() {
                self.change(packed(before, left), -1, word);
                self.change(packed(before, whole), 1, word);
            }
            at += 2;
            if let Some(&after) = symbols.get(at) {
                self.change(packed(right, after), -1, word);
                self.change(packed(whole, after), 1, word);
            }
            merged.push(whole);
        }
        self.words[word] = merged;
    }

    /// A pair occurs once more, or once less, in a word.
    fn change(&mut self, pair: u64, by: i64, word: usize) {
        *self.counts.entry(pair).or_default() += by * self.often[word];
        if by > 0 {
            let places = self.fresh.entry(pair).or_default();
            // Words are gone through one after the other.
            if places.last() != Some(&(word as u32)) {
                places.push(word as u32);
            }
        }
    }

    fn enqueue(&mut self) {
        let counts = &self.counts;
        let fresh = self.fresh.drain().map(|(pair, places)| (counts[&pair], Reverse(pair), places));
        self.queue.extend(fresh.filter(|&(count, ..)| count > 0));
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    /// The example of the paper's algorithm 1: its first merges are es, est and lo, then low. A word's end is not a symbol here.
    #[test]
    fn the_papers_words() {
        let tokens: Vec<String> = ('a'..='z').map(String::from).collect();
        let word = |text: &str| text.bytes().map(|b| u32::from(b - b'a')).collect::<Vec<_>>();
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        let words = words.map(|(text, often)| (word(text), often)).to_vec();
        let (tokens, merges) = Pairs::new(words.clone(), tokens.clone()).learn(30, 1);
        assert_eq!(
            (&tokens[26..], merges.len()),
            (&["es", "est", "lo", "low"].map(String::from)[..], 4)
        );
        // All pairs that occur at least six times.
        let letters: Vec<String> = tokens[..26].to_vec();
        let (tokens, _) = Pairs::new(words, letters).learn(usize::MAX, 6);
        assert_eq!(
            tokens[26..],
            ["es", "est", "lo", "low", "ew", "new", "newest"].map(String::from)
        );
    }

    #[test]
    fn repeated_letters() {
        let word = (vec![0; 5], 2);
        let (tokens, merges) = Pairs::new(vec![word], vec!["a".into()]).learn(10, 1);
        assert_eq!(tokens, ["a", "aa", "aaa", "aaaaa"]);
        assert_eq!(merges, [(0, 0, 1), (1, 0, 2), (1, 2, 3)]);
    }
}
