//! Folders of images, one subfolder per class, and single images: PNG and JPEG to planar bytes.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Luma,
    LumaA, Rgb, Rgba,
};

use crate::augment::middle;
use crate::dataset::Dataset;
use crate::error::{DataError, Place, Result, count};
use crate::image_set::ImageDataset;
use crate::key::Key;
use crate::read::read_file;

const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];
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

/// Decodes a PNG or JPEG; `name` is the file's name in errors. What is transparent is laid on white, as viewers and plotting
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
        image = resize(image, height as u32, width as u32, options.fit);
    }
    Ok(planar(&image, options.channels))
}

fn decode(bytes: &[u8], name: &str) -> Result<DynamicImage> {
    let format = format_of(bytes, name)?;
    let defect = |error: ImageError| defect(name, format, &error);
    let mut decoder = open_image(bytes, name, format)?;
    // A camera held upright writes a lying picture and how to turn it. Nothing said, or nonsense, turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(defect)?;
    image.apply_orientation(orientation);
    Ok(on_white(image))
}

/// Looks at an image's header and end.
fn probe(bytes: &[u8], name: &str) -> Result<()> {
    let format = format_of(bytes, name)?;
    open_image(bytes, name, format)?;
    if format == ImageFormat::Png && !png_is_whole(bytes) {
        return Err(cut(bytes, name, format));
    }
    Ok(())
}

fn format_of(bytes: &[u8], name: &str) -> Result<ImageFormat> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Ok(ImageFormat::Png),
        [0xFF, 0xD8, ..] => Ok(ImageFormat::Jpeg),
        [] => Err(DataError::malformed(name, Place::Whole, "an empty file", "a PNG or JPEG")),
        _ => {
            let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            let found = format!("bytes {}", start.join(" "));
            Err(DataError::malformed(name, Place::Byte(0), found, "a PNG or JPEG"))
        }
    }
}

fn kind(format: ImageFormat) -> &'static str {
    if format == ImageFormat::Png { "PNG" } else { "JPEG" }
}

fn defect(name: &str, format: ImageFormat, error: &ImageError) -> DataError {
    let expected = format!("a whole {} of at most {MAX_SIDE} pixels a side", kind(format));
    DataError::malformed(name, Place::Whole, format!("a defect ({error})"), expected)
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
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(cut(bytes, name, format));
    }
    let defect = |error: ImageError| defect(name, format, &error);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let decoder = reader.into_decoder().map_err(defect)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_PER_BYTE * bytes.len() as u64 {
        let found = format!("a header of {height}×{width} pixels in {} bytes", bytes.len());
        return Err(DataError::malformed(name, Place::Whole, found, "a header that its data fill"));
    }
    limits.reserve(decoder.total_bytes()).map_err(defect)?;
    Ok(decoder)
}

/// The decoder fills what is missing of a cut JPEG with grey, without a word. A whole one has an end marker (FF D9)
/// after its last start of scan (FF DA); neither occurs inside coded data.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xFF, 0xD9]) > last([0xFF, 0xDA])
}

/// Whether all data of a PNG's chunks (length, type, data, checksum) are there; a missing last checksum or end mark harms
/// no picture.
fn png_is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&[a, b, c, d, ref kind @ ..], data)) = rest.split_first_chunk::<8>() {
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        if kind == b"IEND" {
            break;
        }
        if data.len() < len {
            return false;
        }
        rest = data.get(len + 4..).unwrap_or_default();
    }
    true
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

fn resize(image: DynamicImage, height: u32, width: u32, fit: Fit) -> DynamicImage {
    if (image.height(), image.width()) == (height, width) {
        return image;
    }
    match fit {
        Fit::Stretch => image.resize_exact(width, height, FilterType::Triangle),
        Fit::Cover => {
            let (h, w) = cover(image.height(), image.width(), height, width);
            let scaled = image.resize_exact(w, h, FilterType::Triangle);
            let (left, top) = (middle((w - width) as usize), middle((h - height) as usize));
            let (left, top) = (left as u32, top as u32);
            imageops::crop_imm(&scaled, left, top, width, height).to_image().into()
        }
    }
}

/// The smallest size with the aspect of `h`×`w` that covers `height`×`width`; the longer side is rounded down, as in torchvision.
fn cover(h: u32, w: u32, height: u32, width: u32) -> (u32, u32) {
    let (h, w, height, width) = (h as u64, w as u64, height as u64, width as u64);
    // Whole-number arithmetic: the scale is height/h or width/w, whichever is larger.
    let (new_h, new_w) =
        if height * w >= width * h { (height, w * height / h) } else { (h * width / w, width) };
    (new_h as u32, new_w as u32)
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

/// A folder with one subfolder of images per class, decoded when read.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    options: ImageOptions,
    shape: [usize; 3],
    files: Vec<(PathBuf, i64)>,
    classes: Vec<String>,
    /// The key of each file that was asked for.
    keys: Arc<[OnceLock<Key>]>,
}

