//! Whether a picture's file is all there, and where the picture in it ends.

use std::borrow::Cow;

/// Where a JPEG's end marker (FF D9) ends. The decoder fills what is missing of a cut one with grey, without a word. Segments are passed
/// over by their lengths, coded data up to the next marker, so that neither thumbnails nor what follows the picture is taken
/// for it.
pub(super) fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xFF)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            0xD9 => return Some(at),
            // A zero is coded data; these markers have nothing behind them.
            0 | 1 | 0xD0..=0xD8 => {}
            _ => {
                let len = [*bytes.get(at)?, *bytes.get(at + 1)?];
                at += usize::from(u16::from_be_bytes(len)).max(2);
            }
        }
    }
}

/// Whether all data of a PNG's chunks (length, type, data, checksum) are there; a missing last checksum or end mark harms
/// no picture.
pub(super) fn png_is_whole(bytes: &[u8]) -> bool {
    walk(bytes).is_some()
}

/// A PNG with its end mark, which some programs forget.
pub(super) fn with_end(bytes: &[u8]) -> Cow<'_, [u8]> {
    match walk(bytes) {
        Some(false) => [bytes, b"\0\0\0\0IEND\xAEB\x60\x82"].concat().into(),
        _ => bytes.into(),
    }
}

/// Goes through the chunks: whether there is an end mark, or `None` if data are missing.
fn walk(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&[a, b, c, d, ref kind @ ..], data)) = rest.split_first_chunk::<8>() {
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if kind == b"IEND" {
            return Some(true);
        }
        if data.len() < len {
            return None;
        }
        rest = data.get(len + 4..).unwrap_or_default();
    }
    Some(false)
}
