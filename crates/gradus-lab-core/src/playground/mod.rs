//! The Playground: a small network on points in a plane, seen while it learns. It is TensorFlow Playground's engine done again,
//! number by number (github.com/tensorflow/playground, Smilkov and Carter), in scalar f64 with functions of our own ([`exact`](crate::exact)),
//! so that the same address gives the same bits everywhere; and what it lacks: several classes, own points, optimisers, schedules,
//! exact regions, the plane as each layer sees it, time travel, two runs side by side.

mod activation;
mod address;
mod csv;
mod curve;
mod data;
mod export;
mod lines;
mod maps;
mod messages;
mod network;
mod picture;
mod points;
mod random;
mod regions;
mod run;
mod save;
mod settings;
#[cfg(test)]
mod tests;
mod timeline;
mod update;
mod warp;

use crate::page::Opened;
use crate::{Command as Any, Event as Any_, Page};
use address::Address;
pub use messages::*;
use random::Random;
use run::Run;

/// How much is learned in a piece of work: numbers of the network times samples. Half a millisecond or two.
const PIECE: usize = 100_000;

/// The page.
#[derive(Debug)]
pub(crate) struct Playground {
    /// One run, or two that learn together.
    runs: Vec<Run>,
    /// Epochs that the engine has learned, those that were learned again and those that were forgotten, too.
    steps: u32,
    /// Epochs that the address asks for.
    wanted: u32,
    view: View,
}

impl Playground {
    pub(crate) fn open(settings: &str) -> Opened {
        let Address { first, second, step, remarks } = Address::read(settings);
        let runs = [first].into_iter().chain(second).map(|settings| Run::new(settings, vec![]));
        let page =
            Playground { runs: runs.collect(), steps: 0, wanted: step, view: View::default() };
        Opened { page: Box::new(page), remarks }
    }

    /// The first epoch to which all runs can travel.
    fn oldest(&self) -> u32 {
        self.runs.iter().map(|run| run.timeline.base.epoch).max().unwrap_or(0)
    }

    /// The last one.
    fn newest(&self) -> u32 {
        self.runs.iter().map(|run| run.newest).min().unwrap_or(0)
    }

    fn run(&mut self, run: u8) -> Result<&mut Run, String> {
        let count = self.runs.len();
        self.runs
            .get_mut(usize::from(run))
            .ok_or_else(|| format!("there is no run {run}: there are {count}"))
    }

    /// All runs again from their settings.
    fn begin_again(&mut self, change: impl Fn(&mut settings::Settings)) {
        for run in &mut self.runs {
            let mut settings = settings::Settings::clone(&run.settings);
            change(&mut settings);
            *run = Run::new(settings, Vec::clone(&run.own));
        }
    }

    fn travel(&mut self, epoch: u32) -> Result<(), String> {
        let (oldest, newest) = (self.oldest(), self.newest());
        if !(oldest..=newest).contains(&epoch) {
            return Err(format!("epoch {epoch} cannot be travelled to: {oldest} to {newest} can"));
        }
        self.runs.iter_mut().for_each(|run| run.travel(epoch));
        Ok(())
    }

    /// Does what a command says; gives what is answered.
    fn obey(&mut self, command: Command) -> Result<Option<Event>, String> {
        match command {
            Command::Reset => self
                .begin_again(|settings| settings.draw = settings.draw.wrapping_add(1) % u32::MAX),
            Command::Regenerate => self.begin_again(|settings| {
                settings.seed = format!("{:.5}", Random::new(&settings.seed).next());
            }),
            Command::Compare { on } => {
                self.runs.truncate(1);
                if on {
                    self.runs.push(self.runs[0].clone());
                }
            }
            Command::Travel { epoch } => self.travel(epoch)?,
            Command::Look(view) => self.view = checked(view)?,
            Command::Probe { run, x, y } => return self.probe(run, x, y).map(Some),
            Command::Thumbnails { run } => {
                let settings = self.run(run)?.settings.clone();
                return Ok(Some(Event::Thumbnails(picture::thumbnails(&settings))));
            }
            Command::Export { run, format } => return export::of(self.run(run)?, format).map(Some),
            Command::Set { run, .. }
            | Command::Weight { run, .. }
            | Command::Bias { run, .. }
            | Command::AddPoint { run, .. }
            | Command::MovePoint { run, .. }
            | Command::LabelPoint { run, .. }
            | Command::ErasePoint { run, .. }
            | Command::ErasePoints { run }
            | Command::ReadCsv { run, .. } => {
                if self.run(run)?.change(&command)? {
                    // Runs that are compared stand at the same epoch.
                    self.begin_again(|_| {});
                }
            }
        }
        Ok(None)
    }

    fn probe(&mut self, run: u8, x: f64, y: f64) -> Result<Event, String> {
        if !(x.abs() <= data::EDGE && y.abs() <= data::EDGE) {
            return Err(format!("({x}, {y}) is outside the square from −6 to 6"));
        }
        let of = self.run(run)?;
        let values = network::features_at(x, y);
        let features: Vec<f64> = of.used.iter().map(|feature| values[*feature]).collect();
        let (sums, outputs) = of.network.forward(&features);
        let (sums, outputs) = (sums[1..].to_vec(), outputs[1..].to_vec());
        Ok(Event::Probed(Probed { run, x, y, features, sums, outputs }))
    }
}

/// A view that can be drawn.
fn checked(view: View) -> Result<View, String> {
    if !(10..=100).contains(&view.unit_side) || !(20..=200).contains(&view.output_side) {
        let (unit, output) = (view.unit_side, view.output_side);
        return Err(format!(
            "maps of {unit} and {output} pixels: 10 to 100 and 20 to 200 can be drawn"
        ));
    }
    Ok(view)
}

impl Page for Playground {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        let is_question = self.only_asks(&command);
        let Any::Playground(command) = command else { return vec![] };
        if !is_question {
            // Commands come between epochs: one that has begun begins again.
            self.runs.iter_mut().for_each(Run::stop);
        }
        match self.obey(command) {
            Ok(answer) => answer.map(Any_::Playground).into_iter().collect(),
            Err(what) => vec![Any_::Refused { what }],
        }
    }

    fn only_asks(&self, command: &Any) -> bool {
        matches!(
            command,
            Any::Playground(
                Command::Look(_)
                    | Command::Probe { .. }
                    | Command::Thumbnails { .. }
                    | Command::Export { .. }
            )
        )
    }

    fn work(&mut self) -> bool {
        let mut room = PIECE;
        if self.runs.iter_mut().all(|run| run.learn_some(&mut room)) {
            self.runs.iter_mut().for_each(Run::end_epoch);
            self.steps += 1;
        }
        true
    }

    fn step(&self) -> u32 {
        self.steps
    }

    fn wanted(&self) -> u32 {
        self.wanted
    }

    fn picture(&mut self) -> Any_ {
        Any_::Playground(Event::Picture(self.drawn()))
    }

    fn settings(&self) -> String {
        let [first, ..] = &self.runs[..] else { return String::new() };
        let mut address = first.settings.address();
        if let Some(second) = self.runs.get(1) {
            let difference = second.settings.difference(&first.settings, "b.");
            address += &format!(
                "&{}",
                if difference.is_empty() { "b.".into() } else { difference.join("&") }
            );
        }
        address
    }

    fn save(&self) -> Vec<u8> {
        self.write()
    }
}
