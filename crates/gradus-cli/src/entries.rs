//! Entries of a file by their names. Which keys and kinds there are is known to serde alone, from the structs and enums that hold
//! them; what is none of them is refused with what was perhaps meant.

use crate::error::CliError;
use crate::suggest::unknown;
use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;
use std::iter::Enumerate;
use toml::Value;

type Result<T, E = Refusal> = std::result::Result<T, E>;

/// One step from a file to a value in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// To what has this key.
    Key(String),
    /// To this place of a list, from 0.
    Item(usize),
}

/// Why entries cannot be read.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// The way to what is wrong, as far as it is known.
    pub path: Vec<Step>,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with an entry.
#[derive(Debug, PartialEq)]
pub enum Why {
    /// A table has a key that nobody would read.
    Key {
        /// The key.
        name: String,
        /// Those there are.
        known: &'static [&'static str],
    },
    /// A choice that is none of those there are.
    Kind {
        /// What was chosen.
        name: String,
        /// What there is.
        known: &'static [&'static str],
    },
    /// There must be an entry of this name.
    Missing(&'static str),
    /// A value is of another type, or cannot be.
    Type {
        /// The value, as a file would write it.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A value makes no sense.
    Value(String),
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Refusal {
        Refusal { path: vec![], why }
    }
}

impl Refusal {
    /// The error of a user who wrote it. A key is of a table, `[training.groups]`; a choice of what stands before it.
    pub fn told(&self) -> CliError {
        match &self.why {
            Why::Key { name, known } => {
                let table = table(&self.path);
                let place = if table.is_empty() { table } else { format!(" of [{table}]") };
                unknown(&format!("key{place}"), name, known)
            }
            Why::Kind { name, known } => unknown(&table(&self.path), name, known),
            _ => CliError::Usage(self.to_string()),
        }
    }

    /// The same of what lies a step further down.
    fn within(mut self, step: Step) -> Refusal {
        self.path.insert(0, step);
        self
    }
}

/// `training.groups`: the keys of a way.
pub fn table(path: &[Step]) -> String {
    let key = |step: &Step| match step {
        Step::Key(key) => Some(key.clone()),
        Step::Item(_) => None,
    };
    path.iter().filter_map(key).collect::<Vec<_>>().join(".")
}

/// `training.groups, entry 1: `, before what is said of it.
fn place(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text = key.clone(),
            Step::Key(key) => text = format!("{text}.{key}"),
            Step::Item(at) => text = format!("{text}, entry {}", at + 1),
        }
    }
    if text.is_empty() { text } else { text + ": " }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, table) = (place(&self.path), table(&self.path));
        match &self.why {
            Why::Key { name, .. } => write!(f, "{place}unknown key {name:?}"),
            Why::Kind { name, .. } => write!(f, "{place}unknown {name:?}"),
            Why::Missing(name) => write!(f, "{place}there is no `{name} = …`, which it must have"),
            Why::Type { found, expected } if expected == TABLE && !table.is_empty() => {
                write!(f, "{place}found {found}, expected a table [{table}]")
            }
            Why::Type { found, expected } => write!(f, "{place}found {found}, expected {expected}"),
            Why::Value(what) => write!(f, "{place}{what}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// What a table is called.
const TABLE: &str = "a table";

/// A value as a file would write it.
fn written(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Signed(n) => n.to_string(),
        Unexpected::Unsigned(n) => n.to_string(),
        Unexpected::Float(x) => format!("{x:?}"),
        Unexpected::Bool(b) => b.to_string(),
        Unexpected::Map => TABLE.into(),
        Unexpected::Seq => "a list".into(),
        found => found.to_string(),
    }
}

/// What a type of this program is called in a file.
fn wanted(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match &*expected {
        "f64" | "f32" => "a number",
        "u64" | "u32" | "u16" | "usize" => "a whole number, 0 or more",
        "i64" | "i32" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "string" => "a text in quotes",
        "a sequence" => "a list",
        "a map" => TABLE,
        text if text.starts_with("struct ") => TABLE,
        text => text,
    }
    .to_owned()
}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(what: T) -> Refusal {
        Why::Value(what.to_string()).into()
    }
    fn unknown_field(name: &str, known: &'static [&'static str]) -> Refusal {
        Why::Key { name: name.into(), known }.into()
    }
    fn missing_field(name: &'static str) -> Refusal {
        Why::Missing(name).into()
    }
    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Refusal {
        Why::Kind { name: name.into(), known }.into()
    }
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Refusal {
        Why::Type { found: written(found), expected: wanted(expected) }.into()
    }
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Refusal {
        Why::Type { found: written(found), expected: wanted(expected) }.into()
    }
}

