//! Tokenisers of `tokenizer.json`, held against what Hugging Face's library learned and encoded; what is refused.

use expect_test::expect;
use gradus_text::{Special, Tokenizer, TokenizerOptions};
use serde_json::Value;

use crate::check_message;

/// What `tests/fixtures/make_hugging_face.py` wrote.
fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/hugging_face.json")).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn case<'a>(fixture: &'a Value, name: &str) -> &'a Value {
    let cases = fixture["cases"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap()
}

#[test]
fn the_same_ids_and_texts() {
    let fixture = fixture();
    let all = texts(&fixture["texts"]);
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!((cases.len(), all.len()), (7, 14));
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let read = Tokenizer::from_hugging_face(case["tokenizer"].as_str().unwrap(), name).unwrap();
        let saved = Tokenizer::from_json(&read.to_json(), name).unwrap();
        let written = Tokenizer::from_hugging_face(&read.to_hugging_face().unwrap(), name).unwrap();
        assert!(saved == read && written == read, "{name}");
        for ((text, ids), back) in
            all.iter().zip(case["ids"].as_array().unwrap()).zip(texts(&case["texts"]))
        {
            let ids: Vec<i64> =
                ids.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
            assert_eq!(read.encode(text).unwrap(), ids, "{name}: {text:?}");
            assert_eq!(read.decode(&ids).unwrap(), back, "{name}: {text:?}");
        }
    }
}

#[test]
fn the_same_pairs_are_learned() {
    let fixture = fixture();
    let corpus = texts(&fixture["corpus"]);
    let special = vec![Special::Pad, Special::Eos];
    let some = TokenizerOptions { special, max_size: Some(400), ..TokenizerOptions::default() };
    for (name, options) in [("bytes", some), ("to the end", TokenizerOptions::default())] {
        let theirs = case(&fixture, name)["tokenizer"].as_str().unwrap();
        let own = Tokenizer::byte_pairs(&corpus, &options).unwrap().to_hugging_face().unwrap();
        let model = |text: &str| serde_json::from_str::<Value>(text).unwrap()["model"].clone();
        let (own, theirs) = (model(&own), model(theirs));
        assert_eq!(own["vocab"], theirs["vocab"], "{name}");
        assert_eq!(own["merges"], theirs["merges"], "{name}");
    }
}

