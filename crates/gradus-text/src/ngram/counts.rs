//! How often each n-gram occurs.

use std::sync::Arc;

use gradus_data::{DataError, Result};

use super::trie::{ROOT, Trie};

/// The n-grams of sequences up to an order, and how often each occurs. Models of every lower order are made of them, too.
///
/// ```
/// use gradus_text::Counts;
/// let mut counts = Counts::new(3, 2)?; // ids 0, 1, 2; single symbols and pairs
/// counts.add(&[0, 1, 0, 1])?;
/// counts.add(&[1, 0])?; // another sequence: no pair goes across
/// assert_eq!((counts.of(&[0, 1])?, counts.of(&[1])?, counts.of(&[1, 1])?), (2, 3, 0));
/// assert_eq!(counts.distinct(), [2, 2]);
/// let wrong = counts.add(&[0, 3]).unwrap_err().to_string();
/// assert_eq!(wrong, "ids: found 3 at place 1, expected ids below 3, the size of the vocabulary");
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Counts {
    pub(super) trie: Arc<Trie>,
    /// By node.
    pub(super) counts: Vec<u64>,
    pub(super) vocabulary: usize,
    pub(super) order: u32,
}

/// Longer n-grams than this say little that shorter ones do not.
const MOST_ORDER: usize = 32;

impl Counts {
    /// Of ids below `vocabulary`, up to n-grams of so many symbols.
    ///
    /// # Errors
    /// When there is no symbol or there are more than 2³⁰, or the order is 0 or above 32.
    pub fn new(vocabulary: usize, order: usize) -> Result<Counts> {
        if vocabulary == 0 || vocabulary > 1 << 30 {
            let found = vocabulary.to_string();
            return Err(DataError::invalid("size of the vocabulary", found, "1 to 2^30"));
        }
        if order == 0 || order > MOST_ORDER {
            let expected = format!("1 to {MOST_ORDER}");
            return Err(DataError::invalid("order of n-grams", order.to_string(), expected));
        }
        let counts = vec![0; vocabulary + 1];
        Ok(Counts {
            trie: Arc::new(Trie::new(vocabulary)),
            counts,
            vocabulary,
            order: order as u32,
        })
    }

    /// Counts the n-grams of a sequence.
    ///
    /// # Errors
    /// When an id is not below the vocabulary's size; nothing is counted then.
    pub fn add(&mut self, ids: &[i64]) -> Result<()> {
        self.add_after(&[], ids)
    }

    /// Counts the n-grams of a sequence that stands behind others which nobody has to foresee, such as `<bos>`.
    ///
    /// # Errors
    /// As [`Counts::add`].
    pub fn add_after(&mut self, before: &[i64], ids: &[i64]) -> Result<()> {
        [before, ids].into_iter().try_for_each(|ids| check(ids, self.vocabulary))?;
        let trie = Arc::make_mut(&mut self.trie);
        // The n-grams that end with the last symbol, from none to one less than the most symbols.
        let (mut ends, mut longer) = (vec![ROOT], vec![]);
        let keep = before.len().saturating_sub(self.order as usize - 1);
        for (at, &id) in before[keep..].iter().chain(ids).enumerate() {
            let is_counted = at >= before.len() - keep;
            longer.clear();
            longer.push(ROOT);
            for &end in &ends {
                let ending = *longer.last().expect("begins with the root");
                let node = trie.grow(end, id as u32, ending);
                longer.push(node);
                if self.counts.len() < trie.nodes.len() {
                    self.counts.resize(trie.nodes.len(), 0);
                }
                self.counts[node as usize] += u64::from(is_counted);
            }
            longer.truncate(self.order as usize);
            std::mem::swap(&mut ends, &mut longer);
        }
        Ok(())
    }

    /// How often an n-gram occurs.
    ///
    /// # Errors
    /// When an id is not below the vocabulary's size.
    pub fn of(&self, ids: &[i64]) -> Result<u64> {
        check(ids, self.vocabulary)?;
        let walked = ids.iter().try_fold(ROOT, |node, &id| self.trie.child(node, id as u32));
        Ok(match walked {
            Some(ROOT) | None => 0,
            Some(node) => self.counts[node as usize],
        })
    }

    /// How many different n-grams of each order occur, from 1 on.
    pub fn distinct(&self) -> Vec<usize> {
        let all = self.trie.by_order(self.order);
        let occurs =
            |nodes: &Vec<u32>| nodes.iter().filter(|&&n| self.counts[n as usize] > 0).count();
        all.iter().map(occurs).collect()
    }

    /// The order.
    pub fn order(&self) -> usize {
        self.order as usize
    }

    /// Number of symbols.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }
}

/// Refuses ids that are not in the vocabulary.
pub(super) fn check(ids: &[i64], vocabulary: usize) -> Result<()> {
    match ids.iter().position(|&id| !(0..vocabulary as i64).contains(&id)) {
        None => Ok(()),
        Some(place) => {
            let expected = format!("ids below {vocabulary}, the size of the vocabulary");
            Err(DataError::invalid("ids", format!("{} at place {place}", ids[place]), expected))
        }
    }
}
