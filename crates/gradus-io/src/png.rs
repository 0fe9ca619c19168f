//! PNG files, written without a library: enough for pictures of weights.   ISO/IEC 15948

use crate::{Error, Result};
use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write;

/// A PNG of 8-bit pixels, row by row: grey for one channel, RGB for three, RGBA for four.
///
/// ```
/// let png = gradus_io::png::encode(2, 1, 1, &[0, 255]).unwrap();
/// assert!(png.starts_with(b"\x89PNG"));
/// ```
///
/// # Errors
/// When the number of pixels is not width · height · channels, or there are none.
pub fn encode(width: usize, height: usize, channels: usize, pixels: &[u8]) -> Result<Vec<u8>> {
    let color = match channels {
        1 => 0,
        3 => 2,
        4 => 6,
        other => {
            return Err(Error::value(format!("a PNG of {other} channels; 1, 3, 4 are possible")));
        }
    };
    let row = width * channels;
    if pixels.is_empty() || pixels.len() != row * height || width.max(height) > 1 << 24 {
        let have = pixels.len();
        let what =
            format!("{have} bytes for a picture of {width}×{height} with {channels} channels");
        return Err(Error::value(what));
    }
    let mut header = vec![];
    header.extend((width as u32).to_be_bytes());
    header.extend((height as u32).to_be_bytes());
    header.extend([8, color, 0, 0, 0]); // bits a channel, colour, deflate, usual filters, not interlaced
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &deflate(row, pixels));
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

/// Each row after a byte that says it is not filtered, compressed.
fn deflate(row: usize, pixels: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(vec![], Compression::default());
    let written = pixels.chunks(row).try_for_each(|row| {
        zlib.write_all(&[0])?;
        zlib.write_all(row)
    });
    written.and_then(|()| zlib.finish()).expect("memory can be written to")
}

/// Length, kind, data and a checksum of kind and data.
fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    file.extend((data.len() as u32).to_be_bytes());
    file.extend(kind);
    file.extend(data);
    file.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::encode;
    use std::io::Read;

    #[test]
    fn pixels_come_back() {
        let pixels: Vec<u8> = (0..2 * 3 * 3).collect();
        let png = encode(2, 3, 3, &pixels).unwrap();
        let idat = png.windows(4).position(|w| w == b"IDAT").unwrap();
        let len = u32::from_be_bytes(png[idat - 4..idat].try_into().unwrap()) as usize;
        let mut rows = vec![];
        flate2::read::ZlibDecoder::new(&png[idat + 4..][..len]).read_to_end(&mut rows).unwrap();
        let back: Vec<u8> = rows.chunks(7).flat_map(|row| row[1..].to_vec()).collect();
        assert_eq!(back, pixels);
        // The checksum of an empty IEND is known.
        assert!(png.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }

    #[test]
    fn a_wrong_number_of_pixels_is_an_error() {
        let e = encode(2, 2, 1, &[0; 3]).unwrap_err().to_string();
        assert!(e.contains("3 bytes for a picture of 2×2"), "{e}");
        assert!(encode(1, 1, 2, &[0; 2]).is_err());
    }
}
