//! What each layer makes of a picture: the maps of its units as tiles, or its numbers as bars.

use super::look::{Look, Picture};
use super::shown::{Section, Seen, Sheet, Tile};
use crate::bars::{counted, figure};
use crate::error::Result;
use gradus::see::LayerShape;
use serde_json::{Value, json};

/// So many maps of a layer are shown, and so many numbers.
const MAPS: usize = 64;
const NUMBERS: usize = 512;
/// So many pictures are shown where none is named.
const PICTURES: usize = 1;
/// The pixels of a bar, and the length of the longest one on either side of 0.
const THICK: usize = 6;
const LONG: usize = 48;

/// Shows the layers of each picture.
pub fn see(look: &Look<'_>) -> Result<Seen> {
    let layers = match look.chosen_layers()? {
        none if none.is_empty() => look.layers.iter().collect(),
        some => some,
    };
    let paths: Vec<&str> = layers.iter().map(|layer| &*layer.path).collect();
    let few = if look.args.pictures.is_empty() { PICTURES } else { usize::MAX };
    let (mut sheets, mut records) = (vec![], vec![]);
    for picture in look.pictures.iter().take(few) {
        let watched = look.subject.watched(&picture.x, &paths)?;
        let mut sections = vec![whole(picture)];
        let mut record = vec![];
        for (layer, values) in layers.iter().zip(&watched.layers) {
            let values = values.to_vec::<f32>();
            sections.push(section(look, layer, &values)?);
            record.push(told(layer, &values));
        }
        sheets.push(Sheet { title: look.told(picture), sections });
        records.push(json!({ "picture": picture.name, "layers": record }));
    }
    let said = vec![format!(
        "activations    {} of {}",
        counted(layers.len() as u64, "layer"),
        counted(sheets.len() as u64, "picture")
    )];
    Ok(Seen { sheets, record: records.into(), said })
}

fn whole(picture: &Picture) -> Section {
    let title = "the picture, as the network is shown it".to_owned();
    Section { title, tiles: vec![picture.tile()], side: 128, ..Section::default() }
}

/// A layer's maps, or its numbers.
fn section(look: &Look<'_>, layer: &LayerShape, values: &[f32]) -> Result<Section> {
    match layer.shape[..] {
        [_, height, width] if height * width > 1 => maps(look, layer, values, [height, width]),
        _ => numbers(look, layer, values),
    }
}

fn maps(look: &Look<'_>, layer: &LayerShape, values: &[f32], size: [usize; 2]) -> Result<Section> {
    let (units, more) = look.units(layer, MAPS)?;
    let (low, high) = range(values);
    let area = size[0] * size[1];
    let tile = |&unit: &usize| {
        let map = &values[unit * area..(unit + 1) * area];
        let tile = match low < 0.0 {
            true => Tile::signed(map, size, high.max(-low)),
            false => Tile::grey(map, size, (0.0, high)),
        };
        tile.called(unit.to_string())
    };
    let scale = match low < 0.0 {
        true => {
            format!("white is 0, red to {0} and blue to −{0}", figure(high.max(-low).into(), 4))
        }
        false => format!("black is 0, white {}", figure(high.into(), 4)),
    };
    let note = format!("{scale}, for all maps of the layer alike{}", and_more(more, "map"));
    let title = format!(
        "{}: {} of {}×{}",
        layer.path,
        counted(layer.units() as u64, "map"),
        size[0],
        size[1]
    );
    Ok(Section { title, note, tiles: units.iter().map(tile).collect(), ..Section::default() })
}

/// A bar for each number, from 0 in the middle: red to the right, blue to the left.
fn numbers(look: &Look<'_>, layer: &LayerShape, values: &[f32]) -> Result<Section> {
    // What has other axes than channels is a row of numbers all the same.
    let (units, more) = look.units(layer, NUMBERS)?;
    let (low, high) = range(values);
    let most = high.max(-low);
    let names = look.outputs();
    let is_answer = look.layers.last() == Some(layer) && names.len() == values.len();
    if is_answer {
        let bar = |&unit: &usize| {
            bars(&values[unit..=unit], most).called(format!(
                "{} {}",
                names[unit],
                figure(values[unit].into(), 4)
            ))
        };
        let title = format!("{}: the scores", layer.path);
        let note = format!("each from 0 in the middle{}", and_more(more, "score"));
        let tiles = units.iter().map(bar).collect();
        return Ok(Section { title, note, tiles, ..Section::default() });
    }
    let shown: Vec<f32> = units.iter().filter_map(|&unit| values.get(unit).copied()).collect();
    let strips = shown
        .chunks(32)
        .enumerate()
        .map(|(i, some)| bars(some, most).called(format!("from {}", 32 * i)));
    let title = format!("{}: {}", layer.path, counted(values.len() as u64, "number"));
    let note = format!(
        "a bar for each from 0 in the middle, 32 below each other; the longest is {}{}",
        figure(most.into(), 4),
        and_more(more, "number")
    );
    Ok(Section { title, note, tiles: strips.collect(), ..Section::default() })
}

/// Bars below each other.
fn bars(values: &[f32], most: f32) -> Tile {
    let (height, width) = (THICK * values.len(), 2 * LONG + 1);
    let mut cells = vec![0.0; height * width];
    for (row, &value) in values.iter().enumerate() {
        let share = if most > 0.0 { (value / most).clamp(-1.0, 1.0) } else { 0.0 };
        let long = (share.abs() * LONG as f32).round() as usize;
        for y in row * THICK..(row + 1) * THICK - 1 {
            for x in 1..=long {
                let at = if share < 0.0 { LONG - x } else { LONG + x };
                cells[y * width + at] = share.signum();
            }
        }
    }
    Tile::signed(&cells, [height, width], 1.0)
}

fn and_more(more: usize, what: &str) -> String {
    match more {
        0 => String::new(),
        more => format!("; {} more are not shown, which --unit names", counted(more as u64, what)),
    }
}

/// The least and the greatest of the finite values; 0 of none.
fn range(values: &[f32]) -> (f32, f32) {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let (low, high) =
        (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    if low > high { (0.0, 0.0) } else { (low, high) }
}

/// Of each unit the mean and the greatest value, for scripts.
fn told(layer: &LayerShape, values: &[f32]) -> Value {
    let each = values.len() / layer.units().max(1);
    let units = values.chunks(each.max(1)).map(|unit| {
        let mean = unit.iter().map(|&x| f64::from(x)).sum::<f64>() / unit.len() as f64;
        json!({ "mean": mean, "max": range(unit).1 })
    });
    json!({ "path": layer.path, "shape": layer.shape.to_vec(), "units": units.collect::<Vec<_>>() })
}
