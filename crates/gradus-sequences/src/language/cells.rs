//! What single units keep in mind: those whose value follows something that can be named, such as how far the line has come, and the text coloured
//! by them.   Karpathy, Johnson and Li 2015, arXiv:1506.02078
//!
//! Each quality is a number for each symbol; the unit that follows it is the one whose values correlate with it most, in either direction.

use std::fmt::Write;

use serde::Serialize;

/// A unit and the quality it follows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Which unit of the last layer.
    pub unit: usize,
    /// The quality, in words: `how far the line has come`.
    pub follows: &'static str,
    /// The correlation of both, from -1 to 1.
    pub correlation: f64,
}

/// A quality of a text: a number for each symbol.
type Quality = (&'static str, fn(&[&str]) -> Vec<f64>);

const QUALITIES: &[Quality] = &[
    ("how far the line has come", |texts| since(texts, |text| text.contains('\n'))),
    ("how far the word has come", |texts| since(texts, |text| text.contains(char::is_whitespace))),
    ("how far the sentence has come", |texts| since(texts, |text| text.contains(['.', '?', '!']))),
    ("whether it is within quotes", quoted),
    ("whether it is within brackets", bracketed),
    ("whether letters are capitals", |texts| {
        mean_of(texts, 3, |text| text.chars().any(char::is_uppercase))
    }),
    ("whether a blank line was just left", |texts| {
        let lines: Vec<f64> = since(texts, |text| text.contains('\n'));
        lines
            .iter()
            .enumerate()
            .map(|(at, &n)| f64::from(u8::from(n < 1.0 && at > 0 && lines[at - 1] < 1.0)))
            .collect()
    }),
    ("whether there are digits", |texts| {
        mean_of(texts, 3, |text| text.chars().any(char::is_numeric))
    }),
];

/// How many symbols came since one that is `mark`.
fn since(texts: &[&str], mark: fn(&str) -> bool) -> Vec<f64> {
    let mut count = 0.0;
    let step = |text: &&str| {
        count = if mark(text) { 0.0 } else { count + 1.0 };
        count
    };
    texts.iter().map(step).collect()
}

/// How many of the last few symbols are `such`, as a share.
fn mean_of(texts: &[&str], last: usize, such: fn(&str) -> bool) -> Vec<f64> {
    let is = |text: &&str| f64::from(u8::from(such(text)));
    let windows = (0..texts.len()).map(|at| &texts[at.saturating_sub(last - 1)..=at]);
    windows.map(|window| window.iter().map(is).sum::<f64>() / window.len() as f64).collect()
}

/// 1 between quotation marks, of either kind; a paragraph's end closes them.
fn quoted(texts: &[&str]) -> Vec<f64> {
    let (mut is_open, mut was_break) = (false, false);
    let step = |text: &&str| {
        for c in text.chars() {
            is_open = match c {
                '"' => !is_open,
                '“' | '«' => true,
                '”' | '»' => false,
                '\n' if was_break => false,
                _ => is_open,
            };
            was_break = c == '\n';
        }
        f64::from(u8::from(is_open))
    };
    texts.iter().map(step).collect()
}

/// How deep in brackets.
fn bracketed(texts: &[&str]) -> Vec<f64> {
    let mut depth = 0.0f64;
    let step = |text: &&str| {
        for c in text.chars() {
            match c {
                '(' | '[' | '{' => depth += 1.0,
                ')' | ']' | '}' => depth = (depth - 1.0).max(0.0),
                _ => {}
            }
        }
        depth
    };
    texts.iter().map(step).collect()
}

/// Below it a unit follows nothing.
const LEAST: f64 = 0.3;

/// The unit that follows each quality best, the surest first; those that follow none are not told. `units` are rows of values, one for each text.
///
/// ```
/// use gradus_sequences::language::cells;
/// let texts: Vec<String> = "ab(cd)e(fg)".chars().map(String::from).collect();
/// // The second unit is high within brackets.
/// let units: Vec<f32> = [0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0].iter().flat_map(|&b| [0.5, b as f32]).collect();
/// let found = cells::find(&texts, &units);
/// assert_eq!((found[0].unit, found[0].follows), (1, "whether it is within brackets"));
/// assert!(found[0].correlation > 0.99);
/// ```
pub fn find(texts: &[String], units: &[f32]) -> Vec<Cell> {
    let width = units.len() / texts.len().max(1);
    if width == 0 {
        return vec![];
    }
    let column = |unit: usize| -> Vec<f64> {
        units.iter().skip(unit).step_by(width).map(|&v| f64::from(v)).collect()
    };
    let columns: Vec<Vec<f64>> = (0..width).map(column).collect();
    let words: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut found: Vec<Cell> = vec![];
    for (follows, quality) in QUALITIES {
        let quality = quality(&words);
        let all = columns.iter().map(|column| correlation(column, &quality)).enumerate();
        let best = all.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let best = best.filter(|(_, r)| r.abs() >= LEAST);
        found.extend(best.map(|(unit, correlation)| Cell { unit, follows, correlation }));
    }
    found.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
    found
}

/// Pearson's; 0 where one of both never changes.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa < 1e-12 || bb < 1e-12 { 0.0 } else { ab / (aa * bb).sqrt() }
}

