//! Which samples a layer takes for neighbours: what it gives for each, as points in a plane, coloured by class.

use super::look::{Data, Look, pixels};
use super::shown::{Section, Seen, Sheet};
use crate::bars::{counted, figure, grouped, shortened};
use crate::curves::escaped;
use crate::error::{CliError, Result};
use gradus::see::projection::{TSne, principal_components};
use gradus::see::{LayerShape, activations};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Instant;

/// How t-sne puts points.
#[derive(clap::Args)]
#[group(skip)]
pub struct Neighbours {
    /// About how many neighbours t-sne looks for around each sample
    #[arg(long, value_name = "X", default_value_t = 30.0)]
    perplexity: f64,
}

/// Samples, unless a number is given, and at most: t-sne looks once at all pairs.
const SAMPLES: usize = 2000;
const MOST: usize = 10_000;
/// More numbers of a layer are first made so many by principal components.
const WIDTH: usize = 50;
/// Numbers of all samples together.
const NUMBERS: usize = 1 << 27;
/// Steps of t-sne.
const STEPS: u32 = 1000;

/// What a layer gives for samples.
struct Given<'a> {
    layer: &'a LayerShape,
    data: Data,
    rows: Vec<Vec<f64>>,
}

/// By principal components.
pub fn pca(look: &Look<'_>) -> Result<Seen> {
    let given = Given::of(look)?;
    let found = principal_components(&given.rows, WIDTH)?;
    let point = |row: &Vec<f64>| [row[0], row.get(1).copied().unwrap_or(0.0)];
    let points: Vec<[f64; 2]> = found.points.iter().map(point).collect();
    let share = |k: usize| 100.0 * found.explained.get(k).copied().unwrap_or(0.0);
    let said = format!(
        "pca            {:.1} % and {:.1} % of the variance of {} ({} of {})",
        share(0),
        share(1),
        given.layer.path,
        counted(points.len() as u64, "sample"),
        given.data.name
    );
    let record = json!({ "explained": found.explained });
    Ok(given.seen(&points, said, record))
}

/// By t-SNE.
pub fn tsne(look: &Look<'_>) -> Result<Seen> {
    let given = Given::of(look)?;
    let start = Instant::now();
    let few = given.rows[0].len() <= WIDTH;
    let rows =
        if few { given.rows.clone() } else { principal_components(&given.rows, WIDTH)?.points };
    let perplexity = look.args.projection.perplexity;
    let steps = look.args.steps.unwrap_or(STEPS) as usize;
    let found = TSne { perplexity, steps, seed: look.args.seed }.embed(&rows)?;
    let said = format!(
        "t-sne          divergence {} of {} ({} of {}), perplexity {perplexity}, in {:.1} s",
        figure(found.divergence, 4),
        given.layer.path,
        counted(rows.len() as u64, "sample"),
        given.data.name,
        start.elapsed().as_secs_f64()
    );
    let record =
        json!({ "divergence": found.divergence, "perplexity": perplexity, "steps": steps });
    Ok(given.seen(&found.points, said, record))
}

