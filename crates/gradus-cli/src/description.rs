//! What a trained model is and how it is fed, beside its weights.

use crate::aim::{Aim, CLASSES};
use crate::augmentation::{self, Evaluation, Shown};
use crate::columns::parse_label;
use crate::error::{CliError, Result};
use crate::learned::Learned;
use crate::network::{Network, build};
use crate::table_form::TableForm;
use gradus::Shape;
use gradus::data::{CsvOptions, LabelColumn, Loader, Normalization};
use gradus::models::caffe::CaffeNet;
use gradus::nn::{Init, Sequential};
use gradus::sequences::Model;
use serde::{Deserialize, Serialize};
use std::path::Path;

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
    /// The columns of the table that it does not learn from, as they were stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// How the table's columns become features, where they are not just numbers that are all there.
    #[serde(default, skip_serializing_if = "TableForm::is_plain")]
    pub table: TableForm,
    /// What is subtracted from each column of a table before it is rounded; empty for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offset: Vec<f64>,
    /// What is subtracted from each channel of pixels in 0..=1.
    pub mean: Vec<f32>,
    /// What each channel is then divided by.
    pub std: Vec<f32>,
    /// How images are shown to it, if not as they are.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "augmentation::entries"
    )]
    pub evaluate: Vec<Shown>,
    /// The data it was trained on.
    pub data: String,
    /// What they were; not known of an imported model, nor of one that an older version trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
    /// After so many epochs.
    pub epoch: u64,
    /// Of a network of sequences: what it is. It takes no samples of one shape, and nothing above says how it is fed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequences: Option<OfSequences>,
}

/// A network of sequences, and what its data were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfSequences {
    /// What it is and how it is fed.
    pub model: Model,
    /// What its data were, by names.
    pub identity: Vec<(String, String)>,
}

impl Description {
    /// Of a network of sequences.
    pub fn of_sequences(
        name: &str,
        data: &str,
        model: Model,
        identity: Vec<(String, String)>,
    ) -> Description {
        Description {
            architecture: name.into(),
            definition: None,
            network: Network::default(),
            input: vec![],
            classes: vec![],
            columns: vec![],
            label: None,
            left_out: vec![],
            table: TableForm::default(),
            offset: vec![],
            mean: vec![],
            std: vec![],
            evaluate: vec![],
            data: data.into(),
            learned: None,
            epoch: 0,
            sequences: Some(OfSequences { model, identity }),
        }
    }

    /// How the data of a network of sequences differ from those of another, which is as it was when a run began.
    pub fn differing_identity(&self, now: &Description) -> Vec<String> {
        let of = |description: &Description| {
            description.sequences.as_ref().map_or(vec![], |sequences| sequences.identity.clone())
        };
        let (began, now) = (of(self), of(now));
        let differ = now.iter().filter(|entry| !began.contains(entry)).map(|(name, found)| {
            let before = began.iter().find(|(own, _)| own == name);
            let before = before.map_or("none", |(_, found)| found);
            format!("{name}: {found} in the data, {before} in the checkpoint")
        });
        differ.collect()
    }

    /// The network, with weights from `init`.
    pub fn build(&self, init: &Init) -> Result<Sequential> {
        if self.sequences.is_some() {
            let what = format!("{} is a network of sequences", self.architecture);
            return Err(CliError::Work(what));
        }
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
    /// The loss of who knows nothing: ln of the number of classes; of numbers the mean square of their deviations, which is 1. Infinite
    /// where it depends on the data.
    pub fn guessing(&self) -> f64 {
        match &*self.aim().loss {
            "cross_entropy" => (self.classes.len() as f64).ln(),
            "mse" => 1.0,
            "bce" => std::f64::consts::LN_2,
            _ => f64::INFINITY,
        }
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
        if let Some(sequences) = &self.sequences {
            // What no network can be built of is refused before the memory for it is asked for.
            return Ok(sequences.model.check()?);
        }
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
        if let Some((found, expected)) = self.table.misfit(len.unwrap_or_default()) {
            return bad("table", &found, &expected);
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
            self.evaluate = vec![Shown::Resize { size: side }, Shown::CentreCrop { size: height }];
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
        let aim = self.aim();
        let (targets, target_values) = (aim.targets.clone(), aim.target().values().to_vec());
        // Where the features have names, all else is passed over.
        let leave_out = if self.columns.is_empty() { self.left_out.clone() } else { vec![] };
        let mut csv =
            CsvOptions { label, targets, target_values, leave_out, ..CsvOptions::default() };
        csv.beside = [&self.left_out[..], self.label.as_slice()].concat();
        if self.is_of_rows() {
            self.table.put_on(&mut csv, &self.columns, self.input[0]);
        }
        csv
    }

    /// How many columns of a table it learns from.
    pub fn source_columns(&self) -> usize {
        self.table.source_columns(self.input[0])
    }

    /// The names of the columns that it learns from, if they have names.
    pub fn source_names(&self) -> Vec<String> {
        match &self.table.columns[..] {
            [] => self.columns.clone(),
            _ if self.columns.is_empty() => vec![],
            columns => columns.iter().map(|column| column.name.clone()).collect(),
        }
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
                left_out: vec![],
                table: TableForm::default(),
                mean: mean.to_vec(),
                std: std.to_vec(),
                offset: vec![],
                learned: None,
                evaluate: vec![],
                data: "weights.pth".into(),
                epoch: 0,
                sequences: None,
            };
            let description = description.shown_as_torchvision();
            let evaluation = description.evaluation().unwrap();
            (description.evaluate, evaluation.loaded())
        };
        let middle = |text: &str, side| (augmentation::list(text).unwrap(), side);
        assert_eq!(
            shown(&[3, 224, 224], IMAGENET),
            middle("resize(256),centre-crop(224)", Some(256))
        );
        assert_eq!(
            shown(&[3, 299, 299], IMAGENET),
            middle("resize(342),centre-crop(299)", Some(342))
        );
        assert_eq!(shown(&[3, 32, 32], IMAGENET), middle("", None));
        assert_eq!(shown(&[3, 224, 224], ([0.5; 3], [0.5; 3])), middle("", None));
        assert_eq!(shown(&[1, 224, 224], IMAGENET), middle("", None));
    }
}
