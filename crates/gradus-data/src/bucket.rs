//! Batches of samples of like length, so that little of a batch is padding.
//!
//! Which samples share a batch is drawn anew every epoch, how many batches there are is not: schedules by steps stay right, and any
//! position can be entered. So a bucket's batches all hold as many samples as fit if each were as long as the longest of the bucket.
//! Where batches that are not full are left out (`drop_last`), each shuffled epoch draws anew which samples of a bucket remain out: as
//! many each time, fewer than a batch, so that over the epochs all are seen. A bucket that is no batch is refused: it never would be.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{DataError, Result};
use crate::field::Name;
use crate::prefetch::Order;
use crate::random::{Purpose, rng};

/// Batches of samples that are of like length in a ragged field, and how much a batch may hold. Lengths are those of the records, as
/// long as [`Transform::max_length`](crate::Transform::max_length) says they become at most.
///
/// Elsewhere this is torchtext's `BucketIterator` ([`Bucketing::windows`] is its way of sorting), `bucket_by_sequence_length` of
/// `tf.data` ([`Bucketing::boundaries`]), or a `BatchSampler` of your own beside PyTorch's `DataLoader`; `max_units` is fairseq's
/// `max_tokens`.
///
/// ```
/// use gradus_data::Bucketing;
/// let by_hand = Bucketing::boundaries("tokens", [8, 16, 32]); // up to 8, 9 to 16, 17 to 32, more
/// // Ten buckets of as many samples each, and at most 4,096 tokens a batch.
/// let ten = Bucketing::quantiles("tokens", 10).max_units(4096);
/// let sorted = Bucketing::windows("tokens", 50); // 50 batches' worth of samples in a row, sorted
/// assert_eq!((by_hand.max_units, ten.max_units, sorted.by), (None, Some(4096), "tokens".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucketing {
    /// The ragged field whose lengths count.
    pub by: Name,
    /// Which samples may share a batch.
    pub buckets: Buckets,
    /// Most elements along `by` of a batch, padding included: samples times the longest, as it is padded. A batch has no more samples than
    /// the batch size either.
    pub max_units: Option<usize>,
}

/// Which samples may share a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Buckets {
    /// Those that fall between the same two lengths: up to the first one, from there up to the second one, …, above the last one.
    Boundaries(Vec<usize>),
    /// Those of so many buckets, as equal in size as the lengths allow: samples of one length are in one bucket.
    Quantiles(usize),
    /// Of each so many batches' samples in the epoch's order those that are next to each other when sorted by length. All batches
    /// but one are full.
    Windows(usize),
}

impl Bucketing {
    fn new(by: impl Into<Name>, buckets: Buckets) -> Bucketing {
        Bucketing { by: by.into(), buckets, max_units: None }
    }

    /// By [`Buckets::Boundaries`].
    pub fn boundaries(by: impl Into<Name>, lengths: impl Into<Vec<usize>>) -> Bucketing {
        Bucketing::new(by, Buckets::Boundaries(lengths.into()))
    }

    /// By [`Buckets::Quantiles`].
    pub fn quantiles(by: impl Into<Name>, buckets: usize) -> Bucketing {
        Bucketing::new(by, Buckets::Quantiles(buckets))
    }

    /// By [`Buckets::Windows`].
    pub fn windows(by: impl Into<Name>, batches: usize) -> Bucketing {
        Bucketing::new(by, Buckets::Windows(batches))
    }

    /// With so many units in a batch at most, padding included.
    #[must_use]
    pub fn max_units(self, units: usize) -> Bucketing {
        Bucketing { max_units: Some(units), ..self }
    }
}

impl Bucketing {
    fn wrong(&self, what: &str, found: String, expected: &str) -> DataError {
        DataError::invalid(format!("{what} of {}", self.by), found, expected)
    }

