//! Why a network says so: how much each pixel of a picture speaks for a class, as a map beside it.

use super::look::{Look, Picture};
use super::shown::{Section, Seen, Sheet, Tile};
use crate::bars::figure;
use crate::error::{CliError, Result};
use gradus::see::attribution::{
    self as by, GradientShap, IntegratedGradients, KernelShap, Lime, Occlusion, SmoothGrad,
};
use gradus::see::{LayerShape, Subject};
use gradus::{Tensor, nn::Init};
use serde_json::{Map, Value, json};

/// What can be chosen about maps.
#[derive(clap::Args)]
#[group(skip)]
pub struct Choices {
    /// Samples of smooth-grad and gradient-shap (50), pictures that lime and kernel-shap try (1,000), or samples of the data for pca and
    /// t-sne (2,000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) samples: Option<u32>,
    /// What stands for nothing: where integrated gradients begin, what covers pixels
    #[arg(long, value_name = "COLOUR", default_value = "black", value_parser = ["black", "grey", "white", "mean"])]
    pub(super) baseline: String,
    /// The side of the patch that occlusion moves, in pixels [default: an eighth of the picture's]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    patch: Option<u32>,
    /// About so many segments of like colour for lime and kernel-shap
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    segments: u32,
    /// Also make each map with random weights, and say whether it depends on the network at all
    #[arg(long)]
    sanity: bool,
}

/// Integrated gradients are complete where they add up to within this share, for which steps are doubled up to so many.
pub(super) const COMPLETE: f64 = 0.01;
const MOST_STEPS: usize = 3_200;

/// Maps of pictures, each for its class.
struct Maps {
    /// One for each picture: [B, C, H, W], or coarser maps [B, 1, h, w].
    map: Tensor,
    /// Whether values below 0 speak against the class.
    signed: bool,
    /// How far each map is from adding up to what it should, relative; none where it need not.
    completeness: Option<Vec<f64>>,
    /// How it was made.
    note: String,
}

impl Maps {
    fn new(map: Tensor, signed: bool, note: impl Into<String>) -> Maps {
        Maps { map, signed, completeness: None, note: note.into() }
    }
}

/// What makes maps of pictures, for a network and the class of each.
type Method<'a> = &'a dyn Fn(&Subject, &Tensor, &[usize]) -> Result<Maps>;

pub fn saliency(look: &Look<'_>) -> Result<Seen> {
    explained(look, "saliency", &|subject, x, classes| {
        let map = by::saliency(subject, x, classes)?;
        Ok(Maps::new(map, false, "the size of the score's gradient, the largest of the channels"))
    })
}

pub fn gradient_x_input(look: &Look<'_>) -> Result<Seen> {
    explained(look, "gradient-x-input", &|subject, x, classes| {
        let map = by::gradient_x_input(subject, x, classes)?;
        Ok(Maps::new(map, true, "the score's gradient times the pixel"))
    })
}

pub fn smooth_grad(look: &Look<'_>) -> Result<Seen> {
    let samples = look.args.why.samples.unwrap_or(50) as usize;
    let how = SmoothGrad { samples, seed: look.args.seed, ..SmoothGrad::default() };
    explained(look, "smooth-grad", &|subject, x, classes| {
        let map = how.of(subject, x, classes)?;
        let note =
            format!("the mean gradient of {samples} noisy copies (deviation {})", how.deviation);
        Ok(Maps::new(map, true, note))
    })
}

pub fn integrated_gradients(look: &Look<'_>) -> Result<Seen> {
    let asked = look.args.steps.map(|steps| steps as usize);
    explained(look, "integrated-gradients", &|subject, x, classes| {
        let mut how = IntegratedGradients { steps: asked.unwrap_or(50) };
        let mut found = how.of(subject, x, classes, &baseline(look, x)?)?;
        while asked.is_none() && how.steps < MOST_STEPS && most(&found.completeness) >= COMPLETE {
            how.steps *= 2;
            found = how.of(subject, x, classes, &baseline(look, x)?)?;
        }
        let from = &look.args.why.baseline;
        let note = format!(
            "the mean gradient on the way from {from} in {} steps, times that way",
            how.steps
        );
        Ok(Maps { completeness: Some(found.completeness), ..Maps::new(found.map, true, note) })
    })
}

