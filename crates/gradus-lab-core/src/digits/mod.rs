//! The page of digits: ConvNetJS's demonstration on MNIST (Karpathy 2014) with the network as text, every layer seen, and what it lacks:
//! drawing, the confusion matrix with its pictures, pictures that fool the network.

mod answers;
mod data;
mod export;
mod json;
mod layers;
mod messages;
mod network;
mod settings;
mod statistics;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod trainer;

use crate::page::Opened;
use crate::wire::{Unreadable, Wire, decode, encode};
use crate::{Command as Any, Event as Any_, Page};
use data::{crop, digits};
pub use messages::{Command, Curves, Event, Field, LayerPicture, Method, Options, Picture, Tested};
use network::Network;
use settings::Settings;
use statistics::{Statistics, largest};

/// The page.
pub(crate) struct Digits {
    settings: Settings,
    network: Network,
    counted: Counted,
    /// The layers' picture, as long as nothing it shows has changed.
    seen: Option<(Vec<f32>, Vec<LayerPicture>)>,
}

/// What is counted, and where it is.
#[derive(Wire, Clone, Debug, PartialEq)]
struct Counted {
    /// Updates made.
    step: u32,
    /// Updates since the trainer began.
    updates: u32,
    /// Pictures seen.
    examples: u32,
    /// Pictures learned from since the last update.
    filled: u32,
    /// Random numbers drawn.
    drawn: u32,
    /// The next picture to be tested.
    test: u32,
    statistics: Statistics,
    shown: Shown,
    layers: bool,
}

/// What is looked at.
#[derive(Wire, Clone, Debug, PartialEq)]
enum Shown {
    Test(u32),
    Drawing { pixels: Vec<u8>, label: u8 },
}

/// The page as it is kept.
#[derive(Wire)]
struct Kept {
    settings: Settings,
    values: Vec<Vec<f32>>,
    memories: Vec<Vec<f32>>,
    counted: Counted,
}

/// Every tenth picture is held back, by its place among those to learn from.
const HELD_BACK: u64 = 10;
/// Products that a piece of work may take.
const PIECE: usize = 2_400_000;
/// Updates from one test to the next, and how many pictures are tested then.
const TEST_EVERY: u32 = 5;
const TESTED_AT_ONCE: u32 = 4;

impl Digits {
    pub(crate) fn open(settings: &str) -> Opened {
        let (settings, remarks) = Settings::read(settings);
        Opened { page: Box::new(Digits::new(settings)), remarks }
    }

    fn new(settings: Settings) -> Digits {
        let plan = settings.plan();
        let network = Network::new(plan, u64::from(settings.seed), settings.options.method);
        let statistics = Statistics::new();
        let counted = Counted {
            step: 0,
            updates: 0,
            examples: 0,
            filled: 0,
            drawn: 0,
            test: 0,
            statistics,
            shown: Shown::Test(0),
            layers: true,
        };
        Digits { settings, network, counted, seen: None }
    }

    pub(crate) fn load(bytes: &[u8]) -> Result<Digits, Unreadable> {
        let Kept { settings, values, memories, counted } = decode(bytes)?;
        if text::read(&settings.network).is_err() {
            return Err(Unreadable::new("a network that cannot be read".into()));
        }
        let mut page = Digits::new(settings);
        if !page.network.set_values(&values) || !page.network.set_memories(&memories) {
            return Err(Unreadable::new("weights that do not fit the network".into()));
        }
        page.counted = counted;
        Ok(page)
    }

