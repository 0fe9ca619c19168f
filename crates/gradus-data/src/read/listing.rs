//! What lies in a folder of classes: pictures, and what is passed over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gradus_base::words::kind_of;
use image::ImageFormat;

use super::meant::{meant, meant_within};
use super::picture::{START, format_by, is_animated};
use super::read_file;
use crate::error::{DataError, Place, Result, count};

/// What systems and programs put into folders of others: it is hidden, or would be on the system that it comes from.
const PUT_THERE: [&str; 9] = [
    "__MACOSX",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
];

/// Whether an entry of a folder is none of its content: hidden, or put there by a system, such as `__MACOSX` and `Thumbs.db`.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || PUT_THERE.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// Whether a file holds a picture by its first bytes, whatever it is called; of what is no regular file nothing is read.
///
/// # Errors
/// When it cannot be opened or read.
pub fn is_picture(path: &Path) -> Result<bool> {
    let metadata = std::fs::metadata(path).map_err(DataError::io(path, "open the file"))?;
    Ok(metadata.is_file() && format_at(path)?.is_some())
}

/// What picture a file holds by its first bytes.
fn format_at(path: &Path) -> Result<Option<ImageFormat>> {
    let file = File::open(path).map_err(DataError::io(path, "open the file"))?;
    let mut start = vec![];
    file.take(START as u64)
        .read_to_end(&mut start)
        .map_err(DataError::io(path, "read the file"))?;
    Ok(format_by(&start))
}

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
    /// Pictures in folders inside those of the classes, and what was perhaps meant.
    nested: usize,
    meant: String,
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
                    format!(
                        "at least one picture: PNG, JPEG, GIF, BMP, TIFF or WebP{}",
                        meant(root)
                    ),
                ));
            }
            listing.classes.push(class);
        }
        if listing.nested > 0 && listing.classes.len() > 1 {
            listing.meant = meant_within(root).unwrap_or_default();
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
            match is_hidden(&file_name(&path)) {
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
        let (name, found) = (path.display().to_string(), kind_of(metadata.file_type()));
        let expected = "a regular file; remove it from the folder";
        Err(DataError::malformed(&name, Place::Whole, found, expected))
    }

    /// What picture a file holds by its first bytes; one without is counted.
    fn picture(&mut self, path: &Path) -> Result<Option<ImageFormat>> {
        let format = format_at(path)?;
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
                "{} in folders inside the classes' {} of these classes{}",
                pictures(n),
                is(n),
                self.meant
            ));
        }
        let names: Vec<&str> = self.classes.iter().map(|class| &*class.name).collect();
        remarks.extend(remark_on_names(&names));
        if let Some(first) = &self.first_animated {
            let n = pictures(self.animated);
            let first = first.display();
            remarks
                .push(format!("{n} of several frames, such as {first}: the first frame is taken"));
        }
        remarks
    }
}

/// That classes are called as cameras and people call folders by when they were filled.
fn remark_on_names(names: &[&str]) -> Option<String> {
    let is_time = |name: &&str| {
        let digits: String = name.chars().filter(|c| !"-_. ".contains(*c)).collect();
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let year = digits.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0);
        is_number && [4, 6, 8].contains(&digits.len()) && (1900..2100).contains(&year)
    };
    // As DCF has it: three digits from 100 on and five characters.
    let is_of_camera = |name: &&str| {
        let bytes = name.as_bytes();
        let number = bytes.len() == 8 && bytes[..3].iter().all(u8::is_ascii_digit);
        let plain = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        (number
            && bytes[0] != b'0'
            && bytes[3..].iter().all(plain)
            && bytes[3..].iter().any(u8::is_ascii_uppercase))
            || name.eq_ignore_ascii_case("DCIM")
    };
    let what = match names {
        [] => return None,
        names if names.iter().all(is_time) => "times at which pictures were taken",
        names if names.iter().all(is_of_camera) => "the folders of a camera",
        _ => return None,
    };
    let some = names[..names.len().min(4)].join(", ");
    let more = if names.len() > 4 { ", …" } else { "" };
    Some(format!(
        "the classes are called {some}{more}, which look like {what}: each folder is taken for what its pictures show"
    ))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{is_hidden, remark_on_names};

    #[test]
    fn folders_that_are_no_classes() {
        for name in [".DS_Store", "__MACOSX", "Thumbs.db", "THUMBS.DB", "@eaDir"] {
            assert!(is_hidden(name), "{name}");
        }
        assert!(!is_hidden("cat") && !is_hidden("_MACOSX"));
    }

    #[test]
    fn names_of_times_and_cameras() {
        let said = |names: &[&str]| remark_on_names(names).unwrap_or_default();
        assert!(said(&["2021", "2022"]).contains("called 2021, 2022, which look like times"));
        assert!(said(&["2021-05-03", "2021_06"]).contains("times"));
        assert!(said(&["100CANON", "101_PANA"]).contains("the folders of a camera"));
        for names in [&["0", "1", "9"][..], &["cat", "2021"], &["1000", "5000"], &["10012345"], &[]]
        {
            assert_eq!(said(names), "", "{names:?}");
        }
    }
}
