//! Pictures that the network prefers: made from noise by climbing a class, a unit, a direction among units or what a picture gives.

use super::Args;
use super::look::{Look, Picture};
use super::shown::{Section, Seen, Sheet, Tile};
use crate::bars::{counted, figure};
use crate::error::{CliError, Result};
use crate::model_file;
use crate::scores::{largest, probabilities};
use crate::suggest::unknown;
use gradus::Tensor;
use gradus::see::preferred::{PRIORS, Parameters, Transforms};
use gradus::see::{Ascent, LayerShape, Objective, Prior, Subject};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// How preferred pictures are made.
#[derive(clap::Args)]
#[command(next_help_heading = "Preferred pictures")]
pub struct Options {
    #[arg(long, value_name = "NAME|none", default_value = "yosinski-3", help = prior_help())]
    prior: String,
    /// What is climbed: pixels, or waves in colours that occur on their own, which need no prior
    #[arg(long, value_name = "NAME", default_value = "pixels", value_parser = ["pixels", "waves"])]
    parameters: String,
    /// How far a step goes: the root mean square of a pixel's change, of pixels from 0 to 1
    #[arg(long, value_name = "X", default_value_t = 0.05)]
    rate: f64,
    /// So many pictures of each, from other noise
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    copies: u32,
    /// One place of a unit's map, row and column, instead of all of it
    #[arg(long, value_name = "ROW,COLUMN", value_delimiter = ',', num_args = 1)]
    place: Vec<usize>,
    /// A sum of units instead of single ones, such as 3=1,7=-0.5
    #[arg(long, value_name = "UNIT=WEIGHT", value_delimiter = ',', allow_hyphen_values = true)]
    direction: Vec<String>,
    /// Move what the network sees by up to so many pixels in each step
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0)]
    jitter: f64,
    /// Turn it by up to so many degrees
    #[arg(long, value_name = "DEGREES", default_value_t = 0.0)]
    rotate: f64,
    /// Scale it by up to this share
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    scale: f64,
    /// How much neighbours are to be alike: the weight of the mean square of their differences
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    smooth: f64,
    /// How much the pictures of a unit are to differ: the weight of how alike they look to the layer
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    diversity: f64,
    /// Another model of the same classes, trained apart: says which pictures of classes it recognises, with the prior and without
    #[arg(long, value_name = "RUN|MODEL_FILE")]
    judge: Option<PathBuf>,
}

fn prior_help() -> String {
    let names: Vec<&str> = PRIORS.iter().map(|(name, _)| *name).collect();
    format!(
        "What keeps pixels like a picture: {}, the four settings of the paper, or none",
        names.join(", ")
    )
}

/// Steps of an ascent.
const STEPS: u32 = 200;
/// Without names, of so many classes or units a picture is made.
const MOST: usize = 20;
/// So many pictures are climbed at once.
const AT_ONCE: usize = 64;

/// What pictures are sought of.
struct Sought<'a> {
    title: String,
    /// What each is called, in order.
    names: Vec<String>,
    kind: KindOf<'a>,
}

