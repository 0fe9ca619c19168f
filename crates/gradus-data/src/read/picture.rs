//! Single pictures: of the usual formats, to planar bytes.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{
    AnimationDecoder, DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat,
    ImageReader, Limits, Luma, LumaA, Rgb, Rgba,
};

use super::resize::resized;
use super::whole::{jpeg_end, png_is_whole, with_end};
use crate::error::{DataError, Place, Result};

/// Against hostile headers: no image may be larger on a side, or need more memory to decode.
const MAX_SIDE: u32 = 16_384;
const MAX_DECODED_BYTES: u64 = 1 << 30;
/// No image has more pixels than this for each byte of its file: deflate makes at most 1,032 bytes of one, and a byte of a
/// PNG holds at most 8 pixels; a JPEG spends at least a bit on a block of 64.
const PIXELS_PER_BYTE: u64 = 8 * 1032;

/// How an image of another size becomes one of the wanted size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// Scaled to cover the wanted size, then the middle is cut out; the aspect ratio stays. For a square that is torchvision's
    /// `Resize` of the shorter side and `CenterCrop`, to the pixel.
    #[default]
    Cover,
    /// Stretched.
    Stretch,
}

/// What images are turned into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOptions {
    /// 1 (grey) or 3 (RGB): see [`parse_image`].
    pub channels: usize,
    /// Height and width; `None` keeps an image's own.
    pub size: Option<(usize, usize)>,
    /// What to do with images of another size.
    pub fit: Fit,
}

/// One decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawImage {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// The bytes, channel by channel.
    pub pixels: Vec<u8>,
}

/// Decodes a PNG, JPEG, GIF, BMP, TIFF or WebP, which is known by its first bytes; `name` is the file's name in errors. Of an animated
/// picture the first frame is taken, of a TIFF the first page. What is transparent is laid on white, as viewers and plotting
/// libraries show it: colour c at opacity α becomes α·c + (1 − α)·white, rounded, before anything is resized. Of 16 bits the
/// nearest of 8 remain.
///
/// Grey is .299 R + .587 G + .114 B (ITU-R BT.601), in Pillow's whole-number form, as Pillow, OpenCV, TensorFlow and torchvision have
/// it: pure red is 76, green 150, blue 29. A picture that is grey already keeps its values.
pub fn parse_image(bytes: &[u8], name: &str, options: &ImageOptions) -> Result<RawImage> {
    if options.channels != 1 && options.channels != 3 {
        return Err(DataError::invalid("image channels", options.channels.to_string(), "1 or 3"));
    }
    if options.size.is_some_and(|(h, w)| h == 0 || w == 0 || h.max(w) > MAX_SIDE as usize) {
        let found = format!("{:?}", options.size.unwrap_or_default());
        return Err(DataError::invalid("image size", found, format!("1 to {MAX_SIDE} a side")));
    }
    let mut image = decode(bytes, name)?;
    if let Some((height, width)) = options.size {
        image = resized(image, height as u32, width as u32, options.fit);
    }
    Ok(planar(&image, options.channels))
}

fn decode(bytes: &[u8], name: &str) -> Result<DynamicImage> {
    let format = format_of(bytes, name)?;
    let bytes = &*match format {
        ImageFormat::Png => with_end(bytes),
        _ => bytes.into(),
    };
    let defect = |error: ImageError| defect(bytes, name, format, &error);
    let mut decoder = open_image(bytes, name, format)?;
    // A camera held upright writes a lying picture and how to turn it. Nothing said, or nonsense, turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(defect)?;
    image.apply_orientation(orientation);
    Ok(on_white(image))
}

/// Looks at an image's header and end.
pub(super) fn probe(bytes: &[u8], name: &str) -> Result<()> {
    let format = format_of(bytes, name)?;
    open_image(bytes, name, format)?;
    if format == ImageFormat::Png && !png_is_whole(bytes) {
        return Err(cut(bytes, name, format));
    }
    Ok(())
}

