//! What a data set is: a numbered list of samples of one shape, each with what is to be learned of it.

use std::path::Path;
use std::sync::Arc;

use crate::error::{DataError, Result, count, quote};
use crate::key::Key;
use crate::label::label_spelling;
use crate::target::Targets;

/// Samples of one shape, read by index. Reading may decode a file, so it may fail.
#[doc(alias = "PyDataset")]
pub trait Dataset: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// True without samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of one sample: `[channels, height, width]` for images, `[features]` for tables and points.
    fn shape(&self) -> &[usize];

    /// Names of the classes; label `k` means `classes()[k]`. There are none where [`Dataset::targets`] are numbers.
    fn classes(&self) -> &[String];

    /// The label of sample `index`, in `0..classes().len()`; 0 where [`Dataset::targets`] are numbers. Panics if `index` is not
    /// below `len()`.
    fn label(&self, index: usize) -> i64;

    /// What is to be learned of each sample: its label, unless said otherwise.
    fn targets(&self) -> Targets<'_> {
        Targets::Labels
    }

    /// Writes the numbers to be learned of sample `index` into `out`, which is as long as there are names of [`Dataset::targets`].
    /// Panics if `index` is not below `len()`.
    fn target(&self, index: usize, out: &mut [f64]) {
        let _ = index;
        assert!(out.is_empty(), "Dataset::target: the data have labels, no numbers");
    }

    /// Writes sample `index` into `out`, whose length is the product of `shape()`. Pixels are in `0..=1`.
    /// Panics if `index` is not below `len()` or `out` has another length.
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()>;

    /// Looks for a fault of sample `index` that can be seen without decoding it, such as a file that ends too early.
    /// `read` may find more. Panics if `index` is not below `len()`.
    fn probe(&self, index: usize) -> Result<()> {
        assert!(index < self.len(), "Dataset::probe: sample {index} of {}", self.len());
        Ok(())
    }

    /// What a file's header calls the numbers of a sample and the label, if there is one; `None` without a header, or if samples are no
    /// rows of a table.
    fn columns(&self) -> Option<&ColumnNames> {
        None
    }

    /// The numbers of sample `index` before `read` rounds them to f32, for samples that hold more than f32 can.
    /// Panics if `index` is not below `len()`.
    fn row(&self, index: usize) -> Option<&[f64]> {
        let _ = index;
        None
    }

    /// What sample `index` is, without its label: of equal samples the same, wherever they stand. Here of the numbers that
    /// `read` gives. Panics if `index` is not below `len()`.
    fn key(&self, index: usize) -> Result<Key> {
        let mut sample = vec![0.0; self.shape().iter().product()];
        self.read(index, &mut sample)?;
        let bytes: Vec<u8> = sample.iter().flat_map(|x| x.to_le_bytes()).collect();
        Ok(Key::of(&bytes))
    }

    /// The file that sample `index` is decoded from whenever it is read; `None` if samples are in memory.
    fn file(&self, index: usize) -> Option<&Path> {
        let _ = index;
        None
    }

    /// What the column that was set aside says of sample `index`, such as whose it is or when it was taken:
    /// [`CsvOptions::aside`](crate::CsvOptions::aside).
    fn aside(&self, index: usize) -> Option<&str> {
        let _ = index;
        None
    }
}

/// The names of a table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNames {
    /// Of the features, in the order of a sample's numbers.
    pub features: Vec<String>,
    /// Of the label; none where numbers are to be learned.
    pub label: Option<String>,
}

impl<D: Dataset + ?Sized> Dataset for Arc<D> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn shape(&self) -> &[usize] {
        (**self).shape()
    }
    fn classes(&self) -> &[String] {
        (**self).classes()
    }
    fn label(&self, index: usize) -> i64 {
        (**self).label(index)
    }
    fn targets(&self) -> Targets<'_> {
        (**self).targets()
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        (**self).target(index, out);
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        (**self).read(index, out)
    }
    fn probe(&self, index: usize) -> Result<()> {
        (**self).probe(index)
    }
    fn columns(&self) -> Option<&ColumnNames> {
        (**self).columns()
    }
    fn row(&self, index: usize) -> Option<&[f64]> {
        (**self).row(index)
    }
    fn key(&self, index: usize) -> Result<Key> {
        (**self).key(index)
    }
    fn file(&self, index: usize) -> Option<&Path> {
        (**self).file(index)
    }
    fn aside(&self, index: usize) -> Option<&str> {
        (**self).aside(index)
    }
}

/// All labels of a data set, in order.
pub fn labels_of(dataset: &dyn Dataset) -> Vec<i64> {
    (0..dataset.len()).map(|i| dataset.label(i)).collect()
}

/// Some samples of another data set, in a given order.
#[derive(Clone)]
pub struct Subset {
    whole: Arc<dyn Dataset>,
    indices: Vec<usize>,
}

impl Subset {
    /// Samples `indices` of `whole`; an index may occur twice, but must exist.
    pub fn new(whole: Arc<dyn Dataset>, indices: Vec<usize>) -> Result<Subset> {
        if let Some(bad) = indices.iter().find(|&&i| i >= whole.len()) {
            return Err(DataError::invalid(
                "subset",
                format!("index {bad}"),
                format!("indices below {}, the number of samples", whole.len()),
            ));
        }
        Ok(Subset { whole, indices })
    }

