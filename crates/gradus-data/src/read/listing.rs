//! What lies in a folder of classes: pictures, and what is passed over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use image::ImageFormat;

use super::picture::{START, format_by, is_animated};
use super::{kind_of, read_file};
use crate::error::{DataError, Place, Result, count};

/// Folders within folders of a class: a link to a folder above would have no end.
const DEEPEST: usize = 16;

/// A class and its pictures.
#[derive(Default)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) files: Vec<PathBuf>,
}

/// What was found in a folder of classes.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) classes: Vec<Class>,
    /// Files that hold no picture, by their endings.
    passed_over: BTreeMap<String, usize>,
    /// Hidden files and folders.
    hidden: usize,
    /// Pictures beside the folders of the classes.
    loose: usize,
    /// Pictures in folders inside those of the classes.
    nested: usize,
    /// Pictures of several frames, and the first of them.
    animated: usize,
    first_animated: Option<PathBuf>,
}

impl Listing {
    /// Looks through a folder; each class must have a picture if `all_classes` must.
    pub(super) fn of(root: &Path, all_classes: bool) -> Result<Listing> {
        let mut listing = Listing::default();
        for path in listing.entries(root)? {
            if !listing.is_folder(&path)? {
                if listing.picture(&path)?.is_some() {
                    listing.loose += 1;
                }
                continue;
            }
            let mut class = Class { name: file_name(&path), files: vec![] };
            let seen = listing.collect(&path, 0, &mut class)?;
            if class.files.is_empty() && all_classes {
                return Err(DataError::malformed(
                    &path.display().to_string(),
                    Place::Whole,
                    format!("{}, none of them an image", count(seen, "file")),
                    "at least one picture: PNG, JPEG, GIF, BMP, TIFF or WebP",
                ));
            }
            listing.classes.push(class);
        }
        Ok(listing)
    }

    /// Takes up the pictures of a class, and counts the files there are.
    fn collect(&mut self, folder: &Path, depth: usize, class: &mut Class) -> Result<usize> {
        if depth > DEEPEST {
            let name = folder.display().to_string();
            let found = format!("a folder inside {DEEPEST} others");
            let expected = "pictures not so deep; a link may lead upwards";
            return Err(DataError::malformed(&name, Place::Whole, found, expected));
        }
        let mut files = 0;
        for path in self.entries(folder)? {
            if self.is_folder(&path)? {
                files += self.collect(&path, depth + 1, class)?;
                continue;
            }
            files += 1;
            let Some(format) = self.picture(&path)? else { continue };
            self.nested += usize::from(depth > 0);
            if matches!(format, ImageFormat::Gif | ImageFormat::WebP)
                && is_animated(&read_file(&path)?)
            {
                self.animated += 1;
                self.first_animated.get_or_insert_with(|| path.clone());
            }
            class.files.push(path);
        }
        Ok(files)
    }

    /// The visible entries of a folder, sorted by name.
    fn entries(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        let listing =
            std::fs::read_dir(folder).map_err(DataError::io(folder, "list the folder"))?;
        let mut paths = Vec::new();
        for entry in listing {
            let path = entry.map_err(DataError::io(folder, "list the folder"))?.path();
            match file_name(&path).starts_with('.') {
                true => self.hidden += 1,
                false => paths.push(path),
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Whether a path is a folder rather than a file.
    ///
    /// # Errors
    /// When it is neither: opening a pipe would wait for ever, reading a device never end.
    fn is_folder(&self, path: &Path) -> Result<bool> {
        let metadata = std::fs::metadata(path).map_err(DataError::io(path, "open the file"))?;
        if metadata.is_dir() || metadata.is_file() {
            return Ok(metadata.is_dir());
        }
        let (name, found) = (path.display().to_string(), kind_of(&metadata));
        let expected = "a regular file; remove it from the folder";
        Err(DataError::malformed(&name, Place::Whole, found, expected))
    }

    /// What picture a file holds by its first bytes; one without is counted.
    fn picture(&mut self, path: &Path) -> Result<Option<ImageFormat>> {
        let file = File::open(path).map_err(DataError::io(path, "open the file"))?;
        let mut start = vec![];
        file.take(START as u64)
            .read_to_end(&mut start)
            .map_err(DataError::io(path, "read the file"))?;
        let format = format_by(&start);
        if format.is_none() {
            let ending =
                path.extension().map(|end| format!(".{}", end.to_string_lossy().to_lowercase()));
            *self.passed_over.entry(ending.unwrap_or_else(|| "no ending".into())).or_insert(0) += 1;
        }
        Ok(format)
    }

    /// The endings of what is passed over: `.txt (3)`.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.passed_over.iter().map(|(ending, files)| format!("{ending} ({files})")).collect()
    }

    pub(super) fn remarks(&self) -> Vec<String> {
        let pictures = |n| count(n, "picture");
        let is = |n: usize| if n == 1 { "is" } else { "are" };
        let mut remarks = vec![];
        let passed = self.passed_over.values().sum::<usize>();
        if passed > 0 {
            let (files, endings) = (count(passed, "file"), self.left_out().join(", "));
            let hold = if passed == 1 { "holds" } else { "hold" };
            remarks.push(format!(
                "{files} {} passed over, which {hold} no picture: {endings}",
                is(passed)
            ));
        }
        if self.hidden > 0 {
            let noun = if self.hidden == 1 { "hidden entry" } else { "hidden entries" };
            remarks.push(format!("{} {noun} {} passed over", self.hidden, is(self.hidden)));
        }
        if self.loose > 0 {
            let n = self.loose;
            remarks.push(format!(
                "{} beside the classes' folders {} passed over",
                pictures(n),
                is(n)
            ));
        }
        if self.nested > 0 {
            let n = self.nested;
            remarks.push(format!(
                "{} in folders inside the classes' {} of these classes",
                pictures(n),
                is(n)
            ));
        }
        if let Some(first) = &self.first_animated {
            let n = pictures(self.animated);
            let first = first.display();
            remarks
                .push(format!("{n} of several frames, such as {first}: the first frame is taken"));
        }
        remarks
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
