//! What is said of a run before it begins: what it will never do, or do otherwise than one may think.

use crate::bars::{counted, shortened};
use crate::description::Description;
use crate::experiment::{Experiment, Trainee};
use crate::picture_sizes::Found;
use crate::settings::{SMALL_BATCH, Settings};
use gradus::data::{Dataset, ImageInfo, image_info, named, read_file};
use gradus::nn::{Init, parameters};
use serde::Serialize;
use std::path::Path;

/// Something to be said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Note {
    /// What it is about, for programs.
    pub about: &'static str,
    /// What there is to say.
    pub text: String,
}

/// All there is to say of a run.
pub fn of(settings: &Settings, e: &Experiment) -> Vec<Note> {
    let mut all: Vec<Note> = steps(settings, e).into_iter().collect();
    all.extend(batch(settings, e));
    all.extend(frozen(settings, e));
    all.extend(never(settings));
    if let (true, false) = (is_folder(&e.data), e.description.is_of_rows()) {
        all.extend(pictures(settings, e));
    }
    all
}

fn note(about: &'static str, text: String) -> Note {
    Note { about, text }
}

/// Batches that never come together.
fn steps(settings: &Settings, e: &Experiment) -> Option<Note> {
    let (batches, n) = (e.batches_per_epoch(settings), settings.training.accumulate as u64);
    (n > batches).then(|| {
        let batches = if batches == 1 { "1 batch".into() } else { format!("{batches} batches") };
        let text = format!("accumulate {n}: an epoch has {batches}, so each step takes no more");
        note("accumulate", text)
    })
}

/// A batch that holds more than all samples.
fn batch(settings: &Settings, e: &Experiment) -> Option<Note> {
    let samples = e.train.dataset().len();
    (settings.batch > samples && samples > SMALL_BATCH).then(|| {
        let (batch, samples) = (settings.batch, counted(samples as u64, e.description.noun()));
        let text = format!(
            "batch {batch}: it is larger than the {samples} to train on, so an epoch is one step; --batch {SMALL_BATCH} makes more of them"
        );
        note("batch", text)
    })
}

/// Parameters that nobody trained, and that never learn.
fn frozen(settings: &Settings, e: &Experiment) -> Option<Note> {
    if settings.from.is_some() || settings.training.freeze.is_empty() || e.unfreezing.is_some() {
        return None;
    }
    let frozen = parameters(&**e.learner.model()).into_iter().filter(|(_, p)| p.is_frozen());
    let frozen: usize = frozen.map(|(_, p)| p.variable().shape().len()).sum();
    let text = format!(
        "freeze: {} stay frozen at random values, as no --from says which trained model to begin with",
        counted(frozen as u64, "parameter")
    );
    (frozen > 0).then(|| note("freeze", text))
}

/// Events that come after the last epoch, and so never.
fn never(settings: &Settings) -> Vec<Note> {
    let Settings { epochs, schedule, training, .. } = settings;
    let mut all = vec![];
    let mut late = |about: &'static str, at: u64, what: &str| {
        if at >= *epochs {
            let epochs = counted(*epochs, "epoch");
            let about_ = about.replace('_', "-");
            all.push(note(about, format!("{about_} {at}: in {epochs} {what}")));
        }
    };
    if schedule.warm_up > 0 {
        late("warm_up", schedule.warm_up, "the rate never comes to what is stated");
    }
    match &*schedule.name {
        "step" => late("drop_every", schedule.every, "the rate never drops"),
        "plateau" => late("drop_every", schedule.every, "the rate never drops"),
        "cosine-restarts" => late("drop_every", schedule.every, "the rate never restarts"),
        "milestones" => {
            for &milestone in &schedule.milestones {
                late("milestones", milestone, "the rate does not drop there");
            }
        }
        _ => {}
    }
    if let Some(patience) = training.early_stopping {
        late("early_stopping", patience, "training is never ended early");
    }
    if let Some(every) = training.unfreeze_every {
        late("unfreeze_every", every, "no block but the last learns");
    }
    all
}

