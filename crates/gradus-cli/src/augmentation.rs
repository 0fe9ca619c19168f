//! Changes of images by name, as recipes write them: `flip`, `shift(4)`, `crop(224)`.

use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::data::{Affine, Augment, HorizontalFlip, RandomCrop};
use std::sync::Arc;

/// What there is.
pub const AUGMENTATIONS: &[&str] = &["shift", "flip", "affine"];

/// What the papers' recipes name and this program does not do yet.
const PLANNED: &[&str] = &[
    "resize",
    "crop",
    "centre-crop",
    "random-resized-crop",
    "scale-jitter",
    "pca-colour",
    "colour-jitter",
    "ten-crop",
];

/// The name and the numbers of `scale-jitter(256, 512)`.
fn parsed(text: &str) -> Result<(&str, Vec<f64>)> {
    let Some((name, rest)) = text.split_once('(') else { return Ok((text, vec![])) };
    let numbers = rest.strip_suffix(')').map(|list| list.split(',').map(|n| n.trim().parse()));
    match numbers.map(Iterator::collect::<Result<Vec<f64>, _>>) {
        Some(Ok(numbers)) => Ok((name, numbers)),
        _ => Err(CliError::Usage(format!(
            "augmentation {text:?}: expected a name and perhaps numbers, such as shift(4)"
        ))),
    }
}

/// Refuses what is no augmentation.
pub fn check(text: &str) -> Result<()> {
    let (name, _) = parsed(text)?;
    let known = [AUGMENTATIONS, PLANNED].concat();
    if known.contains(&name) { Ok(()) } else { Err(unknown("augmentation", name, &known)) }
}

/// Refuses what is not there yet.
pub fn refuse_unavailable(names: &[String]) -> Result<()> {
    for text in names {
        let (name, _) = parsed(text)?;
        if !AUGMENTATIONS.contains(&name) {
            let known = AUGMENTATIONS.join(", ");
            return Err(CliError::Work(format!(
                "{text}: this program does not prepare images that way yet; there are: {known} (--augment overrides a recipe's)"
            )));
        }
    }
    Ok(())
}

/// The change for images of a shape.
///
/// # Errors
/// When it is not there yet, or its numbers make no sense.
pub fn build(text: &str, shape: &[usize]) -> Result<Arc<dyn Augment>> {
    refuse_unavailable(&[text.to_owned()])?;
    let (name, numbers) = parsed(text)?;
    let size = |axis: usize| shape.get(axis).copied().unwrap_or(1);
    let wrong = || {
        let what = format!("augmentation {text:?}: expected flip, affine, shift or shift(PIXELS)");
        CliError::Usage(what)
    };
    Ok(match (name, &numbers[..]) {
        ("flip", []) => Arc::new(HorizontalFlip),
        ("affine", []) => {
            Arc::new(Affine { degrees: 10.0, shift: size(1) as f64 / 20.0, scale: 0.1 })
        }
        ("shift", numbers) => {
            let padding = match numbers {
                [] => size(1) / 12,
                &[pixels] if pixels >= 0.0 && pixels.fract() == 0.0 && pixels < 1e4 => {
                    pixels as usize
                }
                _ => return Err(wrong()),
            };
            Arc::new(RandomCrop { height: size(1), width: size(2), padding })
        }
        _ => return Err(wrong()),
    })
}
