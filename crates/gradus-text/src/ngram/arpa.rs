//! n-gram models as ARPA files, which SRILM, KenLM and others read and write: a line for each n-gram with the logarithm of its probability to the base
//! of 10, its tokens and its back-off weight.
//!
//! A token cannot hold blanks there. In this house a blank of a token is written by its code: `<U+0020>`, a newline `<U+000A>`.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use gradus_data::{DataError, Place, Result, count, quote};

use super::model::NGram;
use super::trie::{ROOT, Trie};
use crate::read::{LineEnds, read_text};
use crate::special::Special;
use crate::vocabulary::Vocabulary;

/// What special tokens are called in such files.
const SPECIAL_NAMES: [(Special, &[&str]); 3] = [
    (Special::Unk, &["<unk>", "<UNK>"]),
    (Special::Bos, &["<s>", "<bos>"]),
    (Special::Eos, &["</s>", "<eos>"]),
];

impl NGram {
    /// The model as an ARPA file's text. Numbers have all their digits, so that a model that is read again says the same to the last bit.
    ///
    /// ```
    /// use gradus_text::{Counts, NGram, Smoothing, Vocabulary};
    /// let words = Vocabulary::new(["a", " "], &[])?;
    /// let mut counts = Counts::new(2, 2)?;
    /// counts.add(&[0, 1, 0])?;
    /// let text = NGram::new(&counts, 2, Smoothing::KneserNey)?.to_arpa(&words)?;
    /// assert!(text.starts_with("\\data\\\nngram 1=2\nngram 2=2\n\n\\1-grams:\n-0.3"));
    /// assert!(text.contains("\ta <U+0020>\n"));
    /// let (read, tokens) = NGram::from_arpa(&text, "t.arpa")?;
    /// assert_eq!((tokens.token(1), read.to_arpa(&tokens)?), (Some(" "), text));
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When the vocabulary has another size than the model's, or a token looks like a code.
    pub fn to_arpa(&self, vocabulary: &Vocabulary) -> Result<String> {
        if vocabulary.len() != self.vocabulary {
            let found = count(vocabulary.len(), "token");
            let expected = format!("{}, the size of the model's", self.vocabulary);
            return Err(DataError::invalid("vocabulary", found, expected));
        }
        let tokens = vocabulary.tokens().iter().map(|token| spelled(token));
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        let order = self.order.max(1);
        let levels = self.trie.by_order(order);
        let mut text = "\\data\\\n".to_owned();
        for (level, nodes) in (1..).zip(&levels) {
            _ = writeln!(text, "ngram {level}={}", nodes.len());
        }
        for (level, nodes) in (1..).zip(&levels) {
            _ = write!(text, "\n\\{level}-grams:\n");
            for &node in nodes {
                let symbols = self.trie.symbols(node).into_iter();
                let own: Vec<&str> = symbols.map(|id| tokens[id as usize].as_str()).collect();
                _ = write!(text, "{}\t{}", self.log10_probability[node as usize], own.join(" "));
                match self.log10_back_off[node as usize] {
                    back_off if level < order && back_off != 0.0 => {
                        _ = writeln!(text, "\t{back_off}")
                    }
                    _ => text.push('\n'),
                }
            }
        }
        text.push_str("\n\\end\\\n");
        Ok(text)
    }

    /// The model and the tokens of an ARPA file.
    ///
    /// # Errors
    /// As [`NGram::from_arpa`]; and when the file cannot be read.
    pub fn read_arpa(path: &Path) -> Result<(NGram, Vocabulary)> {
        NGram::from_arpa(&read_text(path, LineEnds::Newline)?.text, &path.display().to_string())
    }