    fn check_windows(&self, batches: usize) -> Result<()> {
        let many = "boundaries or quantiles, whose batches are as many every epoch";
        match self.max_units {
            _ if batches == 0 => Err(self.wrong("windows", "0 batches".into(), "at least 1")),
            Some(_) => Err(self.wrong("max_units", "windows".into(), many)),
            None => Ok(()),
        }
    }

    /// The lengths that part buckets: each holds what is above the one before and up to its own.
    fn bounds(&self, lengths: &[usize]) -> Result<Vec<usize>> {
        match &self.buckets {
            Buckets::Quantiles(0) => Err(self.wrong("quantiles", "0".into(), "at least 1")),
            &Buckets::Quantiles(buckets) => Ok(quantiles(lengths, buckets)),
            Buckets::Boundaries(bounds) if !bounds.is_sorted_by(|a, b| a < b) => {
                Err(self.wrong("boundaries", format!("{bounds:?}"), "each above the one before"))
            }
            Buckets::Boundaries(bounds) => Ok(bounds.clone()),
            Buckets::Windows(_) => Ok(vec![]),
        }
    }

    /// How many samples as long as `sample` are within the budget.
    fn fitting(&self, sample: usize, length: usize, padded: usize) -> Result<usize> {
        let Some(most) = self.max_units else { return Ok(usize::MAX) };
        match most / padded {
            0 => {
                let found = format!("{most}, and sample {sample} of length {length}");
                let expected = format!("at least {padded}, what this sample takes");
                Err(self.wrong("max_units", found, &expected))
            }
            fits => Ok(fits),
        }
    }

    /// Refuses a bucket of these lengths that is smaller than its batch, if such are left out.
    fn check_seen(&self, bucket: &Bucket, lengths: &[usize]) -> Result<()> {
        let Bucket { samples, size } = bucket;
        if samples.len() >= *size {
            return Ok(());
        }
        let own = || samples.iter().map(|&i| lengths[i]);
        let (shortest, longest) = (own().min().unwrap_or(0), own().max().unwrap_or(0));
        let found = crate::error::count(samples.len(), "sample");
        Err(DataError::invalid(
            format!("bucket of {}, lengths {shortest} to {longest}", self.by),
            found,
            format!("at least {size}, its batch: drop_last would leave it out of every epoch"),
        ))
    }
}

/// How the samples of an epoch are dealt out.
pub(crate) struct Dealing {
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) drop_last: bool,
    pub(crate) seed: u64,
    pub(crate) groups: Groups,
}

/// Which samples may share a batch, in numbers.
pub(crate) enum Groups {
    /// Any of so many.
    All(usize),
    /// Those of a window of so many batches, by their lengths.
    Windows { lengths: Arc<[usize]>, batches: usize },
    /// Those of a bucket.
    Buckets(Vec<Bucket>),
}

/// Samples of like length, and how many of them make a batch.
pub(crate) struct Bucket {
    samples: Vec<usize>,
    size: usize,
}

impl Groups {
    /// The groups of samples of these lengths; `padded` says how long a batch is by its longest sample.
    pub(crate) fn of(
        lengths: &Arc<[usize]>,
        bucketing: &Bucketing,
        batch_size: usize,
        drop_last: bool,
        padded: impl Fn(usize) -> usize,
    ) -> Result<Groups> {
        if let Buckets::Windows(batches) = bucketing.buckets {
            bucketing.check_windows(batches)?;
            return Ok(Groups::Windows { lengths: lengths.clone(), batches });
        }
        let bounds = bucketing.bounds(lengths)?;
        let mut buckets: Vec<Vec<usize>> = vec![vec![]; bounds.len() + 1];
        for (sample, length) in lengths.iter().enumerate() {
            buckets[bounds.partition_point(|bound| bound < length)].push(sample);
        }
        buckets.retain(|samples| !samples.is_empty());
        let sized = |samples: Vec<usize>| {
            let longest = *samples.iter().max_by_key(|&&i| lengths[i]).expect("kept above");
            let length = lengths[longest];
            let fits = bucketing.fitting(longest, length, padded(length))?;
            let bucket = Bucket { samples, size: fits.min(batch_size) };
            if drop_last {
                bucketing.check_seen(&bucket, lengths)?;
            }
            Ok(bucket)
        };
        Ok(Groups::Buckets(buckets.into_iter().map(sized).collect::<Result<_>>()?))
    }
}

