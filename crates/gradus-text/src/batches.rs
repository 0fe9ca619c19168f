//! Texts as samples: sequences of different lengths, and long texts as streams that go on from batch to batch. Both are
//! [`Records`](gradus_data::Records), so that the loaders of gradus-data make batches of them.

use std::ops::Range;

use gradus_base::DType;
use gradus_data::{
    DataError, FieldSpec, RecordLoader, RecordOptions, Records, Result, Sample, count,
};

use crate::special::Special;
use crate::tokenizer::Tokenizer;

/// Sequences of ids, each as long as it is: a field `x`, i64 `[T]`; or, to foresee each next one, `x` without the last id and `t` without the first.
///
/// ```
/// use gradus_data::{Bucketing, Padding, RecordLoader, RecordOptions, Records};
/// use gradus_text::{Sequences, Special, Tokenizer, TokenizerOptions};
/// let text = "to be\n\nor not to be\n";
/// let special = vec![Special::Pad, Special::Bos, Special::Eos];
/// let words = Tokenizer::words([text], &TokenizerOptions { special, ..TokenizerOptions::default() })?;
/// let lines = Sequences::of_lines(text, &words)?; // the empty line is none
/// assert_eq!(lines.sample(0)?.get::<i64>("x")?, [1, 4, 3, 2]); // <bos> to be <eos>
/// let next = lines.next_tokens()?;
/// assert_eq!(next.sample(0)?.get::<i64>("t")?, [4, 3, 2]);
/// let options = RecordOptions {
///     padding: vec![("x".into(), Padding::default()), ("t".into(), Padding::along("x"))],
///     bucketing: Some(Bucketing::quantiles("x", 2)),
///     ..RecordOptions::default()
/// };
/// let loader = RecordLoader::new(next, options)?;
/// assert_eq!(loader.epoch(0).next().unwrap()?.get("x")?.shape, [1, 3]);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sequences {
    ids: Vec<i64>,
    /// Where each one ends.
    ends: Vec<usize>,
    fields: Vec<FieldSpec>,
}

impl Sequences {
    /// Of these ids.
    ///
    /// # Errors
    /// When one is empty.
    pub fn new(sequences: impl IntoIterator<Item = impl AsRef<[i64]>>) -> Result<Sequences> {
        let (mut ids, mut ends) = (vec![], vec![]);
        for sequence in sequences {
            let sequence = sequence.as_ref();
            if sequence.is_empty() {
                let found = format!("an empty one, number {}", ends.len());
                return Err(DataError::invalid("sequences", found, "at least one id in each"));
            }
            ids.extend_from_slice(sequence);
            ends.push(ids.len());
        }
        Ok(Sequences { ids, ends, fields: vec![FieldSpec::ragged("x", DType::I64, &[])] })
    }

    /// The lines of a text that have tokens, in `<bos>` and `<eos>` if the vocabulary has them.
    ///
    /// # Errors
    /// When a symbol of the text is not in the vocabulary; the error says where.
    pub fn of_lines(text: &str, tokenizer: &Tokenizer) -> Result<Sequences> {
        let special = |special| tokenizer.vocabulary().special(special);
        let (begin, end) = (special(Special::Bos), special(Special::Eos));
        let mut sequences = vec![];
        for (line, text) in (1..).zip(text.lines()) {
            let mut ids: Vec<i64> = begin.into_iter().collect();
            let before = ids.len();
            tokenizer.encode_line(text, line, &mut ids)?;
            if ids.len() > before {
                ids.extend(end);
                sequences.push(ids);
            }
        }
        Sequences::new(sequences)
    }

    /// To foresee each next id: `x` is a sequence without its last one, `t` without its first one.
    ///
    /// # Errors
    /// When a sequence has one id only.
    pub fn next_tokens(self) -> Result<Sequences> {
        if let Some(short) = (0..self.len()).find(|&index| self.range(index).len() < 2) {
            let found = format!("one id in number {short}");
            return Err(DataError::invalid("sequences", found, "at least two in each"));
        }
        let field = |name| FieldSpec::ragged(name, DType::I64, &[]);
        Ok(Sequences { fields: vec![field("x"), field("t")], ..self })
    }

