//! What the slopes of a tile's units are, given what reaches their state.
#![allow(unsafe_code)]

use super::backward::Pass;
use super::panels::UNITS;
use super::{fetch, on_from};
use crate::ops::lanes::Task;
use crate::ops::recurrent::net::{Cell, GruCell, LstmCell};
use crate::ops::recurrent::options::{GruUpdate, RnnActivation};
use gradus_cpu::lanes::{Lanes, Numbers, Scalar};
use std::ops::Range;

/// A tile after its product.
pub(super) struct Stage<'a, T> {
    pub pass: &'a Pass<'a, T>,
    /// The number of the step from the end.
    pub i: usize,
    /// The step; none behind the first.
    pub t: Option<usize>,
    pub stage: usize,
    pub rows: Range<usize>,
    /// The rows before this one ran at the step after.
    pub came: usize,
    /// The rows before this one run at this step.
    pub running: usize,
    /// The block's first unit, and how many there are.
    pub first: usize,
    pub units: usize,
    pub sums: *const T,
}

/// Where a sample's numbers lie, from the block's first unit on. What may be missing is null.
struct Row<T> {
    /// Whether the sample's last step is this one.
    last: bool,
    /// What the product gave; missing where nothing came from a later step.
    sums: *const T,
    /// What reached the last state and cell, if the sample's last step is this one.
    dh: *const T,
    dc: *const T,
    dy: *const T,
    gates: *const T,
    kept: *const T,
    y: *const T,
    /// The state and the cell before.
    old: *const T,
    old_cell: *const T,
    carried: *mut T,
    within: *mut T,
    slopes: *mut T,
    dzx: *mut T,
    inner: *mut T,
}

impl<T: Scalar> Task for Stage<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        // SAFETY: all rows and units are within the pass's arrays; the path was chosen for the machine.
        unsafe {
            if let Some(t) = self.t {
                for row in self.rows.start..self.running {
                    let row = self.row(row, t);
                    self.look_ahead(&row);
                    match (self.pass.net.cell, self.stage) {
                        (Cell::Rnn(activation), _) => self.rnn::<V>(activation, &row),
                        (Cell::Lstm(LstmCell { projection: true, .. }), 0) => {
                            self.projected::<V>(&row);
                        }
                        (Cell::Lstm(cell), _) => self.lstm::<V>(cell, &row),
                        (Cell::Gru(cell), 0) => self.gru::<V>(cell, &row),
                        (Cell::Gru(_), _) => self.reset::<V>(&row),
                    }
                }
                for row in self.running..self.rows.end {
                    self.rest(row, t);
                }
            }
            for row in self.running..self.came {
                self.leave::<V>(row);
            }
        }
    }
}

/// The elements, or zeros where there are none.
#[inline(always)]
unsafe fn load_if<V: Lanes>(from: *const V::Scalar, at: usize, few: usize) -> V {
    // SAFETY: the caller's promise: so many elements there.
    unsafe { if from.is_null() { V::zero() } else { V::load_left(from.add(at), few) } }
}

/// The slope of the sum that a gate squashed.
#[inline(always)]
unsafe fn squashed<V: Lanes>(gate: V, d: V) -> V {
    // SAFETY: the caller's promise.
    unsafe { d.mul(gate).mul(V::splat(V::Scalar::ONE).sub(gate)) }
}

/// The slope of the sum that tanh squashed to y.
#[inline(always)]
unsafe fn bent<V: Lanes>(y: V, d: V) -> V {
    // SAFETY: the caller's promise.
    unsafe { d.mul(V::splat(V::Scalar::ONE).sub(y.mul(y))) }
}

/// The address `n` elements on, of what is there.
#[inline(always)]
fn reading<T>(p: *const T, n: usize) -> *const T {
    on_from(p.cast_mut(), n).cast_const()
}

