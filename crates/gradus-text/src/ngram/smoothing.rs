//! What n-grams that were never seen are given, and what they are given by those that were.   Chen & Goodman 1998, "An empirical study of smoothing
//! techniques for language modeling", TR-10-98

use std::sync::Arc;

use gradus_data::{DataError, Result};

use super::counts::Counts;
use super::model::NGram;
use super::trie::{ROOT, Trie};

/// How probabilities follow from counts. `c(hw)` is how often a symbol `w` follows `h`, `c(h)` the sum over all symbols, `V` their number; `h'` is
/// `h` without its first symbol. Without any symbol before, what is mixed in is `1/V`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// `(c(hw) + k) / (c(h) + k·V)`; shorter contexts count for nothing.   Lidstone 1920
    AddK(f64),
    /// `(c(hw) + T(h)·p(w|h')) / (c(h) + T(h))`, where `T(h)` is how many different symbols follow.   Witten & Bell 1991; Chen & Goodman 1998 §2.6
    WittenBell,
    /// Modified Kneser-Ney: `(c(hw) − D) / c(h) + γ(h)·p(w|h')` with a discount for what occurs once, twice and more often, and in shorter
    /// contexts how many different symbols stand before instead of how often.   Chen & Goodman 1998 §3
    KneserNey,
}

/// What is taken off the counts of an order's n-grams that occur once, twice, and three times or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discounts {
    /// The three discounts.
    pub each: [f64; 3],
    /// Whether they are 0.5, 1 and 1.5 because there are too few n-grams to tell: none that occurs once, twice, three or four times.
    pub is_fallback: bool,
}

impl Discounts {
    /// Of how many n-grams occur once, twice, three and four times.   Chen & Goodman 1998, equation 17
    fn of(often: [u64; 4]) -> Discounts {
        let [n1, n2, n3, n4] = often.map(|n| n as f64);
        let y = n1 / (n1 + 2.0 * n2);
        let each = [1.0 - 2.0 * y * n2 / n1, 2.0 - 3.0 * y * n3 / n2, 3.0 - 4.0 * y * n4 / n3];
        let is_sound = often.iter().all(|&n| n > 0) && each.iter().all(|&d| d > 0.0);
        match is_sound {
            true => Discounts { each, is_fallback: false },
            false => Discounts { each: [0.5, 1.0, 1.5], is_fallback: true },
        }
    }

    fn at(&self, count: u64) -> f64 {
        match count {
            0 => 0.0,
            _ => self.each[count.min(3) as usize - 1],
        }
    }
}

/// What follows a context.
#[derive(Clone, Copy, Default)]
struct Following {
    total: u64,
    /// How many symbols follow once, twice, and three times or more.
    often: [u64; 3],
}

impl NGram {
    /// A model of counts: of the last `order − 1` symbols before each. Order 1 knows how frequent symbols are, order 0 nothing.
    ///
    /// ```
    /// use gradus_text::{Counts, NGram, Smoothing};
    /// let mut counts = Counts::new(2, 2)?;
    /// counts.add(&[0, 0, 1, 0])?;
    /// let model = NGram::new(&counts, 2, Smoothing::WittenBell)?;
    /// // Behind 0 stood 0 and 1, once each; of four symbols three were 0: p(0) = (3 + 2·½) / (4 + 2).
    /// let by_hand = (1.0 + 2.0 * (4.0 / 6.0)) / (2.0 + 2.0);
    /// assert!((model.log_probability(&[0], 0)?.exp() - by_hand).abs() < 1e-12);
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the counts are of a lower order, nothing was counted, or `k` is not a finite number above 0.
    pub fn new(counts: &Counts, order: usize, smoothing: Smoothing) -> Result<NGram> {
        if order > counts.order() {
            let expected = format!("at most {}, that of the counts", counts.order());
            return Err(DataError::invalid("order of the model", order.to_string(), expected));
        }
        if let Smoothing::AddK(k) = smoothing
            && !(k.is_finite() && k > 0.0)
        {
            return Err(DataError::invalid("add-k", k.to_string(), "a finite number above 0"));
        }
        let singles = &counts.counts[1..=counts.vocabulary];
        if order > 0 && singles.iter().all(|&count| count == 0) {
            return Err(DataError::invalid("counts", "no n-gram", "at least one sequence"));
        }
        let (trie, order) = (counts.trie.clone(), order as u32);
        let uniform = -libm::log10(counts.vocabulary as f64);
        let nodes = trie.nodes.len();
        let mut model = NGram {
            log10_probability: vec![uniform; nodes],
            log10_back_off: vec![0.0; nodes],
            vocabulary: counts.vocabulary,
            discounts: vec![],
            trie,
            order,
        };
        if order > 0 {
            model.fit(counts, smoothing);
        }
        Ok(model)
    }

