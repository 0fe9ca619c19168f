//! The thread pool: one job at a time, cut into numbered tiles that the caller and the workers claim in turn.
//!
//! Which thread runs a tile is left to chance, what a tile is never is: callers cut by shape, so results have
//! the same bits for any number of threads. All threads keep the default floating-point mode (denormals are
//! computed, not flushed).
//!
//! A worker that finishes spins a little, as the next job of a replayed plan is microseconds away, then yields
//! to other processes, then parks. A job never waits for a worker that has not arrived: the caller claims what
//! is left, closes the job and waits only for tiles in progress, so a busy second core costs little.

use gradus_base::HAS_THREADS;
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Mutex, OnceLock};
use std::thread::Thread;

/// The most threads the pool runs, the caller included.
const MAX_THREADS: usize = 256;

/// Pauses a worker waits for the next job before it yields; a few microseconds. More would steal the caller's own
/// time where the scheduler put both on one core.
const SPINS: u32 = 100;
/// Yields before it parks; some tens of microseconds on an idle machine.
const YIELDS: u32 = 200;

type Body<'a> = &'a (dyn Fn(usize) + Sync);

/// The `gate` word: low bits count the workers inside the job, then the open bit, then the job's number.
const INSIDE: u64 = OPEN - 1;
const OPEN: u64 = 1 << 16;
const JOB: u64 = 1 << 17;

