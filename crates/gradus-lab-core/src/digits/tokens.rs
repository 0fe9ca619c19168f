//! Words, numbers, texts and signs of a network's text, with their places.

use super::text::Mistake;
use std::fmt;

/// A place: line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    Text(String),
    Sign(char),
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "'{text}'"),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Token::Word(word) => f.write_str(word),
            Token::Number(number) => write!(f, "{number}"),
            Token::Text(text) => write!(f, "'{text}'"),
            Token::Sign(sign) => write!(f, "{sign}"),
        }
    }
}

/// Reads tokens in their order.
pub(super) struct Reader {
    tokens: Vec<(Token, At)>,
    next: usize,
    end: At,
}

impl Reader {
    pub(super) fn new(text: &str) -> Result<Reader, Mistake> {
        let mut tokens = vec![];
        for (row, line) in text.lines().enumerate() {
            tokenize(line, row + 1, &mut tokens)?;
        }
        let end = At {
            line: text.lines().count().max(1),
            column: text.lines().last().map_or(1, |line| line.chars().count() + 1),
        };
        Ok(Reader { tokens, next: 0, end })
    }

    fn take(&mut self) -> Option<(Token, At)> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn expected<T>(&self, what: &str, found: Option<(Token, At)>) -> Result<T, Mistake> {
        Err(match found {
            Some((token, at)) => Mistake::new(at, format!("{what} is expected, not {token}")),
            None => Mistake::new(self.end, format!("{what} is expected, but the text ends")),
        })
    }

    /// The word that begins the next statement.
    pub(super) fn statement(&mut self) -> Result<Option<(String, At)>, Mistake> {
        while self.takes(';') {}
        loop {
            match self.take() {
                None => return Ok(None),
                Some((Token::Word(word), _)) if ["var", "let", "const"].contains(&&*word) => {}
                Some((Token::Word(word), at)) => return Ok(Some((word, at))),
                found => return self.expected("a word", found),
            }
        }
    }

    /// Takes a sign, if it comes next.
    pub(super) fn takes(&mut self, sign: char) -> bool {
        let comes = matches!(self.tokens.get(self.next), Some((Token::Sign(s), _)) if *s == sign);
        self.next += usize::from(comes);
        comes
    }

    /// Takes signs that must come.
    pub(super) fn signs(&mut self, signs: &str) -> Result<(), Mistake> {
        signs.chars().try_for_each(|sign| match self.take() {
            Some((Token::Sign(s), _)) if s == sign => Ok(()),
            found => self.expected(&format!("{sign}"), found),
        })
    }

    /// Takes a word that must come.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Mistake> {
        self.one_of(&[word])
    }

    pub(super) fn one_of(&mut self, words: &[&str]) -> Result<(), Mistake> {
        match self.take() {
            Some((Token::Word(found), _)) if words.contains(&&*found) => Ok(()),
            found => self.expected(words[0], found),
        }
    }

    /// `{name: value, …}`.
    pub(super) fn object(&mut self) -> Result<Vec<(String, Value, At)>, Mistake> {
        self.signs("{")?;
        let mut fields: Vec<(String, Value, At)> = vec![];
        while !self.takes('}') {
            let (key, at) = match self.take() {
                Some((Token::Word(key) | Token::Text(key), at)) => (key, at),
                found => return self.expected("the name of a field, or }", found),
            };
            if fields.iter().any(|(other, ..)| *other == key) {
                return Err(Mistake::new(at, format!("{key} stands here twice")));
            }
            self.signs(":")?;
            let minus = self.takes('-');
            let value = match self.take() {
                Some((Token::Number(number), _)) => {
                    Value::Number(if minus { -number } else { number })
                }
                Some((Token::Text(text), _)) if !minus => Value::Text(text),
                found => return self.expected("a number, or a text in quotes", found),
            };
            fields.push((key, value, at));
            if !self.takes(',') {
                self.signs("}")
                    .map_err(|m| Mistake { what: m.what.replace('}', ", or }"), ..m })?;
                break;
            }
        }
        Ok(fields)
    }
}

/// The tokens of one line.
fn tokenize(line: &str, number: usize, tokens: &mut Vec<(Token, At)>) -> Result<(), Mistake> {
    let characters: Vec<char> = line.chars().collect();
    let mut i = 0;
    while i < characters.len() {
        let (c, at) = (characters[i], At { line: number, column: i + 1 });
        let run = |belongs: fn(char) -> bool| -> String {
            characters[i..].iter().take_while(|c| belongs(**c)).collect()
        };
        if c.is_whitespace() {
            i += 1;
        } else if c == '/' && characters.get(i + 1) == Some(&'/') {
            return Ok(());
        } else if c.is_ascii_alphabetic() || c == '_' {
            let word = run(|c| c.is_ascii_alphanumeric() || c == '_');
            i += word.len();
            tokens.push((Token::Word(word), at));
        } else if c.is_ascii_digit()
            || c == '.' && characters.get(i + 1).is_some_and(char::is_ascii_digit)
        {
            let mut digits = run(|c| c.is_ascii_alphanumeric() || c == '.');
            if digits.ends_with('e') && characters.get(i + digits.len()) == Some(&'-') {
                let rest = &characters[i + digits.len() + 1..];
                digits.push('-');
                digits.extend(rest.iter().take_while(|c| c.is_ascii_digit()));
            }
            i += digits.len();
            let value = digits.parse::<f64>();
            let value = value.map_err(|_| Mistake::new(at, format!("{digits} is no number")))?;
            tokens.push((Token::Number(value), at));
        } else if c == '\'' || c == '"' {
            let text: String = characters[i + 1..].iter().take_while(|end| **end != c).collect();
            i += text.chars().count() + 2;
            if i > characters.len() {
                return Err(Mistake::new(
                    at,
                    format!("the quote {c} that opens here is not closed"),
                ));
            }
            tokens.push((Token::Text(text), at));
        } else if "=[](){}.,:;-".contains(c) {
            i += 1;
            tokens.push((Token::Sign(c), at));
        } else {
            return Err(Mistake::new(at, format!("{c} means nothing here")));
        }
    }
    Ok(())
}
