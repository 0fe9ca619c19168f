//! Batches made ahead of time on background threads: what every loader shares.
//!
//! A [`Maker`] says what a batch holds, as a pure function of its [`Position`]; here is who makes it and when. Worker `k` of
//! `w` makes every `w`-th batch into a bounded queue of its own; the queues are emptied in turn, so that the number of
//! workers changes nothing. Buffers go round: maker, queue, caller, and back when the caller drops the batch.

use std::any::Any;
use std::ops::{Deref, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{DataError, Result};
use crate::loader::Batch;
use gradus_base::HAS_THREADS;

/// A place in the endless sequence of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch in it, from 0.
    pub batch: usize,
}

/// Which samples each batch of an epoch holds.
pub(crate) struct Order {
    pub(crate) samples: Vec<usize>,
    /// Where in `samples` those of each batch are.
    pub(crate) batches: Vec<Range<usize>>,
}

/// What a batch holds: a pure function of its position, made by any thread in any order.
pub(crate) trait Maker: Send + Sync + 'static {
    /// A batch, whose buffers are used again.
    type Batch: Default + Send + 'static;
    /// What a thread keeps from batch to batch.
    type Scratch: Send + 'static;

    /// Batches in every epoch.
    fn batches(&self) -> usize;
    /// The samples of an epoch's batches.
    fn order(&self, epoch: u64) -> Order;
    /// A thread's own room to work in. It is written before it is read, so that nothing of a batch that failed gets on.
    fn scratch(&self) -> Self::Scratch;
    /// Fills a batch, which may hold an older one, with these samples.
    fn make(
        &self,
        position: Position,
        samples: &[usize],
        batch: &mut Self::Batch,
        scratch: &mut Self::Scratch,
    ) -> Result<()>;
}

/// Threads and queues in front of a maker.
pub(crate) struct Ahead<M: Maker> {
    pub(crate) maker: Arc<M>,
    workers: usize,
    prefetch: usize,
    pool: Arc<Pool<M::Batch>>,
}

impl<M: Maker> Ahead<M> {
    /// With so many threads, each of which may hold so many batches ready; on a machine without threads each batch is made when
    /// it is asked for.
    pub(crate) fn new(maker: M, workers: usize, prefetch: usize) -> Result<Ahead<M>> {
        if workers > 64 {
            return Err(DataError::invalid("loader workers", workers.to_string(), "at most 64"));
        }
        let workers = if HAS_THREADS { workers } else { 0 };
        Ok(Ahead { maker: Arc::new(maker), workers, prefetch, pool: Arc::default() })
    }

    /// The batches from `start` to the end of its epoch; none if `start.batch` is past the end.
    pub(crate) fn from(&self, start: Position) -> Batches<M::Batch> {
        let order = Arc::new(self.maker.order(start.epoch));
        let producer = |offset: usize| Producer {
            maker: self.maker.clone(),
            pool: self.pool.clone(),
            order: order.clone(),
            next: Position { epoch: start.epoch, batch: start.batch.saturating_add(offset) },
            stride: self.workers.max(1),
            scratch: self.maker.scratch(),
        };
        let source = match self.workers {
            0 => Source::Inline(Box::new(producer(0))),
            workers => {
                // The queue is laid out at once, and no epoch fills more of it.
                let ready = self.prefetch.min(order.batches.len());
                let start = |k| Worker::start(producer(k), k, ready);
                Source::Workers((0..workers).map(start).collect())
            }
        };
        Batches { source, pool: self.pool.clone(), turn: 0, done: false }
    }

    /// The position after `position`: the next batch, or the first one of the next epoch.
    pub(crate) fn after(&self, position: Position) -> Position {
        let Position { epoch, batch } = position;
        match batch.saturating_add(1) {
            next if next < self.maker.batches() => Position { epoch, batch: next },
            _ => Position { epoch: epoch.saturating_add(1), batch: 0 },
        }
    }
}

/// The batches of one epoch, in order. After an error there are no more.
pub struct Batches<B: Default = Batch> {
    source: Source<B>,
    pool: Arc<Pool<B>>,
    turn: usize,
    done: bool,
}

enum Source<B> {
    Inline(Box<dyn Iterator<Item = Result<B>> + Send>),
    Workers(Vec<Worker<B>>),
}

impl<B: Default> Iterator for Batches<B> {
    type Item = Result<BatchGuard<B>>;

