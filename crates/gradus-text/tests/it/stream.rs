//! Tokens of a file as a stream: what ends it.

use std::fs;

use expect_test::expect;
use gradus_text::{LineEnds, TextFile, TokenStream, Tokenizer, TokenizerOptions};

use crate::check_message;

#[test]
fn an_unknown_symbol_far_inside_is_told_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.txt");
    let text = "abc\n".repeat(100_000) + "abX\n" + &"abc\n".repeat(10);
    fs::write(&path, text).unwrap();
    let file = TextFile::open(&path, LineEnds::Keep).unwrap();
    let characters = Tokenizer::characters(["abc\n"], &TokenizerOptions::default()).unwrap();
    let mut stream = TokenStream::new(&file, &characters).unwrap();
    let error = stream.find_map(|read| read.err()).unwrap().to_string();
    let error = error.replace(&path.display().to_string(), "t.txt");
    check_message::<()>(
        Err(gradus_text::DataError::invalid("t", error, "")),
        expect![
            "t: found t.txt, line 100001: found 'X' (U+0058), expected one of the 4 tokens of the vocabulary, expected "
        ],
    );
    assert!(stream.next().is_none(), "after an error there are no more");
}
