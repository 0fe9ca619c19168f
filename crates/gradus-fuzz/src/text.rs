//! Targets of gradus-text: texts, saved tokenisers, `tokenizer.json`, ARPA files, word vectors.

use crate::readable;
use gradus::data::Result;
use gradus::text::{
    Encoding, LineEnds, NGram, TextFile, TokenStream, Tokenizer, Vocabulary, WordVectors,
    parse_text,
};
use std::io::Write;

/// The value, or `None` after a look at the message.
fn accepted<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| readable(error)).ok()
}

/// A file as text, whole and in chunks.
pub(crate) fn text(bytes: &[u8]) -> bool {
    let Some(whole) = accepted(parse_text(bytes, "x", LineEnds::Newline)) else { return false };
    assert!(!whole.text.is_empty() && !whole.text.contains('\0'));
    let width = whole.form.encoding.width(&whole.text) + whole.form.mark;
    let returns = whole.form.crlf as usize * whole.form.encoding.width("\r");
    assert_eq!(width + returns, bytes.len());
    let mut file = tempfile::NamedTempFile::new().expect("a file for a while");
    file.write_all(bytes).expect("a file can be written to");
    let opened = TextFile::open(file.path(), LineEnds::Newline).expect("it was read before");
    let chunks = opened.chunks(64, None).expect("it was opened");
    let joined: String = chunks.map(|chunk| chunk.expect("it was surveyed").text).collect();
    assert_eq!(joined, whole.text);
    let byte_wise = Tokenizer::bytes(&[]).expect("bytes are always there");
    let ids = TokenStream::new(&opened, &byte_wise).expect("it was opened");
    let ids: Vec<i64> = ids.map(|id| id.expect("bytes are never unknown")).collect();
    assert_eq!(byte_wise.decode(&ids).expect("bytes"), whole.text);
    if whole.form.encoding == Encoding::Utf8 {
        assert!(String::from_utf8(bytes.to_vec()).is_ok());
    }
    true
}

/// What a tokeniser that was accepted must do with any text.
fn works(tokenizer: &Tokenizer) {
    let tokens = tokenizer.vocabulary().tokens();
    let own: String = tokens.iter().take(20).map(String::as_str).collect();
    for text in ["", "Any text, isn't it?  It's\r\n 12 größer.", &own] {
        let Some(ids) = accepted(tokenizer.encode(text)) else { continue };
        assert!(ids.iter().all(|&id| tokenizer.vocabulary().token(id).is_some()));
        tokenizer.decode(&ids).expect("the ids are its own");
    }
}

/// A tokeniser that this house saved.
pub(crate) fn tokenizer(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Some(read) = accepted(Tokenizer::from_json(text, "x")) else { return false };
    let again = Tokenizer::from_json(&read.to_json(), "x").expect("what was written is read");
    assert_eq!(again.to_json(), read.to_json());
    works(&read);
    true
}

/// A `tokenizer.json`.
pub(crate) fn hugging_face(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Some(read) = accepted(Tokenizer::from_hugging_face(text, "x")) else { return false };
    let written = read.to_hugging_face().expect("each step has its name there");
    let again = Tokenizer::from_hugging_face(&written, "x").expect("what was written is read");
    assert_eq!(again.to_hugging_face().expect("as above"), written);
    let saved = Tokenizer::from_json(&read.to_json(), "x").expect("what was saved is read");
    assert_eq!(saved.to_json(), read.to_json());
    works(&read);
    true
}

/// Characters with the numbers that Keras's `Tokenizer` gave them.
pub(crate) fn word_index(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Some(read) = accepted(Tokenizer::of_word_index(text, "x", "<s>")) else { return false };
    let saved = Tokenizer::from_json(&read.to_json(), "x").expect("what was saved is read");
    assert_eq!(saved.to_json(), read.to_json());
    works(&read);
    true
}

/// An n-gram model in an ARPA file.
pub(crate) fn arpa(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Some((model, tokens)) = accepted(NGram::from_arpa(text, "x")) else { return false };
    let ids: Vec<i64> = (0..tokens.len() as i64).chain([0, 0]).collect();
    let said = model.score(&ids).expect("the ids are its own");
    assert_eq!(said.symbols, ids.len() as u64);
    if let Some(written) = accepted(model.to_arpa(&tokens)) {
        let (again, _) = NGram::from_arpa(&written, "x").expect("what was written is read");
        assert_eq!(again.score(&ids).expect("as above").nats.to_bits(), said.nats.to_bits());
    }
    true
}

/// Word vectors of any format, all of them and those of a vocabulary.
pub(crate) fn vectors(bytes: &[u8]) -> bool {
    let some = Vocabulary::new(["the", "cat", "</s>"], &[]).expect("three words");
    let kept = accepted(WordVectors::parse(bytes, "x", Some(&some)));
    let Some(all) = accepted(WordVectors::parse(bytes, "x", None)) else { return false };
    let kept = kept.expect("what is read whole is read in part");
    assert!(all.words().iter().all(|word| {
        let own = all.get(word).expect("it is there");
        own.len() == all.width() && own.iter().all(|value| value.is_finite())
    }));
    let (rows, coverage) = kept.rows(&some);
    assert_eq!(rows.len(), some.len() * all.width());
    assert_eq!(coverage, all.rows(&some).1);
    true
}
