//! Opening data for a network: by name or path, images brought to the network's size and channels.

use crate::error::{CliError, Result};
use crate::suggest;
use gradus::data::{Fit, ImageOptions, OpenOptions, SETS, Splits};
use gradus::models::find;
use std::path::Path;

/// Opens a named set or a path for a network of the zoo.
pub fn open(name_or_path: &str, model: &str) -> Result<Splits> {
    known_or_there(name_or_path)?;
    let mut options = OpenOptions::from_environment();
    if let Some(&[channels, height, width]) = find(model).map(|e| e.input) {
        // Only what lies in folders is brought to this size; named sets of one size keep it.
        options.image = ImageOptions { channels, size: Some((height, width)), fit: Fit::Cover };
    }
    let splits = gradus::data::open(name_or_path, &options)?;
    for (part, data) in [("training", &splits.train), ("test", &splits.test)] {
        if data.is_empty() {
            return Err(CliError::Work(format!("{name_or_path}: no {part} samples")));
        }
    }
    Ok(splits)
}

/// Opens a named set or a path without a network in mind: pictures are RGB and of one size.
pub fn open_as_is(name_or_path: &str) -> Result<Splits> {
    known_or_there(name_or_path)?;
    Ok(gradus::data::open(name_or_path, &OpenOptions::from_environment())?)
}

/// Refuses what is neither a set's name nor a path.
fn known_or_there(name_or_path: &str) -> Result<()> {
    let names: Vec<&str> = SETS.iter().map(|s| s.name).collect();
    if names.contains(&name_or_path) || Path::new(name_or_path).exists() {
        return Ok(());
    }
    if name_or_path == "imagenet" {
        let what = "imagenet: its pictures may not be handed on; give the folder that holds them, --data DIR, with train and val in it";
        return Err(CliError::Usage(what.to_owned()));
    }
    Err(suggest::unknown("data set (and no file or folder of that name)", name_or_path, &names))
}
