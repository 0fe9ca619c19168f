//! What is done to images, by name, as recipes write it: `scale-jitter(256, 480)`, `crop(224)`, `flip` to train on,
//! `resize(256)`, `ten-crop(224)` to test on.
//!
//! Pictures in folders are brought to a square when they are decoded: of the side that `resize` states, the longest of
//! `scale-jitter`, or an eighth more than a crop's. What comes after works on squares.

use crate::error::{CliError, Result};
use crate::suggest::unknown;
use gradus::data::{
    Affine, Augment, CenterCrop, ColorJitter, Dataset, HorizontalFlip, PcaColor, RandomCrop,
    RandomResizedCrop, Resize, ScaleJitter, TenCrop,
};
use std::sync::Arc;

/// Changes of training images.
pub const AUGMENTATIONS: &[&str] = &[
    "shift",
    "flip",
    "affine",
    "resize",
    "crop",
    "random-resized-crop",
    "scale-jitter",
    "pca-colour",
    "colour-jitter",
];
/// How images are shown to be tested.
pub const EVALUATIONS: &[&str] = &["resize", "centre-crop", "ten-crop"];

/// No picture has a longer side.
const MOST: f64 = 16_384.0;
/// The axes of colours are measured on so many images, evenly taken.
const MEASURED: usize = 2_000;

/// The name and the numbers of `scale-jitter(256, 512)`.
struct Call<'a> {
    text: &'a str,
    name: &'a str,
    numbers: Vec<f64>,
}

impl Call<'_> {
    fn parse(text: &str) -> Result<Call<'_>> {
        let Some((name, rest)) = text.split_once('(') else {
            return Ok(Call { text, name: text, numbers: vec![] });
        };
        let numbers = rest.strip_suffix(')').map(|list| list.split(',').map(|n| n.trim().parse()));
        match numbers.map(Iterator::collect::<Result<Vec<f64>, _>>) {
            Some(Ok(numbers)) => Ok(Call { text, name, numbers }),
            _ => Err(CliError::Usage(format!(
                "augmentation {text:?}: expected a name and perhaps numbers, such as shift(4)"
            ))),
        }
    }

    /// Its numbers as pixels.
    fn pixels<const N: usize>(&self, expected: &str) -> Result<[usize; N]> {
        let whole = |n: &f64| n.fract() == 0.0 && (1.0..=MOST).contains(n);
        match <[f64; N]>::try_from(self.numbers.clone()) {
            Ok(numbers) if numbers.iter().all(whole) => Ok(numbers.map(|n| n as usize)),
            Ok(_) => Err(self.wrong(&format!("{expected}, in whole pixels from 1 to {MOST}"))),
            Err(_) => Err(self.wrong(expected)),
        }
    }

    fn wrong(&self, expected: &str) -> CliError {
        CliError::Usage(format!("augmentation {:?}: expected {expected}", self.text))
    }

    /// The side of the squares that pictures are brought to for this, if it says.
    fn loaded(&self) -> Result<Option<usize>> {
        Ok(match self.name {
            "resize" => Some(self.pixels::<1>("resize(PIXELS)")?[0]),
            "scale-jitter" => Some(self.pixels::<2>(JITTER)?[1]),
            _ => self.cut()?.map(|side| (side * 8).div_ceil(7)),
        })
    }

    /// The side of what it cuts out, if it cuts.
    fn cut(&self) -> Result<Option<usize>> {
        let cuts = ["crop", "random-resized-crop", "centre-crop", "ten-crop"].contains(&self.name);
        let expected = || format!("{}(PIXELS)", self.name);
        cuts.then(|| self.pixels::<1>(&expected()).map(|[side]| side)).transpose()
    }
}

const JITTER: &str = "scale-jitter(SHORTEST, LONGEST) and crop(PIXELS) after it";

/// The entries of a list such as `scale-jitter(256, 480),crop(224)`: commas within brackets are not between entries.
pub fn list(text: &str) -> Vec<String> {
    let mut depth = 0i32;
    let between = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth <= 0
    };
    text.split(between).map(|entry| entry.trim().to_owned()).filter(|e| !e.is_empty()).collect()
}