pub fn gradient_shap(look: &Look<'_>) -> Result<Seen> {
    let samples = look.args.why.samples.unwrap_or(50) as usize;
    let how = GradientShap { samples, seed: look.args.seed, ..GradientShap::default() };
    explained(look, "gradient-shap", &|subject, x, classes| {
        let from = baseline(look, x)?.slice(0, ..1);
        let found = how.of(subject, x, classes, &from)?;
        let note = format!(
            "the gradient at {samples} random places on the way from {}",
            look.args.why.baseline
        );
        Ok(Maps { completeness: Some(found.completeness), ..Maps::new(found.map, true, note) })
    })
}

pub fn relevance(look: &Look<'_>) -> Result<Seen> {
    explained(look, "relevance", &|subject, x, classes| {
        let map = by::layer_relevance(subject, x, classes, 1e-6)?;
        Ok(Maps::new(map, true, "layer-wise relevance propagation, ε = 1e-6"))
    })
}

pub fn grad_cam(look: &Look<'_>) -> Result<Seen> {
    let layer = match look.chosen_layers()?[..] {
        [] => last_maps(look)?,
        [layer] => layer,
        _ => return Err(CliError::Usage("--layer: found several, grad-cam looks at one".into())),
    };
    explained(look, "grad-cam", &|subject, x, classes| {
        let map = by::grad_cam(subject, x, classes, &layer.path)?;
        let (path, shape) = (&layer.path, &layer.shape);
        Ok(Maps::new(
            map,
            false,
            format!("where the maps of {path} {shape} are that speak for the class"),
        ))
    })
}

pub fn occlusion(look: &Look<'_>) -> Result<Seen> {
    let [_, height, width] = look.shape();
    let side = look.args.why.patch.map_or((height.min(width) / 8).max(1), |side| side as usize);
    let stride = [side.div_ceil(2), side.div_ceil(2)];
    let how = Occlusion { size: [side, side], stride, fill: fill(look) };
    explained(look, "occlusion", &|subject, x, classes| {
        let map = how.of(subject, x, classes)?;
        let covers = &look.args.why.baseline;
        Ok(Maps::new(
            map,
            true,
            format!("what the score loses under a {covers} patch of {side}×{side}"),
        ))
    })
}

pub fn lime(look: &Look<'_>) -> Result<Seen> {
    let samples = look.args.why.samples.unwrap_or(1000) as usize;
    let how = Lime { samples, fill: fill(look), seed: look.args.seed, ..Lime::default() };
    explained(look, "lime", &|subject, x, classes| {
        let of = |x: &Tensor, class, segments: &by::Segments| how.of(subject, x, class, segments);
        let (map, count) = segmented(look, x, classes, of)?;
        Ok(Maps::new(
            map,
            true,
            format!(
                "a linear model of which of about {count} segments are there, {samples} pictures tried"
            ),
        ))
    })
}

pub fn kernel_shap(look: &Look<'_>) -> Result<Seen> {
    let samples = look.args.why.samples.unwrap_or(1000) as usize;
    let how = KernelShap { samples, fill: fill(look), seed: look.args.seed };
    explained(look, "kernel-shap", &|subject, x, classes| {
        let of = |x: &Tensor, class, segments: &by::Segments| how.of(subject, x, class, segments);
        let (map, count) = segmented(look, x, classes, of)?;
        Ok(Maps::new(
            map,
            true,
            format!("Shapley values of about {count} segments, {samples} pictures tried"),
        ))
    })
}

/// A value for each segment of each picture, at its pixels, and how many segments the first picture has.
fn segmented(
    look: &Look<'_>,
    x: &Tensor,
    classes: &[usize],
    of: impl Fn(&Tensor, usize, &by::Segments) -> gradus::Result<Vec<f64>>,
) -> Result<(Tensor, usize)> {
    let [_, height, width] = look.shape();
    let (mut values, mut count) = (vec![], 0);
    for (i, &class) in classes.iter().enumerate() {
        let one = x.slice(0, i..i + 1);
        let segments = by::slic(&x.select(0, i), look.args.why.segments as usize, 0.3)?;
        count = if i == 0 { segments.count } else { count };
        let found = of(&one, class, &segments)?;
        // Of a segment each pixel has its share: so the map adds up to what the segments do.
        let mut area = vec![0.0; segments.count];
        segments.labels.iter().for_each(|&label| area[label] += 1.0);
        values.extend(segments.labels.iter().map(|&label| (found[label] / area[label]) as f32));
    }
    Ok((Tensor::from_slice(&values, [classes.len(), 1, height, width]), count))
}

