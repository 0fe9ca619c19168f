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
use notation::{Written, incomplete, told};
pub use notation::{entries, kinds, list};
use serde::de::{Error, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
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

    fn remark(kind: &str) -> &'static str {
        match kind {
            "scale-jitter" => " and crop(PIXELS) after it",
            "pca-colour" => ", 0.1 in the paper",
            _ => "",
        }
    }
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
    let what = format!("found {n}, expected a number in whole pixels from 1 to {MOST}");
    Err(D::Error::custom(what))
}

/// What is put around an image; it may be nothing.
fn padding<'d, D: Deserializer<'d>>(d: D) -> Result<Option<usize>, D::Error> {
    let n = f64::deserialize(d)?;
    if n == 0.0 { Ok(Some(0)) } else { pixels(n.into_deserializer()).map(Some) }
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
            _ => change.build(shape, train)?,
        };
        let before = shape;
        shape = built.output_shape(before)?;
        // Pictures in folders were brought to their size when they were decoded.
        if !matches!(change, Augmentation::Resize { .. }) || shape != before {
            all.push(built);
        }
    }
    Ok(all)
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
mod tests {
    use super::*;

    fn changes(text: &str) -> Vec<Augmentation> {
        list(text).unwrap()
    }

    /// What a file with these entries holds.
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct File {
        #[serde(deserialize_with = "entries")]
        augment: Vec<Augmentation>,
    }

    fn refusal(augment: &str) -> String {
        let error = toml::from_str::<File>(&format!("augment = [{augment}]")).unwrap_err();
        error.message().to_owned()
    }

    #[test]
    fn commas_in_brackets_divide_nothing() {
        let found = changes("scale-jitter(256, 480), crop(224),flip,");
        let jitter = Augmentation::ScaleJitter { shortest: 256, longest: 480 };
        assert_eq!(found, [jitter, Augmentation::Crop { size: 224 }, Augmentation::Flip {}]);
    }

    #[test]
    fn sides_follow_from_the_changes() {
        let of = |text: &str| sides(&changes(text));
        assert_eq!(of("resize(256),crop(227),flip"), (Some(256), Some(227)));
        assert_eq!(of("scale-jitter(256, 480),crop(224)"), (Some(480), Some(224)));
        assert_eq!(of("random-resized-crop(224),flip"), (Some(256), Some(224)));
        assert_eq!(of("resize(64),flip"), (Some(64), Some(64)));
        assert_eq!(of("flip,shift(2)"), (None, None));
        assert!(list::<Augmentation>("crop(1.5)").is_err());
    }

