//! PNG files of pixels: pictures of weights and of predictions.   ISO/IEC 15948

use crate::{Error, Result};
use png::{ColorType, Encoder, Filter};

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
        1 => ColorType::Grayscale,
        3 => ColorType::Rgb,
        4 => ColorType::Rgba,
        other => {
            return Err(Error::value(format!("a PNG of {other} channels; 1, 3, 4 are possible")));
        }
    };
    let have = pixels.len();
    let what =
        || format!("{have} bytes for a picture of {width}×{height} with {channels} channels");
    let fits = have == width * channels * height && have > 0 && width.max(height) <= 1 << 24;
    if !fits {
        return Err(Error::value(what()));
    }
    let mut file = vec![];
    let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(color);
    // Tiles and points on plain ground: differences of pixels take longer and save little.
    encoder.set_filter(Filter::NoFilter);
    let written = encoder.write_header().and_then(|mut png| {
        png.write_image_data(pixels)?;
        png.finish()
    });
    written.map_err(|error| Error::value(format!("{}: {error}", what())))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::encode;
    use png::{BitDepth, ColorType, Decoder};
    use std::io::Cursor;

    #[test]
    fn pixels_come_back() {
        let colors = [(1, ColorType::Grayscale), (3, ColorType::Rgb), (4, ColorType::Rgba)];
        for (channels, color) in colors {
            let pixels: Vec<u8> = (0..2 * 3 * channels as u8).collect();
            let file = encode(2, 3, channels, &pixels).unwrap();
            assert!(file.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
            let mut reader = Decoder::new(Cursor::new(file)).read_info().unwrap();
            let mut back = vec![0; pixels.len()];
            reader.next_frame(&mut back).unwrap();
            let info = reader.info();
            assert_eq!((info.width, info.height, info.color_type), (2, 3, color));
            assert_eq!((info.bit_depth, back), (BitDepth::Eight, pixels));
        }
    }

    #[test]
    fn a_wrong_number_of_pixels_is_an_error() {
        let e = encode(2, 2, 1, &[0; 3]).unwrap_err().to_string();
        assert!(e.contains("3 bytes for a picture of 2×2"), "{e}");
        assert!(encode(1, 1, 2, &[0; 2]).is_err());
    }
}