/// What this house makes is written so that it is read alike.
#[test]
fn own_tokenisers_are_written() {
    let text = "Some words, some words; ümläute 12.";
    let special = vec![Special::Unk, Special::Eos];
    let options = TokenizerOptions { special: special.clone(), ..TokenizerOptions::default() };
    let own = [
        Tokenizer::bytes(&special).unwrap(),
        Tokenizer::characters([text], &options).unwrap(),
        Tokenizer::byte_pairs([text], &options).unwrap(),
    ];
    for tokenizer in own {
        let written = tokenizer.to_hugging_face().unwrap();
        let read = Tokenizer::from_hugging_face(&written, "t").unwrap();
        for text in [text, "", "words ümwords"] {
            let ids = tokenizer.encode(text).unwrap();
            assert_eq!(read.encode(text).unwrap(), ids, "{}", tokenizer.kind());
            assert_eq!(read.decode(&ids).unwrap(), text);
        }
        let vocabularies = (read.vocabulary(), tokenizer.vocabulary());
        assert_eq!(vocabularies.0, vocabularies.1);
    }
    check_message(
        Tokenizer::words([text], &options).unwrap().to_hugging_face(),
        expect![
            "tokenizer.json: found words by a rule of this house, expected a rule that tokenizer.json has a name for; Tokenizer::to_json writes it"
        ],
    );
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let fixture = fixture();
    let whole = case(&fixture, "bytes")["tokenizer"].as_str().unwrap();
    let compact = serde_json::from_str::<Value>(whole).unwrap().to_string();
    let with = |from: &str, to: &str| {
        assert!(compact.contains(from), "{from}");
        Tokenizer::from_hugging_face(&compact.replacen(from, to, 1), "t.json")
    };
    check_message(
        with(r#""normalizer":null"#, r#""normalizer":{"type":"NFC"}"#),
        expect![[r#"t.json: found normalizer: "NFC", expected Lowercase or null"#]],
    );
    check_message(
        with(r#""normalizer":null"#, r#""normalizer":{"type":"Lowercase"}"#),
        expect!["t.json: found normalizer: Lowercase, expected null before ByteLevel"],
    );
    check_message(
        with(r#""pre_tokenizer":{"#, r#""pre_tokenizer":{"behavior":"Isolated","#),
        expect![[
            r#"t.json: found pre_tokenizer: a member "behavior", expected only type, add_prefix_space, trim_offsets, use_regex"#
        ]],
    );
    check_message(
        with(
            r#""post_processor":null"#,
            r#""post_processor":{"type":"TemplateProcessing","single":[]}"#,
        ),
        expect![[
            r#"t.json: found post_processor: "TemplateProcessing", expected ByteLevel or null"#
        ]],
    );
    check_message(
        with(r#""type":"BPE""#, r#""type":"Unigram""#),
        expect![[r#"t.json: found model: "Unigram", expected one of BPE, WordLevel"#]],
    );
    check_message(
        with(r#""continuing_subword_prefix":null"#, r###""continuing_subword_prefix":"##""###),
        expect![[r###"t.json: found continuing_subword_prefix: "##", expected none"###]],
    );
    check_message(
        with(r#""byte_fallback":false"#, r#""byte_fallback":true"#),
        expect!["t.json: found byte_fallback: true, expected false"],
    );
    check_message(
        with(r#""dropout":null"#, r#""dropout":0.1"#),
        expect!["t.json: found dropout: merges left out at random, expected null"],
    );
    check_message(
        with(r#""padding":null"#, r#""padding":{"direction":"Right"}"#),
        expect!["t.json: found padding: a rule, expected null: it is a batch's affair"],
    );
    check_message(
        with(r#""lstrip":false"#, r#""lstrip":true"#),
        expect![[r#"t.json: found added_tokens: lstrip of "<pad>", expected false"#]],
    );
    check_message(
        with(r#""unk_token":null"#, r#""unk_token":"[UNK]""#),
        expect![[
            r#"t.json: found unk_token: "[UNK]", which is no token, expected a token of the vocabulary"#
        ]],
    );
    check_message(
        with(r#""version":"1.0""#, r#""version":"2.0""#),
        expect![[r#"t.json: found version: "2.0", expected 1.0"#]],
    );
}

#[test]
fn ids_and_merges_must_fit() {
    let read = |vocab: &str, merges: &str, added: &str| {
        let text = format!(
            r#"{{"version":"1.0","added_tokens":[{added}],"model":{{"type":"BPE","vocab":{{{vocab}}},"merges":[{merges}]}}}}"#
        );
        Tokenizer::from_hugging_face(&text, "t.json")
    };
    check_message(
        read(r#""a":0,"b":0"#, "", ""),
        expect![[r#"t.json: found the id 0 for "a" and "b", expected one token for each id"#]],
    );
    check_message(
        read(r#""a":0,"b":2"#, "", ""),
        expect![[
            r#"t.json: found the id 2 of "b", expected ids below 2, one for each of 2 tokens"#
        ]],
    );
    check_message(
        read(r#""a":0,"a":1"#, "", ""),
        expect![[
            r#"t.json: found the token "a" with the ids 0 and 1, expected one id for each token"#
        ]],
    );
    check_message(
        read(r#""a":-1"#, "", ""),
        expect!["t.json: found vocab: -1, expected an integer from 0"],
    );
    check_message(
        read("", "", ""),
        expect!["t.json: found vocab: no token, expected at least one"],
    );
    check_message(
        read(r#""a":0,"b":1"#, r#""a b""#, ""),
        expect![[r#"t.json: found merge 0 of "a" and "b", expected "ab" in the vocabulary"#]],
    );
    check_message(
        read(r#""a":0"#, r#""a b c""#, ""),
        expect!["t.json: found merges: merge 0 of another form, expected two tokens"],
    );
    check_message(
        read(r#""a":0,"b":1"#, "", r#"{"id":0,"content":"b"}"#),
        expect![[
            r#"t.json: found added_tokens: the id 0 for "b", expected 1, as in the vocabulary"#
        ]],
    );
    let plain = read(r#""a":0,"b":1,"ab":2"#, r#"["a","b"]"#, "").unwrap();
    assert_eq!(plain.encode("aba").unwrap(), [2, 0]);
    check_message(
        plain.encode("ab\nc"),
        expect![
            "text, byte 2 (line 1): found '\\n' (U+000A), expected one of the 3 tokens of the vocabulary"
        ],
    );
}
