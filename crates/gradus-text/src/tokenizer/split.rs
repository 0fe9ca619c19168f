//! Where a text falls into pieces that no token crosses. Every rule goes from left to right and looks at most three characters ahead, so that a text
//! that comes in chunks falls into the same pieces.

use super::classes::{is_letter, is_mark, is_number, is_word};

/// A rule by which a text falls into pieces.
///
/// ```
/// use gradus_text::Splitter;
/// let text = "It's 3.5 °C, isn’t it?\n";
/// let pieces = |rule: Splitter| rule.pieces(text).collect::<Vec<_>>().join("|");
/// assert_eq!(pieces(Splitter::Words), "It's|3.5|°|C|,|isn’t|it|?");
/// assert_eq!(pieces(Splitter::Blanks), "It's|3.5|°C,|isn’t|it?");
/// assert_eq!(pieces(Splitter::Classes), "It|'|s|3|.|5|°|C|,|isn|’|t|it|?");
/// assert_eq!(pieces(Splitter::Gpt2), "It|'s| 3|.|5| °|C|,| isn|’|t| it|?|\n");
/// assert_eq!(pieces(Splitter::None), text);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Splitter {
    /// The text is one piece.
    None,
    /// Words and signs. A word is a run of letters, marks, numbers and underscores; an apostrophe between letters and a point or comma between
    /// digits belong to it. Every other character is a piece of its own, and blanks are none.
    Words,
    /// What is between blanks.
    Blanks,
    /// Runs of letters, marks, digits and underscores, and runs of anything else but blanks.
    Classes,
    /// GPT-2's: English endings after an apostrophe, runs of letters, of numbers and of other signs, each with a blank before it, and runs
    /// of blanks. Nothing is left out.   Radford et al. 2019, as their program has it
    Gpt2,
}

impl Splitter {
    /// The pieces of a text, in order.
    pub fn pieces(self, text: &str) -> impl Iterator<Item = &str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let (start, end) = self.first(rest)?;
            let piece = &rest[start..end];
            rest = &rest[end..];
            Some(piece)
        })
    }

    /// Where the first piece of a text is, if there is one.
    pub(super) fn first(self, text: &str) -> Option<(usize, usize)> {
        let start = match self {
            Splitter::None | Splitter::Gpt2 => 0,
            _ => text.len() - text.trim_start().len(),
        };
        let rest = &text[start..];
        let c = rest.chars().next()?;
        let len = match self {
            Splitter::None => rest.len(),
            Splitter::Words if is_of_word(c) => word(rest),
            Splitter::Words => c.len_utf8(),
            Splitter::Blanks => run(rest, |c| !c.is_whitespace()),
            Splitter::Classes if is_word(c) => run(rest, is_word),
            Splitter::Classes => run(rest, |c| !is_word(c) && !c.is_whitespace()),
            Splitter::Gpt2 => gpt2(rest),
        };
        Some((start, start + len))
    }
}

/// How many bytes the characters take that a text begins with and that are of a kind.
fn run(text: &str, is_of_kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_of_kind(c)).unwrap_or(text.len())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || is_mark(c)
}

/// A word, of which the first character is known to be one.
fn word(text: &str) -> usize {
    let mut end = run(text, is_of_word);
    while let Some(joint) = text[end..].chars().next() {
        let before = text[..end].chars().next_back().unwrap_or(' ');
        let after = text[end + joint.len_utf8()..].chars().next().unwrap_or(' ');
        let is_joined = match joint {
            '\'' | '’' => before.is_alphabetic() && after.is_alphabetic(),
            '.' | ',' => before.is_numeric() && after.is_numeric(),
            _ => false,
        };
        if !is_joined {
            break;
        }
        end += joint.len_utf8();
        end += run(&text[end..], is_of_word);
    }
    end
}

/// English endings that are pieces of their own.
const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

fn gpt2(text: &str) -> usize {
    if let Some(ending) = ENDINGS.iter().find(|ending| text.starts_with(**ending)) {
        return ending.len();
    }
    let blank = usize::from(text.starts_with(' '));
    let after = &text[blank..];
    let is_sign = |c: char| !c.is_whitespace() && !is_letter(c) && !is_number(c);
    for len in [run(after, is_letter), run(after, is_number), run(after, is_sign)] {
        if len > 0 {
            return blank + len;
        }
    }
    // Blanks: the last one before anything else is left to it.
    let blanks = run(text, char::is_whitespace);
    let last = text[..blanks].chars().next_back().map_or(0, char::len_utf8);
    if blanks == text.len() || blanks == last { blanks } else { blanks - last }
}

#[cfg(test)]
mod tests {
    use super::Splitter;

    #[test]
    fn gpt2_by_its_rule() {
        let pieces = |text: &str| Splitter::Gpt2.pieces(text).collect::<Vec<_>>().join("|");
        assert_eq!(
            pieces("Hello  it's\n\n x 12a '’re  "),
            "Hello| | it|'s|\n\n| x| 12|a| '’|re|  "
        );
        assert_eq!(pieces("a\u{A0}b \tc\n"), "a|\u{A0}|b| |\t|c|\n");
        assert_eq!(pieces("we'LL 've'll"), "we|'|LL| '|ve|'ll");
        assert_eq!(pieces("नमस्ते x̂²Ⅳ①Ⓐ"), "नमस|्|त|े| x|̂|²Ⅳ①|Ⓐ");
        assert_eq!(pieces(""), "");
    }

    #[test]
    fn words_and_signs() {
        let pieces = |text: &str| Splitter::Words.pieces(text).collect::<Vec<_>>().join("|");
        assert_eq!(
            pieces("l'été 1,000.50 'tis dogs' snake_case"),
            "l'été|1,000.50|'|tis|dogs|'|snake_case"
        );
        assert_eq!(pieces("नमस्ते … (e.g. 3.)"), "नमस्ते|…|(|e|.|g|.|3|.|)");
        assert_eq!(pieces(" \t\n"), "");
    }
}
