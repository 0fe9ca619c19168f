//! How a run comes back to an earlier epoch: states that were kept on the way, and what was changed since.

use super::messages::{Command, Point};
use super::network::State;
use super::settings::Settings;
use crate::wire::{Wire, encode};
use std::sync::Arc;

/// Bytes of kept states of a run.
const ROOM: usize = 3 << 20;
/// Bytes of changes of a run.
const ROOM_OF_CHANGES: usize = 1 << 20;

/// All that a run is at the end of an epoch.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) epoch: u32,
    pub(super) settings: Arc<Settings>,
    pub(super) own: Arc<Vec<Point>>,
    pub(super) state: State,
    /// How many of the changes it has seen.
    pub(super) seen: usize,
}

/// Something that was changed after an epoch.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Change {
    /// Epochs learned before it.
    pub(super) epoch: u32,
    /// What was done.
    pub(super) command: Command,
}

/// What a run keeps of its past.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// Where it begins.
    pub(super) base: Kept,
    /// Whether the settings alone do not lead to where it begins.
    pub(super) is_edited: bool,
    /// What was changed since, in order.
    pub(super) changes: Vec<Change>,
    /// States on the way, in order.
    kept: Vec<Kept>,
    /// Bytes of the changes.
    taken: usize,
    /// A state is kept each time so many epochs are over; it doubles as room gets scarce.
    stride: u32,
}

impl Timeline {
    pub(super) fn new(base: Kept, is_edited: bool) -> Timeline {
        Timeline { base, is_edited, changes: vec![], kept: vec![], taken: 0, stride: 1 }
    }

    /// Whether a state after an epoch is wanted.
    pub(super) fn wants(&self, epoch: u32) -> bool {
        epoch.is_multiple_of(self.stride)
    }

    /// With changes since that were noted before.
    pub(super) fn with(base: Kept, is_edited: bool, changes: Vec<Change>) -> Timeline {
        let taken = changes.iter().map(bytes_of).sum();
        Timeline { changes, taken, ..Timeline::new(base, is_edited) }
    }

    /// Keeps a state; of the older ones each second goes if there are too many.
    pub(super) fn keep(&mut self, kept: Kept) {
        let bytes = 400 + kept.state.numbers.len() * 41;
        self.kept.push(kept);
        while self.kept.len() * bytes > ROOM && self.kept.len() > 2 {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|kept| kept.epoch.is_multiple_of(stride));
        }
    }

    /// Notes a change; gives false if there is no room left: then the past must be given up.
    pub(super) fn note(&mut self, epoch: u32, command: Command) -> bool {
        self.changes.push(Change { epoch, command });
        self.taken += self.changes.last().map_or(0, bytes_of);
        self.taken <= ROOM_OF_CHANGES
    }

    /// The newest state that is not after an epoch.
    pub(super) fn before(&self, epoch: u32) -> &Kept {
        let count = self.kept.partition_point(|kept| kept.epoch <= epoch);
        self.kept[..count].last().unwrap_or(&self.base)
    }

    /// Forgets what came after an epoch.
    pub(super) fn forget_after(&mut self, epoch: u32) {
        self.kept.retain(|kept| kept.epoch <= epoch);
        self.changes.retain(|change| change.epoch <= epoch);
        self.taken = self.changes.iter().map(bytes_of).sum();
        let seen = self.changes.len();
        self.kept.retain(|kept| kept.seen <= seen);
    }

    /// Whether the settings and the number of epochs alone lead to the state after an epoch.
    pub(super) fn is_reproducible(&self, epoch: u32) -> bool {
        let matters = |change: &Change| {
            let is_setting = matches!(change.command, Command::Set { .. });
            change.epoch <= epoch && !(is_setting && change.epoch == 0)
        };
        !self.is_edited && !self.changes.iter().any(matters)
    }

    /// How many states are kept.
    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.kept.len()
    }
}

fn bytes_of(change: &Change) -> usize {
    encode(change).len() + 64
}
