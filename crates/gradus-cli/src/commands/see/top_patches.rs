//! What excites each unit most: the patches of pictures that it sees where it is largest, as they are or as the network sees them.

use super::look::{Data, Look, pixels};
use super::shown::{Section, Seen, Sheet, Tile};
use crate::bars::{counted, figure, grouped};
use crate::error::Result;
use gradus::Tensor;
use gradus::nn::Field;
use gradus::see::{Backward, LayerShape, Peak, TopPatches, patch};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many patches of each unit.
const MOST: usize = 9;
/// Of so many units of a layer they are shown; numbers are there of all.
const UNITS: usize = 32;
/// So many pictures go back through the network at once.
const AT_ONCE: usize = 64;

/// Shows the patches.
pub fn see(look: &Look<'_>) -> Result<Seen> {
    let found = Found::of(look)?;
    let mut sections = vec![];
    for (at, layer) in found.layers.iter().enumerate() {
        sections.push(found.section(look, at, layer, None)?);
    }
    found.seen(sections, "top-patches")
}

/// Shows what of them went through the network, backwards.
pub fn see_backwards(look: &Look<'_>, rule: Backward, kind: &str) -> Result<Seen> {
    let found = Found::of(look)?;
    let mut sections = vec![];
    for (at, layer) in found.layers.iter().enumerate() {
        sections.push(found.section(look, at, layer, Some(rule))?);
    }
    found.seen(sections, kind)
}

/// The peaks of some layers in a data set.
struct Found<'a> {
    data: Data,
    top: TopPatches,
    layers: Vec<&'a LayerShape>,
    /// The pictures in which there is a peak that is shown.
    pictures: BTreeMap<usize, Tensor>,
    seconds: f64,
}

impl<'a> Found<'a> {
    fn of(look: &'a Look<'_>) -> Result<Found<'a>> {
        let layers = match look.chosen_layers()? {
            none if none.is_empty() => look.weighted_layers(),
            some => some,
        };
        let data = look.data()?;
        let start = std::time::Instant::now();
        let paths: Vec<&str> = layers.iter().map(|layer| &*layer.path).collect();
        let mut top = TopPatches::new(&look.subject, &look.description.input, &paths, MOST)?;
        for x in pixels(&data.batches) {
            top.show(&x?)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let mut shown = vec![];
        for (at, layer) in layers.iter().enumerate() {
            let (units, _) = look.units(layer, UNITS)?;
            shown.extend(
                units.iter().flat_map(|&unit| top.peaks(at, unit)).map(|peak| peak.picture),
            );
        }
        shown.sort_unstable();
        shown.dedup();
        let pictures = look.pictures_of(&data, &shown)?;
        Ok(Found { data, top, layers, pictures, seconds })
    }

    /// The patches of each unit.
    fn section(
        &self,
        look: &Look<'_>,
        at: usize,
        layer: &LayerShape,
        rule: Option<Backward>,
    ) -> Result<Section> {
        let (units, more) = look.units(layer, UNITS)?;
        let field = look.field(layer);
        let mut tiles = vec![];
        for &unit in &units {
            let peaks = self.top.peaks(at, unit);
            let back = match rule {
                Some(rule) => Some(self.sent_back(look, layer, unit, peaks, rule)?),
                None => None,
            };
            for nth in 0..MOST {
                let Some(peak) = peaks.get(nth) else {
                    tiles.push(Tile::grey(&[0.5], [1, 1], (0.0, 1.0)));
                    continue;
                };
                let x = self.pictures[&peak.picture].to_vec::<f32>();
                let place = row_and_column(layer, peak.place);
                let cut = |x: &[f32], beside| patch(x, look.shape(), &field, place, beside);
                let caption = match nth {
                    0 => format!("{unit}: {}", figure(peak.value, 3)),
                    _ => figure(peak.value, 3),
                };
                let (pixels, shape) = cut(&x, 0.5);
                tiles.push(
                    match back.as_ref().map(|back| &back[nth]) {
                        Some(back) => around_grey(&cut(back, 0.0).0, shape),
                        None => Tile::picture(&pixels, shape),
                    }
                    .called(caption),
                );
            }
        }
        let [high, wide] = [0, 1].map(|a| field.sees[a].min(look.shape()[a + 1]));
        let more = match more {
            0 => String::new(),
            more => format!(
                "; {} more are in see.json, or shown with --unit",
                counted(more as u64, "unit")
            ),
        };
        let note = format!(
            "nine tiles for each unit, the picture that excites it most first, and how large it is there; it sees {high}×{wide} pixels{more}"
        );
        let title = format!("{}: {}", layer.path, counted(layer.units() as u64, "unit"));
        Ok(Section { title, note, tiles, across: 2 * MOST, side: 56, ..Section::default() })
    }

