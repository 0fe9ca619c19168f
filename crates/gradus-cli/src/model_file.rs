//! A trained model in one file: weights, the network's name, how inputs are prepared, what the classes are called.

use crate::aim::{Aim, CLASSES};
use crate::augmentation::Evaluation;
use crate::datasets::parse_label;
use crate::divergence;
use crate::error::{CliError, Result, shell_word};
use crate::record::{Learned, RunRecord};
use crate::run_dir;
use gradus::data::{CsvOptions, LabelColumn, Loader, Normalization};
use gradus::io::Checkpoint;
use gradus::models::caffe::CaffeNet;
use gradus::models::{Design, Entry, ShortcutPadding, find};
use gradus::nn::{Init, Module, Sequential};
use gradus::train::{set_weights, weights};
use gradus::{Shape, try_build};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How a network differs from the published one in size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// What the channels of every hidden layer are multiplied with.
    pub width: f64,
    /// Whether dropout drops.
    pub dropout: bool,
    /// Whether convolutions with strides are padded as Keras's `same`, in networks for CIFAR.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub same_padding: bool,
    /// Where shortcuts of option A put their zeros: the name of a [`ShortcutPadding`].
    #[serde(skip_serializing_if = "is_behind")]
    pub shortcut_padding: String,
}

impl Default for Network {
    fn default() -> Network {
        let shortcut_padding = ShortcutPadding::default().name().into();
        Network { width: 1.0, dropout: true, same_padding: false, shortcut_padding }
    }
}

/// Whether that is said by saying nothing, as in files of before there was a choice.
fn is_behind(padding: &str) -> bool {
    padding == ShortcutPadding::Behind.name()
}

impl Network {
    /// Whether it is as published.
    pub fn is_published(&self) -> bool {
        *self == Network::default()
    }
    /// Refuses a width or a padding that the network of this name cannot have.
    pub fn check(&self, model: &str) -> Result<(), String> {
        if self.same_padding && !find(model).is_some_and(Entry::has_same_padding) {
            return Err(format!(
                "same_padding: found true, expected false, the only one of {model:?}"
            ));
        }
        let padding = &self.shortcut_padding;
        if ShortcutPadding::named(padding).is_none() {
            let known = ShortcutPadding::ALL.map(ShortcutPadding::name).join(" or ");
            return Err(format!("shortcut-padding: found {padding:?}, expected {known}"));
        }
        if !is_behind(padding) && !find(model).is_some_and(Entry::has_shortcut_padding) {
            let what = format!("shortcut-padding: found {padding}");
            return Err(format!("{what}, but {model:?} has no shortcuts of option A"));
        }
        let expected = match find(model).is_some_and(Entry::has_widths) {
            true if self.width > 0.0 && self.width <= MOST_WIDTH => return Ok(()),
            true => format!("more than 0 and at most {MOST_WIDTH}"),
            false if self.width == 1.0 => return Ok(()),
            false => format!("1, the only one of {model:?}"),
        };
        Err(format!("width: found {}, expected {expected}", self.width))
    }
    /// The network for samples of a shape and a number of classes.
    pub fn design(&self, input: &[usize], classes: usize) -> Design {
        let padding = ShortcutPadding::named(&self.shortcut_padding).unwrap_or_default();
        Design::new(input, classes)
            .width(self.width)
            .dropout(self.dropout)
            .same_padding(self.same_padding)
            .shortcut_padding(padding)
    }
}

/// The widest: networks of more channels fit into no memory.
const MOST_WIDTH: f64 = 64.0;

/// No sample has more numbers: a colour picture of 9,000 pixels a side.
const MOST_INPUTS: usize = 1 << 28;

/// Means and deviations of ImageNet's colours in torchvision.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// Networks for pictures of at least this side look at the middle of photographs; those for smaller ones at whole pictures.
const PHOTOGRAPH: usize = 128;

