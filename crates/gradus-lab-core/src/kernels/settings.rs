//! What the page holds, and how it stands in an address.

use super::chain::{self, map_of};
use super::learn::Learning;
use super::messages::{Colour, Command, Photo, Shown, Stage};
use super::pictures;
use super::stage::{check_number, names};
use crate::wire::Wire;

/// The longest side of a picture.
pub(super) const SIDE: u32 = 1024;
/// The most pixels of a picture that is kept.
const PIXELS: u32 = 512 * 512;
/// The longest chain.
const CHAIN: usize = 4;
/// The picture's name, if it is the user's.
const OWN: &str = "own";

const COLOURS: [(&str, Colour); 3] =
    [("grey", Colour::Grey), ("apart", Colour::Apart), ("mixed", Colour::Mixed)];
const SHOWN: [(&str, Shown); 3] =
    [("cut", Shown::Cut), ("absolute", Shown::Absolute), ("middle", Shown::Middle)];

/// What is kept: the rest follows from it.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) taken: String,
    pub(super) own: Option<Photo>,
    pub(super) colour: Colour,
    pub(super) shown: Shown,
    pub(super) exact: bool,
    pub(super) stages: Vec<Stage>,
    pub(super) watched: u32,
    pub(super) learning: Option<Learning>,
    pub(super) rate: f64,
    pub(super) momentum: f64,
    /// Passes of all that was learned.
    pub(super) step: u32,
}

impl Kept {
    pub(super) fn begin() -> Kept {
        let taken = pictures::names().swap_remove(0);
        let stages = Stage::named("sharpen").into_iter().collect();
        let (colour, shown, exact, watched, own) = (Colour::Grey, Shown::Cut, true, 0, None);
        let (learning, rate, momentum, step) = (None, 0.9, 0.9, 0);
        Kept { taken, own, colour, shown, exact, stages, watched, learning, rate, momentum, step }
    }

    /// The picture.
    pub(super) fn photo(&self) -> Photo {
        let own = self.own.clone().filter(|_| self.taken == OWN);
        let drawn = || {
            pictures::draw(&self.taken).unwrap_or_else(|| Photo {
                width: 1,
                height: 1,
                rgb: vec![0; 3],
            })
        };
        own.unwrap_or_else(drawn)
    }

    pub(super) fn stage(&self, stage: u32) -> Result<&Stage, String> {
        let count = self.stages.len();
        self.stages
            .get(stage as usize)
            .ok_or_else(|| format!("kernel {stage} of {count}: they are counted from 0"))
    }

    fn put(&mut self, at: u32, stage: Stage) -> Result<(), String> {
        stage.check()?;
        self.stage(at)?;
        self.stages[at as usize] = stage;
        self.fit();
        chain::check(&self.photo(), &self.stages)
    }

    /// Gives the kernels as many slices as there are maps to add up.
    fn fit(&mut self) {
        let mixes = self.colour == Colour::Mixed;
        for (i, stage) in self.stages.iter_mut().enumerate() {
            let slices = if mixes && i == 0 { 3 } else { 1 };
            *stage = stage.clone().sliced(slices);
        }
    }

