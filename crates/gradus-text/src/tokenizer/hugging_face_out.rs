//! A tokeniser written as `tokenizer.json`.

use gradus_data::{DataError, Result};

use super::{Join, Model, Splitter, Tokenizer};
use crate::json::quoted;
use crate::special::Special;

impl Tokenizer {
    /// The tokeniser as a `tokenizer.json`, whose ids are the same there. Bytes and characters become `BPE` without merges.
    ///
    /// ```
    /// use gradus_text::{Tokenizer, TokenizerOptions};
    /// let learned = Tokenizer::byte_pairs(["low lower"], &TokenizerOptions::default())?;
    /// let text = learned.to_hugging_face()?;
    /// assert!(text.contains(r#""model":{"type":"BPE","#));
    /// assert_eq!(Tokenizer::from_hugging_face(&text, "t")?.encode("lower")?, learned.encode("lower")?);
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the format has no name for a step: the rule of [`Splitter::Words`].
    pub fn to_hugging_face(&self) -> Result<String> {
        let pre_tokenizer = self.pre_tokenizer()?;
        let decoder = match &self.join {
            Join::Nothing => r#"{"type":"Fuse"}"#.to_owned(),
            Join::Blanks => "null".to_owned(),
            Join::Bytes => byte_level(true, true),
            Join::Suffix(suffix) => {
                format!(r#"{{"type":"BPEDecoder","suffix":{}}}"#, quoted(suffix))
            }
        };
        let normalizer = if self.lowercase { r#"{"type":"Lowercase"}"# } else { "null" };
        let (added, model) = (self.added_tokens(), self.model());
        Ok(format!(
            r#"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{added}],"normalizer":{normalizer},"pre_tokenizer":{pre_tokenizer},"post_processor":null,"decoder":{decoder},"model":{model}}}"#
        ))
    }

    fn pre_tokenizer(&self) -> Result<String> {
        let of_bytes = match &self.model {
            Model::Bytes => true,
            Model::BytePairs { of_bytes, .. } => *of_bytes,
            Model::Characters | Model::Words => false,
        };
        Ok(match self.split {
            Splitter::Gpt2 | Splitter::None if of_bytes => {
                byte_level(self.leading_blank, self.split == Splitter::Gpt2)
            }
            Splitter::None => "null".into(),
            Splitter::Blanks => r#"{"type":"WhitespaceSplit"}"#.into(),
            Splitter::Classes => r#"{"type":"Whitespace"}"#.into(),
            Splitter::Words | Splitter::Gpt2 => {
                let found = "words by a rule of this house";
                let expected =
                    "a rule that tokenizer.json has a name for; Tokenizer::to_json writes it";
                return Err(DataError::invalid("tokenizer.json", found, expected));
            }
        })
    }

    /// Special tokens, and those that are found in texts. A special token of a vocabulary of this house is not found in texts; there it is.
    fn added_tokens(&self) -> String {
        let special = |id| self.vocabulary.is_special(id);
        let own = (0..self.vocabulary.len() as i64)
            .filter(|&id| special(id) || self.marked.iter().any(|&(_, marked)| marked == id));
        let told = own.map(|id| {
            let (token, special) = (quoted(&self.vocabulary.tokens()[id as usize]), special(id));
            format!(
                r#"{{"id":{id},"content":{token},"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":{special}}}"#
            )
        });
        told.collect::<Vec<_>>().join(",")
    }

    fn model(&self) -> String {
        let tokens = self.vocabulary.tokens().iter().enumerate();
        let vocab = tokens.map(|(id, token)| format!("{}:{id}", quoted(token)));
        let vocab = vocab.collect::<Vec<_>>().join(",");
        let unknown = self.vocabulary.special(Special::Unk);
        let unknown = unknown.map(|id| quoted(&self.vocabulary.tokens()[id as usize]));
        if self.model == Model::Words {
            let unknown = unknown.unwrap_or_else(|| quoted(Special::Unk.text()));
            return format!(r#"{{"type":"WordLevel","vocab":{{{vocab}}},"unk_token":{unknown}}}"#);
        }
        let (mut pairs, mut suffix, mut fuse, mut whole_first) =
            (vec![], "null".into(), false, false);
        if let Model::BytePairs { merges, .. } = &self.model {
            let token = |id: u32| quoted(&self.vocabulary.tokens()[id as usize]);
            let both = |&(left, right): &(u32, u32)| format!("[{},{}]", token(left), token(right));
            pairs.extend(merges.pairs().iter().map(both));
            if !merges.suffix.is_empty() {
                suffix = quoted(&merges.suffix);
            }
            (fuse, whole_first) = (merges.fuse_unknown, merges.whole_first);
        }
        let (pairs, unknown) = (pairs.join(","), unknown.unwrap_or("null".into()));
        format!(
            r#"{{"type":"BPE","dropout":null,"unk_token":{unknown},"continuing_subword_prefix":null,"end_of_word_suffix":{suffix},"fuse_unk":{fuse},"byte_fallback":false,"ignore_merges":{whole_first},"vocab":{{{vocab}}},"merges":[{pairs}]}}"#
        )
    }
}

fn byte_level(leading_blank: bool, by_rule: bool) -> String {
    format!(
        r#"{{"type":"ByteLevel","add_prefix_space":{leading_blank},"trim_offsets":true,"use_regex":{by_rule}}}"#
    )
}