    fn range(&self, index: usize) -> Range<usize> {
        index.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[index]
    }
}

impl Records for Sequences {
    fn len(&self) -> usize {
        self.ends.len()
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        let ids = &self.ids[self.range(index)];
        if self.fields.len() == 1 {
            return sample.put(0, ids);
        }
        sample.put(0, &ids[..ids.len() - 1])?;
        sample.put(1, &ids[1..])
    }
    fn length(&self, index: usize, _field: usize) -> Result<usize> {
        Ok(self.range(index).len() - usize::from(self.fields.len() > 1))
    }
}

/// A long text as streams side by side that go on from batch to batch: row `r` of each batch goes on where row `r` of the one before ended, so that a
/// recurrent net may carry its state along. `x` and `t` are i64 `[steps]`, in a batch `[streams, steps]`; `t` is one id further. The ids at the end that
/// make no whole batch are left out.
///
/// ```
/// use gradus_text::Streams;
/// let ids: Vec<i64> = (0..14).collect();
/// let loader = Streams::new(ids, 2, 3)?.loader()?; // two streams, three steps
/// let batches: Vec<_> = loader.epoch(0).collect::<Result<_, _>>()?;
/// let x = |batch: usize| batches[batch].get("x").unwrap().values.as_slice::<i64>().unwrap();
/// assert_eq!(x(0), [0, 1, 2, 6, 7, 8]);
/// assert_eq!(x(1), [3, 4, 5, 9, 10, 11]); // each row goes on
/// assert_eq!(batches[1].get("t")?.values.as_slice::<i64>(), Some(&[4, 5, 6, 10, 11, 12][..]));
/// // Any place is entered directly.
/// let again = loader.from(batches[1].position).next().unwrap()?;
/// assert_eq!(again.get("x")?, batches[1].get("x")?);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Streams {
    ids: Vec<i64>,
    streams: usize,
    steps: usize,
    batches: usize,
    fields: [FieldSpec; 2],
}

impl Streams {
    /// So many streams, of which a batch has so many steps.
    ///
    /// # Errors
    /// When there are no streams or steps, or too few ids for a batch.
    pub fn new(ids: Vec<i64>, streams: usize, steps: usize) -> Result<Streams> {
        let wrong =
            |what, found: String, expected: String| Err(DataError::invalid(what, found, expected));
        if streams == 0 || steps == 0 {
            let found = format!("{streams} of {steps} steps");
            return wrong("streams", found, "at least 1 of 1".into());
        }
        let in_batch = streams.saturating_mul(steps);
        let batches = ids.len().saturating_sub(1) / in_batch;
        if batches == 0 {
            let expected = format!("more than {in_batch} for {streams} streams of {steps} steps");
            return wrong("ids", count(ids.len(), "id"), expected);
        }
        let field = |name| FieldSpec::new(name, DType::I64, &[steps]);
        Ok(Streams { ids, streams, steps, batches, fields: [field("x"), field("t")] })
    }

    /// How the batches of a [`RecordLoader`] are these: in order, each a step of every stream.
    pub fn options(&self) -> RecordOptions {
        RecordOptions { batch_size: self.streams, workers: 0, ..RecordOptions::default() }
    }

    /// The batches, in order.
    ///
    /// # Errors
    /// As [`RecordLoader::new`].
    pub fn loader(self) -> Result<RecordLoader> {
        let options = self.options();
        RecordLoader::new(self, options)
    }
}

impl Records for Streams {
    fn len(&self) -> usize {
        self.streams * self.batches
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        let (batch, row) = (index / self.streams, index % self.streams);
        let start = (row * self.batches + batch) * self.steps;
        sample.put(0, &self.ids[start..start + self.steps])?;
        sample.put(1, &self.ids[start + 1..start + 1 + self.steps])
    }
}
