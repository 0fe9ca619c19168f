//! Folders of images, one subfolder per class.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::listing::Listing;
use super::picture::{ImageOptions, RawImage, parse_image, probe};
use super::unreadable::{Skip, Unreadable};
use crate::dataset::Dataset;
use crate::error::{DataError, Place, Result, count};
use crate::image_set::ImageDataset;
use crate::key::Key;
use crate::read::read_file;

/// A folder with one subfolder of images per class, decoded when read.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    options: ImageOptions,
    shape: [usize; 3],
    files: Vec<(PathBuf, i64)>,
    classes: Vec<String>,
    /// The key of each file that was asked for.
    keys: Arc<[OnceLock<Key>]>,
    remarks: Vec<String>,
    left_out: Vec<String>,
    unreadable: Vec<Unreadable>,
}

impl ImageFolder {
    /// Lists `root`: subfolders in the order of their names are the classes, and the pictures in them and in folders inside
    /// them, in the order of their paths, the samples. What is a picture its first bytes say, whatever it is called. Hidden
    /// entries and files that hold none are passed over, which [`ImageFolder::remarks`] tell. Without a wanted size every
    /// image must have that of the first.
    ///
    /// # Errors
    /// When there is no subfolder, or one without a picture; when something is neither file nor folder, such as a pipe.
    pub fn open(root: &Path, options: ImageOptions) -> Result<ImageFolder> {
        ImageFolder::open_without(root, options, &Skip::default())
    }

    /// The same without pictures that cannot be read, which [`ImageFolder::unreadable`] tells.
    pub fn open_without(root: &Path, options: ImageOptions, skip: &Skip) -> Result<ImageFolder> {
        ImageFolder::listed(root, options, true, skip)
    }

    /// The same, where some classes may have no pictures: a part to test on.
    pub(crate) fn open_test(
        root: &Path,
        options: ImageOptions,
        skip: &Skip,
    ) -> Result<ImageFolder> {
        ImageFolder::listed(root, options, false, skip)
    }

    fn listed(
        root: &Path,
        options: ImageOptions,
        all_classes: bool,
        skip: &Skip,
    ) -> Result<ImageFolder> {
        let listing = Listing::of(root, all_classes)?;
        let (remarks, left_out) = (listing.remarks(), listing.left_out());
        let (mut classes, mut files) = (vec![], vec![]);
        for (label, class) in (0..).zip(listing.classes) {
            files.extend(class.files.into_iter().map(|file| (file, label)));
            classes.push(class.name);
        }
        let unreadable = skip.take_out(root, &mut files, &options);
        let name = root.display().to_string();
        if files.is_empty() {
            let (found, expected) = match unreadable.len() {
                0 => ("no subfolders".to_owned(), "one subfolder of images per class"),
                n => (count(n, "picture") + ", none that can be read", "some that can"),
            };
            return Err(DataError::malformed(&name, Place::Whole, found, expected));
        }
        let mut labels = 0..classes.len() as i64;
        let lost = labels.find(|label| all_classes && files.iter().all(|(_, l)| l != label));
        if let Some(label) = lost {
            let found = "no picture that can be read";
            let class = root.join(&classes[label as usize]).display().to_string();
            return Err(DataError::malformed(&class, Place::Whole, found, "at least one"));
        }
        let shape = shape_of(&files, &options)?;
        let keys = files.iter().map(|_| OnceLock::new()).collect();
        Ok(ImageFolder { options, shape, files, classes, keys, remarks, left_out, unreadable })
    }

    /// What is worth knowing of how the folder was read: what was passed over, whose pictures lie deeper, which have several frames.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The files that were passed over, by their endings: `.txt (3)`.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The pictures that were passed over because they cannot be read.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// The same folder with other names for its classes, in the order of the subfolders.
    pub fn rename_classes(self, names: &[String]) -> Result<ImageFolder> {
        if names.len() != self.classes.len() {
            return Err(DataError::invalid(
                "class names",
                count(names.len(), "name"),
                format!("{}, one for each of {}", self.classes.len(), self.classes.join(", ")),
            ));
        }
        Ok(ImageFolder { classes: names.to_vec(), ..self })
    }

    /// The file of sample `index`.
    pub fn path(&self, index: usize) -> &Path {
        &self.files[index].0
    }

    /// Decodes every image into memory; the first unreadable one is the error.
    pub fn load(&self, name: &str) -> Result<ImageDataset> {
        let mut pixels = Vec::new();
        for index in 0..self.files.len() {
            pixels.extend_from_slice(&self.decode(index)?.pixels);
        }
        let labels = self.files.iter().map(|&(_, label)| label).collect();
        ImageDataset::new(name, self.shape, pixels, labels, self.classes.clone())
    }

    fn decode(&self, index: usize) -> Result<RawImage> {
        let path = self.path(index);
        let name = path.display().to_string();
        let image = parse_image(&read_file(path)?, &name, &self.options).map_err(remedied)?;
        if image.shape != self.shape {
            return Err(DataError::malformed(
                &name,
                Place::Whole,
                format!("an image of {}", size_text(image.shape)),
                format!(
                    "{} as in {}, or a size to resize to",
                    size_text(self.shape),
                    file_name(self.path(0))
                ),
            ));
        }
        Ok(image)
    }
}

impl Dataset for ImageFolder {
    fn len(&self) -> usize {
        self.files.len()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> i64 {
        self.files[index].1
    }
    fn key(&self, index: usize) -> Result<Key> {
        if let Some(key) = self.keys[index].get() {
            return Ok(*key);
        }
        let key = Key::of_file(self.path(index))?;
        Ok(*self.keys[index].get_or_init(|| key))
    }
    fn file(&self, index: usize) -> Option<&Path> {
        Some(self.path(index))
    }
    fn probe(&self, index: usize) -> Result<()> {
        let path = self.path(index);
        probe(&read_file(path)?, &path.display().to_string()).map_err(remedied)
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let image = self.decode(index)?;
        assert_eq!(out.len(), image.pixels.len(), "ImageFolder::read: length of the output");
        for (to, &from) in out.iter_mut().zip(&image.pixels) {
            *to = from as f32 / 255.0;
        }
        Ok(())
    }
}

/// The shape of the first picture that can be read; others are told when they are read.
///
/// # Errors
/// Of the first one, if none can be read.
fn shape_of(files: &[(PathBuf, i64)], options: &ImageOptions) -> Result<[usize; 3]> {
    let mut first = None;
    for (path, _) in files {
        let read = read_file(path)
            .and_then(|bytes| parse_image(&bytes, &path.display().to_string(), options));
        match read {
            Ok(image) => return Ok(image.shape),
            Err(error @ DataError::Invalid { .. }) => return Err(error),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    Err(remedied(first.expect("there is a file")))
}

/// Says what can be done about a bad picture among many.
fn remedied(mut error: DataError) -> DataError {
    if let DataError::Malformed { expected, .. } = &mut error {
        expected.push_str("; remove or replace the file, or go on without it (--skip-unreadable)");
    }
    error
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn size_text([_, height, width]: [usize; 3]) -> String {
    format!("{height}×{width} pixels")
}