/// Whether data are a folder of pictures.
fn is_folder(data: &str) -> bool {
    named(data).is_err() && Path::new(data).is_dir()
}

/// Pictures that are seen otherwise than they are, and that are the same in every epoch.
fn pictures(settings: &Settings, e: &Experiment) -> Vec<Note> {
    let mut all: Vec<Note> = resized(settings, e).into_iter().collect();
    let &[_, height, width] = &e.description.input[..] else { return all };
    if settings.augment.is_empty() && !settings.overfit_one_batch {
        let shift = shift_of(height.min(width));
        let text = format!(
            "{}: no augmentation, every epoch shows the same pictures; --augment \"{shift},flip\" varies them, if one that is mirrored is of the same class",
            e.data
        );
        all.push(note("no_augmentation", text));
    }
    all
}

/// Pictures that have another size than the network is made for.
fn resized(settings: &Settings, e: &Experiment) -> Option<Note> {
    let &[channels, height, width] = &e.description.input[..] else { return None };
    let usual = usual(&**e.train.dataset())?;
    let (h, w) = usual.size;
    let grey = if usual.is_coloured && channels == 1 { ", and to grey" } else { "" };
    if (h, w) == (height, width) && grey.is_empty() {
        return None;
    }
    let found = Found::of(&e.parts())?;
    let is_shrunk = h.min(w) as f64 >= SHRUNK * height.min(width) as f64;
    let side = usual_side(h.min(w));
    let larger = (is_shrunk && fits(&e.description, side))
        .then(|| format!("; --augment \"resize({side})\" shows more of them, for more time"));
    let text = format!(
        "{}: pictures of {}{} are {} to {height}×{width}, the size that {} is made for{grey}{}",
        e.data,
        found.sizes(),
        if found.is_mixed() { "," } else { "" },
        if is_shrunk { "shrunk" } else { "brought" },
        settings.model,
        larger.unwrap_or_default()
    );
    Some(note(if is_shrunk { "pictures_shrunk" } else { "pictures_resized" }, text))
}

/// Pictures that lose this factor of their shorter side are shrunk much.
const SHRUNK: f64 = 2.0;
/// Files looked at for their sizes.
const LOOKED_AT: usize = 20;

/// How pictures of a side may be moved about: by an eighth of it.
fn shift_of(side: usize) -> String {
    format!("shift({})", (side / 8).max(1))
}

/// The largest side, of those usual, that pictures still have.
fn usual_side(shorter: usize) -> usize {
    [224, 128, 96, 64].into_iter().find(|&side| side <= shorter).unwrap_or(64)
}

/// Whether the network can be built for pictures of a side.
fn fits(description: &Description, side: usize) -> bool {
    let input = vec![description.input[0], side, side];
    Description { input, ..description.clone() }.build(&Init::blank()).is_ok()
}

/// The picture of middle size among some of a folder's; none where one cannot be read, which is told elsewhere.
fn usual(data: &dyn Dataset) -> Option<ImageInfo> {
    let step = data.len().div_ceil(LOOKED_AT).max(1);
    let files = (0..data.len()).step_by(step).filter_map(|index| data.file(index));
    let info = |path: &Path| image_info(&read_file(path).ok()?, &path.display().to_string()).ok();
    let mut all: Vec<ImageInfo> = files.filter_map(info).collect();
    all.sort_by_key(|info| (info.size.0 * info.size.1, info.size.1));
    let middle = all.len() / 2;
    (!all.is_empty()).then(|| all.swap_remove(middle))
}

/// Classes of which no sample was trained on: the only ones are held out. The reader of the data has said so.
pub fn unlearned(description: &Description) -> Option<Note> {
    let learned = description.learned.as_ref()?;
    let names: Vec<String> = description
        .classes
        .iter()
        .zip(&learned.train)
        .filter(|(_, n)| **n == 0)
        .map(|(name, _)| shortened(name, 40))
        .collect();
    let text = format!("no {} to train on of {}", description.noun(), names.join(", "));
    (!names.is_empty()).then(|| note("class_without_training", text))
}
