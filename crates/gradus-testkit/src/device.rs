//! Where cases run: every case on every device of [`Device::ALL`].

use gradus_base::Buffer;
use gradus_base::Result;
use gradus_graph::{Node, read};
use std::sync::Arc;

/// A device: its name, and how nodes are computed on it.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// As it is named in tables and messages.
    pub name: &'static str,
    /// As plans know it.
    pub(crate) on: gradus_graph::Device,
}

impl Device {
    /// The processor.
    pub const CPU: Device = Device { name: "cpu", on: gradus_graph::Device::Cpu };
    /// Plain loops.
    pub const REFERENCE: Device = Device { name: "reference", on: gradus_graph::Device::Reference };
    /// Where cases run unless they say otherwise.
    pub const ALL: &[Device] = &[Device::CPU, Device::REFERENCE];

    pub(crate) fn read(self, nodes: &[Node]) -> Result<Vec<Arc<Buffer>>> {
        self.on.scope(|| read(nodes, &[]))
    }
}
