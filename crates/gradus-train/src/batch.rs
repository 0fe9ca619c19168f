//! `Batch`: named tensors side by side, and how much they weigh.

use crate::Result;
use gradus_base::Error;
use gradus_tensor::{Element, Tensor};

pub use gradus_data::Name;

/// Some samples: a tensor of any type and shape for each named field, how many samples they are, and how many *units* they weigh.
///
/// The house's names are `x` for inputs, `t` for targets, `weights` for how much each sample counts, `lengths` or `mask` for what
/// of padded inputs is there. Units are what the numbers of a task such as [`Objectives`](crate::Objectives) are means over: samples
/// unless said otherwise, tokens of sentences, pixels of pictures that differ in size. A [`Learner`](crate::Learner) knows itself what its
/// loss and its metrics are means over, and weighs by that.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::Batch;
/// let words = Tensor::from([[5i64, 2, 0], [7, 0, 0]]); // two sentences of two words and one
/// let batch = Batch::new([("x", words), ("lengths", Tensor::from([2i64, 1]))])?.weighing(3.0);
/// assert_eq!((batch.samples(), batch.units()), (2, 3.0));
/// let wrong = batch.get("t").unwrap_err().to_string();
/// assert!(wrong.contains("there is no field t; there are x i64 [2, 3], lengths i64 [2]"), "{wrong}");
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    names: Vec<Name>,
    tensors: Vec<Tensor>,
    samples: usize,
    units: Option<f64>,
    /// Fields that are padded without a field that says where.
    silent: Vec<Name>,
}

impl Batch {
    /// A batch of these fields. The first axis of the first one counts the samples.
    ///
    /// # Errors
    /// When there is no field or no sample, two fields have one name, or there are more than [`Batch::MOST`].
    pub fn new<N: Into<Name>>(fields: impl IntoIterator<Item = (N, Tensor)>) -> Result<Batch> {
        let (names, tensors): (Vec<Name>, Vec<Tensor>) =
            fields.into_iter().map(|(name, tensor)| (name.into(), tensor)).unzip();
        let Some(first) = tensors.first() else {
            return Err(Error::value("batch", "found no field, expected at least one").into());
        };
        if names.len() > Batch::MOST {
            let what = format!("found {} fields, expected at most {}", names.len(), Batch::MOST);
            return Err(Error::value("batch", what).into());
        }
        if let Some(twice) = (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            let what = format!("found two fields named {}, expected a name for each", names[twice]);
            return Err(Error::value("batch", what).into());
        }
        let samples = samples_in(&names[0], first)?;
        Ok(Batch { names, tensors, samples, units: None, silent: vec![] })
    }

    /// So many fields a batch may have.
    pub const MOST: usize = 13;

    /// Inputs and targets: the fields `x` and `t`.
    ///
    /// # Errors
    /// When `x` has no sample.
    pub fn pair(x: &Tensor, t: &Tensor) -> Result<Batch> {
        Batch::new([("x", x.clone()), ("t", t.clone())])
    }

