//! The page of kernels: a picture as a matrix of numbers, what a kernel makes of it and how each pixel is computed, chains of kernels,
//! a kernel learned from a picture before and after, and those of trained networks.

mod chain;
mod learn;
mod messages;
mod pictures;
mod settings;
mod stage;
#[cfg(test)]
mod tests;
mod trained;

use crate::page::Opened;
use crate::wire::{Unreadable, decode, encode};
use crate::{Command as Any, Event as Any_, Page};
use gradus::data::kernels::Map;
use learn::Lesson;
pub use messages::{
    Array, Bank, Border, Colour, Command, Event, Image, Learned, Photo, Picture, Shown, Stage, Sum,
    Term,
};
use settings::Kept;

/// The most passes that an address leads to.
const PASSES: u32 = 2000;

/// The page.
pub(crate) struct Kernels {
    kept: Kept,
    /// The picture, and what each kernel makes of it.
    maps: Vec<Map>,
    /// What learning reads.
    lesson: Option<Lesson>,
}

impl Kernels {
    pub(crate) fn open(settings: &str) -> Opened {
        let (mut kept, mut remarks, mut step, mut learn, mut kernels) =
            (Kept::begin(), vec![], 0u32, None, 0);
        for pair in settings.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            kernels += u32::from(key == "kernel");
            let taken = match key {
                "step" => value
                    .parse()
                    .map(|n| step = n)
                    .map_err(|_| format!("step {value:?} is no number")),
                // When all else is known.
                "learn" => {
                    learn = Some(value);
                    Ok(())
                }
                _ => kept.set(key, value, key == "kernel" && kernels == 1),
            };
            remarks.extend(taken.err());
        }
        remarks.extend(learn.and_then(|size| kept.set("learn", size, false).err()));
        if step > PASSES {
            remarks.push(format!("step {step}: an address leads to {PASSES} passes at most"));
        }
        let mut page = Kernels::of(kept);
        while page.step() < step.min(PASSES) && page.work() {}
        Opened { page: Box::new(page), remarks }
    }

    pub(crate) fn load(bytes: &[u8]) -> Result<Kernels, Unreadable> {
        let kept: Kept = decode(bytes)?;
        match kept.check() {
            Ok(()) => Ok(Kernels::of(kept)),
            Err(what) => Err(Unreadable::new(format!("it holds {what}"))),
        }
    }

    fn of(kept: Kept) -> Kernels {
        let maps = chain::maps(&kept.photo(), kept.colour, &kept.stages, kept.exact);
        let lesson = kept.learning.as_ref().map(|learning| learning.lesson(&maps[0]));
        Kernels { kept, maps, lesson }
    }

    /// Answers a question; none if it was an order.
    fn answer(&self, command: &Command) -> Option<Result<Event, String>> {
        Some(match command {
            Command::Look { after, x, y } => self.look(*after, *x, *y).map(Event::Sum),
            Command::Filter { photo } => self.filter(photo),
            Command::Trained => Ok(Event::Banks { banks: trained::banks() }),
            Command::Header { json, follow } => {
                trained::arrays(json, *follow).map(|arrays| Event::Arrays { arrays })
            }
            Command::Array { array, bytes } => {
                trained::read(array, bytes).map(|bank| Event::Banks { banks: vec![bank] })
            }
            _ => return None,
        })
    }

    fn look(&self, after: bool, x: u32, y: u32) -> Result<Sum, String> {
        let at = self.kept.watched as usize;
        let stage = (at, &self.kept.stages[at]);
        chain::look(stage, &self.maps[at], &self.maps[at + 1], (after, x, y), self.kept.shown)
    }

    fn filter(&self, photo: &Photo) -> Result<Event, String> {
        settings::check_photo(photo)?;
        let Kept { colour, shown, exact, stages, .. } = &self.kept;
        chain::check(photo, stages)?;
        let maps = chain::maps(photo, *colour, stages, *exact);
        Ok(Event::Filtered { image: chain::image(&maps[stages.len()], *shown) })
    }

    fn drawn(&self) -> Picture {
        let kept = &self.kept;
        let last = self.maps.len() - 1;
        let shown = |i: usize| match i {
            0 => Shown::Cut,
            _ if i < last && !kept.exact => Shown::Cut,
            _ => kept.shown,
        };
        let sized = |(stage, map): (&Stage, &Map)| stage.formula(map.width, map.height);
        let (equal, about_equal) = chain::equal(&kept.stages, kept.exact);
        Picture {
            taken: kept.taken.clone(),
            pictures: pictures::names(),
            kernels: stage::names(),
            colour: kept.colour,
            shown: kept.shown,
            exact: kept.exact,
            stages: kept.stages.clone(),
            watched: kept.watched,
            images: self
                .maps
                .iter()
                .enumerate()
                .map(|(i, map)| chain::image(map, shown(i)))
                .collect(),
            told: kept.stages.iter().map(Stage::told).collect(),
            formulas: kept.stages.iter().zip(&self.maps).map(sized).collect(),
            equal,
            about_equal,
            learned: kept.learning.as_ref().map(learn::Learning::told),
            rate: kept.rate,
            momentum: kept.momentum,
        }
    }
}

impl Page for Kernels {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        let Any::Kernels(command) = command else { return vec![] };
        if let Some(answer) = self.answer(&command) {
            return vec![answer.map_or_else(|what| Any_::Refused { what }, Any_::Kernels)];
        }
        let mut kept = self.kept.clone();
        match kept.take(&command) {
            Err(what) => return vec![Any_::Refused { what }],
            Ok(true) => {
                let lesson = self.lesson.take();
                *self = Kernels {
                    lesson: None,
                    maps: chain::maps(&kept.photo(), kept.colour, &kept.stages, kept.exact),
                    kept,
                };
                self.lesson = lesson.filter(|_| self.kept.learning.is_some());
            }
            Ok(false) => {
                if !matches!(command, Command::Rate { .. }) {
                    self.lesson =
                        kept.learning.as_ref().map(|learning| learning.lesson(&self.maps[0]));
                }
                self.kept = kept;
            }
        }
        vec![]
    }

    fn only_asks(&self, command: &Any) -> bool {
        matches!(command, Any::Kernels(command) if command.is_question())
    }

    fn work(&mut self) -> bool {
        let Kept { learning, rate, momentum, step, .. } = &mut self.kept;
        let (Some(learning), Some(lesson)) = (learning, &self.lesson) else { return false };
        if learning.is_done() {
            return false;
        }
        *step += u32::from(learning.work(lesson, *rate, *momentum));
        !learning.is_done()
    }

    fn step(&self) -> u32 {
        self.kept.step
    }

    fn picture(&mut self) -> Any_ {
        Any_::Kernels(Event::Picture(self.drawn()))
    }

    fn settings(&self) -> String {
        self.kept.written()
    }

    fn save(&self) -> Vec<u8> {
        encode(&self.kept)
    }
}
