//! The models that a file of weights may be: each combination of conventions that fits.

use super::preparation::{self, Preparation};
use super::{Args, classes_of, describe, sizes};
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::network::build;
use gradus::io::{Checkpoint, NamedArray};
use gradus::models::import::{
    Flattened, Imported, Origin, Weights, flattened, readings, swap_input_channels,
};
use gradus::models::{ShortcutPadding, find};
use gradus::nn::{Init, Sequential, State, named_states};
use gradus::train::{set_weights, weights};
use std::collections::HashSet;

/// What the weights may be, and the models they make.
pub struct Candidates {
    /// The weights, by each convention that gives others.
    readings: Vec<Imported>,
    /// Each model, likeliest first.
    pub all: Vec<Candidate>,
}

/// One model.
#[derive(Clone)]
pub struct Candidate {
    /// What it is.
    pub description: Description,
    /// Which of the readings has its weights.
    reading: usize,
    /// How pictures are prepared for it; `None` for a model of ours, which says itself.
    pub preparation: Option<Preparation>,
}

/// Whether all names are those of a network of the zoo here, as in what `export` writes.
pub fn are_ours(model: &str, arrays: &[NamedArray]) -> bool {
    let Some(entry) = find(model) else { return false };
    let Ok(model) = build(model, &entry.design(), &Init::blank()) else { return false };
    let ours: HashSet<String> = named_states(&model).into_iter().map(|(path, _)| path).collect();
    arrays.iter().all(|array| ours.contains(&array.name))
}

impl Candidates {
    /// Of a network of the zoo. A model of ours brings a description of its own.
    pub fn of_zoo(
        args: &Args,
        origins: &[Origin],
        own: Option<Description>,
        mut weights: Weights,
    ) -> Result<Candidates> {
        // Keras pads otherwise than everybody else, which makes another network of the same weights.
        let keras = Some(format!("{}_keras", args.model)).filter(|name| find(name).is_some());
        let (own_keras, others): (Vec<Origin>, Vec<Origin>) =
            origins.iter().partition(|o| **o == Origin::Keras && keras.is_some());
        let name = own.as_ref().map_or(&args.model, |own| &own.architecture);
        let mut groups = vec![(name.clone(), others), (keras.unwrap_or_default(), own_keras)];
        groups.retain(|(_, origins)| !origins.is_empty());
        groups.sort_by_key(|(_, group)| origins.iter().position(|o| o == &group[0]));
        let (mut found, mut why): (Option<Candidates>, Option<CliError>) = (None, None);
        let last = groups.len() - 1;
        for (i, (name, origins)) in groups.into_iter().enumerate() {
            let description = match (&own, find(&name)) {
                (Some(own), _) => overridden(args, own)?,
                (None, Some(entry)) => describe(args, &name, (entry.input, entry.classes))?,
                (None, None) => unreachable!("{name} was looked for"),
            };
            // Weights may fill half the memory.
            let weights = if i == last { std::mem::take(&mut weights) } else { weights.clone() };
            let more = read(args, &description, &origins, weights)
                .and_then(|readings| Candidates::own(args, description, readings, own.is_some()));
            match (more, &mut found) {
                (Ok(more), Some(found)) => found.join(more),
                (Ok(more), None) => found = Some(more),
                (Err(error), _) => drop(why.get_or_insert(error)),
            }
        }
        found.ok_or_else(|| why.expect("there is an origin"))
    }

    /// Of a network and the weights it may have.
    pub fn new(args: &Args, description: Description, readings: Vec<Imported>) -> Result<Self> {
        Candidates::own(args, description, readings, false)
    }

    fn own(
        args: &Args,
        description: Description,
        readings: Vec<Imported>,
        own: bool,
    ) -> Result<Candidates> {
        let has_choice = find(&description.architecture).is_some_and(|e| e.has_shortcut_padding());
        let paddings: Vec<String> = match &args.shortcut_padding {
            Some(asked) => vec![asked.clone()],
            None if has_choice && !own => ShortcutPadding::ALL.map(|p| p.name().into()).to_vec(),
            None => vec![description.network.shortcut_padding.clone()],
        };
        let preparations = match own && args.preprocessing.is_none() {
            true => vec![None],
            false => preparation::possible(args, description.input[0], readings[0].origin)?
                .into_iter()
                .map(Some)
                .collect(),
        };
        let mut all = vec![];
        for reading in 0..readings.len() {
            for (padding, preparation) in
                paddings.iter().flat_map(|p| preparations.iter().map(move |how| (p, *how)))
            {
                let mut description = description.clone();
                description.network.shortcut_padding.clone_from(padding);
                let network = &description.network;
                network
                    .check(&description.architecture)
                    .map_err(|e| CliError::Usage(format!("--{e}")))?;
                if let Some(how) = &preparation {
                    let each =
                        |of: [f32; 3]| of.into_iter().cycle().take(description.input[0]).collect();
                    (description.mean, description.std) = (each(how.mean), each(how.std));
                    if readings[reading].origin == Origin::PyTorch {
                        description = description.shown_as_torchvision();
                    }
                }
                all.push(Candidate { description, reading, preparation });
            }
        }
        let mut candidates = Candidates { readings, all };
        candidates.drop_unswappable(args)?;
        Ok(candidates)
    }

    /// Leaves out the preparations with blue first where no first layer could be turned for them.
    fn drop_unswappable(&mut self, args: &Args) -> Result<()> {
        let blue = |c: &Candidate| c.preparation.is_some_and(|p| p.blue_first);
        let Some(candidate) = self.all.iter().find(|c| blue(c)) else { return Ok(()) };
        let swapped = first_layer(&candidate.description.build(&Init::blank())?);
        if swapped.is_err() && args.preprocessing.is_none() && self.all.iter().any(|c| !blue(c)) {
            self.all.retain(|c| !blue(c));
            return Ok(());
        }
        swapped.map(drop)
    }