/// What a network is and how it is fed, beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The network's name in the zoo, or the file that it was defined in.
    pub architecture: String,
    /// The text of that file, a `.prototxt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// How it differs from the published one.
    #[serde(default, skip_serializing_if = "Network::is_published")]
    pub network: Network,
    /// The shape of a sample.
    pub input: Vec<usize>,
    /// The classes' names; none of a model of numbers.
    pub classes: Vec<String>,
    /// The names of the numbers of a sample, if they are columns of a table that has names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The column of the table that held the label: its name if it has one, else its number from 1 if that was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What is subtracted from each column of a table before it is rounded; empty for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offset: Vec<f64>,
    /// What is subtracted from each channel of pixels in 0..=1.
    pub mean: Vec<f32>,
    /// What each channel is then divided by.
    pub std: Vec<f32>,
    /// How images are shown to it, if not as they are: see [`crate::augmentation`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluate: Vec<String>,
    /// The data it was trained on.
    pub data: String,
    /// What they were; not known of an imported model, nor of one that an older version trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
    /// After so many epochs.
    pub epoch: u64,
}

impl Description {
    /// The network, with weights from `init`.
    pub fn build(&self, init: &Init) -> Result<Sequential> {
        if let Some(text) = &self.definition {
            let net = CaffeNet::parse(text, Some(Shape::from(&self.input[..])), init)
                .map_err(|error| error.in_file(Path::new(&self.architecture)))?;
            let output = net.output_shape();
            if output.len() != self.outputs() {
                let what = format!("the network gives {output}, the data have {}", self.told());
                return Err(CliError::Work(format!("{}: {what}", self.architecture)));
            }
            return Ok(net.into_model(init));
        }
        build(&self.architecture, &self.network.design(&self.input, self.outputs()), init)
    }

    /// What it learns, by which loss.
    pub fn aim(&self) -> &Aim {
        self.learned.as_ref().map_or(&CLASSES, |learned| &learned.aim)
    }
    /// How many numbers it gives for a sample: a score for each class, or one for each target.
    pub fn outputs(&self) -> usize {
        self.classes.len() + self.aim().targets.len()
    }
    /// `10 classes`, or `target price`.
    fn told(&self) -> String {
        match &self.aim().targets[..] {
            [] => format!("{} classes", self.classes.len()),
            names => format!("target {}", names.join(", ")),
        }
    }

    /// Refuses what no network can be built of: a file may say anything.
    pub fn verify(&self) -> Result<()> {
        let bad = |what: &str, found: &dyn std::fmt::Debug, expected: &str| {
            Err(CliError::Work(format!("{what}: found {found:?}, expected {expected}")))
        };
        let len = self.input.iter().try_fold(1usize, |len, &size| len.checked_mul(size));
        if self.input.is_empty() || !len.is_some_and(|len| (1..=MOST_INPUTS).contains(&len)) {
            let expected = format!("sizes whose product is 1 to {MOST_INPUTS}");
            return bad("input", &self.input, &expected);
        }
        self.aim().verify()?;
        if !self.aim().is_of_classes() && !self.classes.is_empty() {
            return bad("classes", &self.classes, "none beside targets");
        }
        if self.aim().is_of_classes() && self.classes.is_empty() {
            return bad("classes", &self.classes, "at least one name");
        }
        if !self.columns.is_empty() && self.input != [self.columns.len()] {
            let expected = format!("a name for each number of samples {:?}", self.input);
            return bad("columns", &self.columns, &expected);
        }
        self.network.check(&self.architecture).map_err(CliError::Work)?;
        self.evaluation()?;
        Ok(self.normalization()?.check(&self.input)?)
    }

    /// How images are shown to it.
    pub fn evaluation(&self) -> Result<Evaluation> {
        Evaluation::of(&self.evaluate)
    }

    /// The same; but if it is fed as torchvision feeds its networks for photographs, they are shown to it as torchvision tests
    /// them: the shorter side becomes 256 and the middle 224 are cut out, or as much in proportion.
    pub fn shown_as_torchvision(mut self) -> Description {
        let fed = (&*self.mean, &*self.std) == (&IMAGENET.0[..], &IMAGENET.1[..]);
        if let [3, height, width] = self.input[..]
            && fed
            && height == width
            && height >= PHOTOGRAPH
        {
            let side = (height * 8).div_ceil(7);
            self.evaluate = vec![format!("resize({side})"), format!("centre-crop({height})")];
        }
        self
    }

