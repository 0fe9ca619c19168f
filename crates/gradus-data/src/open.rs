//! Opening data: which layout a file or folder has, and which part of it is held out to test.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::{Dataset, Relabelled, Subset};
use crate::embedded::mnist_5k_split;
use crate::error::{DataError, Place, Result, quote};
use crate::locate::Places;
use crate::named::{DIGITS, find_idx, missing_idx, named};
use crate::parts::{Parts, name_of, parts_in};
use crate::read::cifar::read_cifar;
use crate::read::csv::{ColumnForm, CsvOptions, LabelColumn, read_csv};
use crate::read::folder::ImageFolder;
use crate::read::idx::read_idx_images;
use crate::read::listing::is_hidden;
use crate::read::meant::{LAYOUTS, no_layout};
use crate::read::picture::{Fit, ImageOptions};
use crate::read::unreadable::{Skip, Unreadable};
use crate::read::{STDIN, read_file};
use crate::split::{HoldOut, Split};
use crate::tabular::TabularDataset;
use gradus_base::words::kind_of;

/// A training and a test part.
#[derive(Clone)]
pub struct Splits {
    /// To train on.
    pub train: Arc<dyn Dataset>,
    /// To test on.
    pub test: Arc<dyn Dataset>,
    /// Both together, where the data have no test part of their own and one was held out for it.
    pub whole: Option<Arc<dyn Dataset>>,
    /// The rule by which the test part was chosen; `None` where the data bring one.
    pub rule: Option<Split>,
    /// What the columns of a table are taken for; empty of other data.
    pub forms: Vec<ColumnForm>,
    /// Whether the numbers of a table have decimal commas.
    pub decimal_comma: bool,
    /// What is worth knowing of how the data were read, a sentence each; of data that have parts, of the one to test on.
    pub remarks: Vec<String>,
    /// The same of what concerns training only: the part to train on, and what else might be used for it.
    pub remarks_on_training: Vec<String>,
    /// That of the remarks which names columns of a table that a model was not trained with.
    pub others: Option<String>,
    /// Columns or files that are not learned from though nobody said so.
    pub left_out: Vec<String>,
    /// Pictures or rows that were passed over because they cannot be read: see [`OpenOptions::skip`].
    pub unreadable: Vec<Unreadable>,
}

impl Splits {
    /// Parts that the data themselves have.
    fn given(train: impl Dataset + 'static, test: impl Dataset + 'static) -> Splits {
        Splits {
            train: Arc::new(train),
            test: Arc::new(test),
            whole: None,
            rule: None,
            forms: vec![],
            decimal_comma: false,
            remarks: vec![],
            remarks_on_training: vec![],
            others: None,
            left_out: vec![],
            unreadable: vec![],
        }
    }

    /// Some samples of a whole, and the others to test on.
    fn of(
        whole: Arc<dyn Dataset>,
        kept: Vec<usize>,
        held: Vec<usize>,
        rule: Split,
    ) -> Result<Splits> {
        Ok(Splits {
            train: Arc::new(Subset::new(whole.clone(), kept)?),
            test: Arc::new(Subset::new(whole.clone(), held)?),
            whole: Some(whole),
            rule: Some(rule),
            forms: vec![],
            decimal_comma: false,
            remarks: vec![],
            remarks_on_training: vec![],
            others: None,
            left_out: vec![],
            unreadable: vec![],
        })
    }
}

/// How [`open`] finds and reads data.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Folders to search for a named set.
    pub places: Places,
    /// What images in folders are turned into; ignored by formats whose images have a fixed size.
    pub image: ImageOptions,
    /// Names for the labels 0, 1, … of IDX files and class folders; empty: digits, or the folders' names.
    pub classes: Vec<String>,
    /// How a CSV file is read.
    pub csv: CsvOptions,
    /// Which samples are held out to test, of data without a test part of their own; `None` is [`Split::Hash`]. A rule for
    /// data that bring a test part is refused.
    pub split: Option<Split>,
    /// Which pictures of a folder, or rows of a table, are passed over because they cannot be read; ignored by other data.
    pub skip: Skip,
}

