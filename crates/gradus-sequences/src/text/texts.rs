//! Labelled texts: of a table, of two tables, or of folders that are called as the classes.

use std::fs;
use std::path::{Path, PathBuf};

use gradus_data::{DataError, Key, Result, count, is_hidden, read_file};
use gradus_text::{LineEnds, read_text};

use super::table::{Table, TextColumns};
use crate::labelled::{self, Labelled};

/// Labelled texts, a part of which is only tested on.
#[derive(Clone, Debug)]
pub struct Texts {
    pub(super) all: Labelled,
    pub(super) texts: Vec<String>,
}

/// A text, its label, and whether it is only tested on.
type Row = (String, String, bool);

impl Texts {
    /// Of a CSV file, or of a folder: `pos/*.txt` and `neg/*.txt`, or those in `train/` and `test/`, whatever the classes are called.
    ///
    /// # Errors
    /// When a file cannot be read or is no text, a column is not there, or there are not two classes to learn and something to test on.
    pub fn read(path: &Path, columns: &TextColumns) -> Result<Texts> {
        if path.is_dir() {
            return Texts::read_folder(path);
        }
        Texts::parse_csv(&read_file(path)?, &path.display().to_string(), columns)
    }

    /// Of a CSV file that is learned, and another one that is tested on.
    ///
    /// # Errors
    /// As [`Texts::read`]; and when the second file has a label that the first has not.
    pub fn read_parts(train: &Path, test: &Path, columns: &TextColumns) -> Result<Texts> {
        let (mut rows, mut remarks) = (vec![], vec![]);
        for (path, is_test) in [(train, false), (test, true)] {
            let name = path.display().to_string();
            let table = Table::parse(&read_file(path)?, &name, columns)?;
            rows.extend(table.rows.into_iter().map(|(text, label, _)| (text, label, is_test)));
            remarks.extend(table.remarks.into_iter().map(|said| format!("{name}: {said}")));
        }
        Texts::of(&train.display().to_string(), rows, true, remarks)
    }

    /// Of a CSV file's bytes, by the columns of [`TextColumns`].
    ///
    /// # Errors
    /// As [`Texts::read`].
    pub fn parse_csv(bytes: &[u8], name: &str, columns: &TextColumns) -> Result<Texts> {
        let table = Table::parse(bytes, name, columns)?;
        Texts::of(name, table.rows, table.has_parts, table.remarks)
    }

    /// Of folders of text files.
    fn read_folder(path: &Path) -> Result<Texts> {
        let name = path.display().to_string();
        let parts =
            [("train", false), ("test", true)].map(|(part, is_test)| (path.join(part), is_test));
        let has_parts = parts.iter().all(|(part, _)| part.is_dir());
        let parts = if has_parts { parts.to_vec() } else { vec![(path.to_owned(), false)] };
        let (mut rows, mut remarks) = (vec![], vec![]);
        let mut counts: Vec<(String, usize)> = vec![];
        for (part, is_test) in &parts {
            for class in folders_in(part)? {
                let label = class.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if parts.iter().any(|(other, _)| !other.join(&label).is_dir()) {
                    let files = count(text_files_in(&class)?.len(), "text");
                    remarks.push(format!(
                        "{files} of {} left out: the other part has no {label}",
                        class.display()
                    ));
                    continue;
                }
                let files = text_files_in(&class)?;
                counts.push((label.clone(), files.len()));
                for file in files {
                    rows.push((file, label.clone(), *is_test));
                }
            }
        }
        if rows.is_empty() {
            let expected =
                "a folder of .txt files for each class, or a CSV file of texts and labels";
            return Err(DataError::invalid(name, "no such files", expected));
        }
        let mut empty = 0;
        let mut read = vec![];
        for (file, label, is_test) in rows {
            if fs::metadata(&file).map_err(DataError::io(&file, "open the file"))?.len() == 0 {
                empty += 1;
                continue;
            }
            read.push((read_text(&file, LineEnds::Newline)?.text, label, is_test));
        }
        if empty > 0 {
            remarks.push(format!("{} that are empty left out", count(empty, "file")));
        }
        Texts::of(&name, read, has_parts, remarks)
    }

