//! The page of one neuron: a perceptron (Rosenblatt 1957, Cornell report 85-460-1) and the line it draws, update by update; whether a
//! line can do it at all; activations and what of a gradient passes through them.

mod activation;
mod apart;
mod margin;
mod messages;
mod points;
mod rule;
#[cfg(test)]
mod tests;

use crate::page::Opened;
use crate::wire::{Unreadable, Wire, decode, encode};
use crate::{Command as Any, Event as Any_, Page};
use gradus_base::words::figure;
pub use messages::{Activation, Apart, Command, Event, Picture, State, Update};
use points::{MOST, OWN, Point};
use rule::{Perceptron, RATES};

/// The page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neuron {
    kept: Kept,
    /// Of the points as they are.
    apart: Apart,
    /// Of what is looked at.
    activation: Activation,
}

/// What of a page is kept: the rest follows from it.
#[derive(Wire, Clone, Debug, PartialEq)]
struct Kept {
    table: String,
    points: Vec<Point>,
    perceptron: Perceptron,
    /// Which activation, where, and how many layers.
    activation: u32,
    x: f64,
    layers: u32,
}

impl Kept {
    fn begin() -> Kept {
        let points = points::table("and").unwrap_or_default();
        let perceptron = Perceptron::new(RATES, true);
        Kept { table: "and".into(), points, perceptron, activation: 1, x: 0.0, layers: 10 }
    }

    fn page(self) -> Neuron {
        let apart = apart::judge(&self.points, self.perceptron.bias);
        let activation = activation::look(self.activation as usize, self.x, self.layers);
        Neuron { kept: self, apart, activation }
    }

    /// One setting of an address.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<f64>().map_err(|_| format!("{key} {value:?} is no number"));
        match key {
            "table" => self.begin_table(value)?,
            "points" => {
                self.points = points::read(value)?;
                self.table = OWN.into();
            }
            "rate" => self.perceptron.rate = rate(number()?)?,
            "bias" => {
                self.perceptron.bias = match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(format!("bias {value:?} is neither on nor off")),
                }
            }
            "f" => self.look(value, self.x, self.layers)?,
            "x" => {
                self.look(activation::names()[self.activation as usize], number()?, self.layers)?
            }
            "layers" => {
                let name = activation::names()[self.activation as usize];
                let layers = value.parse().map_err(|_| format!("layers {value:?} is no number"))?;
                self.look(name, self.x, layers)?;
            }
            _ => return Err(format!("{key:?} is no setting of this page")),
        }
        Ok(())
    }

    fn begin_table(&mut self, name: &str) -> Result<(), String> {
        let found = points::table(name);
        let found =
            found.ok_or_else(|| format!("table {name:?} is none of and, or, nand, xor, own"))?;
        if name != OWN {
            self.points = found;
        }
        self.table = name.into();
        self.perceptron.forget();
        Ok(())
    }

    fn look(&mut self, name: &str, x: f64, layers: u32) -> Result<(), String> {
        let known = || format!("activation {name:?} is none of {}", activation::names().join(", "));
        let at = activation::named(name).ok_or_else(known)?;
        if !(-activation::END..=activation::END).contains(&x) {
            return Err(format!("z = {x}: expected −{0} to {0}", activation::END));
        }
        if !(1..=activation::LAYERS).contains(&layers) {
            return Err(format!("{layers} layers: expected 1 to {}", activation::LAYERS));
        }
        (self.activation, self.x, self.layers) = (at as u32, x, layers);
        Ok(())
    }

    /// A point by its place in the list.
    fn point(&mut self, index: u32) -> Result<&mut Point, String> {
        let count = self.points.len();
        let refusal = || format!("point {index} of {count} points: they are counted from 0");
        self.points.get_mut(index as usize).ok_or_else(refusal)
    }

    /// Does what a command says; gives whether points or bias are others now.
    fn take(&mut self, command: &Command) -> Result<bool, String> {
        match command {
            Command::Forget => self.perceptron.forget(),
            Command::Rate { rate: wanted } => {
                let rate = rate(*wanted)?;
                if rate != self.perceptron.rate {
                    self.perceptron.rate = rate;
                    self.perceptron.go_on();
                }
                return Ok(false);
            }
            Command::Look { name, x, layers } => {
                self.look(name, *x, *layers)?;
                return Ok(false);
            }
            Command::Table { name } => self.begin_table(name)?,
            Command::Bias { on } => {
                self.perceptron.bias = *on;
                self.perceptron.forget();
            }
            edit => {
                self.edit(edit)?;
                self.table = OWN.into();
                self.perceptron.go_on();
            }
        }
        Ok(true)
    }

    /// Changes the points.
    fn edit(&mut self, command: &Command) -> Result<(), String> {
        match *command {
            Command::Add { x, y, one } => {
                let point = Point::at(x, y, one)?;
                if self.points.len() == MOST {
                    return Err(format!(
                        "{MOST} points are there, and more do not fit: erase some"
                    ));
                }
                self.points.push(point);
            }
            Command::Move { index, x, y } => {
                let point = self.point(index)?;
                *point = Point::at(x, y, point.one)?;
            }
            Command::Turn { index } => {
                let point = self.point(index)?;
                point.one = !point.one;
            }
            Command::Erase { index } => {
                self.point(index)?;
                self.points.remove(index as usize);
            }
            _ => self.points.clear(),
        }
        Ok(())
    }
}

