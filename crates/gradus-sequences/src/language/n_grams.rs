//! The n-gram models beside which a network is shown.

use gradus_text::Smoothing;
use gradus_train::Result;
use serde_json::{Value, json};

/// What n-gram models of what is learned say of what is not, in nats a symbol.
pub(super) struct NGrams {
    /// n, with Witten and Bell's smoothing, with Kneser and Ney's.
    rows: Vec<(usize, f64, f64)>,
}

impl NGrams {
    /// Up to the longest; `nats` is what the model of an order and a smoothing says.
    pub(super) fn of(
        longest: usize,
        nats: impl Fn(usize, Smoothing) -> Result<f64>,
    ) -> Result<NGrams> {
        let row = |n| Ok((n, nats(n, Smoothing::WittenBell)?, nats(n, Smoothing::KneserNey)?));
        Ok(NGrams { rows: (1..=longest).map(row).collect::<Result<_>>()? })
    }

    /// A row for each n; `one` is what a symbol is called.
    pub(super) fn table(&self, one: &str) -> String {
        let head = ["n-grams", "Witten-Bell", "Kneser-Ney"];
        let mut table = format!("{:<10} {:>12} {:>12}   nats a {one}\n", head[0], head[1], head[2]);
        for (n, witten_bell, kneser_ney) in &self.rows {
            table += &format!("{n:<10} {witten_bell:>12.4} {kneser_ney:>12.4}\n");
        }
        table
    }

    /// The best.
    pub(super) fn best(&self) -> f64 {
        self.rows.iter().flat_map(|(_, a, b)| [*a, *b]).fold(f64::INFINITY, f64::min)
    }

    /// The same for programs.
    pub(super) fn record(&self) -> Value {
        let row =
            |(n, a, b): &(usize, f64, f64)| json!({ "n": n, "witten_bell": a, "kneser_ney": b });
        self.rows.iter().map(row).collect()
    }
}
