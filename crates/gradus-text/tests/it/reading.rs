//! Files as text: every encoding, whole and in chunks of any size, and what is refused.

use std::fs;

use expect_test::expect;
use gradus_text::{Encoding, LineEnds, TextFile, parse_text, read_text};
use proptest::prelude::*;

use crate::check_message;

#[test]
fn messages() {
    let read = |bytes: &[u8]| parse_text(bytes, "t.txt", LineEnds::Keep);
    check_message(read(b""), expect!["t.txt: found an empty file, expected text"]);
    check_message(read(b"\xEF\xBB\xBF"), expect!["t.txt: found an empty file, expected text"]);
    check_message(
        read(b"one\ntwo\0three"),
        expect!["t.txt, byte 7 (line 2): found a NUL character, expected text"],
    );
    check_message(
        read(b"PK\x03\x04abc"),
        expect![
            "t.txt, byte 0: found a ZIP archive or an Excel workbook, expected text: save it as plain text"
        ],
    );
    check_message(
        read("grün\n".bytes().chain(*b"gr\xFCn").collect::<Vec<_>>().as_slice()),
        expect!["t.txt, byte 8 (line 2): found bytes that are not UTF-8, expected UTF-8 text"],
    );
    check_message(
        read(b"\x7FELF\x02\x01\x01\xFF\x00"),
        expect!["t.txt, byte 7 (line 1): found bytes that are not UTF-8, expected UTF-8 text"],
    );
    check_message(
        read(b"\xFF\xFEa\0\n\0\x00\xDCb\0"),
        expect!["t.txt, byte 6 (line 2): found broken UTF-16, expected whole UTF-16"],
    );
    let folder = tempfile::tempdir().unwrap();
    let error = read_text(folder.path(), LineEnds::Keep).unwrap_err().to_string();
    assert!(error.ends_with("found a folder, expected a regular file"), "{error}");
    let file = folder.path().join("t.txt");
    fs::write(&file, "abc").unwrap();
    let file = TextFile::open(&file, LineEnds::Keep).unwrap();
    check_message(
        file.chunks(10, Some(4)).map(|_| ()),
        expect!["chunks: found byte 4, expected at most 3, the bytes of the file"],
    );
}

/// A file that is shorter when it is read than when it was opened is no file that ends.
#[test]
fn a_file_that_changes_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.txt");
    fs::write(&path, "a".repeat(100)).unwrap();
    let file = TextFile::open(&path, LineEnds::Keep).unwrap();
    fs::write(&path, "a".repeat(50)).unwrap();
    let all: Vec<_> = file.chunks(40, None).unwrap().collect();
    let error = all.last().unwrap().as_ref().unwrap_err().to_string();
    assert!(
        error.ends_with("byte 40: found other bytes than when it was opened, expected the same"),
        "{error}"
    );
    assert_eq!(all.len(), 2);
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    let units = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let marked = std::iter::once(0xFEFF).chain(text.encode_utf16());
        marked.flat_map(order).collect()
    };
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => units(u16::to_le_bytes),
        Encoding::Utf16Be => units(u16::to_be_bytes),
        Encoding::Windows1252 => text.chars().map(|c| u8::try_from(c as u32).unwrap()).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Chunks of any size are the text, in every encoding, with every treatment of line ends; each begins where it says.
    #[test]
    fn chunks_are_the_text(
        text in "([a-zéß]|\r\n|\n|\r){1,60}[ü]",
        wide in any::<bool>(),
        kind in 0usize..4,
        bytes in 1usize..40,
        newline in any::<bool>(),
    ) {
        let encoding =
            [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252][kind];
        let text = if wide && kind < 3 { format!("𝄞{text}€") } else { text };
        let line_ends = if newline { LineEnds::Newline } else { LineEnds::Keep };
        let bytes_of_file = encoded(&text, encoding);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.txt");
        fs::write(&path, &bytes_of_file).unwrap();
        let expected = if newline { text.replace("\r\n", "\n") } else { text.clone() };
        let whole = read_text(&path, line_ends).unwrap();
        prop_assert_eq!(&whole.text, &expected);
        prop_assert_eq!(whole.form.encoding, encoding);
        let file = TextFile::open(&path, line_ends).unwrap();
        prop_assert_eq!(file.remarks(), whole.remarks);
        let chunks: Vec<_> = file.chunks(bytes, None).unwrap().map(Result::unwrap).collect();
        let joined: String = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        prop_assert_eq!(&joined, &expected);
        for (place, chunk) in chunks.iter().enumerate() {
            let rest: String = chunks[place..].iter().map(|chunk| chunk.text.as_str()).collect();
            let again: String = file.chunks(7, Some(chunk.at)).unwrap().map(|c| c.unwrap().text).collect();
            prop_assert_eq!(rest, again);
        }
    }
}