    /// The model and the tokens of an ARPA file's text; `name` is the file's in errors. Ids are the order of the single tokens.
    ///
    /// # Errors
    /// When the text is not whole, there are other n-grams than its head says, one is there twice or without its beginning, or a number is none or no
    /// probability.
    pub fn from_arpa(text: &str, name: &str) -> Result<(NGram, Vocabulary)> {
        let mut reader = Reader { name, lines: (1..).zip(text.lines()), line: 0, said: vec![] };
        reader.head()?;
        let order = reader.said.len() as u32;
        let (vocabulary, mut model) = reader.singles(order)?;
        for level in 2..=order {
            reader.level(level, &vocabulary, &mut model)?;
        }
        match reader.next_line() {
            Some("\\end\\") => Ok((model, vocabulary)),
            other => Err(reader.wrong(other, "\\end\\")),
        }
    }
}

/// A token without blanks.
fn spelled(token: &str) -> Result<String> {
    let mut written = String::new();
    for c in token.chars() {
        match c.is_whitespace() {
            true => _ = write!(written, "<U+{:04X}>", c as u32),
            false => written.push(c),
        }
    }
    if !written.is_empty() && read_token(&written) == token {
        return Ok(written);
    }
    let expected = "tokens of an ARPA file: not empty, and none that holds a blank's code";
    Err(DataError::invalid("vocabulary", format!("the token {}", quote(token)), expected))
}

/// A token as it is, its blanks being codes.
fn read_token(written: &str) -> String {
    let mut token = String::new();
    let mut rest = written;
    while let Some(at) = rest.find("<U+") {
        let (before, code) = rest.split_at(at);
        let blank = code[3..].split_once('>').and_then(|(hexadecimal, after)| {
            let c = char::from_u32(u32::from_str_radix(hexadecimal, 16).ok()?)?;
            c.is_whitespace().then_some((c, after))
        });
        token.push_str(before);
        match blank {
            Some((c, after)) => {
                token.push(c);
                rest = after;
            }
            None => {
                token.push_str("<U+");
                rest = &code[3..];
            }
        }
    }
    token + rest
}

struct Reader<'t, L> {
    name: &'t str,
    lines: L,
    /// The line that was read last, from 1.
    line: u64,
    /// How many n-grams of each order the head says there are.
    said: Vec<u64>,
}