impl OpenOptions {
    /// The places of the environment; RGB images of their own size; of a CSV file the column that is called `label`,
    /// `class` or `target`, or else the last one, is the label.
    pub fn from_environment() -> OpenOptions {
        OpenOptions {
            places: Places::from_environment(None),
            image: ImageOptions { channels: 3, size: None, fit: Fit::Cover },
            classes: Vec::new(),
            csv: CsvOptions::default(),
            split: None,
            skip: Skip::default(),
        }
    }

    /// Refuses a rule for data that bring a test part.
    fn refuse_split(&self, name: &str) -> Result<()> {
        match &self.split {
            None => Ok(()),
            Some(rule) => {
                let found = format!("{rule} for {name}");
                Err(DataError::invalid("split", found, "no rule: the data bring a test part"))
            }
        }
    }
}

/// Opens a named set from wherever a copy of it lies, or a path as [`open_path`] does.
pub fn open(name_or_path: &str, options: &OpenOptions) -> Result<Splits> {
    let set = match named(name_or_path) {
        Ok(set) => set,
        Err(_) if name_or_path == STDIN || Path::new(name_or_path).exists() => {
            return open_path(Path::new(name_or_path), options);
        }
        Err(unknown) => return Err(unknown),
    };
    options.refuse_split(set.name)?;
    if set.files.is_empty() {
        let (train, test) = mnist_5k_split()?;
        return Ok(Splits::given(train, test));
    }
    let mut options = options.clone();
    options.classes = set.classes.iter().map(|c| c.to_string()).collect();
    options.image.size = options.image.size.or(set.image_size);
    open_path(&set.find(&options.places)?, &options)
}

/// Opens what lies at `path`: a CSV file (`-` is one on stdin), or a folder of IDX files by the names of MNIST, of CIFAR-10's binary files, of
/// folders like `train` and `test` (or `val`) with class folders in them, or of class folders. Of CSV files and of class folders
/// alone, about a fifth is held out to test, chosen by [`OpenOptions::split`].
#[doc(alias("ImageFolder", "image_dataset_from_directory"))]
pub fn open_path(path: &Path, options: &OpenOptions) -> Result<Splits> {
    let name = path.display().to_string();
    match layout(path) {
        Some(Layout::Csv) => open_table(path, options),
        Some(Layout::Classes) => open_classes(path, options),
        Some(Layout::Idx) => {
            options.refuse_split(&name)?;
            open_idx(path, &options.classes)
        }
        Some(Layout::Cifar10) => {
            options.refuse_split(&name)?;
            open_cifar10(path)
        }
        Some(Layout::Split(parts)) => {
            options.refuse_split(&name)?;
            open_parts(path, &parts, options)
        }
        None => {
            let found = match std::fs::metadata(path) {
                Ok(found) if !found.is_dir() => kind_of(found.file_type()),
                Ok(_) => return Err(no_layout(path)),
                Err(_) => "nothing",
            };
            Err(DataError::malformed(&name, Place::Whole, found, LAYOUTS))
        }
    }
}

/// Whether data bring a test part, so that none is held out of them.
pub fn has_test_part(name_or_path: &str) -> bool {
    let of_path = || match layout(Path::new(name_or_path)) {
        Some(Layout::Idx | Layout::Cifar10 | Layout::Split(_)) => true,
        Some(Layout::Csv | Layout::Classes) | None => false,
    };
    named(name_or_path).is_ok() || of_path()
}

/// What lies at a path.
pub(crate) enum Layout {
    Csv,
    Idx,
    Cifar10,
    Split(Parts),
    Classes,
}

pub(crate) fn layout(path: &Path) -> Option<Layout> {
    if path.is_file() || path == Path::new(STDIN) {
        return Some(Layout::Csv);
    }
    if find_idx(path, "train", "images").is_some() {
        return Some(Layout::Idx);
    }
    if path.join("data_batch_1.bin").is_file() {
        return Some(Layout::Cifar10);
    }
    if let Some(parts) = parts_in(path) {
        return Some(Layout::Split(parts));
    }
    let mut entries = std::fs::read_dir(path).ok()?.flatten();
    let visible = |entry: &std::fs::DirEntry| !is_hidden(&entry.file_name().to_string_lossy());
    entries.any(|entry| visible(&entry) && entry.path().is_dir()).then_some(Layout::Classes)
}

