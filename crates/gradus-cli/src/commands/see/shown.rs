//! What a kind of picture gives: pictures with captions, in sections, and sheets of them as PNG.

use crate::contact_sheet::png;
use crate::error::Result;
use crate::paper::{DARK, Letters, Paper};
use serde_json::Value;

/// What was seen.
pub struct Seen {
    /// Pictures, a sheet and a part of the page for each.
    pub sheets: Vec<Sheet>,
    /// Numbers for scripts.
    pub record: Value,
    /// Lines for stdout.
    pub said: Vec<String>,
}

/// Sections that belong together, such as those of one picture.
pub struct Sheet {
    /// What it is of.
    pub title: String,
    /// Its sections, from above to below.
    pub sections: Vec<Section>,
}

/// Pictures that are to be compared with each other.
#[derive(Default)]
pub struct Section {
    /// What they are of: `conv1: 6 maps of 28×28`.
    pub title: String,
    /// How they are to be read.
    pub note: String,
    /// The pictures.
    pub tiles: Vec<Tile>,
    /// Small pictures are enlarged to about this side, by whole factors; 0 for [`SIDE`].
    pub side: usize,
    /// So many tiles are in a row, where that means something; 0 for as many as there is room for.
    pub across: usize,
    /// A drawing beside the pictures, as SVG, and what its file is called after the kind.
    pub drawing: Option<String>,
}

/// A picture with a caption.
pub struct Tile {
    /// Planes of 0 to 1, one of grey or three of red, green and blue.
    pub pixels: Vec<f32>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// What it is, in few words; lines are kept.
    pub caption: String,
}

/// The side that small pictures are enlarged to.
pub const SIDE: usize = 72;

impl Section {
    /// Pixels on the screen for one of a tile.
    pub fn zoom(&self, tile: &Tile) -> usize {
        let side = if self.side == 0 { SIDE } else { self.side };
        (side / tile.shape[1].max(tile.shape[2]).max(1)).max(1)
    }
    /// Height and width of a tile on the screen.
    fn size(&self, tile: &Tile) -> (usize, usize) {
        let zoom = self.zoom(tile);
        (zoom * tile.shape[1], zoom * tile.shape[2])
    }
}

impl Tile {
    /// Of one plane, `low` black and `high` white.
    pub fn grey(values: &[f32], [height, width]: [usize; 2], (low, high): (f32, f32)) -> Tile {
        let span = if high > low { high - low } else { 1.0 };
        let pixels = values.iter().map(|x| ((x - low) / span).clamp(0.0, 1.0)).collect();
        Tile { pixels, shape: [1, height, width], caption: String::new() }
    }
    /// Of one plane with signs: red above 0 and blue below, full at `most` and white at 0.
    pub fn signed(values: &[f32], [height, width]: [usize; 2], most: f32) -> Tile {
        let share = |x: f32| if most > 0.0 { (x / most).clamp(-1.0, 1.0) } else { 0.0 };
        let plane = |full: [f32; 2]| {
            values.iter().map(move |&x| {
                let share = share(x);
                let toward = if share < 0.0 { full[1] } else { full[0] };
                1.0 + (toward - 1.0) * share.abs()
            })
        };
        let planes = [[0.70, 0.13], [0.09, 0.40], [0.17, 0.67]].map(plane);
        Tile {
            pixels: planes.into_iter().flatten().collect(),
            shape: [3, height, width],
            caption: String::new(),
        }
    }
    /// A picture `[C, H, W]` as it is.
    pub fn picture(pixels: &[f32], shape: [usize; 3]) -> Tile {
        let pixels = pixels.iter().map(|x| x.clamp(0.0, 1.0)).collect();
        Tile { pixels, shape, caption: String::new() }
    }
    /// With a caption.
    pub fn called(mut self, caption: impl Into<String>) -> Tile {
        self.caption = caption.into();
        self
    }
    /// As a PNG, a pixel for each.
    pub fn png(&self) -> Result<Vec<u8>> {
        let [channels, height, width] = self.shape;
        png(&self.pixels, channels, height, width)
    }
}

/// Pixels across a sheet, and at most so many from above to below: what is lower is in a second file.
const ACROSS: usize = 1200;
const DOWN: usize = 12_000;
const GAP: usize = 10;
const TITLE: Letters = Letters::Large;
const TEXT: Letters = Letters::Small;
const LINE: usize = TEXT.height() + 3;
/// No tile is narrower with its caption.
const ROOM: usize = 64;

/// The sheets of a kind as PNG files, and its drawings as SVG, by the names of the files.
pub fn sheets(kind: &str, seen: &Seen) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files: Vec<(String, Vec<u8>)> = vec![];
    let drawn =
        seen.sheets.iter().filter(|sheet| sheet.sections.iter().any(|s| !s.tiles.is_empty()));
    for paper in drawn.flat_map(papers) {
        let name = numbered(kind, files.len(), "png");
        files.push((name, paper.to_png()?));
    }
    let sections = seen.sheets.iter().flat_map(|sheet| &sheet.sections);
    for (at, svg) in sections.filter_map(|section| section.drawing.as_ref()).enumerate() {
        files.push((numbered(kind, at, "svg"), svg.clone().into_bytes()));
    }
    Ok(files)
}

