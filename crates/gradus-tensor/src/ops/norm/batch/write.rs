//! The passes that write: an element of each of two tensors and the numbers of its channel make one
//! of the output.
#![allow(unsafe_code)]

use super::walk::Walk;
use crate::ops::lanes::{One, load_each, splat_each};
use gradus_cpu::lanes::{Lanes, Scalar};

/// Rows written at once, so that the channels' numbers are loaded once for all.
const STEP: usize = 4;

/// The output's elements of two others and of the numbers of their channels.
pub(in crate::ops::norm) trait Formula<const K: usize> {
    fn of<V: Lanes>(a: V, b: V, channel: [V; K]) -> V;
}

/// Some elements of the output, from the `from`-th in memory on, which is a row's first.
pub(in crate::ops::norm) struct Tile<'a, T, const K: usize> {
    pub(in crate::ops::norm) walk: Walk,
    pub(in crate::ops::norm) from: usize,
    pub(in crate::ops::norm) a: &'a [T],
    pub(in crate::ops::norm) b: &'a [T],
    pub(in crate::ops::norm) out: &'a mut [T],
    /// The numbers of each column.
    pub(in crate::ops::norm) each: [&'a [T]; K],
}

impl<T: Scalar, const K: usize> Tile<'_, T, K> {
    /// Writes all of it.
    #[inline(always)]
    pub(in crate::ops::norm) fn write<V: Lanes<Scalar = T>, F: Formula<K>>(self) {
        let Tile { walk, from, a, b, out, each } = self;
        let (columns, len) = (walk.columns(), out.len());
        assert!(a.len() == len && b.len() == len && each.iter().all(|e| e.len() == columns));
        let [a, b, out] = [a.as_ptr(), b.as_ptr(), out.as_mut_ptr().cast_const()];
        let memory = Memory { a, b, out: out.cast_mut() };
        // SAFETY: all are as long as the output or the columns; the path was chosen for the machine.
        unsafe {
            match walk {
                Walk::Rows { .. } => {
                    memory.rows::<V, F, K>(len, columns, each.map(<[T]>::as_ptr));
                }
                Walk::Planes { channels, len: plane, .. } => {
                    let mut done = 0;
                    while done < len {
                        let at = from + done;
                        let n = (plane - at % plane).min(len - done);
                        let c = at / plane % channels;
                        memory.stretch::<V, F, K>(done, n, each.map(|e| e[c]));
                        done += n;
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Memory<T> {
    a: *const T,
    b: *const T,
    out: *mut T,
}

impl<T: Scalar> Memory<T> {
    #[inline(always)]
    unsafe fn rows<V: Lanes<Scalar = T>, F: Formula<K>, const K: usize>(
        self,
        len: usize,
        columns: usize,
        each: [*const T; K],
    ) {
        let rows = len / columns;
        // SAFETY: the caller's promise; columns are whole vectors.
        unsafe {
            let mut row = 0;
            while row + STEP <= rows {
                let mut at = 0;
                while at < columns {
                    let channel = load_each::<V, K>(each, at);
                    for r in row..row + STEP {
                        self.put::<V, F, K>(r * columns + at, channel);
                    }
                    at += V::LEN;
                }
                row += STEP;
            }
            let begin = row * columns;
            let whole = len - len % V::LEN;
            let mut at = begin;
            while at < whole {
                self.put::<V, F, K>(at, load_each::<V, K>(each, (at - begin) % columns));
                at += V::LEN;
            }
            for at in whole..len {
                self.put::<One<T>, F, K>(at, load_each::<One<T>, K>(each, (at - begin) % columns));
            }
        }
    }

    #[inline(always)]
    unsafe fn stretch<V: Lanes<Scalar = T>, F: Formula<K>, const K: usize>(
        self,
        from: usize,
        len: usize,
        channel: [T; K],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let (mut at, whole) = (from, from + len - len % V::LEN);
            let all = splat_each::<V, K>(channel);
            while at < whole {
                self.put::<V, F, K>(at, all);
                at += V::LEN;
            }
            let one = splat_each::<One<T>, K>(channel);
            for at in whole..from + len {
                self.put::<One<T>, F, K>(at, one);
            }
        }
    }

    #[inline(always)]
    unsafe fn put<V: Lanes<Scalar = T>, F: Formula<K>, const K: usize>(
        self,
        at: usize,
        channel: [V; K],
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b) = (V::load(self.a.add(at)), V::load(self.b.add(at)));
            F::of(a, b, channel).store(self.out.add(at));
        }
    }
}
