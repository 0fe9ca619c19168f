//! How samples become a batch: fixed fields are stacked, ragged ones padded to the longest, with what tells padding apart.

use gradus_base::DType;

use crate::error::{DataError, Result, quote};
use crate::field::{self, FieldSpec, Name};
use crate::prefetch::Position;
use crate::sample::Sample;
use crate::values::Values;

/// How a ragged field is padded to the longest of its batch, and what is told of it beside.
///
/// ```
/// use gradus_data::Padding;
/// let tokens = Padding { value: 1.0, multiple: 8, ..Padding::default() }; // token 1 is no word; 8, 16, 24, … long
/// let tags = Padding { value: -100.0, ..Padding::along("tokens") }; // a tag for each token
/// assert!(tokens.lengths && !tags.lengths);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Padding {
    /// What stands behind a sample's own rows.
    pub value: f64,
    /// The batch is as long as a multiple of this.
    pub multiple: usize,
    /// Whether the batch has a field `lengths`, i64 `[B]`: the rows of each sample. `lengths` and `mask` are those of `x` (and of
    /// what it goes along with), or those of the only ragged field; all others' are called `NAME.lengths` and `NAME.mask`.
    pub lengths: bool,
    /// Whether the batch has a field `mask`, bool `[B, T]`: true where a sample has a row.
    pub mask: bool,
    /// Whether nothing needs to tell padding: its value does, which no sample holds, or what reads the field does not mind. Where
    /// there are neither lengths nor a mask, of the field or of the one it goes along with, this must be said.
    pub unmarked: bool,
    /// Whether a sample may have no row. A batch is 1 long at least.
    pub empty: bool,
    /// The ragged field that has as many rows in every sample; its lengths, mask and multiple are those of this one, too.
    pub along: Option<Name>,
}

impl Default for Padding {
    /// Zeros, with lengths.
    fn default() -> Padding {
        let (lengths, mask, unmarked) = (true, false, false);
        Padding { value: 0.0, multiple: 1, lengths, mask, unmarked, empty: false, along: None }
    }
}

impl Padding {
    /// Zeros, for a field that has as many rows as another one.
    pub fn along(leader: impl Into<Name>) -> Padding {
        let along = Some(leader.into());
        Padding { lengths: false, empty: true, along, ..Padding::default() }
    }

    /// This value, which alone tells padding: neither lengths nor a mask.
    ///
    /// ```
    /// use gradus_data::{InMemory, Padding, RecordLoader, RecordOptions};
    /// let new = |own: Padding| {
    ///     let sounds = InMemory::new().ragged("sound", [vec![0.5f32], vec![0.25, 1.0]])?;
    ///     RecordLoader::new(sounds, RecordOptions { padding: vec![("sound".into(), own)], ..Default::default() })
    /// };
    /// let batch = new(Padding::unmarked(-1.0))?.epoch(0).next().unwrap()?.fields.clone();
    /// assert_eq!((batch.len(), batch[0].values.as_slice()), (1, Some(&[0.5f32, -1.0, 0.25, 1.0][..])));
    /// assert!(new(Padding { lengths: false, ..Padding::default() }).is_err()); // perhaps forgotten
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    pub fn unmarked(value: f64) -> Padding {
        Padding { value, lengths: false, unmarked: true, ..Padding::default() }
    }
}

/// What a batch weighs: what losses and metrics are means over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UnitsOf {
    /// As many units as there are samples.
    #[default]
    Samples,
    /// As many as the samples have rows of this ragged field, such as tokens.
    Lengths(Name),
    /// The sum of this field: a number that each sample has, or how much of its mask is true.
    Sum(Name),
}

/// Some samples side by side, field by field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordBatch {
    /// The fields of the records, then the lengths and masks of ragged ones.
    pub fields: Vec<BatchField>,
    /// Which samples these are.
    pub indices: Vec<usize>,
    /// Which batch this is.
    pub position: Position,
    /// What it weighs.
    pub units: f64,
}

