//! How changes of images are written: in files as tables, `{ kind = "crop", size = 224 }`, and on the command line, as in files of
//! before, as texts, `crop(224)`. The numbers of a text are the first entries of the table, in the order of the enum's fields; which
//! kinds and entries there are is read off the enum itself.

use crate::entries::{Entry, Refusal, Step, Why};
use crate::error::{CliError, Result};
use crate::suggest::unknown;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

/// What is written so: an enum with the tag `kind`.
pub trait Written: Serialize + DeserializeOwned {
    /// What one of them is called.
    const NOUN: &'static str;

    /// Whether the text `none` means that there are none.
    const MAY_BE_NONE: bool = false;

    /// What is to be said of a kind beside its numbers.
    fn remark(_kind: &str) -> &'static str {
        ""
    }

    /// Refuses numbers that make no sense, by the key that has them: `degrees: found -5, expected 0 or more`.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The kinds there are.
pub fn kinds<T: Written>() -> &'static [&'static str] {
    match read::<T>("", Table::new()).map_err(|refusal| refusal.why) {
        Err(Why::Kind { known, .. }) => known,
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
    match &entries.collect::<Vec<_>>()[..] {
        ["none"] if T::MAY_BE_NONE => Ok(vec![]),
        all if T::MAY_BE_NONE && all.contains(&"none") => {
            Err(wrong(&format!("{text:?}"), "none alone, or others without none"))
        }
        all => all.iter().copied().map(of_text).collect(),
    }
}

/// Why changes cannot be made.
#[derive(Debug)]
pub struct Misstated {
    /// The place of the entry that is wrong, from 0; none if it is the whole.
    pub at: Option<usize>,
    /// What is wrong with it.
    pub what: String,
}

/// Those of a file: tables, one table, or the texts of before.
pub fn of_value<T: Written>(value: Value) -> Result<Vec<T>, Misstated> {
    let one = |(at, value)| -> Result<T, Misstated> {
        let read = match value {
            Value::String(text) => of_text(&text),
            Value::Table(table) => of_table(table),
            other => Err(no_table::<T>(&other)),
        };
        read.map_err(|error| Misstated { at: Some(at), what: error.to_string() })
    };
    match value {
        Value::Array(all) => all.into_iter().enumerate().map(one).collect(),
        Value::Table(table) => Ok(vec![one((0, Value::Table(table)))?]),
        Value::String(text) => {
            list(&text).map_err(|error| Misstated { at: None, what: error.to_string() })
        }
        other => Err(Misstated { at: None, what: no_table::<T>(&other).to_string() }),
    }
}

/// Those of a file that is read as a whole.
pub fn entries<'d, D: Deserializer<'d>, T: Written>(d: D) -> Result<Vec<T>, D::Error> {
    of_value(Value::deserialize(d)?).map_err(|wrong| D::Error::custom(wrong.what))
}

/// Refuses numbers that make no sense, with the place of the entry that has them.
pub fn check<T: Written>(all: &[T]) -> Result<(), Misstated> {
    all.iter().enumerate().try_for_each(|(at, one)| {
        one.check().map_err(|what| {
            let written = Value::try_from(one).expect("it is a table").to_string();
            Misstated { at: Some(at), what: format!("{} {written}: {what}", T::NOUN) }
        })
    })
}

fn no_table<T: Written>(found: &Value) -> CliError {
    let kind = kinds::<T>().first().copied().unwrap_or_default();
    let expected = format!("tables such as {{ kind = {kind:?} }}");
    CliError::Usage(format!("{}: found {found}, expected {expected}", T::NOUN))
}

/// `crop(224)`, for messages: without what its text cannot say.
pub fn told<T: Written>(one: &T) -> String {
    let table = Table::try_from(one).expect("it is a table");
    let kind = table["kind"].as_str().unwrap_or_default();
    let numbers = names::<T>(kind).iter().map_while(|name| match table.get(*name)? {
        Value::Integer(n) => Some(n.to_string()),
        Value::Float(x) => Some(number(*x).to_string()),
        _ => None,
    });
    let mut numbers: Vec<String> = numbers.collect();
    if numbers.len() < names::<T>(kind).len() {
        numbers.truncate(required::<T>(kind).len());
    }
    match &numbers[..] {
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
fn read<T: Written>(kind: &str, entries: Table) -> Result<T, Refusal> {
    if let Some((name, value)) = entries.iter().find(|(_, value)| !is_finite(value)) {
        let what = format!("{name}: found {value}, expected a finite number");
        return Err(Why::Value(what).into());
    }
    let read = read_all(kind, entries.clone());
    read.map_err(|refusal: Refusal| match refusal.why {
        // Which entry it was is forgotten where the kind is looked for: it is the one without which something else is wrong.
        Why::Type { .. } | Why::Value(_) if refusal.path.is_empty() => {
            let without = |name: &String| {
                let mut others = entries.clone();
                others.remove(name);
                read_all::<T>(kind, others).err().as_ref() != Some(&refusal)
            };
            let name = entries.keys().find(|name| without(name)).cloned();
            Refusal { path: name.map(Step::Key).into_iter().collect(), ..refusal }
        }
        _ => refusal,
    })
}

fn read_all<T: Written>(kind: &str, mut entries: Table) -> Result<T, Refusal> {
    entries.insert("kind".into(), kind.into());
    T::deserialize(Entry::of(entries))
}

/// Whether there is no NaN and no infinity in it.
fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(x) => x.is_finite(),
        Value::Array(list) => list.iter().all(is_finite),
        _ => true,
    }
}

fn of_table<T: Written>(mut table: Table) -> Result<T> {
    let written = Value::Table(table.clone()).to_string();
    let Some(Value::String(kind)) = table.remove("kind") else {
        return Err(wrong(&written, &format!("a kind, one of {}", kinds::<T>().join(", "))));
    };
    read(&kind, table).map_err(|refusal| match refusal.why {
        Why::Key { name, known: [] } => {
            wrong(&written, &format!("no {name}: {kind} has no entries"))
        }
        Why::Key { name, known } => unknown(&format!("key of {kind}"), &name, known),
        Why::Kind { name, known } => unknown(T::NOUN, &name, known),
        Why::Missing(name) => wrong(&written, &format!("{name}, too")),
        _ => CliError::Usage(format!("{} {written}: {refusal}", T::NOUN)),
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
    let one: T = read(kind, entries.collect()).map_err(|refusal| match refusal.why {
        Why::Kind { name, known } => unknown(T::NOUN, &name, known),
        Why::Type { .. } | Why::Value(_) => refused(&format!(": {refusal}")),
        _ => refused(""),
    })?;
    // None, those that it must have, or all: of some it is not seen which they are.
    let counts = [0, required::<T>(kind).len(), names.len()];
    if counts.contains(&numbers.len()) { Ok(one) } else { Err(refused("")) }
}

/// The names of the entries that a kind must have.
fn required<T: Written>(kind: &str) -> Table {
    let mut required = Table::new();
    while let Err(Refusal { why: Why::Missing(name), .. }) = read::<T>(kind, required.clone()) {
        required.insert(name.into(), Value::Integer(1));
    }
    required
}

/// A number as a file would write it.
fn number(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 1e15 { Value::Integer(x as i64) } else { Value::Float(x) }
}

/// The names of a kind's entries, in their order.
fn names<T: Written>(kind: &str) -> &'static [&'static str] {
    let nobodys = Table::from_iter([("?".to_owned(), Value::Integer(1))]);
    match read::<T>(kind, nobodys).map_err(|refusal| refusal.why) {
        Err(Why::Key { known, .. }) => known,
        _ => &[],
    }
}

/// A line for each kind: `affine or affine(DEGREES, SHIFT, SCALE)`, and what only a table of a file can say.
pub fn usages<T: Written>() -> String {
    let line = |kind: &&str| {
        let text = usage::<T>(kind).replace(T::remark(kind), "");
        let unsaid = |name: &&&str| !text.contains(&word(name));
        let more: Vec<&str> = names::<T>(kind).iter().filter(unsaid).copied().collect();
        match &more[..] {
            [] => format!("{text}\n"),
            more => format!("{text}; in a table also {}\n", more.join(", ")),
        }
    };
    kinds::<T>().iter().map(line).collect()
}

/// How a kind is written as a text: `crop(PIXELS)`, `shift or shift(PIXELS)`.
fn usage<T: Written>(kind: &str) -> String {
    let (required, all) = (required::<T>(kind), names::<T>(kind));
    let with = |names: Vec<&&str>| -> String {
        format!(
            "{kind}({})",
            names.into_iter().map(|name| word(name)).collect::<Vec<_>>().join(", ")
        )
    };
    let text = match (required.is_empty(), all) {
        (true, []) => kind.to_owned(),
        (true, _) => format!("{kind} or {}", with(all.iter().collect())),
        (false, _) => with(all.iter().filter(|name| required.contains_key(**name)).collect()),
    };
    text + T::remark(kind)
}

/// What stands for an entry in a text.
fn word(name: &str) -> String {
    match name {
        "size" | "padding" => "PIXELS".to_owned(),
        name => name.to_uppercase(),
    }
}