    /// What of each of a unit's pictures went through the network to it.
    fn sent_back(
        &self,
        look: &Look<'_>,
        layer: &LayerShape,
        unit: usize,
        peaks: &[Peak],
        rule: Backward,
    ) -> Result<Vec<Vec<f32>>> {
        let mut all = vec![];
        for peaks in peaks.chunks(AT_ONCE) {
            let batch: Vec<&Tensor> =
                peaks.iter().map(|peak| &self.pictures[&peak.picture]).collect();
            let places: Vec<usize> = peaks.iter().map(|peak| peak.place).collect();
            let units = vec![unit; peaks.len()];
            let x = Tensor::concat(&batch, 0);
            let back = look.subject.sent_back(&x, &layer.path, &units, &places, rule)?;
            let back = back.to_vec::<f32>();
            all.extend(back.chunks(back.len() / peaks.len()).map(<[f32]>::to_vec));
        }
        Ok(all)
    }

    fn seen(self, sections: Vec<Section>, kind: &str) -> Result<Seen> {
        let units: usize = self.layers.iter().map(|layer| layer.units()).sum();
        let said = format!(
            "{kind:<14} of {} among {} pictures of {} in {:.1} s",
            counted(units as u64, "unit"),
            grouped(self.top.shown() as u64),
            self.data.name,
            self.seconds
        );
        let layer = |(at, layer): (usize, &&LayerShape)| {
            let unit = |unit| self.top.peaks(at, unit).iter().map(|peak| self.told(layer, peak));
            let units = (0..layer.units()).map(|at| unit(at).collect::<Value>());
            json!({ "path": layer.path, "units": units.collect::<Vec<_>>() })
        };
        let record = json!({
            "data": self.data.name, "pictures": self.top.shown(), "seconds": self.seconds,
            "layers": self.layers.iter().enumerate().map(layer).collect::<Vec<_>>(),
        });
        let title = format!("what excites units most among pictures of {}", self.data.name);
        Ok(Seen { sheets: vec![Sheet { title, sections }], record, said: vec![said] })
    }

    fn told(&self, layer: &LayerShape, peak: &Peak) -> Value {
        let class = self.data.labels.get(peak.picture);
        let class = class.and_then(|&label| self.data.classes.get(label as usize));
        json!({ "value": peak.value, "sample": peak.picture + 1, "class": class,
                "place": row_and_column(layer, peak.place) })
    }
}

/// Values around 0 as differences from grey, the largest one black or white, or a full colour.
pub fn around_grey(values: &[f32], shape: [usize; 3]) -> Tile {
    let most = values.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
    let pixels: Vec<f32> = values.iter().map(|x| 0.5 + 0.5 * x / most).collect();
    Tile::picture(&pixels, shape)
}

/// A place in a map, row by row, as row and column; of a number there is one.
fn row_and_column(layer: &LayerShape, place: usize) -> [usize; 2] {
    match layer.shape[..] {
        [_, _, width] => [place / width.max(1), place % width.max(1)],
        _ => [0, 0],
    }
}

/// All of a picture.
pub fn whole([_, height, width]: [usize; 3]) -> Field {
    Field { sees: [height, width], jump: [1, 1], start: [0, 0] }
}
