//! The page of gradients' flow: a multilayer perceptron of any depth that trains, the sizes of gradients, activations and updates layer
//! by layer, what ails it in words, and the cure beside it.   Glorot & Bengio 2010; He et al. 2015, arXiv:1502.01852

mod data;
mod judge;
mod measure;
mod messages;
mod network;
mod run;
mod settings;
#[cfg(test)]
mod tests;

use crate::page::Opened;
use crate::wire::{Unreadable, Wire, decode, encode};
use crate::{Command as Any, Event as Any_, Page};
pub use messages::{
    Command, Event, FlowCure, FlowRemark, FlowRun, FlowSettings, Measured, Picture,
};
use run::{KeptRun, Run};

/// The page: one run, or two that are compared.
pub(crate) struct Flow {
    runs: Vec<Run>,
    measured: Option<Measured>,
    /// Steps that were ever taken, of all runs.
    step: u32,
    /// The step to which the address wants each run; 0 once they are there.
    goal: u32,
}

/// The most steps that an address leads to.
const STEPS: u32 = 1_000_000;

/// A page as it is kept.
#[derive(Wire)]
struct Kept {
    runs: Vec<KeptRun>,
    measured: Option<Measured>,
    step: u32,
    goal: u32,
}

impl Flow {
    pub(crate) fn open(settings: &str) -> Opened {
        // What is no setting of a run: a second one beside it, and the step they begin at.
        let own = |name: &str| settings.split('&').find_map(|pair| pair.strip_prefix(name));
        let others = |pair: &&str| !pair.starts_with("compare=") && !pair.starts_with("step=");
        let of_run: Vec<&str> = settings.split('&').filter(others).collect();
        let (first, mut remarks) = FlowSettings::begin().with(&of_run.join("&"));
        let mut page = Flow { runs: vec![Run::begin(first)], measured: None, step: 0, goal: 0 };
        if let Some(compare) = own("compare=") {
            let change = compare.replace(',', "&").replace(':', "=");
            remarks.extend(page.compare(&change).err());
        }
        match own("step=").map(|step| (step, step.parse())) {
            Some((_, Ok(step))) if step <= STEPS => page.goal = step,
            Some((step, _)) => remarks.push(format!("step {step:?}: expected 0 to {STEPS}")),
            None => {}
        }
        Opened { page: Box::new(page), remarks }
    }

    pub(crate) fn load(bytes: &[u8]) -> Result<Flow, Unreadable> {
        let Kept { runs, measured, step, goal } = decode(bytes)?;
        if !(1..=2).contains(&runs.len()) {
            return Err(Unreadable::new(format!("{} runs where 1 or 2 were expected", runs.len())));
        }
        let runs = runs.into_iter().map(Run::load).collect::<Result<_, _>>()?;
        Ok(Flow { runs, measured, step, goal })
    }

    /// Puts a second run beside the first.
    fn compare(&mut self, change: &str) -> Result<(), String> {
        let first = &self.runs[0].settings;
        let other = first.changed(change)?;
        if other == *first {
            return Err(format!("{change:?} changes nothing, so there is nothing to compare"));
        }
        let run = Run::begin(other);
        self.runs.truncate(1);
        self.runs.push(run);
        Ok(())
    }

    fn take(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Set { change } => {
                let now = &self.runs[0].settings;
                let next = now.changed(change)?;
                if next.is_live(now) {
                    self.runs.truncate(1);
                    self.runs[0].go_on_with(next);
                } else {
                    self.runs = vec![Run::begin(next)];
                }
            }
            Command::Compare { change } => self.compare(change)?,
            Command::Keep { second } => match (second, self.runs.len()) {
                (_, 1) => return Err("there is one run alone".into()),
                (true, _) => drop(self.runs.remove(0)),
                (false, _) => self.runs.truncate(1),
            },
            Command::Restart => {
                let runs = std::mem::take(&mut self.runs).into_iter();
                self.runs = runs.map(|run| Run::begin(run.settings)).collect();
            }
            Command::Measure => {
                let settings = &self.runs[0].settings;
                let inputs = data::Data::of(settings).inputs();
                self.measured = Some(measure::measure(settings, inputs)?);
            }
        }
        Ok(())
    }
}

impl Page for Flow {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        let Any::Flow(command) = command else { return vec![] };
        match self.take(&command) {
            Ok(()) => vec![],
            Err(what) => vec![Any_::Refused { what }],
        }
    }

    /// A step of the run that has taken fewer: one that was put beside the other catches up first.
    fn work(&mut self) -> bool {
        let open = self.runs.iter_mut().filter(|run| !run.seen.lost);
        let Some(run) = open.min_by_key(|run| run.seen.step).filter(|_| self.step < u32::MAX)
        else {
            return false;
        };
        self.step += 1;
        run.learn();
        let is_there = |run: &Run| run.seen.lost || run.seen.step >= self.goal;
        if self.goal > 0 && self.runs.iter().all(is_there) {
            self.goal = 0;
            return false; // where the address leads
        }
        self.runs.iter().any(|run| !run.seen.lost)
    }

    fn step(&self) -> u32 {
        self.step
    }

    fn wanted(&self) -> u32 {
        let left = self.runs.iter().map(|run| self.goal.saturating_sub(run.seen.step));
        self.step.saturating_add(left.sum())
    }

    fn picture(&mut self) -> Any_ {
        let first = &self.runs[0].settings;
        let of = |run: &Run| {
            let (settings, seen) = (&run.settings, &run.seen);
            FlowRun {
                label: judge::label(first, settings),
                step: seen.step,
                loss: seen.loss,
                accuracy: seen.accuracy(),
                losses: seen.losses.clone(),
                stride: seen.stride,
                gradients: seen.gradients.clone(),
                signals: seen.signals.clone(),
                activations: seen.activations.clone(),
                ratios: seen.ratios(),
                idle: judge::idle(settings, seen),
                lost: seen.lost,
                remarks: judge::judge(settings, seen),
            }
        };
        let runs = self.runs.iter().map(of).collect();
        let (settings, measured) = (first.clone(), self.measured.clone());
        Any_::Flow(Event::Picture(Picture { settings, runs, measured }))
    }

    fn settings(&self) -> String {
        let first = &self.runs[0].settings;
        let address = first.address();
        match self.runs.get(1) {
            None => address,
            Some(second) => {
                let change = first.difference(&second.settings);
                format!("{address}&compare={}", change.replace('&', ",").replace('=', ":"))
            }
        }
    }

    fn save(&self) -> Vec<u8> {
        let runs = self.runs.iter().map(Run::save).collect();
        encode(&Kept { runs, measured: self.measured.clone(), step: self.step, goal: self.goal })
    }
}
