//! A sheet of pictures as they were, what was done to them, and what they became.

use super::curve::Seen;
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::paper::{DARK, Letters, Paper, RIGHT, WRONG};
use gradus::Tensor;
use gradus::see::attack::Fooled;

/// So many pictures at most, two beside each other.
const MOST: usize = 12;
const ACROSS: usize = 2;
/// Small pictures are enlarged to about this side.
const TILE: usize = 128;
const LETTERS: Letters = Letters::Small;
/// The least room for a caption, between pictures, and between those beside each other.
const ROOM: usize = 132;
const GAP: usize = 10;
const APART: usize = 28;

/// A picture that was fooled.
struct Row {
    label: usize,
    before: Vec<f32>,
    after: Vec<f32>,
    /// What it was taken for, and how surely: before and after.
    seen: [(usize, f64); 2],
}

/// Pictures that were fooled: of each class the first, then others.
pub struct Sheet {
    classes: Vec<String>,
    shape: [usize; 3],
    rows: Vec<Row>,
    others: Vec<Row>,
}

impl Sheet {
    /// Nothing yet.
    pub fn new(description: &Description) -> Sheet {
        let &[channels, height, width] = &description.input[..] else {
            unreachable!("a model of pictures")
        };
        Sheet {
            classes: description.classes.clone(),
            shape: [channels, height, width],
            rows: vec![],
            others: vec![],
        }
    }

    /// Takes what it has room for of a batch: what the model was right about, and is fooled by.
    pub fn add(&mut self, x: &Tensor, labels: &[i64], before: &Seen, made: &Fooled) {
        if self.rows.len() >= MOST.min(self.classes.len()) && self.others.len() >= MOST {
            return;
        }
        let (was, is) = (x.to_vec::<f32>(), made.pictures.to_vec::<f32>());
        let each = was.len() / labels.len();
        for i in (0..labels.len()).filter(|&i| made.fooled[i] && made.linf[i] > 0.0) {
            let label = labels[i] as usize;
            let picture = |all: &[f32]| all[i * each..][..each].to_vec();
            let seen =
                [(before.classes[i], before.probabilities[i]), (made.class(i), made.confidence(i))];
            let row = Row { label, before: picture(&was), after: picture(&is), seen };
            match self.rows.iter().any(|row| row.label == label) {
                false if self.rows.len() < MOST => self.rows.push(row),
                true if self.others.len() < MOST => self.others.push(row),
                _ => {}
            }
        }
    }

    /// As a PNG.
    ///
    /// # Errors
    /// When no picture was fooled.
    pub fn draw(mut self) -> Result<Vec<u8>> {
        let room = MOST.saturating_sub(self.rows.len());
        self.rows.extend(self.others.drain(..).take(room));
        self.rows.sort_by_key(|row| row.label);
        if self.rows.is_empty() {
            return Err(CliError::Work(
                "--out: no picture was fooled that could be shown; a larger --epsilon may".into(),
            ));
        }
        let [_, height, width] = self.shape;
        let scale = (TILE / height.max(width).max(1)).max(1);
        let (w, h) = (width * scale, height * scale);
        let cell = (w.max(ROOM) + GAP, h + LETTERS.height() + 2 * GAP);
        let group = 3 * cell.0 + APART;
        let (across, down) = (ACROSS.min(self.rows.len()), self.rows.len().div_ceil(ACROSS));
        let mut paper = Paper::new(across * group - APART + GAP, down * cell.1 + GAP);
        for (at, row) in self.rows.iter().enumerate() {
            let (left, top) = (GAP + at % ACROSS * group, GAP + at / ACROSS * cell.1);
            let (change, factor) = row.change();
            let name = |(class, p): (usize, f64), mark| {
                format!("{mark}{} {:.0} %", self.classes[class], 100.0 * p)
            };
            let tiles = [
                (&row.before, name(row.seen[0], ""), RIGHT),
                (&change, format!("{factor} times the change"), DARK),
                (&row.after, name(row.seen[1], ""), WRONG),
            ];
            for (tile, (pixels, caption, color)) in tiles.into_iter().enumerate() {
                let corner = (left + tile * cell.0 + (cell.0 - GAP - w) / 2, top);
                paper.picture(pixels, self.shape, scale, corner);
                paper.frame((w, h), corner, color);
                let caption = LETTERS.ends_of(&caption, cell.0 - GAP);
                let indent = (cell.0 - GAP - LETTERS.width(&caption)) / 2;
                paper.text(&caption, (left + tile * cell.0 + indent, top + h + 5), LETTERS, color);
            }
        }
        Ok(paper.to_png()?)
    }
}

impl Row {
    /// What was done to it, on grey, made so many times as large that it is seen.
    fn change(&self) -> (Vec<f32>, usize) {
        let change: Vec<f32> = self.after.iter().zip(&self.before).map(|(a, b)| a - b).collect();
        let largest = change.iter().fold(f32::MIN_POSITIVE, |m, x| m.max(x.abs()));
        let factor = (0.5 / largest).floor().clamp(1.0, 1e6);
        (change.iter().map(|x| (0.5 + factor * x).clamp(0.0, 1.0)).collect(), factor as usize)
    }
}