/// A field of some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchField {
    /// Its name.
    pub name: Name,
    /// `[B, ..]`, of a ragged field `[B, T, ..]`.
    pub shape: Vec<usize>,
    /// The elements, last axis fastest.
    pub values: Values,
}

impl RecordBatch {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// True without samples.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The field of a name.
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub fn get(&self, name: &str) -> Result<&BatchField> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let there: Vec<&str> = self.fields.iter().map(|field| &*field.name).collect();
            let found = format!("the name {}", quote(name));
            DataError::invalid("field", found, format!("one of {}", there.join(", ")))
        })
    }
}

/// What becomes of a field.
#[derive(Debug, PartialEq)]
enum Rule {
    Stack,
    Pad { value: f64, multiple: usize, empty: bool, leader: usize },
}

/// Rules that suit the fields.
pub(crate) struct Collation {
    fields: std::sync::Arc<[FieldSpec]>,
    rules: Vec<Rule>,
    /// Fields that are not the records' own.
    told: Vec<Told>,
    units: Units,
}

/// What is told of a ragged field beside its elements: lengths, i64 `[B]`, or a mask, bool `[B, T]`.
struct Told {
    name: Name,
    dtype: DType,
    of: usize,
}

enum Units {
    Samples,
    Lengths(usize),
    Sum(usize),
}

impl Units {
    fn of(units: &UnitsOf, fields: &[FieldSpec]) -> Result<Units> {
        match units {
            UnitsOf::Samples => Ok(Units::Samples),
            UnitsOf::Sum(name) => Ok(Units::Sum(field::find(fields, name)?)),
            UnitsOf::Lengths(name) => match field::find(fields, name)? {
                at if fields[at].is_ragged() => Ok(Units::Lengths(at)),
                at => {
                    let found = fields[at].to_string();
                    Err(DataError::invalid("units", found, "a ragged field [T, ..]"))
                }
            },
        }
    }
}

impl Collation {
    /// Checks the rules against the fields.
    pub(crate) fn new(
        fields: &std::sync::Arc<[FieldSpec]>,
        paddings: &[(Name, Padding)],
        units: &UnitsOf,
    ) -> Result<Collation> {
        for (at, (name, _)) in paddings.iter().enumerate() {
            let field = &fields[field::find(fields, name)?];
            if !field.is_ragged() {
                return Err(wrong(name, field.to_string(), "a ragged field [T, ..]"));
            }
            if paddings[..at].iter().any(|(other, _)| other == name) {
                return Err(wrong(name, "two rules", "one"));
            }
        }
        let rules = fields.iter().map(|field| rule(field, fields, paddings));
        let rules: Vec<Rule> = rules.collect::<Result<_>>()?;
        let told = told(fields, paddings)?;
        let units = Units::of(units, fields)?;
        Ok(Collation { fields: fields.clone(), rules, told, units })
    }

    /// How long a batch is whose longest sample has so many rows of a ragged field.
    pub(crate) fn padded(&self, field: usize, longest: usize) -> usize {
        match self.rules[field] {
            Rule::Pad { multiple, .. } => {
                longest.max(1).checked_next_multiple_of(multiple).unwrap_or(usize::MAX)
            }
            Rule::Stack => longest,
        }
    }

    /// Looks at a sample that is complete: rows where there must be some, as many as those of the field it goes along with.
    pub(crate) fn check(&self, sample: &Sample) -> Result<()> {
        for (at, rule) in self.rules.iter().enumerate() {
            let &Rule::Pad { empty, leader, .. } = rule else { continue };
            let (length, expected) = (sample.length(at), sample.length(leader));
            let rows = |n| crate::error::count(n, "row");
            if length != expected {
                let expected = format!("{expected}, as many as {} has", self.fields[leader].name());
                return Err(self.fields[at].wrong_in(sample.index(), rows(length), expected));
            }
            if length == 0 && !empty {
                let expected = "at least one (Padding::empty allows none)";
                return Err(self.fields[at].wrong_in(sample.index(), "an empty row", expected));
            }
        }
        Ok(())
    }

