//! A printable character for each byte, so that any bytes can be tokens in a JSON text.   Radford et al. 2019, "Language models are
//! unsupervised multitask learners" §2.2, as their program has it
//!
//! What is printable in Latin-1 stands for itself; the others, in order, are the characters from U+0100 on: a blank is Ġ, a newline Ċ.

/// The character of a byte.
pub(super) fn character(byte: u8) -> char {
    let before = match byte {
        0x00..=0x20 => u32::from(byte),
        0x7F..=0xA0 => u32::from(byte) - 0x7F + 0x21,
        0xAD => 0x43,
        _ => return char::from(byte),
    };
    char::from_u32(0x100 + before).expect("these are characters")
}

/// The byte of a character, if it is of the alphabet.
pub(super) fn byte(c: char) -> Option<u8> {
    match c as u32 {
        code @ (0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF) => Some(code as u8),
        code @ 0x100..=0x120 => Some((code - 0x100) as u8),
        code @ 0x121..=0x142 => Some((code - 0x121 + 0x7F) as u8),
        0x143 => Some(0xAD),
        _ => None,
    }
}

/// All characters, in the order of their codes.
pub(super) fn all() -> Vec<char> {
    let mut all: Vec<char> = (0..=255).map(character).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::{all, byte, character};

    #[test]
    fn every_byte_has_its_character() {
        assert_eq!((character(b' '), character(b'\n'), character(b'a')), ('Ġ', 'Ċ', 'a'));
        assert!((0..=255).all(|b| byte(character(b)) == Some(b)));
        let mut distinct = all();
        distinct.dedup();
        assert_eq!((distinct.len(), distinct[0], distinct[255]), (256, '!', '\u{143}'));
        assert_eq!((byte(' '), byte('\u{144}'), byte('\u{AD}')), (None, None, None));
    }
}
