//! The page of convolution: one layer whose every number can be asked where it comes from and what its gradient is, and the
//! lecture's questions.

mod draw;
mod layer;
mod messages;
mod quiz;
mod settings;
#[cfg(test)]
mod tests;

use crate::page::Opened;
use crate::wire::{Unreadable, decode, encode};
use crate::{Command as Any, Event as Any_, Page};
pub use messages::{Command, Event, Grid, Layer, Of, Op, Padding, Picture, Question, Sum, Term};
use settings::Kept;

/// The page.
pub(crate) struct Convolution {
    kept: Kept,
}

impl Convolution {
    pub(crate) fn open(settings: &str) -> Opened {
        let (kept, remarks) = Kept::read(settings);
        Opened { page: Box::new(Convolution { kept }), remarks }
    }

    pub(crate) fn load(bytes: &[u8]) -> Result<Convolution, Unreadable> {
        let kept: Kept = decode(bytes)?;
        match kept.check() {
            Ok(()) => Ok(Convolution { kept }),
            Err(what) => Err(Unreadable::new(format!("it holds {what}"))),
        }
    }

    /// Answers a question; none if it was an order.
    fn answer(&self, command: &Command) -> Option<Result<Sum, String>> {
        let kept = &self.kept;
        let [inputs, weights, outputs] = kept.layer.counts();
        let known = |at: u32, count: usize, what: &str| match (at as usize) < count {
            true => Ok(at),
            false => Err(format!("{what} {at} of {count}: they are counted from 0")),
        };
        let slope = |of: Of, at: u32| kept.numbers().of_slope(of, at, &kept.upstream);
        Some(match *command {
            Command::Output { at } => {
                known(at, outputs, "output").map(|at| kept.numbers().of_output(at))
            }
            Command::Input { at } => known(at, inputs, "input").map(|at| slope(Of::Input, at)),
            Command::Slope { at } => known(at, weights, "weight").map(|at| slope(Of::Weight, at)),
            _ => return None,
        })
    }

    fn drawn(&self) -> Picture {
        let kept = &self.kept;
        let numbers = kept.numbers();
        let [input_slopes, weight_slopes, bias_slopes] = numbers.slopes(&kept.upstream);
        let (before, after) = kept.layer.around();
        Picture {
            layer: kept.layer,
            seed: kept.seed,
            out: kept.layer.out() as u32,
            around: vec![before as u32, after as u32],
            input: kept.input.clone(),
            weights: kept.weights.clone(),
            biases: kept.biases.clone(),
            output: numbers.output(),
            upstream: kept.upstream.clone(),
            input_slopes,
            weight_slopes,
            bias_slopes,
            formula: kept.layer.formula(),
            about_padding: kept.layer.about_padding(),
            parameters: kept.layer.parameters(),
            question: kept.question(),
        }
    }
}

impl Page for Convolution {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        let Any::Convolution(command) = command else { return vec![] };
        let refused = |what: String| vec![Any_::Refused { what }];
        if let Some(answer) = self.answer(&command) {
            return answer.map_or_else(refused, |sum| vec![Any_::Convolution(Event::Sum(sum))]);
        }
        let mut kept = self.kept.clone();
        if let Err(what) = kept.take(&command) {
            return refused(what);
        }
        self.kept = kept;
        vec![]
    }

    fn only_asks(&self, command: &Any) -> bool {
        matches!(command, Any::Convolution(command) if command.is_question())
    }

    fn picture(&mut self) -> Any_ {
        Any_::Convolution(Event::Picture(self.drawn()))
    }

    fn settings(&self) -> String {
        self.kept.written()
    }

    fn save(&self) -> Vec<u8> {
        encode(&self.kept)
    }
}