impl<'t, L: Iterator<Item = (u64, &'t str)>> Reader<'t, L> {
    /// The next line that is not empty, without blanks around it.
    fn next_line(&mut self) -> Option<&'t str> {
        let (line, text) = self.lines.by_ref().find(|(_, text)| !text.trim().is_empty())?;
        self.line = line;
        Some(text.trim())
    }

    fn wrong(&self, found: Option<&str>, expected: impl Into<String>) -> DataError {
        match found {
            Some(found) => self.error(quote(found), expected),
            None => DataError::malformed(self.name, Place::Whole, "the end of the file", expected),
        }
    }

    fn error(&self, found: impl Into<String>, expected: impl Into<String>) -> DataError {
        DataError::malformed(self.name, Place::Line(self.line), found, expected)
    }

    /// The head, up to the line that begins the single tokens.
    fn head(&mut self) -> Result<()> {
        loop {
            match self.next_line() {
                Some("\\data\\") => break,
                Some(_) => {} // anything may stand before
                None => return Err(self.wrong(None, "\\data\\, which an ARPA file has")),
            }
        }
        loop {
            let line = self.next_line();
            if line == Some("\\1-grams:") && !self.said.is_empty() {
                return Ok(());
            }
            let level = self.said.len() + 1;
            let said = line.and_then(|line| line.strip_prefix("ngram ")?.split_once('='));
            let number = said.and_then(|(own, number)| {
                (own.trim() == level.to_string()).then(|| number.trim().parse().ok())?
            });
            match number {
                Some(number) if level <= 32 => self.said.push(number),
                _ => {
                    let or = if level > 1 { " or \\1-grams:" } else { "" };
                    return Err(self.wrong(line, format!("`ngram {level}=` and a number{or}")));
                }
            }
        }
    }

    /// The parts of an n-gram's line: probability, tokens, back-off weight.
    fn entry(&self, line: &'t str, level: u32) -> Result<(f64, Vec<&'t str>, f64)> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let tokens = level as usize;
        if fields.len() != tokens + 1 && fields.len() != tokens + 2 {
            let expected =
                format!("a probability, {} and perhaps a weight", count(tokens, "token"));
            return Err(self.error(count(fields.len(), "field"), expected));
        }
        let number = |field: &str| field.parse::<f64>().ok().filter(|number| number.is_finite());
        let probability = number(fields[0]).filter(|&log10| log10 <= 0.0).ok_or_else(|| {
            self.error(quote(fields[0]), "the logarithm of a probability: a number up to 0")
        })?;
        let back_off = fields.get(tokens + 1).map_or(Ok(0.0), |field| {
            number(field).ok_or_else(|| self.error(quote(field), "the logarithm of a weight"))
        })?;
        Ok((probability, fields[1..=tokens].to_vec(), back_off))
    }

    /// The lines of an order, as many as the head says; each goes to `take`.
    fn entries(
        &mut self,
        level: u32,
        mut take: impl FnMut(&Self, f64, Vec<&'t str>, f64) -> Result<()>,
    ) -> Result<()> {
        let said = self.said[level as usize - 1];
        for number in 0..said {
            match self.next_line() {
                Some(line) if !line.starts_with('\\') || line.contains(char::is_whitespace) => {
                    let (probability, tokens, back_off) = self.entry(line, level)?;
                    take(self, probability, tokens, back_off)?;
                }
                other => {
                    let grams = format!("n-gram {} of {said} of order {level}", number + 1);
                    return Err(self.wrong(other, grams));
                }
            }
        }
        Ok(())
    }

    fn singles(&mut self, order: u32) -> Result<(Vocabulary, NGram)> {
        let (mut tokens, mut numbers) = (vec![], vec![(0.0, 0.0)]);
        self.entries(1, |_, probability, own, back_off| {
            tokens.push(read_token(own[0]));
            numbers.push((probability, back_off));
            Ok(())
        })?;
        if tokens.is_empty() || tokens.len() > 1 << 30 {
            return Err(self.error(count(tokens.len(), "token"), "1 to 2^30"));
        }
        let mut vocabulary = Vocabulary::of(tokens, self.name)?;
        for (special, names) in SPECIAL_NAMES {
            let id = names.iter().find_map(|token| vocabulary.id(token));
            id.into_iter().for_each(|id| vocabulary.set_special(special, id));
        }
        let (log10_probability, log10_back_off) = numbers.into_iter().unzip();
        let model = NGram {
            trie: Arc::new(Trie::new(vocabulary.len())),
            log10_probability,
            log10_back_off,
            vocabulary: vocabulary.len(),
            order,
            discounts: vec![],
        };
        Ok((vocabulary, model))
    }

    fn level(&mut self, level: u32, vocabulary: &Vocabulary, model: &mut NGram) -> Result<()> {
        let begin = format!("\\{level}-grams:");
        match self.next_line() {
            Some(line) if line == begin => {}
            other => return Err(self.wrong(other, begin)),
        }
        let NGram { trie, log10_probability, log10_back_off, .. } = model;
        let trie = Arc::make_mut(trie);
        self.entries(level, |reader, probability, own, back_off| {
            let ids = own.iter().map(|token| {
                let id = vocabulary.id(&read_token(token)).map(|id| id as u32);
                id.ok_or_else(|| {
                    reader.error(quote(token), "a token that is among the single ones")
                })
            });
            let ids: Vec<u32> = ids.collect::<Result<_>>()?;
            let walk = |ids: &[u32]| ids.iter().try_fold(ROOT, |node, &id| trie.child(node, id));
            let (last, before) = ids.split_last().expect("an n-gram has tokens");
            let Some(parent) = walk(before) else {
                let found = format!("{}, whose beginning is not there", quote(&own.join(" ")));
                return Err(reader.error(found, "the shorter n-gram before it"));
            };
            let ending = (1..ids.len()).find_map(|from| walk(&ids[from..])).unwrap_or(ROOT);
            let nodes = trie.nodes.len();
            trie.grow(parent, *last, ending);
            if trie.nodes.len() == nodes {
                return Err(reader.error(quote(&own.join(" ")), "each n-gram once"));
            }
            log10_probability.push(probability);
            log10_back_off.push(back_off);
            Ok(())
        })
    }
}
