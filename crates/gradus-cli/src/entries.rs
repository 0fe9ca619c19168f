//! Entries of a file by their names. Which keys and kinds there are is known to serde alone, from the structs and enums that hold
//! them; what is none of them is refused with what was perhaps meant.

use crate::error::CliError;
use crate::suggest::unknown;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;
use toml::Value;

/// Why entries cannot be read.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// A table has a key that nobody would read.
    Key {
        /// The path to the table, `training.groups`; none of the whole file.
        table: Option<String>,
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
    /// A value is of another type, or makes no sense.
    Value(String),
}

impl Refusal {
    /// The error of a user who wrote it; choices are those of `kind`, and a key is of what `table` says: ` of [network]`.
    pub fn told(self, kind: &str, table: impl Fn(&str) -> String) -> CliError {
        match self {
            Refusal::Key { table: of, name, known } => {
                let place = of.map_or(String::new(), |of| table(&of));
                unknown(&format!("key{place}"), &name, known)
            }
            Refusal::Kind { name, known } => unknown(kind, &name, known),
            refusal => CliError::Usage(refusal.to_string()),
        }
    }

    /// The same of what lies under this key.
    fn within(self, key: Option<String>) -> Refusal {
        match (self, key) {
            (Refusal::Key { table, name, known }, Some(key)) => {
                let table = table.map_or(key.clone(), |below| format!("{key}.{below}"));
                Refusal::Key { table: Some(table), name, known }
            }
            (refusal, _) => refusal,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Key { name, .. } => write!(f, "unknown key {name:?}"),
            Refusal::Kind { name, .. } => write!(f, "unknown {name:?}"),
            Refusal::Missing(name) => write!(f, "missing field `{name}`"),
            Refusal::Value(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(what: T) -> Refusal {
        Refusal::Value(what.to_string())
    }
    fn unknown_field(name: &str, known: &'static [&'static str]) -> Refusal {
        Refusal::Key { table: None, name: name.into(), known }
    }
    fn missing_field(name: &'static str) -> Refusal {
        Refusal::Missing(name)
    }
    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Refusal {
        Refusal::Kind { name: name.into(), known }
    }
}

/// A value to be read.
pub struct Entry {
    key: Option<String>,
    value: Value,
}

impl Entry {
    /// A whole table.
    pub fn of(table: toml::Table) -> Entry {
        Entry { key: None, value: Value::Table(table) }
    }
}

impl IntoDeserializer<'_, Refusal> for Entry {
    type Deserializer = Entry;
    fn into_deserializer(self) -> Entry {
        self
    }
}

impl<'de> Deserializer<'de> for Entry {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.value {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(n) => visitor.visit_i64(n),
            Value::Float(x) => visitor.visit_f64(x),
            Value::Boolean(b) => visitor.visit_bool(b),
            Value::Datetime(at) => visitor.visit_string(at.to_string()),
            Value::Array(list) => {
                let entries = list.into_iter().map(|value| Entry { key: None, value });
                let list = SeqDeserializer::new(entries);
                visitor.visit_seq(list).map_err(|refusal| refusal.within(self.key))
            }
            Value::Table(table) => {
                let entry =
                    |(key, value): (String, Value)| (key.clone(), Entry { key: Some(key), value });
                let map = MapDeserializer::new(table.into_iter().map(entry));
                visitor.visit_map(map).map_err(|refusal| refusal.within(self.key))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.value {
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
        read(text).unwrap_err().told("kind", |table| format!(" of [{table}]")).to_string()
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
            "unknown kind \"flop\"; did you mean \"flip\"? There are: flip, crop"
        );
        let of_all = |entry: &str| told(&format!("all = [{{ kind = {entry} }}]"));
        assert!(of_all("\"crop\", sze = 2").starts_with("unknown key of [all] \"sze\"; did you"));
        assert!(of_all("\"flip\", size = 2").starts_with("unknown key of [all] \"size\""));
        assert!(told("inner.size = -1").contains("invalid value: integer `-1`"));
        assert!(told("inner = {}").contains("missing field `size`"));
    }
}