    /// Does what a command says; gives whether the picture or the chain are others now. After an error the rest is of no use.
    pub(super) fn take(&mut self, command: &Command) -> Result<bool, String> {
        match command {
            Command::Take { name } => {
                let known = pictures::names();
                if !known.contains(name) {
                    return Err(format!("picture {name:?} is none of {}", known.join(", ")));
                }
                (self.taken, self.own, self.learning) = (name.clone(), None, None);
                chain::check(&self.photo(), &self.stages)?;
            }
            Command::Upload { photo } => {
                check_kept(photo)?;
                (self.taken, self.own, self.learning) = (OWN.into(), Some(photo.clone()), None);
                chain::check(photo, &self.stages)?;
            }
            Command::Colour { colour } => {
                if *colour != self.colour {
                    (self.colour, self.learning) = (*colour, None);
                    self.fit();
                }
            }
            Command::Show { shown } => self.shown = *shown,
            Command::Between { exact } => self.exact = *exact,
            Command::Named { .. }
            | Command::Put { .. }
            | Command::Number { .. }
            | Command::Size { .. } => self.edit(command)?,
            Command::Add => {
                if self.stages.len() == CHAIN {
                    return Err(format!("a chain has {CHAIN} kernels at most"));
                }
                self.stages.extend(Stage::named("identity"));
                self.watched = self.stages.len() as u32 - 1;
            }
            Command::Remove { stage } => {
                self.stage(*stage)?;
                if self.stages.len() == 1 {
                    return Err("a chain has one kernel at least".into());
                }
                self.stages.remove(*stage as usize);
                self.watched = self.watched.min(self.stages.len() as u32 - 1);
                self.fit();
                chain::check(&self.photo(), &self.stages)?;
            }
            Command::Watch { stage } => {
                self.stage(*stage)?;
                self.watched = *stage;
            }
            learn => {
                self.learn(learn)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Changes one kernel.
    fn edit(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Named { stage, name } => {
                let old = self.stage(*stage)?.clone();
                let named = Stage::named(name)
                    .ok_or_else(|| format!("kernel {name:?} is none of {}", names().join(", ")))?;
                let named = Stage {
                    stride: old.stride,
                    dilation: old.dilation,
                    border: old.border,
                    ..named
                };
                // The size stays where the kernel grows with it.
                let grown = named.resized(old.size)?;
                self.put(*stage, if grown.name == named.name { grown } else { named })
            }
            Command::Put { stage, kernel } => self.put(*stage, kernel.clone()),
            Command::Number { stage, at, value } => {
                check_number(*value)?;
                let mut changed = self.stage(*stage)?.clone();
                let count = changed.values.len();
                let number = changed
                    .values
                    .get_mut(*at as usize)
                    .ok_or_else(|| format!("number {at} of {count}: they are counted from 0"))?;
                *number = *value;
                changed.name = "custom".into();
                self.put(*stage, changed)
            }
            Command::Size { stage, size } => {
                let resized = self.stage(*stage)?.resized(*size)?;
                self.put(*stage, resized)
            }
            _ => Ok(()),
        }
    }

    /// Begins, changes or ends what is learned.
    fn learn(&mut self, command: &Command) -> Result<(), String> {
        let learning = match command {
            Command::Learn { size } => {
                let teacher = self.stage(self.watched)?.clone();
                // It is learned from the picture itself, wherever in the chain its teacher stands.
                let slices = if self.colour == Colour::Mixed { 3 } else { 1 };
                Learning::from_kernel(&teacher.sliced(slices), *size)?
            }
            Command::LearnFrom { size, after } => {
                check_kept(after)?;
                let slices = if self.colour == Colour::Mixed { 3 } else { 1 };
                Learning::from_picture(after.clone(), slices, *size)?
            }
            Command::Rate { rate, momentum } => {
                if !(0.001..=1.0).contains(rate) || !(0.0..=0.99).contains(momentum) {
                    return Err(format!(
                        "rate {rate}, momentum {momentum}: expected 0.001 to 1, and 0 to 0.99"
                    ));
                }
                (self.rate, self.momentum) = (*rate, *momentum);
                return Ok(());
            }
            _ => {
                self.learning = None;
                return Ok(());
            }
        };
        learning.check(&self.before())?;
        self.learning = Some(learning);
        Ok(())
    }

    /// The picture as it goes into the first kernel.
    pub(super) fn before(&self) -> gradus::data::kernels::Map {
        map_of(&self.photo(), self.colour == Colour::Grey)
    }

    /// One setting of an address.
    pub(super) fn set(&mut self, key: &str, value: &str, is_first: bool) -> Result<(), String> {
        let number = || value.parse::<f64>().map_err(|_| format!("{key} {value:?} is no number"));
        let whole =
            || value.parse::<u32>().map_err(|_| format!("{key} {value:?} is no whole number"));
        match key {
            "picture" if value == OWN => {
                return Err(
                    "picture \"own\": an address does not hold a picture; open it again".into()
                );
            }
            "picture" => self.take(&Command::Take { name: value.into() }).map(drop)?,
            "colour" => {
                let colour = found(key, value, &COLOURS)?;
                self.take(&Command::Colour { colour })?;
            }
            "shown" => self.shown = found(key, value, &SHOWN)?,
            "between" => self.exact = found(key, value, &[("sums", true), ("bytes", false)])?,
            "kernel" => {
                let stage = Stage::read(value)?;
                if is_first {
                    self.stages.clear();
                } else if self.stages.len() == CHAIN {
                    return Err(format!("a chain has {CHAIN} kernels at most"));
                }
                self.stages.push(stage);
                self.fit();
                if let Err(what) = chain::check(&self.photo(), &self.stages) {
                    self.stages.pop();
                    self.stages.extend(Stage::named("identity").filter(|_| is_first));
                    return Err(what);
                }
            }
            "watched" => self.take(&Command::Watch { stage: whole()? }).map(drop)?,
            "rate" => self.learn(&Command::Rate { rate: number()?, momentum: self.momentum })?,
            "momentum" => self.learn(&Command::Rate { rate: self.rate, momentum: number()? })?,
            "learn" => self.learn(&Command::Learn { size: whole()? })?,
            _ => return Err(format!("{key:?} is no setting of this page")),
        }
        Ok(())
    }

    /// As an address holds it.
    pub(super) fn written(&self) -> String {
        let of = |what: &str, name: Option<&str>| {
            name.map_or(String::new(), |name| format!("&{what}={name}"))
        };
        let colour =
            COLOURS.iter().find(|known| known.1 == self.colour && self.colour != Colour::Grey);
        let shown = SHOWN.iter().find(|known| known.1 == self.shown && self.shown != Shown::Cut);
        let mut text = format!("picture={}", self.taken);
        text += &of("colour", colour.map(|known| known.0));
        self.stages.iter().for_each(|stage| text += &format!("&kernel={}", stage.written()));
        text += &of("shown", shown.map(|known| known.0));
        text += if self.exact { "" } else { "&between=bytes" };
        if self.watched > 0 {
            text += &format!("&watched={}", self.watched);
        }
        if (self.rate, self.momentum) != (0.9, 0.9) {
            text += &format!("&rate={}&momentum={}", self.rate, self.momentum);
        }
        if let Some(learning) = &self.learning {
            text += &format!("&learn={}", learning.kernel.size);
        }
        text
    }

    /// Refuses what no page can hold.
    pub(super) fn check(&self) -> Result<(), String> {
        let slices = |i: usize| if self.colour == Colour::Mixed && i == 0 { 3 } else { 1 };
        if self.stages.is_empty() || self.stages.len() > CHAIN {
            return Err(format!("a chain of {} kernels", self.stages.len()));
        }
        for (i, stage) in self.stages.iter().enumerate() {
            stage.check()?;
            if stage.slices() != slices(i) {
                return Err(format!("kernel {i} of {} slices", stage.slices()));
            }
        }
        match (&self.own, self.taken == OWN) {
            (Some(photo), true) => check_kept(photo)?,
            (None, false) if pictures::names().contains(&self.taken) => {}
            _ => return Err(format!("the picture {:?}", self.taken)),
        }
        chain::check(&self.photo(), &self.stages)?;
        self.stage(self.watched)?;
        self.clone().learn(&Command::Rate { rate: self.rate, momentum: self.momentum })?;
        if self.step > u32::MAX / 2 {
            return Err(format!("{} passes", self.step));
        }
        let Some(learning) = &self.learning else { return Ok(()) };
        learning.check(&self.before())
    }
}

/// The value of that name.
fn found<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, String> {
    let names: Vec<&str> = known.iter().map(|known| known.0).collect();
    let of = known.iter().find(|known| known.0 == value).map(|known| known.1);
    of.ok_or_else(|| format!("{key} {value:?} is none of {}", names.join(", ")))
}

/// Refuses a picture that is none, or too large to be looked at.
pub(super) fn check_photo(photo: &Photo) -> Result<(), String> {
    let (width, height, found) = (photo.width, photo.height, photo.rgb.len());
    if !(1..=SIDE).contains(&width) || !(1..=SIDE).contains(&height) {
        return Err(format!(
            "a picture of {width}×{height}: expected 1 to {SIDE} pixels on a side"
        ));
    }
    let expected = 3 * width as usize * height as usize;
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found} bytes for {width}×{height} pixels: expected {expected}")),
    }
}

/// The same for a picture that is kept.
fn check_kept(photo: &Photo) -> Result<(), String> {
    check_photo(photo)?;
    match photo.width * photo.height <= PIXELS {
        true => Ok(()),
        false => Err(format!(
            "a picture of {}×{}: at most {PIXELS} pixels are kept; make it smaller",
            photo.width, photo.height
        )),
    }
}