/// What a file is by its first bytes, whatever it is called.
pub(super) fn format_by(start: &[u8]) -> Option<ImageFormat> {
    match start {
        [0x89, b'P', b'N', b'G', ..] => Some(ImageFormat::Png),
        [0xFF, 0xD8, ..] => Some(ImageFormat::Jpeg),
        [b'G', b'I', b'F', b'8', ..] => Some(ImageFormat::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(ImageFormat::WebP),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(ImageFormat::Tiff),
        // Two letters begin many a text; behind them are sizes, of which the header's own is small.
        [b'B', b'M', rest @ ..] => {
            matches!(rest.get(12..16), Some([12..=124, 0, 0, 0])).then_some(ImageFormat::Bmp)
        }
        _ => None,
    }
}

/// So many bytes tell a format.
pub(super) const START: usize = 18;

/// What a picture is, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageInfo {
    /// Height and width as it is seen, a camera's turn being undone.
    pub size: (usize, usize),
    /// Whether it is stored in colours, which may all be greys, as in a palette.
    pub is_coloured: bool,
}

/// Looks at the header of a picture.
///
/// # Errors
/// When it is none, or its header is broken.
pub fn image_info(bytes: &[u8], name: &str) -> Result<ImageInfo> {
    let mut decoder = open_image(bytes, name, format_of(bytes, name)?)?;
    let (width, height) = decoder.dimensions();
    let turn = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let lies = matches!(
        turn,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (height, width) = if lies { (width, height) } else { (height, width) };
    let size = (height as usize, width as usize);
    Ok(ImageInfo { size, is_coloured: decoder.color_type().has_color() })
}

/// Whether a picture has several frames.
pub(super) fn is_animated(bytes: &[u8]) -> bool {
    let input = Cursor::new(bytes);
    match format_by(bytes) {
        Some(ImageFormat::WebP) => {
            WebPDecoder::new(input).is_ok_and(|decoder| decoder.has_animation())
        }
        Some(ImageFormat::Gif) => {
            GifDecoder::new(input).is_ok_and(|decoder| decoder.into_frames().take(2).count() > 1)
        }
        _ => false,
    }
}

fn format_of(bytes: &[u8], name: &str) -> Result<ImageFormat> {
    match (format_by(bytes), bytes) {
        (Some(format), _) => Ok(format),
        (None, []) => Err(DataError::malformed(name, Place::Whole, "an empty file", PICTURES)),
        (None, bytes) => {
            let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            let found = format!("bytes {}", start.join(" "));
            Err(DataError::malformed(name, Place::Byte(0), found, PICTURES))
        }
    }
}

/// What pictures may be.
const PICTURES: &str = "a PNG, JPEG, GIF, BMP, TIFF or WebP";

fn kind(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        _ => "WebP",
    }
}

/// What keeps a picture from being decoded; the decoders' own words are for those who wrote them.
fn defect(bytes: &[u8], name: &str, format: ImageFormat, error: &ImageError) -> DataError {
    let found = match error {
        ImageError::Limits(_) => "too large a picture",
        ImageError::Unsupported(_) => "a kind of it that is not read",
        error if ends_early(error) => return cut(bytes, name, format),
        _ => "damaged data",
    };
    let expected = format!("a whole {} of at most {MAX_SIDE} pixels a side", kind(format));
    DataError::malformed(name, Place::Whole, found, expected)
}

/// Whether a decoder came to the end of the file. Of those that have no kind of error for it the words tell.
fn ends_early(error: &ImageError) -> bool {
    if let ImageError::IoError(error) = error {
        return error.kind() == std::io::ErrorKind::UnexpectedEof;
    }
    let text = error.to_string().to_lowercase();
    ["unexpected eof", "unexpected end", "end of file", "exhausted", "failed to fill"]
        .iter()
        .any(|words| text.contains(words))
}

fn cut(bytes: &[u8], name: &str, format: ImageFormat) -> DataError {
    let (at, rest) = (Place::Byte(bytes.len() as u64), format!("the rest of the {}", kind(format)));
    DataError::malformed(name, at, "the end of the file", rest)
}

