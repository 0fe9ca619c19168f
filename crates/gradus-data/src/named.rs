//! The data sets that have a name, where they come from, and how a folder of data is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::{Dataset, Subset, labels_of};
use crate::embedded::mnist_5k_split;
use crate::error::{DataError, Place, Result};
use crate::locate::Places;
use crate::read::cifar::read_cifar;
use crate::read::csv::{CsvOptions, read_csv};
use crate::read::folder::{Fit, ImageFolder, ImageOptions};
use crate::read::idx::read_idx_images;
use crate::split::stratified_split;

/// One file of a named set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// File name.
    pub name: &'static str,
    /// Addresses without the file name, tried in this order.
    pub mirrors: &'static [&'static str],
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: &'static str,
}

/// A data set with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSet {
    /// The name users type.
    pub name: &'static str,
    /// One line on what it is.
    pub about: &'static str,
    /// Licence or terms.
    pub licence: &'static str,
    /// Names of the classes.
    pub classes: &'static [&'static str],
    /// What is downloaded; nothing for an embedded set.
    pub files: &'static [RemoteFile],
    /// The folder that the archive among `files` unpacks to, if one does.
    pub unpacked: Option<&'static str>,
    /// Channels, height and width of a sample, if all have the same.
    pub shape: Option<[usize; 3]>,
    /// Height and width that images of various sizes are brought to, unless told otherwise.
    pub image_size: Option<(usize, usize)>,
    /// Folders of system packages.
    pub system_folders: &'static [&'static str],
}

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const MNIST_MIRRORS: &[&str] = &[
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
];
const FASHION_MIRRORS: &[&str] = &[
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
];

const fn file(
    name: &'static str,
    mirrors: &'static [&'static str],
    bytes: u64,
    sha256: &'static str,
) -> RemoteFile {
    RemoteFile { name, mirrors, bytes, sha256 }
}

