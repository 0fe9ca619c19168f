//! Transfer learning: a network begins with the weights of a trained one and a new classifier.
//! Yosinski et al. 2014, arXiv:1411.1792

use crate::description::Description;
use crate::error::{CliError, Result};
use crate::layers::layer_of;
use crate::model_file::{self, SavedModel};
use crate::record::{Beginning, whole_path};
use crate::settings::Settings;
use gradus::data::Key;
use gradus::io::{Checkpoint, NamedArray};
use gradus::nn::{Init, Sequential, State, named_states};
use gradus::train::{TrainError, set_weights, weights};
use std::path::{Path, PathBuf};

/// A trained model to begin with.
pub struct Pretrained {
    /// What it is.
    pub description: Description,
    file: Checkpoint,
    path: PathBuf,
}

impl Pretrained {
    /// Reads the model of a run directory, of a file, or of an imported network's name.
    pub fn read(from: &Path) -> Result<Pretrained> {
        let path = model_file::locate(from)?;
        let SavedModel { description, file } = model_file::read(&path)?;
        Ok(Pretrained { description, file, path })
    }

    /// The SHA-256 of its file.
    pub fn digest(&self) -> Result<String> {
        Ok(Key::of_file(&self.path)?.to_string())
    }

    /// What a run's record says of it; `fresh` is what does not come from it.
    pub fn beginning(&self, fresh: &[String]) -> Result<Beginning> {
        let path = whole_path(&self.path).unwrap_or_else(|| self.path.clone());
        Ok(Beginning { path, digest: self.digest()?, fresh: fresh.to_vec() })
    }

    /// Makes settings those of the network whose weights these are, and refuses another network with what differs.
    pub fn suit(&self, settings: &mut Settings) -> Result<()> {
        let own = &self.description.architecture;
        // Weights that Keras trained belong to its variant of the network.
        if *own == settings.model || *own == format!("{}_keras", settings.model) {
            settings.model.clone_from(own);
            settings.network = self.description.network.clone();
            return Ok(());
        }
        let wanted =
            Description { architecture: settings.model.clone(), ..self.description.clone() };
        let differs =
            wanted.build(&Init::blank()).and_then(|model| Ok(set_weights(&model, &self.file)?));
        let what = differs.err().map_or(String::new(), |error| format!("\n{error}"));
        Err(CliError::Work(format!(
            "{}: the weights of {own}, but {} is to be trained{what}",
            self.path.display(),
            settings.model
        )))
    }

    /// Puts its weights into a network. For other classes or targets the head (see [`head`]) stays as it is: new; its paths are given.
    pub fn begin(
        &self,
        model: &Sequential,
        description: &Description,
        head: &[String],
    ) -> Result<Vec<String>> {
        let same = self.description.classes == description.classes
            && self.description.aim().targets == description.aim().targets;
        let fresh = if same { vec![] } else { head.to_vec() };
        let is_fresh = |array: &NamedArray| fresh.contains(&array.name);
        let own = weights(model).into_iter().filter(is_fresh);
        let theirs = self.file.arrays.iter().filter(|array| !is_fresh(array)).cloned();
        let whole = Checkpoint::new(theirs.chain(own).collect());
        set_weights(model, &whole).map_err(|error| match error {
            TrainError::File(error) => CliError::File(error.in_file(&self.path)),
            error => error.into(),
        })?;
        Ok(fresh)
    }
}

/// The paths of the parameters and buffers whose shapes follow from the number of classes: the classifier, and those of
/// auxiliary heads. Of a network with a fixed number of classes, the last layer's.
pub fn head(description: &Description, model: &Sequential) -> Vec<String> {
    let mut more = description.clone();
    match &mut more.learned {
        Some(learned) if !learned.aim.is_of_classes() => {
            learned.aim.targets.push("one more".into())
        }
        _ => more.classes.push("one more".into()),
    }
    let shapes = |model: &Sequential| -> Vec<(String, Vec<usize>)> {
        let shape = |(path, state): (String, State<'_>)| match state {
            State::Parameter(p) => (path, p.variable().shape().to_vec()),
            State::Buffer(v) => (path, v.shape().to_vec()),
            State::Child(_) => unreachable!("children are walked"),
        };
        named_states(model).into_iter().map(shape).collect()
    };
    let own = shapes(model);
    if let Ok(other) = more.build(&Init::blank()).map(|model| shapes(&model)) {
        let pairs = own.iter().zip(&other);
        return pairs.filter(|(a, b)| a != b).map(|((path, _), _)| path.clone()).collect();
    }
    let last = own.last().map_or("", |(path, _)| layer_of(path)).to_owned();
    own.into_iter().map(|(path, _)| path).filter(|path| layer_of(path) == last).collect()
}