/// A page without scripts: the text once for each unit, its symbols on blue where the unit is high and on red where it is low.
pub fn page(title: &str, texts: &[String], units: &[f32], found: &[Cell]) -> String {
    let width = units.len() / texts.len().max(1);
    let title = escaped(title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\
         body{{font:15px/1.5 Georgia,serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222;background:#fff}}\
         pre{{font:14px/1.45 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;border:1px solid #ddd;padding:1em}}\
         h2{{font-size:1.05em;margin-top:2em}}</style></head>\n<body><h1>{title}</h1>\n\
         <p>Blue: the unit is high after this symbol; red: it is low. The deeper the colour, the further from its middle.</p>\n"
    );
    if found.is_empty() {
        page += "<p>No unit follows any of the qualities that were looked for.</p>\n";
    }
    for cell in found {
        let _ = write!(
            page,
            "<h2>Unit {}: {} (correlation {:+.2})</h2>\n<pre>",
            cell.unit, cell.follows, cell.correlation
        );
        let values: Vec<f32> =
            units.iter().skip(cell.unit).step_by(width.max(1)).copied().collect();
        coloured(&mut page, texts, &values);
        page += "</pre>\n";
    }
    page += "</body></html>\n";
    page
}

/// Writes texts, each on the colour of its value: blue above the middle of all, red below. Neighbours of one colour share a span.
pub(crate) fn coloured(page: &mut String, texts: &[String], values: &[f32]) {
    let (low, high) = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    coloured_around(page, texts, values, (low + high) / 2.0, ((high - low) / 2.0).max(1e-6));
}

/// The same, where white is `middle`, and the deepest colours are `half` above and below it.
pub(crate) fn coloured_around(
    page: &mut String,
    texts: &[String],
    values: &[f32],
    middle: f32,
    half: f32,
) {
    // Eleven shades do: a page of thousands of colours is slow.
    let shade = |v: f32| ((v - middle) / half * 5.0).round() as i32;
    let mut now = None;
    for (text, &value) in texts.iter().zip(values) {
        let depth = shade(value);
        if now != Some(depth) {
            if now.is_some() {
                *page += "</span>";
            }
            let rest = 255 - depth.abs() * 34;
            let (r, g, b) =
                if depth >= 0 { (rest, (255 + rest) / 2, 255) } else { (255, rest, rest) };
            let _ = write!(page, "<span style=\"background:#{r:02x}{g:02x}{b:02x}\">");
            now = Some(depth);
        }
        *page += &escaped(text);
    }
    if now.is_some() {
        *page += "</span>";
    }
}

/// Text as HTML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