    /// The first `n` samples of `whole` (all of them if there are fewer).
    pub fn first(whole: Arc<dyn Dataset>, n: usize) -> Subset {
        let indices = (0..n.min(whole.len())).collect();
        Subset { whole, indices }
    }

    /// Which samples of the whole these are.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }
    fn shape(&self) -> &[usize] {
        self.whole.shape()
    }
    fn classes(&self) -> &[String] {
        self.whole.classes()
    }
    fn label(&self, index: usize) -> i64 {
        self.whole.label(self.indices[index])
    }
    fn targets(&self) -> Targets<'_> {
        self.whole.targets()
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        self.whole.target(self.indices[index], out);
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        self.whole.read(self.indices[index], out)
    }
    fn probe(&self, index: usize) -> Result<()> {
        self.whole.probe(self.indices[index])
    }
    fn columns(&self) -> Option<&ColumnNames> {
        self.whole.columns()
    }
    fn row(&self, index: usize) -> Option<&[f64]> {
        self.whole.row(self.indices[index])
    }
    fn key(&self, index: usize) -> Result<Key> {
        self.whole.key(self.indices[index])
    }
    fn file(&self, index: usize) -> Option<&Path> {
        self.whole.file(self.indices[index])
    }
    fn aside(&self, index: usize) -> Option<&str> {
        self.whole.aside(self.indices[index])
    }
}

/// Another data set, its labels numbered by a model's classes: what they mean is told by their names, in any spelling that
/// [`label_spelling`] takes for one.
///
/// ```
/// use gradus_data::{Dataset, ImageDataset, Relabelled};
/// let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
/// let own = ImageDataset::new("two", [1, 1, 1], vec![0, 9], vec![0, 1], names(&["01", "owl"]))?;
/// let as_model = Relabelled::new(std::sync::Arc::new(own), &names(&["owl", "bat", "1"]))?;
/// assert_eq!((as_model.label(0), as_model.label(1)), (2, 0));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Relabelled {
    own: Arc<dyn Dataset>,
    classes: Vec<String>,
    /// The new label of each old one.
    labels: Vec<i64>,
}

impl Relabelled {
    /// The samples of `own`, whose classes are some of `classes`, in any order.
    ///
    /// # Errors
    /// When a class of `own` that has samples is not among `classes`, or several of these have its name.
    pub fn new(own: Arc<dyn Dataset>, classes: &[String]) -> Result<Relabelled> {
        let used = labels_of(&*own);
        let number = |(k, name): (i64, &String)| {
            let samples = used.iter().filter(|&&label| label == k).count();
            let found = format!("{} of {}", quote(name), count(samples, "sample"));
            match classes_called(classes, name)[..] {
                [class] => Ok(class as i64),
                // A class without a sample asks for nothing.
                _ if samples == 0 => Ok(0),
                [] => {
                    let expected = format!("one of {}", classes.join(", "));
                    Err(DataError::invalid("class", found, expected))
                }
                ref several => {
                    let expected = format!("a name that {} classes do not share", several.len());
                    Err(DataError::invalid("class", found, expected))
                }
            }
        };
        let labels = match own.classes() == classes {
            true => (0..classes.len() as i64).collect(),
            false => (0i64..).zip(own.classes()).map(number).collect::<Result<Vec<_>>>()?,
        };
        Ok(Relabelled { own, classes: classes.to_vec(), labels })
    }
}

/// The classes of this name: as it is written, else in another spelling of the same label.
fn classes_called(classes: &[String], name: &str) -> Vec<usize> {
    let all = |is: &dyn Fn(&String) -> bool| -> Vec<usize> {
        (0..classes.len()).filter(|&k| is(&classes[k])).collect()
    };
    let spelled = label_spelling(name);
    match all(&|class| class == name) {
        none if none.is_empty() => all(&|class| label_spelling(class) == spelled),
        written => written,
    }
}

impl Dataset for Relabelled {
    fn len(&self) -> usize {
        self.own.len()
    }
    fn shape(&self) -> &[usize] {
        self.own.shape()
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> i64 {
        match self.own.targets() {
            Targets::Labels => self.labels[self.own.label(index) as usize],
            Targets::Numbers(_) => 0,
        }
    }
    fn targets(&self) -> Targets<'_> {
        self.own.targets()
    }
    fn target(&self, index: usize, out: &mut [f64]) {
        self.own.target(index, out);
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        self.own.read(index, out)
    }
    fn probe(&self, index: usize) -> Result<()> {
        self.own.probe(index)
    }
    fn columns(&self) -> Option<&ColumnNames> {
        self.own.columns()
    }
    fn row(&self, index: usize) -> Option<&[f64]> {
        self.own.row(index)
    }
    fn key(&self, index: usize) -> Result<Key> {
        self.own.key(index)
    }
    fn file(&self, index: usize) -> Option<&Path> {
        self.own.file(index)
    }
    fn aside(&self, index: usize) -> Option<&str> {
        self.own.aside(index)
    }
}

impl From<Subset> for Arc<dyn Dataset> {
    fn from(subset: Subset) -> Arc<dyn Dataset> {
        Arc::new(subset)
    }
}
