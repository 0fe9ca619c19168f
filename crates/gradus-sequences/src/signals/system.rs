//! The system: labelled signals, the network, and what it is worth on those that it never learned.

use std::path::Path;
use std::sync::Arc;

use gradus_data::{
    DataError, InMemory, Padding, RecordLoader, RecordOptions, Result as Read, count,
};
use gradus_nn::Init;
use gradus_nn::losses::cross_entropy;
use gradus_train::metrics::accuracy;
use gradus_train::{Learner, Result};
use serde_json::json;

use super::{Labeller, SignalModel, SignalNetwork, Signals};
use crate::labelled::{confusion, report};
use crate::{Model, Parts, Report, Steps, System};

/// Sequences are padded to multiples of this: a program is planned for each length.
const MULTIPLE: usize = 16;

/// A network of labelled signals about to be trained.
pub struct SignalLabels {
    signals: Signals,
    model: SignalModel,
    network: Arc<SignalNetwork>,
    train: RecordLoader,
    test: RecordLoader,
    learner: Learner,
}

impl SignalLabels {
    /// A network for labelled signals.
    ///
    /// ```
    /// use gradus_sequences::signals::{Cell, SignalColumns, SignalLabels, SignalModel, Signals};
    /// use gradus_sequences::{Steps, System};
    /// use gradus_train::{Fit, Progress, Recipe, optim::Adam};
    /// // Waves that rise and such that fall at first, of different lengths, with a label at each step or one for all.
    /// let mut file = "id,x,label\n".to_owned();
    /// for n in 0..60 {
    ///     let sign = if n % 2 == 0 { 1.0 } else { -1.0 };
    ///     for step in 0..6 + n % 5 {
    ///         let x = sign * (step as f64 * 0.7 + n as f64 * 0.01).sin();
    ///         file += &format!("{n},{x:.4},{}\n", if n % 2 == 0 { "up" } else { "down" });
    ///     }
    /// }
    /// let signals = Signals::parse_csv(file.as_bytes(), "waves.csv", &SignalColumns::default())?;
    /// let model = SignalModel { hidden: 8, ..SignalModel::new(Cell::Gru, &signals) };
    /// let steps = Steps { optimizer: Box::new(Adam::new(0.02)), recipe: Recipe::default(), batch: 8, seed: 0 };
    /// let mut system = SignalLabels::new(signals, model, steps)?;
    /// let parts = system.parts();
    /// let mut fit = Fit { epochs: 10, ..Fit::default() };
    /// fit.run(parts.task, parts.train, None, &mut Progress::default())?;
    /// assert_eq!(system.test(None)?.numbers["test_accuracy"].as_f64(), Some(1.0));
    /// assert_eq!(system.labeller().label(&[0.0, 0.7, 1.0, 0.8, 0.3, -0.4])?[0].0, "up");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the network cannot be built, or is of other classes, channels or labels.
    pub fn new(signals: Signals, model: SignalModel, training: Steps) -> Result<SignalLabels> {
        let is_of_these = model.classes == signals.classes()
            && model.channels == signals.channels()
            && model.steps == signals.has_labelled_steps();
        if !is_of_these {
            let of = |classes: usize, channels: usize, steps: bool| {
                let of = if steps { "steps" } else { "sequences" };
                format!("{classes} classes of {of} with {}", count(channels, "channel"))
            };
            let found = format!(
                "a model of {}",
                of(model.classes.len(), model.channels.len(), model.steps)
            );
            let expected =
                of(signals.classes().len(), signals.channels().len(), signals.has_labelled_steps());
            return Err(DataError::invalid(
                "model",
                found,
                format!("one of the {expected} of {}", signals.all.name),
            )
            .into());
        }
        let network = model.network(&Init::new(training.seed))?;
        let train =
            loader(&signals, &model, &signals.all.train, training.batch, Some(training.seed))?;
        let test = loader(&signals, &model, &signals.all.test, training.batch, None)?;
        let learner = training.learner(network.clone(), cross_entropy, vec![accuracy()]);
        Ok(SignalLabels { signals, model, network, train, test, learner })
    }

    /// The network as it now is, as what says what signals are.
    pub fn labeller(&self) -> Labeller {
        Labeller::new(self.model.clone(), self.network.clone())
    }
}

/// Batches of sequences, padded.
fn loader(
    signals: &Signals,
    model: &SignalModel,
    part: &[usize],
    batch: usize,
    shuffled: Option<u64>,
) -> Read<RecordLoader> {
    let x = part.iter().map(|&at| model.normalized(&signals.samples[at]));
    let records = InMemory::new().ragged_rows("x", &[signals.channels().len()], x)?;
    let mut padding = vec![("x".into(), Padding { multiple: MULTIPLE, ..Padding::default() })];
    let records = if model.steps {
        padding.push(("t".into(), Padding::along("x")));
        records.ragged("t", part.iter().map(|&at| signals.all.labels_of(at)))?
    } else {
        let labels: Vec<i64> = part.iter().map(|&at| signals.all.labels_of(at)[0]).collect();
        records.field("t", &[], &labels)?
    };
    let options = RecordOptions {
        batch_size: batch,
        shuffle: shuffled.is_some(),
        seed: shuffled.unwrap_or(0),
        padding,
        ..RecordOptions::default()
    };
    RecordLoader::new(records, options)
}