    /// Sequences of different lengths: each field's rows are padded with zeros to the longest row of the batch, `[B, T]`. The batch
    /// has their `lengths [B]`, i64, too, and weighs as many units as they have elements.
    ///
    /// ```
    /// use gradus_train::Batch;
    /// let batch = Batch::ragged([("x", vec![vec![3i64, 1, 4], vec![1]])])?;
    /// assert_eq!(batch.get("x")?.to_vec::<i64>(), [3, 1, 4, 1, 0, 0]);
    /// assert_eq!((batch.get("lengths")?.to_vec::<i64>(), batch.units()), (vec![3, 1], 4.0));
    /// # Ok::<(), gradus_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Batch::new`]; and when a row of one field is longer than that of another, or a row is empty.
    pub fn ragged<N: Into<Name>, T: Element + Default>(
        fields: impl IntoIterator<Item = (N, Vec<Vec<T>>)>,
    ) -> Result<Batch> {
        let fields: Vec<(Name, Vec<Vec<T>>)> =
            fields.into_iter().map(|(name, rows)| (name.into(), rows)).collect();
        let Some((first, rows)) = fields.first() else {
            return Err(Error::value("batch", "found no field, expected at least one").into());
        };
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        if let Some(row) = lengths.iter().position(|&len| len == 0) {
            let what = format!("{first}: row {row} is empty, expected at least one element");
            return Err(Error::value("batch", what).into());
        }
        for (name, own) in &fields {
            let own: Vec<usize> = own.iter().map(Vec::len).collect();
            if own != lengths {
                let what =
                    format!("the rows of {name} are {own:?} long, those of {first} {lengths:?}");
                return Err(Error::shape("batch", what).into());
            }
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let padded = |(name, rows): (Name, Vec<Vec<T>>)| {
            let mut all = Vec::with_capacity(rows.len() * longest);
            for row in &rows {
                all.extend_from_slice(row);
                all.resize(all.len() + longest - row.len(), T::default());
            }
            (name, Tensor::from_slice(&all, [rows.len(), longest]))
        };
        let numbers: Vec<i64> = lengths.iter().map(|&len| len as i64).collect();
        let mut all: Vec<(Name, Tensor)> = fields.into_iter().map(padded).collect();
        all.push(("lengths".into(), Tensor::from_slice(&numbers, [numbers.len()])));
        Ok(Batch::new(all)?.weighing(lengths.iter().sum::<usize>() as f64))
    }

    /// This batch, weighing so many units: a finite number above 0, else it is refused when it is trained on or evaluated.
    #[must_use]
    pub fn weighing(self, units: f64) -> Batch {
        Batch { units: Some(units), ..self }
    }
    /// This batch, of which some fields are padded without a field that says where.
    pub(crate) fn silent(self, silent: Vec<Name>) -> Batch {
        Batch { silent, ..self }
    }
    /// Whether a field is padded and no other says where.
    pub(crate) fn is_silent(&self, name: &str) -> bool {
        self.silent.iter().any(|silent| silent == name)
    }
    /// Refuses units that are none.
    pub(crate) fn check(&self) -> gradus_base::Result<()> {
        match self.units {
            Some(units) if !(units.is_finite() && units > 0.0) => {
                let what = format!("found {units} units, expected a finite number above 0");
                Err(Error::value("batch", what))
            }
            _ => Ok(()),
        }
    }

    /// The field of a name.
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        Ok(self.fields().get(name)?)
    }
    /// The field of a name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.fields().find(name)
    }
    /// The inputs and the targets: `x` and `t`.
    ///
    /// # Errors
    /// When either is not there.
    pub fn xt(&self) -> Result<(&Tensor, &Tensor)> {
        Ok((self.get("x")?, self.get("t")?))
    }
    /// The fields' names.
    pub fn names(&self) -> &[Name] {
        &self.names
    }
    /// The fields' tensors, in the order of their names.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }
    /// How many samples.
    pub fn samples(&self) -> usize {
        self.samples
    }
    /// How many units they weigh: as many as there are samples, unless said otherwise.
    pub fn units(&self) -> f64 {
        self.units.unwrap_or(self.samples as f64)
    }
    /// The fields.
    pub fn fields(&self) -> Fields<'_> {
        Fields { names: &self.names, tensors: &self.tensors }
    }
}

/// The fields of a batch, by name. Where a step is traced their tensors have no values yet.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    names: &'a [Name],
    tensors: &'a [Tensor],
}

impl<'a> Fields<'a> {
    /// These tensors by these names.
    pub(crate) fn new(names: &'a [Name], tensors: &'a [Tensor]) -> Fields<'a> {
        Fields { names, tensors }
    }
    /// The field of a name, if there is one.
    pub fn find(&self, name: &str) -> Option<&'a Tensor> {
        self.names.iter().position(|n| n == name).map(|at| &self.tensors[at])
    }
    /// The field of a name.
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub fn get(&self, name: &str) -> gradus_base::Result<&'a Tensor> {
        self.find(name).ok_or_else(|| {
            let what = format!("there is no field {name}; there are {}", self.told(", "));
            Error::value("batch", what)
        })
    }
    /// The fields in words: `x f32 [4, 8], t i64 [4]`.
    pub(crate) fn told(&self, between: &str) -> String {
        let one = |(name, t): (&Name, &Tensor)| format!("{name} {} {}", t.dtype(), t.shape());
        self.names.iter().zip(self.tensors).map(one).collect::<Vec<_>>().join(between)
    }
}

/// `fields["x"]`.
impl std::ops::Index<&str> for Fields<'_> {
    type Output = Tensor;
    /// # Panics
    /// If there is no such field; where a step is traced that is an error of the step.
    #[track_caller]
    fn index(&self, name: &str) -> &Tensor {
        match self.get(name) {
            Ok(tensor) => tensor,
            Err(error) => {
                gradus_tensor::report(error);
                &self.tensors[0] // a batch has a field; which one it is nobody will see
            }
        }
    }
}

/// How many samples a field `[B, ..]` has.
pub(crate) fn samples_in(name: &str, t: &Tensor) -> gradus_base::Result<usize> {
    match t.shape().first() {
        Some(&samples) if samples > 0 => Ok(samples),
        _ => {
            let what =
                format!("found {name} {}, expected [B, ..] with at least one sample", t.shape());
            Err(Error::shape("batch", what))
        }
    }
}
