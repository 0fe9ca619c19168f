//! What cannot be read and may be left out: pictures of a folder, of which all are found by decoding each once, and rows of a table.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use super::picture::{ImageOptions, parse_image};
use super::read_file;

/// A picture of a folder, or a row of a table, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The picture's path in the folder, with a slash between names; the table's name.
    pub file: String,
    /// The line where the row begins, from 1; none of a picture.
    pub line: Option<u64>,
    /// Why: what was found in it, and what was expected.
    pub why: String,
}

/// Which pictures of a folder, or rows of a table, are passed over because they cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skip {
    /// Whether each picture is decoded once to find them. If not, one that cannot be read is an error when it is read.
    pub look: bool,
    /// Those that were found before: pictures are passed over without being looked at, and of a table with such rows all others, too, as
    /// they may have moved.
    pub known: Vec<Unreadable>,
}

impl Skip {
    /// Whether rows are passed over that cannot be read.
    pub(crate) fn takes_rows(&self) -> bool {
        self.look || self.known.iter().any(|one| one.line.is_some())
    }

    /// The known ones of a folder inside, by their paths in that.
    pub(crate) fn within(&self, folder: &str) -> Skip {
        let known = self.known.iter().filter_map(|one| {
            let file = one.file.strip_prefix(folder)?.strip_prefix('/')?.to_owned();
            Some(Unreadable { file, line: None, why: one.why.clone() })
        });
        Skip { look: self.look, known: known.collect() }
    }

    /// Takes those out of the files of a folder that are known or found, which it gives.
    pub(super) fn take_out(
        &self,
        root: &Path,
        files: &mut Vec<(PathBuf, i64)>,
        options: &ImageOptions,
    ) -> Vec<Unreadable> {
        let mut out = vec![];
        files.retain(|(path, _)| {
            let file = name_in(root, path);
            let known = self.known.iter().find(|one| one.file == file);
            out.extend(known.cloned());
            known.is_none()
        });
        if self.look {
            let found = look(files, options);
            let mut found = found.into_iter();
            files.retain(|(path, _)| match found.next().flatten() {
                None => true,
                Some(why) => {
                    out.push(Unreadable { file: name_in(root, path), line: None, why });
                    false
                }
            });
            out.sort_by(|a, b| a.file.cmp(&b.file));
        }
        out
    }
}

/// A path in a folder, with a slash between names.
fn name_in(root: &Path, path: &Path) -> String {
    let names = path.strip_prefix(root).unwrap_or(path).iter();
    names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Why each file cannot be read, on all threads; `None` of those that can.
fn look(files: &[(PathBuf, i64)], options: &ImageOptions) -> Vec<Option<String>> {
    let why = |(path, _): &(PathBuf, i64)| {
        let read = read_file(path).and_then(|bytes| parse_image(&bytes, "", options));
        read.err().map(|error| error.reason())
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let share = files.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || files.iter().map(why).collect::<Vec<_>>()))
            .collect();
        let found = threads.into_iter().map(|t| t.join().unwrap_or_else(|e| resume_unwind(e)));
        found.flatten().collect()
    })
}
