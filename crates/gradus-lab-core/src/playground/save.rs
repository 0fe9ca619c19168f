//! A page as bytes, and back: where each run is, and how it came there. States on the way are not kept: travelling learns them again.

use super::messages::{Curve, Point, View};
use super::network::State;
use super::run::Run;
use super::settings::Settings;
use super::timeline::{Change, Kept, Timeline};
use super::{Address, Playground};
use crate::wire::{Unreadable, Wire, decode, encode};
use std::sync::Arc;

/// Steps that no page has taken.
const MOST_STEPS: u32 = 1 << 30;

/// A page.
#[derive(Wire)]
struct Saved {
    steps: u32,
    wanted: u32,
    view: View,
    runs: Vec<SavedRun>,
}

/// A run.
#[derive(Wire)]
struct SavedRun {
    now: SavedState,
    newest: u32,
    curve: Curve,
    stride: u32,
    base: SavedState,
    is_edited: bool,
    changes: Vec<Change>,
}

/// All that a run is at the end of an epoch.
#[derive(Wire)]
struct SavedState {
    epoch: u32,
    settings: String,
    own: Vec<Point>,
    state: State,
}

impl SavedState {
    fn of(epoch: u32, settings: &Settings, own: &[Point], state: &State) -> SavedState {
        SavedState { epoch, settings: settings.address(), own: own.to_vec(), state: state.clone() }
    }

    fn kept(self, seen: usize) -> Result<Kept, Unreadable> {
        let Address { first, remarks, .. } = Address::read(&self.settings);
        if let Some(what) = remarks.first() {
            return Err(Unreadable::new(what.clone()));
        }
        let sizes = first.sizes();
        let count: usize = sizes.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum();
        let State { numbers, dead, sums, gradients, first: u, second: v, .. } = &self.state;
        let lengths = [numbers.len(), dead.len(), sums.len(), gradients.len(), u.len(), v.len()];
        if lengths != [count; 6] {
            return Err(Unreadable::new(format!("{count} numbers of a network are expected")));
        }
        let (settings, own) = (Arc::new(first), Arc::new(self.own));
        Ok(Kept { epoch: self.epoch, settings, own, state: self.state, seen })
    }
}

impl Playground {
    pub(super) fn write(&self) -> Vec<u8> {
        let run = |run: &Run| {
            let base = &run.timeline.base;
            SavedRun {
                now: SavedState::of(run.epoch, &run.settings, &run.own, &run.network.state),
                newest: run.newest,
                curve: run.losses.curve.clone(),
                stride: run.losses.stride,
                base: SavedState::of(base.epoch, &base.settings, &base.own, &base.state),
                is_edited: run.timeline.is_edited,
                changes: run.timeline.changes.clone(),
            }
        };
        let runs = self.runs.iter().map(run).collect();
        encode(&Saved { steps: self.steps, wanted: self.wanted, view: self.view, runs })
    }

    /// Takes a page up.
    pub(crate) fn load(bytes: &[u8]) -> Result<Playground, Unreadable> {
        let Saved { steps, wanted, view, runs } = decode(bytes)?;
        if !matches!(runs.len(), 1 | 2) || super::checked(view).is_err() || steps > MOST_STEPS {
            return Err(Unreadable::new("one run or two, and a view, are expected".into()));
        }
        let runs = runs.into_iter().map(taken_up).collect::<Result<_, _>>()?;
        Ok(Playground { runs, steps, wanted, view })
    }
}

fn taken_up(saved: SavedRun) -> Result<Run, Unreadable> {
    let base = saved.base.kept(0)?;
    let now = saved.now.kept(saved.changes.len())?;
    let is_ordered = base.epoch <= now.epoch && now.epoch <= saved.newest;
    let changes = saved.changes.iter().map(|change| change.epoch);
    let Curve { epochs, train, test } = &saved.curve;
    let is_curve = saved.stride > 0 && train.len() == epochs.len() && test.len() == epochs.len();
    if !is_ordered || !is_curve || saved.newest > MOST_STEPS || !changes.is_sorted() {
        return Err(Unreadable::new("a run's epochs go backwards".into()));
    }
    let mut run = Run::taken_up(now);
    run.newest = saved.newest;
    run.losses.curve = saved.curve;
    run.losses.stride = saved.stride;
    run.timeline = Timeline::with(base, saved.is_edited, saved.changes);
    Ok(run)
}
