//! How changes of images are written: in files as tables, `{ kind = "crop", size = 224 }`, and on the command line, as in files of
//! before, as texts, `crop(224)`. The numbers of a text are the first entries of the table, in the order of the enum's fields; which
//! kinds and entries there are is read off the enum itself.

use crate::entries::{Entry, Refusal};
use crate::error::{CliError, Result};
use crate::suggest::unknown;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

/// What is written so: an enum with the tag `kind`.
pub trait Written: Serialize + DeserializeOwned {
    /// What one of them is called.
    const NOUN: &'static str;

    /// What is to be said of a kind beside its numbers.
    fn remark(_kind: &str) -> &'static str {
        ""
    }
}

/// The kinds there are.
pub fn kinds<T: Written>() -> &'static [&'static str] {
    match read::<T>("", Table::new()) {
        Err(Refusal::Kind { known, .. }) => known,
        _ => &[],
    }
}

/// Those of a list such as `scale-jitter(256, 480),crop(224)`: commas within brackets are not between entries.
pub fn list<T: Written>(text: &str) -> Result<Vec<T>> {
    let mut depth = 0i32;
    let between = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth <= 0
    };
    let entries = text.split(between).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(of_text).collect()
}

/// Those of a file: tables, or the texts of before.
pub fn entries<'d, D: Deserializer<'d>, T: Written>(d: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected tables such as { kind = \"flip\" }")]
    enum Stated {
        Text(String),
        Table(Table),
    }
    let one = |stated: Stated| match stated {
        Stated::Text(text) => of_text(&text),
        Stated::Table(table) => of_table(table),
    };
    let all = Vec::deserialize(d)?.into_iter().map(one);
    all.collect::<Result<_>>().map_err(D::Error::custom)
}

/// `crop(224)`, for messages: without what its text cannot say.
pub fn told<T: Written>(one: &T) -> String {
    let table = Table::try_from(one).expect("it is a table");
    let kind = table["kind"].as_str().unwrap_or_default();
    let numbers = names::<T>(kind).iter().map_while(|name| match table.get(*name)? {
        number @ (Value::Integer(_) | Value::Float(_)) => Some(number.to_string()),
        _ => None,
    });
    match &numbers.collect::<Vec<_>>()[..] {
        [] => kind.to_owned(),
        numbers => format!("{kind}({})", numbers.join(", ")),
    }
}

/// The error about one that does not go with the others.
pub fn misplaced<T: Written>(one: &T, expected: &str) -> CliError {
    wrong(&format!("{:?}", told(one)), expected)
}

/// The error about one that lacks another beside it.
pub fn incomplete<T: Written>(one: &T) -> CliError {
    let text = told(one);
    misplaced(one, &usage::<T>(text.split('(').next().unwrap_or(&text)))
}

fn wrong(written: &str, expected: &str) -> CliError {
    CliError::Usage(format!("augmentation {written}: expected {expected}"))
}

/// One of a kind, with its entries.
fn read<T: Written>(kind: &str, mut entries: Table) -> Result<T, Refusal> {
    let finite = |value: &Value| value.as_float().is_none_or(f64::is_finite);
    if let Some((name, value)) = entries.iter().find(|(_, value)| !finite(value)) {
        return Err(Refusal::Value(format!("{name}: found {value}, expected a finite number")));
    }
    entries.insert("kind".into(), kind.into());
    T::deserialize(Entry::of(entries))
}

fn of_table<T: Written>(mut table: Table) -> Result<T> {
    let written = Value::Table(table.clone()).to_string();
    let Some(Value::String(kind)) = table.remove("kind") else {
        return Err(wrong(&written, &format!("a kind, one of {}", kinds::<T>().join(", "))));
    };
    read(&kind, table).map_err(|refusal| match refusal {
        Refusal::Key { name, known: [], .. } => {
            wrong(&written, &format!("no {name}: {kind} has no entries"))
        }
        Refusal::Key { name, known, .. } => unknown(&format!("key of {kind}"), &name, known),
        Refusal::Kind { name, known } => unknown(T::NOUN, &name, known),
        Refusal::Missing(name) => wrong(&written, &format!("{name}, too")),
        Refusal::Value(what) => CliError::Usage(format!("augmentation {written}: {what}")),
    })
}

fn of_text<T: Written>(text: &str) -> Result<T> {
    let parsed = |list: &str| list.split(',').map(|n| n.trim().parse().ok()).collect();
    let (kind, numbers): (&str, Option<Vec<f64>>) = match text.split_once('(') {
        Some((kind, rest)) => (kind, rest.strip_suffix(')').and_then(parsed)),
        None => (text, Some(vec![])),
    };
    let Some(numbers) = numbers else {
        let expected = "a name and perhaps numbers, such as shift(4)";
        return Err(wrong(&format!("{text:?}"), expected));
    };
    let names = names::<T>(kind);
    let entries = names.iter().zip(&numbers).map(|(name, x)| ((*name).to_owned(), number(*x)));
    let refused = |reason: &str| wrong(&format!("{text:?}"), &(usage::<T>(kind) + reason));
    match read(kind, entries.collect()) {
        Err(Refusal::Kind { name, known }) => Err(unknown(T::NOUN, &name, known)),
        Err(Refusal::Value(what)) => Err(refused(&format!(": {what}"))),
        Err(_) => Err(refused("")),
        Ok(_) if numbers.len() > names.len() => Err(refused("")),
        Ok(one) => Ok(one),
    }
}

/// A number as a file would write it.
fn number(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 1e15 { Value::Integer(x as i64) } else { Value::Float(x) }
}

/// The names of a kind's entries, in their order.
fn names<T: Written>(kind: &str) -> &'static [&'static str] {
    let nobodys = Table::from_iter([("?".to_owned(), Value::Integer(1))]);
    match read::<T>(kind, nobodys) {
        Err(Refusal::Key { known, .. }) => known,
        _ => &[],
    }
}

/// How a kind is written as a text: `crop(PIXELS)`, `shift or shift(PIXELS)`.
fn usage<T: Written>(kind: &str) -> String {
    let mut required = Table::new();
    while let Err(Refusal::Missing(name)) = read::<T>(kind, required.clone()) {
        required.insert(name.into(), Value::Integer(1));
    }
    let all = names::<T>(kind);
    let word = |name: &&str| match *name {
        "size" | "padding" => "PIXELS".to_owned(),
        name => name.to_uppercase(),
    };
    let with = |names: Vec<&&str>| -> String {
        format!("{kind}({})", names.into_iter().map(word).collect::<Vec<_>>().join(", "))
    };
    let text = match (required.is_empty(), all) {
        (true, []) => kind.to_owned(),
        (true, _) => format!("{kind} or {}", with(all.iter().collect())),
        (false, _) => with(all.iter().filter(|name| required.contains_key(**name)).collect()),
    };
    text + T::remark(kind)
}
