//! The system: sequences without end, the network, and what it remembers of two thousand others.

use std::path::Path;
use std::sync::Arc;

use gradus_io::atomic_write;
use gradus_nn::Init;
use gradus_nn::losses::{Loss, mean_squared};
use gradus_tensor::Tensor;
use gradus_train::{Learner, Result, Source};
use serde_json::{Map, json};

use super::picture::{Curve, draw};
use super::problem::{ALPHABET, SYMBOLS, TESTED};
use super::{Cell, Generated, MemoryModel, MemoryNetwork, Problem, gradients};
use crate::{Model, Parts, Report, Steps, System};

/// How near to the sum an answer is right.   Hochreiter and Schmidhuber 1997 §5.4
const NEAR: f32 = 0.04;
/// An error of less than this share of a guess is something learned.
const LEARNED: f64 = 0.9;
/// So long a sequence's gradients are looked at, at most: its steps are taken one by one.
const LONGEST: usize = 1_000;
/// Whether they are those of so many sequences makes little difference.
const LOOKED_AT: usize = 50;

/// A network with a long memory, about to be trained.
pub struct LongMemory {
    model: MemoryModel,
    network: Arc<MemoryNetwork>,
    source: Generated,
    test: Generated,
    learner: Learner,
    seed: u64,
}

impl LongMemory {
    /// A network for a problem.
    ///
    /// ```
    /// use gradus_sequences::System;
    /// use gradus_sequences::memory::{Cell, LongMemory, MemoryModel, Problem};
    /// use gradus_train::{Fit, Progress};
    /// let model = MemoryModel { hidden: 16, length: 4, ..MemoryModel::new(Problem::Adding, Cell::Gru) };
    /// let training = model.training(0);
    /// let mut system = LongMemory::new(model, training)?;
    /// let parts = system.parts();
    /// let mut fit = Fit::default(); // an epoch
    /// fit.run(parts.task, parts.train, None, &mut Progress::default())?;
    /// let report = system.test(None)?;
    /// assert!(report.numbers["mse"].as_f64() < Some(0.02), "{}", report.headline); // who says 1: .1667
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the network cannot be built, or its sequences are too short.
    pub fn new(model: MemoryModel, training: Steps) -> Result<LongMemory> {
        let (problem, length, seed) = (model.problem, model.length, training.seed);
        if training.batch == 0 {
            let what = "found batches of 0 sequences, expected at least 1";
            return Err(gradus_base::Error::value("batch", what).into());
        }
        let network = model.network(&Init::new(seed))?;
        let source = Generated::to_train(problem, length, training.batch, seed);
        let test = Generated::to_test(problem, length, seed);
        let loss: Loss = match problem {
            Problem::Adding => mean_squared.into(),
            Problem::Copy => Loss::new("cross_entropy", |y, t| y.softmax_cross_entropy(t)),
        };
        let learner = training.learner(network.clone(), loss, vec![]);
        Ok(LongMemory { model, network, source, test, learner, seed })
    }

    /// The loss on sequences that were never seen, and whether each answer is right: the sum, or each of the ten symbols.
    fn answers(&mut self) -> Result<(f64, Vec<bool>)> {
        let (mut loss, mut are_right) = (0.0, vec![]);
        for batch in 0..self.test.batches() {
            let (x, t) = self.test.at(0, batch);
            loss += self.learner.evaluate_batch(&x, &t)?.loss;
            let y = self.learner.predict_batch(&x)?;
            let right = match self.model.problem {
                Problem::Adding => (y - t).abs().lt(f64::from(NEAR)),
                Problem::Copy => {
                    let begin = t.size(1) - SYMBOLS;
                    y.argmax(2).slice(1, begin..).eq(&t.slice(1, begin..)) // [B, 10]
                }
            };
            are_right.extend(right.try_to_vec::<bool>()?);
        }
        Ok((loss / self.test.batches() as f64, are_right))
    }

    /// The gradients' norms of a fresh network of each cell, and of this one as it now is.
    fn curves(&self) -> Result<Vec<Curve>> {
        let (x, t) = self.test.at(0, 0);
        let (x, t) = (x.slice(0, ..LOOKED_AT), t.slice(0, ..LOOKED_AT));
        let mut curves = vec![];
        for cell in Cell::ALL {
            let fresh = MemoryModel { cell, ..self.model.clone() };
            let fresh = fresh.network(&Init::new(self.seed))?;
            let label = format!("{}, untrained", cell.name());
            curves.push(Curve {
                label,
                values: gradients::norms(&fresh, &x, &t)?,
                is_dashed: true,
            });
        }
        let label = format!("{}, trained", self.model.cell.name());
        let values = gradients::norms(&self.network, &x, &t)?;
        curves.push(Curve { label, values, is_dashed: false });
        Ok(curves)
    }

