//! How images are shown to be tested: as they are, the middle of each, or ten views of each.

use super::notation::{Written, misplaced};
use super::pixels;
use crate::error::{CliError, Result};
use gradus::data::{Augment, CenterCrop, Dataset, Resize, TenCrop};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A way to show images to be tested, as a file's `evaluate` lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shown {
    /// Brought to a square.
    Resize {
        /// Its side.
        #[serde(deserialize_with = "pixels")]
        size: usize,
    },
    /// The square in the middle.
    CentreCrop {
        /// Its side.
        #[serde(deserialize_with = "pixels")]
        size: usize,
    },
    /// Squares in the corners and in the middle, as they are and mirrored.
    TenCrop {
        /// Their side.
        #[serde(deserialize_with = "pixels")]
        size: usize,
    },
}

impl Written for Shown {
    const NOUN: &'static str = "way to show images";
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
    pub fn of(ways: &[Shown]) -> Result<Evaluation> {
        let mut evaluation = Evaluation::default();
        for way in ways {
            if evaluation.crop.is_some() {
                return Err(misplaced(way, "nothing after a crop"));
            }
            match *way {
                Shown::Resize { size } => evaluation.resize = Some(size),
                Shown::CentreCrop { size } | Shown::TenCrop { size } => {
                    evaluation.resize = evaluation.resize.or(Some(super::around(size)));
                    evaluation.crop = Some(size);
                    evaluation.ten = matches!(way, Shown::TenCrop { .. });
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
    use super::{Evaluation, Result};
    use crate::augmentation::list;

    fn of(text: &str) -> Result<Evaluation> {
        Evaluation::of(&list(text)?)
    }

    #[test]
    fn ways_to_test() {
        let ten = of("resize(256),ten-crop(224)").unwrap();
        assert_eq!((ten.loaded(), ten.views(), ten.single().views()), (Some(256), 10, 1));
        let middle = of("centre-crop(224)").unwrap();
        assert_eq!((middle.loaded(), middle.views()), (Some(256), 1));
        for wrong in ["flip", "ten-crop", "ten-crop(0)", "ten-crop(8),resize(9)"] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
        let misplaced = of("ten-crop(8),resize(9)").unwrap_err().to_string();
        assert_eq!(misplaced, "augmentation \"resize(9)\": expected nothing after a crop");
    }
}