    /// Texts and tables say the same, with the same usual numbers; what is written is tables.
    #[test]
    fn texts_and_tables() {
        let read = |text: &str| toml::from_str::<File>(&format!("augment = [{text}]")).unwrap();
        for (text, table) in [
            ("shift", "{ kind = \"shift\" }"),
            ("shift(0)", "{ kind = \"shift\", padding = 0 }"),
            ("shift(4)", "{ kind = \"shift\", padding = 4 }"),
            ("flip", "{ kind = \"flip\" }"),
            ("affine", "{ kind = \"affine\" }"),
            ("affine", "{ kind = \"affine\", degrees = 10, scale = 0.1 }"),
            ("affine(5, 1.4)", "{ kind = \"affine\", degrees = 5, shift = 1.4 }"),
            ("resize(256)", "{ kind = \"resize\", size = 256 }"),
            ("crop(224)", "{ kind = \"crop\", size = 224 }"),
            ("random-resized-crop(224)", "{ kind = \"random-resized-crop\", size = 224 }"),
            (
                "scale-jitter(256, 480)",
                "{ kind = \"scale-jitter\", shortest = 256, longest = 480 }",
            ),
            ("pca-colour(0.1)", "{ kind = \"pca-colour\", deviation = 0.1 }"),
            ("colour-jitter", "{ kind = \"colour-jitter\", contrast = 0.4 }"),
            (
                "colour-jitter(0.1, 0, 1)",
                "{ kind = \"colour-jitter\", brightness = 0.1, contrast = 0, saturation = 1 }",
            ),
        ] {
            let (of_text, of_table) = (read(&format!("{text:?}")), read(table));
            assert_eq!(of_text, of_table, "{text}");
            let written = toml::to_string(&of_text).unwrap();
            assert!(written.starts_with("[[augment]]\nkind = "), "{written}");
            assert_eq!(toml::from_str::<File>(&written).unwrap(), of_text);
            let json = serde_json::to_string(&of_text).unwrap();
            assert_eq!(serde_json::from_str::<File>(&json).unwrap(), of_text);
        }
        let usual = read("{ kind = \"random-resized-crop\", size = 224 }");
        let (scale, ratio) = ((0.08, 1.0), (0.75, 4.0 / 3.0));
        assert_eq!(usual.augment, [Augmentation::RandomResizedCrop { size: 224, scale, ratio }]);
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        let kinds = "There are: shift, flip, affine, resize, crop, random-resized-crop, scale-jitter, pca-colour, colour-jitter";
        let flop = format!("unknown augmentation \"flop\"; did you mean \"flip\"? {kinds}");
        assert_eq!(refusal("\"flop\""), flop);
        assert_eq!(refusal("{ kind = \"flop\" }"), flop);
        for (table, told) in [
            (
                "{ kind = \"affine\", degree = 3 }",
                "unknown key of affine \"degree\"; did you mean \"degrees\"? There are: degrees, shift, scale",
            ),
            (
                "{ kind = \"flip\", p = 0.3 }",
                "augmentation { kind = \"flip\", p = 0.3 }: expected no p: flip has no entries",
            ),
            ("{ kind = \"crop\" }", "augmentation { kind = \"crop\" }: expected size, too"),
            (
                "{ kind = \"crop\", size = 1.5 }",
                "augmentation { kind = \"crop\", size = 1.5 }: found 1.5, expected a number in whole pixels from 1 to 16384",
            ),
            (
                "{ kind = \"affine\", shift = nan }",
                "augmentation { kind = \"affine\", shift = nan }: shift: found nan, expected a finite number",
            ),
            (
                "{ kind = \"affine\", shift = \"2\" }",
                "augmentation { kind = \"affine\", shift = \"2\" }: invalid type: string \"2\", expected f64",
            ),
            (
                "{ size = 3 }",
                "augmentation { size = 3 }: expected a kind, one of shift, flip, affine",
            ),
            ("3", "expected tables such as { kind = \"flip\" }"),
            ("\"crop\"", "augmentation \"crop\": expected crop(PIXELS)"),
            (
                "\"crop(0.5)\"",
                "augmentation \"crop(0.5)\": expected crop(PIXELS): found 0.5, expected a number in whole pixels from 1 to 16384",
            ),
            ("\"crop(2, 3)\"", "augmentation \"crop(2, 3)\": expected crop(PIXELS)"),
            ("\"flip(1)\"", "augmentation \"flip(1)\": expected flip"),
            ("\"crop(,2)\"", "augmentation \"crop(,2)\": expected a name and perhaps numbers"),
            (
                "\"shift(4\"",
                "augmentation \"shift(4\": expected a name and perhaps numbers, such as shift(4)",
            ),
            ("\"shift(1, 2)\"", "augmentation \"shift(1, 2)\": expected shift or shift(PIXELS)"),
            (
                "\"pca-colour\"",
                "augmentation \"pca-colour\": expected pca-colour(DEVIATION), 0.1 in the paper",
            ),
            (
                "\"scale-jitter(8)\"",
                "augmentation \"scale-jitter(8)\": expected scale-jitter(SHORTEST, LONGEST) and crop(PIXELS) after it",
            ),
            (
                "\"colour-jitter(1, 1, 1, 1)\"",
                "augmentation \"colour-jitter(1, 1, 1, 1)\": expected colour-jitter or colour-jitter(BRIGHTNESS, CONTRAST, SATURATION)",
            ),
        ] {
            assert!(refusal(table).starts_with(told), "{}", refusal(table));
        }
    }
}
