//! `gradus kernel`: a 3×3 kernel over an image, by the rules of the "Image Kernels" page (setosa.io/ev/image-kernels): grey
//! values, the kernel laid over the pixels as it is written, borders black, sums truncated and clamped to 0..=255.

use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::data::{ImageOptions, RawImage, parse_image};
use gradus::io::atomic_write;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

type Kernel = [f64; 9];

/// The kernels by name, row by row.
#[rustfmt::skip]
const KERNELS: &[(&str, Kernel)] = &[
    ("identity",     [0., 0., 0., 0., 1., 0., 0., 0., 0.]),
    ("blur",         [0.0625, 0.125, 0.0625, 0.125, 0.25, 0.125, 0.0625, 0.125, 0.0625]),
    ("sharpen",      [0., -1., 0., -1., 5., -1., 0., -1., 0.]),
    ("outline",      [-1., -1., -1., -1., 8., -1., -1., -1., -1.]),
    ("emboss",       [-2., -1., 0., -1., 1., 1., 0., 1., 2.]),
    ("left-sobel",   [1., 0., -1., 2., 0., -2., 1., 0., -1.]),
    ("right-sobel",  [-1., 0., 1., -2., 0., 2., -1., 0., 1.]),
    ("top-sobel",    [1., 2., 1., 0., 0., 0., -1., -2., -1.]),
    ("bottom-sobel", [-1., -2., -1., 0., 0., 0., 1., 2., 1.]),
];

/// Lay a 3x3 kernel over an image
///
/// Kernels: identity, blur, sharpen, outline, emboss, left-sobel, right-sobel, top-sobel, bottom-sobel; sobel, which is the
/// length of the gradient, √(left² + top²); or nine numbers of your own, row by row. The image is made grey; its border
/// becomes black; sums are truncated and clamped to 0..=255.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  gradus kernel photo.jpg --kernel sobel
  gradus kernel photo.png --kernel \"0 -1 0  -1 5 -1  0 -1 0\" --out sharp.png")]
pub struct Args {
    /// A PNG or JPEG image
    image: PathBuf,
    /// A kernel's name, or nine numbers
    #[arg(long, value_name = "NAME|NUMBERS", allow_hyphen_values = true)]
    kernel: String,
    /// The PNG to write [default: IMAGE-KERNEL.png in the present folder]
    #[arg(long, value_name = "PNG")]
    out: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Filters.
pub fn run(args: &Args) -> Result<()> {
    let (name, filter) = parse(&args.kernel)?;
    let ending = args.out.as_deref().and_then(Path::extension);
    if let Some(other) = ending.filter(|e| !e.eq_ignore_ascii_case("png")) {
        let what = format!("--out: found a file that ends in .{}, expected .png", other.display());
        return Err(CliError::Usage(what));
    }
    let bytes = gradus::io::read_file(&args.image)?;
    let options = ImageOptions { channels: 1, size: None, fit: Default::default() };
    let image = parse_image(&bytes, &args.image.display().to_string(), &options)?;
    let result = filter.apply(&image);
    let path = args.out.clone().unwrap_or_else(|| default_path(&args.image, &name));
    let [_, height, width] = image.shape;
    write_png(&path, &result, width, height)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", path.display())?;
    if args.json {
        let record = json!({ "image": args.image, "kernel": name, "out": path, "width": width, "height": height });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// What happens at every pixel.
enum Filter {
    Weighted(Kernel),
    /// The length of the gradient.
    Sobel,
}

/// A kernel by its name, or of nine numbers between spaces or commas.
fn parse(text: &str) -> Result<(String, Filter)> {
    if text == "sobel" {
        return Ok((text.into(), Filter::Sobel));
    }
    if let Some((name, kernel)) = KERNELS.iter().find(|(name, _)| *name == text) {
        return Ok(((*name).into(), Filter::Weighted(*kernel)));
    }
    let words: Vec<&str> =
        text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let numbers: Option<Vec<f64>> =
        words.iter().map(|w| w.parse().ok().filter(|x: &f64| x.is_finite())).collect();
    match numbers.map(Kernel::try_from) {
        Some(Ok(kernel)) => Ok(("custom".into(), Filter::Weighted(kernel))),
        Some(Err(found)) if !found.is_empty() => {
            let found = found.len();
            Err(CliError::Usage(format!("--kernel: found {found} numbers, expected 9, row by row")))
        }
        _ => {
            let names: Vec<&str> = KERNELS.iter().map(|(n, _)| *n).chain(["sobel"]).collect();
            Err(unknown("kernel", text, &names))
        }
    }
}

impl Filter {
    fn apply(&self, image: &RawImage) -> Vec<u8> {
        let [_, height, width] = image.shape;
        let mut out = vec![0; height * width];
        for y in 1..height.saturating_sub(1) {
            for x in 1..width.saturating_sub(1) {
                let patch = |i: usize| image.pixels[(y + i / 3 - 1) * width + x + i % 3 - 1];
                let sum = |k: &Kernel| (0..9).map(|i| k[i] * f64::from(patch(i))).sum::<f64>();
                let value = match self {
                    Filter::Weighted(kernel) => sum(kernel),
                    Filter::Sobel => sum(&named("left-sobel")).hypot(sum(&named("top-sobel"))),
                };
                // `as` truncates and clamps.
                out[y * width + x] = value as u8;
            }
        }
        out
    }
}

fn named(name: &str) -> Kernel {
    KERNELS.iter().find(|(n, _)| *n == name).expect("a name of the table").1
}

/// `photo-blur.png` in the present folder, which can be written to more often than the image's.
fn default_path(image: &Path, kernel: &str) -> PathBuf {
    let stem = image.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}-{kernel}.png"))
}

fn write_png(path: &Path, pixels: &[u8], width: usize, height: usize) -> Result<()> {
    atomic_write(path, |w| {
        PngEncoder::new(w)
            .write_image(pixels, width as u32, height as u32, ExtendedColorType::L8)
            .map_err(std::io::Error::other)
    })?;
    Ok(())
}
