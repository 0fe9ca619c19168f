//! What is done to images, as recipes write it: `{ kind = "scale-jitter", shortest = 256, longest = 480 }`,
//! `{ kind = "crop", size = 224 }`, `{ kind = "flip" }` to train on, `{ kind = "resize", size = 256 }`,
//! `{ kind = "ten-crop", size = 224 }` to test on; or shorter `scale-jitter(256, 480)` and so on.
//!
//! Pictures in folders are brought to a square when they are decoded: of the side that `resize` states, the longest of
//! `scale-jitter`, or an eighth more than a crop's. What comes after works on squares.

mod evaluation;
mod notation;

use crate::error::{CliError, Result};
pub use evaluation::{Evaluation, Shown};
use gradus::data::{
    Affine, Augment, ColorJitter, Dataset, HorizontalFlip, PcaColor, RandomCrop, RandomResizedCrop,
    Resize, ScaleJitter,
};
pub use notation::{Misstated, Written, check, entries, kinds, list, of_value, usages};
use notation::{incomplete, told};
use serde::de::{Error, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::Display;
use std::sync::Arc;

/// A random change of training images. A kind is written once: here and, as it is built, in [`Augmentation::build`]. Its entries are what
/// tables hold and, in this order, what texts such as `shift(4)` do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Augmentation {
    /// Moved along both axes, zeros (black) coming in.
    Shift {
        /// By so many pixels at most; a twelfth of the height where it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "padding")]
        padding: Option<usize>,
    },
    /// Mirrored from left to right, every second time.
    Flip {},
    /// Rotated, scaled and shifted.
    Affine {
        /// The largest rotation to either side.
        #[serde(default = "usual::degrees")]
        degrees: f64,
        /// The largest shift, in pixels; a twentieth of the height where it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shift: Option<f64>,
        /// The largest relative change of size.
        #[serde(default = "usual::scale")]
        scale: f64,
    },
    /// Brought to a square.
    Resize {
        /// Its side.
        #[serde(deserialize_with = "pixels")]
        size: usize,
    },
    /// A square at a random place.
    Crop {
        /// Its side.
        #[serde(deserialize_with = "pixels")]
        size: usize,
    },
    /// A window of random area and aspect ratio, brought to a square.   Szegedy et al. 2014, arXiv:1409.4842 §6
    RandomResizedCrop {
        /// Its side.
        #[serde(deserialize_with = "pixels")]
        size: usize,
        /// The smallest and the largest share of the image's area.
        #[serde(default = "usual::area")]
        scale: (f64, f64),
        /// The narrowest and the widest aspect ratio, width over height.
        #[serde(default = "usual::ratio")]
        ratio: (f64, f64),
    },
    /// Brought to a random size, of which a `crop` that must follow takes a part.   Simonyan & Zisserman 2014, arXiv:1409.1556 §3.1
    ScaleJitter {
        /// The shortest side.
        #[serde(deserialize_with = "pixels")]
        shortest: usize,
        /// The longest side.
        #[serde(deserialize_with = "pixels")]
        longest: usize,
    },
    /// All pixels moved along the axes of the data's colours.   Krizhevsky et al. 2012, §4.1
    PcaColour {
        /// The standard deviation of how far; 0.1 in the paper.
        deviation: f64,
    },
    /// Brightness, contrast and saturation changed.
    ColourJitter {
        /// The largest relative change of brightness.
        #[serde(default = "usual::strength")]
        brightness: f64,
        /// The largest relative change of contrast.
        #[serde(default = "usual::strength")]
        contrast: f64,
        /// The largest relative change of saturation.
        #[serde(default = "usual::strength")]
        saturation: f64,
    },
}

/// Numbers that are usual, where none are said.
mod usual {
    use gradus::data::RandomResizedCrop;

    pub fn degrees() -> f64 {
        10.0
    }
    pub fn scale() -> f64 {
        0.1
    }
    pub fn strength() -> f64 {
        0.4
    }
    pub fn area() -> (f64, f64) {
        RandomResizedCrop::new(1).area
    }
    pub fn ratio() -> (f64, f64) {
        RandomResizedCrop::new(1).aspect
    }
}

impl Written for Augmentation {
    const NOUN: &'static str = "augmentation";
    const MAY_BE_NONE: bool = true;

