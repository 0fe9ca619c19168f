//! From a file's bytes to its text, whatever program wrote them: UTF-8, UTF-16, Windows-1252. A small file is decoded whole; of a large one a
//! survey, which holds a piece of it at a time, tells how it is written before anything is made of it.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::Path;

use crate::error::{DataError, Place, Result};

/// How characters are written as bytes.
///
/// ```
/// use gradus_data::Encoding;
/// let mut text = String::new();
/// // What is left over of a piece is part of a character.
/// assert_eq!(Encoding::Utf8.decode(b"gr\xC3\xB6\xC3", &mut text), Ok(4));
/// assert_eq!((text.as_str(), Encoding::Utf16Le.width("grö")), ("grö", 6));
/// assert_eq!(Encoding::Utf8.decode(b"gr\xF6\xDFe", &mut text), Err(2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// What Windows programs of Western Europe and America write: Latin-1, and characters where that has control characters.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le => "UTF-16, low bytes first",
            Encoding::Utf16Be => "UTF-16, high bytes first",
            Encoding::Windows1252 => "Windows-1252 (Latin-1)",
        })
    }
}

impl Encoding {
    /// How many bytes a text takes.
    pub fn width(self, text: &str) -> usize {
        match self {
            Encoding::Utf8 => text.len(),
            Encoding::Utf16Le | Encoding::Utf16Be => text.chars().map(|c| 2 * c.len_utf16()).sum(),
            Encoding::Windows1252 => text.chars().count(),
        }
    }

    /// Appends the whole characters that bytes begin with to a text, and says how many bytes they took.
    ///
    /// # Errors
    /// With the place of the first byte that belongs to no character; what stands before is appended.
    pub fn decode(self, bytes: &[u8], text: &mut String) -> Result<usize, usize> {
        match self {
            Encoding::Utf8 => decode_utf_8(bytes, text),
            Encoding::Utf16Le => decode_utf_16(bytes, u16::from_le_bytes, text),
            Encoding::Utf16Be => decode_utf_16(bytes, u16::from_be_bytes, text),
            Encoding::Windows1252 => {
                for (at, &byte) in bytes.iter().enumerate() {
                    text.push(windows_1252(byte).ok_or(at)?);
                }
                Ok(bytes.len())
            }
        }
    }
}

fn decode_utf_8(bytes: &[u8], text: &mut String) -> Result<usize, usize> {
    let Err(error) = std::str::from_utf8(bytes).map(|whole| text.push_str(whole)) else {
        return Ok(bytes.len());
    };
    let end = error.valid_up_to();
    text.push_str(std::str::from_utf8(&bytes[..end]).expect("valid up to there"));
    if error.error_len().is_none() { Ok(end) } else { Err(end) }
}

type Order = fn([u8; 2]) -> u16;

fn decode_utf_16(bytes: &[u8], order: Order, text: &mut String) -> Result<usize, usize> {
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    let mut at = 0;
    for character in char::decode_utf16(units) {
        match character {
            Ok(c) => {
                text.push(c);
                at += 2 * c.len_utf16();
            }
            // The first half of a pair may go on in what follows.
            Err(half) => {
                let is_last = at + 2 >= bytes.len() & !1 && half.unpaired_surrogate() < 0xDC00;
                return if is_last { Ok(at) } else { Err(at) };
            }
        }
    }
    Ok(at)
}

/// Characters of the bytes from 80 on, which are control characters in Latin-1; a blank is none.
const UPPER: [char; 32] = [
    '€', ' ', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', ' ', 'Ž', ' ', ' ', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', ' ', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> Option<char> {
    match byte {
        0x80..0xA0 => Some(UPPER[usize::from(byte) - 0x80]).filter(|&c| c != ' '),
        _ => Some(char::from(byte)),
    }
}

/// How a file's text is written, and what was noticed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextForm {
    /// How characters are written.
    pub encoding: Encoding,
    /// How many bytes of a byte order mark stand before the text.
    pub mark: usize,
    /// How many bytes the file has.
    pub bytes: u64,
    /// How many lines end.
    pub lines: u64,
    /// How many of them end with a carriage return, too.
    pub crlf: u64,
    /// Where the first NUL character is, which no text holds.
    pub nul: Option<Place>,
    /// What is worth knowing of it, in a sentence.
    pub remark: Option<String>,
}

