//! A sheet of pictures of a data set: some of each class in a row, its name before them.

use crate::error::Result;
use crate::paper::{DARK, Letters, Paper};
use gradus::data::{Dataset, labels_of};
use gradus::io::png::encode;

/// Pictures of a class, and classes, at most.
const ACROSS: usize = 10;
const DOWN: usize = 40;
/// How names are written, and how many pixels they may be wide.
const LETTERS: Letters = Letters::Large;
const ROOM: usize = 192;
/// Pixels between pictures, and the least side at which one is drawn.
const GAP: usize = 6;
const SIDE: usize = 64;

/// A sample `[c, h, w]` in 0..=1 as interleaved bytes.
fn bytes(sample: &[f32], channels: usize) -> Vec<u8> {
    let area = sample.len() / channels;
    let byte = |x: f32| (x * 255.0).round().clamp(0.0, 255.0) as u8;
    (0..sample.len()).map(|i| byte(sample[i % channels * area + i / channels])).collect()
}

/// A sample as a PNG, grey or RGB.
pub fn png(sample: &[f32], channels: usize, height: usize, width: usize) -> Result<Vec<u8>> {
    Ok(encode(width, height, channels, &bytes(sample, channels))?)
}

/// A PNG with the first pictures of each class.
///
/// # Errors
/// When a picture cannot be read.
pub fn draw(data: &dyn Dataset) -> Result<Vec<u8>> {
    let &[channels, height, width] = data.shape() else { return Ok(vec![]) };
    let (labels, classes) = (labels_of(data), data.classes());
    let rows = classes.len().min(DOWN);
    // Small pictures are enlarged by a whole factor: their pixels stay to be seen.
    let zoom = SIDE.div_ceil(height.max(width)).max(1);
    let (high, wide) = (zoom * height + GAP, zoom * width + GAP);
    let high = high.max(LETTERS.height() + GAP);
    let names = classes.iter().take(rows).map(|class| LETTERS.ends_of(class, ROOM));
    let names: Vec<String> = names.collect();
    let left = before(&names);
    let mut paper = Paper::new(left + ACROSS * wide, rows * high + GAP);
    let mut sample = vec![0.0; channels * height * width];
    for (k, name) in names.iter().enumerate() {
        let top = k * high + GAP;
        let middle = top + (high - GAP - LETTERS.height()) / 2;
        paper.text(name, (GAP, middle), LETTERS, DARK);
        let of_class = (0..labels.len()).filter(|&i| labels[i] == k as i64).take(ACROSS);
        for (place, index) in of_class.enumerate() {
            data.read(index, &mut sample)?;
            paper.picture(&sample, [channels, height, width], zoom, (left + place * wide, top));
        }
    }
    Ok(paper.to_png()?)
}

/// Pixels before the pictures: the widest name, and room around it.
fn before(names: &[String]) -> usize {
    names.iter().map(|name| LETTERS.width(name)).max().unwrap_or(0) + 2 * GAP
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus::data::ImageDataset;

    #[test]
    fn pictures_stand_in_the_row_of_their_class() {
        let names = ["DARK".to_owned(), "light".to_owned()];
        let pixels = [vec![10u8; 4], vec![200; 4], vec![20; 4]].concat();
        let data =
            ImageDataset::new("three", [1, 2, 2], pixels, vec![0, 1, 0], names.to_vec()).unwrap();
        let png = draw(&data).unwrap();
        let image = image::load_from_memory(&png).unwrap().to_luma8();
        let left = before(&names);
        let (first, second) = (GAP as u32 + 3, (GAP + SIDE + GAP) as u32 + 3);
        let at = |place: usize, y: u32| image[((left + place * (SIDE + GAP)) as u32 + 3, y)].0[0];
        assert_eq!([at(0, first), at(1, first), at(2, first)], [10, 20, 255]);
        assert_eq!([at(0, second), at(1, second)], [200, 255]);
        // Its name is before them: some of it is ink.
        let ink = (0..left as u32).filter(|&x| image[(x, first + 29)].0[0] == DARK[0]).count();
        assert!(ink > 3, "{ink}");
        assert_eq!(bytes(&[0.0, 1.0, 0.5, 0.25, 1.0, 0.0], 3), [0, 128, 255, 255, 64, 0]);
    }
}
