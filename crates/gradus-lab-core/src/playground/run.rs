//! A run: settings, points, a network that learns, and its past.

use super::curve::Losses;
use super::data::{self, Samples};
use super::messages::{Command, Point};
use super::network::{Network, Score, features_at};
use super::random::Random;
use super::settings::Settings;
use super::timeline::{Kept, Timeline};
use std::ops::Range;
use std::sync::Arc;

/// A network that learns.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) settings: Arc<Settings>,
    /// The user's own points, where there are some; those of the test part last.
    pub(super) own: Arc<Vec<Point>>,
    pub(super) samples: Samples,
    /// Every sample's features.
    pub(super) features: Vec<[f64; 7]>,
    /// Which of the seven features are inputs.
    pub(super) used: Vec<usize>,
    order: Vec<u32>,
    pub(super) network: Network,
    pub(super) epoch: u32,
    /// The last epoch to which one can travel.
    pub(super) newest: u32,
    pub(super) train: Score,
    pub(super) test: Score,
    pub(super) losses: Losses,
    pub(super) timeline: Timeline,
    /// The network in the middle of an epoch, and how many samples it has seen; all else is as before the epoch.
    working: Option<(Network, usize)>,
}

/// What a setting is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// What is shown: learning does not depend on it.
    Display,
    /// How it goes on.
    Learning,
    /// Points or the network's form: the run begins again.
    Beginning,
}

/// What a setting of this name is about.
pub(super) fn about(name: &str) -> About {
    match name {
        "showTestData" | "discretize" | "collectStats" | "tutorial" | "hideText" | "cosX"
        | "cosY" => About::Display,
        _ if name.ends_with("_hide") => About::Display,
        "activation" | "regularization" | "batchSize" | "learningRate" | "regularizationRate"
        | "optimizer" | "schedule" | "scheduleEpochs" | "momentum" | "weightDecay" => {
            About::Learning
        }
        _ => About::Beginning,
    }
}

impl Run {
    /// A run at its beginning.
    pub(super) fn new(settings: Settings, mut own: Vec<Point>) -> Run {
        data::relabel(&mut own, &settings);
        own.sort_by_key(|point| point.is_test);
        let (samples, mut random) = data::generate(&settings, &own);
        if settings.draw > 0 {
            random = Random::new(&format!("{}/{}", settings.seed, settings.draw));
        }
        let network = Network::new(&settings, &mut random);
        let kept = Kept {
            epoch: 0,
            settings: Arc::new(settings),
            own: Arc::new(own),
            state: network.state.clone(),
            seen: 0,
        };
        Run::at(kept, samples)
    }

    /// A run as it was kept, with nothing before it.
    pub(super) fn taken_up(kept: Kept) -> Run {
        let (samples, _) = data::generate(&kept.settings, &kept.own);
        Run::at(kept, samples)
    }

    fn at(kept: Kept, samples: Samples) -> Run {
        let none = Score { loss: f64::NAN, accuracy: f64::NAN, silent: vec![] };
        let mut run = Run {
            settings: kept.settings.clone(),
            own: kept.own.clone(),
            samples,
            features: vec![],
            used: vec![],
            order: vec![],
            network: Network::with(&kept.settings, kept.state.clone()),
            epoch: kept.epoch,
            newest: kept.epoch,
            train: none.clone(),
            test: none,
            losses: Losses::new(),
            timeline: Timeline::new(kept, false),
            working: None,
        };
        run.timeline.is_edited = run.settings.is_own();
        run.prepare();
        run.score();
        run.losses.push(run.epoch, run.train.loss, run.test.loss);
        run
    }

    /// What follows from settings and samples.
    fn prepare(&mut self) {
        self.features = self.samples.all.iter().map(|s| features_at(s.x, s.y)).collect();
        self.used = (0..7).filter(|feature| self.settings.features[*feature]).collect();
        self.order = data::order(&self.settings, self.samples.train);
    }

    /// Losses, accuracies, silent units, as the network is now.
    pub(super) fn score(&mut self) {
        let (train, test) = self.samples.all.split_at(self.samples.train);
        let (of_train, of_test) = self.features.split_at(self.samples.train);
        self.train = self.network.score(train, of_train, &self.used);
        self.test = self.network.score(test, of_test, &self.used);
    }