    /// Whether samples are rows of a table rather than images.
    pub fn is_of_rows(&self) -> bool {
        self.input.len() == 1
    }

    /// What samples are called.
    pub fn noun(&self) -> &'static str {
        if self.is_of_rows() { "row" } else { "image" }
    }

    /// How a table is read for it: its columns, and the numbers it learned, by their names.
    pub fn csv(&self, label: LabelColumn) -> CsvOptions {
        let (aim, features) = (self.aim(), self.columns.clone());
        let (targets, target_values) = (aim.targets.clone(), aim.target().values().to_vec());
        CsvOptions { label, features, targets, target_values, ..CsvOptions::default() }
    }

    /// Where the label was in the table that it learned from.
    pub fn label_column(&self) -> Result<LabelColumn> {
        match (&self.label, &self.columns[..]) {
            (None, _) => Ok(LabelColumn::Auto),
            (Some(number), []) => parse_label(number),
            (Some(name), _) => Ok(LabelColumn::Name(name.clone())),
        }
    }

    /// How inputs are prepared.
    pub fn normalization(&self) -> Result<Normalization> {
        Ok(Normalization::new(&self.mean, &self.std)?.with_offset(&self.offset)?)
    }

    /// Whether its classes are only numbered (`0`, `1`, … or `class_0`, `class_1`, …), because nobody said what they are
    /// called: those of an imported model.
    pub fn has_numbered_classes(&self) -> bool {
        let Some(first) = self.classes.first() else { return false };
        let before = first.strip_suffix('0').unwrap_or("");
        let numbered =
            |(k, name): (usize, &String)| name.strip_prefix(before) == Some(&*k.to_string());
        self.epoch == 0 && self.classes.iter().enumerate().all(numbered)
    }

    /// Refuses data whose samples are of another shape, or of other classes or targets.
    pub fn check(&self, what: &str, data: &Loader) -> Result<()> {
        let (set, shape) = (data.dataset(), data.sample_shape());
        let (classes, targets) = (set.classes().len(), set.targets().names());
        let fits = classes == self.classes.len() && targets == self.aim().targets;
        if shape == self.input && fits {
            return Ok(());
        }
        let theirs = match targets {
            [] => format!("{classes} classes"),
            names => format!("target {}", names.join(", ")),
        };
        Err(CliError::Work(format!(
            "{what}: samples {shape:?} of {theirs}, but {} was trained on samples {:?} of {}",
            self.architecture,
            self.input,
            self.told()
        )))
    }
}

/// Whether a model's name is a file that defines a network.
pub fn is_definition(model: &str) -> bool {
    model.ends_with(".prototxt")
}

/// The text of the file that defines a network; `None` for a name of the zoo.
pub fn definition(model: &str) -> Result<Option<String>> {
    if !is_definition(model) {
        return Ok(None);
    }
    let path = Path::new(model);
    std::fs::read_to_string(path).map(Some).map_err(CliError::system(path, "read"))
}

/// A network of the zoo.
pub fn build(name: &str, design: &Design, init: &Init) -> Result<Sequential> {
    let entry = find(name).ok_or_else(|| {
        CliError::Work(format!("the network {name:?} is not in this program's zoo"))
    })?;
    Ok(try_build(|| (entry.build)(design, init))?)
}

/// Writes a model, whole or not at all.
pub fn save(path: &Path, description: &Description, model: &dyn Module) -> Result<()> {
    let mut file = Checkpoint::new(weights(model));
    file.set("model", description)?;
    Ok(file.save(path)?)
}

/// The folder of the user's models: `models` in `$GRADUS_DATA`, or in the user's cache folder.
pub fn kept_models() -> Result<PathBuf> {
    let own = std::env::var_os("GRADUS_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = own.or_else(gradus::data::cache_folder).ok_or_else(|| {
        CliError::Work("there is no home folder for models; set GRADUS_DATA or give --out".into())
    })?;
    Ok(root.join("models"))
}

