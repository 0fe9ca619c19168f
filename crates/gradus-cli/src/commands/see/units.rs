//! How much the units of a layer speak for a class (conductance), and which pixels move one unit.

use super::look::{Look, Picture};
use super::shown::{Section, Seen, Sheet, Tile};
use super::why::{COMPLETE, baseline, last_maps};
use crate::bars::{counted, figure};
use crate::error::{CliError, Result};
use gradus::see::LayerShape;
use gradus::see::attribution::{LayerAttribution, layer_attribution, neuron_gradient};
use serde_json::{Value, json};

/// Steps on the way from the baseline, which are doubled up to so many.
const STEPS: usize = 50;
const MOST_STEPS: usize = 800;
/// So many units are shown, those first that speak most for the class or against it.
const SHOWN: usize = 16;

/// The part of integrated gradients that flows through each unit.
pub fn conductance(look: &Look<'_>) -> Result<Seen> {
    let layer = one_layer(look, "conductance")?;
    let (mut sections, mut records, mut worst) = (vec![], vec![], 0.0f64);
    let mut steps = 0;
    for picture in &look.pictures {
        let class = look.class()?.or(look.answer(picture).0).unwrap_or(0);
        let found = Conducted::of(look, layer, picture, class)?;
        worst = worst.max(found.completeness);
        steps = steps.max(found.steps);
        sections.push(found.section(look, layer, picture, class)?);
        records.push(found.record(look, picture, class));
    }
    let from = &look.args.why.baseline;
    let pictures = counted(sections.len() as u64, "picture");
    let path = &layer.path;
    let said = vec![
        format!(
            "conductance    {pictures}: what flows through the units of {path} on the way from {from}, in {steps} steps"
        ),
        format!("completeness   {} % off at most{}", figure(100.0 * worst, 2), beside(worst)),
    ];
    let title = format!("conductance of {path}: red speaks for the class, blue against it");
    let record =
        json!({ "layer": path, "steps": steps, "completeness": worst, "pictures": records });
    Ok(Seen { sheets: vec![Sheet { title, sections }], record, said })
}

/// What a sum that is far off says.
fn beside(off: f64) -> &'static str {
    if off < 0.05 { "" } else { ": other ways lead past this layer, or more --steps are wanted" }
}

/// The layer that is asked for, or the last with maps.
fn one_layer<'l>(look: &'l Look<'_>, kind: &str) -> Result<&'l LayerShape> {
    match look.chosen_layers()?[..] {
        [] => last_maps(look),
        [layer] => Ok(layer),
        _ => Err(CliError::Usage(format!("--layer: found several, {kind} looks at one"))),
    }
}

/// What flows through a layer for a picture.
struct Conducted {
    /// Numbers of the layer, unit after unit.
    values: Vec<f32>,
    /// Of each unit the sum.
    units: Vec<f64>,
    steps: usize,
    /// What the score gained, and how far the units are from adding up to it, relative.
    gain: f64,
    completeness: f64,
}

impl Conducted {
    fn of(
        look: &Look<'_>,
        layer: &LayerShape,
        picture: &Picture,
        class: usize,
    ) -> Result<Conducted> {
        let black = baseline(look, &picture.x)?;
        let score = |x| look.subject.scores(x).to_vec::<f64>()[class];
        let gain = score(&picture.x) - score(&black);
        let asked = look.args.steps.map(|steps| steps as usize);
        let mut steps = asked.unwrap_or(STEPS);
        loop {
            let how = LayerAttribution::Conductance { steps };
            let found =
                layer_attribution(&look.subject, &picture.x, &[class], &layer.path, how, &black)?;
            let values = found.to_vec::<f32>();
            let each = (values.len() / layer.units().max(1)).max(1);
            let sum = |unit: &[f32]| unit.iter().map(|&x| f64::from(x)).sum();
            let units: Vec<f64> = values.chunks(each).map(sum).collect();
            let off = (units.iter().sum::<f64>() - gain).abs();
            let completeness = if off == 0.0 { 0.0 } else { off / gain.abs() };
            if asked.is_some() || completeness < COMPLETE || 2 * steps > MOST_STEPS {
                return Ok(Conducted { values, units, steps, gain, completeness });
            }
            steps *= 2;
        }
    }

