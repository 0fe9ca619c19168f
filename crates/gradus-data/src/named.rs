//! The data sets that have a name, where they come from and where copies of them lie.

use std::path::{Path, PathBuf};

use crate::error::{DataError, Place, Result};
use crate::locate::Places;
use crate::open::layout;

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

pub(crate) const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
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

/// The IDX file for a part (`train`, `t10k`) and kind (`images`, `labels`), raw or compressed, with either separator.
pub(crate) fn find_idx(folder: &Path, part: &str, kind: &str) -> Option<PathBuf> {
    let axes = if kind == "images" { 3 } else { 1 };
    let names = ["-", "."].iter().flat_map(|separator| {
        let name = format!("{part}-{kind}{separator}idx{axes}-ubyte");
        [name.clone() + ".gz", name]
    });
    names.map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The first of the four files that is not there.
pub(crate) fn missing_idx(folder: &Path) -> Option<String> {
    let parts = ["train", "t10k"].into_iter().flat_map(|p| [(p, "images", 3), (p, "labels", 1)]);
    let mut missing = parts.filter(|(part, kind, _)| find_idx(folder, part, kind).is_none());
    missing.next().map(|(part, kind, axes)| format!("{part}-{kind}-idx{axes}-ubyte[.gz]"))
}