impl<'a> Given<'a> {
    fn of(look: &'a Look<'_>) -> Result<Given<'a>> {
        let layer = match look.chosen_layers()?[..] {
            // What the scores are made of.
            [] => look.layers.iter().rev().nth(1).or(look.layers.last()),
            [one] => Some(one),
            [_, other, ..] => {
                return Err(CliError::Usage(format!(
                    "--layer: found {} after another, expected one layer",
                    other.path
                )));
            }
        };
        let Some(layer) = layer else {
            return Err(CliError::Usage("the network has no layers to look at".into()));
        };
        let wanted = look.args.why.samples.map_or(SAMPLES, |n| n as usize);
        let width = layer.shape.iter().product::<usize>().max(1);
        if wanted > MOST || wanted * width > NUMBERS {
            let most = MOST.min(NUMBERS / width);
            return Err(CliError::Usage(format!(
                "--samples: found {wanted}, expected at most {most} of {}, which gives {} for each",
                layer.path,
                counted(width as u64, "number")
            )));
        }
        let data = look.data()?;
        let mut rows = vec![];
        for x in pixels(&data.batches) {
            rows.extend(activations(&look.subject, &x?, &layer.path)?);
            if rows.len() >= wanted {
                break;
            }
        }
        rows.truncate(wanted);
        if rows.len() < 4 {
            let found = counted(rows.len() as u64, "sample");
            return Err(CliError::Work(format!(
                "{}: found {found}, expected 4 at least",
                data.name
            )));
        }
        Ok(Given { layer, data, rows })
    }

    /// The class of a sample, if it has one.
    fn class(&self, at: usize) -> usize {
        self.data.labels.get(at).map_or(0, |&label| label as usize)
    }

    fn seen(&self, points: &[[f64; 2]], said: String, mut record: Value) -> Seen {
        let same = self.same_class(points);
        record["layer"] = json!(self.layer.path);
        record["data"] = json!(self.data.name);
        record["classes"] = json!(self.data.classes);
        record["labels"] = json!(&self.data.labels[..points.len().min(self.data.labels.len())]);
        record["points"] = json!(points);
        record["nearest_of_same_class"] = json!(same);
        let mut said = vec![said];
        said.extend(same.map(|share| {
            format!("neighbours     {:.1} % lie beside one of their own class", 100.0 * share)
        }));
        let title =
            format!("{}: {} of {}", self.layer.path, grouped(points.len() as u64), self.data.name);
        let note = "a point for each sample, coloured by its class".to_owned();
        let drawing = Some(self.drawn(points));
        let section = Section { title: "in a plane".into(), note, drawing, ..Section::default() };
        Seen { sheets: vec![Sheet { title, sections: vec![section] }], record, said }
    }

    /// Which share of the points has a point of its own class nearest to it; none without classes.
    fn same_class(&self, points: &[[f64; 2]]) -> Option<f64> {
        if self.data.classes.len() < 2 {
            return None;
        }
        let distance = |a: usize, b: usize| {
            let [p, q] = [points[a], points[b]];
            (p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2)
        };
        let nearest = |a: usize| {
            let others = (0..points.len()).filter(|&b| b != a);
            others.min_by(|&b, &c| distance(a, b).total_cmp(&distance(a, c)))
        };
        let same = |&a: &usize| nearest(a).is_some_and(|b| self.class(a) == self.class(b));
        Some((0..points.len()).filter(same).count() as f64 / points.len() as f64)
    }

    /// The plane as SVG, with a legend of the classes.
    fn drawn(&self, points: &[[f64; 2]]) -> String {
        let shown = self.data.classes.len().min(LEGEND);
        let width = SIDE + if shown > 1 { 180.0 } else { 0.0 };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plane\" width=\"{width}\" height=\"{SIDE}\" viewBox=\"0 0 {width} {SIDE}\">\
             <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
        );
        let range = |axis: usize| {
            let all = points.iter().map(|point| point[axis]);
            (all.clone().fold(f64::INFINITY, f64::min), all.fold(f64::NEG_INFINITY, f64::max))
        };
        // One scale for both axes: distances are to be compared.
        let [(left, right), (bottom, top)] = [range(0), range(1)];
        let span = (right - left).max(top - bottom).max(f64::MIN_POSITIVE);
        let scale = (SIDE - 2.0 * EDGE) / span;
        for (at, [x, y]) in points.iter().enumerate() {
            let x = SIDE / 2.0 + (x - (left + right) / 2.0) * scale;
            let y = SIDE / 2.0 - (y - (bottom + top) / 2.0) * scale;
            let colour = colour(self.class(at), self.data.classes.len());
            let _ =
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        if shown > 1 {
            for (k, class) in self.data.classes.iter().take(shown).enumerate() {
                let y = 24.0 + 20.0 * k as f64;
                let (colour, name) =
                    (colour(k, self.data.classes.len()), escaped(&shortened(class, 22)));
                let _ = writeln!(
                    svg,
                    "<circle class=\"key\" cx=\"{0}\" cy=\"{1}\" r=\"5\" fill=\"{colour}\"/><text x=\"{2}\" y=\"{y}\">{name}</text>",
                    SIDE + 10.0,
                    y - 4.0,
                    SIDE + 22.0
                );
            }
        }
        svg + "</svg>\n"
    }
}

/// The side of the plane, the room at its edges, and the classes that a legend has at most.
const SIDE: f64 = 640.0;
const EDGE: f64 = 16.0;
const LEGEND: usize = 30;
const STYLE: &str = ".plane text{font:12px Helvetica,Arial,sans-serif;fill:#222}.plane .paper{fill:#fff}.plane circle{fill-opacity:.65}.plane .key{fill-opacity:1}\
@media(prefers-color-scheme:dark){.plane text{fill:#ddd}.plane .paper{fill:#16181c}}";

/// The colour of a class: hues as far apart as there are classes, neighbours of different lightness.
fn colour(class: usize, classes: usize) -> String {
    let hue = 360.0 * class as f64 / classes.max(1) as f64;
    let light = [45, 62][class % 2];
    format!("hsl({hue:.0},70%,{light}%)")
}