    /// Lends a batch's buffers to the samples that are to be read into it.
    pub(crate) fn lend(&self, batch: &mut RecordBatch, sample: &mut Sample) {
        if batch.fields.is_empty() {
            let own = self.fields.iter().map(|field| (field.name(), field.dtype()));
            let told = self.told.iter().map(|told| (&told.name, told.dtype));
            let made = |(name, dtype): (&Name, DType)| BatchField {
                name: name.clone(),
                shape: vec![],
                values: Values::empty(dtype),
            };
            batch.fields.extend(own.chain(told).map(made));
        }
        for (column, field) in sample.columns.iter_mut().zip(&mut batch.fields) {
            std::mem::swap(&mut column.values, &mut field.values);
        }
    }

    /// Takes the samples that were read, pads them and tells what is there.
    pub(crate) fn finish(&self, sample: &mut Sample, batch: &mut RecordBatch) -> Result<()> {
        batch.units = self.units(sample, &batch.indices)?;
        let samples = batch.indices.len();
        for (at, field) in self.fields.iter().enumerate() {
            let (column, to) = (&mut sample.columns[at], &mut batch.fields[at]);
            std::mem::swap(&mut column.values, &mut to.values);
            to.shape.clear();
            to.shape.push(samples);
            match self.rules[at] {
                Rule::Stack => to.values.truncate(samples * field.width()),
                Rule::Pad { value, .. } => {
                    let longest = self.longest(at, &column.lengths);
                    to.values.pad(&column.lengths, longest, field.width(), value);
                    to.shape.push(longest);
                }
            }
            to.shape.extend_from_slice(field.shape());
        }
        for (told, to) in self.told.iter().zip(&mut batch.fields[self.fields.len()..]) {
            let lengths = &sample.columns[told.of].lengths;
            tell(lengths, self.longest(told.of, lengths), to);
        }
        Ok(())
    }

    fn longest(&self, field: usize, lengths: &[usize]) -> usize {
        self.padded(field, lengths.iter().copied().max().unwrap_or(0))
    }

    fn units(&self, sample: &Sample, indices: &[usize]) -> Result<f64> {
        let (what, units) = match self.units {
            Units::Samples => return Ok(indices.len() as f64),
            Units::Lengths(field) => {
                let column = &sample.columns[field];
                (field, column.lengths.iter().sum::<usize>() as f64)
            }
            Units::Sum(field) => {
                let column = &sample.columns[field];
                let rows: usize = column.lengths.iter().sum();
                (field, column.values.sum(0..rows * self.fields[field].width()))
            }
        };
        if units > 0.0 && units.is_finite() {
            return Ok(units);
        }
        let what = format!("units of {}, samples {indices:?}", self.fields[what].name());
        Err(DataError::invalid(what, units.to_string(), "a finite number above 0"))
    }
}

fn wrong(name: &str, found: impl Into<String>, expected: impl Into<String>) -> DataError {
    DataError::invalid(format!("padding of {name}"), found, expected)
}

/// The rule of a field; a ragged one must have been given one.
fn rule(field: &FieldSpec, fields: &[FieldSpec], paddings: &[(Name, Padding)]) -> Result<Rule> {
    if !field.is_ragged() {
        return Ok(Rule::Stack);
    }
    let Some(own) = padding_of(field.name(), paddings) else {
        let found = format!("{field}, ragged without lengths");
        return Err(wrong(field.name(), found, "a rule: a Padding in RecordOptions::padding"));
    };
    if let Err(error) = field.dtype().number(own.value) {
        return Err(wrong(field.name(), error.what, format!("a value of {field}")));
    }
    let (leader, multiple) = match &own.along {
        None if !(own.lengths || own.mask || own.unmarked) => {
            let found = format!("{field}, ragged without lengths: nobody could tell its padding");
            let expected = "lengths, a mask, a field it goes along with, or Padding::unmarked";
            return Err(wrong(field.name(), found, expected));
        }
        None => (field.name(), own.multiple),
        Some(name) => (name, led(field, own, name, paddings)?.multiple),
    };
    if multiple == 0 {
        return Err(wrong(leader, "a multiple of 0", "at least 1"));
    }
    let leader = field::find(fields, leader)?;
    Ok(Rule::Pad { value: own.value, multiple, empty: own.empty, leader })
}

