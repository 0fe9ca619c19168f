//! A trained model in one file: weights, the network's name, how inputs are prepared, what the classes are called.

use crate::error::{CliError, Result};
use crate::run_dir;
use gradus::data::{Dataset, Normalization};
use gradus::io::Checkpoint;
use gradus::models::find;
use gradus::nn::{Init, Module, Sequential};
use gradus::train::{set_weights, weights};
use gradus::{Shape, try_build};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a network is and how it is fed, beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The network's name in the zoo.
    pub architecture: String,
    /// The shape of a sample.
    pub input: Vec<usize>,
    /// The classes' names.
    pub classes: Vec<String>,
    /// What is subtracted from each channel of pixels in 0..=1.
    pub mean: Vec<f32>,
    /// What each channel is then divided by.
    pub std: Vec<f32>,
    /// The data it was trained on.
    pub data: String,
    /// After so many epochs.
    pub epoch: u64,
}

impl Description {
    /// Of an untrained network for some data.
    pub fn new(
        architecture: &str,
        data: &str,
        train: &dyn Dataset,
        n: &Normalization,
    ) -> Description {
        Description {
            architecture: architecture.into(),
            input: train.shape().to_vec(),
            classes: train.classes().to_vec(),
            mean: n.mean().to_vec(),
            std: n.std().to_vec(),
            data: data.into(),
            epoch: 0,
        }
    }

    /// The network, with fresh weights.
    pub fn build(&self, seed: u64) -> Result<Sequential> {
        build(&self.architecture, &self.input, self.classes.len(), seed)
    }

    /// How inputs are prepared.
    pub fn normalization(&self) -> Result<Normalization> {
        Ok(Normalization::new(&self.mean, &self.std)?)
    }

    /// Refuses data whose samples are of another shape, or of other classes.
    pub fn check(&self, what: &str, data: &dyn Dataset) -> Result<()> {
        let (shape, classes) = (data.shape(), data.classes().len());
        if shape == self.input && classes == self.classes.len() {
            return Ok(());
        }
        Err(CliError::Work(format!(
            "{what}: samples {shape:?} of {classes} classes, but {} was trained on samples {:?} of {} classes",
            self.architecture,
            self.input,
            self.classes.len()
        )))
    }
}

/// A network of the zoo for samples of a shape.
pub fn build(name: &str, input: &[usize], classes: usize, seed: u64) -> Result<Sequential> {
    let entry = find(name).ok_or_else(|| {
        CliError::Work(format!("the network {name:?} is not in this program's zoo"))
    })?;
    Ok(try_build(|| (entry.build)(Shape::from(input), classes, &Init::new(seed)))?)
}

/// Writes a model, whole or not at all.
pub fn save(path: &Path, description: &Description, model: &dyn Module) -> Result<()> {
    let mut file = Checkpoint::new(weights(model));
    file.set("model", description)?;
    Ok(file.save(path)?)
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

/// Reads the model of a run directory, or of a file.
pub fn load(run_or_file: &Path) -> Result<Loaded> {
    let path = match run_or_file.is_dir() {
        true => run_dir::best(run_or_file),
        false => run_or_file.to_owned(),
    };
    if run_or_file.is_dir() && !path.exists() {
        let remedy = match run_or_file.join("config.toml").exists() {
            true => {
                format!("no epoch of it is done; gradus train --resume {}", run_or_file.display())
            }
            false => "it is no run directory".to_owned(),
        };
        return Err(CliError::Work(format!(
            "{}: no best.safetensors: {remedy}",
            run_or_file.display()
        )));
    }
    let SavedModel { description, file } = read(&path)?;
    let model =
        description.build(0).map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
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
    if !file.keys().any(|key| key == "model") {
        let what =
            "this file does not say which network it holds; expected a best.safetensors of a run";
        return Err(CliError::Work(format!("{}: {what}", path.display())));
    }
    Ok(SavedModel { description: file.get("model")?, file })
}