fn open_idx(folder: &Path, classes: &[String]) -> Result<Splits> {
    let digits = || DIGITS.iter().map(|d| d.to_string()).collect();
    let classes = if classes.is_empty() { digits() } else { classes.to_vec() };
    let read =
        |part: &str| match (find_idx(folder, part, "images"), find_idx(folder, part, "labels")) {
            (Some(images), Some(labels)) => read_idx_images(&images, &labels, &classes),
            _ => Err(DataError::malformed(
                &folder.display().to_string(),
                Place::Whole,
                format!("no {}", missing_idx(folder).unwrap_or_default()),
                "four IDX files: train and t10k, images and labels",
            )),
        };
    Ok(Splits::given(read("train")?, read("t10k")?))
}

fn open_cifar10(folder: &Path) -> Result<Splits> {
    let train: Vec<PathBuf> = (1..=5).map(|i| folder.join(format!("data_batch_{i}.bin"))).collect();
    let train: Vec<&Path> = train.iter().map(PathBuf::as_path).collect();
    let test = read_cifar(&[&folder.join("test_batch.bin")])?;
    Ok(Splits::given(read_cifar(&train)?, test))
}

fn open_folder(root: &Path, options: &OpenOptions, skip: &Skip) -> Result<ImageFolder> {
    let folder = ImageFolder::open_without(root, options.image.clone(), skip)?;
    if options.classes.is_empty() { Ok(folder) } else { folder.rename_classes(&options.classes) }
}

/// Opens a training and a test part. Classes are compared by their names: the test part may lack some.
fn open_parts(path: &Path, parts: &Parts, options: &OpenOptions) -> Result<Splits> {
    let within = |part: &Path| options.skip.within(&name_of(part));
    let train = open_folder(&parts.train, options, &within(&parts.train))?;
    let (image, skip) = (options.image.clone(), within(&parts.test));
    let test = ImageFolder::open_test(&parts.test, image, &skip)?;
    let test = match options.classes.len() == test.classes().len() {
        true => test.rename_classes(&options.classes)?,
        false => test,
    };
    if train.shape() != test.shape() {
        let found = format!("test data of shape {:?}", test.shape());
        let expected = format!("{:?} as in the training data", train.shape());
        return Err(DataError::malformed(
            &path.display().to_string(),
            Place::Whole,
            found,
            expected,
        ));
    }
    let of = |part: &Path, folder: &ImageFolder| -> Vec<String> {
        let part = name_of(part);
        folder.remarks().iter().map(|remark| format!("in {part}: {remark}")).collect()
    };
    let (mut remarks_on_training, remarks) = (of(&parts.train, &train), of(&parts.test, &test));
    remarks_on_training.extend(parts.remarks.iter().cloned());
    let left_out = [train.left_out(), test.left_out()].concat();
    let unreadable = |part: &Path, folder: &ImageFolder| -> Vec<Unreadable> {
        let file = |one: &Unreadable| format!("{}/{}", name_of(part), one.file);
        let all = folder.unreadable().iter();
        all.map(|one| Unreadable { file: file(one), ..one.clone() }).collect()
    };
    let unreadable = [unreadable(&parts.train, &train), unreadable(&parts.test, &test)].concat();
    let splits = match train.classes() == test.classes() {
        true => Splits::given(train, test),
        false => {
            let named = |error: DataError| error.in_file(&parts.test);
            let test = Relabelled::new(Arc::new(test), train.classes()).map_err(named)?;
            Splits::given(train, test)
        }
    };
    Ok(Splits { remarks, remarks_on_training, left_out, unreadable, ..splits })
}

