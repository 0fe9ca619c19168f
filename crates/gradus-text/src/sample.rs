//! Drawing the next token from logits.

use gradus_base::philox::Rng;
use gradus_data::{DataError, Result};

/// The stream of random numbers that tokens are drawn from.
const STREAM: u32 = 0x7E87;

/// Draws tokens. The same seed draws the same tokens from the same logits.
///
/// ```
/// use gradus_text::Sampler;
/// let logits = [1.0, 3.0, 2.0, -1.0];
/// assert_eq!(Sampler::new(1).temperature(0.0).sample(&logits)?, 1); // the most likely one
/// let mut sampler = Sampler::new(1).temperature(0.8).top_k(2);
/// let drawn: Vec<i64> = (0..20).map(|_| sampler.sample(&logits)).collect::<Result<_, _>>()?;
/// assert!(drawn.iter().all(|&id| id == 1 || id == 2) && drawn.contains(&2));
/// let wrong = Sampler::new(1).sample(&[0.0, f32::NAN]).unwrap_err().to_string();
/// assert_eq!(wrong, "logits: found NaN for id 1, expected finite numbers");
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sampler {
    rng: Rng,
    drawn: u64,
    temperature: f64,
    top_k: usize,
    top_p: f64,
    penalty: f64,
}

impl Sampler {
    /// Tokens as likely as the logits say.
    pub fn new(seed: u64) -> Sampler {
        let rng = Rng::new(seed, STREAM, 0);
        Sampler { rng, drawn: 0, temperature: 1.0, top_k: usize::MAX, top_p: 1.0, penalty: 1.0 }
    }

