//! A trained model in one file: weights, the network's name, how inputs are prepared, what the classes are called.

use crate::description::Description;
use crate::error::{CliError, Result, shell_word};
use crate::record::RunRecord;
use crate::remedies;
use crate::run_dir;
use gradus::io::Checkpoint;
use gradus::models::find;
use gradus::nn::{Init, Module, Sequential};
use gradus::train::{set_weights, weights};
use std::path::{Path, PathBuf};

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
            Ok(settings) if remedies::has_diverged(wanted) => {
                let again = remedies::again(wanted, &settings);
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
