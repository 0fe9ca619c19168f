//! What a tile's units make of their sums.
#![allow(unsafe_code)]

use super::forward::Pass;
use super::panels::UNITS;
use super::{fetch, on_from};
use crate::ops::lanes::Task;
use crate::ops::recurrent::net::{Cell, GruCell, LstmCell};
use crate::ops::recurrent::options::{GruUpdate, RnnActivation};
use gradus_cpu::lanes::{Clipping, Lanes, Numbers, Scalar};
use std::ops::Range;
use std::ptr::null_mut;

/// A tile after its product.
pub(super) struct Stage<'a, T> {
    pub pass: &'a Pass<'a, T>,
    /// The number of the step, and the step.
    pub i: usize,
    pub t: usize,
    pub stage: usize,
    pub rows: Range<usize>,
    /// The rows before this one run.
    pub running: usize,
    /// The block's first unit, and how many there are.
    pub first: usize,
    pub units: usize,
    /// How many parts of sums there are.
    pub parts: usize,
    pub sums: *const T,
}

/// Where a sample's numbers lie, from the block's first unit on. What may be missing is null.
struct Row<T> {
    sums: *const T,
    zx: *const T,
    /// The state before.
    old: *const T,
    /// The state after.
    new: *mut T,
    cell: *mut T,
    within: *mut T,
    update: *mut T,
    y: *mut T,
    gates: *mut T,
    kept: *mut T,
    /// The last state and cell, if this is the sample's last step.
    h: *mut T,
    c: *mut T,
}

impl<T: Scalar> Task for Stage<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        // SAFETY: all rows and units are within the pass's arrays; the path was chosen for the machine.
        unsafe {
            for row in self.rows.start..self.running {
                let row = self.row(row);
                self.look_ahead(&row);
                match (self.pass.net.cell, self.stage) {
                    (Cell::Rnn(activation), _) => self.rnn::<V>(activation, &row),
                    (Cell::Lstm(cell), 0) => self.lstm::<V>(cell, &row),
                    (Cell::Lstm(_), _) => self.project::<V>(&row),
                    (Cell::Gru(cell), 0) if self.parts == 3 => self.gru::<V>(cell, &row),
                    (Cell::Gru(_), 0) => self.reset::<V>(&row),
                    (Cell::Gru(cell), _) => self.renew::<V>(cell, &row),
                }
            }
            for row in self.running..self.rows.end {
                self.rest::<V>(&self.row(row));
            }
        }
    }
}

/// The sum of a unit's product and of what comes from outside.
#[inline(always)]
unsafe fn sum<V: Lanes>(sums: *const V::Scalar, zx: *const V::Scalar, few: usize) -> V {
    // SAFETY: the caller's promise: so many elements at both.
    unsafe { V::load_left(sums, few).add(V::load_left(zx, few)) }
}

/// Stores what is asked for.
#[inline(always)]
unsafe fn store<V: Lanes>(v: V, to: *mut V::Scalar, at: usize, few: usize) {
    if !to.is_null() {
        // SAFETY: the caller's promise: so many elements there.
        unsafe { v.store_left(to.add(at), few) }
    }
}