/// Reads the header, and refuses one that promises what cannot be.
fn open_image<'a>(
    bytes: &'a [u8],
    name: &str,
    format: ImageFormat,
) -> Result<impl ImageDecoder + 'a> {
    let bytes = match format {
        // What follows a picture's end is none of its business: phones put videos there.
        ImageFormat::Jpeg => &bytes[..jpeg_end(bytes).ok_or_else(|| cut(bytes, name, format))?],
        _ => bytes,
    };
    let defect = |error: ImageError| defect(bytes, name, format, &error);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let decoder = reader.into_decoder().map_err(defect)?;
    let (width, height) = decoder.dimensions();
    let packed = matches!(format, ImageFormat::Png | ImageFormat::Jpeg);
    if packed && u64::from(width) * u64::from(height) > PIXELS_PER_BYTE * bytes.len() as u64 {
        let found = format!("a header of {height}×{width} pixels in {} bytes", bytes.len());
        return Err(DataError::malformed(name, Place::Whole, found, "a header that its data fill"));
    }
    limits.reserve(decoder.total_bytes()).map_err(defect)?;
    Ok(decoder)
}

/// Lays what is transparent on white.
fn on_white(image: DynamicImage) -> DynamicImage {
    /// α·c + (1 − α)·white of values up to `most`, rounded.
    fn over<T: Copy + Into<u64> + TryFrom<u64>>(c: T, alpha: T, most: u64) -> T {
        let (c, alpha) = (c.into(), alpha.into());
        let mixed = (c * alpha + most * (most - alpha) + most / 2) / most;
        T::try_from(mixed).unwrap_or_else(|_| unreachable!("a mean of values up to `most`"))
    }
    const BYTE: u64 = u8::MAX as u64;
    const WORD: u64 = u16::MAX as u64;
    let (w, h) = (image.width(), image.height());
    match image {
        DynamicImage::ImageLumaA8(p) => ImageBuffer::from_fn(w, h, |x, y| {
            let LumaA([l, a]) = p[(x, y)];
            Luma([over(l, a, BYTE)])
        })
        .into(),
        DynamicImage::ImageRgba8(p) => ImageBuffer::from_fn(w, h, |x, y| {
            let Rgba([r, g, b, a]) = p[(x, y)];
            Rgb([r, g, b].map(|c| over(c, a, BYTE)))
        })
        .into(),
        DynamicImage::ImageLumaA16(p) => ImageBuffer::from_fn(w, h, |x, y| {
            let LumaA([l, a]) = p[(x, y)];
            Luma([over(l, a, WORD)])
        })
        .into(),
        DynamicImage::ImageRgba16(p) => ImageBuffer::from_fn(w, h, |x, y| {
            let Rgba([r, g, b, a]) = p[(x, y)];
            Rgb([r, g, b].map(|c| over(c, a, WORD)))
        })
        .into(),
        opaque => opaque,
    }
}

/// Interleaved to planar bytes.
fn planar(image: &DynamicImage, channels: usize) -> RawImage {
    let (height, width) = (image.height() as usize, image.width() as usize);
    let interleaved = match channels {
        1 if image.color().has_color() => {
            image.to_rgb8().pixels().map(|&Rgb(colour)| grey(colour)).collect()
        }
        1 => image.to_luma8().into_raw(),
        _ => image.to_rgb8().into_raw(),
    };
    let mut pixels = Vec::with_capacity(interleaved.len());
    for channel in 0..channels {
        pixels.extend(interleaved.iter().skip(channel).step_by(channels));
    }
    RawImage { shape: [channels, height, width], pixels }
}

/// The grey of a colour, as bright as the eye finds it. The weights are shares of 2¹⁶.   ITU-R BT.601-7 §2.5.1
fn grey([r, g, b]: [u8; 3]) -> u8 {
    ((19595 * u32::from(r) + 38470 * u32::from(g) + 7471 * u32::from(b) + (1 << 15)) >> 16) as u8
}
