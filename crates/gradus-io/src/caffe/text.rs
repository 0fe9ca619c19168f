//! Protobuf's text format, which `.prototxt` files are in: `name: value` and `name { ... }`.
//! <https://protobuf.dev/reference/protobuf/textformat-spec/>

use crate::{Error, Result};
use std::fmt;

/// Messages nested deeper than this are no network.
const MAX_DEPTH: usize = 32;

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, a name of an enumeration, `true` or `false`.
    Word(String),
    /// A quoted text.
    Text(String),
    /// A message.
    Message(Message),
}

/// A field as it stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it is.
    pub at: Place,
}

/// Fields in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The fields; one that repeats comes several times.
    pub fields: Vec<Field>,
    /// Where it begins.
    pub at: Place,
}

impl Message {
    /// Parses a text.
    ///
    /// # Errors
    /// With line and column, and what was found and expected there.
    ///
    /// ```
    /// use gradus_io::caffe::Message;
    /// let net = Message::parse("name: 'net' layer { top: \"x\" } # one layer").unwrap();
    /// assert_eq!(net.text("name").unwrap(), Some("net"));
    /// assert_eq!(net.messages("layer").unwrap()[0].text("top").unwrap(), Some("x"));
    /// let error = Message::parse("layer {\n  top \"x\"").unwrap_err().to_string();
    /// assert_eq!(error, "line 2, column 7: found \"x\", expected : or {");
    /// ```
    pub fn parse(text: &str) -> Result<Message> {
        let mut parser = Parser { rest: text, at: Place { line: 1, column: 1 } };
        let fields = parser.fields(None, 0)?;
        Ok(Message { fields, at: Place { line: 1, column: 1 } })
    }

    /// All fields of a name.
    pub fn all<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m Field> {
        self.fields.iter().filter(move |field| field.name == name)
    }

    /// The last field of a name, which is the one that counts where a field does not repeat.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().rev().find(|field| field.name == name)
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        self.get(name).map(Field::text).transpose()
    }

    /// All texts of a name.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>> {
        self.fields.iter().filter(|field| field.name == name).map(Field::text).collect()
    }

    /// A word.
    pub fn word(&self, name: &str) -> Result<Option<&str>> {
        self.get(name).map(Field::word).transpose()
    }

    /// A size or count.
    pub fn size(&self, name: &str) -> Result<Option<usize>> {
        self.get(name).map(Field::number).transpose()
    }

    /// A number.
    pub fn float(&self, name: &str) -> Result<Option<f64>> {
        self.get(name).map(Field::number).transpose()
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.get(name).map(Field::number).transpose()
    }

    /// A message.
    pub fn message(&self, name: &str) -> Result<Option<&Message>> {
        self.get(name).map(Field::message).transpose()
    }

    /// All messages of a name.
    pub fn messages(&self, name: &str) -> Result<Vec<&Message>> {
        self.fields.iter().filter(|field| field.name == name).map(Field::message).collect()
    }
}

impl Field {
    /// The value as a quoted text.
    pub fn text(&self) -> Result<&str> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong("a quoted text")),
        }
    }

    /// The value as a word.
    pub fn word(&self) -> Result<&str> {
        match &self.value {
            Value::Word(word) => Ok(word),
            _ => Err(self.wrong("a word")),
        }
    }

    /// The value as a number or a flag.
    pub fn number<T: std::str::FromStr>(&self) -> Result<T> {
        let word = self.word().map_err(|_| self.wrong("a number"))?;
        word.parse().map_err(|_| self.wrong(std::any::type_name::<T>()))
    }

    /// The value as a message.
    pub fn message(&self) -> Result<&Message> {
        match &self.value {
            Value::Message(message) => Ok(message),
            _ => Err(self.wrong("a message in braces")),
        }
    }

    fn wrong(&self, expected: &str) -> Error {
        let found = match &self.value {
            Value::Word(word) => format!("the word {word}"),
            Value::Text(text) => format!("the text {text:?}"),
            Value::Message(_) => "a message".to_owned(),
        };
        let expected = match expected {
            "usize" => "a number that is not negative",
            "bool" => "true or false",
            "f64" => "a number",
            other => other,
        };
        Error::format(format!("{}: {} is {found}, expected {expected}", self.at, self.name))
    }
}

struct Parser<'a> {
    rest: &'a str,
    at: Place,
}

