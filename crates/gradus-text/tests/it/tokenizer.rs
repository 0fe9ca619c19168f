//! Tokenisers of every kind: texts come back, JSON texts make them again, and what is refused.

use expect_test::expect;
use gradus_text::{Special, Tokenizer, TokenizerOptions, Vocabulary};
use proptest::prelude::*;

use crate::check_message;

fn learned(text: &str) -> Tokenizer {
    let options = TokenizerOptions { max_size: Some(320), ..TokenizerOptions::default() };
    Tokenizer::byte_pairs([text], &options).unwrap()
}

proptest! {
    /// Characters give back every text of their characters; bytes and byte-pair encoding give back any text, as does what was saved.
    #[test]
    fn texts_come_back(text in "\\PC{1,60}|[a-c '\\s]{1,60}", other in any::<String>()) {
        let plain = TokenizerOptions::default();
        let characters = Tokenizer::characters([&text], &plain).unwrap();
        prop_assert_eq!(characters.decode(&characters.encode(&text).unwrap()).unwrap(), text.as_str());
        for tokenizer in [Tokenizer::bytes(&[]).unwrap(), learned(&text)] {
            for text in [&text, &other] {
                let ids = tokenizer.encode(text).unwrap();
                prop_assert_eq!(&tokenizer.decode(&ids).unwrap(), text);
                prop_assert_eq!(tokenizer.decode_bytes(&ids).unwrap(), text.as_bytes());
            }
        }
    }

    #[test]
    fn saved_ones_are_the_same(text in "[a-c '\"\\\\\n]{1,40}x", sizes in 1usize..5) {
        let options = TokenizerOptions {
            special: vec![Special::Eos, Special::Unk],
            max_size: Some(2 + sizes),
            ..TokenizerOptions::default()
        };
        let all = [
            Tokenizer::bytes(&Special::ALL).unwrap(),
            Tokenizer::characters([&text], &options).unwrap(),
            Tokenizer::words([&text], &TokenizerOptions { lowercase: true, ..options }).unwrap(),
            learned(&text),
        ];
        for tokenizer in all {
            let saved = tokenizer.to_json();
            let read = Tokenizer::from_json(&saved, "t").unwrap();
            prop_assert_eq!(&read, &tokenizer);
            prop_assert_eq!(read.to_json(), saved);
        }
    }

    /// Learning merges what encoding merges: a text falls into as many tokens as its words have symbols left.
    #[test]
    fn what_was_learned_whole_is_one_token(words in prop::collection::vec("[ab]{1,6}", 1..6)) {
        let text = words.join(" ");
        let whole = Tokenizer::byte_pairs([&text], &TokenizerOptions::default()).unwrap();
        prop_assert_eq!(whole.encode(&text).unwrap().len(), words.len());
    }
}

#[test]
fn the_most_frequent_are_kept() {
    let options = TokenizerOptions { max_size: Some(3), ..TokenizerOptions::default() };
    let characters = Tokenizer::characters(["abcabab"], &options).unwrap();
    assert_eq!(characters.vocabulary().tokens(), ["a", "b", "c"]);
    let fewer =
        TokenizerOptions { max_size: Some(2), special: vec![Special::Unk], ..options.clone() };
    let characters = Tokenizer::characters(["cabbb"], &fewer).unwrap();
    assert_eq!(characters.vocabulary().tokens(), ["<unk>", "b"]);
    assert_eq!(characters.encode("abc").unwrap(), [0, 1, 0]);
    // Of equally frequent words the first by their letters; a special token's name is that token.
    let words =
        Tokenizer::words(["b a <unk> c b"], &TokenizerOptions { min_count: 1, ..fewer }).unwrap();
    assert_eq!(words.vocabulary().tokens(), ["<unk>", "b"]);
    let rare = TokenizerOptions { min_count: 2, ..TokenizerOptions::default() };
    assert_eq!(Tokenizer::words(["a b a. b c"], &rare).unwrap().vocabulary().tokens(), ["a", "b"]);
}