    /// The units that are named, or those that count most.
    fn shown(&self, look: &Look<'_>, layer: &LayerShape) -> Result<Vec<usize>> {
        if !look.args.unit.is_empty() {
            return Ok(look.units(layer, SHOWN)?.0);
        }
        let mut order: Vec<usize> = (0..self.units.len()).collect();
        order.sort_by(|&a, &b| self.units[b].abs().total_cmp(&self.units[a].abs()));
        order.truncate(SHOWN);
        Ok(order)
    }

    fn section(
        &self,
        look: &Look<'_>,
        layer: &LayerShape,
        picture: &Picture,
        class: usize,
    ) -> Result<Section> {
        let size = match layer.shape[..] {
            [_, height, width] => [height, width],
            _ => [1, self.values.len() / self.units.len().max(1)],
        };
        let area = size[0] * size[1];
        let most = self.values.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        let tile = |&unit: &usize| {
            let map = Tile::signed(&self.values[unit * area..][..area], size, most);
            map.called(format!("unit {unit}\n{}", figure(self.units[unit], 3)))
        };
        let mut tiles = vec![picture.tile().called("the picture")];
        tiles.extend(self.shown(look, layer)?.iter().map(tile));
        let title = format!("{}; what speaks for {}", look.told(picture), look.outputs()[class]);
        let note = format!(
            "all {} add up to {}, the score gained {}: {} % off",
            counted(self.units.len() as u64, "unit"),
            figure(self.units.iter().sum(), 4),
            figure(self.gain, 4),
            figure(100.0 * self.completeness, 2)
        );
        Ok(Section { title, note, tiles, ..Section::default() })
    }

    fn record(&self, look: &Look<'_>, picture: &Picture, class: usize) -> Value {
        json!({ "picture": picture.name, "class": look.outputs()[class], "units": self.units, "gain": self.gain,
                "completeness": self.completeness, "steps": self.steps })
    }
}

/// The gradient of the mean of what a unit gives.
pub fn gradient(look: &Look<'_>) -> Result<Seen> {
    let layer = one_layer(look, "unit-gradient")?;
    let (units, more) = look.units(layer, SHOWN)?;
    let [channels, height, width] = look.shape();
    let (mut sections, mut records) = (vec![], vec![]);
    for picture in &look.pictures {
        let mut tiles = vec![picture.tile().called("the picture")];
        let mut peaks = vec![];
        for &unit in &units {
            let found =
                neuron_gradient(&look.subject, &picture.x, &layer.path, unit)?.to_vec::<f32>();
            let area = height * width;
            let sum = |at: usize| (0..channels).map(|c| found[c * area + at]).sum::<f32>();
            let map: Vec<f32> = (0..area).map(sum).collect();
            let most = map.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            let at = (0..area)
                .fold(0, |best, at| if map[at].abs() > map[best].abs() { at } else { best });
            peaks.push(
                json!({ "unit": unit, "row": at / width, "column": at % width, "slope": map[at] }),
            );
            let told = format!("unit {unit}\nup to {}", figure(most.into(), 3));
            tiles.push(Tile::signed(&map, [height, width], most).called(told));
        }
        sections.push(Section { title: look.told(picture), tiles, ..Section::default() });
        records.push(json!({ "picture": picture.name, "peaks": peaks }));
    }
    let (path, pictures) = (&layer.path, counted(sections.len() as u64, "picture"));
    let left = if more > 0 { format!(" ({more} more by --unit)") } else { String::new() };
    let said = format!(
        "unit-gradient  {pictures}: which pixels move {} of {path}{left}",
        counted(units.len() as u64, "unit")
    );
    let title = format!(
        "units of {path}: brighter red pixels make the unit give more, brighter blue ones less"
    );
    let record = json!({ "layer": path, "pictures": records });
    Ok(Seen { sheets: vec![Sheet { title, sections }], record, said: vec![said] })
}