    /// What comes back to the first step, of what is there at the last, in rows; the picture; and all of it as numbers.
    fn look_at_gradients(&self, folder: &Path, report: &mut Report) -> Result<()> {
        let curves = self.curves()?;
        report.table += "\ngradient at the first step, as a share of that at the last\n";
        for curve in &curves {
            let [first, .., last] = curve.values[..] else { continue };
            report.table += &format!("{:<16} {:.1e}\n", curve.label, first / last);
        }
        let all = curves.iter().map(|curve| (curve.label.clone(), json!(curve.values)));
        report.numbers.insert("gradients".into(), all.collect::<Map<_, _>>().into());
        let svg = draw("How much of the error's gradient comes back to each step", &curves);
        let path = folder.join("gradients.svg");
        atomic_write(&path, |w| w.write_all(svg.as_bytes()))?;
        report.files.push(("gradients", path));
        Ok(())
    }

    /// A sequence's symbols and what the network says they were.
    fn example(&mut self) -> Result<String> {
        let (x, _) = self.test.at(0, 0);
        let x = x.slice(0, ..1);
        let y = self.learner.predict_batch(&x)?.argmax(2);
        let letters = |ids: &Tensor| -> Result<String> {
            let letter = |&id: &i64| match usize::try_from(id) {
                Ok(id) if id < ALPHABET => char::from(b'a' + id as u8),
                _ => '.',
            };
            Ok(ids.try_to_vec::<i64>()?.iter().map(letter).collect())
        };
        let said = letters(&y.slice(1, y.size(1) - SYMBOLS..))?;
        Ok(format!("given    {}\nrecalled {said}\n", letters(&x.slice(1, ..SYMBOLS))?))
    }
}

impl System for LongMemory {
    fn parts(&mut self) -> Parts<'_> {
        Parts { task: &mut self.learner, train: &self.source, validation: None }
    }
    fn noun(&self) -> &'static str {
        "sequence"
    }
    fn about(&self) -> String {
        let (length, steps) = (self.model.length, self.model.problem.steps(self.model.length));
        let problem = match self.model.problem {
            Problem::Adding => format!("the sum of two marked numbers among {length}"),
            Problem::Copy => {
                format!("{SYMBOLS} symbols of {ALPHABET}, to be copied {length} steps later")
            }
        };
        let cell = self.model.cell.name();
        format!(
            "{problem}: sequences of {steps} steps without end, {TESTED} others to test on; {cell}"
        )
    }
    fn guessing(&self) -> f64 {
        self.model.problem.guessing(self.model.length)
    }
    fn identity(&self) -> Vec<(String, String)> {
        let problem = match self.model.problem {
            Problem::Adding => "adding",
            Problem::Copy => "copy",
        };
        let length = self.model.length.to_string();
        [("problem", problem.to_owned()), ("length", length), ("seed", self.seed.to_string())]
            .map(|(name, found)| (name.to_owned(), found))
            .into()
    }
    fn remarks(&self) -> &[String] {
        &[]
    }
    fn model(&self) -> Model {
        Model::Memory(self.model.clone())
    }

    fn test(&mut self, folder: Option<&Path>) -> Result<Report> {
        let guessing = self.guessing();
        let (loss, are_right) = self.answers()?;
        let share =
            are_right.iter().filter(|right| **right).count() as f64 / are_right.len() as f64;
        let mut report = Report::default();
        let mut number = |name: &str, value: f64| {
            report.numbers.insert(name.into(), json!(value));
        };
        number("guessing", guessing);
        report.headline = match self.model.problem {
            Problem::Adding => {
                number("mse", loss);
                number("within_0.04", share);
                format!(
                    "mse {loss:.4}   always 1: {guessing:.4}   within {NEAR} of the sum {:.1} %",
                    100.0 * share
                )
            }
            Problem::Copy => {
                let whole = are_right.chunks(SYMBOLS).filter(|all| all.iter().all(|right| *right));
                let whole = whole.count() as f64 / TESTED as f64;
                number("cross_entropy", loss);
                number("symbols_right", share);
                number("sequences_right", whole);
                format!(
                    "{loss:.4} nats a place   without a memory {guessing:.4}   symbols right {:.1} %   all ten {:.1} %",
                    100.0 * share,
                    100.0 * whole
                )
            }
        };
        match self.model.problem {
            Problem::Adding => {
                if let Some(folder) = folder.filter(|_| self.model.length <= LONGEST) {
                    self.look_at_gradients(folder, &mut report)?;
                }
            }
            Problem::Copy => report.table = self.example()?,
        }
        if loss > LEARNED * guessing {
            report.remark = Some(format!(
                "it remembers nothing yet: without a memory the loss is {guessing:.4}. It may fall late, and suddenly: train it longer, or over fewer steps"
            ));
        }
        Ok(report)
    }
}
