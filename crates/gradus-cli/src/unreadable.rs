//! Samples that cannot be read: all are looked for and told together, before hours are spent or when the first is met.

use crate::bars::{counted, shortened};
use crate::error::{CliError, Result};
use gradus::data::{DataError, Dataset, Skip, Splits, Unreadable};
use gradus::io::visible;
use serde_json::{Value, json};
use std::path::Path;

/// Samples that are all read to see whether they can be; of more only what can be seen cheaply is looked at.
const READ: usize = 2_000;
/// Files of more bytes together are not looked at before they are trained on.
const LOOKED_AT: u64 = 2 << 30;
/// So many are named.
const NAMED: usize = 3;

/// Refuses samples that cannot be read, all of them by name: those to test on are read, or looked at if they are many; of those to train on
/// headers and ends are looked at.
pub fn inspect(name: &str, train: &dyn Dataset, others: &[&dyn Dataset]) -> Result<()> {
    let size = |index| Some(std::fs::metadata(train.file(index)?).map_or(0, |file| file.len()));
    let sizes: Option<u64> = (0..train.len()).map(size).sum();
    let mut found = vec![];
    if sizes.is_some_and(|bytes| bytes <= LOOKED_AT) {
        found = look(train, false)?;
    }
    for data in others {
        found.extend(look(*data, data.len() <= READ)?);
    }
    // Where one is, there may be more that only reading shows.
    match found.into_iter().next() {
        None => Ok(()),
        Some((_, met)) => Err(gathered(name, &[&[train], others].concat(), met.into())),
    }
}

/// What ends a command that met a picture that cannot be read: all there are, as far as can be seen.
pub fn gathered(name: &str, parts: &[&dyn Dataset], met: CliError) -> CliError {
    let of_a_file =
        matches!(met, CliError::Data(DataError::Malformed { .. } | DataError::Io { .. }));
    let in_files = parts.iter().all(|data| data.is_empty() || data.file(0).is_some());
    if !of_a_file || !in_files {
        return met;
    }
    let mut found = vec![];
    for data in parts {
        match look(*data, data.len() <= READ) {
            Ok(more) => found.extend(more),
            Err(_) => return met,
        }
    }
    let all = parts.iter().map(|data| data.len()).sum();
    refused(name, all, found).err().unwrap_or(met)
}

/// Those of a folder of pictures, as far as can be seen without a network.
pub fn of_folder(root: &str, splits: &Splits) -> Result<Vec<Unreadable>> {
    let mut all = vec![];
    for data in [&splits.train, &splits.test] {
        if data.is_empty() || data.file(0).is_none() {
            continue;
        }
        let found = look(&**data, data.len() <= READ)?.into_iter();
        all.extend(found.filter_map(|(index, error)| {
            let names = data.file(index)?.strip_prefix(Path::new(root)).ok()?.iter();
            let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
            let why = without_remedy(&error.reason());
            Some(Unreadable { file: names.join("/"), line: None, why })
        }));
    }
    all.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(all)
}

/// What is passed over of which these are already known.
pub fn known(unreadable: &[Unreadable]) -> Skip {
    Skip { look: false, known: unreadable.to_vec() }
}

/// What is said of those that are left out.
pub fn remark(unreadable: &[Unreadable]) -> Option<String> {
    let n = unreadable.len();
    let verb = if n == 1 { "is" } else { "are" };
    (n > 0).then(|| {
        format!(
            "{} that cannot be read {verb} left out: {}",
            counted(n as u64, noun(unreadable)),
            named(unreadable)
        )
    })
}

/// What they are called: rows have lines.
fn noun(unreadable: &[Unreadable]) -> &'static str {
    if unreadable.iter().any(|one| one.line.is_some()) { "row" } else { "picture" }
}

/// The first few, and why they cannot be read.
pub fn named(unreadable: &[Unreadable]) -> String {
    let one = |one: &Unreadable| {
        let place = match one.line {
            Some(line) => format!("line {line}"),
            None => shortened(&visible(&one.file), 80),
        };
        format!("{place} ({})", visible(&one.why))
    };
    let some: Vec<String> = unreadable.iter().take(NAMED).map(one).collect();
    let more = match unreadable.len() - some.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    some.join(", ") + &more
}

/// For `--json`.
pub fn record(unreadable: &[Unreadable]) -> Value {
    let of = |one: &Unreadable| match one.line {
        Some(line) => json!({ "file": one.file, "line": line, "why": one.why }),
        None => json!({ "file": one.file, "why": one.why }),
    };
    unreadable.iter().map(of).collect()
}

/// Which samples cannot be read, and why: all are read, or only what can be seen cheaply is looked at.
fn look(data: &dyn Dataset, read: bool) -> Result<Vec<(usize, DataError)>> {
    let len = data.shape().iter().product();
    let look = |range: std::ops::Range<usize>| -> Vec<(usize, DataError)> {
        let mut sample = vec![0.0; if read { len } else { 0 }];
        let mut try_one = |index| match read {
            true => data.read(index, &mut sample),
            false => data.probe(index),
        };
        range.filter_map(|index| Some((index, try_one(index).err()?))).collect()
    };
    let share = data.len().div_ceil(gradus_cpu::threads()).max(1);
    std::thread::scope(|scope| {
        let ranges = (0..data.len()).step_by(share).map(|i| i..(i + share).min(data.len()));
        let threads: Vec<_> = ranges.map(|range| scope.spawn(move || look(range))).collect();
        // All are waited for; they come in the order of the samples.
        let mut all = vec![];
        for thread in threads.into_iter().map(|thread| thread.join()) {
            all.extend(thread.map_err(|_| CliError::Work("reading the data panicked".into()))?);
        }
        Ok(all)
    })
}

/// An error of all that cannot be read; one alone is told as it is.
fn refused(name: &str, all: usize, mut found: Vec<(usize, DataError)>) -> Result<()> {
    if found.len() < 2 {
        return found.pop().map_or(Ok(()), |(_, error)| Err(error.into()));
    }
    let mut named: Vec<String> =
        found.iter().map(|(_, error)| without_remedy(&error.to_string())).collect();
    named.sort();
    named.truncate(NAMED);
    let more = match found.len() - named.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Err(CliError::Work(format!(
        "{name}: {} of {all} pictures cannot be read: {}{more}; remove or replace them, or go on without them (--skip-unreadable)",
        found.len(),
        named.join("; ")
    )))
}

/// What is wrong with one, without what helps.
fn without_remedy(text: &str) -> String {
    text.split("; remove").next().unwrap_or_default().to_owned()
}
