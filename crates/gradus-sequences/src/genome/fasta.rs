//! Labelled sequences of nucleotides from FASTA.   Pearson and Lipman 1988; the codes are IUPAC's of 1970

use gradus_data::{DataError, Place, Result, quote};

/// A sequence: its name, its label and its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first word of the header.
    pub name: String,
    /// The label, if the header has one.
    pub label: Option<String>,
    /// A [`code`] for each nucleotide.
    pub codes: Vec<u8>,
}

/// The letters that are known, and which of A, C, G and T each may stand for. The first is nothing: a gap, or what is behind a sequence's end.
pub const LETTERS: [(u8, [bool; 4]); 16] = {
    const fn of(letter: u8, bases: u8) -> (u8, [bool; 4]) {
        (letter, [bases & 1 != 0, bases & 2 != 0, bases & 4 != 0, bases & 8 != 0])
    }
    [
        of(b'-', 0),
        of(b'A', 1),
        of(b'C', 2),
        of(b'G', 4),
        of(b'T', 8),
        of(b'R', 1 | 4),
        of(b'Y', 2 | 8),
        of(b'S', 2 | 4),
        of(b'W', 1 | 8),
        of(b'K', 4 | 8),
        of(b'M', 1 | 2),
        of(b'B', 2 | 4 | 8),
        of(b'D', 1 | 4 | 8),
        of(b'H', 1 | 2 | 8),
        of(b'V', 1 | 2 | 4),
        of(b'N', 15),
    ]
};

/// The number of a letter in [`LETTERS`], small or large; U is T, and a point is a gap.
pub fn code(letter: u8) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        b'U' => b'T',
        b'.' => b'-',
        letter => letter,
    };
    LETTERS.iter().position(|(own, _)| *own == letter).map(|at| at as u8)
}

/// The codes of a sequence's letters; blanks are passed over.
///
/// # Errors
/// When a letter stands for no nucleotide.
pub fn codes(text: &str, name: &str, line: u64) -> Result<Vec<u8>> {
    let letters = text.chars().filter(|c| !c.is_whitespace());
    let known = |c: char| u8::try_from(c).ok().and_then(code);
    letters
        .map(|c| {
            known(c).ok_or_else(|| {
                let expected = "a letter of nucleotides: A, C, G, T or U, or one of RYSWKMBDHVN and - for what is not known";
                DataError::malformed(name, Place::Line(line), quote(&c.to_string()), expected)
            })
        })
        .collect()
}

/// All sequences of a text of FASTA. A header's label is what follows `label=` or `class=`, or else its last word behind the name, with blanks or bars between
/// words.
///
/// ```
/// use gradus_sequences::genome::parse_fasta;
/// let all = parse_fasta(">one donor\nACGT\nacgu\n>two|acceptor\nNNGT\n", "t.fa")?;
/// assert_eq!((all[0].name.as_str(), all[0].label.as_deref(), all[0].codes.len()), ("one", Some("donor"), 8));
/// assert_eq!(all[1].label.as_deref(), Some("acceptor"));
/// let wrong = parse_fasta(">one donor\nACXT\n", "t.fa").unwrap_err().to_string();
/// assert!(wrong.starts_with("t.fa, line 2: found \"X\", expected a letter of nucleotides"), "{wrong}");
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// When the text does not begin with a header, a sequence is empty or a letter stands for no nucleotide.
pub fn parse_fasta(text: &str, name: &str) -> Result<Vec<Entry>> {
    let wrong = |line, found: &str, expected: &str| {
        DataError::malformed(name, Place::Line(line), found, expected)
    };
    let mut entries: Vec<(u64, Entry)> = vec![];
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if let Some(header) = text.strip_prefix('>') {
            if let Some((at, last)) = entries.last()
                && last.codes.is_empty()
            {
                return Err(wrong(
                    *at,
                    "a header without a sequence",
                    "letters of nucleotides below it",
                ));
            }
            entries.push((line, entry(header)));
        } else if !(text.is_empty() || text.starts_with(';')) {
            let Some((_, last)) = entries.last_mut() else {
                return Err(wrong(
                    line,
                    &quote(text),
                    "a header, >NAME LABEL, before the first sequence",
                ));
            };
            last.codes.extend(codes(text, name, line)?);
        }
    }
    match entries.last() {
        None => Err(DataError::malformed(
            name,
            Place::Whole,
            "no sequence",
            "FASTA: headers, >NAME LABEL, and sequences",
        )),
        Some((at, last)) if last.codes.is_empty() => {
            Err(wrong(*at, "a header without a sequence", "letters of nucleotides below it"))
        }
        Some(_) => Ok(entries.into_iter().map(|(_, entry)| entry).collect()),
    }
}

/// A sequence by its header, still without letters.
fn entry(header: &str) -> Entry {
    let words: Vec<&str> = header
        .split(|c: char| c.is_whitespace() || c == '|')
        .filter(|word| !word.is_empty())
        .collect();
    let stated = words.iter().find_map(|word| {
        let (key, value) = word.split_once('=')?;
        (["label", "class"].contains(&&*key.to_lowercase()) && !value.is_empty())
            .then(|| value.to_owned())
    });
    let last = || words.last().filter(|_| words.len() > 1).map(|word| (*word).to_owned());
    Entry {
        name: words.first().unwrap_or(&"").to_string(),
        label: stated.or_else(last),
        codes: vec![],
    }
}