/// Refuses what is no change of training images.
pub fn check(text: &str) -> Result<()> {
    let name = Call::parse(text)?.name;
    match AUGMENTATIONS.contains(&name) {
        true => Ok(()),
        false => Err(unknown("augmentation", name, AUGMENTATIONS)),
    }
}

/// The side of the squares that pictures are brought to for these changes, and the side of what comes out; `None` where
/// they say nothing of it.
pub fn sides(texts: &[String]) -> Result<(Option<usize>, Option<usize>)> {
    let (mut loaded, mut result) = (None, None);
    for text in texts {
        let call = Call::parse(text)?;
        loaded = match loaded {
            None => call.loaded()?,
            known => known,
        };
        result = call.cut()?.or(result);
    }
    Ok((loaded, result.or(loaded)))
}

/// The changes of training images, which were brought to the side that [`sides`] tells.
///
/// # Errors
/// When numbers make no sense, or do not suit the images.
pub fn build(texts: &[String], train: &dyn Dataset) -> Result<Vec<Arc<dyn Augment>>> {
    let &[c, h, w] = train.shape() else {
        if let Some(text) = texts.first() {
            let found = format!("{text}: found samples of shape {:?}", train.shape());
            return Err(CliError::Usage(format!("{found}, expected images [c, h, w]")));
        }
        return Ok(vec![]);
    };
    let (mut shape, mut all) = ([c, h, w], vec![]);
    let mut calls = texts.iter().map(|text| Call::parse(text)).collect::<Result<Vec<_>>>()?;
    calls.reverse();
    while let Some(call) = calls.pop() {
        let change: Arc<dyn Augment> = match (call.name, calls.last()) {
            ("scale-jitter", Some(next)) if next.name == "crop" => {
                let [low, high] = call.pixels(JITTER)?;
                let size = next.pixels::<1>(JITTER)?[0];
                calls.pop();
                Arc::new(ScaleJitter { low, high, size })
            }
            ("pca-colour", _) => {
                let expected = "pca-colour(DEVIATION), 0.1 in the paper";
                let &[deviation] = &call.numbers[..] else { return Err(call.wrong(expected)) };
                Arc::new(PcaColor::of(train, MEASURED, deviation)?)
            }
            _ => simple(&call, shape)?,
        };
        let before = shape;
        shape = change.output_shape(before)?;
        // Pictures in folders were brought to their size when they were decoded.
        if call.name != "resize" || shape != before {
            all.push(change);
        }
    }
    Ok(all)
}

/// A change that needs to know nothing but the images' shape.
fn simple(call: &Call<'_>, [_, h, w]: [usize; 3]) -> Result<Arc<dyn Augment>> {
    Ok(match (call.name, &call.numbers[..]) {
        ("resize", _) => Arc::new(Resize { size: call.pixels::<1>("resize(PIXELS)")?[0] }),
        ("flip", []) => Arc::new(HorizontalFlip),
        ("affine", []) => Arc::new(Affine { degrees: 10.0, shift: h as f64 / 20.0, scale: 0.1 }),
        ("shift", []) => Arc::new(RandomCrop { height: h, width: w, padding: h / 12 }),
        ("shift", &[0.0]) => Arc::new(RandomCrop { height: h, width: w, padding: 0 }),
        ("shift", _) => {
            let [padding] = call.pixels("shift or shift(PIXELS)")?;
            Arc::new(RandomCrop { height: h, width: w, padding })
        }
        ("crop", _) => {
            let [side] = call.pixels("crop(PIXELS)")?;
            Arc::new(RandomCrop { height: side, width: side, padding: 0 })
        }
        ("random-resized-crop", _) => {
            Arc::new(RandomResizedCrop::new(call.pixels::<1>("random-resized-crop(PIXELS)")?[0]))
        }
        // Strengths that are usual.
        ("colour-jitter", []) => {
            Arc::new(ColorJitter { brightness: 0.4, contrast: 0.4, saturation: 0.4 })
        }
        ("colour-jitter", &[brightness, contrast, saturation]) => {
            Arc::new(ColorJitter { brightness, contrast, saturation })
        }
        ("colour-jitter", _) => {
            return Err(
                call.wrong("colour-jitter or colour-jitter(BRIGHTNESS, CONTRAST, SATURATION)")
            );
        }
        ("scale-jitter", _) => return Err(call.wrong(JITTER)),
        (name, _) => return Err(call.wrong(name)),
    })
}

