//! How well a model foresees text: nats for each symbol, bits for each character, perplexity.

use std::f64::consts::LN_2;

/// The perplexity of a mean in nats: among how many symbols that are equally likely one would have to guess.
///
/// ```
/// assert!((gradus_text::perplexity(10f64.ln()) - 10.0).abs() < 1e-9);
/// ```
pub fn perplexity(nats: f64) -> f64 {
    libm::exp(nats)
}

/// Nats as bits.
///
/// ```
/// assert!((gradus_text::bits(8f64.ln()) - 3.0).abs() < 1e-12);
/// ```
pub fn bits(nats: f64) -> f64 {
    nats / LN_2
}

/// What a model says of a text: the sum over its symbols of minus the logarithm of each one's probability.
///
/// ```
/// use gradus_text::Likelihood;
/// let said = Likelihood { nats: 40.0 * 2f64.ln(), symbols: 10 };
/// assert!((said.nats_per_symbol() - 16f64.ln()).abs() < 1e-12 && (said.perplexity() - 16.0).abs() < 1e-9);
/// // Ten words that are written with 40 characters.
/// assert_eq!(said.bits_per(40), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Likelihood {
    /// The sum, in nats.
    pub nats: f64,
    /// How many symbols there are.
    pub symbols: u64,
}

impl Likelihood {
    /// The mean over symbols; NaN of none.
    pub fn nats_per_symbol(&self) -> f64 {
        self.nats / self.symbols as f64
    }

    /// The mean over so many characters or bytes, in bits: it compares models of different tokens.
    pub fn bits_per(&self, characters: u64) -> f64 {
        bits(self.nats) / characters as f64
    }

    /// [`perplexity`] for each symbol.
    pub fn perplexity(&self) -> f64 {
        perplexity(self.nats_per_symbol())
    }

    /// One more symbol, of this probability's logarithm.
    pub(crate) fn add(&mut self, log_probability: f64) {
        self.nats -= log_probability;
        self.symbols += 1;
    }
}