/// The file that a user means: a run's, one by its path, or one of the user's models by the network's name.
pub fn locate(wanted: &Path) -> Result<PathBuf> {
    if wanted.is_dir() {
        let path = run_dir::best(wanted);
        if path.exists() {
            return Ok(path);
        }
        let remedy = match run_dir::read_settings(wanted) {
            Ok(settings) if divergence::has_diverged(wanted) => {
                let again = divergence::again(wanted, &settings);
                format!("its loss became NaN in the first epoch;\n{again}")
            }
            Ok(_) => {
                let word = shell_word(wanted);
                format!("no epoch of it is done; gradus train --resume {word}")
            }
            Err(_) if run_dir::config(wanted).exists() => "no epoch of it is done".to_owned(),
            Err(_) => "it is no run directory".to_owned(),
        };
        let what = format!("{}: no best.safetensors: {remedy}", wanted.display());
        return Err(CliError::Work(what));
    }
    let name = wanted.to_string_lossy();
    if wanted.exists() || find(&name).is_none() {
        return Ok(wanted.to_owned());
    }
    let path = kept_models()?.join(format!("{name}.safetensors"));
    match path.exists() {
        true => Ok(path),
        false => Err(CliError::Work(format!(
            "no weights of {name} are here ({}); gradus import FILE --model {name} makes them of a file you have, and a trained network is named by its run: runs/{name}-1",
            path.display()
        ))),
    }
}

/// What the run of a model learned from, if a run directory of this version is meant.
pub fn record_of(run_or_file: &Path) -> Result<Option<RunRecord>> {
    if run_or_file.is_dir() { run_dir::read_record(run_or_file) } else { Ok(None) }
}

/// A model that was read.
pub struct Loaded {
    /// What it is.
    pub description: Description,
    /// The network, with its trained weights.
    pub model: Sequential,
    /// The file.
    pub path: PathBuf,
}

/// Reads the model of a run directory, of a file, or of a network's name among the user's models.
pub fn load(run_or_file: &Path) -> Result<Loaded> {
    let path = locate(run_or_file)?;
    let SavedModel { description, file } = read(&path)?;
    let model = description
        .build(&Init::blank())
        .map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
    set_weights(&model, &file)?;
    Ok(Loaded { description, model, path })
}

/// A model's file.
pub struct SavedModel {
    /// What it is.
    pub description: Description,
    /// Its weights.
    pub file: Checkpoint,
}

/// Reads a file that [`save`] wrote.
pub fn read(path: &Path) -> Result<SavedModel> {
    let file = Checkpoint::load(path)?;
    match described(&file, path)? {
        Some(description) => Ok(SavedModel { description, file }),
        None => {
            let what = "this file does not say which network it holds; expected a best.safetensors of a run";
            Err(CliError::Work(format!("{}: {what}", path.display())))
        }
    }
}

/// What a checkpoint says of the model in it, if it does.
pub fn described(file: &Checkpoint, path: &Path) -> Result<Option<Description>> {
    if !file.keys().any(|key| key == "model") {
        return Ok(None);
    }
    let description: Description = file.get("model")?;
    description.verify().map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
    Ok(Some(description))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_are_shown_as_torchvision_tests_them() {
        let shown = |input: &[usize], (mean, std): ([f32; 3], [f32; 3])| {
            let description = Description {
                architecture: "resnet18".into(),
                definition: None,
                network: Network::default(),
                input: input.to_vec(),
                classes: vec!["one".into()],
                columns: vec![],
                label: None,
                mean: mean.to_vec(),
                std: std.to_vec(),
                offset: vec![],
                learned: None,
                evaluate: vec![],
                data: "weights.pth".into(),
                epoch: 0,
            };
            let description = description.shown_as_torchvision();
            let evaluation = description.evaluation().unwrap();
            (description.evaluate.join(" "), evaluation.loaded())
        };
        let middle = |text: &str, side| (text.to_owned(), side);
        assert_eq!(
            shown(&[3, 224, 224], IMAGENET),
            middle("resize(256) centre-crop(224)", Some(256))
        );
        assert_eq!(
            shown(&[3, 299, 299], IMAGENET),
            middle("resize(342) centre-crop(299)", Some(342))
        );
        assert_eq!(shown(&[3, 32, 32], IMAGENET), middle("", None));
        assert_eq!(shown(&[3, 224, 224], ([0.5; 3], [0.5; 3])), middle("", None));
        assert_eq!(shown(&[1, 224, 224], IMAGENET), middle("", None));
    }
}
