//! Word vectors in lines of text.

use std::io::BufRead;

use gradus_data::{Place, Result, count, quote};

use super::WordVectors;
use super::read::{Kept, line};

/// Whether bytes are text and begin with a line of a word and numbers in digits.
pub(super) fn begins(head: &[u8]) -> bool {
    let is_control = |&byte: &u8| byte < b' ' && !b"\t\r\n".contains(&byte);
    let is_cut = |error: std::str::Utf8Error| error.error_len().is_none();
    if head.iter().any(is_control) || !std::str::from_utf8(head).map_or_else(is_cut, |_| true) {
        return false;
    }
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let fields = line.split(|byte| b" \t\r".contains(byte)).filter(|field| !field.is_empty());
    let mut numbers: Vec<&[u8]> = fields.skip(1).collect();
    // The last one of a line that is cut may be half a number.
    if line.len() == head.len() && numbers.len() > 1 {
        numbers.pop();
    }
    let number = |field: &[u8]| std::str::from_utf8(field).is_ok_and(|f| f.parse::<f32>().is_ok());
    !numbers.is_empty() && numbers.into_iter().all(number)
}

/// Gathers the vectors of a first line and those behind it; with `said` the file's head has told how many there are.
pub(super) fn gather(
    mut from: impl BufRead,
    first: Vec<u8>,
    mut kept: Kept,
    said: Option<u64>,
) -> Result<WordVectors> {
    let mut number = 1 + u64::from(said.is_some());
    let mut own = first;
    loop {
        if !own.iter().all(u8::is_ascii_whitespace) {
            vector(&own, number, &mut kept, said.is_some())?;
        }
        number += 1;
        if line(&mut from, &mut own, kept.name)? == 0 {
            break;
        }
    }
    match said {
        _ if kept.seen == 0 => Err(kept.wrong(Place::Whole, "no word", "at least one vector")),
        Some(words) if words != kept.seen => {
            let expected = format!("{words}, as the first line says");
            Err(kept.wrong(Place::Whole, count(kept.seen as usize, "word"), expected))
        }
        _ => Ok(kept.vectors),
    }
}

/// Takes a line: a word and its numbers.
fn vector(line: &[u8], number: u64, kept: &mut Kept, is_counted: bool) -> Result<()> {
    let at = || Place::Line(number);
    let text = std::str::from_utf8(line)
        .map_err(|_| kept.wrong(at(), "bytes that are not UTF-8", "a word and numbers"))?;
    let text = text.trim_end_matches([' ', '\t']);
    let mut fields: Vec<&str> = text.split([' ', '\t']).collect();
    if kept.vectors.width == 0 {
        kept.vectors.width = fields.len() - 1;
    }
    let width = kept.vectors.width;
    let blanks = fields.len().saturating_sub(width + 1);
    // A word may hold blanks; if what is too much is numbers, the line is too long.
    let is_word =
        blanks > 0 && !fields[1..=blanks].iter().all(|field| field.parse::<f32>().is_ok());
    if width == 0 || fields.len() < width + 1 || blanks > 0 && !is_word {
        let found = format!("{} for {}", count(fields.len() - 1, "number"), quote(fields[0]));
        let of = if is_counted { "as the first line says" } else { "as for the first word" };
        let expected =
            if width == 0 { "a word and numbers".into() } else { format!("{width}, {of}") };
        return Err(kept.wrong(at(), found, expected));
    }
    let numbers = fields.split_off(1 + blanks);
    let word = fields.join(" ");
    kept.seen += 1;
    if !kept.wants(&word) {
        return Ok(());
    }
    for field in numbers {
        match field.parse::<f32>() {
            Ok(value) if value.is_finite() => kept.vectors.values.push(value),
            _ => {
                let found = format!("{} for {}", quote(field), quote(&word));
                return Err(kept.wrong(at(), found, "finite numbers"));
            }
        }
    }
    kept.keep(&word, at())
}
