//! Names that nobody guesses.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// 128 random bits as 32 letters.
pub(crate) fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The key that a folder keeps, made if there is none: an open page goes on when the lab is started again. Only its owner may read it.
pub(crate) fn of(folder: &Path) -> io::Result<String> {
    let at = folder.join("key");
    if let Some(key) = fs::read_to_string(&at).ok().filter(|key| is_one(key)) {
        return Ok(key);
    }
    let (key, beside) = (random()?, folder.join("key.part"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(key.as_bytes())?;
    fs::rename(&beside, &at)?;
    Ok(key)
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