/// The text of bytes. A byte order mark is taken away. `name` is the file's in errors, `form` what it may be saved as ("CSV").
///
/// ```
/// use gradus_data::{Encoding, decode_text};
/// let (text, form) = decode_text(b"\xFF\xFEh\0i\0", "hi.txt", "plain text")?;
/// assert_eq!((&*text, form.encoding, form.mark), ("hi", Encoding::Utf16Le, 2));
/// let wrong = decode_text(b"gr\xC3\xBCn\nrot\xFF", "t.txt", "plain text").unwrap_err().to_string();
/// assert_eq!(wrong, "t.txt, byte 9 (line 2): found bytes that are not UTF-8, expected UTF-8 text");
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// When the bytes are no text, as [`survey_text`].
pub fn decode_text<'a>(
    bytes: &'a [u8],
    name: &str,
    form: &str,
) -> Result<(Cow<'a, str>, TextForm)> {
    let form = survey_text(&mut &*bytes, name, form)?;
    let rest = &bytes[form.mark..];
    if form.encoding == Encoding::Utf8 {
        let text = std::str::from_utf8(rest).expect("the survey saw all of it");
        return Ok((text.into(), form));
    }
    let mut text = String::with_capacity(rest.len());
    form.encoding.decode(rest, &mut text).expect("the survey saw all of it");
    Ok((text.into(), form))
}

/// What files that are no text begin with, what they are and what helps.
const NO_TEXT: [(&[u8], &str, &str); 5] = [
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "save it as"),
    (b"\xD0\xCF\x11\xE0", "an old Excel workbook", "save it as"),
    (b"\x1F\x8B", "a gzip archive", "unpack it first"),
    (b"PAR1", "a Parquet file", "write it as"),
    (b"\x89HDF", "an HDF5 file", "write it as"),
];

/// So many bytes are looked at to tell what a file is.
const HEAD: usize = 512;

/// So many are held at a time.
const PIECE: usize = 1 << 16;

/// Goes through all bytes of a text and tells how it is written; no more than a piece of it is held. `name` is the file's in errors, `form` what
/// it may be saved as.
///
/// # Errors
/// When the bytes cannot be read, are those of a known format that is no text, are neither UTF-8, UTF-16 nor Windows-1252, or are UTF-8 in
/// one place and Windows-1252 in another.
pub fn survey_text(read: &mut dyn Read, name: &str, form: &str) -> Result<TextForm> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut fill = |piece: &mut Vec<u8>| {
        let room = (PIECE - piece.len()) as u64;
        let read = (&mut *read).take(room).read_to_end(piece);
        read.map_err(DataError::io(Path::new(name), "read the file"))
    };
    fill(&mut piece)?;
    refuse_formats(&piece, name, form)?;
    let (encoding, mark) = opening(&piece[..piece.len().min(HEAD)]);
    let mut survey = Survey::new(name, encoding, mark);
    piece.drain(..mark);
    loop {
        let is_last = piece.len() < PIECE - mark;
        let used = survey.look(&piece, is_last)?;
        piece.drain(..used);
        if is_last {
            return survey.end();
        }
        fill(&mut piece)?;
    }
}

fn refuse_formats(head: &[u8], name: &str, form: &str) -> Result<()> {
    let Some((_, what, remedy)) = NO_TEXT.iter().find(|(start, ..)| head.starts_with(start)) else {
        return Ok(());
    };
    let form = if remedy.ends_with("as") { format!(" {form}") } else { String::new() };
    Err(DataError::malformed(name, Place::Byte(0), *what, format!("text: {remedy}{form}")))
}

