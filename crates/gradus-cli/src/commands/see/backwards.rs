//! What in a picture made units large, sent back to its pixels: a deconvolutional net and guided backpropagation. Of given pictures the
//! units of each layer that are largest are shown, without pictures those that excite each unit most.

use super::look::{Look, Picture};
use super::shown::{Section, Seen, Sheet};
use super::top_patches::{around_grey, see_backwards};
use crate::bars::{counted, figure};
use crate::error::Result;
use gradus::see::{Backward, LayerShape};
use serde_json::{Value, json};

/// So many units of a layer are sent back.
const UNITS: usize = 12;

/// By Zeiler and Fergus's deconvolutional net.
pub fn deconvnet(look: &Look<'_>) -> Result<Seen> {
    see(look, Backward::Deconvolution, "deconvnet")
}

/// By guided backpropagation.
pub fn guided_backprop(look: &Look<'_>) -> Result<Seen> {
    see(look, Backward::Guided, "guided-backprop")
}

fn see(look: &Look<'_>, rule: Backward, kind: &str) -> Result<Seen> {
    if look.args.pictures.is_empty() {
        return see_backwards(look, rule, kind);
    }
    let layers = match look.chosen_layers()? {
        none if none.is_empty() => look.weighted_layers(),
        some => some,
    };
    let (mut sheets, mut records) = (vec![], vec![]);
    for picture in &look.given()? {
        let mut sections = vec![];
        let mut told = vec![];
        for layer in &layers {
            let (section, record) = of_layer(look, picture, layer, rule)?;
            sections.push(section);
            told.push(record);
        }
        sheets.push(Sheet { title: look.told(picture), sections });
        records.push(json!({ "picture": picture.name, "layers": told }));
    }
    let said = vec![format!(
        "{kind:<14} {} of {}",
        counted(layers.len() as u64, "layer"),
        counted(sheets.len() as u64, "picture")
    )];
    Ok(Seen { sheets, record: records.into(), said })
}

/// The units that are largest, or those that were asked for, each sent back from where it is largest.
fn of_layer(
    look: &Look<'_>,
    picture: &Picture,
    layer: &LayerShape,
    rule: Backward,
) -> Result<(Section, Value)> {
    let values = look.subject.watched(&picture.x, &[&layer.path])?.layers.remove(0).to_vec::<f32>();
    let area = values.len() / layer.units().max(1);
    let peak = |unit: usize| {
        let map = &values[unit * area..(unit + 1) * area];
        (0..area).fold(0, |best, at| if map[at] > map[best] { at } else { best })
    };
    let value = |unit: usize| values[unit * area + peak(unit)];
    let (mut units, _) = look.units(layer, usize::MAX)?;
    if look.args.unit.is_empty() {
        units.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
        units.truncate(UNITS);
    }
    let places: Vec<usize> = units.iter().map(|&unit| peak(unit)).collect();
    let copies: Vec<&gradus::Tensor> = units.iter().map(|_| &picture.x).collect();
    let x = gradus::Tensor::concat(&copies, 0);
    let back = look.subject.sent_back(&x, &layer.path, &units, &places, rule)?.to_vec::<f32>();
    let each = back.len() / units.len().max(1);
    let mut tiles = vec![picture.tile().called("the picture")];
    for (unit, back) in units.iter().zip(back.chunks(each.max(1))) {
        let caption = format!("{unit}: {}", figure(value(*unit).into(), 3));
        tiles.push(around_grey(back, look.shape()).called(caption));
    }
    let title = format!("{}: {}", layer.path, counted(layer.units() as u64, "unit"));
    let note = "each from where it is largest, and how large it is there; grey is 0, each picture to its own largest value".to_owned();
    let record = json!({
        "path": layer.path, "units": units, "places": places,
        "values": units.iter().map(|&unit| value(unit)).collect::<Vec<_>>(),
    });
    Ok((Section { title, note, tiles, ..Section::default() }, record))
}
