//! Names that nobody guesses.

use std::io;

/// 128 random bits as 32 letters.
pub(crate) fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a text could be one: names of files are made of it.
pub(crate) fn is_one(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether two keys are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_told_from_paths() {
        let (a, b) = (random().expect("random bits"), random().expect("random bits"));
        assert!(is_one(&a) && is_one(&b) && !same(&a, &b) && same(&a, &a.clone()));
        assert!(!is_one("../../etc/passwd") && !is_one("") && !is_one(&a.to_uppercase()));
    }
}
