//! The network: filters that slide along the letters, then convolutions and dense layers over what they found.

use std::sync::Arc;

use gradus_base::{Error, Result};
use gradus_nn::layers::{Conv2d, conv2d, dense, dropout, flatten, max_pool2d_with, relu};
use gradus_nn::{Context, Init, Layer, Module, Sequential, State, Visitor};
use gradus_tensor::{Compiled, Pool, Step, Tensor, compile, try_build};
use serde::{Deserialize, Serialize};

use super::fasta::{LETTERS, codes};
use super::set::Genomes;
use crate::{Mode, Unrolled};

/// What a classifier of nucleotides is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenomeModel {
    /// What the classes are called.
    pub classes: Vec<String>,
    /// Letters that it sees: of a longer sequence its middle, behind a shorter one nothing.
    pub length: usize,
    /// Filters of either convolution.
    pub filters: usize,
    /// Letters that a filter of the first one sees.
    pub width: usize,
    /// Units of the dense layer.
    pub hidden: usize,
    /// With what probability units are dropped while training.
    pub dropout: f64,
}

/// No network of these is larger.
const MOST_UNITS: usize = 1 << 14;
const MOST_LENGTH: usize = 1 << 20;
/// Places of which the largest answer is kept.
const POOL: usize = 3;
/// What a filter of the second convolution sees.
const SECOND: usize = 5;

impl GenomeModel {
    /// A network of a size that learns thousands of sequences in seconds.
    pub fn new(set: &Genomes) -> GenomeModel {
        let length = set.longest();
        GenomeModel {
            classes: set.classes().to_vec(),
            length,
            filters: 48,
            width: length.min(9),
            hidden: 64,
            dropout: 0.4,
        }
    }

    /// The network, its weights as `init` makes them.
    ///
    /// # Errors
    /// When the description is of no network.
    pub fn build(&self, init: &Init) -> Result<Arc<dyn Layer>> {
        Ok(self.network(init)?)
    }

    /// The same, as what its filters are looked at.
    ///
    /// # Errors
    /// As [`GenomeModel::build`].
    pub fn network(&self, init: &Init) -> Result<Arc<GenomeNetwork>> {
        self.check()?;
        let pool = |size: usize| Pool { kernel: [size, 1], stride: [size, 1], ..Pool::new(size) };
        let places = self.length + 1 - self.width;
        let network = try_build(|| {
            let mut rest = Sequential::new([self.filters, places, 1], init).add(relu());
            if places >= POOL {
                rest = rest.add(max_pool2d_with(pool(POOL)));
            }
            if places / POOL >= SECOND {
                rest = rest.add(dropout(self.dropout / 2.0));
                rest = rest.add(conv2d(self.filters, 1).kernel(SECOND, 1)).add(relu());
            }
            GenomeNetwork {
                length: self.length,
                motifs: conv2d(self.filters, 1).kernel(self.width, 1).build(4, init),
                rest: rest
                    .add(flatten())
                    .add(dropout(self.dropout))
                    .add(dense(self.hidden))
                    .add(relu())
                    .add(dropout(self.dropout))
                    .add(dense(self.classes.len())),
            }
        })?;
        Ok(Arc::new(network))
    }

    /// The network over its letters, to be drawn.
    pub fn unrolled(&self) -> Unrolled {
        Unrolled::new(Mode::ManyToOne)
            .layer(format!("{} filters", self.filters), true)
            .layer("dense", false)
    }

    /// Refuses what no network can be built of: a file may say anything.
    pub(crate) fn check(&self) -> Result<()> {
        let sizes = [
            ("length", self.length, 1, MOST_LENGTH),
            ("filters", self.filters, 1, MOST_UNITS),
            ("width", self.width, 1, self.length.max(1)),
            ("hidden", self.hidden, 1, MOST_UNITS),
            ("classes", self.classes.len(), 2, MOST_UNITS),
        ];
        for (name, found, least, most) in sizes {
            if !(least..=most).contains(&found) {
                return Err(Error::value(
                    name,
                    format!("found {found}, expected {least} to {most}"),
                ));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::value(
                "dropout",
                format!("found {}, expected 0 to below 1", self.dropout),
            ));
        }
        Ok(())
    }
}

/// Letters → what filters find → scores.
pub struct GenomeNetwork {
    length: usize,
    motifs: Conv2d,
    rest: Sequential,
}

impl GenomeNetwork {
    /// How far each filter is excited at each place: ids `[B, T]` → `[B, F, T − width + 1, 1]`.
    #[track_caller]
    pub fn found(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let (samples, length) = (ids.size(0), ids.size(1));
        let rows = letters().index_select(0, &ids.reshape([samples * length])); // [B·T, 4]
        let x = rows.reshape([samples, length, 4]).transpose(1, 2).unsqueeze(3); // [B, 4, T, 1]
        cx.run("motifs", &self.motifs, &x)
    }
}

/// What each code stands for, `[16, 4]`: a nucleotide, several evenly, or none.
fn letters() -> Tensor {
    let row = |(_, bases): &(u8, [bool; 4])| {
        let n = bases.iter().filter(|base| **base).count().max(1) as f32;
        bases.map(|base| f32::from(u8::from(base)) / n)
    };
    let all: Vec<f32> = LETTERS.iter().flat_map(row).collect();
    Tensor::from_slice(&all, [LETTERS.len(), 4])
}

impl Module for GenomeNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("motifs", State::Child(&self.motifs));
        visitor("rest", State::Child(&self.rest));
    }
}

impl Layer for GenomeNetwork {
    #[track_caller]
    fn forward(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let found = self.found(ids, cx);
        cx.run("rest", &self.rest, &found)
    }
    fn describe(&self) -> String {
        format!("Genome({} letters)", self.length)
    }
}

/// As many ids as a network sees: the middle of a longer sequence, nothing behind a shorter one.
pub(super) fn fitted(codes: &[u8], length: usize) -> impl Iterator<Item = i64> + '_ {
    let skipped = codes.len().saturating_sub(length) / 2;
    let seen = codes.iter().skip(skipped).take(length).map(|&code| i64::from(code));
    seen.chain(std::iter::repeat(0)).take(length)
}

type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// A trained network at work.
pub struct GenomeReader {
    model: GenomeModel,
    classify: Compiled<Trace>,
}

impl GenomeReader {
    /// Of a network with its trained weights, as its description builds it.
    pub fn new(model: &GenomeModel, network: Arc<GenomeNetwork>) -> GenomeReader {
        let classify = compile(Box::new(move |args: &[Tensor]| {
            Step::new().read(&network.forward(&args[0], &Context::eval()).softmax(1))
        }) as Trace);
        GenomeReader { model: model.clone(), classify }
    }

    /// The probability of each class, in the order of [`GenomeModel::classes`].
    ///
    /// # Errors
    /// When there is no letter, one stands for no nucleotide, or computing meets a bad value.
    pub fn classify(&mut self, sequence: &str) -> crate::Result<Vec<f64>> {
        let codes = codes(sequence, "sequence", 1)?;
        if codes.is_empty() {
            return Err(Error::value("sequence", "found no letter, expected nucleotides").into());
        }
        let ids: Vec<i64> = fitted(&codes, self.model.length).collect();
        let out = self.classify.run(&[&Tensor::from_slice(&ids, [1, ids.len()])])?;
        Ok(out.tensor(0).to_vec::<f32>().into_iter().map(f64::from).collect())
    }
}
