//! Where batches come from: a loader over a data set or over records of any fields, or tensors in memory.

use crate::Result;
use crate::batch::{Batch, Name};
use gradus_base::Error;
use gradus_base::philox::Rng;
use gradus_data::{BatchField, Loader, Position, RecordBatch, RecordLoader, Records, Values};
use gradus_tensor::{DType, Tensor};

/// An endless sequence of batches, entered at any place, always the same.
///
/// Batches are asked for one after the other, each when the step before it is done: a source may make them by the very network that
/// learns, such as games it plays.
pub trait Source {
    /// Batches in an epoch.
    fn batches(&self) -> usize;
    /// Samples in an epoch.
    fn samples(&self) -> usize;
    /// The batches from the given place to the end of its epoch.
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_>;
}

impl Source for Loader {
    fn batches(&self) -> usize {
        self.batches_per_epoch()
    }
    fn samples(&self) -> usize {
        self.dataset().len()
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let batches = Loader::from(self, Position { epoch, batch });
        Box::new(batches.map(|batch| {
            let batch = batch?;
            let x = Tensor::from_slice(&batch.inputs, batch.shape.as_slice());
            let t = match &batch.targets[..] {
                [] => Tensor::from_slice(&batch.labels, [batch.labels.len()]), // [B]
                numbers => {
                    Tensor::from_slice(numbers, [batch.len(), numbers.len() / batch.len()]) // [B, K]
                }
            };
            Batch::pair(&x, &t)
        }))
    }
}

/// Batches have every field by its name, as it is typed, and weigh as many units as [`gradus_data::RecordOptions::units`] says: what the
/// losses of an [`Objectives`](crate::Objectives) are means over. Here that is characters, of which each has a label.
///
/// ```
/// use gradus_data::{InMemory, Padding, RecordLoader, RecordOptions, UnitsOf};
/// use gradus_train::Source;
/// let vowels = [vec![0i64, 0, 1, 0], vec![0, 0], vec![0, 0, 1, 0]];
/// let texts = InMemory::new().text("x", ["step", "by", "step"])?.ragged("t", vowels)?;
/// let options = RecordOptions {
///     padding: vec![("x".into(), Padding::default()), ("t".into(), Padding::along("x"))],
///     units: UnitsOf::Lengths("x".into()),
///     ..RecordOptions::default()
/// };
/// let loader = RecordLoader::new(texts, options)?;
/// let batch = Source::from(&loader, 0, 0).next().unwrap()?;
/// assert_eq!(batch.get("x")?.shape().to_string(), "[3, 4]"); // u8, padded to the longest
/// assert_eq!(batch.get("lengths")?.to_vec::<i64>(), [4, 2, 4]);
/// assert_eq!((batch.samples(), batch.units()), (3, 10.0));
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
impl Source for RecordLoader {
    fn batches(&self) -> usize {
        self.batches_per_epoch()
    }
    fn samples(&self) -> usize {
        self.records().len()
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let batches = RecordLoader::from(self, Position { epoch, batch });
        Box::new(batches.map(|batch| from_records(self, &*batch?)))
    }
}

fn from_records(loader: &RecordLoader, batch: &RecordBatch) -> Result<Batch> {
    let fields = batch.fields.iter().map(|field| (field.name.clone(), tensor(field)));
    let all = Batch::new(fields)?.weighing(batch.units);
    let told = |name: &str| {
        ["lengths", "mask"].iter().any(|word| all.find(&format!("{name}.{word}")).is_some())
    };
    if all.find("lengths").or(all.find("mask")).is_some() {
        return Ok(all);
    }
    let mut silent = vec![];
    for field in loader.fields().iter().filter(|field| field.is_ragged() && !told(field.name())) {
        if is_padded(loader, batch, field.name())? {
            silent.push(field.name().clone());
        }
    }
    Ok(all.silent(silent))
}

/// Whether some sample of a batch has fewer rows of a field than the batch.
fn is_padded(loader: &RecordLoader, batch: &RecordBatch, name: &str) -> Result<bool> {
    let records = loader.records();
    let Some(at) = records.fields().iter().position(|own| own.name() == name) else {
        return Ok(true);
    };
    let longest = batch.get(name)?.shape[1];
    for &index in &batch.indices {
        if records.length(index, at)? != longest {
            return Ok(true);
        }
    }
    Ok(false)
}