/// All named data sets.
pub const SETS: &[NamedSet] = &[
    NamedSet {
        name: "mnist-5k",
        about: "5,000 handwritten digits, 28×28 grey; embedded",
        licence: "CC BY-SA 3.0",
        classes: &DIGITS,
        files: &[],
        unpacked: None,
        shape: Some([1, 28, 28]),
        image_size: None,
        system_folders: &[],
    },
    NamedSet {
        name: "mnist",
        about: "70,000 handwritten digits, 28×28 grey",
        licence: "CC BY-SA 3.0",
        classes: &DIGITS,
        files: &[
            file(
                "train-images-idx3-ubyte.gz",
                MNIST_MIRRORS,
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            file(
                "train-labels-idx1-ubyte.gz",
                MNIST_MIRRORS,
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            file(
                "t10k-images-idx3-ubyte.gz",
                MNIST_MIRRORS,
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            file(
                "t10k-labels-idx1-ubyte.gz",
                MNIST_MIRRORS,
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ],
        unpacked: None,
        shape: Some([1, 28, 28]),
        image_size: None,
        system_folders: &[],
    },
    NamedSet {
        name: "fashion-mnist",
        about: "70,000 pictures of clothes, 28×28 grey",
        licence: "MIT",
        classes: &[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        files: &[
            file(
                "train-images-idx3-ubyte.gz",
                FASHION_MIRRORS,
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            file(
                "train-labels-idx1-ubyte.gz",
                FASHION_MIRRORS,
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            file(
                "t10k-images-idx3-ubyte.gz",
                FASHION_MIRRORS,
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            file(
                "t10k-labels-idx1-ubyte.gz",
                FASHION_MIRRORS,
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ],
        unpacked: None,
        shape: Some([1, 28, 28]),
        image_size: None,
        system_folders: &["/usr/share/datasets/fashion-mnist"],
    },
    NamedSet {
        name: "cifar-10",
        about: "60,000 photos of animals and vehicles, 32×32 RGB",
        licence: "no licence stated; cite Krizhevsky 2009",
        classes: &crate::read::cifar::CIFAR10_CLASSES,
        files: &[file(
            "cifar-10-binary.tar.gz",
            &["https://www.cs.toronto.edu/~kriz/"],
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        )],
        unpacked: Some("cifar-10-batches-bin"),
        shape: Some([3, 32, 32]),
        image_size: None,
        system_folders: &[],
    },
    NamedSet {
        name: "imagenette-160",
        about: "13,394 photos of ten ImageNet classes, RGB, shorter side 160",
        licence: "Apache-2.0 (list); images under ImageNet's terms",
        classes: &[
            "tench",
            "English springer",
            "cassette player",
            "chain saw",
            "church",
            "French horn",
            "garbage truck",
            "gas pump",
            "golf ball",
            "parachute",
        ],
        files: &[file(
            "imagenette2-160.tgz",
            &["https://s3.amazonaws.com/fast-ai-imageclas/"],
            99_003_388,
            "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
        )],
        unpacked: Some("imagenette2-160"),
        shape: None,
        image_size: Some((160, 160)),
        system_folders: &[],
    },
];

/// The set of this name.
pub fn named(name: &str) -> Result<&'static NamedSet> {
    SETS.iter().find(|set| set.name == name).ok_or_else(|| DataError::Unknown {
        name: name.to_owned(),
        known: SETS.iter().map(|set| set.name).collect::<Vec<_>>().join(", "),
    })
}

/// A training and a test part.
#[derive(Clone)]
pub struct Splits {
    /// To train on.
    pub train: Arc<dyn Dataset>,
    /// To test on.
    pub test: Arc<dyn Dataset>,
    /// Both together, where the data have no test part of their own and a fifth was held out for it.
    pub whole: Option<Arc<dyn Dataset>>,
}

impl Splits {
    /// Parts that the data themselves have.
    fn given(train: impl Dataset + 'static, test: impl Dataset + 'static) -> Splits {
        Splits { train: Arc::new(train), test: Arc::new(test), whole: None }
    }
}

/// Share of a set without a test part of its own that is held out: one in five, always the same ones.
const HELD_OUT: usize = 5;
const HELD_OUT_SEED: u64 = 5_000;

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
        }
    }
}

/// Opens a named set from wherever a copy of it lies, or a path as [`open_path`] does.
pub fn open(name_or_path: &str, options: &OpenOptions) -> Result<Splits> {
    let set = match named(name_or_path) {
        Ok(set) => set,
        Err(_) if Path::new(name_or_path).exists() => {
            return open_path(Path::new(name_or_path), options);
        }
        Err(unknown) => return Err(unknown),
    };
    if set.files.is_empty() {
        let (train, test) = mnist_5k_split()?;
        return Ok(Splits::given(train, test));
    }
    let mut options = options.clone();
    options.classes = set.classes.iter().map(|c| c.to_string()).collect();
    options.image.size = options.image.size.or(set.image_size);
    open_path(&set.find(&options.places)?, &options)
}

impl NamedSet {
    /// The folder in which the set's data lie, all of them.
    pub fn find(&self, places: &Places) -> Result<PathBuf> {
        let candidates = places.candidates(self);
        if let Some(root) = candidates.iter().find_map(|folder| self.root_in(folder)) {
            return Ok(root);
        }
        if let Some(folder) = &places.explicit {
            return Err(self.incomplete(folder));
        }
        let looked: Vec<_> = candidates.iter().map(|c| c.display().to_string()).collect();
        Err(DataError::Absent { name: self.name.to_owned(), looked: looked.join(", ") })
    }

    fn root_in(&self, folder: &Path) -> Option<PathBuf> {
        let Some(inner) = self.unpacked else {
            return missing_idx(folder).is_none().then(|| folder.to_owned());
        };
        [folder.join(inner), folder.to_owned()].into_iter().find(|root| layout(root).is_some())
    }

    fn incomplete(&self, folder: &Path) -> DataError {
        let missing = match self.unpacked {
            Some(inner) => inner.to_owned(),
            None => missing_idx(folder).unwrap_or_default(),
        };
        let expected = format!("the data of {}", self.name);
        let name = folder.display().to_string();
        DataError::malformed(&name, Place::Whole, format!("no {missing}"), expected)
    }
}

/// Opens what lies at `path`: a CSV file, or a folder of IDX files by the names of MNIST, of CIFAR-10's binary files, of
/// `train` and `test` (or `val`) folders of class folders, or of class folders. Of CSV files and of class folders
/// alone, a fixed stratified fifth is held out to test.
pub fn open_path(path: &Path, options: &OpenOptions) -> Result<Splits> {
    match layout(path) {
        Some(Layout::Csv) => hold_out(Arc::new(read_csv(path, &options.csv)?)),
        Some(Layout::Idx) => open_idx(path, &options.classes),
        Some(Layout::Cifar10) => open_cifar10(path),
        Some(Layout::Split { test }) => {
            let train = open_folder(&path.join("train"), options)?;
            let test = open_folder(&path.join(test), options)?;
            same_kind(path, &train, &test)?;
            Ok(Splits::given(train, test))
        }
        Some(Layout::Classes) => hold_out(Arc::new(open_folder(path, options)?)),
        None => Err(DataError::malformed(
            &path.display().to_string(),
            Place::Whole,
            if path.exists() { "no data in a known layout" } else { "nothing" },
            "a CSV file, or a folder of MNIST-like IDX files, CIFAR-10 binary files or class folders",
        )),
    }
}

/// What lies at a path.
enum Layout {
    Csv,
    Idx,
    Cifar10,
    Split { test: &'static str },
    Classes,
}

fn layout(path: &Path) -> Option<Layout> {
    if path.is_file() {
        return Some(Layout::Csv);
    }
    if find_idx(path, "train", "images").is_some() {
        return Some(Layout::Idx);
    }
    if path.join("data_batch_1.bin").is_file() {
        return Some(Layout::Cifar10);
    }
    let test = ["test", "val"].into_iter().find(|name| path.join(name).is_dir());
    if let (true, Some(test)) = (path.join("train").is_dir(), test) {
        return Some(Layout::Split { test });
    }
    let mut entries = std::fs::read_dir(path).ok()?.flatten();
    let visible = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    entries.any(|entry| visible(&entry) && entry.path().is_dir()).then_some(Layout::Classes)
}

/// The IDX file for a part (`train`, `t10k`) and kind (`images`, `labels`), raw or compressed, with either separator.
fn find_idx(folder: &Path, part: &str, kind: &str) -> Option<PathBuf> {
    let axes = if kind == "images" { 3 } else { 1 };
    let names = ["-", "."].iter().flat_map(|separator| {
        let name = format!("{part}-{kind}{separator}idx{axes}-ubyte");
        [name.clone() + ".gz", name]
    });
    names.map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The first of the four files that is not there.
fn missing_idx(folder: &Path) -> Option<String> {
    let parts = ["train", "t10k"].into_iter().flat_map(|p| [(p, "images", 3), (p, "labels", 1)]);
    let mut missing = parts.filter(|(part, kind, _)| find_idx(folder, part, kind).is_none());
    missing.next().map(|(part, kind, axes)| format!("{part}-{kind}-idx{axes}-ubyte[.gz]"))
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

fn open_folder(root: &Path, options: &OpenOptions) -> Result<ImageFolder> {
    let folder = ImageFolder::open(root, options.image.clone())?;
    if options.classes.is_empty() { Ok(folder) } else { folder.rename_classes(&options.classes) }
}

/// A test part must be of the classes and shape of its training part.
fn same_kind(path: &Path, train: &ImageFolder, test: &ImageFolder) -> Result<()> {
    let describe =
        |d: &ImageFolder| format!("classes {} of shape {:?}", d.classes().join(", "), d.shape());
    if train.classes() == test.classes() && train.shape() == test.shape() {
        return Ok(());
    }
    Err(DataError::malformed(
        &path.display().to_string(),
        Place::Whole,
        format!("test data of {}", describe(test)),
        format!("{} as in the training data", describe(train)),
    ))
}

fn hold_out(whole: Arc<dyn Dataset>) -> Result<Splits> {
    let held_out = whole.len() / HELD_OUT;
    let (train, test) = stratified_split(&labels_of(&*whole), held_out, HELD_OUT_SEED)?;
    Ok(Splits {
        train: Arc::new(Subset::new(whole.clone(), train)?),
        test: Arc::new(Subset::new(whole.clone(), test)?),
        whole: Some(whole),
    })
}