impl ImageFolder {
    /// Lists `root`: subfolders in the order of their names are the classes, and their PNG and JPEG files, in the order
    /// of their names, the samples. Hidden entries and other files are passed over. Without a wanted size every image
    /// must have that of the first.
    pub fn open(root: &Path, options: ImageOptions) -> Result<ImageFolder> {
        let mut classes = Vec::new();
        let mut files = Vec::new();
        for folder in entries(root)?.into_iter().filter(|path| path.is_dir()) {
            let label = classes.len() as i64;
            files.extend(image_files(&folder)?.into_iter().map(|file| (file, label)));
            classes.push(file_name(&folder));
        }
        let Some((first, _)) = files.first() else {
            return Err(DataError::malformed(
                &root.display().to_string(),
                Place::Whole,
                "no subfolders",
                "one subfolder of images per class",
            ));
        };
        let image = parse_image(&read_file(first)?, &first.display().to_string(), &options)
            .map_err(remedied)?;
        let keys = files.iter().map(|_| OnceLock::new()).collect();
        Ok(ImageFolder { options, shape: image.shape, files, classes, keys })
    }

    /// The same folder with other names for its classes, in the order of the subfolders.
    pub fn rename_classes(self, names: &[String]) -> Result<ImageFolder> {
        if names.len() != self.classes.len() {
            return Err(DataError::invalid(
                "class names",
                count(names.len(), "name"),
                format!("{}, one for each of {}", self.classes.len(), self.classes.join(", ")),
            ));
        }
        Ok(ImageFolder { classes: names.to_vec(), ..self })
    }

    /// The file of sample `index`.
    pub fn path(&self, index: usize) -> &Path {
        &self.files[index].0
    }

    /// Decodes every image into memory; the first unreadable one is the error.
    pub fn load(&self, name: &str) -> Result<ImageDataset> {
        let mut pixels = Vec::new();
        for index in 0..self.files.len() {
            pixels.extend_from_slice(&self.decode(index)?.pixels);
        }
        let labels = self.files.iter().map(|&(_, label)| label).collect();
        ImageDataset::new(name, self.shape, pixels, labels, self.classes.clone())
    }

    fn decode(&self, index: usize) -> Result<RawImage> {
        let path = self.path(index);
        let name = path.display().to_string();
        let image = parse_image(&read_file(path)?, &name, &self.options).map_err(remedied)?;
        if image.shape != self.shape {
            return Err(DataError::malformed(
                &name,
                Place::Whole,
                format!("an image of {}", size_text(image.shape)),
                format!(
                    "{} as in {}, or a size to resize to",
                    size_text(self.shape),
                    file_name(self.path(0))
                ),
            ));
        }
        Ok(image)
    }
}

impl Dataset for ImageFolder {
    fn len(&self) -> usize {
        self.files.len()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> i64 {
        self.files[index].1
    }
    fn key(&self, index: usize) -> Result<Key> {
        if let Some(key) = self.keys[index].get() {
            return Ok(*key);
        }
        let key = Key::of_file(self.path(index))?;
        Ok(*self.keys[index].get_or_init(|| key))
    }
    fn file(&self, index: usize) -> Option<&Path> {
        Some(self.path(index))
    }
    fn probe(&self, index: usize) -> Result<()> {
        let path = self.path(index);
        probe(&read_file(path)?, &path.display().to_string()).map_err(remedied)
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let image = self.decode(index)?;
        assert_eq!(out.len(), image.pixels.len(), "ImageFolder::read: length of the output");
        for (to, &from) in out.iter_mut().zip(&image.pixels) {
            *to = from as f32 / 255.0;
        }
        Ok(())
    }
}

/// Says what can be done about a bad picture among many.
fn remedied(mut error: DataError) -> DataError {
    if let DataError::Malformed { expected, .. } = &mut error {
        expected.push_str("; remove or replace the file");
    }
    error
}

/// The visible entries of a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = std::fs::read_dir(folder).map_err(DataError::io(folder, "list the folder"))?;
    let mut paths = Vec::new();
    for entry in listing {
        let path = entry.map_err(DataError::io(folder, "list the folder"))?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The images of one class; none at all is an error.
fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let all = entries(folder)?;
    let images: Vec<PathBuf> = all.iter().filter(|path| is_image(path)).cloned().collect();
    if images.is_empty() {
        return Err(DataError::malformed(
            &folder.display().to_string(),
            Place::Whole,
            format!("{}, none of them an image", count(all.len(), "file")),
            "at least one .png, .jpg or .jpeg",
        ));
    }
    Ok(images)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(extension))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn size_text([_, height, width]: [usize; 3]) -> String {
    format!("{height}×{width} pixels")
}