impl<'a> Parser<'a> {
    /// Fields up to the closing bracket, or to the end of the text.
    fn fields(&mut self, close: Option<char>, depth: usize) -> Result<Vec<Field>> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("messages nested deeper than {MAX_DEPTH}")));
        }
        let mut fields = vec![];
        loop {
            self.skip();
            match (self.rest.chars().next(), close) {
                (None, None) => return Ok(fields),
                (None, Some(close)) => {
                    return Err(self.error(format!("the text ends, expected {close}")));
                }
                (found, Some(_)) if found == close => {
                    self.advance(1);
                    return Ok(fields);
                }
                _ => self.field(depth, &mut fields)?,
            }
        }
    }

    fn field(&mut self, depth: usize, fields: &mut Vec<Field>) -> Result<()> {
        let at = self.at;
        let name = self.word("a field's name")?.to_owned();
        self.skip();
        let colon = self.accept(':');
        self.skip();
        let mut add = |value: Value| fields.push(Field { name: name.clone(), value, at });
        if self.accept('[') {
            loop {
                self.skip();
                if self.accept(']') {
                    break;
                }
                add(self.value(depth)?);
                self.skip();
                if !self.accept(',') && !self.rest.starts_with(']') {
                    return Err(self.error(format!("found {}, expected , or ]", self.found())));
                }
            }
        } else if colon || self.rest.starts_with(['{', '<']) {
            add(self.value(depth)?);
        } else {
            return Err(self.error(format!("found {}, expected : or {{", self.found())));
        }
        self.skip();
        if !self.accept(',') {
            self.accept(';');
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        let at = self.at;
        if self.accept('{') {
            return Ok(Value::Message(Message { fields: self.fields(Some('}'), depth + 1)?, at }));
        }
        if self.accept('<') {
            return Ok(Value::Message(Message { fields: self.fields(Some('>'), depth + 1)?, at }));
        }
        if !self.rest.starts_with(['"', '\'']) {
            return self.word("a value").map(|word| Value::Word(word.to_owned()));
        }
        // Texts side by side are one text.
        let mut text = String::new();
        while self.rest.starts_with(['"', '\'']) {
            self.quoted(&mut text)?;
            self.skip();
        }
        Ok(Value::Text(text))
    }

    fn quoted(&mut self, text: &mut String) -> Result<()> {
        let start = self.at;
        let quote = self.rest.chars().next().expect("a quote was seen");
        self.advance(1);
        loop {
            let Some(letter) = self.rest.chars().next().filter(|&c| c != '\n') else {
                return Err(Error::format(format!(
                    "{start}: the text that begins here has no end"
                )));
            };
            self.advance(letter.len_utf8());
            if letter == quote {
                return Ok(());
            }
            if letter != '\\' {
                text.push(letter);
                continue;
            }
            let escaped = self.rest.chars().next();
            text.push(match escaped {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(same @ ('\\' | '\'' | '"' | '?')) => same,
                _ => return Err(self.error("an unknown escape in a text".into())),
            });
            self.advance(1);
        }
    }

    /// A name or number.
    fn word(&mut self, expected: &str) -> Result<&'a str> {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
        let len = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        if len == 0 {
            return Err(self.error(format!("found {}, expected {expected}", self.found())));
        }
        let word = &self.rest[..len];
        self.advance(len);
        Ok(word)
    }

    /// Skips spaces and comments.
    fn skip(&mut self) {
        loop {
            let len = self.rest.len() - self.rest.trim_start().len();
            self.advance(len);
            if !self.rest.starts_with('#') {
                return;
            }
            let len = self.rest.find('\n').unwrap_or(self.rest.len());
            self.advance(len);
        }
    }

    fn accept(&mut self, letter: char) -> bool {
        let found = self.rest.starts_with(letter);
        if found {
            self.advance(1);
        }
        found
    }

    fn advance(&mut self, len: usize) {
        let (passed, rest) = self.rest.split_at(len);
        for letter in passed.chars() {
            match letter {
                '\n' => self.at = Place { line: self.at.line + 1, column: 1 },
                _ => self.at.column += 1,
            }
        }
        self.rest = rest;
    }

    /// What stands here, for messages.
    fn found(&self) -> String {
        let word: String = self.rest.chars().take_while(|c| !c.is_whitespace()).take(20).collect();
        if word.is_empty() { "the end".to_owned() } else { word }
    }

    fn error(&self, what: String) -> Error {
        Error::format(format!("{}: {what}", self.at))
    }
}