/// A rate in thousandths.
fn rate(wanted: f64) -> Result<f64, String> {
    let parts = (wanted * RATES).round();
    match (1.0..=10.0 * RATES).contains(&parts) {
        true => Ok(parts),
        false => Err(format!("rate {wanted}: expected 0.001 to 10")),
    }
}

impl Neuron {
    pub(crate) fn open(settings: &str) -> Opened {
        let (mut kept, mut remarks, mut step) = (Kept::begin(), vec![], 0u32);
        for pair in settings.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let taken = match key {
                "step" => value
                    .parse()
                    .map(|n| step = n)
                    .map_err(|_| format!("step {value:?} is no number")),
                _ => kept.set(key, value),
            };
            remarks.extend(taken.err());
        }
        if step > STEPS {
            remarks.push(format!("step {step}: an address leads to {STEPS} at most"));
        }
        let mut page = kept.page();
        for _ in 0..step.min(STEPS) {
            page.work();
        }
        Opened { page: Box::new(page), remarks }
    }

    pub(crate) fn load(bytes: &[u8]) -> Result<Neuron, Unreadable> {
        let kept: Kept = decode(bytes)?;
        let is_point = |p: &Point| {
            Point::at(f64::from(p.x) / 100.0, f64::from(p.y) / 100.0, p.one).as_ref() == Ok(p)
        };
        let mut looked = kept.clone();
        let is_sound = kept.points.len() <= MOST
            && kept.points.iter().all(is_point)
            && points::table(&kept.table).is_some()
            && rate(kept.perceptron.rate / RATES) == Ok(kept.perceptron.rate)
            && kept.perceptron.is_sound(kept.points.len())
            && activation::names()
                .get(kept.activation as usize)
                .is_some_and(|name| looked.look(name, kept.x, kept.layers).is_ok());
        match is_sound {
            true => Ok(kept.page()),
            false => Err(Unreadable::new("it holds what no page of one neuron can hold".into())),
        }
    }

    fn state(&self) -> State {
        let perceptron = &self.kept.perceptron;
        match perceptron {
            _ if self.kept.points.is_empty() => State::Empty,
            p if p.learned => State::Learned,
            p if p.step >= rule::ENOUGH => State::Weary,
            p if p.is_cycling() => State::Cycling,
            _ => State::Learning,
        }
    }

    /// What is seen.
    fn words(&self) -> String {
        let perceptron = &self.kept.perceptron;
        let mistakes = plural(perceptron.mistakes, "mistake");
        let epochs = perceptron.earlier + perceptron.errors.len() as u32;
        let bound = self.apart.bound.filter(|_| perceptron.fresh);
        let bound = bound.map_or(String::new(), |most| format!(", of at most {}", figure(most, 4)));
        match self.state() {
            State::Empty => "Click to put points there, of either class.".into(),
            State::Learned => {
                format!(
                    "Learned: epoch {epochs} passed without a mistake. {mistakes} in all{bound}."
                )
            }
            State::Cycling => format!(
                "Not learned, and it never will be: the weights come back after every {}. {mistakes} so far.",
                plural(perceptron.cycle().len() as u32 / 3, "sample")
            ),
            State::Weary => {
                format!("{} samples were shown, and that is enough. {mistakes}.", rule::ENOUGH)
            }
            State::Learning => match &perceptron.last {
                None => "Nothing was shown yet. The line appears with the first update.".into(),
                Some(last) => {
                    let (place, given) = (last.point.place(), u8::from(last.answer));
                    match last.answer == last.point.one {
                        true => format!(
                            "{place} gave {given}, which is right: no update. {mistakes} so far{bound}."
                        ),
                        false => format!(
                            "{place} gave {given} and should give {}: the line moves. {mistakes} so far{bound}.",
                            1 - given
                        ),
                    }
                }
            },
        }
    }
}