    fn of(name: &str, rows: Vec<Row>, has_parts: bool, remarks: Vec<String>) -> Result<Texts> {
        let samples: Vec<labelled::Row<'_>> = rows
            .iter()
            .map(|(text, label, is_test)| {
                let key = Key::of(text.as_bytes());
                labelled::Row { key, label, is_test: *is_test }
            })
            .collect();
        let all = Labelled::new(name, "text", &samples, has_parts, remarks)?;
        Ok(Texts { all, texts: rows.into_iter().map(|row| row.0).collect() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True without texts, which no such set is.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// What the classes are called, in order.
    pub fn classes(&self) -> &[String] {
        &self.all.classes
    }

    /// What is worth knowing of the texts: what was left out.
    pub fn remarks(&self) -> &[String] {
        &self.all.remarks
    }

    /// A text, by its place in the file.
    ///
    /// # Panics
    /// If `at` is not below [`Texts::len`].
    pub fn text(&self, at: usize) -> &str {
        &self.texts[at]
    }

    /// The class of a text, by its place in the file.
    ///
    /// # Panics
    /// If `at` is not below [`Texts::len`].
    pub fn class(&self, at: usize) -> &str {
        &self.all.classes[self.all.labels[at] as usize]
    }

    /// Which texts are learned, and which are only tested on.
    pub fn parts(&self) -> (&[usize], &[usize]) {
        (&self.all.train, &self.all.test)
    }
}

/// What lies in a folder, by name, without what is hidden.
fn listed(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).map_err(DataError::io(path, "list the folder"))?;
    let mut all = vec![];
    for entry in entries {
        let entry = entry.map_err(DataError::io(path, "list the folder"))?;
        if !is_hidden(&entry.file_name().to_string_lossy()) {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}

fn folders_in(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(listed(path)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn text_files_in(path: &Path) -> Result<Vec<PathBuf>> {
    let is_text = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt"));
    Ok(listed(path)?.into_iter().filter(is_text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes files below a folder.
    fn files(folder: &Path, all: &[(&str, &str)]) {
        for (name, text) in all {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn folders_are_classes() {
        let folder = tempfile::tempdir().unwrap();
        files(
            folder.path(),
            &[
                ("train/neg/1.txt", "a bore"),
                ("train/neg/2.txt", ""),
                ("train/pos/1.txt", "a joy"),
                ("train/pos/notes.md", "none"),
                ("train/unsup/1.txt", "who knows"),
                ("test/neg/1.txt", "so dull"),
                ("test/pos/1.txt", "a joy"),
            ],
        );
        let texts = Texts::read(folder.path(), &TextColumns::default()).unwrap();
        assert_eq!((texts.len(), texts.classes()), (4, &["neg".to_owned(), "pos".to_owned()][..]));
        assert_eq!(
            (texts.text(0), texts.class(1), texts.parts()),
            ("a bore", "pos", (&[0, 1][..], &[2, 3][..]))
        );
        let remarks = texts.remarks().join("; ");
        for said in [
            "1 text of ",
            "unsup left out: the other part has no unsup",
            "1 file that are empty left out",
            "1 text to test on are learned, too",
        ] {
            assert!(remarks.contains(said), "{remarks}");
        }
        let said = Texts::read(&folder.path().join("train/pos"), &TextColumns::default())
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("found no such files, expected a folder of .txt files for each class"),
            "{said}"
        );
    }

    #[test]
    fn two_tables_are_two_parts() {
        let folder = tempfile::tempdir().unwrap();
        files(
            folder.path(),
            &[
                ("a.csv", "text,label\na joy,up\na bore,down\n"),
                ("b.csv", "text,label\nso dull,down\n"),
                ("c.csv", "text,label\nhm,dwn\n"),
            ],
        );
        let read = |test: &str| {
            Texts::read_parts(
                &folder.path().join("a.csv"),
                &folder.path().join(test),
                &TextColumns::default(),
            )
        };
        assert_eq!(read("b.csv").unwrap().parts(), (&[0, 1][..], &[2][..]));
        let said = read("c.csv").unwrap_err().to_string();
        assert!(said.ends_with("found \"dwn\" in the test part (\"down\" is near), expected one of the 2 labels that are learned"), "{said}");
    }
}