    /// Learns from further samples of an epoch, as long as there is room: a unit of it is a number of the network and a sample. Gives
    /// whether the epoch has seen all of them.
    pub(super) fn learn_some(&mut self, room: &mut usize) -> bool {
        let (mut network, from) = self.working.take().unwrap_or_else(|| (self.network.clone(), 0));
        let most = 1 + *room / network.state.numbers.len();
        let to = self.order.len().min(from + most);
        self.learn(&mut network, from..to);
        *room = room.saturating_sub((to - from) * network.state.numbers.len());
        self.working = Some((network, to));
        to == self.order.len()
    }

    /// Learns from some samples of the present epoch.
    fn learn(&self, network: &mut Network, samples: Range<usize>) {
        let rate = self.settings.rate(self.epoch);
        let mut input = vec![0.0; self.used.len()];
        let batch = self.settings.batch_size as usize;
        for at in samples {
            let index = self.order[at] as usize;
            let values = &self.features[index];
            input.iter_mut().zip(&self.used).for_each(|(to, &from)| *to = values[from]);
            network.forward(&input);
            network.backward(self.samples.all[index].label);
            if (at + 1).is_multiple_of(batch) {
                network.update(&self.settings, rate);
            }
        }
    }

    /// Forgets the beginning of an epoch.
    pub(super) fn stop(&mut self) {
        self.working = None;
    }

    /// The end of an epoch. What came after the one before it, if that was travelled to, is forgotten.
    pub(super) fn end_epoch(&mut self) {
        let Some((network, _)) = self.working.take() else { return };
        self.forget_future();
        self.network = network;
        self.epoch += 1;
        self.newest = self.epoch;
        self.score();
        self.losses.push(self.epoch, self.train.loss, self.test.loss);
        if self.timeline.wants(self.epoch) {
            self.timeline.keep(self.kept());
        }
    }

    fn kept(&self) -> Kept {
        Kept {
            epoch: self.epoch,
            settings: self.settings.clone(),
            own: self.own.clone(),
            state: self.network.state.clone(),
            seen: self.timeline.changes.len(),
        }
    }

    fn forget_future(&mut self) {
        if self.epoch < self.newest {
            self.timeline.forget_after(self.epoch);
            self.losses.forget_after(self.epoch);
            self.newest = self.epoch;
        }
    }

    /// Goes to what was at the end of an epoch, with what was changed then: from the newest kept state before it, learning again.
    pub(super) fn travel(&mut self, epoch: u32) {
        let shown = self.settings.clone();
        let kept = self.timeline.before(epoch).clone();
        let mut next = kept.seen;
        self.network = Network::with(&kept.settings, kept.state);
        self.epoch = kept.epoch;
        let is_same = kept.settings == self.settings && Arc::ptr_eq(&kept.own, &self.own);
        (self.settings, self.own) = (kept.settings, kept.own);
        if !is_same {
            self.samples = data::generate(&self.settings, &self.own).0;
            self.prepare();
        }
        loop {
            while let Some(change) = self.timeline.changes.get(next)
                && change.epoch <= self.epoch
            {
                let command = change.command.clone();
                // What was done then can be done again; of a file that was meddled with, what cannot is passed over.
                let _ = self.apply(&command);
                next += 1;
            }
            if self.epoch >= epoch {
                break;
            }
            let mut network = self.network.clone();
            self.learn(&mut network, 0..self.order.len());
            self.network = network;
            self.epoch += 1;
        }
        let mut settings = Settings::clone(&self.settings);
        settings.show_as(&shown);
        self.settings = Arc::new(settings);
        self.score();
    }