/// The encoding that a file's first bytes tell, and how long its mark is; what seems to be UTF-8 may turn out to be Windows-1252.
fn opening(head: &[u8]) -> (Encoding, usize) {
    match head {
        [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
        [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
        _ => (unmarked_utf_16(head).unwrap_or(Encoding::Utf8), 0),
    }
}

/// UTF-16 without a mark shows by its zeros: every other byte of Latin letters, digits and separators is one.
fn unmarked_utf_16(head: &[u8]) -> Option<Encoding> {
    let start = &head[..head.len() & !1];
    let zeros = |first: usize| start[first..].iter().step_by(2).filter(|&&b| b == 0).count();
    let (first, second) = (zeros(0), if start.is_empty() { 0 } else { zeros(1) });
    match start.len() / 4 {
        0 => None,
        most if second > most && first == 0 => Some(Encoding::Utf16Le),
        most if first > most && second == 0 => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// What was seen of a file so far.
struct Survey<'a> {
    name: &'a str,
    form: TextForm,
    /// Whether the character before was a carriage return.
    after_return: bool,
    /// The first byte that is not UTF-8.
    fault: Option<Place>,
    /// Whether longer characters of UTF-8 stand before it.
    wide_before: bool,
    /// The first one after it that is none by chance.
    wide_after: Option<u64>,
    /// Whether there are bytes that no text of one byte a character holds.
    is_binary: bool,
    /// Room for what a piece is decoded to.
    text: String,
}

impl Survey<'_> {
    fn new(name: &str, encoding: Encoding, mark: usize) -> Survey<'_> {
        let bytes = mark as u64;
        let form = TextForm { encoding, mark, bytes, lines: 0, crlf: 0, nul: None, remark: None };
        Survey {
            name,
            form,
            after_return: false,
            fault: None,
            wide_before: false,
            wide_after: None,
            is_binary: false,
            text: String::new(),
        }
    }

    fn here(&self) -> Place {
        Place::InText { byte: self.form.bytes, line: self.form.lines + 1 }
    }

    /// Looks at a piece and says how much of it is done; the rest is part of a character.
    fn look(&mut self, piece: &[u8], is_last: bool) -> Result<usize> {
        if self.form.encoding != Encoding::Utf8 {
            return self.look_at_utf_16(piece, is_last);
        }
        let is_control = |&byte: &u8| byte < b' ' && !b"\t\r\n\x0C".contains(&byte);
        self.is_binary |= piece.iter().any(is_control);
        let mut at = 0;
        while at < piece.len() {
            match std::str::from_utf8(&piece[at..]) {
                Ok(text) => {
                    self.count(text);
                    at = piece.len();
                }
                Err(error) => {
                    let end = at + error.valid_up_to();
                    self.count(std::str::from_utf8(&piece[at..end]).expect("valid up to there"));
                    at = end;
                    let Some(wrong) = error.error_len().or(is_last.then_some(piece.len() - end))
                    else {
                        return Ok(at);
                    };
                    self.fault.get_or_insert(self.here());
                    let own = &piece[end..end + wrong];
                    self.is_binary |= own.iter().any(|&byte| windows_1252(byte).is_none());
                    self.form.bytes += wrong as u64;
                    self.after_return = false;
                    at += wrong;
                }
            }
        }
        Ok(at)
    }

    fn look_at_utf_16(&mut self, piece: &[u8], is_last: bool) -> Result<usize> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let done = self.form.encoding.decode(piece, &mut text);
        self.count(&text);
        self.text = text;
        let (found, expected) = match done {
            Err(_) => ("broken UTF-16", "whole UTF-16"),
            Ok(used) if !is_last || used == piece.len() => return Ok(used),
            Ok(_) => ("half a character of UTF-16 at the end", "whole characters"),
        };
        Err(DataError::malformed(self.name, self.here(), found, expected))
    }

    /// Counts lines in text, and what tells that UTF-8 is no other encoding.
    fn count(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if self.form.nul.is_none() {
            self.form.nul = bytes.iter().position(|&b| b == 0).map(|at| {
                let line = self.form.lines + 1 + newlines(&bytes[..at]);
                let byte = self.form.bytes + self.form.encoding.width(&text[..at]) as u64;
                Place::InText { byte, line }
            });
        }
        if !text.is_ascii() {
            match self.fault {
                None => self.wide_before = true,
                Some(_) => self.look_after_fault(text),
            }
        }
        self.form.lines += newlines(bytes);
        let begins = self.after_return && bytes.first() == Some(&b'\n');
        let within = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
        self.form.crlf += u64::from(begins) + within as u64;
        self.after_return = bytes.last().map_or(self.after_return, |&b| b == b'\r');
        self.form.bytes += self.form.encoding.width(text) as u64;
    }

    /// Longer characters after a fault: in Windows-1252 a letter such as É before a quotation mark looks like one, but hardly Â or Ã before a
    /// sign, or three bytes that fit.
    fn look_after_fault(&mut self, text: &str) {
        let is_meant =
            |&(_, c): &(usize, char)| ('\u{80}'..'\u{100}').contains(&c) || c >= '\u{800}';
        let first = text.char_indices().find(is_meant);
        self.wide_after = self.wide_after.or(first.map(|(at, _)| self.form.bytes + at as u64));
        let mut wide = text.bytes().filter(|byte| !byte.is_ascii());
        self.is_binary |= wide.any(|byte| windows_1252(byte).is_none());
    }

    /// What it all comes to.
    fn end(mut self) -> Result<TextForm> {
        let Some(fault) = self.fault else { return Ok(self.form) };
        let (Place::InText { byte, .. }, false) = (&fault, self.wide_before || self.is_binary)
        else {
            let found = "bytes that are not UTF-8";
            return Err(DataError::malformed(self.name, fault, found, "UTF-8 text"));
        };
        if let Some(wide) = self.wide_after {
            let found =
                format!("bytes that are not UTF-8, and characters that are, from byte {wide} on");
            return Err(DataError::malformed(self.name, fault, found, "one encoding"));
        }
        self.form.remark =
            Some(format!("byte {byte} is no UTF-8: it is read as Windows-1252 (Latin-1)"));
        self.form.encoding = Encoding::Windows1252;
        Ok(self.form)
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::{Encoding, PIECE, Place, decode_text, windows_1252};

    fn read(bytes: &[u8]) -> String {
        decode_text(bytes, "t.csv", "CSV").map_or_else(|e| e.to_string(), |t| t.0.into_owned())
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
        assert_eq!((windows_1252(0x9F), windows_1252(0x81)), (Some('Ÿ'), None));
    }

    #[test]
    fn what_is_no_text() {
        assert!(
            read("é,1\n".as_bytes().iter().chain(b"\xFF").copied().collect::<Vec<_>>().as_slice())
                .ends_with("byte 5 (line 2): found bytes that are not UTF-8, expected UTF-8 text")
        );
        assert!(read(b"\xFF\x01,2").contains("not UTF-8"));
        assert!(read(b"1,\x81").contains("not UTF-8"), "no character");
        assert!(read(b"PK\x03\x04").contains("an Excel workbook, expected text: save it as CSV"));
        assert!(read(b"\x1F\x8B").ends_with("expected text: unpack it first"));
        assert!(read(b"\xFF\xFEa").contains("half a character of UTF-16"));
        assert!(read(b"\xFF\xFEa\0\x00\xD8b\0").contains("byte 4 (line 1): found broken UTF-16"));
        assert_eq!((read(b""), read(b"1")), (String::new(), "1".into()));
    }

    #[test]
    fn two_encodings_in_one_file() {
        let mixed = read(b"caf\xE9 au lait\ncaf\xC3\xA9 noir\n");
        let said = "byte 3 (line 1): found bytes that are not UTF-8, and characters that are, from byte 16 on";
        assert!(mixed.contains(said), "{mixed}");
        // A capital É before a closing quotation mark is UTF-8 by chance.
        assert_eq!(read(b"\xABLIBERT\xC9\xBB, \xE9galit\xE9"), "«LIBERTÉ», égalité");
    }

    /// Characters that lie across two pieces are seen whole, in every encoding.
    #[test]
    fn pieces_are_cut_anywhere() {
        for shift in 0..4 {
            let text = "x".repeat(PIECE - shift) + "\r\n€𝄞\0" + &"é\n".repeat(PIECE);
            let (read, form) = decode_text(text.as_bytes(), "t", "CSV").unwrap();
            assert!(read == text && form.encoding == Encoding::Utf8);
            assert_eq!((form.lines, form.crlf), (1 + PIECE as u64, 1), "{shift}");
            let byte = (PIECE - shift) as u64 + 9;
            assert_eq!(form.nul, Some(Place::InText { byte, line: 2 }));
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
            let (read, form) = decode_text(&bytes, "t", "CSV").unwrap();
            assert!(read == text && form.encoding == Encoding::Utf16Le);
            assert_eq!((form.lines, form.bytes), (1 + PIECE as u64, bytes.len() as u64));
        }
    }
}