/// Lengths that part samples into so many buckets of about the same size.
fn quantiles(lengths: &[usize], buckets: usize) -> Vec<usize> {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let (n, buckets) = (sorted.len(), buckets.min(sorted.len()));
    let mut bounds: Vec<usize> = (1..buckets).map(|k| sorted[k * n / buckets - 1]).collect();
    bounds.dedup();
    bounds
}

/// How many batches of `size` that many samples make; a last one that is not full is left out if it is to be.
fn batches_of(samples: usize, size: usize, drop_last: bool) -> usize {
    if drop_last { samples / size } else { samples.div_ceil(size) }
}

/// The places of these batches among `range`.
fn cut(range: Range<usize>, size: usize, drop_last: bool) -> impl Iterator<Item = Range<usize>> {
    let n = range.len();
    (0..batches_of(n, size, drop_last))
        .map(move |b| range.start + b * size..range.start + ((b + 1) * size).min(n))
}

impl Dealing {
    /// Batches of every epoch.
    pub(crate) fn batches(&self) -> usize {
        let of = |n: usize, size: usize| batches_of(n, size, self.drop_last);
        match &self.groups {
            Groups::All(n) => of(*n, self.batch_size),
            Groups::Windows { lengths, .. } => of(lengths.len(), self.batch_size),
            Groups::Buckets(all) => all.iter().map(|b| of(b.samples.len(), b.size)).sum(),
        }
    }

    /// The batches of an epoch.
    pub(crate) fn order(&self, epoch: u64) -> Order {
        let shuffled = |n| {
            let mut order: Vec<usize> = (0..n).collect();
            if self.shuffle {
                rng(self.seed, Purpose::Shuffle, epoch, 0).shuffle(&mut order);
            }
            order
        };
        let mut order = match &self.groups {
            &Groups::All(n) => {
                let batches = cut(0..n, self.batch_size, self.drop_last).collect();
                return Order { samples: shuffled(n), batches };
            }
            Groups::Windows { lengths, batches } => {
                self.windows(shuffled(lengths.len()), lengths, *batches)
            }
            Groups::Buckets(all) => self.buckets(all, epoch),
        };
        if self.shuffle {
            rng(self.seed, Purpose::Batches, epoch, 0).shuffle(&mut order.batches);
        }
        order
    }

    /// Windows of samples in the epoch's order, each sorted by length.
    fn windows(&self, mut samples: Vec<usize>, lengths: &[usize], batches: usize) -> Order {
        if self.drop_last {
            // Before sorting: what is left out must not always be the longest.
            samples.truncate(samples.len() / self.batch_size * self.batch_size);
        }
        let window = self.batch_size.saturating_mul(batches);
        samples.chunks_mut(window).for_each(|window| window.sort_by_key(|&i| lengths[i]));
        let batches = cut(0..samples.len(), self.batch_size, false).collect();
        Order { samples, batches }
    }

    /// Each bucket in an order of its own.
    fn buckets(&self, all: &[Bucket], epoch: u64) -> Order {
        let mut order = Order { samples: vec![], batches: vec![] };
        for (number, bucket) in all.iter().enumerate() {
            let start = order.samples.len();
            order.samples.extend_from_slice(&bucket.samples);
            if self.shuffle {
                let mut rng = rng(self.seed, Purpose::Shuffle, epoch, number as u64);
                rng.shuffle(&mut order.samples[start..]);
            }
            order.batches.extend(cut(start..order.samples.len(), bucket.size, self.drop_last));
        }
        order
    }
}
