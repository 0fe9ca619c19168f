//! The vocabulary of Keras's `Tokenizer`, as JSON: each token with its number, `{"a": 1, "b": 2}`. Numbers begin at 1; 0 stands for nothing.

use gradus_data::{DataError, Place, Result, quote};

use super::{Join, Model, Splitter, Tokenizer};
use crate::json::Json;
use crate::special::Special;
use crate::vocabulary::Vocabulary;

impl Tokenizer {
    /// Characters with the numbers that a `word_index` gives them. What stands for nothing, 0, is [`Special::Pad`]; `begin` is the token, no character,
    /// that texts begin with, [`Special::Bos`]. `name` is the file's in errors.
    ///
    /// ```
    /// use gradus_text::{Special, Tokenizer};
    /// let own = Tokenizer::of_word_index(r#"{"b": 1, "<s>": 3, "a": 2}"#, "vocab.json", "<s>")?;
    /// assert_eq!(own.encode("abba")?, [2, 1, 1, 2]);
    /// assert_eq!((own.vocabulary().special(Special::Pad), own.vocabulary().special(Special::Bos)), (Some(0), Some(3)));
    /// let wrong = Tokenizer::of_word_index(r#"{"the": 1, "<s>": 2}"#, "vocab.json", "<s>").unwrap_err().to_string();
    /// assert_eq!(wrong, r#"vocab.json: found the token "the", expected single characters beside "<s>""#);
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no JSON, or no object of characters and numbers from 1 without a gap, or has no such token.
    pub fn of_word_index(text: &str, name: &str, begin: &str) -> Result<Tokenizer> {
        let wrong = |found: String, expected: String| {
            DataError::malformed(name, Place::Whole, found, expected)
        };
        let members = match Json::parse(text, name)? {
            Json::Object(members) => members,
            other => {
                let expected = "an object, the number of each character, such as {\"a\": 1}";
                return Err(wrong(other.kind().into(), expected.into()));
            }
        };
        let mut entries = vec![(Special::Pad.text().to_owned(), 0)];
        for (token, number) in members {
            let Json::Whole(number) = number else {
                let found = format!("{} for {}", number.kind(), quote(&token));
                return Err(wrong(found, "an integer from 1".into()));
            };
            if token != begin && token.chars().count() != 1 {
                let found = format!("the token {}", quote(&token));
                let expected = format!("single characters beside {}", quote(begin));
                return Err(wrong(found, expected));
            }
            entries.push((token, number));
        }
        let mut vocabulary = Vocabulary::by_ids(entries, name)?;
        let Some(first) = vocabulary.id(begin) else {
            let found = format!("no token {}", quote(begin));
            return Err(wrong(found, "it among the tokens: texts begin with it".into()));
        };
        vocabulary.set_special(Special::Pad, 0);
        vocabulary.set_special(Special::Bos, first);
        Ok(Tokenizer::plain(vocabulary, Model::Characters, Splitter::None, Join::Nothing))
    }
}

#[cfg(test)]
mod tests {
    use super::Tokenizer;

    #[test]
    fn what_is_no_word_index_is_told() {
        for (text, said) in [
            (
                "{\"a\": 1,\n",
                "v.json, line 2: found broken JSON (EOF while parsing a value), expected JSON",
            ),
            (
                "[1]",
                "v.json: found a list, expected an object, the number of each character, such as {\"a\": 1}",
            ),
            (r#"{"a": "b"}"#, "v.json: found a text for \"a\", expected an integer from 1"),
            (r#"{"a": 1.5}"#, "v.json: found a number for \"a\", expected an integer from 1"),
            (
                r#"{"a": 1, "<s>": 3}"#,
                "v.json: found the id 3 of \"<s>\", expected ids below 3, one for each of 3 tokens",
            ),
            (
                r#"{"a": 0, "<s>": 1}"#,
                "v.json: found the id 0 for \"<pad>\" and \"a\", expected one token for each id",
            ),
            (
                r#"{"a": 1, "a": 2, "<s>": 3}"#,
                "v.json: found the token \"a\" with the ids 1 and 2, expected one id for each token",
            ),
            (
                r#"{"a": 1}"#,
                "v.json: found no token \"<s>\", expected it among the tokens: texts begin with it",
            ),
        ] {
            let found = Tokenizer::of_word_index(text, "v.json", "<s>").unwrap_err().to_string();
            assert_eq!(found, said);
        }
    }

    #[test]
    fn it_is_kept_and_found_again() {
        let own = Tokenizer::of_word_index(r#"{"é": 1, "<s>": 2}"#, "v.json", "<s>").unwrap();
        assert_eq!(Tokenizer::from_json(&own.to_json(), "model").unwrap(), own);
    }
}
