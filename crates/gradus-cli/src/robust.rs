//! How a model that learned from pictures that fool it stands them when it is tested.

use crate::bars::{figure, four_places};
use crate::description::Description;
use crate::error::Result;
use gradus::data::Loader;
use gradus::nn::Layer;
use gradus::see::Subject;
use gradus::see::attack::{Attack, Goal, Pgd, Victim};
use gradus::train::Source;
use serde_json::{Value, json};
use std::sync::Arc;

/// A network with its normalisation, under attack.
pub fn victim(model: &Arc<dyn Layer>, description: &Description, seed: u64) -> Victim {
    let subject = Subject::new(model.clone()).normalized(&description.mean, &description.std);
    Victim::new(subject).seeded(seed)
}

/// What came of a test under attack.
pub struct Robust {
    /// The share of the pictures that the model is right about, attacked.
    accuracy: f64,
    attack: Pgd,
}

impl Robust {
    /// Attacks all pictures of a loader.
    pub fn measure(attack: Pgd, mut victim: Victim, data: &Loader) -> Result<Robust> {
        let (mut right, mut all) = (0, 0);
        for batch in Source::from(data, 0, 0) {
            let batch = batch?;
            let (x, t) = batch.xt()?;
            let pixels = victim.subject().pixels(x);
            let made = attack.run(&mut victim, &pixels, &Goal::Away(t.to_vec::<i64>()))?;
            right += made.fooled.iter().filter(|fooled| !**fooled).count();
            all += made.fooled.len();
        }
        Ok(Robust { accuracy: right as f64 / all.max(1) as f64, attack })
    }

    /// `robust accuracy 0.6120   (under pgd of 5 steps, epsilon 0.1)`
    pub fn line(&self, name: &str) -> String {
        let steps = match self.attack.steps {
            1 => String::new(),
            n => format!(" of {n} steps"),
        };
        let epsilon = figure(self.attack.epsilon, 4);
        format!(
            "robust accuracy {}   (under {name}{steps}, epsilon {epsilon})",
            four_places(self.accuracy)
        )
    }

    /// For `--json` and the log.
    pub fn record(&self, into: &mut Value) {
        into["robust_accuracy"] = json!(self.accuracy);
        into["robust_epsilon"] = json!(self.attack.epsilon);
    }
}
