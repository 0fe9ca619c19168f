//! What a diagnosis has seen so far. All of it is kept in checkpoints, so that a run that goes on remarks on what an uninterrupted
//! one would have remarked on, in the same words.

use super::{Ailment, Flux};
use crate::number::{Floats, Number};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a continued run must know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) said: BTreeSet<Ailment>,
    /// What of it no longer holds, and what is seen instead.
    pub(super) gone: BTreeMap<Ailment, String>,
    /// The epoch, from 1, and the steps taken.
    pub(super) now: (u64, u64),
    /// The losses of the first batches, and of the last ones.
    #[serde(with = "crate::number")]
    pub(super) first: Vec<f64>,
    #[serde(with = "crate::number")]
    pub(super) recent: VecDeque<f64>,
    /// The mean losses of the first quarter and of the last quarter of the epoch at hand, as sums and counts.
    #[serde(with = "crate::number")]
    pub(super) early: (f64, usize),
    #[serde(with = "crate::number")]
    pub(super) late: (f64, usize),
    /// The steps taken when the weights were remembered, if the next step is to be looked at. A checkpoint is of the same time, so its
    /// weights are these.
    pub(super) before: Option<u64>,
    #[serde(with = "crate::number")]
    pub(super) flux: Vec<Flux>,
    /// Of each layer of ReLUs, which units have given zero so far.
    #[serde(with = "ticks")]
    pub(super) dead: BTreeMap<String, Vec<bool>>,
    /// Of each layer that levels off, the parts of its outputs at a level, look by look.
    #[serde(with = "crate::number")]
    pub(super) levelled: BTreeMap<String, Vec<f64>>,
    pub(super) rates: Rates,
    /// Looks in this epoch.
    pub(super) seen: usize,
}

/// The rates of the epoch at hand.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rates {
    pub(super) count: usize,
    #[serde(with = "crate::number")]
    pub(super) first: f64,
    #[serde(with = "crate::number")]
    pub(super) last: f64,
    #[serde(with = "crate::number")]
    pub(super) least: f64,
    #[serde(with = "crate::number")]
    pub(super) most: f64,
}

impl Default for Rates {
    fn default() -> Rates {
        let (least, most) = (f64::INFINITY, f64::NEG_INFINITY);
        Rates { count: 0, first: f64::NAN, last: f64::NAN, least, most }
    }
}

impl Rates {
    pub(super) fn add(&mut self, rate: f64) {
        if self.count == 0 {
            self.first = rate;
        }
        (self.count, self.last) = (self.count + 1, rate);
        (self.least, self.most) = (self.least.min(rate), self.most.max(rate));
    }
}

impl Floats for Flux {
    type Written = (String, Number, Number, Option<Number>);
    fn written(&self) -> Self::Written {
        let Flux { path, gradient, weight, update_ratio } = self;
        (path.clone(), gradient.written(), weight.written(), update_ratio.written())
    }
    fn read((path, gradient, weight, update_ratio): Self::Written) -> Flux {
        let (gradient, weight) = (f64::read(gradient), f64::read(weight));
        Flux { path, gradient, weight, update_ratio: Option::read(update_ratio) }
    }
}

/// Yes and no as a text of `1` and `0`: a layer may have thousands of units.
mod ticks {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    type All = BTreeMap<String, Vec<bool>>;

    pub(super) fn serialize<S: Serializer>(all: &All, s: S) -> Result<S::Ok, S::Error> {
        let text = |ticks: &Vec<bool>| -> String {
            ticks.iter().map(|&tick| if tick { '1' } else { '0' }).collect()
        };
        let texts: BTreeMap<_, _> = all.iter().map(|(path, ticks)| (path, text(ticks))).collect();
        texts.serialize(s)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(d: D) -> Result<All, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(d)?;
        let ticks = |text: String| text.bytes().map(|byte| byte == b'1').collect();
        Ok(texts.into_iter().map(|(path, text)| (path, ticks(text))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is no number too: a run that diverges is looked at as well.
    #[test]
    fn everything_comes_back() {
        let flux = |x: f64| Flux {
            path: "conv1.weight".into(),
            gradient: x,
            weight: 1.0 / 3.0,
            update_ratio: Some(x),
        };
        let mut memory = Memory {
            said: [Ailment::Vanishing].into(),
            now: (2, 17),
            first: vec![0.1 + 0.2, f64::INFINITY],
            recent: [f64::NAN, 2.0].into(),
            early: (f64::NAN, 3),
            before: Some(16),
            flux: vec![flux(f64::NAN), flux(0.25)],
            dead: [("relu1".to_owned(), vec![true, false, false])].into(),
            levelled: [("tanh".to_owned(), vec![0.5, f64::NEG_INFINITY])].into(),
            seen: 1,
            ..Memory::default()
        };
        memory.rates.add(0.5);
        let text = serde_json::to_string(&memory).unwrap();
        assert!(text.contains(r#""relu1":"100""#), "{text}");
        let read: Memory = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{read:?}"), format!("{memory:?}"));
        // Of an older version only some of it is there.
        let old =
            r#"{"said":["dead-units"],"first":[1.5],"recent":[],"early":[0.0,0],"late":[0.0,0]}"#;
        let read: Memory = serde_json::from_str(old).unwrap();
        assert_eq!((read.first, read.seen), (vec![1.5], 0));
    }
}
