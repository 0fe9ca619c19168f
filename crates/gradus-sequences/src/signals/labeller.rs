//! A trained network at work: what a sequence is taken for, or each of its steps.

use std::sync::Arc;

use gradus_data::{DataError, count};
use gradus_nn::{Context, Layer};
use gradus_tensor::{Compiled, Step, Tensor, compile};

use super::{SignalModel, SignalNetwork};
use crate::Result;

type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// A network with its trained weights that says what signals are.
pub struct Labeller {
    model: SignalModel,
    /// Steps `[1, T, C]` and their number `[1]` → probabilities `[1, K]` or `[1, T, K]`.
    label: Compiled<Trace>,
}

/// Sequences are padded to multiples of this: a program is planned for each length.
const MULTIPLE: usize = 16;

impl Labeller {
    /// Of a network with its trained weights, as its description builds it.
    pub fn new(model: SignalModel, network: Arc<SignalNetwork>) -> Labeller {
        let label: Trace = Box::new(move |args: &[Tensor]| {
            let cx = Context::eval();
            cx.set_lengths(&args[0], &args[1]);
            Step::new().read(&network.forward(&args[0], &cx).softmax(-1))
        });
        Labeller { model, label: compile(label) }
    }

    /// The class of a sequence and its probability, or those of each step. `numbers` are those of all channels, step by step; NaN where one is missing.
    ///
    /// # Errors
    /// When there is no step, the numbers are not those of whole steps, one is infinite, or computing meets a bad value.
    pub fn label(&mut self, numbers: &[f64]) -> Result<Vec<(String, f64)>> {
        let width = self.model.channels.len();
        if numbers.is_empty() || !numbers.len().is_multiple_of(width) {
            let expected = format!("some of {} each", count(width, "channel"));
            return Err(
                DataError::invalid("steps", count(numbers.len(), "number"), expected).into()
            );
        }
        if let Some(at) = numbers.iter().position(|x| x.is_infinite()) {
            let found = format!("{} in step {}", numbers[at], at / width);
            return Err(DataError::invalid("steps", found, "finite numbers, or NaN").into());
        }
        let steps = numbers.len() / width;
        let mut x = self.model.normalized(numbers);
        let padded = steps.next_multiple_of(MULTIPLE);
        x.resize(padded * width, 0.0);
        let x = Tensor::from_slice(&x, [1, padded, width]);
        let length = Tensor::from_slice(&[steps as i64], [1]);
        let found = self.label.run(&[&x, &length])?.tensor(0).to_vec::<f32>();
        let rows = found.chunks_exact(self.model.classes.len());
        let best = |row: &[f32]| {
            // Of equals the first.
            let best = (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
            (self.model.classes[best].clone(), f64::from(row[best]))
        };
        Ok(rows.take(if self.model.steps { steps } else { 1 }).map(best).collect())
    }
}