/// A text's table; or the line where it is no TOML, and why not.
pub fn parsed(text: &str) -> Result<toml::Table, (usize, String)> {
    let bad = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.as_bytes()[..at].iter();
        (1 + before.filter(|&&byte| byte == b'\n').count(), error.message().to_owned())
    };
    text.parse().map_err(bad)
}

/// A value to be read.
pub struct Entry(Value);

impl Entry {
    /// A whole table.
    pub fn of(table: toml::Table) -> Entry {
        Entry(Value::Table(table))
    }
}

/// The entries of a table that are still to be read, and the one whose key was read.
struct Entries {
    left: <toml::Table as IntoIterator>::IntoIter,
    at: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        self.at = self.left.next();
        let key = self.at.as_ref().map(|(key, _)| key.clone().into_deserializer());
        key.map(|key: StringDeserializer<Refusal>| seed.deserialize(key)).transpose()
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let (key, value) = self.at.take().expect("its key was read");
        seed.deserialize(Entry(value)).map_err(|refusal| refusal.within(Step::Key(key)))
    }
}

/// The items of a list that are still to be read, with their places.
struct Items(Enumerate<<Vec<Value> as IntoIterator>::IntoIter>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((at, value)) = self.0.next() else { return Ok(None) };
        let read = seed.deserialize(Entry(value));
        read.map(Some).map_err(|refusal| refusal.within(Step::Item(at)))
    }
}

impl<'de> Deserializer<'de> for Entry {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(n) => visitor.visit_i64(n),
            Value::Float(x) => visitor.visit_f64(x),
            Value::Boolean(b) => visitor.visit_bool(b),
            Value::Datetime(at) => visitor.visit_string(at.to_string()),
            Value::Array(list) => visitor.visit_seq(Items(list.into_iter().enumerate())),
            Value::Table(table) => visitor.visit_map(Entries { left: table.into_iter(), at: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(name.into_deserializer()),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Refusal};
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        width: Option<f64>,
        inner: Option<Inner>,
        all: Option<Vec<Kind>>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        size: usize,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
    enum Kind {
        Flip {},
        Crop { size: usize },
    }

    fn read(text: &str) -> Result<Outer, Refusal> {
        Outer::deserialize(Entry::of(text.parse().unwrap()))
    }
    fn told(text: &str) -> String {
        read(text).unwrap_err().told().to_string()
    }

    #[test]
    fn values_of_all_kinds() {
        let all =
            "width = 2\ninner.size = 3\nall = [{ kind = \"flip\" }, { kind = \"crop\", size = 4 }]";
        let list = vec![Kind::Flip {}, Kind::Crop { size: 4 }];
        let inner = Some(Inner { size: 3 });
        assert_eq!(read(all), Ok(Outer { width: Some(2.0), inner, all: Some(list) }));
    }

    #[test]
    fn what_nobody_reads_is_refused() {
        assert_eq!(
            told("widht = 2"),
            "unknown key \"widht\"; did you mean \"width\"? There are: width, inner, all"
        );
        assert_eq!(
            told("inner.side = 2"),
            "unknown key of [inner] \"side\"; did you mean \"size\"? There are: size"
        );
        assert_eq!(
            told("all = [{ kind = \"flop\" }]"),
            "unknown all.kind \"flop\"; did you mean \"flip\"? There are: flip, crop"
        );
        let of_all = |entry: &str| told(&format!("all = [{{ kind = {entry} }}]"));
        assert!(of_all("\"crop\", sze = 2").starts_with("unknown key of [all] \"sze\"; did you"));
        assert!(of_all("\"flip\", size = 2").starts_with("unknown key of [all] \"size\""));
    }

    #[test]
    fn values_are_told_in_the_words_of_the_file() {
        let whole = "expected a whole number, 0 or more";
        assert_eq!(told("inner.size = -1"), format!("inner.size: found -1, {whole}"));
        assert_eq!(told("inner.size = 1.5"), format!("inner.size: found 1.5, {whole}"));
        assert_eq!(told("width = \"2\""), "width: found \"2\", expected a number");
        assert_eq!(told("inner = \"2\""), "inner: found \"2\", expected a table [inner]");
        assert_eq!(told("all = {}"), "all: found a table, expected a list");
        assert_eq!(told("inner = {}"), "inner: there is no `size = …`, which it must have");
    }
}
