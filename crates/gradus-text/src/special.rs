//! Tokens that are no text: padding, what is not known, begin and end.

/// A token with a meaning of its own.
///
/// ```
/// use gradus_text::Special;
/// let texts: Vec<&str> = Special::ALL.iter().map(|special| special.text()).collect();
/// assert_eq!(texts, ["<pad>", "<unk>", "<bos>", "<eos>"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Special {
    /// Stands behind a sequence that is shorter than its batch: `<pad>`.
    Pad,
    /// Stands for every symbol that is not in the vocabulary: `<unk>`.
    Unk,
    /// The begin of a sequence: `<bos>`.
    Bos,
    /// The end of a sequence: `<eos>`.
    Eos,
}

impl Special {
    /// All of them.
    pub const ALL: [Special; 4] = [Special::Pad, Special::Unk, Special::Bos, Special::Eos];

    /// How it is written.
    pub fn text(self) -> &'static str {
        match self {
            Special::Pad => "<pad>",
            Special::Unk => "<unk>",
            Special::Bos => "<bos>",
            Special::Eos => "<eos>",
        }
    }

    /// The same without brackets.
    pub(crate) fn word(self) -> &'static str {
        self.text().trim_matches(['<', '>'])
    }
}
