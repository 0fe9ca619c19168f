//! Word vectors in their three formats, and what is refused.

use expect_test::expect;
use gradus_text::{Vocabulary, WordVectors};
use proptest::prelude::*;

use crate::check_message;

fn binary(words: &[(&str, Vec<f32>)], newlines: bool) -> Vec<u8> {
    let width = words.first().map_or(1, |(_, values)| values.len());
    let mut bytes = format!("{} {width}\n", words.len()).into_bytes();
    for (word, values) in words {
        bytes.extend(word.bytes().chain([b' ']));
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(newlines.then_some(b'\n'));
    }
    bytes
}

fn lines(words: &[(&str, Vec<f32>)]) -> String {
    let line = |(word, values): &(&str, Vec<f32>)| {
        let numbers = values.iter().map(|value| format!(" {value}"));
        format!("{word}{}\n", numbers.collect::<String>())
    };
    words.iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// One set of vectors is the same in every format, whole or for a vocabulary, out of bytes or a file.
    #[test]
    fn one_set_in_all_formats(width in 1usize..5, values in prop::collection::vec(-1e30f32..1e30, 12)) {
        let names = ["the", "größe", "<unk>"];
        let words: Vec<(&str, Vec<f32>)> = names
            .into_iter()
            .zip(values.chunks(4))
            .map(|(name, values)| (name, values[..width].to_vec()))
            .collect();
        let plain = lines(&words);
        let counted = format!("3 {width}\r\n{}", plain.replace('\n', " \r\n"));
        let files = [plain.into_bytes(), counted.into_bytes(), binary(&words, true), binary(&words, false)];
        let only = Vocabulary::new(["größe", "none"], &[]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (number, bytes) in files.iter().enumerate() {
            let all = WordVectors::parse(bytes, "v", None).unwrap();
            prop_assert_eq!(all.words(), names, "{}", number);
            for (word, values) in &words {
                prop_assert_eq!(all.get(word), Some(&values[..]));
            }
            let path = folder.path().join("v");
            std::fs::write(&path, bytes).unwrap();
            prop_assert_eq!(&WordVectors::read(&path, None).unwrap(), &all);
            let some = WordVectors::read(&path, Some(&only)).unwrap();
            prop_assert_eq!(some.words(), ["größe"]);
            let (rows, coverage) = some.rows(&only);
            prop_assert_eq!(&rows[..width], &words[1].1[..]);
            prop_assert_eq!((coverage.found, rows.len()), (1, 2 * width));
        }
    }
}

#[test]
fn a_word_may_hold_blanks() {
    let read = WordVectors::parse(b"a 1 2\n. . . 3 4\n1 5 6\n", "v.txt", None).unwrap();
    assert_eq!(read.words(), ["a", ". . .", "1"]);
    assert_eq!(read.get(". . ."), Some(&[3.0, 4.0][..]));
}

#[test]
fn messages() {
    let read = |bytes: &[u8]| WordVectors::parse(bytes, "v.txt", None);
    check_message(read(b""), expect!["v.txt: found no word, expected at least one vector"]);
    check_message(
        read(b"alone\n"),
        expect![[r#"v.txt, line 1: found 0 numbers for "alone", expected a word and numbers"#]],
    );
    check_message(
        read(b"a 1 2\nb 1 2 3\n"),
        expect![[r#"v.txt, line 2: found 3 numbers for "b", expected 2, as for the first word"#]],
    );
    check_message(
        read(b"2 3\na 1 2 3\nb 1 2\n"),
        expect![[r#"v.txt, line 3: found 2 numbers for "b", expected 3, as the first line says"#]],
    );
    check_message(
        read(b"a 1 x\n"),
        expect![[r#"v.txt, line 1: found "x" for "a", expected finite numbers"#]],
    );
    check_message(
        read(b"a 1\n\xFF 2\n"),
        expect!["v.txt, line 2: found bytes that are not UTF-8, expected a word and numbers"],
    );
    check_message(
        read(b"9 0\na 1\n"),
        expect!["v.txt, line 1: found width 0, expected 1 to 1048576"],
    );
    let whole = binary(&[("a", vec![1.5, 2.5]), ("b", vec![f32::INFINITY, 0.0])], true);
    check_message(
        read(&whole),
        expect![[r#"v.txt, byte 17: found inf for "b", expected finite numbers"#]],
    );
    check_message(
        read(&whole[..22]),
        expect![[r#"v.txt, byte 17: found 5 of 8 bytes for "b", expected whole vectors"#]],
    );
    check_message(
        read(&whole[..14]),
        expect!["v.txt, byte 14: found the end of the file, expected word 2 of 2 and a blank"],
    );
    let twice = binary(&[("a", vec![1.5, 2.5]), ("a", vec![1.5, 2.5])], false);
    check_message(
        read(&twice),
        expect![[r#"v.txt, byte 16: found "a" again, expected each word once"#]],
    );
    let more = [binary(&[("a", vec![1.5, 2.5])], true), b"b ".to_vec()].concat();
    check_message(
        read(&more),
        expect![
            "v.txt, byte 14: found more bytes, expected the end, after 1 word as the first line says"
        ],
    );
}
