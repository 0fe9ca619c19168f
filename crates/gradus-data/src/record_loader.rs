//! Batches of records in a seeded order: any fields, ragged ones padded, samples of like length together.
//!
//! The walk of a batch: [`Records::read`] writes the fields of each sample into the batch's own buffers, one sample behind the other
//! (through [`Transform`]s, if there are any); `collate.rs` moves ragged ones apart, in place, and adds lengths and masks. As with a
//! [`Loader`](crate::Loader) a batch is a pure function of the records, the options and its [`Position`].

use std::sync::Arc;

use crate::bucket::{Bucketing, Dealing, Groups};
use crate::collate::{Collation, Padding, RecordBatch, UnitsOf};
use crate::error::{DataError, Result, count};
use crate::field::{self, FieldSpec, Name};
use crate::prefetch::{Ahead, Batches, Maker, Order, Position};
use crate::random::rng_for_augment;
use crate::records::Records;
use crate::sample::Sample;
use crate::transform::Transform;

/// How batches of records are made.
///
/// In PyTorch's words: `padding` is what a `collate_fn` does with `pad_sequence` (`batch_first`), or a tokenizer's `padding="longest"`
/// and `pad_to_multiple_of`; `bucketing` is the `BatchSampler` (torchtext's `BucketIterator`); `transforms` are a data set's
/// `transform`; all else is called as in `DataLoader`, but that `workers` are threads.
///
/// A program is planned once for each shape of a batch, and a recurrent net that is unrolled over the places is planned long:
/// [`Padding::multiple`] makes the shapes few. Sentences of 1 to 60 words are 60 shapes; with a multiple of 8 they are 8, for 3 or 4 more
/// places a sentence.
#[derive(Clone)]
pub struct RecordOptions {
    /// Samples per batch; at most that many where batches have a budget.
    pub batch_size: usize,
    /// Whether each epoch has an order of its own; else samples come in the order of the records, those of a bucket after each other.
    pub shuffle: bool,
    /// Whether a last batch that is not full is left out, of each bucket. Which samples that are is drawn anew every epoch; without
    /// shuffling they are always the last. A bucket of fewer samples than a batch is refused.
    pub drop_last: bool,
    /// Seed of the order and of random changes.
    pub seed: u64,
    /// Background threads, at most 64. With 0 each batch is made when it is asked for.
    pub workers: usize,
    /// Finished batches each worker may hold ready; more than an epoch has are as many as it has.
    pub prefetch: usize,
    /// Changes of each sample, in this order.
    pub transforms: Vec<Arc<dyn Transform>>,
    /// How each ragged field is padded.
    pub padding: Vec<(Name, Padding)>,
    /// What a batch weighs.
    pub units: UnitsOf,
    /// Whether samples of like length share batches.
    pub bucketing: Option<Bucketing>,
}

impl Default for RecordOptions {
    fn default() -> RecordOptions {
        RecordOptions {
            batch_size: 64,
            shuffle: false,
            drop_last: false,
            seed: 0,
            workers: 1,
            prefetch: 2,
            transforms: Vec::new(),
            padding: Vec::new(),
            units: UnitsOf::Samples,
            bucketing: None,
        }
    }
}

/// Makes batches of records.
///
/// ```
/// use gradus_data::{Bucketing, InMemory, Padding, RecordLoader, RecordOptions, UnitsOf};
/// let sentences = InMemory::new()
///     .ragged("x", [vec![5i64, 2, 7], vec![7], vec![7, 7], vec![2]])?
///     .field("t", &[], &[0i64, 1, 1, 0])?;
/// let options = RecordOptions {
///     batch_size: 2,
///     padding: vec![("x".into(), Padding { value: 1.0, ..Padding::default() })],
///     units: UnitsOf::Lengths("x".into()),
///     bucketing: Some(Bucketing::boundaries("x", [1])),
///     ..RecordOptions::default()
/// };
/// let loader = RecordLoader::new(sentences, options)?;
/// let batches: Vec<_> = loader.epoch(0).collect::<Result<_, _>>()?;
/// assert_eq!((&batches[0].indices[..], &batches[1].indices[..]), (&[1, 3][..], &[0, 2][..]));
/// assert_eq!(batches[1].get("x")?.shape, [2, 3]);
/// assert_eq!(batches[1].get("x")?.values.as_slice(), Some(&[5i64, 2, 7, 7, 7, 1][..]));
/// assert_eq!(batches[1].get("lengths")?.values.as_slice(), Some(&[3i64, 2][..]));
/// assert_eq!(batches[1].units, 5.0);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[doc(alias("DataLoader", "pad_sequence", "pad_sequences"))]
pub struct RecordLoader {
    ahead: Ahead<Recipe>,
}

