//! Which folder of classes was perhaps meant by one that has none: a folder in it, or the one that it lies in.

use std::path::{Path, PathBuf};

use super::listing::{is_hidden, is_picture};
use super::{DataError, Place};
use crate::error::count;
use crate::parts::{name_of, parts_in};

/// What may lie at a path that is opened.
pub(crate) const LAYOUTS: &str =
    "a CSV file, or a folder of MNIST-like IDX files, CIFAR-10 binary files or class folders";
/// Of a folder so many entries are looked at, until a picture is found.
const LOOKED_AT: usize = 200;
/// So many of its folders are named.
const NAMED: usize = 4;

/// What is wrong with a folder whose layout is not known.
pub(crate) fn no_layout(folder: &Path) -> DataError {
    let (files, folders): (Vec<PathBuf>, Vec<PathBuf>) =
        entries(folder).into_iter().partition(|path| !path.is_dir());
    let pictures = files.iter().filter(|path| is_picture(path).unwrap_or(false)).count();
    let name = folder.display().to_string();
    if pictures == 0 || !folders.is_empty() {
        let tables = files.iter().filter(|path| path.extension().is_some_and(|end| end == "csv"));
        let meant = match tables.collect::<Vec<_>>()[..] {
            [only] => format!("; did you mean {}?", only.display()),
            _ => String::new(),
        };
        let expected = format!("{LAYOUTS}{meant}");
        return DataError::malformed(&name, Place::Whole, "no data in a known layout", expected);
    }
    let found = format!("{} directly in it and no folders of classes", count(pictures, "picture"));
    let expected = format!("a folder for each class, with its pictures in it{}", meant(folder));
    DataError::malformed(&name, Place::Whole, found, expected)
}

/// `; did you mean photos/pets, whose folders are cat, dog?`, or nothing.
pub(super) fn meant(folder: &Path) -> String {
    meant_within(folder).or_else(|| meant_above(folder)).unwrap_or_default()
}

/// The same of the only folder in one that has classes or parts.
pub(super) fn meant_within(folder: &Path) -> Option<String> {
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    let mut found = folders.filter_map(|path| {
        let names = classes(&path).or_else(|| parts(&path))?;
        Some(question(&path, &names))
    });
    found.next().filter(|_| found.next().is_none())
}

/// The same of the folder that one lies in, perhaps as one of its classes.
fn meant_above(folder: &Path) -> Option<String> {
    let above = folder.canonicalize().ok()?.parent()?.to_owned();
    let written = folder.parent().filter(|path| !path.as_os_str().is_empty());
    Some(question(written.unwrap_or(&above), &classes(&above)?))
}

fn question(folder: &Path, names: &[String]) -> String {
    let some = names[..names.len().min(NAMED)].join(", ");
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("; did you mean {}, whose folders are {some}{more}?", folder.display())
}

/// The folders in a folder, if they are two at least and all have a picture directly in them.
fn classes(folder: &Path) -> Option<Vec<String>> {
    let folders: Vec<PathBuf> = entries(folder).into_iter().filter(|path| path.is_dir()).collect();
    let has_picture = |folder: &PathBuf| {
        let mut files = entries(folder).into_iter().take(LOOKED_AT);
        files.any(|path| is_picture(&path).unwrap_or(false))
    };
    let are_classes = folders.len() > 1 && folders.iter().all(has_picture);
    are_classes.then(|| folders.iter().map(|path| name_of(path)).collect())
}

/// The parts in a folder to train and to test on.
fn parts(folder: &Path) -> Option<Vec<String>> {
    parts_in(folder).map(|parts| [parts.train, parts.test].map(|path| name_of(&path)).into())
}

/// The visible entries of a folder, sorted by name; none of one that cannot be listed.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = all.map(|entry| entry.path()).collect();
    paths.retain(|path| !is_hidden(&name_of(path)));
    paths.sort();
    paths
}