struct Pool {
    job: Job,
    next: Padded<AtomicUsize>,
    /// Held by the caller whose job runs.
    busy: AtomicBool,
    /// Threads that may work, the caller included; 0 until first asked.
    threads: AtomicUsize,
    sleepers: AtomicUsize,
    spawned: AtomicUsize,
    workers: [Worker; MAX_THREADS - 1],
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// One cache line: what a worker reads to join.
#[repr(align(128))]
struct Job {
    gate: AtomicU64,
    tiles: UnsafeCell<usize>,
    body: UnsafeCell<Option<Body<'static>>>,
}

#[repr(align(128))]
struct Padded<T>(T);

struct Worker {
    parked: AtomicBool,
    thread: OnceLock<Thread>,
}

// SAFETY: `tiles` and `body` are written only by the holder of `busy` while the gate is closed and nobody is
// inside; they are read only by workers inside.
unsafe impl Sync for Job {}

static POOL: Pool = Pool {
    job: Job { gate: AtomicU64::new(0), tiles: UnsafeCell::new(0), body: UnsafeCell::new(None) },
    next: Padded(AtomicUsize::new(0)),
    busy: AtomicBool::new(false),
    threads: AtomicUsize::new(0),
    sleepers: AtomicUsize::new(0),
    spawned: AtomicUsize::new(0),
    workers: [const { Worker { parked: AtomicBool::new(false), thread: OnceLock::new() } };
        MAX_THREADS - 1],
    panic: Mutex::new(None),
};

thread_local! {
    /// True while this thread runs tiles: nested jobs are serial.
    static INSIDE_JOB: Cell<bool> = const { Cell::new(false) };
}

/// Calls `body(0)`, …, `body(tiles - 1)`, each exactly once, on any threads; returns when all are done.
/// Serial when [`threads`] is 1, when called from inside a tile, and while another thread's job runs.
///
/// # Panics
/// With a tile's panic, after the tiles in progress end; tiles not begun are then left out.
pub fn parallel(tiles: usize, body: &(dyn Fn(usize) + Sync)) {
    if tiles <= 1
        || !HAS_THREADS
        || threads() == 1
        || INSIDE_JOB.get()
        || POOL.busy.swap(true, Acquire)
    {
        return (0..tiles).for_each(body);
    }
    POOL.spawn(threads() - 1);
    let panic = POOL.run_job(tiles, body);
    POOL.busy.store(false, Release);
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

/// Whether this thread runs a tile, so that a job of its own would be serial.
pub(crate) fn inside_a_job() -> bool {
    INSIDE_JOB.get()
}

/// How many threads a job may use, the caller's included: `GRADUS_THREADS`, else as many as the machine has,
/// until [`set_threads`]. Always 1 where a program has no threads, as in a browser.
pub fn threads() -> usize {
    if !HAS_THREADS {
        return 1;
    }
    match POOL.threads.load(Relaxed) {
        0 => default_threads(),
        n => n,
    }
}

/// Sets [`threads`], effective from the next job.
///
/// # Panics
/// Unless `n` is in 1..=256.
pub fn set_threads(n: usize) {
    assert!((1..=MAX_THREADS).contains(&n), "threads must be in 1..={MAX_THREADS}, found {n}");
    POOL.threads.store(n, Relaxed);
}

#[cold]
fn default_threads() -> usize {
    let asked = std::env::var("GRADUS_THREADS").ok().and_then(|v| v.trim().parse().ok());
    let n = asked.unwrap_or_else(cores).clamp(1, MAX_THREADS);
    // A set_threads in between wins.
    POOL.threads.compare_exchange(0, n, Relaxed, Relaxed).err().unwrap_or(n)
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
}

impl Pool {
    /// Runs a job. The caller holds `busy`.
    fn run_job(&self, tiles: usize, body: Body<'_>) -> Option<Box<dyn Any + Send>> {
        // SAFETY: only the lifetime changes. Workers use `body` while counted inside, and this function does not
        // return before the gate is closed and nobody is inside.
        let body = unsafe { std::mem::transmute::<Body<'_>, Body<'static>>(body) };
        // SAFETY: `busy` is held, the gate is closed and nobody is inside.
        unsafe {
            *self.job.tiles.get() = tiles;
            *self.job.body.get() = Some(body);
        }
        self.next.0.store(0, Relaxed);
        // SeqCst, with `Pool::park`: either the worker sees the open gate or we see the sleeper.
        self.job.gate.fetch_add(JOB | OPEN, SeqCst);
        if self.sleepers.load(SeqCst) > 0 {
            self.wake(tiles - 1);
        }
        self.work(tiles, body);
        self.close();
        self.panic.lock().unwrap_or_else(|e| e.into_inner()).take()
    }

    /// Claims and runs tiles until none is left.
    fn work(&self, tiles: usize, body: Body<'_>) {
        let was_inside = INSIDE_JOB.replace(true);
        let result = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let tile = self.next.0.fetch_add(1, Relaxed);
                if tile >= tiles {
                    break;
                }
                body(tile);
            }
        }));
        INSIDE_JOB.set(was_inside);
        if let Err(payload) = result {
            self.next.0.store(tiles, Relaxed);
            self.panic.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(payload);
        }
    }

    /// Lets no more workers in and waits for those inside.
    fn close(&self) {
        let mut inside = self.job.gate.fetch_and(!OPEN, Acquire) & INSIDE;
        let mut spins = 0;
        while inside > 0 {
            wait_a_little(&mut spins);
            inside = self.job.gate.load(Acquire) & INSIDE;
        }
    }

    /// Unparks at most `wanted` workers.
    fn wake(&self, wanted: usize) {
        let workers = self.spawned.load(Relaxed).min(threads() - 1).min(wanted);
        for worker in &self.workers[..workers] {
            if worker.parked.load(Relaxed) && worker.parked.swap(false, SeqCst) {
                self.sleepers.fetch_sub(1, SeqCst);
                if let Some(thread) = worker.thread.get() {
                    thread.unpark();
                }
            }
        }
    }

    /// Makes sure of `wanted` workers. The caller holds `busy`. If the system refuses a thread, fewer work.
    fn spawn(&'static self, wanted: usize) {
        for id in self.spawned.load(Relaxed)..wanted {
            let name = format!("gradus-{}", id + 1);
            let started = std::thread::Builder::new().name(name).spawn(move || self.serve(id));
            let Ok(handle) = started else { return };
            let _ = self.workers[id].thread.set(handle.thread().clone());
            self.spawned.store(id + 1, Relaxed);
        }
    }

    /// A worker's life.
    fn serve(&self, id: usize) {
        // One less: the job this worker was born for may be open already.
        let mut seen = (self.job.gate.load(Relaxed) / JOB).wrapping_sub(1);
        loop {
            self.await_job(id, seen);
            seen = self.join().unwrap_or(seen);
        }
    }

    /// Waits until a job newer than `seen` is open: spinning, yielding, parked.
    fn await_job(&self, id: usize, seen: u64) {
        let mut spins = if threads() > cores() { SPINS } else { 0 };
        while !self.wanted(id, seen) {
            if spins < SPINS + YIELDS {
                wait_a_little(&mut spins);
            } else {
                self.park(id, seen);
            }
        }
    }

    fn wanted(&self, id: usize, seen: u64) -> bool {
        let gate = self.job.gate.load(SeqCst);
        gate & OPEN != 0 && gate / JOB != seen && id + 1 < threads()
    }

    fn park(&self, id: usize, seen: u64) {
        let parked = &self.workers[id].parked;
        self.sleepers.fetch_add(1, SeqCst);
        parked.store(true, SeqCst);
        if !self.wanted(id, seen) {
            while parked.load(SeqCst) {
                std::thread::park();
            }
        } else if parked.swap(false, SeqCst) {
            self.sleepers.fetch_sub(1, SeqCst);
        }
    }

    /// Enters the open job, if it still is, and helps. Its number, or none if it was missed.
    fn join(&self) -> Option<u64> {
        let gate = self.job.gate.load(Relaxed);
        if gate & OPEN == 0 {
            return None;
        }
        self.job.gate.compare_exchange(gate, gate + 1, Acquire, Relaxed).ok()?;
        // SAFETY: counted inside, so the caller neither returns nor writes before we leave.
        let (tiles, body) = unsafe { (*self.job.tiles.get(), *self.job.body.get()) };
        self.work(tiles, body.expect("set before the gate opens"));
        self.job.gate.fetch_sub(1, Release);
        Some(gate / JOB)
    }
}