enum KindOf<'a> {
    Classes(Vec<usize>),
    Units(&'a LayerShape, Vec<usize>),
    Direction(&'a LayerShape, Vec<f64>),
    Caricatures(&'a LayerShape, Vec<Picture>),
}

/// Makes them.
pub fn see(look: &Look<'_>) -> Result<Seen> {
    let options = &look.args.preferred;
    let sought = sought(look)?;
    let ascent = ascent(look.args, &sought)?;
    let judge = options.judge.as_ref().map(|path| Judge::open(look, path, &sought)).transpose()?;
    let made = make(look, &sought, &ascent)?;
    let copies = counted(options.copies.into(), "picture");
    let mut said = vec![format!("preferred      {copies} each of {}", sought.title)];
    let mut record = json!({ "of": sought.title, "prior": options.prior, "parameters": options.parameters,
                             "steps": ascent.steps, "rate": options.rate });
    if let Some(classes) = sought.classes(look) {
        let sure = made.iter().zip(each(classes, options.copies));
        let sure = sure.filter(|(made, class)| made.probabilities[*class] >= 0.95).count();
        let all = made.len();
        said.push(format!(
            "sure           {sure} of {all} are taken for their class with 95 % or more"
        ));
        record["sure"] = json!(sure);
        if let Some(judge) = &judge {
            let recognised = judge.share(&made, classes, options.copies);
            let bare = Ascent {
                prior: Prior::default(),
                transforms: Transforms::default(),
                total_variation: 0.0,
                parameters: Parameters::Pixels,
                ..ascent.clone()
            };
            let without = judge.share(&make(look, &sought, &bare)?, classes, options.copies);
            said.push(format!(
                "judged         {} recognises {:.1} % of them; of those made without a prior {:.1} %",
                judge.name,
                100.0 * recognised,
                100.0 * without
            ));
            record["judged"] =
                json!({ "by": judge.name, "recognised": recognised, "without_prior": without });
        }
    }
    let (section, pictures) = section(look, &sought, &ascent, &made);
    record["pictures"] = pictures;
    let sheet = Sheet { title: "pictures that are preferred".into(), sections: vec![section] };
    Ok(Seen { sheets: vec![sheet], record, said })
}

/// Each entry so many times, one after the other.
fn each<T: Copy>(all: &[T], copies: u32) -> impl Iterator<Item = T> {
    all.iter().flat_map(move |&one| vec![one; copies as usize])
}

/// The pictures as tiles, and what they are for scripts.
fn section(
    look: &Look<'_>,
    sought: &Sought<'_>,
    ascent: &Ascent,
    made: &[Made],
) -> (Section, Value) {
    let options = &look.args.preferred;
    let copies = options.copies as usize;
    let (mut tiles, mut pictures) = (vec![], vec![]);
    for (at, one) in made.iter().enumerate() {
        let name = &sought.names[at / copies];
        let p = sought.classes(look).map(|classes| one.probabilities[classes[at / copies]]);
        let value = p.map_or_else(|| figure(one.value, 4), |p| format!("{:.1} %", 100.0 * p));
        pictures.push(json!({ "of": name, "value": one.value, "probability": p }));
        let tile = Tile::picture(&one.pixels, look.shape());
        tiles.push(tile.called(format!("{name}\n{value}")));
    }
    let note = match ascent.parameters {
        Parameters::Waves => format!("{} steps of waves by Adam", ascent.steps),
        Parameters::Pixels => format!("{} steps of pixels, prior: {}", ascent.steps, options.prior),
    };
    // As many in a row as go into the pictures of one name.
    let across = (2..=12).rev().find(|n| copies.is_multiple_of(*n)).unwrap_or(0);
    let title = sought.title.clone();
    (Section { title, note, tiles, across, side: 96, ..Section::default() }, pictures.into())
}

impl Sought<'_> {
    /// The classes, if classes of a classifier are sought.
    fn classes(&self, look: &Look<'_>) -> Option<&[usize]> {
        match &self.kind {
            KindOf::Classes(classes) if look.description.aim().is_of_classes() => Some(classes),
            _ => None,
        }
    }
}

/// What is asked for: classes unless a layer is named.
fn sought<'a>(look: &'a Look<'_>) -> Result<Sought<'a>> {
    let options = &look.args.preferred;
    let layers = look.chosen_layers()?;
    let Some(layer) = layers.first().copied() else {
        let named = [
            (!options.place.is_empty(), "--place"),
            (!options.direction.is_empty(), "--direction"),
            (!look.args.unit.is_empty(), "--unit"),
            (!look.args.pictures.is_empty(), "a picture"),
        ];
        if let Some((_, what)) = named.iter().find(|(is_there, _)| *is_there) {
            return Err(CliError::Usage(format!(
                "{what}: found none of --layer, expected one that it is of"
            )));
        }
        let all = look.outputs();
        let classes = match look.class()? {
            Some(class) => vec![class],
            None => (0..all.len().min(MOST)).collect(),
        };
        let names: Vec<String> = classes.iter().map(|&class| all[class].clone()).collect();
        let title = match &names[..] {
            [one] => one.clone(),
            all if look.description.classes.is_empty() => counted(all.len() as u64, "number"),
            all => format!("{} classes", all.len()),
        };
        return Ok(Sought { title, names, kind: KindOf::Classes(classes) });
    };
    if let [_, second, ..] = layers[..] {
        return Err(CliError::Usage(format!(
            "--layer: found {} after {}, expected one layer for preferred pictures",
            second.path, layer.path
        )));
    }
    let path = &layer.path;
    if !look.args.pictures.is_empty() {
        let pictures = look.given()?;
        let names = pictures.iter().map(|picture| picture.name.clone()).collect();
        let title = format!("{}, as {path} sees them", counted(pictures.len() as u64, "picture"));
        return Ok(Sought { title, names, kind: KindOf::Caricatures(layer, pictures) });
    }
    if !options.direction.is_empty() {
        let weights = direction(&options.direction, layer)?;
        let title = format!("a direction among the units of {path}");
        let names = vec![options.direction.join(", ")];
        return Ok(Sought { title, names, kind: KindOf::Direction(layer, weights) });
    }
    let (units, _) = look.units(layer, MOST)?;
    let title = format!("{} of {path}", counted(units.len() as u64, "unit"));
    let names = units.iter().map(usize::to_string).collect();
    Ok(Sought { title, names, kind: KindOf::Units(layer, units) })
}

/// `3=1`, `7=-0.5`: a weight for each unit of a layer.
fn direction(texts: &[String], layer: &LayerShape) -> Result<Vec<f64>> {
    let mut weights = vec![0.0; layer.units()];
    for text in texts {
        let read = |(unit, weight): (&str, &str)| {
            Some((unit.parse::<usize>().ok()?, weight.parse::<f64>().ok()?))
        };
        match text.split_once('=').and_then(read) {
            Some((unit, weight)) if unit < weights.len() && weight.is_finite() => {
                weights[unit] = weight
            }
            _ => {
                let last = weights.len() - 1;
                return Err(CliError::Usage(format!(
                    "--direction: found {text}, expected UNIT=WEIGHT with a unit of {} from 0 to {last}",
                    layer.path
                )));
            }
        }
    }
    Ok(weights)
}

fn ascent(args: &Args, sought: &Sought<'_>) -> Result<Ascent> {
    let options = &args.preferred;
    let prior = match PRIORS.iter().find(|(name, _)| *name == options.prior) {
        Some((_, prior)) => *prior,
        None if options.prior == "none" => Prior::default(),
        None => {
            let names: Vec<&str> = PRIORS.iter().map(|(name, _)| *name).chain(["none"]).collect();
            return Err(unknown("prior", &options.prior, &names));
        }
    };
    let parameters =
        if options.parameters == "waves" { Parameters::Waves } else { Parameters::Pixels };
    let numbers = [
        ("rate", options.rate),
        ("jitter", options.jitter),
        ("rotate", options.rotate),
        ("scale", options.scale),
        ("smooth", options.smooth),
        ("diversity", options.diversity),
    ];
    if let Some((name, found)) = numbers.iter().find(|(_, x)| !x.is_finite() || *x < 0.0) {
        return Err(CliError::Usage(format!("--{name}: found {found}, expected 0 or more")));
    }
    if options.scale >= 1.0 {
        return Err(CliError::Usage(format!(
            "--scale: found {}, expected less than 1",
            options.scale
        )));
    }
    let layer = match &sought.kind {
        KindOf::Classes(_) => None,
        KindOf::Units(layer, _) | KindOf::Direction(layer, _) | KindOf::Caricatures(layer, _) => {
            Some(*layer)
        }
    };
    let diversity = match (options.diversity > 0.0, layer) {
        (false, _) => None,
        (true, Some(layer)) => Some((layer.path.clone(), options.diversity)),
        (true, None) => {
            return Err(CliError::Usage(
                "--diversity: found none of --layer, expected one that it is of".into(),
            ));
        }
    };
    Ok(Ascent {
        steps: args.steps.unwrap_or(STEPS) as usize,
        rate: options.rate,
        parameters,
        // Waves have their own.
        prior: if parameters == Parameters::Waves { Prior::default() } else { prior },
        transforms: Transforms {
            jitter: options.jitter,
            rotate: options.rotate,
            scale: options.scale,
        },
        total_variation: options.smooth,
        diversity,
        seed: args.seed,
        ..Ascent::default()
    })
}

/// A picture that was made.
struct Made {
    pixels: Vec<f32>,
    value: f64,
    /// What the network takes it for.
    probabilities: Vec<f64>,
}

/// Makes all pictures, those of one name together.
fn make(look: &Look<'_>, sought: &Sought<'_>, ascent: &Ascent) -> Result<Vec<Made>> {
    let copies = look.args.preferred.copies as usize;
    let place = match look.args.preferred.place[..] {
        [] => None,
        [row, column] => Some([row, column]),
        _ => return Err(CliError::Usage("--place: expected two numbers, row and column".into())),
    };
    let unit_of = |layer: &LayerShape, units: Vec<usize>| match place {
        Some(_) => Objective::Neuron { layer: layer.path.clone(), units, place },
        None => Objective::Channel { layer: layer.path.clone(), units },
    };
    // Pictures that are to differ are made together, and no others with them.
    let together = if ascent.diversity.is_some() { 1 } else { (AT_ONCE / copies).max(1) };
    let mut made = vec![];
    for names in (0..sought.names.len()).collect::<Vec<_>>().chunks(together) {
        let copies_of = |all: &[usize]| {
            names.iter().flat_map(|&at| vec![all[at]; copies]).collect::<Vec<usize>>()
        };
        let objective = match &sought.kind {
            KindOf::Classes(classes) => Objective::Class(copies_of(classes)),
            KindOf::Units(layer, units) => unit_of(layer, copies_of(units)),
            KindOf::Direction(layer, weights) => Objective::Direction {
                layer: layer.path.clone(),
                weights: weights.clone(),
                pictures: names.len() * copies,
            },
            KindOf::Caricatures(layer, pictures) => {
                let of: Vec<&Tensor> =
                    names.iter().flat_map(|&at| vec![&pictures[at].x; copies]).collect();
                Objective::Caricature { layer: layer.path.clone(), of: Tensor::concat(&of, 0) }
            }
        };
        // Other noise for each part.
        let ascent = Ascent { seed: ascent.seed.wrapping_add(made.len() as u64), ..ascent.clone() };
        let found = ascent.run(&look.subject, &look.shape(), &objective)?;
        let scores = look.subject.scores(&found.pictures).to_vec::<f32>();
        let pixels = found.pictures.to_vec::<f32>();
        let (each, outputs) =
            (pixels.len() / found.values.len(), scores.len() / found.values.len());
        for ((pixels, scores), &value) in
            pixels.chunks(each).zip(scores.chunks(outputs)).zip(&found.values)
        {
            made.push(Made {
                pixels: pixels.to_vec(),
                value,
                probabilities: probabilities(scores),
            });
        }
    }
    Ok(made)
}

/// A model that was trained apart.
struct Judge {
    name: String,
    subject: Subject,
    shape: [usize; 3],
    /// Of each class of the model that is looked at the judge's number.
    classes: Vec<usize>,
}

impl Judge {
    fn open(look: &Look<'_>, path: &std::path::Path, sought: &Sought<'_>) -> Result<Judge> {
        let name = path.display().to_string();
        let refused = |what: String| Err(CliError::Usage(format!("--judge: {name}: {what}")));
        if !matches!(sought.kind, KindOf::Classes(_)) || look.description.classes.is_empty() {
            return refused(
                "found pictures of units, expected some of classes, which it is to recognise"
                    .into(),
            );
        }
        let loaded = model_file::load(path)?;
        let theirs = &loaded.description;
        if theirs.input != look.description.input {
            return refused(format!(
                "found a model of {:?}, expected one of pictures {:?}",
                theirs.input, look.description.input
            ));
        }
        let number = |class: &String| theirs.classes.iter().position(|own| own == class);
        let classes: Option<Vec<usize>> = look.description.classes.iter().map(number).collect();
        let Some(classes) = classes else {
            return refused(format!(
                "found other classes than those of {}",
                look.args.model.display()
            ));
        };
        let subject = Subject::new(Arc::new(loaded.model)).normalized(&theirs.mean, &theirs.std);
        Ok(Judge { name, subject, shape: look.shape(), classes })
    }

    /// Which share of pictures it takes for the classes that they were made of.
    fn share(&self, made: &[Made], classes: &[usize], copies: u32) -> f64 {
        let mut right = 0;
        for (one, class) in made.iter().zip(each(classes, copies)) {
            let x = Tensor::from_slice(&one.pixels, [&[1], &self.shape[..]].concat().as_slice());
            let scores = self.subject.scores(&x).to_vec::<f32>();
            let scores: Vec<f64> = scores.iter().map(|&x| x.into()).collect();
            right += usize::from(largest(&scores) == self.classes[class]);
        }
        right as f64 / made.len() as f64
    }
}