/// Samples, and what remains to be done to each.
type Views = (Arc<dyn Dataset>, Vec<Arc<dyn Augment>>);

/// How images are shown to be tested: as they are, the middle of each, or ten views of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    resize: Option<usize>,
    crop: Option<usize>,
    ten: bool,
}

impl Evaluation {
    /// What a recipe's `evaluate` says.
    pub fn of(texts: &[String]) -> Result<Evaluation> {
        let mut evaluation = Evaluation::default();
        for text in texts {
            let call = Call::parse(text)?;
            if !EVALUATIONS.contains(&call.name) {
                return Err(unknown("way to show images", call.name, EVALUATIONS));
            }
            if evaluation.crop.is_some() {
                return Err(call.wrong("nothing after a crop"));
            }
            match call.cut()? {
                None => evaluation.resize = call.loaded()?,
                Some(side) => {
                    evaluation.resize = evaluation.resize.or(call.loaded()?);
                    (evaluation.crop, evaluation.ten) = (Some(side), call.name == "ten-crop");
                }
            }
        }
        Ok(evaluation)
    }

    /// The side of the squares that pictures are brought to, if it says.
    pub fn loaded(&self) -> Option<usize> {
        self.resize
    }

    /// Views of an image; a network's answer is the mean of its answers to them.
    pub fn views(&self) -> usize {
        if self.ten { TenCrop::VIEWS } else { 1 }
    }

    /// The same with one view of each image, its middle.
    pub fn single(&self) -> Evaluation {
        Evaluation { ten: false, ..self.clone() }
    }

    /// The views of all images as samples, and what remains to be done to each.
    pub fn show(&self, data: Arc<dyn Dataset>) -> Result<Views> {
        let &[_, h, w] = data.shape() else { return Ok((data, vec![])) };
        let mut changes: Vec<Arc<dyn Augment>> = vec![];
        if let Some(size) = self.resize.filter(|&side| (h, w) != (side, side)) {
            if self.ten {
                let what = format!(
                    "ten crops of images of {size}×{size} were asked for, these are {h}×{w} and stay so"
                );
                return Err(CliError::Work(what));
            }
            changes.push(Arc::new(Resize { size }));
        }
        match self.crop {
            Some(side) if self.ten => return Ok((TenCrop::new(data, side)?.into(), changes)),
            Some(side) => changes.push(Arc::new(CenterCrop { height: side, width: side })),
            None => {}
        }
        Ok((data, changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn commas_in_brackets_divide_nothing() {
        let found = list("scale-jitter(256, 480), crop(224),flip,");
        assert_eq!(found, ["scale-jitter(256, 480)", "crop(224)", "flip"]);
    }

    #[test]
    fn sides_follow_from_the_changes() {
        let of = |texts: &[&str]| sides(&owned(texts)).unwrap();
        assert_eq!(of(&["resize(256)", "crop(227)", "flip"]), (Some(256), Some(227)));
        assert_eq!(of(&["scale-jitter(256, 480)", "crop(224)"]), (Some(480), Some(224)));
        assert_eq!(of(&["random-resized-crop(224)", "flip"]), (Some(256), Some(224)));
        assert_eq!(of(&["resize(64)", "flip"]), (Some(64), Some(64)));
        assert_eq!(of(&["flip", "shift(2)"]), (None, None));
        assert!(sides(&owned(&["crop(1.5)"])).is_err());
    }

    #[test]
    fn ways_to_test() {
        let ten = Evaluation::of(&owned(&["resize(256)", "ten-crop(224)"])).unwrap();
        assert_eq!((ten.loaded(), ten.views(), ten.single().views()), (Some(256), 10, 1));
        let middle = Evaluation::of(&owned(&["centre-crop(224)"])).unwrap();
        assert_eq!((middle.loaded(), middle.views()), (Some(256), 1));
        for wrong in [&["flip"][..], &["ten-crop"], &["ten-crop(0)"], &["ten-crop(8)", "resize(9)"]]
        {
            assert!(Evaluation::of(&owned(wrong)).is_err(), "{wrong:?}");
        }
    }
}
