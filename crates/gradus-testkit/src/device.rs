//! Where cases run. A second device is a second constant here, in [`Device::ALL`]: every case then runs on both.

use gradus_base::Buffer;
use gradus_base::Result;
use gradus_graph::{Node, read};
use std::sync::Arc;

/// A device: its name, and how nodes are computed on it.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// As it is named in tables and messages.
    pub name: &'static str,
    read: fn(&[Node]) -> Result<Vec<Arc<Buffer>>>,
}

impl Device {
    /// The processor.
    pub const CPU: Device = Device { name: "cpu", read: |nodes| read(nodes, &[]) };
    /// Where cases run unless they say otherwise.
    pub const ALL: &[Device] = &[Device::CPU];

    pub(crate) fn read(self, nodes: &[Node]) -> Result<Vec<Arc<Buffer>>> {
        (self.read)(nodes)
    }
}