fn padding_of<'a>(name: &str, paddings: &'a [(Name, Padding)]) -> Option<&'a Padding> {
    paddings.iter().find(|(other, _)| other == name).map(|(_, own)| own)
}

/// The rule of the field that another one goes along with.
fn led<'a>(
    field: &FieldSpec,
    own: &Padding,
    leader: &str,
    paddings: &'a [(Name, Padding)],
) -> Result<&'a Padding> {
    match padding_of(leader, paddings) {
        Some(rule) if rule.along.is_none() && !own.lengths && !own.mask => Ok(rule),
        Some(Padding { along: None, .. }) => {
            let expected = format!("those of {leader} only");
            Err(wrong(field.name(), "lengths or a mask of its own", expected))
        }
        _ => {
            let expected = "a ragged field that is padded itself";
            Err(wrong(field.name(), format!("along {}", quote(leader)), expected))
        }
    }
}

/// The field whose lengths and mask are called just so: `x`, or what it goes along with; without a ragged `x` the only ragged field, where
/// fields that go along are one with theirs. So a field that is added renames nothing of `x`.
fn plain<'a>(fields: &'a [FieldSpec], paddings: &'a [(Name, Padding)]) -> Option<&'a Name> {
    let leader = |field: &'a FieldSpec| {
        let along = padding_of(field.name(), paddings).and_then(|own| own.along.as_ref());
        along.unwrap_or(field.name())
    };
    let mut ragged = fields.iter().filter(|field| field.is_ragged());
    let x = ragged.clone().find(|field| field.name() == "x");
    let first = x.or_else(|| ragged.next()).map(leader)?;
    (x.is_some() || ragged.all(|field| leader(field) == first)).then_some(first)
}

/// The names of what is told beside the fields.
fn told(fields: &[FieldSpec], paddings: &[(Name, Padding)]) -> Result<Vec<Told>> {
    let plain = plain(fields, paddings);
    let mut all = vec![];
    for (of, field) in fields.iter().enumerate() {
        let Some(own) = padding_of(field.name(), paddings) else { continue };
        let asked = [(own.lengths, "lengths", DType::I64), (own.mask, "mask", DType::Bool)];
        for (_, word, dtype) in asked.into_iter().filter(|asked| asked.0) {
            let name: Name = match plain == Some(field.name()) {
                true => word.into(),
                false => format!("{}.{word}", field.name()).into(),
            };
            if fields.iter().any(|field| *field.name() == name) {
                let found = format!("a field of the records that is called {name}, too");
                return Err(wrong(field.name(), found, format!("another name, or no {word}")));
            }
            all.push(Told { name, dtype, of });
        }
    }
    Ok(all)
}

/// Writes lengths, or a mask if the field is one of booleans.
fn tell(lengths: &[usize], longest: usize, to: &mut BatchField) {
    to.shape.clear();
    to.shape.push(lengths.len());
    if let Some(all) = to.values.vec_mut::<bool>() {
        to.shape.push(longest);
        all.clear();
        all.extend(lengths.iter().flat_map(|&len| (0..longest).map(move |at| at < len)));
    } else if let Some(all) = to.values.vec_mut::<i64>() {
        all.clear();
        all.extend(lengths.iter().map(|&len| len as i64));
    }
}