impl RecordLoader {
    /// Checks the options against the records. With bucketing the length of every sample is asked for.
    ///
    /// # Errors
    /// When there are no samples, two fields share a name, a ragged field has no padding, a transform does not suit, a batch or a
    /// bucket would hold nothing, or a sample is over the budget.
    pub fn new(records: impl Records + 'static, options: RecordOptions) -> Result<RecordLoader> {
        if options.batch_size == 0 {
            return Err(DataError::invalid("batch size", "0", "at least 1"));
        }
        if options.transforms.len() > 64 {
            let found = options.transforms.len().to_string();
            return Err(DataError::invalid("transforms", found, "at most 64"));
        }
        if records.is_empty() {
            return Err(DataError::invalid("records", "no samples", "at least one"));
        }
        let stages = stages(records.fields(), &options.transforms)?;
        let fields = stages.last().expect("there is that of the records");
        let collation = Collation::new(fields, &options.padding, &options.units)?;
        let RecordOptions { batch_size, shuffle, drop_last, seed, workers, prefetch, .. } = options;
        let bound = bound(&records, &options, fields)?;
        let groups = groups(records.len(), &options, bound.as_ref(), &collation)?;
        let dealing = Dealing { batch_size, shuffle, drop_last, seed, groups };
        if dealing.batches() == 0 {
            let expected = format!("at most {}, the number of samples (drop_last)", records.len());
            return Err(DataError::invalid("batch size", batch_size.to_string(), expected));
        }
        let transforms = options.transforms;
        let records = Arc::new(records);
        let recipe = Recipe { records, transforms, stages, collation, bound, dealing };
        Ok(RecordLoader { ahead: Ahead::new(recipe, workers, prefetch)? })
    }

    /// The records.
    pub fn records(&self) -> &Arc<dyn Records> {
        &self.ahead.maker.records
    }

    /// What the fields of a sample are after all changes, before they are padded.
    pub fn fields(&self) -> &[FieldSpec] {
        self.ahead.maker.stages.last().expect("there is that of the records")
    }

    /// Number of batches in an epoch, the same in each.
    pub fn batches_per_epoch(&self) -> usize {
        self.ahead.maker.batches()
    }

    /// All batches of one epoch.
    pub fn epoch(&self, epoch: u64) -> Batches<RecordBatch> {
        self.from(Position { epoch, batch: 0 })
    }

    /// The batches from `start` to the end of its epoch; none if `start.batch` is past the end.
    pub fn from(&self, start: Position) -> Batches<RecordBatch> {
        self.ahead.from(start)
    }

    /// The position after `position`: the next batch, or the first one of the next epoch.
    pub fn after(&self, position: Position) -> Position {
        self.ahead.after(position)
    }
}

/// The fields before each transform, and after the last.
fn stages(
    fields: &[FieldSpec],
    transforms: &[Arc<dyn Transform>],
) -> Result<Vec<Arc<[FieldSpec]>>> {
    field::check(fields)?;
    let mut stages: Vec<Arc<[FieldSpec]>> = vec![fields.into()];
    for (index, transform) in transforms.iter().enumerate() {
        let after = transform.output_fields(&stages[index])?;
        field::check(&after)?;
        stages.push(after.into());
    }
    Ok(stages)
}

/// How many rows each sample has at most in the field that batches are sorted by, after all changes.
struct Bound {
    field: usize,
    lengths: Arc<[usize]>,
}