impl System for SignalLabels {
    fn parts(&mut self) -> Parts<'_> {
        Parts { task: &mut self.learner, train: &self.train, validation: None }
    }
    fn noun(&self) -> &'static str {
        "sequence"
    }
    fn about(&self) -> String {
        let channels = count(self.model.channels.len(), "channel");
        format!("{}; {channels}", self.signals.all.about("sequence"))
    }
    fn guessing(&self) -> f64 {
        self.signals.all.guessing()
    }
    fn identity(&self) -> Vec<(String, String)> {
        let mut identity = self.signals.all.identity();
        identity.push(("channels".to_owned(), self.model.channels.join(",")));
        identity
    }
    fn remarks(&self) -> &[String] {
        &self.signals.all.remarks
    }
    fn model(&self) -> Model {
        Model::SequenceLabels(self.model.clone())
    }

    fn test(&mut self, _: Option<&Path>) -> Result<Report> {
        let all = &self.signals.all;
        let found = confusion(&mut self.learner, &self.test, all.classes.len())?;
        let noun = if self.model.steps { "steps" } else { "sequences" };
        let mut report = report(noun, &all.classes, &found, &[all.majority()]);
        report.numbers.insert("test_sequences".into(), json!(all.test.len()));
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{Cell, SignalColumns};
    use gradus_train::optim::Adam;
    use gradus_train::{Fit, Progress, Recipe};

    /// At each step: whether the step before was above 0. So the state tells, and what is padding must not.
    fn echoes() -> Signals {
        let mut file = "id,x,label\n".to_owned();
        for n in 0..40usize {
            let x = |step: usize| if (n * 7 + step * step * 3 + step * n) % 5 < 2 { 1 } else { -1 };
            for step in 0..4 + n % 6 {
                let before = if step > 0 && x(step - 1) > 0 { "high" } else { "low" };
                file += &format!("{n},{},{before}\n", x(step));
            }
        }
        Signals::parse_csv(file.as_bytes(), "echoes.csv", &SignalColumns::default()).unwrap()
    }

    fn trained(seed: u64) -> (SignalLabels, Report) {
        let signals = echoes();
        let model =
            SignalModel { hidden: 12, dropout: 0.0, ..SignalModel::new(Cell::Lstm, &signals) };
        let steps = Steps {
            optimizer: Box::new(Adam::new(0.03)),
            recipe: Recipe::default(),
            batch: 8,
            seed,
        };
        let mut system = SignalLabels::new(signals, model, steps).unwrap();
        let parts = system.parts();
        let mut fit = Fit { epochs: 15, ..Fit::default() };
        fit.run(parts.task, parts.train, None, &mut Progress::default()).unwrap();
        let report = system.test(None).unwrap();
        (system, report)
    }

    #[test]
    fn each_step_has_a_label() {
        let (system, report) = trained(0);
        assert_eq!(report.numbers["test_accuracy"].as_f64(), Some(1.0), "{}", report.table);
        let steps: usize =
            system.signals.all.test.iter().map(|&at| system.signals.all.labels_of(at).len()).sum();
        let counted: u64 = report.numbers["classes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["samples"].as_u64().unwrap())
            .sum();
        assert_eq!(counted as usize, steps, "padding is no step");
        let said = system.labeller().label(&[1.0, -1.0, -1.0]).unwrap();
        let classes: Vec<&str> = said.iter().map(|(class, _)| class.as_str()).collect();
        assert_eq!(classes, ["low", "high", "low"]);
        assert!(
            system.labeller().label(&[]).is_err()
                && system.labeller().label(&[f64::INFINITY]).is_err()
        );
        assert_eq!(trained(0).1, report, "the same seed, the same bits");
    }

    #[test]
    fn a_model_of_other_data_is_refused() {
        let signals = echoes();
        let model = SignalModel { steps: false, ..SignalModel::new(Cell::Gru, &signals) };
        let steps = Steps {
            optimizer: Box::new(Adam::new(0.1)),
            recipe: Recipe::default(),
            batch: 8,
            seed: 0,
        };
        let said =
            SignalLabels::new(signals.clone(), model.clone(), steps).err().unwrap().to_string();
        let expected = "model: found a model of 2 classes of sequences with 1 channel, expected one of the 2 classes of steps with 1 channel of echoes.csv";
        assert_eq!(said, expected);
        for bad in [
            SignalModel { hidden: 0, ..model.clone() },
            SignalModel { dropout: 1.0, ..model.clone() },
            SignalModel { deviation: vec![0.0], ..model.clone() },
            SignalModel { classes: vec![], ..model.clone() },
            SignalModel { channels: vec![], ..model },
        ] {
            assert!(bad.build(&Init::new(0)).is_err(), "{bad:?}");
        }
    }
}
