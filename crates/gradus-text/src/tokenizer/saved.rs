//! A tokeniser as a JSON text, to be kept in a model file's metadata. Tokens are a list, by their ids.

use std::fmt::Write;

use gradus_data::{Result, count, quote};

use super::merges::Merges;
use super::{Join, Model, Splitter, Tokenizer, alphabet};
use crate::json::{Json, Member, quoted};
use crate::special::Special;
use crate::vocabulary::Vocabulary;

/// What the text says it is.
const FORMAT: &str = "gradus-tokenizer";
/// The only version so far.
const VERSION: u64 = 1;

const SPLITTERS: [(&str, Splitter); 5] = [
    ("none", Splitter::None),
    ("words", Splitter::Words),
    ("blanks", Splitter::Blanks),
    ("classes", Splitter::Classes),
    ("gpt2", Splitter::Gpt2),
];

const MEMBERS: &[&str] = &[
    "format",
    "version",
    "kind",
    "split",
    "lowercase",
    "leading_blank",
    "join",
    "suffix",
    "word_end",
    "of_bytes",
    "whole_first",
    "fuse_unknown",
    "merges",
    "special",
    "marked",
    "tokens",
];

impl Tokenizer {
    /// The tokeniser as a JSON text, from which [`Tokenizer::from_json`] makes it again.
    ///
    /// ```
    /// use gradus_text::{Special, Tokenizer, TokenizerOptions};
    /// let options = TokenizerOptions { special: vec![Special::Eos], ..TokenizerOptions::default() };
    /// let text = Tokenizer::characters(["ab"], &options)?.to_json();
    /// assert!(text.ends_with(r#""special":{"eos":0},"marked":[],"tokens":["<eos>","a","b"]}"#));
    /// assert_eq!(Tokenizer::from_json(&text, "model")?.encode("ba")?, [2, 1]);
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let split = SPLITTERS.iter().find(|(_, split)| *split == self.split);
        let split = split.expect("each is in the table").0;
        let kind = self.kind();
        let mut json = format!(
            r#"{{"format":"{FORMAT}","version":{VERSION},"kind":"{kind}","split":"{split}""#
        );
        let (join, suffix) = match &self.join {
            Join::Nothing => ("nothing", ""),
            Join::Blanks => ("blanks", ""),
            Join::Bytes => ("bytes", ""),
            Join::Suffix(suffix) => ("suffix", suffix.as_str()),
        };
        let (lowercase, leading_blank) = (self.lowercase, self.leading_blank);
        _ = write!(
            json,
            r#","lowercase":{lowercase},"leading_blank":{leading_blank},"join":"{join}""#
        );
        _ = write!(json, r#","suffix":{}"#, quoted(suffix));
        if let Model::BytePairs { merges, of_bytes } = &self.model {
            let (whole_first, fuse) = (merges.whole_first, merges.fuse_unknown);
            _ = write!(json, r#","word_end":{}"#, quoted(&merges.suffix));
            _ = write!(
                json,
                r#","of_bytes":{of_bytes},"whole_first":{whole_first},"fuse_unknown":{fuse}"#
            );
            let pairs = merges.pairs().iter().map(|(left, right)| format!("[{left},{right}]"));
            _ = write!(json, r#","merges":[{}]"#, pairs.collect::<Vec<_>>().join(","));
        }
        let special = Special::ALL.iter().filter_map(|&special| {
            let id = self.vocabulary.special(special)?;
            Some(format!("{}:{id}", quoted(special.word())))
        });
        let marked = self.marked.iter().map(|(_, id)| id.to_string());
        let tokens = self.vocabulary.tokens().iter().map(|token| quoted(token));
        let joined = |all: &mut dyn Iterator<Item = String>| all.collect::<Vec<_>>().join(",");
        let mut lists: [Box<dyn Iterator<Item = String>>; 3] =
            [Box::new(special), Box::new(marked), Box::new(tokens)];
        let [special, marked, tokens] = lists.each_mut().map(|list| joined(&mut **list));
        _ = write!(json, r#","special":{{{special}}},"marked":[{marked}],"tokens":[{tokens}]}}"#);
        json
    }

    /// The tokeniser that [`Tokenizer::to_json`] wrote; `name` is the file's in errors.
    ///
    /// ```
    /// use gradus_text::{Tokenizer, TokenizerOptions};
    /// let text = Tokenizer::characters(["ab"], &TokenizerOptions::default())?.to_json();
    /// let wrong = |text: String| Tokenizer::from_json(&text, "model").unwrap_err().to_string();
    /// let newer = wrong(text.replace(r#""version":1"#, r#""version":2"#));
    /// assert_eq!(newer, "model: found version: 2, expected 1, the only one so far");
    /// let twice = wrong(text.replace(r#""b""#, r#""a""#));
    /// assert_eq!(twice, r#"model: found the token "a" with the ids 0 and 1, expected one id for each token"#);
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not whole, is of another format or version, or names tokens that are not there.
    pub fn from_json(text: &str, name: &str) -> Result<Tokenizer> {
        let json = Json::parse(text, name)?;
        let at = |path: &'static str| Member { file: name, path, value: json.find(path) };
        let root = Member { file: name, path: "the text", value: Some(&json) };
        root.only(MEMBERS)?;
        match at("format").text_or("")? {
            FORMAT => {}
            other => return Err(at("format").wrong(quote(other), quote(FORMAT))),
        }
        match at("version").whole()? {
            VERSION => {}
            other => return Err(at("version").wrong(other.to_string(), "1, the only one so far")),
        }
        let vocabulary = vocabulary(at("tokens"), at("special"))?;
        let split = at("split").text_or("")?;
        let split = SPLITTERS.iter().find(|(own, _)| *own == split).map(|found| found.1);
        let split = split.ok_or_else(|| {
            let known = SPLITTERS.map(|(own, _)| own).join(", ");
            at("split")
                .wrong(quote(at("split").text_or("").unwrap_or("")), format!("one of {known}"))
        })?;
        let suffix = at("suffix").text_or("")?;
        let join = match at("join").text_or("")? {
            "nothing" => Join::Nothing,
            "blanks" => Join::Blanks,
            "bytes" => Join::Bytes,
            "suffix" if !suffix.is_empty() => Join::Suffix(suffix.into()),
            "suffix" => return Err(at("suffix").wrong("an empty text", "what words end with")),
            other => {
                return Err(at("join").wrong(quote(other), "one of nothing, blanks, bytes, suffix"));
            }
        };
        let model = match at("kind").text_or("")? {
            "bytes" => Model::Bytes,
            "characters" => Model::Characters,
            "words" => Model::Words,
            "byte pairs" => {
                let mut merges = merges(at("merges"), &vocabulary)?;
                merges.suffix = at("word_end").text_or("")?.into();
                merges.whole_first = at("whole_first").bool_or(false)?;
                merges.fuse_unknown = at("fuse_unknown").bool_or(false)?;
                Model::BytePairs { merges, of_bytes: at("of_bytes").bool_or(false)? }
            }
            other => {
                let known = "one of bytes, characters, words, byte pairs";
                return Err(at("kind").wrong(quote(other), known));
            }
        };
        check_tokens(&model, &vocabulary, at("tokens"))?;
        let (lowercase, leading_blank) =
            (at("lowercase").bool_or(false)?, at("leading_blank").bool_or(false)?);
        let marked = marked(at("marked"), &vocabulary)?;
        Ok(Tokenizer { vocabulary, model, split, lowercase, leading_blank, join, marked })
    }
}

fn vocabulary(tokens: Member, special: Member) -> Result<Vocabulary> {
    let texts = tokens.list()?.iter().enumerate().map(|(id, token)| match token {
        Json::Text(token) => Ok(token.clone()),
        other => Err(tokens.wrong(format!("{} for token {id}", other.kind()), "texts")),
    });
    let mut vocabulary = Vocabulary::of(texts.collect::<Result<_>>()?, tokens.file)?;
    if vocabulary.is_empty() {
        return Err(tokens.wrong("an empty list", "at least one token"));
    }
    for (word, id) in special.members()? {
        let Some(&own) = Special::ALL.iter().find(|own| own.word() == word) else {
            let known = Special::ALL.map(Special::word).join(", ");
            return Err(special.wrong(quote(word), format!("one of {known}")));
        };
        let id = Member { value: Some(id), ..special }.whole()?;
        vocabulary.set_special(own, known(id, &vocabulary, special)?);
    }
    Ok(vocabulary)
}

/// An id that is in the vocabulary.
fn known(id: u64, vocabulary: &Vocabulary, of: Member) -> Result<i64> {
    let known = i64::try_from(id).ok().filter(|&id| vocabulary.token(id).is_some());
    known.ok_or_else(|| {
        let tokens = count(vocabulary.len(), "token");
        of.wrong(format!("the id {id}"), format!("ids of the {tokens}"))
    })
}

fn merges(list: Member, vocabulary: &Vocabulary) -> Result<Merges> {
    let mut pairs = vec![];
    for pair in list.list()? {
        let Json::List(pair) = pair else { return Err(list.wrong(pair.kind(), "pairs of ids")) };
        let [left, right] = &pair[..] else {
            return Err(list.wrong(count(pair.len(), "id"), "pairs of ids"));
        };
        let id = |value| known(Member { value: Some(value), ..list }.whole()?, vocabulary, list);
        let (left, right) = (id(left)?, id(right)?);
        let token = |id| vocabulary.token(id).expect("looked up above");
        pairs.push((token(left), token(right)));
    }
    Merges::new(pairs, vocabulary, list.file)
}

fn marked(list: Member, vocabulary: &Vocabulary) -> Result<Vec<(String, i64)>> {
    let marked = list.list()?.iter().map(|value| {
        let id = known(Member { value: Some(value), ..list }.whole()?, vocabulary, list)?;
        Ok((vocabulary.token(id).expect("looked up above").to_owned(), id))
    });
    let mut marked: Vec<(String, i64)> = marked.collect::<Result<_>>()?;
    if marked.iter().any(|(token, _)| token.is_empty()) {
        return Err(list.wrong("an empty token", "tokens that can be found in a text"));
    }
    marked.sort_by_key(|(token, _)| std::cmp::Reverse(token.len()));
    Ok(marked)
}

/// Tokens of bytes and characters must be such.
fn check_tokens(model: &Model, vocabulary: &Vocabulary, tokens: Member) -> Result<()> {
    let mut chars = [0; 4];
    match model {
        Model::Bytes => {
            let wrong = (0..=255u8).find(|&byte| {
                let own = &*alphabet::character(byte).encode_utf8(&mut chars);
                vocabulary.token(i64::from(byte)) != Some(own)
            });
            match wrong {
                Some(byte) => Err(tokens.wrong(format!("another token {byte}"), "the bytes first")),
                None => Ok(()),
            }
        }
        Model::Characters => {
            let ids = 0..vocabulary.len() as i64;
            let mut ids = ids.filter(|&id| !vocabulary.is_special(id));
            let single = |id: i64| vocabulary.token(id).is_some_and(|t| t.chars().count() == 1);
            match ids.find(|&id| !single(id)) {
                Some(id) => {
                    let found = format!("the token {}", quote(&vocabulary.tokens()[id as usize]));
                    Err(tokens.wrong(found, "single characters"))
                }
                None => Ok(()),
            }
        }
        Model::Words | Model::BytePairs { .. } => Ok(()),
    }
}