fn tensor(BatchField { shape, values, .. }: &BatchField) -> Tensor {
    let shape = shape.as_slice();
    match values {
        Values::F32(v) => Tensor::from_slice(v, shape),
        Values::F64(v) => Tensor::from_slice(v, shape),
        Values::F16(v) => Tensor::from_slice(v, shape),
        Values::BF16(v) => Tensor::from_slice(v, shape),
        Values::I32(v) => Tensor::from_slice(v, shape),
        Values::I64(v) => Tensor::from_slice(v, shape),
        Values::U8(v) => Tensor::from_slice(v, shape),
        Values::Bool(v) => Tensor::from_slice(v, shape),
    }
}

/// Inputs and targets held in memory, any targets: one row per sample.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::{Arrays, Source};
/// let x = Tensor::randn([100, 3], 1); // or Tensor::from_slice(&numbers, [100, 3])
/// let t = x.select(1, 0).gt(0.0).cast(gradus_tensor::DType::I64); // [100]
/// let (train, test) = Arrays::new(&x, &t, 32)?.shuffle(0).split(0.2, 0)?;
/// assert_eq!((train.samples(), test.samples()), (80, 20));
/// let wrong = Arrays::new(&x, &Tensor::ones([5]), 32).err().unwrap().to_string();
/// assert!(wrong.contains("x [100, 3] has 100 rows, the targets [5] have 5"), "{wrong}");
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
#[doc(alias("TensorDataset", "from_tensor_slices"))]
pub struct Arrays {
    fields: Vec<(Name, Rows)>,
    batch: usize,
    shuffle: Option<u64>,
}

/// What a field is called in messages.
fn said(name: &Name) -> &str {
    if name == "t" { "targets" } else { name }
}

/// The rows of a tensor as bytes of one element type.
struct Rows {
    tensor: Tensor,
}

impl Arrays {
    /// Batches of `batch` rows of `x` and `t`, in order.
    ///
    /// # Errors
    /// When the numbers of rows differ, there are none, `batch` is 0, or a number is NaN or infinite.
    pub fn new(x: &Tensor, t: &Tensor, batch: usize) -> Result<Arrays> {
        Arrays::named([("x", x), ("t", t)], batch)
    }

    /// Batches of `batch` rows of any fields, in order: several inputs, several targets, none.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Arrays, Source};
    /// let (pictures, ages) = (Tensor::zeros([10, 3, 8, 8]), Tensor::ones([10, 1]));
    /// let data = Arrays::named([("picture", &pictures), ("age", &ages)], 4)?;
    /// let last = data.from(0, 2).next().unwrap()?;
    /// assert_eq!((last.samples(), last.get("age")?.shape().to_string()), (2, "[2, 1]".into()));
    /// # Ok::<(), gradus_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Arrays::new`]; and when there is no field, or two have one name.
    pub fn named<'t, N: Into<Name>>(
        fields: impl IntoIterator<Item = (N, &'t Tensor)>,
        batch: usize,
    ) -> Result<Arrays> {
        let fields: Vec<(Name, &Tensor)> = fields.into_iter().map(|(n, t)| (n.into(), t)).collect();
        let rows = |t: &Tensor| t.shape().first().copied().unwrap_or(0);
        let wrong = |what: String| Err(Error::shape("arrays", what).into());
        let Some((first, x)) = fields.first() else {
            return wrong("found no field, expected at least one".into());
        };
        if let Some((name, t)) = fields.iter().find(|(_, t)| rows(t) != rows(x)) {
            let (n, m) = (rows(x), rows(t));
            let other = match &**name {
                "t" => format!("the targets {} have", t.shape()),
                name => format!("{name} {} has", t.shape()),
            };
            let x = x.shape();
            return wrong(format!("{first} {x} has {n} rows, {other} {m}, expected as many"));
        }
        if rows(x) == 0 {
            let what = format!("found no rows ({first} {}), expected at least one", x.shape());
            return wrong(what);
        }
        if batch == 0 {
            return wrong("found batches of 0 rows, expected at least 1".into());
        }
        if let Some(i) = (1..fields.len()).find(|&i| fields[..i].iter().any(|f| f.0 == fields[i].0))
        {
            return wrong(format!("found two fields named {}, expected one", fields[i].0));
        }
        let made = |(name, t): (Name, &Tensor)| Ok((name.clone(), Rows::new(said(&name), t)?));
        let fields = fields.into_iter().map(made).collect::<Result<_>>()?;
        Ok(Arrays { fields, batch, shuffle: None })
    }
    /// In another order every epoch.
    #[must_use]
    pub fn shuffle(mut self, seed: u64) -> Arrays {
        self.shuffle = Some(seed);
        self
    }
    /// All rows but `part` of them to train on, and that part to validate or test on. The draw depends on their number, the
    /// part and the seed only; the held-out rows come in order, whatever the first are in. For parts with the same share of
    /// every class see [`validation_split`](crate::validation_split).
    ///
    /// # Errors
    /// When `part` is not between 0 and 1, or leaves one side empty.
    #[doc(alias = "fit")]
    pub fn split(&self, part: f64, seed: u64) -> Result<(Arrays, Arrays)> {
        let n = self.samples();
        let held = (part * n as f64).round();
        if !(held >= 1.0 && held < n as f64) {
            let what = format!("{part} of {n} rows leaves one side empty");
            return Err(Error::value("split", what).into());
        }
        let mut order = Rng::new(seed, 2, 0).permutation(n);
        let (held, kept) = order.split_at_mut(held as usize);
        let part = |rows: &mut [usize], shuffle| {
            rows.sort_unstable();
            let pick = |(name, all): &(Name, Rows)| (name.clone(), Rows { tensor: all.pick(rows) });
            Arrays { fields: self.fields.iter().map(pick).collect(), batch: self.batch, shuffle }
        };
        Ok((part(kept, self.shuffle), part(held, None)))
    }
}

