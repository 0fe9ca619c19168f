//! What all systems have: data to train and to test on, a network that learns, and a test that says what it is worth.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradus_nn::losses::Loss;
use gradus_nn::{Init, Layer};
use gradus_train::metrics::Metric;
use gradus_train::optim::Optimizer;
use gradus_train::{Learner, Recipe, Result, Source, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Unrolled;
use crate::genome::GenomeModel;
use crate::language::LanguageModel;
use crate::memory::MemoryModel;
use crate::signals::SignalModel;
use crate::text::SentimentModel;

/// A network of sequences with its data, about to be trained.
pub trait System {
    /// What is trained, step by step, and what on.
    fn parts(&mut self) -> Parts<'_>;
    /// What is trained, step by step.
    fn task(&mut self) -> &mut dyn Task {
        self.parts().task
    }
    /// What a sample is called, as one: `stream`, `text`.
    fn noun(&self) -> &'static str;
    /// What is learned from what, in words: `65 characters, 1,003,854 to train on, the last 111,540 to test on`.
    fn about(&self) -> String;
    /// The loss of who knows nothing of a sample, in the units of the loss.
    fn guessing(&self) -> f64;
    /// What the data are, by names: a run that goes on must find the same.
    fn identity(&self) -> Vec<(String, String)>;
    /// What is worth knowing of the data: what was left out, what is strange.
    fn remarks(&self) -> &[String];
    /// What the network is and how it is fed, for the file of its weights.
    fn model(&self) -> Model;
    /// Says what the network is worth as it now is, on what it was never trained on. Files such as pictures go into `folder`, if there is one.
    ///
    /// # Errors
    /// When computing meets a bad value, or a file cannot be written.
    fn test(&mut self, folder: Option<&Path>) -> Result<Report>;
}

/// What `Fit` needs of a system.
pub struct Parts<'a> {
    /// What is trained, step by step.
    pub task: &'a mut dyn Task,
    /// To train on.
    pub train: &'a dyn Source,
    /// To look at after each epoch, if something is held out for that.
    pub validation: Option<&'a dyn Source>,
}

/// What a trained network is and how it is fed: all that is needed beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "system", rename_all = "kebab-case")]
pub enum Model {
    /// One that foresees the next symbol of a text.
    Language(LanguageModel),
    /// One that keeps something in mind over many steps.
    Memory(MemoryModel),
    /// One that tells sequences of nucleotides apart.
    Genome(GenomeModel),
    /// One that tells what class a text is of.
    Sentiment(SentimentModel),
    /// One that tells what class a sequence of numbers is of, or each of its steps.
    SequenceLabels(SignalModel),
}

impl Model {
    /// The network over its steps, to be drawn.
    pub fn unrolled(&self) -> Unrolled {
        match self {
            Model::Language(model) => model.unrolled(),
            Model::Memory(model) => model.unrolled(),
            Model::Genome(model) => model.unrolled(),
            Model::Sentiment(model) => model.unrolled(),
            Model::SequenceLabels(model) => model.unrolled(),
        }
    }

    /// Refuses what no network can be built of: a file may say anything.
    ///
    /// # Errors
    /// As [`Model::build`].
    pub fn check(&self) -> Result<()> {
        match self {
            Model::Language(model) => Ok(model.check()?),
            Model::Memory(model) => Ok(model.check()?),
            Model::Genome(model) => Ok(model.check()?),
            Model::Sentiment(model) => Ok(model.check()?),
            Model::SequenceLabels(model) => Ok(model.check()?),
        }
    }

    /// The network, its weights as `init` makes them.
    ///
    /// # Errors
    /// When the description is of no network: a file may say anything.
    pub fn build(&self, init: &Init) -> Result<Arc<dyn Layer>> {
        match self {
            Model::Language(model) => Ok(model.build(init)?),
            Model::Memory(model) => Ok(model.build(init)?),
            Model::Genome(model) => Ok(model.build(init)?),
            Model::Sentiment(model) => Ok(model.build(init)?),
            Model::SequenceLabels(model) => Ok(model.build(init)?),
        }
    }
}

/// How a system's steps are taken: what is chosen beside its network and its loss.
pub struct Steps {
    /// How the parameters move.
    pub optimizer: Box<dyn Optimizer>,
    /// Bounds, averages, accumulation; loss and metrics are the system's own.
    pub recipe: Recipe,
    /// Samples side by side.
    pub batch: usize,
    /// The seed of weights, order and dropout.
    pub seed: u64,
}

impl Steps {
    /// A network that learns by this loss, beside which the metrics are measured.
    pub(crate) fn learner(
        self,
        network: Arc<dyn Layer>,
        loss: impl Into<Loss>,
        metrics: Vec<Metric>,
    ) -> Learner {
        let recipe = Recipe { loss: loss.into(), metrics, ..self.recipe };
        Learner::with(network, self.optimizer, recipe, self.seed)
    }
}

/// What a test gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// A table or a sample, above all else; lines end with a line break.
    pub table: String,
    /// The numbers that count, in a line.
    pub headline: String,
    /// Numbers and what else is told to programs, by name: `val_nats`.
    pub numbers: Map<String, Value>,
    /// Files that were written, and what each is.
    pub files: Vec<(&'static str, PathBuf)>,
    /// What is strange about the result, if something is: worse than a guess, say.
    pub remark: Option<String>,
}
