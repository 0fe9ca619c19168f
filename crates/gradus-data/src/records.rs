//! What data of any kind are: a numbered list of samples of typed fields.

use std::sync::Arc;

use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::field::FieldSpec;
use crate::key::Key;
use crate::loader::label_of;
use crate::normalization::Normalization;
use crate::sample::Sample;
use crate::target::{Targets, append_target};
use gradus_base::DType;

/// Samples of typed fields, read by index: several inputs, several targets, texts, sounds, boxes. Reading may decode a file, so it
/// may fail.
///
/// The house's names are `x` for inputs and `t` for targets. Data that lie in memory are an [`InMemory`](crate::InMemory), a
/// [`Dataset`] becomes such by [`DatasetRecords`]; anything else is a few lines:
///
/// ```
/// use gradus_data::{DType, FieldSpec, Records, Result, Sample};
/// /// The numbers 0..n, and what they count down: `3` is the tokens `3 2 1 0`.
/// struct Countdown(usize, [FieldSpec; 2]);
/// impl Records for Countdown {
///     fn len(&self) -> usize { self.0 }
///     fn fields(&self) -> &[FieldSpec] { &self.1 }
///     fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
///         sample.put(0, &(0..=index as i64).rev().collect::<Vec<_>>())?;
///         sample.put(1, &[index as i64])
///     }
///     fn length(&self, index: usize, _field: usize) -> Result<usize> { Ok(index + 1) } // need not be read
/// }
/// let fields = [FieldSpec::ragged("x", DType::I64, &[]), FieldSpec::new("t", DType::I64, &[])];
/// let sample = Countdown(10, fields).sample(3)?;
/// assert_eq!(sample.get::<i64>("x")?, [3, 2, 1, 0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
pub trait Records: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// True without samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What each sample has, in this order.
    fn fields(&self) -> &[FieldSpec];

    /// Writes every field of sample `index` once. Panics if `index` is not below `len()`.
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()>;

    /// How many rows a ragged field of sample `index` has, by the field's number. Batches of like length ask it of every sample, so
    /// where it is known without reading the sample it should be given; here the sample is read. Panics if `index` is not below `len()`.
    fn length(&self, index: usize, field: usize) -> Result<usize> {
        Ok(self.sample(index)?.length(field))
    }

    /// What sample `index` is, without its targets: of equal samples the same, wherever they stand. Here of all fields but `t`.
    /// Panics if `index` is not below `len()`.
    fn key(&self, index: usize) -> Result<Key> {
        let sample = self.sample(index)?;
        let mut bytes = vec![];
        for (at, field) in self.fields().iter().enumerate().filter(|(_, f)| f.name() != "t") {
            let own = sample.bytes(at);
            let head = format!("{field}\n");
            // Each after its length, so that nothing can move from one to the next.
            for part in [head.as_bytes(), &own] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part);
            }
        }
        Ok(Key::of(&bytes))
    }

    /// Sample `index` alone.
    ///
    /// # Errors
    /// When it cannot be read, or is not what the fields say.
    fn sample(&self, index: usize) -> Result<Sample> {
        let mut sample = Sample::new(self.fields())?;
        sample.restart(index);
        self.read(index, &mut sample)?;
        sample.finish()?;
        Ok(sample)
    }
}

impl<R: Records + ?Sized> Records for Arc<R> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn fields(&self) -> &[FieldSpec] {
        (**self).fields()
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        (**self).read(index, sample)
    }
    fn length(&self, index: usize, field: usize) -> Result<usize> {
        (**self).length(index, field)
    }
    fn key(&self, index: usize) -> Result<Key> {
        (**self).key(index)
    }
}

/// Some samples of other records, in a given order: a part that is held out, for one.
///
/// ```
/// use gradus_data::{InMemory, RecordSubset, Records};
/// use std::sync::Arc;
/// let rows = (0..100i64).map(|i| vec![i; 1 + i as usize % 5]);
/// let all: Arc<dyn Records> = Arc::new(InMemory::new().ragged("x", rows)?);
/// // By what a sample holds, not by where it stands: equal samples are on one side.
/// let (mut kept, mut held) = (vec![], vec![]);
/// for index in 0..all.len() {
///     let side = if all.key(index)?.draw("test", 1) < 0.2 { &mut held } else { &mut kept };
///     side.push(index);
/// }
/// let (train, test) = (RecordSubset::new(all.clone(), kept)?, RecordSubset::new(all, held)?);
/// assert_eq!(train.len() + test.len(), 100);
/// assert!((10..30).contains(&test.len()));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct RecordSubset {
    whole: Arc<dyn Records>,
    indices: Vec<usize>,
}

