//! Steps that wait for each other, within one job: what a loop over time is to many threads.
//!
//! A job for each step would be opened and closed a thousand times. Here the threads of one job go on together, and between two
//! steps they spin. As in [`parallel`], nobody waits for a thread that has not arrived: tiles are claimed, and whoever is there
//! does what is left.

use crate::pool::wait_a_little;
use crate::{parallel, threads, with_scratch};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A cache line for each, and its neighbour, which the machine fetches along.
#[repr(align(128))]
struct Padded(AtomicUsize);

/// What `done` is where a tile panicked: past all.
const ABANDONED: usize = usize::MAX / 2;

/// Calls `body(s, 0)`, …, `body(s, tiles - 1)` for each step s, each exactly once, on any threads, the calls of a step after all
/// those of the step before. A tile is run by the same thread at every step, as far as that is there and has the time, so that
/// what only this tile reads stays in that thread's caches.
///
/// # Panics
/// With a tile's panic; what was not begun is then left out.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// let counts = [const { AtomicUsize::new(0) }; 4];
/// gradus_cpu::parallel_steps(3, 4, &|step, tile| {
///     // All tiles of the step before are done.
///     assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) >= step));
///     counts[tile].fetch_add(1, Ordering::Relaxed);
/// });
/// assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 3));
/// ```
pub fn parallel_steps(steps: usize, tiles: usize, body: &(dyn Fn(usize, usize) + Sync)) {
    let team = threads().min(tiles);
    if team <= 1 || steps == 0 {
        return (0..steps).for_each(|step| (0..tiles).for_each(|tile| body(step, tile)));
    }
    // One for each thread's tiles, and one for all.
    with_scratch((team + 1) * size_of::<Padded>() + align_of::<Padded>(), |scratch| {
        let begin = scratch.wrapping_add(scratch.align_offset(align_of::<Padded>()));
        // SAFETY: the scratch holds as many, aligned; they are written before anybody reads them.
        let counters = unsafe {
            let counters = begin.cast::<Padded>();
            (0..=team).for_each(|i| counters.add(i).write(Padded(AtomicUsize::new(0))));
            std::slice::from_raw_parts(counters, team + 1)
        };
        let (claimed, done) = counters.split_at(team);
        let team = Team { steps, tiles, claimed, done: &done[0].0, body };
        parallel(claimed.len(), &|member| team.work(member));
    });
}

/// The threads of a job.
struct Team<'a> {
    steps: usize,
    tiles: usize,
    /// Of each member's own tiles, how many were claimed, of all steps together.
    claimed: &'a [Padded],
    /// Tiles that are done, of all steps together.
    done: &'a AtomicUsize,
    body: &'a (dyn Fn(usize, usize) + Sync),
}

/// Lets the others go if it is dropped: when a tile panics.
struct Abandon<'a>(&'a AtomicUsize);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.store(ABANDONED, Release);
    }
}

impl Team<'_> {
    /// A member's share: its own tiles of each step, then those of others that nobody has begun.
    fn work(&self, member: usize) {
        let abandon = Abandon(self.done);
        let mut step = self.done.load(Acquire) / self.tiles;
        while step < self.steps {
            let count = self.claimed.len();
            for owner in (member..count).chain(0..member) {
                while let Some(tile) = self.claim(owner, step) {
                    (self.body)(step, tile);
                    self.done.fetch_add(1, AcqRel);
                }
            }
            let (all, mut spins) = ((step + 1) * self.tiles, 0);
            while self.done.load(Acquire) < all {
                wait_a_little(&mut spins);
            }
            step = self.done.load(Acquire) / self.tiles;
        }
        std::mem::forget(abandon);
    }

    /// A tile of one member at a step, if there is one that nobody has begun.
    fn claim(&self, owner: usize, step: usize) -> Option<usize> {
        let share = |member: usize| member * self.tiles / self.claimed.len();
        let (begin, own) = (share(owner), share(owner + 1) - share(owner));
        let counter = &self.claimed[owner].0;
        let mut claimed = counter.load(Relaxed);
        // All of earlier steps are claimed.
        while claimed < (step + 1) * own {
            match counter.compare_exchange_weak(claimed, claimed + 1, Relaxed, Relaxed) {
                Ok(_) => return Some(begin + claimed % own),
                Err(now) => claimed = now,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set_threads;

    /// Every tile adds up what all tiles had at the step before.
    fn sums(steps: usize, tiles: usize) -> Vec<usize> {
        let [a, b] = [0, 1].map(|_| (0..tiles).map(|_| AtomicUsize::new(1)).collect::<Vec<_>>());
        parallel_steps(steps, tiles, &|step, tile| {
            let (from, to) = if step % 2 == 0 { (&a, &b) } else { (&b, &a) };
            let sum: usize = from.iter().map(|x| x.load(Relaxed)).sum();
            to[tile].store(sum % 1009 + tile, Relaxed);
        });
        let last = if steps.is_multiple_of(2) { a } else { b };
        last.into_iter().map(AtomicUsize::into_inner).collect()
    }

    #[test]
    fn a_step_sees_all_of_the_step_before() {
        for (steps, tiles) in [(0, 3), (1, 1), (500, 2), (300, 7), (200, 40)] {
            set_threads(1);
            let want = sums(steps, tiles);
            for threads in [2, 3, 8] {
                set_threads(threads);
                assert_eq!(sums(steps, tiles), want, "{steps} steps of {tiles} on {threads}");
            }
        }
        parallel_steps(3, 0, &|_, _| unreachable!("there is no tile"));
    }

    #[test]
    #[cfg(panic = "unwind")]
    fn a_panic_lets_all_go() {
        set_threads(3);
        for bad in 0..20 {
            let result = std::panic::catch_unwind(|| {
                parallel_steps(20, 5, &|step, _| assert!(step != bad, "step {bad} is bad"));
            });
            let payload = result.expect_err("a tile panicked");
            let message = payload.downcast_ref::<String>().expect("a formatted message");
            assert_eq!(*message, format!("step {bad} is bad"));
        }
    }
}