/// The most steps that an address leads to.
const STEPS: u32 = 10_000;

fn plural(n: u32, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

impl Page for Neuron {
    fn handle(&mut self, command: Any) -> Vec<Any_> {
        let Any::Neuron(command) = command else { return vec![] };
        let mut kept = self.kept.clone();
        match kept.take(&command) {
            Err(what) => return vec![Any_::Refused { what }],
            Ok(true) => *self = kept.page(),
            Ok(false) => {
                if matches!(command, Command::Look { .. }) {
                    self.activation =
                        activation::look(kept.activation as usize, kept.x, kept.layers);
                }
                self.kept = kept;
            }
        }
        vec![]
    }

    fn work(&mut self) -> bool {
        self.kept.perceptron.learn(&self.kept.points)
    }

    fn step(&self) -> u32 {
        self.kept.perceptron.step
    }

    fn picture(&mut self) -> Any_ {
        let Kept { table, points, perceptron, .. } = &self.kept;
        let real =
            |of: fn(&Point) -> i32| points.iter().map(|p| f64::from(of(p)) / 100.0).collect();
        Any_::Neuron(Event::Picture(Picture {
            table: table.clone(),
            xs: real(|p| p.x),
            ys: real(|p| p.y),
            ones: points.iter().map(|p| p.one.into()).collect(),
            sums: points.iter().map(|&p| perceptron.sum(p)).collect(),
            answers: points.iter().map(|&p| u8::from(perceptron.sum(p) >= 0.0)).collect(),
            bias: perceptron.bias,
            rate: perceptron.rate / RATES,
            weights: perceptron.weights(),
            step: perceptron.step,
            mistakes: perceptron.mistakes,
            errors: perceptron.errors.clone(),
            earlier: perceptron.earlier,
            next: perceptron.next,
            update: perceptron.last.as_ref().map(|last| last.told(perceptron.bias)),
            state: self.state(),
            cycle: perceptron.cycle(),
            apart: self.apart.clone(),
            fresh: perceptron.fresh,
            words: self.words(),
            activation: self.activation.clone(),
        }))
    }

    fn settings(&self) -> String {
        let Kept { table, points, perceptron, x, layers, activation } = &self.kept;
        let mut all = match table.as_str() {
            OWN => format!("points={}", points::write(points)),
            table => format!("table={table}"),
        };
        all += &format!("&rate={}", perceptron.rate / RATES);
        all += if perceptron.bias { "" } else { "&bias=off" };
        all + &format!("&f={}&x={x}&layers={layers}", activation::names()[*activation as usize])
    }

    fn save(&self) -> Vec<u8> {
        encode(&self.kept)
    }
}
