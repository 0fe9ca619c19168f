//! `tokenizer.json`, as Hugging Face's tokenizers write it: what this house can do is read, anything else is refused by its name. A tokeniser that
//! leaves out a step would give plausible ids.

use gradus_data::{Result, count, quote};

use super::merges::Merges;
use super::{Join, Model, Splitter, Tokenizer};
use crate::json::{Json, Member};
use crate::special::Special;
use crate::vocabulary::Vocabulary;

/// What special tokens are called elsewhere.
const SPECIAL_NAMES: [(Special, &[&str]); 3] = [
    (Special::Pad, &["<pad>", "[PAD]"]),
    (Special::Bos, &["<bos>", "<s>"]),
    (Special::Eos, &["<eos>", "</s>", "<|endoftext|>"]),
];

impl Tokenizer {
    /// The tokeniser of a `tokenizer.json`; `name` is the file's in errors. Models are `BPE`, of bytes or with an end of word, and `WordLevel`;
    /// pre-tokenisers `ByteLevel`, `Whitespace`, `WhitespaceSplit` or none; the only normaliser is `Lowercase`. What is unknown and has no token is
    /// refused when it is met, where others leave it out.
    ///
    /// ```
    /// use gradus_text::Tokenizer;
    /// let text = r#"{"version": "1.0", "added_tokens": [], "normalizer": null, "decoder": null,
    ///     "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
    ///     "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "cat": 2, "the": 1}, "unk_token": "[UNK]"}}"#;
    /// let words = Tokenizer::from_hugging_face(text, "tokenizer.json")?;
    /// assert_eq!(words.encode("the cow")?, [1, 0]);
    /// let other = text.replace("WordLevel", "Unigram");
    /// let wrong = Tokenizer::from_hugging_face(&other, "tokenizer.json").unwrap_err().to_string();
    /// assert_eq!(wrong, r#"tokenizer.json: found model: "Unigram", expected one of BPE, WordLevel"#);
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not whole, has a step or a setting that is not known, ids that are there twice or with a gap, or merges of tokens that are not
    /// there.
    pub fn from_hugging_face(text: &str, name: &str) -> Result<Tokenizer> {
        let json = Json::parse(text, name)?;
        let file = File { name, root: &json };
        let root = Member { file: name, path: "the text", value: Some(&json) };
        root.only(&[
            "version",
            "truncation",
            "padding",
            "added_tokens",
            "normalizer",
            "pre_tokenizer",
            "post_processor",
            "decoder",
            "model",
        ])?;
        match file.at("version").text_or("1.0")? {
            "1.0" => {}
            other => return Err(file.at("version").wrong(quote(other), "1.0")),
        }
        for step in ["truncation", "padding"] {
            if file.at(step).value.is_some() {
                return Err(file.at(step).wrong("a rule", "null: it is a batch's affair"));
            }
        }
        file.step(
            "post_processor",
            &[("ByteLevel", &["add_prefix_space", "trim_offsets", "use_regex"])],
        )?;
        let normalizer = file.step("normalizer", &[("Lowercase", &[])])?;
        let lowercase = normalizer.is_some();
        let (split, leading_blank, of_bytes) = file.pre_tokenizer()?;
        let join = file.decoder()?;
        let added = file.added_tokens(lowercase)?;
        let (vocabulary, model) = file.model(&added, of_bytes)?;
        if lowercase && split == Splitter::Gpt2 {
            let expected = "null before ByteLevel";
            return Err(file.at("normalizer").wrong("Lowercase", expected));
        }
        let mut marked: Vec<(String, i64)> =
            added.into_iter().map(|added| (added.text, added.id as i64)).collect();
        marked.sort_by_key(|(token, _)| std::cmp::Reverse(token.len()));
        Ok(Tokenizer { vocabulary, model, split, lowercase, leading_blank, join, marked })
    }
}

/// A token that is found in texts wherever it stands.
struct Added {
    text: String,
    id: u64,
    is_special: bool,
}

struct File<'a> {
    name: &'a str,
    root: &'a Json,
}