fn open_table(path: &Path, options: &OpenOptions) -> Result<Splits> {
    let rule = options.split.clone().unwrap_or_default();
    let aside = rule.aside().map(str::to_owned);
    let skip_unreadable = options.csv.skip_unreadable || options.skip.takes_rows();
    let csv = CsvOptions { aside, skip_unreadable, ..options.csv.clone() };
    let table = read_csv(path, &csv)?;
    let (forms, remarks) = (table.forms().to_vec(), table.remarks().to_vec());
    let (left_out, decimal_comma) = (table.left_out().to_vec(), table.decimal_comma());
    let others = table.others().map(str::to_owned);
    let mut unreadable = table.unreadable().to_vec();
    let splits = match &rule {
        Split::File(other) => {
            let test = read_csv(other, &like(&table, csv))?;
            unreadable.extend_from_slice(test.unreadable());
            if test.shape() != table.shape() {
                let found = format!("{} feature columns", test.shape()[0]);
                let expected = format!("{} as in {}", table.shape()[0], path.display());
                let name = other.display().to_string();
                return Err(DataError::malformed(&name, Place::Whole, found, expected));
            }
            let named = |error: DataError| error.in_file(other);
            let test = Relabelled::new(Arc::new(test), table.classes()).map_err(named)?;
            Splits { rule: Some(rule), ..Splits::given(table, test) }
        }
        _ => hold_out(Arc::new(table), rule)?,
    };
    Ok(Splits { forms, decimal_comma, remarks, others, left_out, unreadable, ..splits })
}

/// How another file is read so that its columns are those of a table, by name.
fn like(table: &TabularDataset, csv: CsvOptions) -> CsvOptions {
    let csv = CsvOptions { decimal_comma: table.decimal_comma(), ..csv };
    match table.columns() {
        None => CsvOptions {
            leave_out: [&csv.leave_out[..], table.left_out()].concat(),
            forms: table.forms().to_vec(),
            ..csv
        },
        Some(columns) => CsvOptions {
            label: match &columns.label {
                Some(label) => LabelColumn::Name(label.clone()),
                None => csv.label,
            },
            features: table.forms().iter().map(|form| form.name.clone()).collect(),
            forms: table.forms().to_vec(),
            targets: table.targets().names().to_vec(),
            ..csv
        },
    }
}

fn open_classes(path: &Path, options: &OpenOptions) -> Result<Splits> {
    let rule = options.split.clone().unwrap_or_default();
    let folder = open_folder(path, options, &options.skip)?;
    let (remarks, left_out) = (folder.remarks().to_vec(), folder.left_out().to_vec());
    let unreadable = folder.unreadable().to_vec();
    let splits = match &rule {
        Split::Time(_) | Split::Group(_) => {
            let found = format!("{rule} for {}", path.display());
            let expected = "hash, position or file:LIST for a folder of pictures";
            return Err(DataError::invalid("split", found, expected));
        }
        Split::File(list) => {
            let held = listed(&folder, path, list)?;
            let (kept, held) = (0..folder.len()).partition(|i| !held[*i]);
            Splits::of(Arc::new(folder), kept, held, rule)?
        }
        Split::Hash | Split::Position => hold_out(Arc::new(folder), rule)?,
    };
    Ok(Splits { remarks, left_out, unreadable, ..splits })
}

/// Which pictures a list names, a path in the folder on each line.
fn listed(folder: &ImageFolder, root: &Path, list: &Path) -> Result<Vec<bool>> {
    let name = list.display().to_string();
    let bytes = read_file(list)?;
    let text = String::from_utf8_lossy(&bytes);
    let pictures: HashMap<PathBuf, usize> = (0..folder.len())
        .map(|i| (folder.path(i).strip_prefix(root).unwrap_or(folder.path(i)).to_owned(), i))
        .collect();
    let mut held = vec![false; folder.len()];
    for (line, text) in (1u64..).zip(text.lines().map(str::trim)) {
        if text.is_empty() {
            continue;
        }
        let Some(&picture) = pictures.get(&text.split(['/', '\\']).collect::<PathBuf>()) else {
            let expected = format!("the path of a picture in {}", root.display());
            return Err(DataError::malformed(&name, Place::Line(line), quote(text), expected));
        };
        held[picture] = true;
    }
    Ok(held)
}

fn hold_out(whole: Arc<dyn Dataset>, rule: Split) -> Result<Splits> {
    let (kept, held) = rule.divide(&*whole, HoldOut::Test)?;
    Splits::of(whole, kept, held, rule)
}
