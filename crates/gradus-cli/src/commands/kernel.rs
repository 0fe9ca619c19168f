//! `gradus kernel`: a 3×3 kernel over an image, by the rules of the "Image Kernels" page (setosa.io/ev/image-kernels): grey
//! values, the kernel laid over the pixels as it is written, borders black, sums truncated and clamped to 0..=255.

use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::data::kernels::{Border, KERNELS, Laid, Map, Weights, byte, named};
use gradus::data::{ImageOptions, RawImage, parse_image};
use gradus::io::atomic_write;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

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
    Weighted([f64; 9]),
    /// The length of the gradient.
    Sobel,
}

/// A kernel by its name, or of nine numbers between spaces or commas.
fn parse(text: &str) -> Result<(String, Filter)> {
    if text == "sobel" {
        return Ok((text.into(), Filter::Sobel));
    }
    if let Some(kernel) = named(text) {
        return Ok((text.into(), Filter::Weighted(kernel)));
    }
    let words: Vec<&str> =
        text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let numbers: Option<Vec<f64>> =
        words.iter().map(|w| w.parse().ok().filter(|x: &f64| x.is_finite())).collect();
    match numbers.map(<[f64; 9]>::try_from) {
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
        let values = image.pixels.iter().map(|&pixel| f64::from(pixel)).collect();
        let picture = Map { width, height, values };
        let laid = Laid { stride: 1, dilation: 1, border: Border::Black };
        let sums = |kernel: [f64; 9]| laid.sums(&picture, &Weights::flat(3, kernel)).values;
        let of = |name: &str| sums(named(name).expect("a name of the table"));
        let values = match self {
            Filter::Weighted(kernel) => sums(*kernel),
            Filter::Sobel => {
                let (left, top) = (of("left-sobel"), of("top-sobel"));
                left.into_iter().zip(top).map(|(x, y)| x.hypot(y)).collect()
            }
        };
        values.into_iter().map(byte).collect()
    }
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