    fn remark(kind: &str) -> &'static str {
        match kind {
            "scale-jitter" => " and crop(PIXELS) after it",
            "pca-colour" => ", 0.1 in the paper",
            _ => "",
        }
    }

    fn check(&self) -> Result<(), String> {
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        match *self {
            Augmentation::Affine { degrees, shift, scale } => {
                within(not_negative(degrees), "degrees", &degrees, "0 or more")?;
                let shift = shift.unwrap_or(0.0);
                within(not_negative(shift), "shift", &shift, "0 or more")?;
                within((0.0..1.0).contains(&scale), "scale", &scale, "from 0 to below 1")
            }
            Augmentation::RandomResizedCrop {
                scale: (small, large),
                ratio: (narrow, wide),
                ..
            } => {
                let found = format!("[{small:?}, {large:?}]");
                let is_rising = 0.0 < small && small <= large && large <= 1.0;
                within(
                    is_rising,
                    "scale",
                    &found,
                    "two shares above 0, the smaller first, at most 1",
                )?;
                let found = format!("[{narrow:?}, {wide:?}]");
                let is_rising = 0.0 < narrow && narrow <= wide && wide.is_finite();
                within(is_rising, "ratio", &found, "two numbers above 0, the smaller first")
            }
            Augmentation::ScaleJitter { shortest, longest } => {
                within(shortest <= longest, "longest", &longest, &format!("at least {shortest}"))
            }
            Augmentation::PcaColour { deviation } => {
                within(not_negative(deviation), "deviation", &deviation, "0 or more")
            }
            Augmentation::ColourJitter { brightness, contrast, saturation } => {
                within(share(brightness), "brightness", &brightness, "from 0 to 1")?;
                within(share(contrast), "contrast", &contrast, "from 0 to 1")?;
                within(share(saturation), "saturation", &saturation, "from 0 to 1")
            }
            _ => Ok(()),
        }
    }
}

/// Refuses what does not hold, by the key.
fn within(ok: bool, key: &str, found: &dyn Display, expected: &str) -> Result<(), String> {
    if ok { Ok(()) } else { Err(format!("{key}: found {found}, expected {expected}")) }
}

/// No picture has a longer side.
const MOST: f64 = 16_384.0;
/// The axes of colours are measured on so many images, evenly taken.
const MEASURED: usize = 2_000;

/// A side.
fn pixels<'d, D: Deserializer<'d>>(d: D) -> Result<usize, D::Error> {
    let n = f64::deserialize(d)?;
    if n.fract() == 0.0 && (1.0..=MOST).contains(&n) {
        return Ok(n as usize);
    }
    Err(no_pixels(n, 1))
}

fn no_pixels<E: Error>(found: f64, least: usize) -> E {
    E::custom(format!("found {found}, expected a number in whole pixels from {least} to {MOST}"))
}

/// What is put around an image; it may be nothing.
fn padding<'d, D: Deserializer<'d>>(d: D) -> Result<Option<usize>, D::Error> {
    let n = f64::deserialize(d)?;
    let all: Result<usize, D::Error> = pixels(n.into_deserializer());
    if n == 0.0 { Ok(Some(0)) } else { all.map(Some).map_err(|_| no_pixels(n, 0)) }
}

/// The side of the squares that pictures are brought to for a crop: an eighth more.
fn around(crop: usize) -> usize {
    (crop * 8).div_ceil(7)
}

/// The side of the squares that pictures are brought to for these changes, and the side of what comes out; `None` where
/// they say nothing of it.
pub fn sides(changes: &[Augmentation]) -> (Option<usize>, Option<usize>) {
    let loaded = changes.iter().find_map(Augmentation::loaded);
    let result = changes.iter().rev().find_map(Augmentation::cut);
    (loaded, result.or(loaded))
}

