//! An n-gram model with back-off weights: what is known of an n-gram that was seen, and by how much less a shorter one says.   Katz 1987; the form in
//! which interpolated models are kept, too

use std::f64::consts::LN_10;
use std::sync::Arc;

use gradus_data::Result;

use super::counts::check;
use super::smoothing::Discounts;
use super::trie::{ROOT, Trie};
use crate::measure::Likelihood;

/// Probabilities of the next symbol after the last few.
///
/// ```
/// use gradus_text::{Counts, NGram, Smoothing, Tokenizer, TokenizerOptions};
/// let text = "abracadabra abracadabra";
/// let characters = Tokenizer::characters([text], &TokenizerOptions::default())?;
/// let ids = characters.encode(text)?;
/// let mut counts = Counts::new(characters.vocabulary().len(), 3)?;
/// counts.add(&ids)?;
/// let nats = |order| {
///     let model = NGram::new(&counts, order, Smoothing::WittenBell)?;
///     Ok::<f64, gradus_text::DataError>(model.score(&ids)?.nats_per_symbol())
/// };
/// assert!((nats(0)? - 6f64.ln()).abs() < 1e-12); // six characters, as likely as each other
/// assert!(nats(0)? > nats(1)? && nats(1)? > nats(2)? && nats(2)? > nats(3)?);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NGram {
    pub(super) trie: Arc<Trie>,
    /// By node: of its last symbol after those before, to the base of 10, as ARPA files have it.
    pub(super) log10_probability: Vec<f64>,
    /// By node: how much less probable a symbol is after it that never was seen there.
    pub(super) log10_back_off: Vec<f64>,
    pub(super) vocabulary: usize,
    pub(super) order: u32,
    pub(super) discounts: Vec<Discounts>,
}

impl NGram {
    /// How many symbols an n-gram has at most.
    pub fn order(&self) -> usize {
        self.order as usize
    }

    /// Number of symbols.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The discounts of each order from 1 on, if there are such.
    pub fn discounts(&self) -> &[Discounts] {
        &self.discounts
    }

    /// The logarithm of a symbol's probability after others, in nats.
    ///
    /// # Errors
    /// When an id is not below the vocabulary's size.
    pub fn log_probability(&self, before: &[i64], id: i64) -> Result<f64> {
        check(&[id], self.vocabulary)?;
        Ok(self.look(self.context(before)?, id as u32).0 * LN_10)
    }

    /// The logarithms of all symbols' probabilities after others, in nats: what [`Sampler`](crate::Sampler) takes for logits.
    ///
    /// ```
    /// use gradus_text::{Counts, NGram, Sampler, Smoothing};
    /// let mut counts = Counts::new(3, 2)?;
    /// counts.add(&[0, 1, 2, 0, 1, 2, 0, 1])?;
    /// let model = NGram::new(&counts, 2, Smoothing::AddK(0.1))?;
    /// let mut greedy = Sampler::new(0).temperature(0.0);
    /// assert_eq!(greedy.sample(&model.logits(&[1])?)?, 2); // after 1 comes 2
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`NGram::log_probability`].
    pub fn logits(&self, before: &[i64]) -> Result<Vec<f32>> {
        let context = self.context(before)?;
        let of = |id| (self.look(context, id).0 * LN_10) as f32;
        Ok((0..self.vocabulary as u32).map(of).collect())
    }

    /// What the model says of a sequence.
    ///
    /// # Errors
    /// As [`NGram::log_probability`].
    pub fn score(&self, ids: &[i64]) -> Result<Likelihood> {
        self.score_after(&[], ids)
    }

    /// What the model says of a sequence that stands behind others, such as `<bos>`.
    ///
    /// # Errors
    /// As [`NGram::log_probability`].
    pub fn score_after(&self, before: &[i64], ids: &[i64]) -> Result<Likelihood> {
        check(ids, self.vocabulary)?;
        let mut context = self.context(before)?;
        let mut said = Likelihood::default();
        for &id in ids {
            let (log10, next) = self.look(context, id as u32);
            said.add(log10 * LN_10);
            context = next;
        }
        Ok(said)
    }

    /// The longest context that is known and that these symbols end with.
    fn context(&self, before: &[i64]) -> Result<u32> {
        check(before, self.vocabulary)?;
        let last = before.len().saturating_sub(self.order().saturating_sub(1));
        Ok(before[last..].iter().fold(ROOT, |node, &id| self.look(node, id as u32).1))
    }

    /// The logarithm of a symbol's probability after a context, to the base of 10, and the context after it.
    fn look(&self, mut context: u32, symbol: u32) -> (f64, u32) {
        let mut log10 = 0.0;
        loop {
            let Some(child) = self.trie.child(context, symbol) else {
                log10 += self.log10_back_off[context as usize];
                context = self.trie.nodes[context as usize].ending;
                continue;
            };
            // A longer context than this one is not followed by the symbol: the longest one from here on is this.
            let mut next = child;
            while self.trie.order(next) >= self.order.max(1) {
                next = self.trie.nodes[next as usize].ending;
            }
            return (log10 + self.log10_probability[child as usize], next);
        }
    }
}