impl<'a> File<'a> {
    fn at(&self, path: &'a str) -> Member<'a> {
        Member { file: self.name, path, value: self.root.find(path) }
    }

    /// The settings of a step, if there is one: of a known type, with known settings.
    fn step(
        &self,
        path: &'a str,
        known: &[(&'a str, &[&str])],
    ) -> Result<Option<(&'a str, &'a Json)>> {
        let member = self.at(path);
        let Some(step) = member.value else { return Ok(None) };
        let kind = Member { value: step.find("type"), ..member }.text_or("")?;
        let Some((_, settings)) = known.iter().find(|(own, _)| *own == kind) else {
            let names = known.iter().map(|(own, _)| *own).collect::<Vec<_>>().join(", ");
            let names = if known.len() == 1 { names } else { format!("one of {names}") };
            let or_none = if path == "model" { "" } else { " or null" };
            return Err(member.wrong(quote(kind), format!("{names}{or_none}")));
        };
        member.only(&[&["type"], *settings].concat())?;
        Ok(Some((kind, step)))
    }

    /// The rule for pieces, whether texts get a blank in front, and whether symbols are bytes.
    fn pre_tokenizer(&self) -> Result<(Splitter, bool, bool)> {
        let path = "pre_tokenizer";
        let known: [(&str, &[&str]); 3] = [
            ("ByteLevel", &["add_prefix_space", "trim_offsets", "use_regex"]),
            ("Whitespace", &[]),
            ("WhitespaceSplit", &[]),
        ];
        let setting =
            |step: &'a Json, key| Member { value: step.find(key), ..self.at(path) }.bool_or(true);
        Ok(match self.step(path, &known)? {
            None => (Splitter::None, false, false),
            Some(("Whitespace", _)) => (Splitter::Classes, false, false),
            Some(("WhitespaceSplit", _)) => (Splitter::Blanks, false, false),
            Some((_, step)) => {
                let by_rule = setting(step, "use_regex")?;
                let split = if by_rule { Splitter::Gpt2 } else { Splitter::None };
                (split, setting(step, "add_prefix_space")?, true)
            }
        })
    }

    fn decoder(&self) -> Result<Join> {
        let known: [(&str, &[&str]); 3] = [
            ("ByteLevel", &["add_prefix_space", "trim_offsets", "use_regex"]),
            ("BPEDecoder", &["suffix"]),
            ("Fuse", &[]),
        ];
        Ok(match self.step("decoder", &known)? {
            None => Join::Blanks,
            Some(("ByteLevel", _)) => Join::Bytes,
            Some(("Fuse", _)) => Join::Nothing,
            Some((_, step)) => {
                let suffix = Member { value: step.find("suffix"), ..self.at("decoder") };
                match suffix.text_or("</w>")? {
                    "" => return Err(suffix.wrong("an empty suffix", "what words end with")),
                    suffix => Join::Suffix(suffix.into()),
                }
            }
        })
    }

    fn added_tokens(&self, lowercase: bool) -> Result<Vec<Added>> {
        let list = self.at("added_tokens");
        let Some(_) = list.value else { return Ok(vec![]) };
        let mut all = vec![];
        for token in list.list()? {
            let of = |key| Member { value: token.find(key), ..list };
            let text = of("content").text_or("")?;
            if text.is_empty() {
                return Err(list.wrong("a token without content", "its text"));
            }
            for setting in ["single_word", "lstrip", "rstrip"] {
                if of(setting).bool_or(false)? {
                    return Err(list.wrong(format!("{setting} of {}", quote(text)), "false"));
                }
            }
            let is_special = of("special").bool_or(false)?;
            if of("normalized").bool_or(!is_special)? && lowercase {
                return Err(list.wrong(format!("normalized of {}", quote(text)), "false"));
            }
            all.push(Added { text: text.into(), id: of("id").whole()?, is_special });
        }
        Ok(all)
    }

    fn model(&self, added: &[Added], of_bytes: bool) -> Result<(Vocabulary, Model)> {
        let known: [(&str, &[&str]); 2] = [
            (
                "BPE",
                &[
                    "dropout",
                    "unk_token",
                    "continuing_subword_prefix",
                    "end_of_word_suffix",
                    "fuse_unk",
                    "byte_fallback",
                    "ignore_merges",
                    "vocab",
                    "merges",
                ],
            ),
            ("WordLevel", &["vocab", "unk_token"]),
        ];
        let Some((kind, model)) = self.step("model", &known)? else {
            return Err(self.at("model").wrong("nothing", "one of BPE, WordLevel"));
        };
        let member = |path| Member { file: self.name, path, value: model.find(path) };
        let mut vocabulary = self.vocabulary(member("vocab"), added)?;
        if let Some(unknown) = member("unk_token").value {
            let unknown = Member { value: Some(unknown), ..member("unk_token") }.text_or("")?;
            match vocabulary.id(unknown) {
                Some(id) => vocabulary.set_special(Special::Unk, id),
                // Words that are not known are refused then, as without the setting.
                None if kind == "WordLevel" => {}
                None => {
                    let found = format!("{}, which is no token", quote(unknown));
                    return Err(member("unk_token").wrong(found, "a token of the vocabulary"));
                }
            }
        }
        if kind == "WordLevel" {
            return match of_bytes {
                true => {
                    Err(self.at("pre_tokenizer").wrong("ByteLevel", "another one for WordLevel"))
                }
                false => Ok((vocabulary, Model::Words)),
            };
        }
        let merges = byte_pairs(&member, &vocabulary)?;
        Ok((vocabulary, Model::BytePairs { merges, of_bytes }))
    }

    /// The tokens of the model and those that were added to it.
    fn vocabulary(&self, vocab: Member, added: &[Added]) -> Result<Vocabulary> {
        let mut entries = vec![];
        for (token, id) in vocab.members()? {
            entries.push((token.clone(), Member { value: Some(id), ..vocab }.whole()?));
        }
        let mut own: Vec<(&str, u64)> =
            entries.iter().map(|(token, id)| (token.as_str(), *id)).collect();
        own.sort_unstable();
        let mut extra = vec![];
        for added in added {
            let at = own.binary_search_by_key(&added.text.as_str(), |(token, _)| token);
            match at.map(|at| own[at].1) {
                Ok(id) if id == added.id => {}
                Ok(id) => {
                    let found = format!("the id {} for {}", added.id, quote(&added.text));
                    let expected = format!("{id}, as in the vocabulary");
                    return Err(self.at("added_tokens").wrong(found, expected));
                }
                Err(_) => extra.push((added.text.clone(), added.id)),
            }
        }
        entries.extend(extra);
        if entries.is_empty() {
            return Err(vocab.wrong("no token", "at least one"));
        }
        let mut vocabulary = Vocabulary::by_ids(entries, self.name)?;
        for added in added.iter().filter(|added| added.is_special) {
            for (special, names) in SPECIAL_NAMES {
                if names.contains(&added.text.as_str()) && vocabulary.special(special).is_none() {
                    vocabulary.set_special(special, added.id as i64);
                }
            }
        }
        Ok(vocabulary)
    }
}

/// The merges of a model `BPE` and how they are applied.
fn byte_pairs<'a>(
    member: &dyn Fn(&'a str) -> Member<'a>,
    vocabulary: &Vocabulary,
) -> Result<Merges> {
    if !matches!(member("dropout").value, None | Some(Json::Whole(0)) | Some(Json::Number(0.0))) {
        return Err(member("dropout").wrong("merges left out at random", "null"));
    }
    match member("continuing_subword_prefix").text_or("")? {
        "" => {}
        prefix => return Err(member("continuing_subword_prefix").wrong(quote(prefix), "none")),
    }
    if member("byte_fallback").bool_or(false)? {
        return Err(member("byte_fallback").wrong("true", "false"));
    }
    let list = member("merges");
    let mut pairs = vec![];
    for (number, merge) in list.list()?.iter().enumerate() {
        let wrong = || list.wrong(format!("merge {number} of another form"), "two tokens");
        pairs.push(match merge {
            Json::Text(both) => {
                let two = both.split_once(' ').filter(|(_, right)| !right.contains(' '));
                two.ok_or_else(wrong)?
            }
            Json::List(both) => match &both[..] {
                [Json::Text(left), Json::Text(right)] => (left.as_str(), right.as_str()),
                _ => {
                    return Err(list.wrong(
                        format!("{} in merge {number}", count(both.len(), "token")),
                        "two texts",
                    ));
                }
            },
            _ => return Err(wrong()),
        });
    }
    let mut merges = Merges::new(pairs, vocabulary, list.file)?;
    merges.suffix = member("end_of_word_suffix").text_or("")?.into();
    merges.fuse_unknown = member("fuse_unk").bool_or(false)?;
    merges.whole_first = member("ignore_merges").bool_or(false)?;
    Ok(merges)
}