impl<T: Scalar> Stage<'_, T> {
    #[inline(always)]
    fn row(&self, row: usize) -> Row<T> {
        let (pass, first, hidden) = (self.pass, self.first, self.pass.sizes.hidden);
        let sample = pass.samples.sample(row);
        let at = self.t * pass.sizes.batch + sample;
        let width = pass.net.parts() * hidden;
        let state = pass.sizes.state;
        let last = row < self.running && pass.samples.is_last(self.t, row);
        let ended = |to: *mut T, width: usize| match last {
            true => on_from(to, sample * width + first),
            false => null_mut(),
        };
        let states = row * pass.strides[0] + first;
        Row {
            sums: self.sums.wrapping_add((row - self.rows.start) * self.parts * UNITS),
            zx: pass.zx.wrapping_add(at * width + first),
            old: pass.states[self.i % 2].wrapping_add(states),
            new: pass.states[(self.i + 1) % 2].wrapping_add(states),
            cell: pass.cells.wrapping_add(row * hidden + first),
            within: pass.within.wrapping_add(row * pass.strides[1] + first),
            update: pass.updates.wrapping_add(row * hidden + first),
            y: pass.y.wrapping_add(at * state + first),
            gates: on_from(pass.gates, at * width + first),
            kept: on_from(pass.kept, at * hidden + first),
            h: ended(pass.h, state),
            c: ended(pass.c, hidden),
        }
    }

    /// Fetches what the sample reads and writes at the next step, while this one computes: all of it lies in short runs far apart,
    /// which the machine does not guess.
    #[inline(always)]
    fn look_ahead(&self, row: &Row<T>) {
        let (pass, hidden) = (self.pass, self.pass.sizes.hidden);
        let step = pass.sizes.batch as isize * if pass.net.reverse { -1 } else { 1 };
        let parts = pass.net.parts();
        let (wide, narrow) = (step * (parts * hidden) as isize, step * pass.sizes.state as isize);
        for u in (0..self.units).step_by(64 / size_of::<T>()) {
            for part in (0..parts).filter(|_| self.stage == 0) {
                fetch(row.zx, part * hidden + u, wide);
                fetch(row.gates, part * hidden + u, wide);
            }
            fetch(row.y, u, narrow);
            fetch(row.kept, u, step * hidden as isize);
        }
    }

    /// The new state of some units, to where it is read.
    #[inline(always)]
    unsafe fn arrive<V: Numbers<Scalar = T>>(&self, h: V, row: &Row<T>, u: usize, few: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            store(h, row.new, u, few);
            store(h, row.y, u, few);
            store(h, row.h, u, few);
        }
    }

    /// A sample that does not run: y and gates are 0, the cell stands still.
    #[inline(always)]
    unsafe fn rest<V: Numbers<Scalar = T>>(&self, row: &Row<T>) {
        let (net, hidden) = (&self.pass.net, self.pass.sizes.hidden);
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                // With a projection the second stage's units are those of y.
                if net.projects() == (self.stage == 1) {
                    store(V::zero(), row.y, u, few);
                }
                if self.stage == 1 {
                    continue;
                }
                if !row.gates.is_null() {
                    for part in 0..net.parts() {
                        store(V::zero(), row.gates, part * hidden + u, few);
                    }
                }
                let kept =
                    if net.is_lstm() { V::load_left(row.cell.add(u), few) } else { V::zero() };
                store(kept, row.kept, u, few);
            }
        }
    }

    #[inline(always)]
    unsafe fn rnn<V: Numbers<Scalar = T>>(&self, activation: RnnActivation, row: &Row<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let z: V = sum(row.sums.add(u), row.zx.add(u), few);
                let h = match activation {
                    RnnActivation::Tanh => z.tanh(),
                    RnnActivation::Relu => z.max(V::zero()),
                    RnnActivation::ClippedRelu(bound) => {
                        Clipping::<V>::new(T::ZERO, T::of(bound)).of(z)
                    }
                };
                self.arrive(h, row, u, few);
            }
        }
    }

    /// A gate of some units: σ(z + p·c).
    #[inline(always)]
    unsafe fn gate<V: Numbers<Scalar = T>>(
        &self,
        row: &Row<T>,
        [part, peephole]: [usize; 2],
        c: V,
        u: usize,
        few: usize,
    ) -> V {
        let hidden = self.pass.sizes.hidden;
        // SAFETY: the caller's promise.
        unsafe {
            let mut z: V = sum(row.sums.add(part * UNITS + u), row.zx.add(part * hidden + u), few);
            if !self.pass.peepholes.is_null() {
                let p = self.pass.peepholes.add(peephole * hidden + self.first + u);
                z = z.add(V::load_left(p, few).mul(c));
            }
            let gate = z.logistic();
            store(gate, row.gates, part * hidden + u, few);
            gate
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
                let old = V::load_left(row.cell.add(u), few);
                let part = places.content;
                let mut g: V =
                    sum(row.sums.add(part * UNITS + u), row.zx.add(part * hidden + u), few);
                if !cell.linear_input {
                    g = g.tanh();
                }
                store(g, row.gates, part * hidden + u, few);
                let mut c = old;
                match (places.input, places.forget) {
                    (Some(i), Some(f)) => {
                        let f = self.gate(row, [f, f], old, u, few);
                        let i = self.gate(row, [i, i], old, u, few);
                        c = f.mul(old).add(i.mul(g));
                    }
                    (None, Some(f)) => c = self.gate(row, [f, f], old, u, few).mul(old).add(g),
                    (Some(i), None) => {
                        let i = self.gate(row, [i, i], old, u, few);
                        if cell.coupled() {
                            c = one.sub(i).mul(old);
                        }
                        c = c.add(i.mul(g));
                    }
                    (None, None) => c = c.add(g),
                }
                store(c, row.cell, u, few);
                store(c, row.kept, u, few);
                store(c, row.c, u, few);
                let mut h = if cell.linear_output { c } else { c.tanh() };
                if let Some(o) = places.output {
                    h = self.gate(row, [o, o - 1], c, u, few).mul(h);
                }
                match cell.projection {
                    true => store(h, row.within, u, few),
                    false => self.arrive(h, row, u, few),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn project<V: Numbers<Scalar = T>>(&self, row: &Row<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                self.arrive(V::load_left(row.sums.add(u), few), row, u, few);
            }
        }
    }

    /// σ of some units of a part that has no peepholes.
    #[inline(always)]
    unsafe fn squash<V: Numbers<Scalar = T>>(
        &self,
        row: &Row<T>,
        part: usize,
        u: usize,
        few: usize,
    ) -> V {
        let hidden = self.pass.sizes.hidden;
        // SAFETY: the caller's promise.
        unsafe {
            let z: V = sum(row.sums.add(part * UNITS + u), row.zx.add(part * hidden + u), few);
            let gate = z.logistic();
            store(gate, row.gates, part * hidden + u, few);
            gate
        }
    }

    /// The state between the old one and n, weighed by z.
    #[inline(always)]
    unsafe fn update<V: Numbers<Scalar = T>>(
        &self,
        cell: GruCell,
        [z, n]: [V; 2],
        row: &Row<T>,
        u: usize,
        few: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            store(n, row.gates, 2 * self.pass.sizes.hidden + u, few);
            let (old, rest) = (V::load_left(row.old.add(u), few), V::splat(T::ONE).sub(z));
            let h = match cell.update {
                GruUpdate::Cho => z.mul(old).add(rest.mul(n)),
                GruUpdate::Chung => rest.mul(old).add(z.mul(n)),
            };
            self.arrive(h, row, u, few);
        }
    }

    /// All of a GRU whose reset gate comes after the product.
    #[inline(always)]
    unsafe fn gru<V: Numbers<Scalar = T>>(&self, cell: GruCell, row: &Row<T>) {
        let hidden = self.pass.sizes.hidden;
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let r: V = self.squash(row, 0, u, few);
                let z: V = self.squash(row, 1, u, few);
                let mut q = V::load_left(row.sums.add(2 * UNITS + u), few);
                if !self.pass.bias.is_null() {
                    q = q.add(V::load_left(self.pass.bias.add(self.first + u), few));
                }
                store(q, row.kept, u, few);
                let n = V::load_left(row.zx.add(2 * hidden + u), few).add(r.mul(q)).tanh();
                self.update(cell, [z, n], row, u, few);
            }
        }
    }

    /// The first stage of a GRU whose reset gate comes before the product.
    #[inline(always)]
    unsafe fn reset<V: Numbers<Scalar = T>>(&self, row: &Row<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let r: V = self.squash(row, 0, u, few);
                let z: V = self.squash(row, 1, u, few);
                store(z, row.update, u, few);
                store(r.mul(V::load_left(row.old.add(u), few)), row.within, u, few);
            }
        }
    }

    /// The second.
    #[inline(always)]
    unsafe fn renew<V: Numbers<Scalar = T>>(&self, cell: GruCell, row: &Row<T>) {
        let hidden = self.pass.sizes.hidden;
        // SAFETY: the caller's promise.
        unsafe {
            for u in (0..self.units).step_by(V::LEN) {
                let few = V::LEN.min(self.units - u);
                let n: V = sum(row.sums.add(u), row.zx.add(2 * hidden + u), few);
                let z = V::load_left(row.update.add(u), few);
                self.update(cell, [z, n.tanh()], row, u, few);
            }
        }
    }
}
