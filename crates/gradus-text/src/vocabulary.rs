//! A vocabulary: tokens, each with its id.

use std::collections::HashMap;

use gradus_data::{DataError, Place, Result, count, quote};

use crate::special::Special;

/// Tokens, numbered from 0 without a gap. A special token is found by what it means, whatever it is called.
///
/// ```
/// use gradus_text::{Special, Vocabulary};
/// let words = Vocabulary::new(["<unk>", "the", "cat"], &[Special::Unk])?;
/// assert_eq!((words.len(), words.id("cat"), words.token(1)), (3, Some(2), Some("the")));
/// assert_eq!((words.special(Special::Unk), words.special(Special::Pad)), (Some(0), None));
/// let wrong = Vocabulary::new(["a", "b", "a"], &[]).unwrap_err().to_string();
/// assert_eq!(wrong, "vocabulary: found the token \"a\" with the ids 0 and 2, expected one id for each token");
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    tokens: Vec<String>,
    ids: HashMap<String, i64>,
    special: [Option<i64>; 4],
}

impl Vocabulary {
    /// These tokens in this order, among which these special ones are, as [`Special::text`] writes them.
    ///
    /// # Errors
    /// When a token stands there twice, or a special one is not there.
    pub fn new(
        tokens: impl IntoIterator<Item = impl Into<String>>,
        special: &[Special],
    ) -> Result<Vocabulary> {
        let tokens = tokens.into_iter().map(Into::into).collect();
        let mut made = Vocabulary::of(tokens, "vocabulary")?;
        for &special in special {
            let Some(id) = made.id(special.text()) else {
                let found = format!("no token {}", special.text());
                return Err(DataError::invalid("vocabulary", found, "it among the tokens"));
            };
            made.set_special(special, id);
        }
        Ok(made)
    }

    /// Tokens without special ones; `name` is the file's in errors.
    pub(crate) fn of(tokens: Vec<String>, name: &str) -> Result<Vocabulary> {
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate() {
            if let Some(first) = ids.insert(token.clone(), id as i64) {
                let found = format!("the token {} with the ids {first} and {id}", quote(token));
                let expected = "one id for each token";
                return Err(DataError::malformed(name, Place::Whole, found, expected));
            }
        }
        Ok(Vocabulary { tokens, ids, special: [None; 4] })
    }

    /// Tokens by their ids, in any order; `name` is the file's in errors.
    pub(crate) fn by_ids(entries: Vec<(String, u64)>, name: &str) -> Result<Vocabulary> {
        let wrong = |found: String, expected: String| {
            Err(DataError::malformed(name, Place::Whole, found, expected))
        };
        let n = entries.len();
        let mut tokens: Vec<Option<String>> = vec![None; n];
        for (token, id) in entries {
            let Some(place) = usize::try_from(id).ok().and_then(|id| tokens.get_mut(id)) else {
                let found = format!("the id {id} of {}", quote(&token));
                return wrong(
                    found,
                    format!("ids below {n}, one for each of {}", count(n, "token")),
                );
            };
            if let Some(other) = place {
                let found = format!("the id {id} for {} and {}", quote(other), quote(&token));
                return wrong(found, "one token for each id".into());
            }
            *place = Some(token);
        }
        // As many tokens as ids, none of them twice and none too large: there is no gap.
        Vocabulary::of(tokens.into_iter().flatten().collect(), name)
    }

    pub(crate) fn set_special(&mut self, special: Special, id: i64) {
        self.special[special as usize] = Some(id);
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// True without tokens.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// All tokens, by their ids.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The token of an id.
    pub fn token(&self, id: i64) -> Option<&str> {
        self.tokens.get(usize::try_from(id).ok()?).map(String::as_str)
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<i64> {
        self.ids.get(token).copied()
    }

    /// The id of the token that means this.
    pub fn special(&self, special: Special) -> Option<i64> {
        self.special[special as usize]
    }

    /// Whether an id is that of a special token.
    pub(crate) fn is_special(&self, id: i64) -> bool {
        self.special.contains(&Some(id))
    }
}
