//! A trained model in one file: weights, the network's name, how inputs are prepared, what the classes are called.

use crate::description::Description;
use crate::error::{CliError, Result, shell_word};
use crate::record::RunRecord;
use crate::remedies::{self, TESTED};
use crate::run_dir;
use gradus::io::Checkpoint;
use gradus::io::log::read_json_lines;
use gradus::models::find;
use gradus::nn::{Init, Module, Sequential};
use gradus::sequences::language::Textgenrnn;
use gradus::train::{set_weights, weights};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What a file calls its model's description, as JSON.
pub const DESCRIPTION: &str = "model";

/// Writes a model, whole or not at all.
pub fn save(path: &Path, description: &Description, model: &dyn Module) -> Result<()> {
    let mut file = Checkpoint::new(weights(model));
    file.set(DESCRIPTION, description)?;
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

/// Whether a model of the user's can be called so: it is no path to elsewhere.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || ['-', '_', '.'].contains(&c);
    !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(fits)
}

/// The file of one of the user's models by its name, if it is there.
pub fn kept(name: &str) -> Option<PathBuf> {
    let path = kept_models().ok()?.join(format!("{name}.safetensors"));
    (is_name(name) && path.exists()).then_some(path)
}

/// The file that a user means: a run's, one by its path, or one of the user's models by its name.
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
    if wanted.exists() {
        return Ok(wanted.to_owned());
    }
    if let Some(path) = kept(&name) {
        return Ok(path);
    }
    if name == Textgenrnn::NAME {
        return Err(CliError::Work(format!(
            "no weights of {name} are here; gradus import FILE --model {name} --vocabulary FILE.json makes a model of those you have"
        )));
    }
    if find(&name).is_none() {
        let perhaps = run_dir::perhaps(wanted);
        let what = format!("{}: there is no run and no model's file", wanted.display());
        return Err(CliError::Work(what + &perhaps));
    }
    let path = kept_models()?.join(format!("{name}.safetensors"));
    Err(CliError::Work(format!(
        "no weights of {name} are here ({}); gradus import FILE --model {name} makes them of a file you have, and a trained network is named by its run: runs/{name}-1",
        path.display()
    )))
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
    /// How far its run has come, if that is not at its end.
    pub unfinished: Option<Unfinished>,
}

/// How far a run has come that is not at its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unfinished {
    /// The epoch that the weights are of.
    epoch: u64,
    /// The epochs that are done.
    done: u64,
    /// The epochs that there are to be.
    epochs: u64,
}

impl Unfinished {
    /// Of the run that a model's file is of, if it lies in one.
    fn of(path: &Path, description: &Description) -> Option<Unfinished> {
        let run = path.parent().filter(|run| run_dir::best(run) == path)?;
        let settings = run_dir::read_settings(run).ok()?;
        let records = read_json_lines(&run_dir::log(run)).ok()?.records;
        if records.iter().any(|record| record["kind"] == TESTED) {
            return None;
        }
        let epochs = records.iter().filter(|record| record["kind"] == "epoch");
        let done = epochs.filter_map(|record| record["epoch"].as_u64()).max()?;
        let found = Unfinished { epoch: description.epoch, done, epochs: settings.epochs };
        (done < found.epochs).then_some(found)
    }
}

impl Loaded {
    /// Says of which epoch the weights are, where more were to come.
    pub fn remark(&self, model: &Path) {
        if let Some(Unfinished { epoch, done, epochs }) = self.unfinished {
            let (model, of) = (model.display(), if done == 1 { "is" } else { "are" });
            say!(
                "remark: {model} is not at its end: {done} of {epochs} epochs {of} done, and the weights are those of epoch {epoch}"
            );
        }
    }
}

/// Reads the model of a run directory, of a file, or of a network's name among the user's models.
pub fn load(run_or_file: &Path) -> Result<Loaded> {
    let path = locate(run_or_file)?;
    let SavedModel { description, file } = read(&path)?;
    if description.sequences.is_some() {
        let (name, word) = (&description.architecture, shell_word(run_or_file));
        return Err(CliError::Usage(format!(
            "{}: found a network of sequences ({name}), expected one of pictures or tables; it is tested by gradus eval {word}, and gradus sample {word} lets it write",
            run_or_file.display()
        )));
    }
    let model = description
        .build(&Init::blank())
        .map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
    set_weights(&model, &file)?;
    let unfinished = Unfinished::of(&path, &description);
    Ok(Loaded { description, model, path, unfinished })
}

/// The model of a file that holds a network of sequences; none of another.
pub fn of_sequences(path: &Path) -> Result<Option<SavedModel>> {
    match is_onnx(path) {
        true => Ok(None),
        false => Ok(Some(read(path)?).filter(|saved| saved.description.sequences.is_some())),
    }
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
    if is_onnx(path) {
        return Err(CliError::Work(of_onnx(path)));
    }
    refuse_foreign(path)?;
    let file = Checkpoint::load(path)?;
    match described(&file, path)? {
        Some(description) => Ok(SavedModel { description, file }),
        None => {
            let what = "this file does not say which network it holds; expected a best.safetensors of a run";
            Err(CliError::Work(format!("{}: {what}", path.display())))
        }
    }
}

/// Whether a file is called as ONNX models are.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}

/// Refuses a file of weights of another program, by its name, and says what makes a model of it.
pub fn refuse_foreign(path: &Path) -> Result<()> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let whose = match ending.as_deref() {
        Some("pth" | "pt" | "th") => "a PyTorch file",
        Some("h5" | "hdf5" | "keras") => "a Keras file",
        Some("caffemodel") => "weights of Caffe",
        _ => return Ok(()),
    };
    if !path.is_file() {
        return Ok(());
    }
    Err(CliError::Work(format!(
        "{}: found {whose}; weights of a network of the zoo (gradus models) become a model by: gradus import {} --model NAME --out model.safetensors",
        path.display(),
        shell_word(path)
    )))
}

/// What an ONNX model is where one of Gradus is expected, and what works with it.
fn of_onnx(path: &Path) -> String {
    let word = shell_word(path);
    let name = network_of(path).unwrap_or_else(|| "NAME".into());
    format!(
        "{}: found an ONNX model, expected a run or a model's file; gradus run {word} runs it on arrays, and weights of a network of the zoo (gradus models) become a model by: gradus import {word} --model {name} --out model.safetensors",
        path.display()
    )
}

/// The network of an exported model, if it says which it is.
pub fn network_of(path: &Path) -> Option<String> {
    let model = gradus::io::onnx::read_model(path).ok()?;
    let own = exported(&model.properties, path).ok()??;
    Some(own.architecture).filter(|name| find(name).is_some())
}

/// What the properties of an ONNX model say of it, if Gradus wrote them.
///
/// # Errors
/// When they cannot be read.
pub fn exported(properties: &[(String, String)], path: &Path) -> Result<Option<Description>> {
    let Some((_, text)) = properties.iter().find(|(name, _)| name == DESCRIPTION) else {
        return Ok(None);
    };
    let bad = |what: String| {
        let what = gradus::io::printable(&what);
        CliError::Work(format!("{}: its property {DESCRIPTION}: {what}", path.display()))
    };
    let own: Description = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
    own.verify().map_err(|e| bad(e.to_string()))?;
    Ok(Some(own))
}

/// What a checkpoint says of the model in it, if it does.
pub fn described(file: &Checkpoint, path: &Path) -> Result<Option<Description>> {
    if !file.keys().any(|key| key == DESCRIPTION) {
        return Ok(None);
    }
    let description: Description = file.get(DESCRIPTION)?;
    description.verify().map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
    Ok(Some(description))
}
