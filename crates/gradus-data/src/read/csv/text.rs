//! From a file's bytes to its text, whatever program wrote them: UTF-8, UTF-16, Windows-1252.

use std::borrow::Cow;

use crate::error::{DataError, Place, Result};

/// A file's text, and what was noticed of how it is written.
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) remark: Option<String>,
}

/// What files that are no text begin with, and what they are.
const NO_TEXT: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook, expected text: save it as CSV"),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook, expected text: save it as CSV"),
    (b"\x1F\x8B", "a gzip archive, expected text: unpack it first"),
    (b"PAR1", "a Parquet file, expected text: write it as CSV"),
    (b"\x89HDF", "an HDF5 file, expected text: write it as CSV"),
];

/// The text of bytes; `name` is the file's in errors. A byte order mark is taken away.
pub(super) fn decode<'a>(bytes: &'a [u8], name: &str) -> Result<Text<'a>> {
    if let Some((_, what)) = NO_TEXT.iter().find(|(start, _)| bytes.starts_with(start)) {
        let (found, expected) = what.split_once(", expected ").expect("both are in each line");
        return Err(DataError::malformed(name, Place::Byte(0), found, expected));
    }
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf_16(rest, u16::from_le_bytes, name),
        [0xFE, 0xFF, rest @ ..] => utf_16(rest, u16::from_be_bytes, name),
        _ => match unmarked_utf_16(bytes) {
            Some(order) => utf_16(bytes, order, name),
            None => one_byte_wise(bytes, name),
        },
    }
}

type Order = fn([u8; 2]) -> u16;

/// UTF-16 without a mark shows by its zeros: every other byte of Latin letters, digits and separators is one.
fn unmarked_utf_16(bytes: &[u8]) -> Option<Order> {
    let start = &bytes[..bytes.len().min(512) & !1];
    let zeros = |first: usize| start[first..].iter().step_by(2).filter(|&&b| b == 0).count();
    let (first, second) = (zeros(0), if start.is_empty() { 0 } else { zeros(1) });
    match start.len() / 4 {
        0 => None,
        most if second > most && first == 0 => Some(u16::from_le_bytes),
        most if first > most && second == 0 => Some(u16::from_be_bytes),
        _ => None,
    }
}

fn utf_16<'a>(bytes: &[u8], order: Order, name: &str) -> Result<Text<'a>> {
    let end = bytes.len() as u64;
    if !bytes.len().is_multiple_of(2) {
        let found = "half a character of UTF-16 at the end";
        return Err(DataError::malformed(name, Place::Byte(end), found, "two bytes for each"));
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units)
        .map_err(|_| DataError::malformed(name, Place::Whole, "broken UTF-16", "whole UTF-16"))?;
    Ok(Text { text: text.into(), remark: None })
}

/// UTF-8, or else what Windows programs of Western Europe and America write.
fn one_byte_wise<'a>(bytes: &'a [u8], name: &str) -> Result<Text<'a>> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
            return Ok(Text { text: text.into(), remark: None });
        }
        Err(error) => error,
    };
    let at = error.valid_up_to();
    let is_control = |&byte: &u8| byte < b' ' && !b"\t\r\n\x0C".contains(&byte);
    // Where longer characters were right before, this is UTF-8 with a fault; control characters are in no text.
    let characters = bytes.iter().map(|&byte| windows_1252(byte)).collect::<Option<String>>();
    match characters.filter(|_| bytes[..at].is_ascii() && !bytes.iter().any(is_control)) {
        Some(text) => {
            let remark = format!("byte {at} is no UTF-8: it is read as Windows-1252 (Latin-1)");
            Ok(Text { text: text.into(), remark: Some(remark) })
        }
        None => {
            let (at, found) = (Place::Byte(at as u64), "bytes that are not UTF-8");
            Err(DataError::malformed(name, at, found, "UTF-8 text"))
        }
    }
}

/// Characters of the bytes from 80 on, which are control characters in Latin-1; a blank is none.
const UPPER: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

fn windows_1252(byte: u8) -> Option<char> {
    match byte {
        0x80..0xA0 => UPPER.chars().nth(usize::from(byte) - 0x80).filter(|&c| c != ' '),
        _ => Some(char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::{UPPER, decode, windows_1252};

    fn read(bytes: &[u8]) -> String {
        decode(bytes, "t.csv").map_or_else(|e| e.to_string(), |text| text.text.into_owned())
    }

    #[test]
    fn one_text_in_all_encodings() {
        let text = "a,größe\n1,€\n";
        let units = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        let (le, be) = (units(u16::to_le_bytes), units(u16::to_be_bytes));
        assert_eq!(read(&[&[0xFF, 0xFE][..], &le].concat()), text);
        assert_eq!(read(&[&[0xFE, 0xFF][..], &be].concat()), text);
        assert_eq!((read(&le), read(&be)), (text.into(), text.into()));
        assert_eq!(read(text.as_bytes()), text);
        assert_eq!(read(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()), text);
        assert_eq!(read(b"a,gr\xF6\xDFe\n1,\x80\n"), text);
        assert_eq!((UPPER.chars().count(), windows_1252(0x9F)), (32, Some('Ÿ')));
    }

    #[test]
    fn what_is_no_text() {
        assert!(
            read("é,1\n".as_bytes().iter().chain(b"\xFF").copied().collect::<Vec<_>>().as_slice())
                .ends_with("byte 5: found bytes that are not UTF-8, expected UTF-8 text")
        );
        assert!(read(b"\xFF\x01,2").contains("not UTF-8"));
        assert!(read(b"1,\x81").contains("not UTF-8"), "no character");
        assert!(read(b"PK\x03\x04").contains("an Excel workbook, expected text: save it as CSV"));
        assert!(read(b"\xFF\xFEa").contains("half a character of UTF-16"));
        assert!(read(b"\xFF\xFE\x00\xD8").contains("broken UTF-16"));
        assert_eq!((read(b""), read(b"1")), (String::new(), "1".into()));
    }
}