pub(crate) fn wait_a_little(spins: &mut u32) {
    if *spins < SPINS {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
    *spins = spins.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    /// Each of `tiles` tiles runs once, whatever the number of threads.
    fn each_once(tiles: usize) {
        let counts: Vec<AtomicU32> =
            std::iter::repeat_with(AtomicU32::default).take(tiles).collect();
        parallel(tiles, &|i| {
            counts[i].fetch_add(1, Relaxed);
        });
        assert!(counts.iter().all(|c| c.load(Relaxed) == 1));
    }

    #[test]
    fn every_tile_runs_once() {
        for threads in [1, 2, 3, 8, 1, 5] {
            set_threads(threads);
            for tiles in [0, 1, 2, 3, 17, 1000] {
                (0..200).for_each(|_| each_once(tiles));
            }
        }
    }

    #[test]
    #[cfg(not(target_family = "wasm"))] // there are no threads
    fn callers_on_several_threads_do_not_wait_for_each_other() {
        set_threads(3);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| (0..2000).for_each(|_| each_once(7)));
            }
        });
    }

    #[test]
    fn a_sleeping_worker_wakes() {
        set_threads(2);
        for _ in 0..20 {
            each_once(4);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    #[test]
    fn nested_jobs_are_serial_and_complete() {
        set_threads(4);
        parallel(8, &|_| {
            let here = std::thread::current().id();
            parallel(8, &|_| assert_eq!(std::thread::current().id(), here));
            each_once(5);
        });
    }

    #[test]
    #[cfg(panic = "unwind")]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        set_threads(3);
        for bad in 0..20 {
            let result = catch_unwind(|| {
                parallel(20, &|i| assert!(i != bad, "tile {i} is bad"));
            });
            let payload = result.expect_err("the tile panicked");
            let message = payload.downcast_ref::<String>().expect("a formatted message");
            assert_eq!(*message, format!("tile {bad} is bad"));
            each_once(50);
        }
    }

    #[test]
    #[should_panic(expected = "threads must be in 1..=256, found 0")]
    fn refuses_no_threads() {
        set_threads(0);
    }
}