    fn next(&mut self) -> Option<Result<BatchGuard<B>>> {
        if self.done {
            return None;
        }
        let made = match &mut self.source {
            Source::Inline(producer) => producer.next(),
            Source::Workers(workers) => {
                let turn = self.turn % workers.len();
                workers[turn].receive()
            }
        };
        self.turn += 1;
        self.done = !matches!(made, Some(Ok(_)));
        Some(made?.map(|batch| BatchGuard { batch, pool: self.pool.clone() }))
    }
}

/// A batch on loan: its buffers go back to the loader when this is dropped.
#[derive(Debug)]
pub struct BatchGuard<B: Default = Batch> {
    batch: B,
    pool: Arc<Pool<B>>,
}

impl<B: Default> Deref for BatchGuard<B> {
    type Target = B;
    fn deref(&self) -> &B {
        &self.batch
    }
}

impl<B: Default> Drop for BatchGuard<B> {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.batch));
    }
}

/// Buffers at rest. There are never more than are in use at once: those queued, in the making, and held by the caller.
#[derive(Debug)]
struct Pool<B>(Mutex<Vec<B>>);

impl<B> Default for Pool<B> {
    fn default() -> Pool<B> {
        Pool(Mutex::default())
    }
}

impl<B: Default> Pool<B> {
    fn take(&self) -> B {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, batch: B) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }
}

/// A background thread and its queue.
struct Worker<B> {
    /// `None` only while it is being dropped.
    queue: Option<Receiver<Result<B>>>,
    thread: Option<JoinHandle<()>>,
}

impl<B: Default + Send + 'static> Worker<B> {
    fn start<M: Maker<Batch = B>>(
        producer: Producer<M>,
        number: usize,
        prefetch: usize,
    ) -> Worker<B> {
        let (sender, queue) = sync_channel(prefetch);
        let pool = producer.pool.clone();
        let builder = std::thread::Builder::new().name(format!("gradus-loader-{number}"));
        match builder.spawn(move || run_worker(producer, &sender, &pool)) {
            Ok(thread) => Worker { queue: Some(queue), thread: Some(thread) },
            Err(error) => {
                // The closure took the sender with it, so the message waits in a queue of its own.
                let (sender, queue) = sync_channel(1);
                let message = DataError::invalid("loader worker", error.to_string(), "a thread");
                sender.send(Err(message)).expect("the queue is here");
                Worker { queue: Some(queue), thread: None }
            }
        }
    }
}

impl<B> Worker<B> {
    fn receive(&self) -> Option<Result<B>> {
        // A worker that is done hangs up.
        self.queue.as_ref()?.recv().ok()
    }
}

impl<B> Drop for Worker<B> {
    fn drop(&mut self) {
        // Hanging up first makes the thread's next `send` fail, so that it ends.
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It catches every panic of its own, so there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}

fn run_worker<M: Maker>(
    producer: Producer<M>,
    queue: &SyncSender<Result<M::Batch>>,
    pool: &Pool<M::Batch>,
) {
    for made in producer {
        let failed = made.is_err();
        if let Err(unsent) = queue.send(made) {
            // Nobody listens any more; the buffers serve the next epoch.
            if let Ok(batch) = unsent.0 {
                pool.put(batch);
            }
            return;
        }
        if failed {
            return;
        }
    }
}

/// Makes every `stride`-th batch of an epoch from `next` on.
struct Producer<M: Maker> {
    maker: Arc<M>,
    pool: Arc<Pool<M::Batch>>,
    order: Arc<Order>,
    next: Position,
    stride: usize,
    scratch: M::Scratch,
}

impl<M: Maker> Iterator for Producer<M> {
    type Item = Result<M::Batch>;

    fn next(&mut self) -> Option<Result<M::Batch>> {
        let position = self.next;
        let samples = &self.order.samples[self.order.batches.get(position.batch)?.clone()];
        self.next.batch = position.batch.saturating_add(self.stride);
        let mut batch = self.pool.take();
        // The scratch is overwritten before it is read, so a half-made state cannot leak into the next batch.
        let make = || self.maker.make(position, samples, &mut batch, &mut self.scratch);
        let outcome = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|panic| {
            let Position { epoch, batch } = position;
            Err(DataError::Panicked { epoch, batch, message: panic_message(&*panic) })
        });
        Some(outcome.map(|()| batch))
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| s.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
