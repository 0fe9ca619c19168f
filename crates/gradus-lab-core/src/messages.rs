//! What a page says to its session and hears from it.

use crate::wire::Wire;
use crate::{convolution, digits, flow, kernels, neuron, playground};

/// The pages.
#[derive(Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageName {
    /// A perceptron, its line, activations.
    Neuron,
    /// What becomes of gradients from layer to layer.
    Flow,
    /// A convolutional network learns digits.
    Digits,
    /// A small network on points in a plane.
    Playground,
    /// Kernels over pictures.
    Kernels,
    /// A layer of windows, number by number.
    Convolution,
}

/// The first thing a page says.
#[derive(Wire, Clone, Debug, PartialEq)]
pub struct Hello {
    /// [`VERSION`](crate::wire::VERSION) of the messages that the page writes; the first field in every version.
    pub version: u16,
    /// The page.
    pub page: PageName,
    /// Settings, as the address holds them.
    pub settings: String,
    /// The session to go on with, if there is one: its token, as [`Event::Session`] told it.
    pub session: Option<String>,
}

/// From the page to the session.
#[derive(Wire, Clone, Debug, PartialEq)]
pub enum Command {
    /// Draw: the newest picture is wanted.
    Frame,
    /// Work until told otherwise.
    Play,
    /// Stop working.
    Pause,
    /// Take one step.
    Step,
    /// Send the journal.
    Journal,
    /// Begin again with a journal's settings, and do what it says at the steps it names.
    Replay {
        /// A journal as it was sent.
        journal: Vec<u8>,
    },
    /// Begin again with other settings.
    Open {
        /// As an address holds them.
        settings: String,
    },
    /// Of the page of one neuron.
    Neuron(neuron::Command),
    /// Of the page of gradients' flow.
    Flow(flow::Command),
    /// Of the page of digits.
    Digits(digits::Command),
    /// Of the Playground.
    Playground(playground::Command),
    /// Of the page of kernels.
    Kernels(kernels::Command),
    /// Of the page of convolution.
    Convolution(convolution::Command),
}

/// From the session to the page.
// A picture is written as bytes as soon as it is made: nothing holds many of them.
#[allow(clippy::large_enum_variant)]
#[derive(Wire, Clone, Debug, PartialEq)]
pub enum Event {
    /// A page was opened, or taken up again.
    Opened {
        /// Which.
        page: PageName,
        /// Its settings, as the address holds them.
        settings: String,
        /// Steps taken.
        step: u32,
        /// Whether it works.
        playing: bool,
        /// What of the wanted settings could not be taken, and what stands in its place.
        remarks: Vec<String>,
    },
    /// Under which token the session is kept, where it is.
    Session {
        /// To be said in the next [`Hello`].
        token: String,
    },
    /// The settings are others now.
    Settings {
        /// As the address holds them.
        settings: String,
    },
    /// It works, or does not any more.
    Playing {
        /// Whether it works.
        playing: bool,
        /// Steps taken.
        step: u32,
    },
    /// A command could not be done; nothing has changed.
    Refused {
        /// What was found, what was expected, what helps.
        what: String,
    },
    /// The journal.
    Journal {
        /// To be kept in a file, and replayed.
        journal: Vec<u8>,
    },
    /// A journal is being replayed.
    Replaying {
        /// Steps taken.
        step: u32,
        /// Steps of the journal.
        until: u32,
    },
    /// Of the page of one neuron.
    Neuron(neuron::Event),
    /// Of the page of gradients' flow.
    Flow(flow::Event),
    /// Of the page of digits.
    Digits(digits::Event),
    /// Of the Playground.
    Playground(playground::Event),
    /// Of the page of kernels.
    Kernels(kernels::Event),
    /// Of the page of convolution.
    Convolution(convolution::Event),
}