    fn join(&mut self, more: Candidates) {
        let known = self.readings.len();
        self.readings.extend(more.readings);
        let moved = |c: Candidate| Candidate { reading: c.reading + known, ..c };
        self.all.extend(more.all.into_iter().map(moved));
    }

    /// Where the weights of a candidate come from.
    pub fn imported(&self, candidate: &Candidate) -> &Imported {
        &self.readings[candidate.reading]
    }

    /// The network with its weights, for RGB pictures.
    pub fn build(&self, candidate: &Candidate) -> Result<Sequential> {
        let arrays = self.imported(candidate).arrays.clone();
        let swap = candidate.preparation.is_some_and(|p| p.blue_first);
        self.build_of(candidate, arrays, swap)
    }

    /// The network as the original was, which may want blue first.
    pub fn build_original(&self, candidate: &Candidate) -> Result<Sequential> {
        self.build_of(candidate, self.imported(candidate).arrays.clone(), false)
    }

    /// [`Candidates::build`] of the one that is taken: no other is built after it.
    pub fn take(&mut self, index: usize) -> Result<Sequential> {
        let candidate = self.all[index].clone();
        let arrays = std::mem::take(&mut self.readings[candidate.reading].arrays);
        let swap = candidate.preparation.is_some_and(|p| p.blue_first);
        self.build_of(&candidate, arrays, swap)
    }

    fn build_of(
        &self,
        candidate: &Candidate,
        mut arrays: Vec<NamedArray>,
        swap: bool,
    ) -> Result<Sequential> {
        let partial = !self.imported(candidate).missing.is_empty();
        // Drawing weights that are overwritten would take longer than reading them.
        let init = if partial { Init::new(0) } else { Init::blank() };
        let model = candidate.description.build(&init)?;
        if swap {
            let layer = first_layer(&model)?;
            // With --partial the file may lack it; then there is nothing to turn.
            swap_input_channels(&mut arrays, &layer);
        }
        if partial {
            let mut all = weights(&model);
            for array in arrays {
                let place = all.iter_mut().find(|a| a.name == array.name);
                *place.expect("it was imported for it") = array;
            }
            arrays = all;
        }
        set_weights(&model, &Checkpoint::new(arrays))?;
        Ok(model)
    }

    /// What a candidate takes for granted where others do otherwise: `padding both-sides, preprocessing torch`.
    pub fn label(&self, candidate: &Candidate) -> String {
        let texts = self.conventions(candidate);
        let differ = |i: usize| self.all.iter().any(|c| self.conventions(c)[i].1 != texts[i].1);
        let parts = (0..texts.len()).filter(|&i| differ(i));
        let parts: Vec<String> = parts.map(|i| format!("{} {}", texts[i].0, texts[i].1)).collect();
        match parts.is_empty() {
            true => "as imported".into(),
            false => parts.join(", "),
        }
    }

    /// The conventions of a candidate: weights, order, padding, preprocessing.
    pub fn conventions(&self, candidate: &Candidate) -> [(&'static str, String); 4] {
        let imported = self.imported(candidate);
        let origin = match imported.origin {
            Origin::PyTorch => "pytorch",
            Origin::Keras => "keras",
            Origin::Caffe => "caffe",
            Origin::Gradus => "gradus",
        };
        let order = match (imported.by_order, imported.natural) {
            (false, _) => "of names",
            (true, true) => "of numbers",
            (true, false) => "of the file",
        };
        let padding = candidate.description.network.shortcut_padding.clone();
        let preparation = candidate.preparation.map_or("as the file says", |p| p.name);
        [
            ("weights of", origin.into()),
            ("order", order.into()),
            ("padding", padding),
            ("preprocessing", preparation.into()),
        ]
    }
}

/// A model of ours with what the options change.
fn overridden(args: &Args, own: &Description) -> Result<Description> {
    let input = args.input.as_deref().map(sizes).transpose()?;
    let input = input.unwrap_or_else(|| own.input.clone());
    let classes = match classes_of(args)? {
        // A number is no reason to forget names.
        Some(classes) if args.classes.as_ref().is_none_or(|c| c.parse::<usize>().is_err()) => {
            classes
        }
        Some(classes) if classes.len() != own.classes.len() => classes,
        _ => own.classes.clone(),
    };
    Ok(Description { input, classes, ..own.clone() })
}

fn read(
    args: &Args,
    description: &Description,
    origins: &[Origin],
    weights: Weights,
) -> Result<Vec<Imported>> {
    let model = description.build(&Init::blank())?;
    let flattened: Flattened = flattened(&model);
    readings(&model, &flattened, origins, weights, args.partial)
        .map_err(|error| error.in_file(&args.file).into())
}

/// The path of the layer that sees the pictures' channels, which makes a network for BGR pictures one for RGB.
fn first_layer(model: &Sequential) -> Result<String> {
    let states = named_states(model);
    let first = states.first().and_then(|(path, state)| match state {
        State::Parameter(p) if matches!(p.variable().shape().to_vec()[..], [_, 3, _, _]) => {
            path.strip_suffix(".weight")
        }
        _ => None,
    });
    first.map(str::to_owned).ok_or_else(|| {
        let what = "blue comes first in this preprocessing, but the network does not start with a \
                    convolution over three channels";
        CliError::Work(what.into())
    })
}
