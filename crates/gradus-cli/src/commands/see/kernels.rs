//! The filters of convolutions, and the weights of units that see whole pictures.

use super::look::Look;
use super::shown::{Section, Seen, Sheet, Tile};
use crate::bars::{counted, figure};
use crate::error::{CliError, Result};
use gradus::nn::parameters;
use serde_json::{Value, json};

/// Of so many units the filters are shown, and of each so many channels.
const UNITS: usize = 64;
const DEEPER_UNITS: usize = 16;
const CHANNELS: usize = 16;

/// The weights of a layer, unit by unit.
struct Filters {
    layer: String,
    /// Of each unit `[C, H, W]`, one after the other.
    values: Vec<f32>,
    units: usize,
    shape: [usize; 3],
    /// Whether they lie over the picture's own pixels.
    is_first: bool,
}

/// Shows the filters of all layers that have some, or of those that were asked for.
pub fn see(look: &Look<'_>) -> Result<Seen> {
    look.chosen_layers()?;
    let all = filters(look);
    let asked = &look.args.layer;
    let is_asked = |filters: &&Filters| asked.is_empty() || asked.contains(&filters.layer);
    let chosen: Vec<&Filters> = all.iter().filter(is_asked).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|filters| &*filters.layer).collect();
        return Err(CliError::Usage(match (asked.is_empty(), &names[..]) {
            (_, []) => "the network has no filters: no layer slides over its pictures".to_owned(),
            (_, names) => format!(
                "--layer: found {}, which has no filters, expected some of {}",
                asked.join(", "),
                names.join(", ")
            ),
        }));
    }
    let sections = chosen.iter().map(|filters| section(look, filters)).collect::<Result<_>>()?;
    let said = vec![format!("kernels        of {}", counted(chosen.len() as u64, "layer"))];
    let record = chosen.iter().map(|filters| told(filters)).collect();
    Ok(Seen { sheets: vec![Sheet { title: "filters".into(), sections }], record, said })
}

/// The weights that are pictures.
fn filters(look: &Look<'_>) -> Vec<Filters> {
    let picture = look.shape();
    let mut all: Vec<Filters> = vec![];
    for (path, parameter) in parameters(&**look.subject.model()) {
        let Some(layer) = path.strip_suffix(".weight") else { continue };
        let shape = parameter.variable().shape();
        let values = parameter.variable().value().cast(gradus::DType::F32).to_vec::<f32>();
        // Where nothing came before, a layer's weights lie over pixels.
        let is_first = all.is_empty();
        let of = |values: Vec<f32>, units: usize, shape: [usize; 3]| {
            let is_first = is_first && shape[0] == picture[0];
            Filters { layer: layer.to_owned(), values, units, shape, is_first }
        };
        match shape[..] {
            [units, channels, height, width] if height * width > 1 => {
                all.push(of(values, units, [channels, height, width]));
            }
            [pixels, units] if is_first && pixels == picture.iter().product::<usize>() => {
                let unit = |u: usize| values[u..].iter().step_by(units).copied();
                all.push(of((0..units).flat_map(unit).collect(), units, picture));
            }
            _ => {}
        }
    }
    all
}

fn section(look: &Look<'_>, filters: &Filters) -> Result<Section> {
    let Filters { layer, values, units, shape: [channels, height, width], is_first } = filters;
    let (area, most) = (height * width, most(values));
    let in_colour = *is_first && *channels == 3;
    let limit = if in_colour || *channels == 1 { UNITS } else { DEEPER_UNITS };
    let chosen = match look.layers.iter().find(|known| known.path == *layer) {
        Some(known) => look.units(known, limit)?.0,
        None => (0..(*units).min(limit)).collect(),
    };
    let shown = (*channels).min(CHANNELS);
    let mut tiles = vec![];
    for &unit in &chosen {
        let own = &values[unit * channels * area..(unit + 1) * channels * area];
        if in_colour {
            let pixels: Vec<f32> =
                own.iter().map(|w| 0.5 + 0.5 * w / most.max(f32::MIN_POSITIVE)).collect();
            tiles.push(Tile::picture(&pixels, [3, *height, *width]).called(unit.to_string()));
        } else {
            let plane = |c: usize| {
                let tile =
                    Tile::grey(&own[c * area..(c + 1) * area], [*height, *width], (-most, most));
                tile.called(if *channels == 1 { unit.to_string() } else { format!("{unit}, {c}") })
            };
            tiles.extend((0..shown).map(plane));
        }
    }
    let mut note = match in_colour {
        true => format!(
            "grey is 0; a colour is as far from it as its weights are, up to {}",
            figure(most.into(), 3)
        ),
        false => format!("grey is 0, white {0}, black −{0}", figure(most.into(), 3)),
    };
    if *channels > 1 && !in_colour {
        note += "; a row for each unit, a tile for each of the channels that it reads";
    }
    let left_out = [
        (*units, chosen.len(), "unit"),
        (*channels, if in_colour { *channels } else { shown }, "channel"),
    ];
    for (all, shown, what) in left_out.into_iter().filter(|(all, shown, _)| all > shown) {
        note += &format!("; {shown} of {}", counted(all as u64, what));
    }
    let title =
        format!("{layer}: {} of {channels}×{height}×{width}", counted(*units as u64, "filter"));
    let across = if in_colour || *channels == 1 { 0 } else { shown };
    Ok(Section { title, note, tiles, side: 48, across, ..Section::default() })
}

/// The largest magnitude of finite weights.
fn most(values: &[f32]) -> f32 {
    values.iter().copied().filter(|w| w.is_finite()).fold(0.0, |most, w| most.max(w.abs()))
}

fn told(filters: &Filters) -> Value {
    let each = filters.values.chunks(filters.values.len() / filters.units.max(1));
    let norms = each.map(|unit| unit.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt());
    json!({ "layer": filters.layer, "units": filters.units, "shape": filters.shape,
            "norms": norms.collect::<Vec<_>>() })
}
