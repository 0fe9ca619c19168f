//! Folders of images, one subfolder per class, and single images: PNG and JPEG to planar bytes.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::dataset::Dataset;
use crate::error::{DataError, Place, Result, count};
use crate::image_set::ImageDataset;
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
    /// Scaled to cover the wanted size, then the middle is cut out; the aspect ratio stays.
    #[default]
    Cover,
    /// Stretched.
    Stretch,
}

/// What images are turned into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOptions {
    /// 1 (grey) or 3 (RGB); an alpha channel is dropped.
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

/// Decodes a PNG or JPEG; `name` is the file's name in errors.
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
    let format = match bytes {
        [0x89, b'P', b'N', b'G', ..] => ImageFormat::Png,
        [0xFF, 0xD8, ..] => ImageFormat::Jpeg,
        [] => {
            return Err(DataError::malformed(name, Place::Whole, "an empty file", "a PNG or JPEG"));
        }
        _ => {
            let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            let found = format!("bytes {}", start.join(" "));
            return Err(DataError::malformed(name, Place::Byte(0), found, "a PNG or JPEG"));
        }
    };
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        let at = Place::Byte(bytes.len() as u64);
        return Err(DataError::malformed(name, at, "the end of the file", "the rest of the JPEG"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let defect = |error: ImageError| {
        let kind = if format == ImageFormat::Png { "PNG" } else { "JPEG" };
        let expected = format!("a whole {kind} of at most {MAX_SIDE} pixels a side");
        DataError::malformed(name, Place::Whole, format!("a defect ({error})"), expected)
    };
    let mut decoder = reader.into_decoder().map_err(defect)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_PER_BYTE * bytes.len() as u64 {
        let found = format!("a header of {height}×{width} pixels in {} bytes", bytes.len());
        return Err(DataError::malformed(name, Place::Whole, found, "a header that its data fill"));
    }
    limits.reserve(decoder.total_bytes()).map_err(defect)?;
    // A camera held upright writes a lying picture and how to turn it. Nothing said, or nonsense, turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(defect)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The decoder fills what is missing of a cut JPEG with grey, without a word. A whole one has an end marker (FF D9)
/// after its last start of scan (FF DA); neither occurs inside coded data.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xFF, 0xD9]) > last([0xFF, 0xDA])
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
            let (left, top) = ((w - width) / 2, (h - height) / 2);
            imageops::crop_imm(&scaled, left, top, width, height).to_image().into()
        }
    }
}

/// The smallest size with the aspect of `h`×`w` that covers `height`×`width`.
fn cover(h: u32, w: u32, height: u32, width: u32) -> (u32, u32) {
    let (h, w, height, width) = (h as u64, w as u64, height as u64, width as u64);
    // Whole-number arithmetic: the scale is height/h or width/w, whichever is larger.
    let (new_h, new_w) = if height * w >= width * h {
        (height, (w * height).div_ceil(h))
    } else {
        ((h * width).div_ceil(w), width)
    };
    (new_h as u32, new_w as u32)
}

/// Interleaved to planar bytes.
fn planar(image: &DynamicImage, channels: usize) -> RawImage {
    let (height, width) = (image.height() as usize, image.width() as usize);
    let interleaved = match channels {
        1 => image.to_luma8().into_raw(),
        _ => image.to_rgb8().into_raw(),
    };
    let mut pixels = Vec::with_capacity(interleaved.len());
    for channel in 0..channels {
        pixels.extend(interleaved.iter().skip(channel).step_by(channels));
    }
    RawImage { shape: [channels, height, width], pixels }
}

/// A folder with one subfolder of images per class, decoded when read.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    options: ImageOptions,
    shape: [usize; 3],
    files: Vec<(PathBuf, i64)>,
    classes: Vec<String>,
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
        let image = parse_image(&read_file(first)?, &first.display().to_string(), &options)?;
        Ok(ImageFolder { options, shape: image.shape, files, classes })
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
        let image = parse_image(&read_file(path)?, &name, &self.options)?;
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
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let image = self.decode(index)?;
        assert_eq!(out.len(), image.pixels.len(), "ImageFolder::read: length of the output");
        for (to, &from) in out.iter_mut().zip(&image.pixels) {
            *to = from as f32 / 255.0;
        }
        Ok(())
    }
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