    /// A random number below `n`: SplitMix64 of the seed and how many were drawn.
    fn random(&mut self, n: u64) -> u64 {
        self.counted.drawn = self.counted.drawn.wrapping_add(1);
        let [seed, drawn] = [self.settings.seed, self.counted.drawn].map(u64::from);
        let mut z = (seed << 32 | drawn).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 32) * n) >> 32
    }

    /// Pictures of the next piece of a batch: pixels, labels, whether each counts. There are always as many, so that one plan serves;
    /// what is too many counts for nothing and is not seen.
    fn piece(&mut self) -> Piece {
        let room = (PIECE / self.network.plan().multiplications().max(1)).clamp(1, 8);
        let wanted = self.settings.options.batch.saturating_sub(self.counted.filled) as usize;
        let mut piece = Piece::default();
        let digits = digits();
        while piece.labels.len() < room && piece.learned < wanted {
            let at = self.random(digits.train.len() as u64);
            let corner = [self.random(5) as usize, self.random(5) as usize];
            let index = digits.train[at as usize];
            let counts = !at.is_multiple_of(HELD_BACK);
            crop(digits.picture(index), corner, &mut piece.pixels);
            piece.labels.push(i64::from(digits.label(index)));
            piece.counts.push(f32::from(counts));
            piece.learned += usize::from(counts);
        }
        piece.seen = piece.labels.len();
        piece.pixels.resize(room * layers::SIDE * layers::SIDE, 0.0);
        piece.labels.resize(room, 0);
        piece.counts.resize(room, 0.0);
        piece
    }

    /// Learns from a piece of a batch.
    fn learn(&mut self) {
        let piece = self.piece();
        let probabilities = self.network.learn(&piece.pixels, &piece.labels, &piece.counts);
        let statistics = &mut self.counted.statistics;
        let answers = probabilities.chunks(layers::CLASSES);
        for (i, probabilities) in answers.take(piece.seen).enumerate() {
            let label = piece.labels[i] as usize;
            let right = f32::from(largest(probabilities) == label);
            if piece.counts[i] > 0.0 {
                statistics.train.add(right);
                statistics.losses.add(-probabilities[label].max(f32::MIN_POSITIVE).ln());
            } else {
                statistics.validation.add(right);
            }
        }
        self.counted.examples = self.counted.examples.saturating_add(piece.seen as u32);
        self.counted.filled += piece.learned as u32;
        self.counted.statistics.seen(self.counted.examples);
    }

    /// Tests the next pictures.
    fn test(&mut self, count: u32) {
        let digits = digits();
        for _ in 0..count.div_ceil(TESTED_AT_ONCE) {
            let tests = data::TESTS as u32;
            let which = [0, 1, 2, 3].map(|i| (self.counted.test + i) % tests);
            self.counted.test = (self.counted.test + TESTED_AT_ONCE) % tests;
            let pictures = which.map(|test| digits.picture(digits.test[test as usize]));
            let pixels: Vec<f32> = pictures.iter().flat_map(|pixels| data::light(pixels)).collect();
            let probabilities = self.network.predict(&pixels);
            for (test, probabilities) in
                which.into_iter().zip(probabilities.chunks(layers::CLASSES))
            {
                self.counted.statistics.tested(test, probabilities);
            }
        }
    }

    fn answered(event: Event) -> Vec<Any_> {
        vec![Any_::Digits(event)]
    }
}

/// A piece of a batch.
#[derive(Default)]
struct Piece {
    pixels: Vec<f32>,
    labels: Vec<i64>,
    counts: Vec<f32>,
    /// Those that are seen, and those of them that are learned from.
    seen: usize,
    learned: usize,
}

impl Page for Digits {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        let Any::Digits(command) = command else { return vec![] };
        if !command.asks() {
            self.seen = None;
        }
        match self.answer(command) {
            Ok(events) => events,
            Err(what) => vec![Any_::Refused { what }],
        }
    }

    /// A piece of a batch; after the last one an update, and with some updates a test: each a piece of its own.
    fn work(&mut self) -> bool {
        self.seen = None;
        if self.counted.filled < self.settings.options.batch {
            self.learn();
            return true;
        }
        self.counted.filled = 0;
        let loss = self.network.update(&self.settings.options, self.counted.updates);
        self.counted.statistics.decay_loss = Some(loss);
        self.counted.updates = self.counted.updates.saturating_add(1);
        self.counted.step = self.counted.step.saturating_add(1);
        if self.counted.step.is_multiple_of(TEST_EVERY) {
            self.test(TESTED_AT_ONCE);
        }
        self.counted.step < u32::MAX
    }

    fn only_asks(&self, command: &Any) -> bool {
        matches!(command, Any::Digits(command) if command.asks())
    }

    fn step(&self) -> u32 {
        self.counted.step
    }

    fn picture(&mut self) -> Any_ {
        Any_::Digits(Event::Picture(Box::new(self.drawn())))
    }

    fn settings(&self) -> String {
        self.settings.write()
    }

    fn save(&self) -> Vec<u8> {
        encode(&Kept {
            settings: self.settings.clone(),
            values: self.network.values(),
            memories: self.network.memories(),
            counted: self.counted.clone(),
        })
    }
}