/// `activations.png`, then `activations-2.png`.
fn numbered(kind: &str, at: usize, ending: &str) -> String {
    match at {
        0 => format!("{kind}.{ending}"),
        at => format!("{kind}-{}.{ending}", at + 1),
    }
}

/// Something to be drawn at a height of a sheet.
enum Part<'a> {
    Text(String, Letters),
    Row(&'a Section, &'a [Tile]),
}

impl Part<'_> {
    fn height(&self) -> usize {
        match self {
            Part::Text(_, letters) => letters.height() + GAP,
            Part::Row(section, tiles) => {
                let tallest = tiles.iter().map(|tile| section.size(tile).0).max().unwrap_or(0);
                let lines = tiles.iter().map(|tile| tile.caption.lines().count()).max();
                tallest + lines.unwrap_or(0) * LINE + GAP + 4
            }
        }
    }
}

/// The pixels of a sheet, on as many papers as it takes.
fn papers(sheet: &Sheet) -> Vec<Paper> {
    let mut parts = vec![Part::Text(sheet.title.clone(), TITLE)];
    for section in sheet.sections.iter().filter(|section| !section.tiles.is_empty()) {
        parts.push(Part::Text(section.title.clone(), TITLE));
        let notes = section.note.lines().filter(|line| !line.is_empty());
        parts.extend(notes.map(|line| Part::Text(line.to_owned(), TEXT)));
        let across = match section.across {
            0 => ((ACROSS - GAP) / (cell(section) + GAP)).max(1),
            across => across,
        };
        parts.extend(section.tiles.chunks(across).map(|tiles| Part::Row(section, tiles)));
    }
    let width = parts.iter().map(|part| match part {
        Part::Text(..) => ACROSS,
        Part::Row(section, tiles) => tiles.len() * (cell(section) + GAP) + GAP,
    });
    let width = width.max().unwrap_or(ACROSS);
    let (mut papers, mut left) = (vec![], &parts[..]);
    while !left.is_empty() {
        let mut height = GAP;
        let fits = |part: &&Part<'_>| {
            height += part.height();
            height <= DOWN
        };
        // A row that is taller than a sheet has one of its own.
        let n = left.iter().take_while(fits).count().max(1);
        let (now, later) = left.split_at(n);
        papers.push(paper(now, width));
        left = later;
    }
    papers
}

/// The width of a section's tiles with their captions.
fn cell(section: &Section) -> usize {
    let widest = section.tiles.iter().map(|tile| section.size(tile).1).max().unwrap_or(0);
    let lines = section.tiles.iter().flat_map(|tile| tile.caption.lines());
    let text = lines.map(|line| TEXT.width(line)).max().unwrap_or(0);
    widest.max(text.min(2 * ROOM))
}

fn paper(parts: &[Part<'_>], width: usize) -> Paper {
    let height = GAP + parts.iter().map(Part::height).sum::<usize>();
    let mut paper = Paper::new(width, height);
    let mut top = GAP;
    for part in parts {
        match part {
            Part::Text(text, letters) => {
                paper.text(&letters.written(text, width - 2 * GAP), (GAP, top), *letters, DARK);
            }
            Part::Row(section, tiles) => {
                let room = cell(section);
                for (i, tile) in tiles.iter().enumerate() {
                    let left = GAP + i * (room + GAP);
                    paper.picture(&tile.pixels, tile.shape, section.zoom(tile), (left, top));
                    let below = top + section.size(tile).0 + 4;
                    for (row, line) in tile.caption.lines().enumerate() {
                        let line = TEXT.ends_of(line, room);
                        paper.text(&line, (left, below + row * LINE), TEXT, DARK);
                    }
                }
            }
        }
        top += part.height();
    }
    paper
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(tiles: usize) -> Section {
        let tile = || Tile::grey(&[0.0, 1.0, 2.0, 4.0], [2, 2], (0.0, 4.0)).called("unit");
        Section {
            title: "conv1".into(),
            tiles: (0..tiles).map(|_| tile()).collect(),
            ..Section::default()
        }
    }

    #[test]
    fn values_become_greys_and_signs_colours() {
        assert_eq!(section(1).tiles[0].pixels, [0.0, 0.25, 0.5, 1.0]);
        let signed = Tile::signed(&[0.0, 2.0, -2.0], [1, 3], 2.0).pixels;
        let pixel = |x: usize| {
            [signed[x], signed[3 + x], signed[6 + x]].map(|c| (c * 100.0).round() as i32)
        };
        assert_eq!([pixel(0), pixel(1), pixel(2)], [[100; 3], [70, 9, 17], [13, 40, 67]]);
        // Equal values, and none that counts, are drawn all the same.
        assert_eq!(Tile::grey(&[3.0], [1, 1], (3.0, 3.0)).pixels, [0.0]);
        assert_eq!(Tile::signed(&[0.0], [1, 1], 0.0).pixels, [1.0; 3]);
    }

    #[test]
    fn long_sheets_go_on_in_another_file() {
        let sections = (0..200).map(|_| section(3)).collect();
        let sheet = Sheet { title: "all".into(), sections };
        let seen = Seen { sheets: vec![sheet], record: Value::Null, said: vec![] };
        let files = sheets("activations", &seen).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["activations.png", "activations-2.png", "activations-3.png"]);
        assert!(files.iter().all(|(_, png)| png.starts_with(b"\x89PNG")));
    }
}
