//! The lab's sessions: what a page of the lab shows and does, without input or output. A [`Session`] holds one page; `gradus-lab`
//! serves sessions over sockets, `gradus-lab-wasm` holds one in the browser itself. Both say the same bytes ([`wire`]).
//!
//! Everything is deterministic: the same settings, commands and steps give the same events.

pub mod convolution;
pub mod digits;
pub mod exact;
pub mod flow;
mod journal;
pub mod kernels;
mod messages;
pub mod neuron;
mod page;
mod pages;
pub mod playground;
mod session;
pub mod wire;

pub use messages::{Command, Event, Hello, PageName};
pub(crate) use page::Page;
pub use session::{Session, greeting};

/// TypeScript of every message between a page and its session: what `cargo xtask wire` writes.
pub fn typescript() -> String {
    use wire::Wire;
    let mut types = wire::Types::default();
    Hello::shape(&mut types);
    Command::shape(&mut types);
    Vec::<Event>::shape(&mut types);
    wire::typescript(&types, wire::VERSION)
}
