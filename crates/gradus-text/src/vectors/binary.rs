//! Word vectors in word2vec's binary form: a word, a blank, the numbers in four bytes each, the low byte first.

use std::io::{BufRead, Read};
use std::path::Path;

use gradus_data::{DataError, Place, Result, count, quote};

use super::WordVectors;
use super::read::Kept;

/// Longer words than this are no words.
const MOST_WORD: u64 = 1 << 12;

/// Gathers the vectors behind the head of so many bytes, which says how many there are.
pub(super) fn gather(
    mut from: impl BufRead,
    mut kept: Kept,
    words: u64,
    head: u64,
) -> Result<WordVectors> {
    let width = kept.vectors.width;
    let mut at = head;
    let mut bytes = vec![];
    for number in 0..words {
        let word = word(&mut from, &mut at, number, words, &kept)?;
        bytes.clear();
        let read = (&mut from).take(4 * width as u64).read_to_end(&mut bytes);
        read.map_err(DataError::io(Path::new(kept.name), "read the file"))?;
        if bytes.len() < 4 * width {
            let found =
                format!("{} of {} for {}", bytes.len(), count(4 * width, "byte"), quote(&word));
            return Err(kept.wrong(Place::Byte(at), found, "whole vectors"));
        }
        let begin = Place::Byte(at);
        at += bytes.len() as u64;
        kept.seen += 1;
        if !kept.wants(&word) {
            continue;
        }
        for value in bytes.chunks_exact(4) {
            let value = f32::from_le_bytes([value[0], value[1], value[2], value[3]]);
            if !value.is_finite() {
                let found = format!("{value} for {}", quote(&word));
                return Err(kept.wrong(begin, found, "finite numbers"));
            }
            kept.vectors.values.push(value);
        }
        kept.keep(&word, begin)?;
    }
    let rest = from.fill_buf().map_err(DataError::io(Path::new(kept.name), "read the file"))?;
    if !rest.iter().all(|byte| b"\r\n ".contains(byte)) {
        let expected =
            format!("the end, after {} as the first line says", count(words as usize, "word"));
        return Err(kept.wrong(Place::Byte(at), "more bytes", expected));
    }
    match kept.seen {
        0 => Err(kept.wrong(Place::Whole, "no word", "at least one vector")),
        _ => Ok(kept.vectors),
    }
}

/// The next word, with the blank behind it; a newline may stand before it.
fn word(
    from: &mut impl BufRead,
    at: &mut u64,
    number: u64,
    words: u64,
    kept: &Kept,
) -> Result<String> {
    let mut word = vec![];
    let read = from.take(MOST_WORD).read_until(b' ', &mut word);
    read.map_err(DataError::io(Path::new(kept.name), "read the file"))?;
    let begin = || Place::Byte(*at);
    let own = match word.strip_suffix(b" ") {
        Some(own) => own.strip_prefix(b"\n").unwrap_or(own),
        None => {
            let found =
                if word.len() as u64 == MOST_WORD { "a longer one" } else { "the end of the file" };
            let expected = format!("word {} of {words} and a blank", number + 1);
            return Err(kept.wrong(begin(), found, expected));
        }
    };
    let text = std::str::from_utf8(own).ok().filter(|text| !text.is_empty());
    let text = text.map(str::to_owned).ok_or_else(|| {
        let found = if own.is_empty() { "no character" } else { "bytes that are not UTF-8" };
        kept.wrong(begin(), found, format!("word {} of {words}", number + 1))
    })?;
    *at += word.len() as u64;
    Ok(text)
}
