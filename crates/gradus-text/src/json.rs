//! JSON whose objects keep their order and their repeated keys, so that a token that stands twice in a file is seen.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

use gradus_data::{DataError, Place, Result, quote};

/// A value of a JSON text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// An integer that is not negative.
    Whole(u64),
    /// Any other number.
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value of a text; `name` is the file's in errors.
    pub(crate) fn parse(text: &str, name: &str) -> Result<Json> {
        serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            let at =
                if error.line() == 0 { Place::Whole } else { Place::Line(error.line() as u64) };
            DataError::malformed(name, at, format!("broken JSON ({said})"), "JSON")
        })
    }

    /// What kind of value it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "true or false",
            Json::Whole(_) | Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }

    /// The member of an object, unless it is not there or null.
    pub(crate) fn find(&self, key: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        let found = members.iter().find(|(own, _)| own == key);
        found.map(|(_, value)| value).filter(|value| **value != Json::Null)
    }
}

/// A member of an object and what it is called in errors.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) file: &'a str,
    pub(crate) path: &'a str,
    pub(crate) value: Option<&'a Json>,
}

impl<'a> Member<'a> {
    /// The error of a member that is not what it should be.
    pub(crate) fn wrong(&self, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        let found = format!("{}: {}", self.path, found.into());
        DataError::malformed(self.file, Place::Whole, found, expected)
    }

    fn wrong_kind(&self, expected: &str) -> DataError {
        self.wrong(self.value.map_or("nothing", Json::kind), expected)
    }

    /// A text, `default` where there is none.
    pub(crate) fn text_or(&self, default: &'a str) -> Result<&'a str> {
        match self.value {
            None => Ok(default),
            Some(Json::Text(text)) => Ok(text),
            Some(_) => Err(self.wrong_kind("a text")),
        }
    }

    /// True or false, `default` where there is neither.
    pub(crate) fn bool_or(&self, default: bool) -> Result<bool> {
        match self.value {
            None => Ok(default),
            Some(Json::Bool(value)) => Ok(*value),
            Some(_) => Err(self.wrong_kind("true or false")),
        }
    }

    /// An integer from 0.
    pub(crate) fn whole(&self) -> Result<u64> {
        match self.value {
            Some(Json::Whole(value)) => Ok(*value),
            Some(Json::Number(value)) => Err(self.wrong(value.to_string(), "an integer from 0")),
            _ => Err(self.wrong_kind("an integer from 0")),
        }
    }

    /// The values of a list.
    pub(crate) fn list(&self) -> Result<&'a [Json]> {
        match self.value {
            Some(Json::List(all)) => Ok(all),
            _ => Err(self.wrong_kind("a list")),
        }
    }

    /// The members of an object.
    pub(crate) fn members(&self) -> Result<&'a [(String, Json)]> {
        match self.value {
            Some(Json::Object(all)) => Ok(all),
            _ => Err(self.wrong_kind("an object")),
        }
    }

    /// Refuses members of an object that nobody reads: they might mean something.
    pub(crate) fn only(&self, known: &[&str]) -> Result<()> {
        match self.members()?.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) => {
                let found = format!("a member {}", quote(key));
                Err(self.wrong(found, format!("only {}", known.join(", "))))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(u64::try_from(value).map_or(Json::Number(value as f64), Json::Whole))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Json, A::Error> {
        let mut list = vec![];
        while let Some(value) = all.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Json, A::Error> {
        let mut members = vec![];
        while let Some(member) = all.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

/// A text as JSON writes it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn order_and_repetitions_are_kept() {
        let read = Json::parse(r#"{"b": 1, "a": [null, -1.5], "b": "x"}"#, "t.json").unwrap();
        let Json::Object(members) = read else { panic!("an object") };
        let keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["b", "a", "b"]);
        assert_eq!(members[1].1, Json::List(vec![Json::Null, Json::Number(-1.5)]));
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        let error = Json::parse("{\n\"a\": ]}", "t.json").unwrap_err().to_string();
        assert_eq!(error, "t.json, line 2: found broken JSON (expected value), expected JSON");
        // Depth is limited: no file can exhaust the stack.
        let deep = Json::parse(&"[".repeat(100_000), "t.json").unwrap_err().to_string();
        assert!(deep.contains("recursion limit"), "{deep}");
    }
}