    /// Does what a command says with this run, and notes it. Gives whether the run must begin again: with the settings that it has now.
    ///
    /// # Errors
    /// What cannot be done; then nothing has changed.
    pub(super) fn change(&mut self, command: &Command) -> Result<bool, String> {
        match command {
            Command::Set { name, value, .. } => {
                let mut settings = Settings::clone(&self.settings);
                settings.set(name, value)?;
                match about(name) {
                    _ if settings == *self.settings => return Ok(false),
                    About::Learning => {}
                    About::Display => {
                        self.settings = Arc::new(settings);
                        return Ok(false);
                    }
                    About::Beginning => {
                        self.begin_with(settings, name);
                        return Ok(true);
                    }
                }
            }
            Command::ReadCsv { text, .. } => {
                let (settings, own) = super::csv::read(text, &self.settings)?;
                *self = Run::new(settings, own);
                return Ok(true);
            }
            _ => {}
        }
        self.forget_future();
        self.apply(command)?;
        if !self.timeline.note(self.epoch, command.clone()) {
            self.timeline = Timeline::new(Kept { seen: 0, ..self.kept() }, true);
        }
        self.score();
        Ok(false)
    }

    /// Begins again with other settings; own points are kept.
    fn begin_with(&mut self, settings: Settings, name: &str) {
        let mut own = Vec::clone(&self.own);
        if settings.is_own() && own.is_empty() && !self.settings.is_own() {
            own = self.points();
        }
        if name == "percTrainData" && settings.is_own() {
            data::split(&mut own, &settings);
        }
        *self = Run::new(settings, own);
    }

    /// The training samples in the order in which they are seen.
    pub(super) fn order(&self) -> impl Iterator<Item = u32> {
        self.order.iter().copied()
    }

    /// The samples as points.
    pub(super) fn points(&self) -> Vec<Point> {
        let point = |(at, s): (usize, &data::Sample)| {
            let is_test = at >= self.samples.train;
            Point { x: s.x, y: s.y, label: s.label, is_test }
        };
        self.samples.all.iter().enumerate().map(point).collect()
    }

    /// Changes settings, numbers or points.
    fn apply(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Set { name, value, .. } => {
                let mut settings = Settings::clone(&self.settings);
                settings.set(name, value)?;
                self.follow(settings);
                Ok(())
            }
            Command::Weight { layer, unit, input, value, .. } => {
                let index = self.index(*layer, *unit, Some(*input))?;
                self.network.state.numbers[index] = finite(*value)?;
                self.network.state.dead[index] = false;
                Ok(())
            }
            Command::Bias { layer, unit, value, .. } => {
                let index = self.index(*layer, *unit, None)?;
                self.network.state.numbers[index] = finite(*value)?;
                Ok(())
            }
            _ => self.edit_points(command),
        }
    }

    /// Goes on with other settings of learning.
    fn follow(&mut self, settings: Settings) {
        if settings.optimizer != self.settings.optimizer {
            let state = &mut self.network.state;
            state.first.fill(0.0);
            state.second.fill(0.0);
            state.updates = 0;
        }
        self.network.activation = settings.activation;
        self.settings = Arc::new(settings);
    }

    /// Where a weight or, without an input, a bias lies.
    fn index(&self, layer: u8, unit: u8, input: Option<u8>) -> Result<usize, String> {
        let layers = &self.network.layers;
        let Some(at) = layers.get(usize::from(layer)) else {
            return Err(format!("there is no layer {layer}: there are {}", layers.len()));
        };
        let unit = usize::from(unit);
        if unit >= at.units {
            return Err(format!("layer {layer} has no unit {unit}: it has {}", at.units));
        }
        match input.map(usize::from) {
            None => Ok(at.biases + unit),
            Some(input) if input < at.inputs => Ok(at.weights + unit * at.inputs + input),
            Some(input) => Err(format!("layer {layer} has no input {input}: it has {}", at.inputs)),
        }
    }

    /// Changes the points, which become the user's own.
    fn edit_points(&mut self, command: &Command) -> Result<(), String> {
        let mut own = if self.settings.is_own() { Vec::clone(&self.own) } else { self.points() };
        super::points::edit(&mut own, command, &self.settings)?;
        data::relabel(&mut own, &self.settings);
        own.sort_by_key(|point| point.is_test);
        if !self.settings.is_own() {
            let mut settings = Settings::clone(&self.settings);
            settings.take_own();
            self.settings = Arc::new(settings);
        }
        self.own = Arc::new(own);
        self.samples = data::generate(&self.settings, &self.own).0;
        self.prepare();
        Ok(())
    }
}

/// A number that is one.
fn finite(value: f64) -> Result<f64, String> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(format!("{value} is no number that a weight or a bias can have"))
}
