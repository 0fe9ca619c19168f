//! From a text to ids.

use std::collections::HashMap;

use gradus_data::{DataError, Place, Result, quote};

use super::{Model, Tokenizer, alphabet};
use crate::special::Special;

/// Where a text comes from, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a str,
    /// The line at which it begins, from 1.
    pub(crate) line: u64,
    /// Whether bytes of the text are bytes of the file.
    pub(crate) has_bytes: bool,
}

/// A part of a text.
enum Section<'t> {
    /// A token that stands there as such.
    Marked(i64),
    /// Text.
    Plain(&'t str),
}

impl Tokenizer {
    /// The ids of a text's tokens. No special token is added. A token of a `tokenizer.json` that is marked as added is found in the text; any
    /// other special token's name is text like all other.
    ///
    /// # Errors
    /// When a symbol is not in the vocabulary and the vocabulary has no `<unk>`; the error says which and where.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let mut ids = vec![];
        let origin = Origin { name: "text", line: 1, has_bytes: true };
        self.encode_part(text, true, origin, &mut ids)?;
        Ok(ids)
    }

    /// Appends the ids of a line of a text.
    pub(crate) fn encode_line(&self, text: &str, line: u64, ids: &mut Vec<i64>) -> Result<()> {
        let origin = Origin { name: "text", line, has_bytes: false };
        self.encode_part(text, true, origin, ids)
    }

    /// Appends the ids of a part of a text, which begins the text or not.
    pub(crate) fn encode_part(
        &self,
        text: &str,
        is_begin: bool,
        origin: Origin,
        ids: &mut Vec<i64>,
    ) -> Result<()> {
        let mut words = HashMap::new();
        let mut begins = is_begin;
        let mut at = 0;
        while let Some((section, end)) = self.section(text, at) {
            match section {
                Section::Marked(id) => ids.push(id),
                Section::Plain(plain) => {
                    let place = |byte: usize| {
                        let byte = at + byte;
                        let line = origin.line + text[..byte].matches('\n').count() as u64;
                        match origin.has_bytes {
                            true => Place::InText { byte: byte as u64, line },
                            false => Place::Line(line),
                        }
                    };
                    let unknown = Unknown { tokenizer: self, name: origin.name, place: &place };
                    self.encode_plain(plain, begins, &unknown, &mut words, ids)?;
                }
            }
            begins = true;
            at = end;
        }
        Ok(())
    }

    /// The section that begins at a byte, and where it ends.
    fn section<'t>(&self, text: &'t str, at: usize) -> Option<(Section<'t>, usize)> {
        let rest = &text[at..];
        if rest.is_empty() {
            return None;
        }
        let marked_at = |rest: &str| self.marked.iter().find(|(token, _)| rest.starts_with(token));
        if let Some((token, id)) = marked_at(rest) {
            return Some((Section::Marked(*id), at + token.len()));
        }
        let end = match self.marked.is_empty() {
            true => rest.len(),
            false => {
                let places = rest.char_indices().map(|(byte, _)| byte);
                places
                    .skip(1)
                    .find(|&byte| marked_at(&rest[byte..]).is_some())
                    .unwrap_or(rest.len())
            }
        };
        Some((Section::Plain(&rest[..end]), at + end))
    }

    fn encode_plain<'t>(
        &self,
        plain: &'t str,
        begins: bool,
        unknown: &Unknown,
        words: &mut HashMap<&'t str, Vec<i64>>,
        ids: &mut Vec<i64>,
    ) -> Result<()> {
        match self.model {
            Model::Bytes => {
                ids.extend(plain.bytes().map(i64::from));
                return Ok(());
            }
            Model::Characters => {
                let mut utf_8 = [0; 4];
                for (at, c) in plain.char_indices() {
                    let id = self.vocabulary.id(c.encode_utf8(&mut utf_8));
                    ids.push(id.map_or_else(|| unknown.character(c, at), Ok)?);
                }
                return Ok(());
            }
            Model::Words | Model::BytePairs { .. } => {}
        }
        if self.lacks_blank(plain, begins) {
            // Its words are not kept for later ones: the text with the blank is gone by then.
            let text = format!(" {plain}");
            return self.encode_pieces(&text, 1, unknown, &mut HashMap::new(), ids);
        }
        self.encode_pieces(plain, 0, unknown, words, ids)
    }

    /// Appends the ids of a text's pieces; `shift` of its bytes are not in the file.
    fn encode_pieces<'t>(
        &self,
        text: &'t str,
        shift: usize,
        unknown: &Unknown,
        words: &mut HashMap<&'t str, Vec<i64>>,
        ids: &mut Vec<i64>,
    ) -> Result<()> {
        let mut at = 0;
        while let Some((start, end)) = self.split.first(&text[at..]) {
            let piece = &text[at + start..at + end];
            let place = (at + start).saturating_sub(shift);
            at += end;
            if let Some(known) = words.get(piece) {
                ids.extend_from_slice(known);
                continue;
            }
            let small;
            let looked_up = match self.lowercase {
                true => {
                    small = lowercase(piece);
                    &small
                }
                false => piece,
            };
            let first = ids.len();
            match &self.model {
                Model::BytePairs { .. } => self.encode_word(looked_up, place, unknown, ids)?,
                _ => {
                    let id = self.vocabulary.id(looked_up);
                    ids.push(id.map_or_else(|| unknown.word(piece, place), Ok)?);
                }
            }
            words.insert(piece, ids[first..].to_vec());
        }
        Ok(())
    }

    /// Appends the ids of a word by byte-pair encoding.
    fn encode_word(
        &self,
        word: &str,
        at: usize,
        unknown: &Unknown,
        ids: &mut Vec<i64>,
    ) -> Result<()> {
        let Model::BytePairs { merges, of_bytes } = &self.model else { return Ok(()) };
        let spelled;
        let word = match of_bytes {
            true => {
                spelled = word.bytes().map(alphabet::character).collect::<String>();
                &spelled
            }
            false => word,
        };
        if merges.whole_first
            && let Some(id) = self.vocabulary.id(word)
        {
            ids.push(id);
            return Ok(());
        }
        let mut symbols = Vec::with_capacity(word.len());
        let (mut after_unknown, mut before) = (false, 0);
        let mut symbol = String::new();
        let mut rest = word.chars().peekable();
        while let Some(c) = rest.next() {
            symbol.clear();
            symbol.push(c);
            if rest.peek().is_none() {
                symbol.push_str(&merges.suffix);
            }
            match self.vocabulary.id(&symbol) {
                Some(id) => {
                    symbols.push(id as u32);
                    after_unknown = false;
                }
                None => {
                    let id = unknown.character(c, at + before)? as u32;
                    if !(after_unknown && merges.fuse_unknown) {
                        symbols.push(id);
                    }
                    after_unknown = true;
                }
            }
            before += if *of_bytes { 1 } else { c.len_utf8() };
        }
        merges.apply(&mut symbols);
        ids.extend(symbols.into_iter().map(i64::from));
        Ok(())
    }

    /// How many bytes of a text that goes on, and begins a file or not, fall into tokens that do not depend on what follows.
    pub(crate) fn settled(&self, text: &str, is_begin: bool) -> usize {
        // A rule looks three characters ahead, and a token that is found in texts may begin before that.
        let ahead = self.marked.first().map_or(0, |(token, _)| token.chars().count()) + 3;
        let Some((most, _)) = text.char_indices().rev().nth(ahead - 1) else { return 0 };
        let is_line_end = |at: usize| text[..at].ends_with('\r') && text[at..].starts_with('\n');
        if let Model::Bytes | Model::Characters = self.model {
            return if is_line_end(most) { most - 1 } else { most };
        }
        let (mut settled, mut at) = (0, 0);
        while let Some((section, end)) = self.section(text, at) {
            if let Section::Plain(plain) = section {
                let begins = is_begin || at > 0;
                let blank = self.lacks_blank(plain, begins).then(|| format!(" {plain}"));
                let (shift, mut rest) =
                    (usize::from(blank.is_some()), blank.as_deref().unwrap_or(plain));
                while let Some((_, len)) = self.split.first(rest) {
                    rest = &rest[len..];
                    let piece = end - rest.len();
                    if piece > most {
                        return settled;
                    }
                    // Blanks at the end of a text fall into other pieces than those before something.
                    let is_open = text[..piece].ends_with(char::is_whitespace);
                    if piece < end && piece >= at + shift && !is_open {
                        settled = piece;
                    }
                }
            }
            at = end;
            // Behind a token that stands in the text a section begins: a block does not know it.
            if at <= most && !self.leading_blank && !is_line_end(at) {
                settled = at;
            }
        }
        settled
    }

    /// Whether a section gets a blank in front.
    fn lacks_blank(&self, plain: &str, begins: bool) -> bool {
        self.leading_blank && begins && !plain.starts_with(' ')
    }
}

pub(super) fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What becomes of a symbol that is not in the vocabulary.
struct Unknown<'a> {
    tokenizer: &'a Tokenizer,
    name: &'a str,
    /// Where a byte of the section is in the text.
    place: &'a dyn Fn(usize) -> Place,
}

impl Unknown<'_> {
    fn character(&self, c: char, at: usize) -> Result<i64> {
        self.id(at, || format!("{c:?} (U+{:04X})", c as u32))
    }

    fn word(&self, word: &str, at: usize) -> Result<i64> {
        self.id(at, || quote(word))
    }

    fn id(&self, at: usize, found: impl FnOnce() -> String) -> Result<i64> {
        let vocabulary = &self.tokenizer.vocabulary;
        vocabulary.special(Special::Unk).ok_or_else(|| {
            let expected = format!("one of the {} tokens of the vocabulary", vocabulary.len());
            DataError::malformed(self.name, (self.place)(at), found(), expected)
        })
    }
}
