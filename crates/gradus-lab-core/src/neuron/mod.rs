//! The page of one neuron: a perceptron (Rosenblatt 1957, Cornell report 85-460-1) and the line it draws.

mod messages;

use crate::page::Opened;
use crate::wire::{Unreadable, Wire, decode, encode};
use crate::{Command as Any, Event as Any_, Page};
pub use messages::{Command, Event, Picture};

/// The page.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(crate) struct Neuron {
    /// The name of the table that is learned.
    table: String,
    /// Weights of x₁ and x₂ and the bias.
    weights: Vec<f64>,
    /// Samples seen.
    step: u32,
    /// Mistakes made.
    mistakes: u32,
}

/// The tables by name: what 00, 01, 10 and 11 give.
const TABLES: [(&str, [u8; 4]); 4] =
    [("and", [0, 0, 0, 1]), ("or", [0, 1, 1, 1]), ("nand", [1, 1, 1, 0]), ("xor", [0, 1, 1, 0])];

impl Neuron {
    pub(crate) fn open(settings: &str) -> Opened {
        let (mut table, mut remarks) = ("and".to_owned(), vec![]);
        for (key, value) in settings.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "table" if TABLES.iter().any(|(name, _)| *name == value) => table = value.into(),
                "table" => remarks.push(format!("table {value:?} is none of and, or, nand, xor")),
                _ => remarks.push(format!("{key:?} is no setting of this page")),
            }
        }
        let page = Neuron { table, weights: vec![0.0; 3], step: 0, mistakes: 0 };
        Opened { page: Box::new(page), remarks }
    }

    pub(crate) fn load(bytes: &[u8]) -> Result<Neuron, Unreadable> {
        decode(bytes)
    }
}

impl Page for Neuron {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        if let Any::Neuron(Command::Forget) = command {
            (self.weights, self.mistakes) = (vec![0.0; 3], 0);
        }
        vec![]
    }

    fn work(&mut self) -> bool {
        let (_, targets) =
            TABLES.iter().find(|(name, _)| *name == self.table).unwrap_or(&TABLES[0]);
        let sample = self.step as usize % 4;
        let x = [(sample / 2) as f64, (sample % 2) as f64, 1.0];
        let sum: f64 = x.iter().zip(&self.weights).map(|(x, w)| x * w).sum();
        let error = f64::from(u8::from(sum >= 0.0)) - f64::from(targets[sample]);
        self.weights.iter_mut().zip(x).for_each(|(w, x)| *w -= error * x);
        self.mistakes += u32::from(error != 0.0);
        self.step += 1;
        true
    }

    fn step(&self) -> u32 {
        self.step
    }

    fn picture(&mut self) -> Any_ {
        let (weights, step, mistakes) = (self.weights.clone(), self.step, self.mistakes);
        Any_::Neuron(Event::Picture(Picture { weights, step, mistakes }))
    }

    fn settings(&self) -> String {
        format!("table={}", self.table)
    }

    fn save(&self) -> Vec<u8> {
        encode(self)
    }
}