impl Rows {
    /// The rows of a tensor, called `name` in messages.
    fn new(name: &str, tensor: &Tensor) -> Result<Rows> {
        tensor.try_read()?;
        if let Some((at, found)) = first_not_finite(tensor) {
            let width = tensor.len() / tensor.shape()[0];
            let what = format!(
                "{name}: found {found} in row {}, element {} (from 0), expected finite numbers",
                at / width,
                at % width
            );
            return Err(Error::value("arrays", what).into());
        }
        Ok(Rows { tensor: tensor.clone() })
    }

    /// The rows of the given numbers, as a tensor.
    fn pick(&self, rows: &[usize]) -> Tensor {
        fn typed<T: gradus_tensor::Element>(t: &Tensor, rows: &[usize]) -> Tensor {
            let width = t.len() / t.shape()[0];
            let buffer = t.node().value().expect("read when made");
            let all = buffer.as_slice::<T>();
            let mut picked = Vec::with_capacity(rows.len() * width);
            rows.iter().for_each(|&r| picked.extend_from_slice(&all[r * width..][..width]));
            Tensor::from_slice(&picked, t.shape().with(0, rows.len()))
        }
        let t = &self.tensor;
        match t.dtype() {
            DType::F32 => typed::<f32>(t, rows),
            DType::F64 => typed::<f64>(t, rows),
            DType::F16 => typed::<gradus_tensor::f16>(t, rows),
            DType::BF16 => typed::<gradus_tensor::bf16>(t, rows),
            DType::I32 => typed::<i32>(t, rows),
            DType::I64 => typed::<i64>(t, rows),
            DType::U8 => typed::<u8>(t, rows),
            DType::Bool => typed::<bool>(t, rows),
        }
    }
}

/// The place and value of the first NaN or infinite number: it would spoil every weight.
fn first_not_finite(t: &Tensor) -> Option<(usize, f64)> {
    fn find<T: gradus_tensor::Element + Into<f64>>(t: &Tensor) -> Option<(usize, f64)> {
        let buffer = t.node().value().expect("read before");
        let numbers = buffer.as_slice::<T>().iter().map(|&x| x.into());
        numbers.enumerate().find(|(_, x): &(usize, f64)| !x.is_finite())
    }
    match t.dtype() {
        DType::F32 => find::<f32>(t),
        DType::F64 => find::<f64>(t),
        DType::F16 => find::<gradus_tensor::f16>(t),
        DType::BF16 => find::<gradus_tensor::bf16>(t),
        DType::I32 | DType::I64 | DType::U8 | DType::Bool => None,
    }
}

impl Source for Arrays {
    fn batches(&self) -> usize {
        self.samples().div_ceil(self.batch)
    }
    fn samples(&self) -> usize {
        self.fields[0].1.tensor.shape()[0]
    }
    fn from(&self, epoch: u64, batch: usize) -> Box<dyn Iterator<Item = Result<Batch>> + '_> {
        let order = match self.shuffle {
            Some(seed) => Rng::new(seed, 1, epoch as u32).permutation(self.samples()),
            None => (0..self.samples()).collect(),
        };
        let batches = (batch..self.batches()).map(move |b| {
            let rows = &order[b * self.batch..((b + 1) * self.batch).min(order.len())];
            Batch::new(self.fields.iter().map(|(name, all)| (name.clone(), all.pick(rows))))
        });
        Box::new(batches)
    }
}