/// The last layer that gives maps which are not classes already.
pub(super) fn last_maps<'l>(look: &'l Look<'_>) -> Result<&'l LayerShape> {
    let classes = look.outputs().len();
    let maps = |layer: &&LayerShape| layer.shape.rank() == 3 && layer.shape[1] * layer.shape[2] > 1;
    let features = |layer: &&LayerShape| maps(layer) && layer.shape[0] != classes;
    let backwards = || look.layers.iter().rev();
    backwards().find(features).or_else(|| backwards().find(maps)).ok_or_else(|| {
        let what = format!(
            "{} has no layer of maps; name another by --layer",
            look.description.architecture
        );
        CliError::Usage(what)
    })
}

/// What stands for nothing, one number for all channels.
fn fill(look: &Look<'_>) -> f64 {
    match &*look.args.why.baseline {
        "grey" => 0.5,
        "white" => 1.0,
        "mean" => {
            let mean = &look.description.mean;
            mean.iter().map(|&m| f64::from(m)).sum::<f64>() / mean.len().max(1) as f64
        }
        _ => 0.0,
    }
}

/// The same as a picture; its mean colour where that is meant.
pub(super) fn baseline(look: &Look<'_>, x: &Tensor) -> Result<Tensor> {
    let mean = &look.description.mean;
    let colour = match (&*look.args.why.baseline, mean.len() == x.size(1)) {
        ("mean", true) => Tensor::from_slice(mean, [1, mean.len(), 1, 1]),
        _ => Tensor::full([1, 1, 1, 1], fill(look)),
    };
    Ok(colour.broadcast_to(x.shape()))
}

/// Makes the maps of all pictures and shows each beside its picture and on it.
fn explained(look: &Look<'_>, kind: &'static str, method: Method<'_>) -> Result<Seen> {
    let pictures: Vec<&Tensor> = look.pictures.iter().map(|picture| &picture.x).collect();
    let x = Tensor::concat(&pictures, 0);
    let asked = look.class()?;
    let class = |picture: &Picture| asked.or(look.answer(picture).0).unwrap_or(0);
    let classes: Vec<usize> = look.pictures.iter().map(class).collect();
    let maps = method(&look.subject, &x, &classes)?;
    let random = look.args.why.sanity.then(|| method(&randomised(look)?, &x, &classes));
    let sanity =
        random.transpose()?.map(|random| by::sanity(&maps.map, &random.map)).transpose()?;
    let [_, height, width] = look.shape();
    let (mut sections, mut records) = (vec![], vec![]);
    for (i, (picture, &class)) in look.pictures.iter().zip(&classes).enumerate() {
        let map = plane(&maps.map.slice(0, i..i + 1), maps.signed, [height, width]);
        let tiles = tiles(look, picture, class, &map, maps.signed);
        let title = format!("{}; what speaks for {}", look.told(picture), look.outputs()[class]);
        let mut section =
            Section { title, note: String::new(), tiles, side: 224, ..Section::default() };
        let peak = peak(&map);
        let mut record = Map::new();
        record.insert("picture".into(), json!(picture.name));
        record.insert("class".into(), json!(look.outputs()[class]));
        record.insert("peak".into(), json!({ "row": peak / width, "column": peak % width }));
        if let Some(completeness) = &maps.completeness {
            let off = completeness[i];
            let share = figure(100.0 * off, 2);
            section.note = format!("adds up to within {share} % of what the score gained");
            record.insert("completeness".into(), json!(off));
        }
        sections.push(section);
        records.push(Value::Object(record));
    }
    let pictures = crate::bars::counted(sections.len() as u64, "picture");
    let mut record = json!({ "maps": records, "note": maps.note });
    let mut said = vec![format!("{kind:<14} {pictures}: {}", maps.note)];
    if let Some(completeness) = &maps.completeness {
        let most = most(completeness);
        said.push(format!("completeness   {} % off at most", figure(100.0 * most, 2)));
        record["completeness"] = json!(most);
    }
    if let Some(sanity) = sanity {
        let verdict = match sanity.depends_on_the_network() {
            true => "it depends on the network",
            false => "it says more about pictures than about the network",
        };
        said.push(format!(
            "sanity         beside maps of random weights the rank correlation is {:.2} (without signs {:.2}): {verdict}",
            sanity.correlation, sanity.correlation_of_sizes
        ));
        record["sanity"] = json!({
            "correlation": sanity.correlation, "correlation_of_sizes": sanity.correlation_of_sizes,
            "depends_on_the_network": sanity.depends_on_the_network(),
        });
    }
    let sheets = vec![Sheet { title: format!("{kind}: {}", note(&maps)), sections }];
    Ok(Seen { sheets, record, said })
}

