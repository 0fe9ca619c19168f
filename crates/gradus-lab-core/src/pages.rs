//! The pages by name. A new one is a line in each function, and its variants in [`Command`] and [`Event`](crate::Event).

use crate::convolution::Convolution;
use crate::digits::Digits;
use crate::flow::Flow;
use crate::kernels::Kernels;
use crate::neuron::Neuron;
use crate::page::Opened;
use crate::playground::Playground;
use crate::wire::Unreadable;
use crate::{Command, Page, PageName};

/// Opens a page with settings as an address holds them.
pub(crate) fn open(name: PageName, settings: &str) -> Opened {
    match name {
        PageName::Neuron => Neuron::open(settings),
        PageName::Flow => Flow::open(settings),
        PageName::Digits => Digits::open(settings),
        PageName::Playground => Playground::open(settings),
        PageName::Kernels => Kernels::open(settings),
        PageName::Convolution => Convolution::open(settings),
    }
}

/// Takes up a page from what it saved.
pub(crate) fn load(name: PageName, bytes: &[u8]) -> Result<Box<dyn Page>, Unreadable> {
    Ok(match name {
        PageName::Neuron => Box::new(Neuron::load(bytes)?),
        PageName::Flow => Box::new(Flow::load(bytes)?),
        PageName::Digits => Box::new(Digits::load(bytes)?),
        PageName::Playground => Box::new(Playground::load(bytes)?),
        PageName::Kernels => Box::new(Kernels::load(bytes)?),
        PageName::Convolution => Box::new(Convolution::load(bytes)?),
    })
}

/// Whether a command is one of the page's own.
pub(crate) fn belongs(command: &Command, name: PageName) -> bool {
    matches!(
        (command, name),
        (Command::Neuron(_), PageName::Neuron)
            | (Command::Flow(_), PageName::Flow)
            | (Command::Digits(_), PageName::Digits)
            | (Command::Playground(_), PageName::Playground)
            | (Command::Kernels(_), PageName::Kernels)
            | (Command::Convolution(_), PageName::Convolution)
    )
}