    /// Logits are divided by this: below 1 likely tokens become more likely. With 0 the most likely one is always taken, of equally likely ones the
    /// first.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Sampler {
        Sampler { temperature, ..self }
    }

    /// Only so many tokens are drawn from, the most likely ones; of equally likely ones the first.   Fan et al. 2018, arXiv:1805.04833
    #[must_use]
    pub fn top_k(self, top_k: usize) -> Sampler {
        Sampler { top_k, ..self }
    }

    /// Only the most likely tokens are drawn from that together have this probability; always one.   Holtzman et al. 2020, arXiv:1904.09751
    #[must_use]
    pub fn top_p(self, top_p: f64) -> Sampler {
        Sampler { top_p, ..self }
    }

    /// Logits of tokens that were drawn before are divided by this, negative ones multiplied, so that above 1 they are always less likely. The paper
    /// divides all.   Keskar et al. 2019, arXiv:1909.05858 §4.1
    #[must_use]
    pub fn repetition_penalty(self, penalty: f64) -> Sampler {
        Sampler { penalty, ..self }
    }

    /// How many tokens were drawn: where [`Sampler::seek`] goes on.
    pub fn drawn(&self) -> u64 {
        self.drawn
    }

    /// Goes on as if so many tokens had been drawn.
    pub fn seek(&mut self, drawn: u64) {
        self.drawn = drawn;
        self.rng.seek(2 * drawn); // a draw takes two words
    }

    /// The next token.
    ///
    /// # Errors
    /// When there is no logit, one is NaN or infinite (minus infinity is a token that never comes), or a setting is none.
    pub fn sample(&mut self, logits: &[f32]) -> Result<i64> {
        self.sample_after(logits, &[])
    }

    /// The next token after others, which the penalty for repetitions is for.
    ///
    /// ```
    /// use gradus_text::Sampler;
    /// let mut sampler = Sampler::new(0).temperature(0.0).repetition_penalty(1.5);
    /// assert_eq!(sampler.sample_after(&[2.0, 1.5, -1.0], &[0])?, 1); // 2.0 / 1.5 is less than 1.5
    /// assert_eq!(sampler.sample_after(&[2.0, 1.5, -1.0], &[0, 0, 1])?, 0); // once, however often
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::sample`]; and when an id has no logit.
    pub fn sample_after(&mut self, logits: &[f32], before: &[i64]) -> Result<i64> {
        self.check(logits, before)?;
        let mut logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
        let mut seen = before.to_vec();
        seen.sort_unstable();
        seen.dedup();
        for id in seen {
            let logit = &mut logits[id as usize];
            *logit = if *logit > 0.0 { *logit / self.penalty } else { *logit * self.penalty };
        }
        let likely = self.likely(&logits);
        let share = self.rng.unit();
        self.drawn += 1;
        let total: f64 = likely.iter().map(|&(_, weight)| weight).sum();
        let mut left = share * total;
        let drawn = likely.iter().find(|&&(_, weight)| {
            left -= weight;
            left < 0.0
        });
        Ok(drawn.unwrap_or(&likely[0]).0 as i64)
    }

    /// The tokens that are drawn from, the most likely first, each with its weight.
    fn likely(&self, logits: &[f64]) -> Vec<(usize, f64)> {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        if self.temperature == 0.0 {
            return vec![(order[0], 1.0)];
        }
        order.truncate(self.top_k);
        let most = logits[order[0]];
        let weigh = |id: usize| (id, libm::exp((logits[id] - most) / self.temperature));
        let mut likely: Vec<(usize, f64)> = order.into_iter().map(weigh).collect();
        let total: f64 = likely.iter().map(|&(_, weight)| weight).sum();
        let mut sum = 0.0;
        let enough = likely.iter().position(|&(_, weight)| {
            sum += weight;
            sum >= self.top_p * total
        });
        likely.truncate(enough.map_or(likely.len(), |last| last + 1));
        likely
    }

    fn check(&self, logits: &[f32], before: &[i64]) -> Result<()> {
        let wrong = |what, found: String, expected| Err(DataError::invalid(what, found, expected));
        let is_above = |number: f64, least: f64| number.is_finite() && number >= least;
        if !is_above(self.temperature, 0.0) {
            return wrong("temperature", self.temperature.to_string(), "a finite number from 0");
        }
        if self.top_k == 0 {
            return wrong("top-k", "0".into(), "at least 1");
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return wrong("top-p", self.top_p.to_string(), "above 0, at most 1");
        }
        if !(is_above(self.penalty, 0.0) && self.penalty > 0.0) {
            return wrong(
                "repetition penalty",
                self.penalty.to_string(),
                "a finite number above 0",
            );
        }
        let bad = |&&logit: &&f32| logit.is_nan() || logit == f32::INFINITY;
        if let Some(at) = logits.iter().position(|logit| bad(&logit)) {
            let found = format!("{} for id {at}", logits[at]);
            return wrong("logits", found, "finite numbers");
        }
        if !logits.iter().any(|logit| logit.is_finite()) {
            let found = if logits.is_empty() { "none" } else { "-inf for every id" };
            return wrong("logits", found.into(), "at least one finite number");
        }
        match before.iter().find(|&&id| !(0..logits.len() as i64).contains(&id)) {
            Some(id) => {
                let expected = format!("ids below {}, the number of logits", logits.len());
                Err(DataError::invalid("tokens before", id.to_string(), expected))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sampler;

    /// Draws of a known distribution, by χ² with 3 degrees of freedom: 16.3 is exceeded once in a thousand times.
    #[test]
    fn draws_are_as_likely_as_logits_say() {
        let logits = [0.5f32, -1.0, 1.5, 0.0];
        let weights = logits.map(|logit| f64::from(logit / 0.7).exp());
        let total: f64 = weights.iter().sum();
        let mut sampler = Sampler::new(3).temperature(0.7);
        let mut seen = [0.0; 4];
        let n = 20_000;
        (0..n).for_each(|_| seen[sampler.sample(&logits).unwrap() as usize] += 1.0);
        let parts = seen.iter().zip(weights).map(|(seen, weight)| {
            let expected = f64::from(n) * weight / total;
            (seen - expected).powi(2) / expected
        });
        let chi_squared: f64 = parts.sum();
        assert!(chi_squared < 16.3, "{chi_squared} {seen:?}");
    }

    #[test]
    fn same_seed_same_tokens_from_any_place() {
        let logits = [0.0f32; 50];
        let draw = |sampler: &mut Sampler| sampler.sample(&logits).unwrap();
        let mut one = Sampler::new(9);
        let all: Vec<i64> = (0..10).map(|_| draw(&mut one)).collect();
        let mut other = Sampler::new(9);
        other.seek(4);
        assert_eq!((0..6).map(|_| draw(&mut other)).collect::<Vec<_>>(), all[4..]);
        assert_eq!((one.drawn(), other.drawn()), (10, 10));
        assert_ne!((0..10).map(|_| draw(&mut Sampler::new(8))).collect::<Vec<_>>(), all);
    }

    #[test]
    fn top_p_holds_the_fewest_that_suffice() {
        let logits = [0.4f32, 0.3, 0.2, 0.1].map(f32::ln);
        let kept = |p: f64| {
            let mut sampler = Sampler::new(1).top_p(p);
            let mut ids: Vec<i64> = (0..500).map(|_| sampler.sample(&logits).unwrap()).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.len()
        };
        assert_eq!([0.01, 0.39, 0.6, 0.8, 0.95, 1.0].map(kept), [1, 1, 2, 3, 4, 4]);
    }

    #[test]
    fn what_is_refused() {
        let said = |sampler: Sampler, logits: &[f32], before: &[i64]| {
            sampler.clone().sample_after(logits, before).unwrap_err().to_string()
        };
        let plain = || Sampler::new(0);
        let two = [0.0, 1.0];
        assert_eq!(
            said(plain(), &[], &[]),
            "logits: found none, expected at least one finite number"
        );
        assert_eq!(
            said(plain(), &[0.0, f32::INFINITY], &[]),
            "logits: found inf for id 1, expected finite numbers"
        );
        let never = [f32::NEG_INFINITY; 2];
        assert!(said(plain(), &never, &[]).contains("-inf for every id"));
        assert!(
            said(plain().temperature(f64::NAN), &two, &[]).starts_with("temperature: found NaN")
        );
        assert!(said(plain().temperature(-1.0), &two, &[]).contains("a finite number from 0"));
        assert!(said(plain().top_k(0), &two, &[]).starts_with("top-k: found 0"));
        assert!(said(plain().top_p(1.5), &two, &[]).starts_with("top-p: found 1.5"));
        assert!(said(plain().repetition_penalty(0.0), &two, &[]).starts_with("repetition penalty"));
        assert!(said(plain(), &two, &[2]).contains("ids below 2"));
        let mut sampler = plain();
        assert!((0..50).all(|_| sampler.sample(&[f32::NEG_INFINITY, 0.0]).unwrap() == 1));
    }
}