    /// Fills in probabilities, shorter n-grams first, since longer ones are mixed with them.
    fn fit(&mut self, counts: &Counts, smoothing: Smoothing) {
        let trie = self.trie.clone();
        let levels = trie.by_order(self.order);
        let own = match smoothing {
            Smoothing::KneserNey => continuations(&trie, &counts.counts, self.order),
            _ => counts.counts.clone(),
        };
        let following = following(&trie, &own, self.order);
        for (level, nodes) in (1..=self.order).zip(&levels) {
            let discounts = discounts(&own, nodes);
            if smoothing == Smoothing::KneserNey {
                self.discounts.push(discounts);
            }
            let is_mixed = !matches!(smoothing, Smoothing::AddK(_));
            if !is_mixed && level < self.order {
                continue; // each symbol as likely as any
            }
            for &node in nodes {
                let own = own[node as usize];
                let parent = trie.nodes[node as usize].parent;
                let (taken, given) =
                    split(smoothing, &discounts, &following[parent as usize], self.vocabulary);
                let shorter = self.shorter(node);
                let probability = taken(own) + given * shorter;
                self.log10_probability[node as usize] = libm::log10(probability);
                self.log10_back_off[parent as usize] = libm::log10(given);
            }
        }
    }

    /// The probability of a node's last symbol after one symbol less.
    fn shorter(&self, node: u32) -> f64 {
        let own = self.trie.nodes[node as usize];
        match own.ending {
            ROOT => 1.0 / self.vocabulary as f64,
            ending => libm::pow(10.0, self.log10_probability[ending as usize]),
        }
    }
}

/// What a count alone gives a symbol after a context, and what share is left to shorter contexts.
fn split(
    smoothing: Smoothing,
    discounts: &Discounts,
    following: &Following,
    vocabulary: usize,
) -> (impl Fn(u64) -> f64, f64) {
    let (total, kinds) = (following.total as f64, following.often.iter().sum::<u64>() as f64);
    let (below, given, each) = match smoothing {
        _ if following.total == 0 => (1.0, 1.0, [0.0; 3]), // nothing was seen to follow
        Smoothing::AddK(k) => {
            let all = k * vocabulary as f64;
            (total + all, all / (total + all), [0.0; 3])
        }
        Smoothing::WittenBell => (total + kinds, kinds / (total + kinds), [0.0; 3]),
        Smoothing::KneserNey => {
            let off = discounts.each.iter().zip(following.often).map(|(d, n)| d * n as f64);
            (total, off.sum::<f64>() / total, discounts.each)
        }
    };
    let discounts = Discounts { each, is_fallback: false };
    (move |count: u64| (count as f64 - discounts.at(count)) / below, given)
}

/// How many different symbols stand before each n-gram that is shorter than the longest; of what only begins sequences how often it occurs.
fn continuations(trie: &Arc<Trie>, counts: &[u64], order: u32) -> Vec<u64> {
    let mut before = vec![0; counts.len()];
    for (node, own) in trie.nodes.iter().enumerate().skip(1) {
        if own.order <= order && counts[node] > 0 && own.order > 1 {
            before[own.ending as usize] += 1;
        }
    }
    let pick = |(node, own): (usize, &super::trie::Node)| match before[node] {
        kinds if kinds > 0 && own.order < order => kinds,
        _ => counts[node],
    };
    trie.nodes.iter().enumerate().map(pick).collect()
}

fn following(trie: &Trie, counts: &[u64], order: u32) -> Vec<Following> {
    let mut all = vec![Following::default(); counts.len()];
    for (node, own) in trie.nodes.iter().enumerate().skip(1) {
        let count = counts[node];
        if own.order <= order && count > 0 {
            let parent = &mut all[own.parent as usize];
            parent.total += count;
            parent.often[count.min(3) as usize - 1] += 1;
        }
    }
    all
}

fn discounts(counts: &[u64], nodes: &[u32]) -> Discounts {
    let mut often = [0; 4];
    for &node in nodes {
        if let count @ 1..=4 = counts[node as usize] {
            often[count as usize - 1] += 1;
        }
    }
    Discounts::of(often)
}
