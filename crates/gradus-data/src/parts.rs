//! The parts that a folder of pictures may have, by the names that they usually have.

use std::path::{Path, PathBuf};

use crate::read::listing::is_hidden;

/// A part to train on and one to test on.
pub(crate) struct Parts {
    pub(crate) train: PathBuf,
    pub(crate) test: PathBuf,
    /// What else is there, a sentence each.
    pub(crate) remarks: Vec<String>,
}

/// What a part is for.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Train,
    Validation,
    Test,
}

/// What a folder of this name is for: `Train`, `training_set`, `valid`, `test-set`.
fn purpose(name: &str) -> Option<Purpose> {
    let name = name.to_lowercase().replace(['-', ' '], "_");
    match name.strip_suffix("_set").or(name.strip_suffix("set")).unwrap_or(&name) {
        "train" | "training" => Some(Purpose::Train),
        "val" | "valid" | "validation" | "dev" => Some(Purpose::Validation),
        "test" | "testing" => Some(Purpose::Test),
        _ => None,
    }
}

/// The parts in a folder: one to train on and one to test on, which else is the one to validate on. Two of one purpose are none:
/// nothing tells which is meant.
pub(crate) fn parts_in(folder: &Path) -> Option<Parts> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !is_hidden(&name_of(path)))
        .collect();
    folders.sort();
    let of = |wanted: Purpose| {
        let mut found = folders.iter().filter(|path| purpose(&name_of(path)) == Some(wanted));
        found.next().filter(|_| found.next().is_none())
    };
    let (train, validation) = (of(Purpose::Train)?, of(Purpose::Validation));
    let test = of(Purpose::Test).or(validation)?;
    let mut remarks = vec![];
    if let Some(unused) = validation.filter(|path| *path != test) {
        remarks.push(format!(
            "{} is not used, as {} is there to test on; --validation holds out a share of {} to choose the best epoch",
            name_of(unused),
            name_of(test),
            name_of(train)
        ));
    }
    let others = folders.iter().filter(|path| purpose(&name_of(path)).is_none());
    let others: Vec<String> = others.map(|path| format!("{:?}", name_of(path))).collect();
    if !others.is_empty() {
        let parts = format!("{} and {}", name_of(train), name_of(test));
        remarks.push(format!("{} beside {parts} is passed over", others.join(", ")));
    }
    Some(Parts { train: train.clone(), test: test.clone(), remarks })
}

/// The last name of a path.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::parts_in;
    use std::path::Path;

    fn found(names: &[&str]) -> Option<(String, String, String)> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        parts_in(folder.path()).map(|p| (name(&p.train), name(&p.test), p.remarks.join("; ")))
    }

    #[test]
    fn parts_by_their_usual_names() {
        for (train, test) in [
            ("train", "test"),
            ("Train", "Test"),
            ("training", "testing"),
            ("training_set", "test_set"),
            ("Training Set", "validation-set"),
            ("trainset", "testset"),
            ("TRAIN", "val"),
            ("train", "valid"),
        ] {
            assert_eq!(found(&[train, test]), Some((train.into(), test.into(), String::new())));
        }
        let three = found(&["train", "valid", "test"]).unwrap();
        assert_eq!((three.0.as_str(), three.1.as_str()), ("train", "test"));
        assert!(
            three.2.starts_with("valid is not used, as test is there to test on; --validation")
        );
        assert_eq!(
            found(&["train", "test", "docs"]).unwrap().2,
            "\"docs\" beside train and test is passed over"
        );
        for none in
            [&["train", "bus"][..], &["test", "val"], &["train", "Training", "test"], &["cat"]]
        {
            assert_eq!(found(none), None, "{none:?}");
        }
    }
}