#[test]
fn options_that_do_not_suit() {
    let with = |change: fn(&mut TokenizerOptions)| {
        let mut options = TokenizerOptions::default();
        change(&mut options);
        options
    };
    check_message(
        Tokenizer::characters([""], &TokenizerOptions::default()),
        expect!["texts: found no characters that occur 1 times or more, expected at least one"],
    );
    check_message(
        Tokenizer::words(["a b"], &with(|o| o.min_count = 2)),
        expect!["texts: found no words that occur 2 times or more, expected at least one"],
    );
    check_message(
        Tokenizer::byte_pairs(["a b"], &with(|o| o.max_size = Some(255))),
        expect!["max_size: found 255, expected at least 256 for byte pairs"],
    );
    check_message(
        Tokenizer::words(["a"], &with(|o| (o.max_size, o.special) = (Some(1), vec![Special::Unk]))),
        expect!["max_size: found 1, expected at least 2 for words"],
    );
    check_message(
        Tokenizer::characters(["a"], &with(|o| o.lowercase = true)),
        expect!["lowercase: found characters, expected words; characters are as they are"],
    );
    check_message(
        Tokenizer::bytes(&[Special::Pad, Special::Pad]),
        expect![[
            r#"vocabulary: found the token "<pad>" with the ids 256 and 257, expected one id for each token"#
        ]],
    );
    check_message(
        Vocabulary::new(["a"], &[Special::Unk]),
        expect!["vocabulary: found no token <unk>, expected it among the tokens"],
    );
}

#[test]
fn an_unknown_word_is_told_by_its_place() {
    let words = Tokenizer::words(["the cat sat"], &TokenizerOptions::default()).unwrap();
    check_message(
        words.encode("the cat\n  sat platypus"),
        expect![[
            r#"text, byte 14 (line 2): found "platypus", expected one of the 3 tokens of the vocabulary"#
        ]],
    );
    assert_eq!(words.decode(&words.encode("sat  the").unwrap()).unwrap(), "sat the");
    check_message(
        words.decode(&[0, -1]),
        expect!["ids: found -1 at place 1, expected ids below 3, the tokens of the vocabulary"],
    );
}

#[test]
fn saved_texts_that_are_none() {
    let whole = Tokenizer::characters(
        ["ab"],
        &TokenizerOptions { special: vec![Special::Eos], ..TokenizerOptions::default() },
    );
    let whole = whole.unwrap().to_json();
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from} is in {whole}");
        Tokenizer::from_json(&whole.replacen(from, to, 1), "model")
    };
    check_message(
        Tokenizer::from_json(&whole[..40], "model"),
        expect!["model, line 1: found broken JSON (EOF while parsing an object), expected JSON"],
    );
    check_message(
        Tokenizer::from_json("[1]", "model"),
        expect!["model: found the text: a list, expected an object"],
    );
    check_message(
        with("gradus-tokenizer", "other"),
        expect![[r#"model: found format: "other", expected "gradus-tokenizer""#]],
    );
    check_message(
        with(r#""version":1"#, r#""version":"1""#),
        expect!["model: found version: a text, expected an integer from 0"],
    );
    check_message(
        with(r#""kind":"characters""#, r#""kind":"letters""#),
        expect![[
            r#"model: found kind: "letters", expected one of bytes, characters, words, byte pairs"#
        ]],
    );
    check_message(
        with(r#""kind":"characters""#, r#""kind":"bytes""#),
        expect!["model: found tokens: another token 0, expected the bytes first"],
    );
    check_message(
        with(r#""split":"none""#, r#""split":"some""#),
        expect![[
            r#"model: found split: "some", expected one of none, words, blanks, classes, gpt2"#
        ]],
    );
    check_message(
        with(r#""eos":0"#, r#""eos":3"#),
        expect!["model: found special: the id 3, expected ids of the 3 tokens"],
    );
    check_message(
        with(r#""eos":0"#, r#""end":0"#),
        expect![[r#"model: found special: "end", expected one of pad, unk, bos, eos"#]],
    );
    check_message(
        with(r#""b"]"#, r#""bb"]"#),
        expect![[r#"model: found tokens: the token "bb", expected single characters"#]],
    );
    check_message(
        with(r#""b"]"#, "7]"),
        expect!["model: found tokens: a number for token 2, expected texts"],
    );
    check_message(
        with(r#""join""#, r#""glue""#),
        expect![[
            r#"model: found the text: a member "glue", expected only format, version, kind, split, lowercase, leading_blank, join, suffix, word_end, of_bytes, whole_first, fuse_unknown, merges, special, marked, tokens"#
        ]],
    );
}
