//! The engine as a whole.

mod addresses;
mod bits;
mod commands;
mod exports;
mod goldens;
mod gradients;
mod original;
mod regions;

use super::Playground;
use super::address::Address;
use super::messages::{Command, Event, Picture};
use super::run::Run;
use crate::{Command as Any, Event as Any_, Page};

/// A run of an address that must hold no mistake, after so many epochs.
fn run(address: &str, epochs: u32) -> Run {
    let Address { first, remarks, .. } = Address::read(address);
    assert_eq!(remarks, Vec::<String>::new());
    let mut run = Run::new(first, vec![]);
    (0..epochs).for_each(|_| step(&mut run));
    run
}

/// An epoch.
fn step(run: &mut Run) {
    while !run.learn_some(&mut 10_000) {}
    run.end_epoch();
}

/// A page of an address.
fn page(address: &str) -> Playground {
    let opened = Playground::open(address);
    assert_eq!(opened.remarks, Vec::<String>::new());
    Playground::load(&opened.page.save()).expect("a page")
}

/// Works so many epochs.
fn work(page: &mut Playground, epochs: u32) {
    let until = page.step() + epochs;
    while page.step() < until && page.work() {}
}

/// What a command is answered; a refusal as an error.
fn tell(page: &mut Playground, command: Command) -> Result<Vec<Event>, String> {
    let answers = page.handle(Any::Playground(command)).into_iter().map(|event| match event {
        Any_::Playground(event) => Ok(event),
        Any_::Refused { what } => Err(what),
        other => panic!("{other:?}"),
    });
    answers.collect()
}

fn set(page: &mut Playground, name: &str, value: &str) -> Result<Vec<Event>, String> {
    tell(page, Command::Set { run: 0, name: name.into(), value: value.into() })
}

fn picture(page: &mut Playground) -> Picture {
    match page.picture() {
        Any_::Playground(Event::Picture(picture)) => picture,
        other => panic!("{other:?}"),
    }
}