/// The changes of training images, which were brought to the side that [`sides`] tells.
///
/// # Errors
/// When numbers make no sense, or do not suit the images.
pub fn build(changes: &[Augmentation], train: &dyn Dataset) -> Result<Vec<Arc<dyn Augment>>> {
    let &[c, h, w] = train.shape() else {
        if let Some(first) = changes.first() {
            let found = format!("{}: found samples of shape {:?}", told(first), train.shape());
            return Err(CliError::Usage(format!("{found}, expected images [c, h, w]")));
        }
        return Ok(vec![]);
    };
    let (mut shape, mut all) = ([c, h, w], vec![]);
    let mut left = changes.iter().peekable();
    while let Some(change) = left.next() {
        let built: Arc<dyn Augment> = match (change, left.peek()) {
            (
                &Augmentation::ScaleJitter { shortest, longest },
                Some(&&Augmentation::Crop { size }),
            ) => {
                left.next();
                Arc::new(ScaleJitter { low: shortest, high: longest, size })
            }
            _ => change.build(shape, train).map_err(|error| at(change, error))?,
        };
        let before = shape;
        shape = built.output_shape(before).map_err(|error| at(change, error.into()))?;
        // Pictures in folders were brought to their size when they were decoded.
        if !matches!(change, Augmentation::Resize { .. }) || shape != before {
            all.push(built);
        }
    }
    Ok(all)
}

/// An error, with the change that it is of.
fn at(change: &Augmentation, error: CliError) -> CliError {
    match error {
        CliError::Usage(_) => error, // that names it
        error => CliError::Work(format!("augment, {}: {error}", told(change))),
    }
}

/// Refuses shifts by which nothing of images `[c, h, w]` would be left.
pub fn require_room(changes: &[Augmentation], shape: &[usize]) -> Result<()> {
    let &[_, h, w] = shape else { return Ok(()) };
    let mut side = h.min(w);
    for change in changes {
        let shift = match *change {
            Augmentation::Shift { padding } => padding.map(|n| n as f64),
            Augmentation::Affine { shift, .. } => shift,
            Augmentation::Resize { size } => {
                side = size;
                None
            }
            _ => {
                side = change.cut().unwrap_or(side);
                None
            }
        };
        if let Some(found) = shift.filter(|shift| *shift >= side as f64) {
            let expected = format!("fewer pixels than the {side} of the images");
            return Err(CliError::Usage(format!(
                "augment, {}: found a shift by {found}, expected {expected}",
                told(change)
            )));
        }
    }
    Ok(())
}

impl Augmentation {
    /// Digits are turned a little so.
    pub fn affine() -> Augmentation {
        let (degrees, scale) = (usual::degrees(), usual::scale());
        Augmentation::Affine { degrees, shift: None, scale }
    }

    /// The side of the squares that pictures are brought to for this, if it says.
    fn loaded(&self) -> Option<usize> {
        match *self {
            Augmentation::Resize { size } | Augmentation::ScaleJitter { longest: size, .. } => {
                Some(size)
            }
            _ => self.cut().map(around),
        }
    }

    /// The side of what it cuts out, if it cuts.
    fn cut(&self) -> Option<usize> {
        match *self {
            Augmentation::Crop { size } | Augmentation::RandomResizedCrop { size, .. } => {
                Some(size)
            }
            _ => None,
        }
    }

    /// What does it to images `[c, h, w]` of these data.
    fn build(&self, [_, h, w]: [usize; 3], train: &dyn Dataset) -> Result<Arc<dyn Augment>> {
        Ok(match *self {
            Augmentation::Shift { padding } => {
                let padding = padding.unwrap_or(h / 12);
                Arc::new(RandomCrop { height: h, width: w, padding })
            }
            Augmentation::Flip {} => Arc::new(HorizontalFlip),
            Augmentation::Affine { degrees, shift, scale } => {
                Arc::new(Affine { degrees, shift: shift.unwrap_or(h as f64 / 20.0), scale })
            }
            Augmentation::Resize { size } => Arc::new(Resize { size }),
            Augmentation::Crop { size } => {
                Arc::new(RandomCrop { height: size, width: size, padding: 0 })
            }
            Augmentation::RandomResizedCrop { size, scale: area, ratio: aspect } => {
                Arc::new(RandomResizedCrop { size, area, aspect })
            }
            Augmentation::ScaleJitter { .. } => return Err(incomplete(self)),
            Augmentation::PcaColour { deviation } => {
                Arc::new(PcaColor::of(train, MEASURED, deviation)?)
            }
            Augmentation::ColourJitter { brightness, contrast, saturation } => {
                Arc::new(ColorJitter { brightness, contrast, saturation })
            }
        })
    }
}

#[cfg(test)]
mod tests;