impl Bound {
    /// Refuses a sample, which is complete, that is longer than was said when batches were planned.
    fn check(&self, sample: &Sample) -> Result<()> {
        let (spec, most) = (&sample.fields()[self.field], self.lengths[sample.index()]);
        match sample.length(self.field) {
            length if spec.is_ragged() && length > most => {
                let said = "what Records::length and Transform::max_length say";
                let expected = format!("at most {most}, {said}");
                Err(spec.wrong_in(sample.index(), count(length, "row"), expected))
            }
            _ => Ok(()),
        }
    }
}

/// Asks for the lengths that batches are sorted by, if they are.
fn bound(
    records: &impl Records,
    options: &RecordOptions,
    fields: &[FieldSpec],
) -> Result<Option<Bound>> {
    let Some(Bucketing { by, .. }) = &options.bucketing else { return Ok(None) };
    let before = field::find(records.fields(), by)?;
    let field = field::find(fields, by)?;
    if !records.fields()[before].is_ragged() {
        let found = records.fields()[before].to_string();
        return Err(DataError::invalid("bucketing", found, "a ragged field [T, ..]"));
    }
    let after = |length| options.transforms.iter().fold(length, |n, t| t.max_length(by, n));
    let lengths = (0..records.len()).map(|index| Ok(after(records.length(index, before)?)));
    Ok(Some(Bound { field, lengths: lengths.collect::<Result<_>>()? }))
}

/// Which samples may share a batch.
fn groups(
    samples: usize,
    options: &RecordOptions,
    bound: Option<&Bound>,
    collation: &Collation,
) -> Result<Groups> {
    let (Some(bucketing), Some(bound)) = (&options.bucketing, bound) else {
        return Ok(Groups::All(samples));
    };
    let padded = |longest| collation.padded(bound.field, longest);
    let &RecordOptions { batch_size, drop_last, .. } = options;
    Groups::of(&bound.lengths, bucketing, batch_size, drop_last, padded)
}

/// Everything that decides what a batch holds.
struct Recipe {
    records: Arc<dyn Records>,
    transforms: Vec<Arc<dyn Transform>>,
    /// The fields before each transform, and after the last.
    stages: Vec<Arc<[FieldSpec]>>,
    collation: Collation,
    bound: Option<Bound>,
    dealing: Dealing,
}

impl Maker for Recipe {
    type Batch = RecordBatch;
    /// A sample at each stage; the last one is that of the batch.
    type Scratch = Vec<Sample>;

    fn batches(&self) -> usize {
        self.dealing.batches()
    }

    fn order(&self, epoch: u64) -> Order {
        self.dealing.order(epoch)
    }

    fn scratch(&self) -> Vec<Sample> {
        self.stages.iter().map(Sample::of).collect()
    }

    fn make(
        &self,
        position: Position,
        samples: &[usize],
        batch: &mut RecordBatch,
        scratch: &mut Vec<Sample>,
    ) -> Result<()> {
        batch.position = position;
        batch.indices.clear();
        batch.indices.extend_from_slice(samples);
        let (last, before) = scratch.split_last_mut().expect("there is that of the records");
        last.restart(0);
        self.collation.lend(batch, last);
        for &index in samples {
            last.begin(index);
            self.read(index, position.epoch, before, last)?;
            last.finish()?;
            self.bound.iter().try_for_each(|bound| bound.check(last))?;
            self.collation.check(last)?;
        }
        self.collation.finish(last, batch)
    }
}

impl Recipe {
    /// Reads a sample into the batch, through the stages before.
    fn read(
        &self,
        index: usize,
        epoch: u64,
        before: &mut [Sample],
        last: &mut Sample,
    ) -> Result<()> {
        let Some(first) = before.first_mut() else { return self.records.read(index, last) };
        first.restart(index);
        self.records.read(index, first)?;
        first.finish()?;
        for (k, transform) in self.transforms.iter().enumerate() {
            let mut rng = rng_for_augment(self.dealing.seed, epoch, index, k);
            let mut change = |from: &Sample, to: &mut Sample| {
                transform.apply(from, to, &mut rng)?;
                to.keep(from)
            };
            let (from, rest) = before.split_at_mut(k + 1);
            match rest.first_mut() {
                None => change(&from[k], last)?,
                Some(to) => {
                    to.restart(index);
                    change(&from[k], to)?;
                    to.finish()?;
                }
            }
        }
        Ok(())
    }
}