impl RecordSubset {
    /// Samples `indices` of `whole`; an index may occur twice, but must exist.
    pub fn new(whole: Arc<dyn Records>, indices: Vec<usize>) -> Result<RecordSubset> {
        match indices.iter().find(|&&i| i >= whole.len()) {
            None => Ok(RecordSubset { whole, indices }),
            Some(bad) => {
                let expected = format!("indices below {}, the number of samples", whole.len());
                Err(DataError::invalid("subset", format!("index {bad}"), expected))
            }
        }
    }
}

impl Records for RecordSubset {
    fn len(&self) -> usize {
        self.indices.len()
    }
    fn fields(&self) -> &[FieldSpec] {
        self.whole.fields()
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        self.whole.read(self.indices[index], sample)
    }
    fn length(&self, index: usize, field: usize) -> Result<usize> {
        self.whole.length(self.indices[index], field)
    }
    fn key(&self, index: usize) -> Result<Key> {
        self.whole.key(self.indices[index])
    }
}

/// A [`Dataset`] as records: `x`, f32 of its shape, and `t`: the label, i64 `[]`, or the numbers to be learned, f32 `[K]`.
///
/// ```
/// use gradus_data::{DatasetRecords, Records, mnist_5k};
/// let digits = DatasetRecords::new(std::sync::Arc::new(mnist_5k()?));
/// let said: Vec<String> = digits.fields().iter().map(|field| field.to_string()).collect();
/// assert_eq!(said, ["x f32 [1, 28, 28]", "t i64 []"]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct DatasetRecords {
    dataset: Arc<dyn Dataset>,
    fields: [FieldSpec; 2],
    inputs: Option<Normalization>,
    targets: Option<Normalization>,
}

impl DatasetRecords {
    /// The samples as they are.
    pub fn new(dataset: Arc<dyn Dataset>) -> DatasetRecords {
        let t = match dataset.targets() {
            Targets::Labels => FieldSpec::new("t", DType::I64, &[]),
            Targets::Numbers(names) => FieldSpec::new("t", DType::F32, &[names.len()]),
        };
        let fields = [FieldSpec::new("x", DType::F32, dataset.shape()), t];
        DatasetRecords { dataset, fields, inputs: None, targets: None }
    }

    /// With inputs and targets normalised as they are read; rows of tables are so before they are rounded. Pictures that are changed
    /// at random are normalised after that: [`Normalize`](crate::Normalize).
    ///
    /// # Errors
    /// When a normalisation has other channels than the data.
    pub fn normalized(
        self,
        inputs: Option<Normalization>,
        targets: Option<Normalization>,
    ) -> Result<DatasetRecords> {
        inputs.iter().try_for_each(|n| n.check(self.dataset.shape()))?;
        targets.iter().try_for_each(|n| n.check(&[self.dataset.targets().names().len()]))?;
        Ok(DatasetRecords { inputs, targets, ..self })
    }
}

impl Records for DatasetRecords {
    fn len(&self) -> usize {
        self.dataset.len()
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        let out = sample.room::<f32>(0, self.fields[0].width())?;
        match &self.inputs {
            Some(normalization) => normalization.read(&*self.dataset, index, out)?,
            None => self.dataset.read(index, out)?,
        }
        match self.dataset.targets() {
            Targets::Labels => sample.put(1, &[label_of(&*self.dataset, index)?]),
            Targets::Numbers(names) => {
                let mut numbers = Vec::with_capacity(names.len());
                append_target(&*self.dataset, index, self.targets.as_ref(), &mut numbers)?;
                sample.put(1, &numbers)
            }
        }
    }
    fn key(&self, index: usize) -> Result<Key> {
        self.dataset.key(index)
    }
}
