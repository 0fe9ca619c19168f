//! Images in memory: bytes `[n, c, h, w]` with one label each.

use crate::dataset::Dataset;
use crate::error::{DataError, Result};
use crate::key::Key;

/// Images of one shape as bytes, with labels. `read` gives pixels divided by 255.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageDataset {
    name: String,
    shape: [usize; 3],
    pixels: Vec<u8>,
    labels: Vec<i64>,
    classes: Vec<String>,
}

impl ImageDataset {
    /// `pixels` are `[n, c, h, w]` with `shape` = `[c, h, w]`; `name` (a file or data set) appears in errors.
    pub fn new(
        name: &str,
        shape: [usize; 3],
        pixels: Vec<u8>,
        labels: Vec<i64>,
        classes: Vec<String>,
    ) -> Result<ImageDataset> {
        let [c, h, w] = shape;
        let item = c * h * w;
        if item == 0 || pixels.len() != labels.len() * item {
            return Err(DataError::invalid(
                format!("{name}: images"),
                format!("{} bytes", pixels.len()),
                format!("{} labels × {c}×{h}×{w}, each size positive", labels.len()),
            ));
        }
        check_labels(name, &labels, classes.len())?;
        Ok(ImageDataset { name: name.to_owned(), shape, pixels, labels, classes })
    }

    /// The file or data set these images came from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of image `index`, `[c, h, w]`.
    pub fn image(&self, index: usize) -> &[u8] {
        let item = self.item_len();
        &self.pixels[index * item..(index + 1) * item]
    }

    /// All bytes, `[n, c, h, w]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels.
    pub fn labels(&self) -> &[i64] {
        &self.labels
    }

    /// The samples of `self`, then those of `other`, which must have the same shape and classes.
    pub fn concat(mut self, other: &ImageDataset) -> Result<ImageDataset> {
        if self.shape != other.shape || self.classes != other.classes {
            return Err(DataError::invalid(
                format!("{}: images", other.name),
                format!("shape {:?} and {} classes", other.shape, other.classes.len()),
                format!("{:?} and {} as in {}", self.shape, self.classes.len(), self.name),
            ));
        }
        self.pixels.extend_from_slice(&other.pixels);
        self.labels.extend_from_slice(&other.labels);
        Ok(self)
    }

    fn item_len(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.labels.len()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> i64 {
        self.labels[index]
    }
    fn key(&self, index: usize) -> Result<Key> {
        Ok(Key::of(self.image(index)))
    }
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let image = self.image(index);
        assert_eq!(out.len(), image.len(), "ImageDataset::read: length of the output");
        for (to, &from) in out.iter_mut().zip(image) {
            *to = from as f32 / 255.0;
        }
        Ok(())
    }
}

/// Every label must name a class.
pub(crate) fn check_labels(file: &str, labels: &[i64], classes: usize) -> Result<()> {
    match labels.iter().position(|&l| l < 0 || l >= classes as i64) {
        Some(sample) => {
            Err(DataError::Label { file: file.to_owned(), sample, label: labels[sample], classes })
        }
        None => Ok(()),
    }
}
