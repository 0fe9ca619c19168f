//! What both passes lay out beside their inputs: the workspace, and the samples in the order of their lengths.
#![allow(unsafe_code)]

use gradus_base::exec::Args;
use gradus_base::{ALIGN, Element};

/// A workspace that is dealt out in runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    bytes: usize,
}

/// A run of the workspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    from: usize,
}

impl Room {
    /// Room for so many elements of so many bytes.
    pub(super) fn take(&mut self, len: usize, size: usize) -> Run {
        let from = self.bytes;
        self.bytes += (len * size).next_multiple_of(ALIGN);
        Run { from }
    }

    pub(super) fn bytes(self) -> usize {
        self.bytes
    }
}

impl Run {
    pub(super) fn of<T>(self, args: &Args<'_>) -> *mut T {
        args.workspace::<u8>().wrapping_add(self.from).cast()
    }
}

/// Elements from one row of a buffer to the next, for rows of so many: an odd number of cache lines, so that rows whose length is
/// a power of two do not push each other out.
pub(super) fn padded<T: Element>(row: usize) -> usize {
    let line = 64 / size_of::<T>();
    (row.div_ceil(line) | 1) * line
}

/// The samples, the longest first, and how many of them run at each step. They are rows in this order in all buffers, so those
/// that run come first and are one matrix.
#[derive(Clone, Copy)]
pub(super) struct Samples {
    pub steps: usize,
    pub count: usize,
    pub reverse: bool,
    /// The sample of each row.
    order: *const usize,
    /// For each step how many run, and 0 behind.
    running: *const usize,
}

// SAFETY: addresses of numbers that are only read while tasks run.
unsafe impl Sync for Samples {}

impl Samples {
    /// Numbers that the workspace must hold for them.
    pub(super) fn room(steps: usize, count: usize) -> usize {
        steps + 1 + count
    }

    /// Sorts the samples.
    ///
    /// # Safety
    /// `at` is writable over [`Samples::room`] numbers; the lengths, if there are any, are at most `steps`.
    pub(super) unsafe fn sort(
        steps: usize,
        count: usize,
        reverse: bool,
        lengths: Option<&[i64]>,
        at: *mut usize,
    ) -> Samples {
        // SAFETY: the caller's promise.
        let (running, order) = unsafe {
            let all = std::slice::from_raw_parts_mut(at, Samples::room(steps, count));
            all.split_at_mut(steps + 1)
        };
        running.fill(count);
        running[steps] = 0;
        order.iter_mut().enumerate().for_each(|(row, sample)| *sample = row);
        if let Some(lengths) = lengths {
            // Samples of equal lengths stay in order.
            order.sort_unstable_by_key(|&sample| (-lengths[sample], sample));
            for (t, running) in running.iter_mut().enumerate() {
                *running = order.partition_point(|&sample| lengths[sample] > t as i64);
            }
        }
        let (order, running) = (order.as_ptr(), running.as_ptr());
        Samples { steps, count, reverse, order, running }
    }

    /// The sample of a row.
    #[inline(always)]
    pub(super) fn sample(&self, row: usize) -> usize {
        debug_assert!(row < self.count, "row {row} of {}", self.count);
        // SAFETY: there are as many rows.
        unsafe { *self.order.add(row) }
    }

    /// How many samples run at step t; 0 behind the last.
    #[inline(always)]
    pub(super) fn running(&self, t: usize) -> usize {
        // SAFETY: there are as many steps.
        unsafe { *self.running.add(t.min(self.steps)) }
    }

    /// The i-th step of those that are run.
    #[inline(always)]
    pub(super) fn step(&self, i: usize) -> usize {
        if self.reverse { self.steps - 1 - i } else { i }
    }

    /// Whether step t is the last that a row's sample runs.
    #[inline(always)]
    pub(super) fn is_last(&self, t: usize, row: usize) -> bool {
        if self.reverse { t == 0 } else { row >= self.running(t + 1) }
    }

    /// The step that a row's sample ran before t, if t is not its first.
    #[inline(always)]
    pub(super) fn before(&self, t: usize, row: usize) -> Option<usize> {
        match self.reverse {
            true => (row < self.running(t + 1)).then_some(t + 1),
            false => t.checked_sub(1),
        }
    }
}
