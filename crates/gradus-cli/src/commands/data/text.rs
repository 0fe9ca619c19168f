//! What a text holds: what `gradus train char-lstm` would learn from.

use crate::bars::{counted, grouped};
use crate::error::{Result, shell_word};
use gradus::data::{CsvOptions, read_file, summarize_csv};
use gradus::io::visible;
use gradus::text::{LineEnds, Text, parse_text};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The endings of files of texts.
const ENDINGS: &[&str] = &["txt", "text", "md", "rst", "tex"];
/// So many lines are shown.
const SHOWN: usize = 3;
/// Letters of a line that is shown.
const WIDEST: usize = 80;

/// The text of a file that is called as texts are, unless it is a table of several columns.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn of(path: &str) -> Result<Option<Text>> {
    let file = Path::new(path);
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if !(file.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&&*ending))) {
        return Ok(None);
    }
    let bytes = read_file(file)?;
    let table = summarize_csv(&bytes, path, &CsvOptions::default());
    if table.is_ok_and(|table| table.columns.len() > 1 && table.misfits == 0) {
        return Ok(None);
    }
    Ok(Some(parse_text(&bytes, path, LineEnds::Keep)?))
}

/// Shows it.
pub fn show(path: &str, text: &Text, as_json: bool) -> Result<()> {
    let mut counts = BTreeMap::<char, u64>::new();
    text.text.chars().for_each(|c| *counts.entry(c).or_default() += 1);
    let characters: u64 = counts.values().sum();
    let (lines, words) = (text.text.lines().count(), text.text.split_whitespace().count());
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{path}: a text of {}, {} that differ, {}, {}",
        counted(characters, "character"),
        grouped(counts.len() as u64),
        counted(words as u64, "word"),
        counted(lines as u64, "line"),
    )?;
    for remark in &text.remarks {
        writeln!(out, "remark: {remark}")?;
    }
    let all: String = counts.keys().collect();
    writeln!(out, "\ncharacters     {}", visible(&all))?;
    let filled = text.text.lines().filter(|line| !line.trim().is_empty());
    for line in filled.take(SHOWN) {
        let short: String = line.chars().take(WIDEST).collect();
        writeln!(out, "               {}", visible(&short))?;
    }
    writeln!(out, "next           gradus train char-lstm --data {}", shell_word(Path::new(path)))?;
    if as_json {
        let record = json!({
            "data": path, "kind": "text", "characters": characters, "symbols": counts.len(), "words": words, "lines": lines,
            "remarks": text.remarks,
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}