/// The largest error.
fn most(errors: &[f64]) -> f64 {
    errors.iter().copied().fold(0.0, f64::max)
}

fn note(maps: &Maps) -> String {
    let colours = match maps.signed {
        true => "red speaks for the class, blue against it",
        false => "the brighter, the more it matters",
    };
    format!("{}; {colours}", maps.note)
}

/// The same network with weights drawn anew.
fn randomised(look: &Look<'_>) -> Result<Subject> {
    let description = &look.description;
    let model = description.build(&Init::new(look.args.seed.wrapping_add(1)))?;
    Ok(Subject::new(model.into()).normalized(&description.mean, &description.std))
}

/// One number for each pixel: the channels' sum where signs count, else their largest; a coarse map enlarged.
fn plane(map: &Tensor, signed: bool, size: [usize; 2]) -> Vec<f32> {
    let whole = map.shape()[2..] == size;
    let map = if whole { map.clone() } else { by::enlarged(map, size) };
    if signed { map.sum(1) } else { map.max(1) }.to_vec()
}

fn tiles(look: &Look<'_>, picture: &Picture, class: usize, map: &[f32], signed: bool) -> Vec<Tile> {
    let [_, height, width] = look.shape();
    let most = clipped(map);
    let heat = match signed {
        true => Tile::signed(map, [height, width], most),
        false => Tile::grey(map, [height, width], (0.0, most)),
    };
    let share = |&x: &f32| if most > 0.0 { (x / most).clamp(-1.0, 1.0) } else { 0.0 };
    let shares: Vec<f32> = map.iter().map(share).collect();
    let name = &look.outputs()[class];
    let p = picture.outputs.get(class).copied().unwrap_or(f64::NAN);
    vec![
        picture.tile().called(format!("{name} {:.1} %", 100.0 * p)),
        heat.called("the map"),
        laid_over(&picture.tile(), &shares).called("on the picture"),
    ]
}

/// The size that the map is drawn to: all but the largest hundredth of its values are below.
fn clipped(map: &[f32]) -> f32 {
    let mut sizes: Vec<f32> = map.iter().map(|x| x.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let at = sizes.len() * 99 / 100;
    let most = sizes.get(at).copied().unwrap_or(0.0);
    // Of a map that is 0 nearly everywhere the rest is all there is.
    if most > 0.0 { most } else { sizes.last().copied().unwrap_or(0.0) }
}

/// A picture in pale grey under red, for what speaks for the class, and blue, for what speaks against it.
fn laid_over(picture: &Tile, shares: &[f32]) -> Tile {
    let [channels, height, width] = picture.shape;
    let area = height * width;
    let grey = |i: usize| {
        let sum: f32 = (0..channels).map(|c| picture.pixels[c * area + i]).sum();
        0.35 + 0.55 * sum / channels as f32
    };
    let plane = |full: [f32; 2]| {
        shares.iter().enumerate().map(move |(i, &share)| {
            let toward = if share < 0.0 { full[1] } else { full[0] };
            grey(i) + (toward - grey(i)) * 0.85 * share.abs()
        })
    };
    let pixels = [[0.85, 0.10], [0.05, 0.30], [0.10, 0.75]].map(plane).into_iter().flatten();
    Tile { pixels: pixels.collect(), shape: [3, height, width], caption: String::new() }
}

/// Where the map is largest.
fn peak(map: &[f32]) -> usize {
    let largest = |a: &usize, b: &usize| map[*a].total_cmp(&map[*b]).then(b.cmp(a));
    (0..map.len()).max_by(largest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_large_values_do_not_drown_a_map() {
        let mut map = vec![0.5; 1000];
        map[3] = 90.0;
        assert_eq!(clipped(&map), 0.5);
        // But a lone value is seen.
        let mut lone = vec![0.0; 1000];
        lone[3] = -4.0;
        assert_eq!(clipped(&lone), 4.0);
        assert_eq!(peak(&map), 3);
        assert_eq!(peak(&[1.0, 2.0, 2.0]), 1);
    }

    #[test]
    fn maps_are_laid_over_pale_pictures() {
        let picture = Tile::picture(&[0.0, 1.0, 1.0], [1, 1, 3]);
        let over = laid_over(&picture, &[0.0, 1.0, -1.0]);
        let pixel = |i: usize| [0, 1, 2].map(|c| (over.pixels[c * 3 + i] * 100.0).round() as i32);
        assert_eq!([pixel(0), pixel(1), pixel(2)], [[35, 35, 35], [86, 18, 22], [22, 39, 77]]);
    }
}
