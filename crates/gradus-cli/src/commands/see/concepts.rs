//! Concepts: whether what people have names for, striped or brick, moves a class's score (TCAV).

use super::look::{Look, pixels_of};
use super::shown::{Section, Seen, Sheet, Tile};
use super::why::last_maps;
use crate::bars::{counted, figure};
use crate::error::{CliError, Result};
use crate::inputs::{self, Taken};
use gradus::Tensor;
use gradus::data::{Fit, ImageOptions, parse_image, read_file};
use gradus::see::concept::{Directions, Tcav};
use gradus_base::philox::Rng;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Pictures of a concept, and of a random set; pictures of a class whose scores are looked at.
const OF_A_SET: usize = 30;
const OF_A_CLASS: usize = 50;
/// Without --class so many classes are looked at.
const CLASSES: usize = 10;
/// A picture that is so many times as large as the network's is cut into pieces.
const LARGE: usize = 2;
/// Pieces that are shown.
const SHOWN: usize = 9;

/// What can be chosen about concepts.
#[derive(clap::Args)]
#[group(skip)]
pub struct Choices {
    /// What concepts look like, for --what concepts: a folder of at least three pictures for each, or one large picture, such as a texture, that is cut into pieces
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    concept: Vec<PathBuf>,
    /// Sets of random pictures that each concept is told from
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=500))]
    random_sets: u32,
}

pub fn see(look: &Look<'_>) -> Result<Seen> {
    let choices = &look.args.concepts;
    if choices.concept.is_empty() {
        let what = "--what concepts: found no --concept, expected folders of pictures, or a large picture for each";
        return Err(CliError::Usage(what.into()));
    }
    let layer = match look.chosen_layers()?[..] {
        [] => last_maps(look)?,
        [layer] => layer,
        _ => {
            return Err(CliError::Usage(
                "--layer: found several, concepts are sought in one".into(),
            ));
        }
    };
    let mut rng = Rng::new(look.args.seed, 1, 0);
    let concepts = choices.concept.iter().map(|path| Concept::open(look, path, &mut rng));
    let concepts = concepts.collect::<Result<Vec<_>>>()?;
    let data = look.data()?;
    let classes: Vec<usize> = match look.class()? {
        Some(class) => vec![class],
        None => (0..look.outputs().len().min(CLASSES)).collect(),
    };
    let random = (0..choices.random_sets)
        .map(|_| {
            let places = drawn(data.labels.len(), OF_A_SET, &mut rng);
            Ok(pixels_of(look.pictures_of(&data, &places)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let (mut said, mut records, mut sections) = (vec![], vec![], vec![]);
    said.push(format!(
        "concepts       in {} {}, against {} random sets of {} of {}",
        layer.path,
        layer.shape,
        random.len(),
        counted(OF_A_SET as u64, "picture"),
        data.name
    ));
    for concept in &concepts {
        let mut lines = vec![];
        for &class in &classes {
            let of_class = |&i: &usize| data.labels[i] == class as i64;
            let places: Vec<usize> =
                (0..data.labels.len()).filter(of_class).take(OF_A_CLASS).collect();
            let name = &look.outputs()[class];
            if places.is_empty() {
                lines.push(format!("{name}: {} holds no picture of it", data.name));
                continue;
            }
            let x = pixels_of(look.pictures_of(&data, &places)?);
            let found = Directions::default().of(
                &look.subject,
                &layer.path,
                &concept.x,
                &random,
                &x,
                class,
            )?;
            lines.push(told(name, &found));
            records.push(json!({
                "concept": concept.name, "class": name, "score": found.score(), "random": found.random_score(),
                "p": found.p, "accuracy": found.accuracy, "known": found.is_known(), "scores": found.scores, "random_scores": found.random,
            }));
        }
        said.extend(lines.iter().map(|line| format!("{:<14} {line}", concept.name)));
        sections.push(concept.section(look, lines.join("\n")));
    }
    let title = format!(
        "concepts in {}: the share of a class's pictures whose score grows along each",
        layer.path
    );
    let record = json!({ "layer": layer.path, "sets": random.len(), "concepts": records });
    Ok(Seen { sheets: vec![Sheet { title, sections }], record, said })
}

/// `zebra: 0.92 of its pictures gain (random 0.51, p 0.0002); the layer tells the concept from random pictures 97 % of the time`
fn told(class: &str, found: &Tcav) -> String {
    let verdict = if found.is_known() { "" } else { ": nothing is shown" };
    format!(
        "{class}: {:.2} of its pictures gain along it (random {:.2}, p {}); told from random pictures {:.0} % of the time{verdict}",
        found.score(),
        found.random_score(),
        figure(found.p, 2),
        100.0 * found.accuracy
    )
}

/// Pictures of what people have a name for.
struct Concept {
    name: String,
    /// `[N, C, H, W]`
    x: Tensor,
}

impl Concept {
    /// A folder's pictures as the network is shown pictures, or the pieces of one large picture.
    fn open(look: &Look<'_>, path: &Path, rng: &mut Rng) -> Result<Concept> {
        let name = path
            .file_stem()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let files = inputs::files(&[path.to_owned()], None, Taken::Pictures)?;
        let x = match &files[..] {
            [file] => pieces(look, file, rng)?,
            files => pixels_of(look.shown(&files[..files.len().min(OF_A_SET)])?),
        };
        if x.size(0) < 3 {
            let what = format!(
                "found {}, expected at least 3, or one that is {LARGE} times as large as the network's",
                counted(x.size(0) as u64, "picture")
            );
            return Err(CliError::Work(format!("{}: {what}", path.display())));
        }
        Ok(Concept { name, x })
    }

    fn section(&self, look: &Look<'_>, note: String) -> Section {
        let shape = look.shape();
        let tile = |i: usize| Tile::picture(&self.x.select(0, i).to_vec::<f32>(), shape);
        let tiles = (0..self.x.size(0).min(SHOWN)).map(tile).collect();
        Section { title: self.name.clone(), note, tiles, ..Section::default() }
    }
}

/// Pieces of one picture at random places, as large as the network's pictures; the picture itself where it is not large.
fn pieces(look: &Look<'_>, file: &Path, rng: &mut Rng) -> Result<Tensor> {
    let [channels, height, width] = look.shape();
    let options = ImageOptions { channels, size: None, fit: Fit::Cover };
    let image = parse_image(&read_file(file)?, &file.display().to_string(), &options)?;
    let [_, rows, columns] = image.shape;
    if rows < LARGE * height || columns < LARGE * width {
        return Ok(pixels_of(look.shown(&[file.to_owned()])?));
    }
    let mut values = Vec::with_capacity(OF_A_SET * channels * height * width);
    for _ in 0..OF_A_SET {
        let top = rng.below(rows - height + 1);
        let left = rng.below(columns - width + 1);
        for c in 0..channels {
            for row in top..top + height {
                let at = (c * rows + row) * columns + left;
                values.extend(image.pixels[at..at + width].iter().map(|&p| f32::from(p) / 255.0));
            }
        }
    }
    Ok(Tensor::from_slice(&values, [OF_A_SET, channels, height, width]))
}

/// So many different numbers below `all`, or all.
fn drawn(all: usize, count: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..all).collect();
    let count = count.min(all);
    for k in 0..count {
        order.swap(k, k + rng.below(all - k));
    }
    order.truncate(count);
    order
}