impl<T: Scalar> Stage<'_, T> {
    #[inline(always)]
    fn row(&self, row: usize, t: usize) -> Row<T> {
        let (pass, first, hidden) = (self.pass, self.first, self.pass.sizes.hidden);
        let (batch, state) = (pass.sizes.batch, pass.sizes.state);
        let sample = pass.samples.sample(row);
        let at = t * batch + sample;
        let width = pass.net.parts() * hidden;
        let sums = self.sums.wrapping_add((row - self.rows.start) * UNITS);
        let last = row >= self.came;
        let missing = std::ptr::null();
        let before = pass.samples.before(t, row).map(|t| t * batch + sample);
        let old = |all: *const T, first_of_all: *const T, width: usize| match before {
            Some(at) => reading(all, at * width + first),
            None => reading(first_of_all, sample * width + first),
        };
        Row {
            last,
            sums: if last && self.stage == 0 { missing } else { sums },
            dh: if last { reading(pass.dh, sample * state + first) } else { missing },
            dc: if last { reading(pass.dc, sample * hidden + first) } else { missing },
            dy: reading(pass.dy, at * state + first),
            gates: reading(pass.gates, at * width + first),
            kept: reading(pass.kept, at * hidden + first),
            y: reading(pass.y, at * state + first),
            old: old(pass.y, pass.h0, state),
            old_cell: old(pass.kept, pass.c0, hidden),
            carried: pass.carried.wrapping_add(row * hidden + first),
            within: pass.within.wrapping_add(row * pass.strides[1] + first),
            slopes: pass.slopes[(self.i + 1) % 2].wrapping_add(row * pass.strides[0] + first),
            dzx: pass.dzx.wrapping_add(at * width + first),
            inner: on_from(pass.inner, at * state + first),
        }
    }

    /// Fetches what the sample reads and writes at the step that is next on the way back, while this one computes.
    #[inline(always)]
    fn look_ahead(&self, row: &Row<T>) {
        let (pass, hidden) = (self.pass, self.pass.sizes.hidden);
        let step = pass.sizes.batch as isize * if pass.net.reverse { 1 } else { -1 };
        let parts = pass.net.parts();
        let (wide, narrow) = (step * (parts * hidden) as isize, step * pass.sizes.state as isize);
        for u in (0..self.units).step_by(64 / size_of::<T>()) {
            for part in 0..parts {
                fetch(row.gates, part * hidden + u, wide);
                fetch(row.dzx, part * hidden + u, wide);
            }
            fetch(row.dy, u, narrow);
            fetch(row.y, u, narrow);
            fetch(row.old, u, narrow);
            fetch(row.kept, u, step * hidden as isize);
            fetch(row.old_cell, u, step * hidden as isize);
        }
    }

    /// What reaches the state after this step.
    #[inline(always)]
    unsafe fn arriving<V: Numbers<Scalar = T>>(&self, row: &Row<T>, u: usize, few: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            let later = if row.sums.is_null() { row.dh } else { row.sums };
            load_if::<V>(later, u, few).add(load_if(row.dy, u, few))
        }
    }

    /// The slope of a sum, to where it is read: by the product of the step before, and by everyone.
    #[inline(always)]
    unsafe fn slope<V: Numbers<Scalar = T>>(&self, z: V, row: &Row<T>, at: usize, few: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            z.store_left(row.slopes.add(at), few);
            z.store_left(row.dzx.add(at), few);
        }
    }

    /// A sample that does not run at this step has no slopes.
    #[inline(always)]
    unsafe fn rest(&self, row: usize, t: usize) {
        let pass = self.pass;
        let (hidden, state) = (pass.sizes.hidden, pass.sizes.state);
        let at = t * pass.sizes.batch + pass.samples.sample(row);
        // With a projection the first stage's units are those of the state.
        let of_state = pass.net.projects() && self.stage == 0;
        // SAFETY: the caller's promise.
        unsafe {
            let zero = |to: *mut T| (0..self.units).for_each(|u| *to.add(u) = T::ZERO);
            if !of_state && (self.stage == 0 || pass.net.projects()) {
                for part in 0..pass.net.parts() {
                    zero(pass.dzx.add((at * pass.net.parts() + part) * hidden + self.first));
                }
            }
            if self.stage == 0 && !pass.inner.is_null() {
                zero(pass.inner.add(at * state + self.first));
            }
        }
    }

    /// What goes beyond a sample's first step.
    #[inline(always)]
    unsafe fn leave<V: Numbers<Scalar = T>>(&self, row: usize) {
        let (pass, first, hidden) = (self.pass, self.first, self.pass.sizes.hidden);
        let sample = pass.samples.sample(row);
        let sums = self.sums.wrapping_add((row - self.rows.start) * UNITS);
        let carried = pass.carried.wrapping_add(row * hidden + first);
        let gru = matches!(pass.net.cell, Cell::Gru(_));
        let of_state = pass.net.projects() && self.stage == 0;
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                if self.stage == 0 {
                    let mut dh = V::load_left(sums.add(u), few);
                    if gru {
                        dh = dh.add(V::load_left(carried.add(u), few));
                    }
                    dh.store_left(pass.dh0.add(sample * pass.sizes.state + first + u), few);
                }
                if !pass.dc0.is_null() && !of_state {
                    let dc = V::load_left(carried.add(u), few);
                    dc.store_left(pass.dc0.add(sample * hidden + first + u), few);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn rnn<V: Numbers<Scalar = T>>(&self, activation: RnnActivation, row: &Row<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let (y, dh): (V, V) = (V::load_left(row.y.add(u), few), self.arriving(row, u, few));
                let z = match activation {
                    RnnActivation::Tanh => bent(y, dh),
                    RnnActivation::Relu => dh.where_positive(y),
                    RnnActivation::ClippedRelu(bound) => {
                        let above = V::splat(T::of(bound)).le(y);
                        above.select(V::zero(), dh.where_positive(y))
                    }
                };
                self.slope(z, row, u, few);
            }
        }
    }

    /// What reaches a state that is a projection.
    #[inline(always)]
    unsafe fn projected<V: Numbers<Scalar = T>>(&self, row: &Row<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let dh: V = self.arriving(row, u, few);
                dh.store_left(row.within.add(u), few);
                dh.store_left(row.inner.add(u), few);
            }
        }
    }

    /// The slope of a gate's sum, and what its peephole gives to the cell it reads.
    #[inline(always)]
    unsafe fn gate<V: Numbers<Scalar = T>>(
        &self,
        row: &Row<T>,
        [part, peephole]: [usize; 2],
        [gate, d]: [V; 2],
        u: usize,
        few: usize,
    ) -> V {
        let hidden = self.pass.sizes.hidden;
        // SAFETY: the caller's promise.
        unsafe {
            let z = squashed(gate, d);
            self.slope(z, row, part * hidden + u, few);
            if self.pass.peepholes.is_null() {
                return V::zero();
            }
            let p = self.pass.peepholes.add(peephole * hidden + self.first + u);
            z.mul(V::load_left(p, few))
        }
    }

    #[inline(always)]
    unsafe fn lstm<V: Numbers<Scalar = T>>(&self, cell: LstmCell, row: &Row<T>) {
        let (places, hidden) = (cell.places(), self.pass.sizes.hidden);
        // SAFETY: the caller's promise.
        unsafe {
            let one = V::splat(T::ONE);
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let dm: V = match cell.projection {
                    true => V::load_left(row.sums.add(u), few),
                    false => self.arriving(row, u, few),
                };
                let later: V = match row.last {
                    true => load_if(row.dc, u, few),
                    false => V::load_left(row.carried.add(u), few),
                };
                let c = V::load_left(row.kept.add(u), few);
                let old = V::load_left(row.old_cell.add(u), few);
                let out = if cell.linear_output { c } else { c.tanh() };
                let mut through = dm;
                let mut peeped = V::zero();
                if let Some(part) = places.output {
                    let o = V::load_left(row.gates.add(part * hidden + u), few);
                    through = dm.mul(o);
                    peeped = self.gate(row, [part, part - 1], [o, dm.mul(out)], u, few);
                }
                if !cell.linear_output {
                    through = bent(out, through);
                }
                let dc = later.add(through).add(peeped);
                let part = places.content;
                let g = V::load_left(row.gates.add(part * hidden + u), few);
                let (mut dg, mut back) = (dc, dc);
                let mut peeped = V::zero();
                if let Some(part) = places.forget {
                    let f = V::load_left(row.gates.add(part * hidden + u), few);
                    back = dc.mul(f);
                    peeped = self.gate(row, [part, part], [f, dc.mul(old)], u, few);
                }
                if let Some(part) = places.input {
                    let i = V::load_left(row.gates.add(part * hidden + u), few);
                    dg = dc.mul(i);
                    let mut share = g;
                    if cell.coupled() {
                        share = g.sub(old);
                        back = dc.mul(one.sub(i));
                    }
                    let more = self.gate(row, [part, part], [i, dc.mul(share)], u, few);
                    peeped = peeped.add(more);
                }
                let z = if cell.linear_input { dg } else { bent(g, dg) };
                self.slope(z, row, part * hidden + u, few);
                back.add(peeped).store_left(row.carried.add(u), few);
            }
        }
    }

    /// A GRU, but for what the reset gate gets where that comes before the product.
    #[inline(always)]
    unsafe fn gru<V: Numbers<Scalar = T>>(&self, cell: GruCell, row: &Row<T>) {
        let hidden = self.pass.sizes.hidden;
        // SAFETY: the caller's promise.
        unsafe {
            let one = V::splat(T::ONE);
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let mut dh: V = self.arriving(row, u, few);
                if !row.sums.is_null() {
                    dh = dh.add(V::load_left(row.carried.add(u), few));
                }
                let z = V::load_left(row.gates.add(hidden + u), few);
                let n = V::load_left(row.gates.add(2 * hidden + u), few);
                let old = V::load_left(row.old.add(u), few);
                let rest = one.sub(z);
                let (kept, new, turn) = match cell.update {
                    GruUpdate::Cho => (z, rest, old.sub(n)),
                    GruUpdate::Chung => (rest, z, n.sub(old)),
                };
                let dn = bent(n, dh.mul(new));
                self.slope(squashed(z, dh.mul(turn)), row, hidden + u, few);
                dn.store_left(row.dzx.add(2 * hidden + u), few);
                dh.mul(kept).store_left(row.carried.add(u), few);
                if row.kept.is_null() {
                    dn.store_left(row.within.add(u), few);
                    continue;
                }
                let r = V::load_left(row.gates.add(u), few);
                let q = V::load_left(row.kept.add(u), few);
                self.slope(squashed(r, dn.mul(q)), row, u, few);
                let dq = dn.mul(r);
                dq.store_left(row.slopes.add(2 * hidden + u), few);
                dq.store_left(row.inner.add(u), few);
            }
        }
    }

    /// The second stage of a GRU whose reset gate comes before the product.
    #[inline(always)]
    unsafe fn reset<V: Numbers<Scalar = T>>(&self, row: &Row<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let ds = V::load_left(row.sums.add(u), few);
                let r = V::load_left(row.gates.add(u), few);
                let old = V::load_left(row.old.add(u), few);
                self.slope(squashed(r, ds.mul(old)), row, u, few);
                let carried = V::load_left(row.carried.add(u), few).add(ds.mul(r));
                carried.store_left(row.carried.add(u), few);
            }
        }
    }
}
